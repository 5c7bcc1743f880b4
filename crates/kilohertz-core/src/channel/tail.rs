//! A ring that one thread writes and that keeps the newest.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

/// The newest values of a series. Every value has a place in the series, from 0.
pub(crate) struct Tail<T> {
    ring: Box<[T]>,
    /// How many values were written.
    written: u64,
    /// Where the next value is written.
    next: usize,
}

impl<T: Copy> Tail<T> {
    /// Creates a tail with room for `room` values. Its memory is written here, so that no page of it is
    /// missing later.
    pub fn new(room: usize, filler: T) -> Tail<T> {
        Tail {
            ring: vec![filler; room].into_boxed_slice(),
            written: 0,
            next: 0,
        }
    }

    /// Returns how many values were written: the place of the next one.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Returns the place of the oldest value that is kept.
    pub fn oldest(&self) -> u64 {
        self.written.saturating_sub(self.ring.len() as u64)
    }

    /// Returns how many bytes its values have.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.ring)
    }

    /// Writes a value.
    pub fn push(&mut self, value: T) {
        self.extend([value].into_iter());
    }

    /// Writes values. If there are more than there is room for, the first of them are lost.
    #[inline]
    pub fn extend(&mut self, values: impl ExactSizeIterator<Item = T>) {
        self.written = self.written.saturating_add(values.len() as u64);
        let mut values = values;
        while values.len() > 0 {
            let Some(free) = self
                .ring
                .get_mut(self.next..)
                .filter(|free| !free.is_empty())
            else {
                if self.ring.is_empty() {
                    return;
                }
                self.next = 0;
                continue;
            };
            let count = free.len().min(values.len());
            for (place, value) in free.iter_mut().zip(values.by_ref()) {
                *place = value;
            }
            self.next = self.next.saturating_add(count);
        }
    }

    /// Hands over `count` values from `place` on, in one or two parts. Returns `None` if one of them is not
    /// kept.
    pub fn read(&self, place: u64, count: usize) -> Option<(&[T], &[T])> {
        let end = place.checked_add(count as u64)?;
        if place < self.oldest() || end > self.written {
            return None;
        }
        if count == 0 {
            return Some((&[], &[]));
        }
        let back = usize::try_from(self.written.saturating_sub(place)).ok()?;
        let len = self.ring.len();
        let start = match self.next.checked_sub(back) {
            Some(start) => start,
            None => self.next.saturating_add(len).checked_sub(back)?,
        };
        let first = len.saturating_sub(start).min(count);
        let second = count.saturating_sub(first);
        Some((
            self.ring.get(start..start.saturating_add(first))?,
            self.ring.get(..second)?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tail: &Tail<u32>, place: u64, count: usize) -> Option<Vec<u32>> {
        let (first, second) = tail.read(place, count)?;
        Some([first, second].concat())
    }

    #[test]
    fn keeps_the_newest_values_at_their_places() {
        for step in 1..=7_usize {
            let mut tail = Tail::new(10, 0);
            let mut next = 0_u32;
            while next < 100 {
                tail.extend((next..next + step as u32).collect::<Vec<_>>().into_iter());
                next += step as u32;
                assert_eq!(tail.written(), u64::from(next));
                for place in 0..u64::from(next) {
                    let expected = (place >= tail.oldest()).then(|| vec![place as u32]);
                    assert_eq!(read(&tail, place, 1), expected, "{step}: {place} of {next}");
                }
                let kept = next.min(10);
                let all: Vec<u32> = (next - kept..next).collect();
                assert_eq!(read(&tail, tail.oldest(), kept as usize), Some(all));
                assert_eq!(read(&tail, tail.oldest(), kept as usize + 1), None);
            }
        }
    }

    #[test]
    fn values_that_do_not_fit_at_all_leave_the_last_of_them() {
        let mut tail = Tail::new(3, 0);
        tail.extend(0..8);
        assert_eq!(read(&tail, 5, 3), Some(vec![5, 6, 7]));
        assert_eq!(read(&tail, 4, 1), None);
        let mut none = Tail::new(0, 0);
        none.extend(0..8);
        assert_eq!((none.written(), none.oldest()), (8, 8));
        assert_eq!(read(&none, 7, 1), None);
    }
}
