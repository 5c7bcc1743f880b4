//! Time in columns of a fixed number. A column that would lie beyond the last one makes all columns twice as
//! wide, so a run of any length needs the same memory, and is read once.

/// The most columns that a run is divided into. A page has fewer pixels in its width.
pub(crate) const COLUMNS: usize = 2048;

/// What a column keeps.
pub(crate) trait Cell: Copy + Default {
    /// Returns both as one, where `later` is of a time after this one.
    fn join(self, later: Self) -> Self;
}

/// Where the columns are in time.
#[derive(Debug, Clone)]
pub(crate) struct Timeline {
    /// The time of the first cycle \[s\].
    first_s: f64,
    /// The time from the first cycle to the last one \[s\].
    pub passed_s: f64,
    /// How much time a column has \[s\].
    pub width_s: f64,
    period_s: f64,
}

impl Timeline {
    pub fn new(first_s: f64, period_s: f64) -> Timeline {
        Timeline {
            first_s,
            passed_s: 0.0,
            width_s: period_s,
            period_s,
        }
    }

    /// Returns the column of a time, and how often the columns had to be made twice as wide for it.
    pub fn place(&mut self, time_s: f64) -> (usize, u32) {
        // Clocks that go backwards are of damaged files.
        let passed = (time_s - self.first_s).clamp(0.0, f64::MAX / 4.0);
        self.passed_s = self.passed_s.max(passed);
        let mut folds = 0;
        loop {
            // Times are whole numbers of periods, but for their last digits.
            let column = passed / self.width_s + 1e-6;
            if column < COLUMNS as f64 {
                return (column as usize, folds);
            }
            self.width_s *= 2.0;
            folds += 1;
        }
    }

    /// Returns the time of the first cycle \[s\].
    pub fn first_s(&self) -> f64 {
        self.first_s
    }

    /// Returns the time from the begin of the first cycle to the end of the last one \[s\].
    pub fn length_s(&self) -> f64 {
        self.passed_s + self.period_s
    }

    /// Returns where the middle of a column is, as a part of the length.
    pub fn middle(&self, column: usize) -> f64 {
        let middle = (column as f64 + 0.5) * self.width_s / self.length_s();
        middle.min(1.0)
    }
}

/// A row of columns.
#[derive(Debug, Clone)]
pub(crate) struct Lane<C>(Vec<C>);

impl<C: Cell> Lane<C> {
    pub fn new() -> Lane<C> {
        Lane(vec![C::default(); COLUMNS])
    }

    /// Adds to a column.
    pub fn add(&mut self, column: usize, cell: C) {
        self.0[column] = self.0[column].join(cell);
    }

    /// Makes the columns twice as wide.
    pub fn fold(&mut self) {
        for column in 0..COLUMNS {
            self.0[column] = match 2 * column < COLUMNS {
                true => self.0[2 * column].join(self.0[2 * column + 1]),
                false => C::default(),
            };
        }
    }

    /// Returns the columns that are used, with the places of their middles on `pixels`. There is at most
    /// one a pixel.
    pub fn on_pixels(&self, time: &Timeline, pixels: f64) -> Vec<(f64, C)> {
        let used = (time.passed_s / time.width_s + 1e-6) as usize + 1;
        let is_dense = used as f64 > pixels;
        let mut placed: Vec<(f64, C)> = Vec::with_capacity(used);
        for (column, &cell) in self.0[..used.min(COLUMNS)].iter().enumerate() {
            let x = time.middle(column) * pixels;
            if !is_dense {
                placed.push((x, cell));
                continue;
            }
            let x = x.floor().min(pixels - 1.0) + 0.5;
            match placed.last_mut() {
                Some((before, joined)) if *before == x => *joined = joined.join(cell),
                _ => placed.push((x, cell)),
            }
        }
        placed
    }
}

/// A sum.
impl Cell for u64 {
    fn join(self, later: u64) -> u64 {
        self.saturating_add(later)
    }
}

/// Sums of several things.
impl Cell for [u64; 4] {
    fn join(mut self, later: [u64; 4]) -> [u64; 4] {
        for (sum, more) in self.iter_mut().zip(later) {
            *sum = sum.saturating_add(more);
        }
        self
    }
}

/// The extremes of what was measured in a column.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Span {
    /// The lowest and the highest value; `None` if there is none.
    pub extremes: Option<(f64, f64)>,
    /// True if the highest came after the lowest.
    rises: bool,
    /// True if something is missing before the first value.
    pub is_after_gap: bool,
}

impl Span {
    pub fn one(value: f64, is_after_gap: bool) -> Span {
        Span {
            extremes: Some((value, value)),
            rises: false,
            is_after_gap,
        }
    }

    /// Returns the extremes in the order in which they came.
    pub fn in_order(self) -> Option<[f64; 2]> {
        let (low, high) = self.extremes?;
        Some(if self.rises { [low, high] } else { [high, low] })
    }
}

impl Cell for Span {
    fn join(self, later: Span) -> Span {
        let Some((low, high)) = self.extremes else {
            return later;
        };
        let Some((later_low, later_high)) = later.extremes else {
            return self;
        };
        let rises = match (later_low < low, later_high > high) {
            (true, true) => later.rises,
            (true, false) => false,
            (false, true) => true,
            (false, false) => self.rises,
        };
        Span {
            extremes: Some((low.min(later_low), high.max(later_high))),
            rises,
            is_after_gap: self.is_after_gap,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_grow_until_all_of_a_run_fits() {
        let mut time = Timeline::new(7.0, 0.001);
        let mut lane = Lane::<u64>::new();
        for cycle in 0..100_000_u64 {
            let (column, folds) = time.place(7.0 + cycle as f64 / 1000.0);
            for _ in 0..folds {
                lane.fold();
            }
            lane.add(column, 1);
        }
        assert_eq!(time.width_s, 0.064);
        assert!(lane.0[..1562].iter().all(|&count| count == 64));
        assert_eq!(lane.0[1562..].iter().sum::<u64>(), 100_000 - 1562 * 64);
        let pixels = lane.on_pixels(&time, 500.0);
        assert_eq!(pixels.len(), 500);
        assert_eq!(pixels.iter().map(|(_, count)| count).sum::<u64>(), 100_000);
    }

    #[test]
    fn any_time_has_a_column() {
        let mut time = Timeline::new(1.0, 0.001);
        for wild in [-5.0, 1.0, 1e9, 1e300, f64::MAX, f64::MIN] {
            assert!(time.place(wild).0 < COLUMNS, "{wild}");
        }
        assert!(time.middle(COLUMNS - 1).is_finite());
    }

    #[test]
    fn joining_keeps_the_extremes_and_their_order() {
        let values = [2.0, 5.0, 1.0, 3.0];
        let ones = values.map(|value| Span::one(value, value == 2.0));
        let joined = ones
            .into_iter()
            .fold(Span::default(), |all, one| all.join(one));
        assert_eq!(joined.extremes, Some((1.0, 5.0)));
        assert_eq!(joined.in_order(), Some([5.0, 1.0]));
        assert!(joined.is_after_gap);
        assert_eq!(Span::default().join(ones[1]), ones[1]);
    }
}
