//! What a robot observes and is commanded that the loop does not see, because it is written in another language. It is
//! handed over beside the loop's cycles and put together with them by the number of the cycle.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::entry::{Answer, Cycle, Entry, Level, Note};
use crate::layout::Layout;
use crate::writer::{Progress, Source};

/// For how long frames are kept for threads that write or show them.
const BUFFERED: Duration = Duration::from_secs(4);
/// The most bytes that the numbers of the frames have that are kept.
const MOST_BYTES: usize = 64 << 20;
/// What is told of the first cycle that is taken too late.
const GONE: &str = "states and commands from here on were no longer kept when they were to be written, because newer ones \
    needed the room; their numbers are NaN";

/// What was handed over of a cycle.
struct Frame {
    tick: u64,
    /// The state, and the command behind it. A number that is absent is NaN.
    numbers: Box<[f64]>,
    /// What is not kept of this cycle, in words.
    note: Option<String>,
}

#[derive(Default)]
struct Newest {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// The cycle of the last frame that made room for others.
    dropped: Option<u64>,
    state: usize,
    command: usize,
    /// How many fields the two have.
    fields: u64,
}

/// What of a cycle is put into it.
struct Found {
    /// How many numbers of the row are the state.
    state: usize,
    is_there: bool,
    note: Option<String>,
    /// How many fields were there and are no longer kept.
    gone: u64,
}

/// The newest frames. Cheap to clone.
#[derive(Clone)]
pub struct Frames {
    newest: Arc<Mutex<Newest>>,
    /// How many are kept.
    most: usize,
}

impl Frames {
    /// Creates room for the frames of what `lasts`, at cycles of `period`. At least those of four seconds are kept, and
    /// at most 64 MB of numbers.
    pub fn new(lasts: Duration, period: Duration) -> Frames {
        let lasts = lasts.max(BUFFERED).as_secs_f64();
        Frames {
            newest: Arc::default(),
            most: (lasts / period.as_secs_f64().max(1e-6)).ceil() as usize + 1,
        }
    }

    fn newest(&self) -> MutexGuard<'_, Newest> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets what a state and a command consist of. Call this before the first frame.
    pub fn describe(&self, state: &Layout, command: &Layout) {
        let mut newest = self.newest();
        (newest.state, newest.command) = (state.len(), command.len());
        newest.fields = (state.fields().len() + command.fields().len()) as u64;
    }

    /// Keeps the frame of a cycle: the numbers of its state, and those of its command behind them. A number that is
    /// missing is NaN. `note` says what of the cycle is not kept.
    pub fn push(&self, tick: u64, numbers: &[f64], note: Option<String>) {
        let mut newest = self.newest();
        let mut row = vec![f64::NAN; newest.state + newest.command].into_boxed_slice();
        for (to, from) in row.iter_mut().zip(numbers) {
            *to = *from;
        }
        newest.bytes += size_of_val(&*row);
        newest.frames.push_back(Frame {
            tick,
            numbers: row,
            note,
        });
        while newest.frames.len() > self.most || newest.bytes > MOST_BYTES {
            let Some(oldest) = newest.frames.pop_front() else {
                break;
            };
            newest.bytes -= size_of_val(&*oldest.numbers);
            newest.dropped = Some(oldest.tick);
        }
    }

    /// Looks for the frame of a cycle, and writes its numbers into `row`: NaN where it is absent.
    fn find(&self, tick: u64, row: &mut Vec<f64>) -> Found {
        let newest = self.newest();
        row.clear();
        row.resize(newest.state + newest.command, f64::NAN);
        let found = newest
            .frames
            .binary_search_by_key(&tick, |frame| frame.tick);
        let frame = found.ok().and_then(|place| newest.frames.get(place));
        if let Some(frame) = frame {
            row.copy_from_slice(&frame.numbers);
        }
        let is_gone = frame.is_none() && newest.dropped.is_some_and(|dropped| tick <= dropped);
        Found {
            state: newest.state,
            is_there: frame.is_some(),
            note: frame.and_then(|frame| frame.note.clone()),
            gone: if is_gone { newest.fields } else { 0 },
        }
    }

    /// Hands over a cycle with what was kept of it. What is absent is NaN; what is no longer kept is counted in `gone`,
    /// and told with the first cycle that is without it.
    fn give(
        &self,
        cycle: &Cycle<'_>,
        (row, gone): (&mut Vec<f64>, &AtomicU64),
        give: &mut dyn FnMut(&Entry<'_>),
    ) {
        let found = self.find(cycle.tick, row);
        let note = match found.gone {
            0 => found.note,
            fields => match gone.fetch_add(fields, Ordering::Relaxed) {
                0 => Some(GONE.to_owned()),
                _ => None,
            },
        };
        let (state, command) = row.split_at(found.state);
        let mut notes = cycle.notes.to_vec();
        notes.extend(note.map(|text| Note {
            level: Level::Warning,
            name: "notKept".to_owned(),
            text,
        }));
        give(&Entry::Cycle(Cycle {
            state,
            command,
            // What the robot is commanded is what the policy answered.
            answer: found.is_there.then_some(Answer {
                tick: cycle.tick,
                time_s: cycle.robot_time_s,
                step_s: 0.0,
                actions: command,
                told: None,
            }),
            notes: &notes,
            ..*cycle
        }));
    }

    /// Returns what puts the frames into the entries that `give` takes. It counts in `gone` the fields of cycles whose
    /// frames are no longer kept.
    pub fn within<'a>(
        &'a self,
        gone: &'a AtomicU64,
        give: &'a mut dyn FnMut(&Entry<'_>),
    ) -> impl FnMut(&Entry<'_>) + 'a {
        let mut row = Vec::new();
        move |entry| match entry {
            Entry::Cycle(cycle) => self.give(cycle, (&mut row, gone), give),
            other => give(other),
        }
    }
}

/// A source whose cycles are without states and commands, and the frames that have them.
pub struct Framed<S> {
    /// Where the cycles come from.
    pub source: S,
    /// The frames; `None` if the cycles are whole without them.
    pub frames: Option<Frames>,
    /// How many fields of cycles were no longer kept when the cycle was taken.
    pub gone: Arc<AtomicU64>,
}

impl<S: Source> Source for Framed<S> {
    fn take(&mut self, give: &mut dyn FnMut(&Entry<'_>)) -> Progress {
        match &self.frames {
            Some(frames) => self.source.take(&mut frames.within(&self.gone, give)),
            None => self.source.take(give),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{CommandKind, Phases};
    use crate::layout::LayoutField;

    fn layout(name: &str, len: usize) -> Layout {
        let field = LayoutField {
            name: name.to_owned(),
            len,
            unit: String::new(),
        };
        Layout::new([field]).expect("a layout")
    }

    /// The cycle's first number of the state, its command, and its notes.
    type Taken = (f64, Vec<f64>, Vec<String>);

    fn take(frames: &Frames, gone: &AtomicU64, tick: u64) -> Taken {
        let mut taken = None;
        let mut give = |entry: &Entry<'_>| {
            let Entry::Cycle(cycle) = entry else { return };
            let notes = cycle.notes.iter().map(|note| note.name.clone()).collect();
            // What the robot was commanded is the answer; NaN is absent in both.
            assert_eq!(cycle.answer.is_some(), !cycle.command[0].is_nan());
            taken = Some((cycle.state[0], cycle.command.to_vec(), notes));
        };
        let cycle = Cycle {
            tick,
            robot_time_s: 0.0,
            monotonic_ns: 0,
            wall_ns: 0,
            missed_ms: 0,
            lost_before: 0,
            kind: CommandKind::Fresh,
            phases: Phases::default(),
            state: &[],
            command: &[],
            answer: None,
            notes: &[],
        };
        frames.within(gone, &mut give)(&Entry::Cycle(cycle));
        taken.expect("the cycle")
    }

    #[test]
    fn frames_that_made_room_are_counted_and_told_once() {
        let frames = Frames::new(Duration::from_secs(60), Duration::from_millis(1));
        frames.describe(&layout("wide", 65_535), &layout("speed", 1));
        let numbers = vec![1.0; 65_536];
        // Each has half a megabyte, so the room is full with 128 of them.
        for tick in 0..131 {
            frames.push(tick, &numbers, None);
        }
        let gone = AtomicU64::new(0);
        let first = take(&frames, &gone, 0);
        assert!(first.0.is_nan() && first.1[0].is_nan());
        assert_eq!(first.2, ["notKept"]);
        assert_eq!(gone.load(Ordering::Relaxed), 2);
        assert!(take(&frames, &gone, 2).2.is_empty());
        assert_eq!(gone.load(Ordering::Relaxed), 4);
        assert_eq!(take(&frames, &gone, 3), (1.0, vec![1.0], Vec::new()));
        // A cycle without a frame, as one in which the policy has failed, has lost none.
        assert!(take(&frames, &gone, 131).2.is_empty());
        assert_eq!(gone.load(Ordering::Relaxed), 4);
    }

    #[test]
    fn the_frames_of_the_newest_four_seconds_are_kept() {
        let frames = Frames::new(Duration::ZERO, Duration::from_millis(100));
        frames.describe(&layout("x", 1), &layout("speed", 1));
        for tick in 0..100 {
            frames.push(tick, &[tick as f64, 7.0], Some(format!("note {tick}")));
        }
        let gone = AtomicU64::new(0);
        assert!(take(&frames, &gone, 58).0.is_nan());
        let kept = take(&frames, &gone, 59);
        assert_eq!(kept, (59.0, vec![7.0], vec!["notKept".to_owned()]));
    }
}
