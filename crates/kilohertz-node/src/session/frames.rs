//! What a robot written in JavaScript observes and is commanded: the loop does not see it, so it is handed over
//! beside the loop's cycles and put together with them by its cycle.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kilohertz_record::entry::{Answer, Cycle, Entry, Level, Note};
use kilohertz_record::error::RecordError;
use kilohertz_record::layout::{Layout, LayoutField};
use kilohertz_record::writer::{Progress, Source};

use crate::franka::arm::NativeField;

/// For how long frames are kept for threads that write or show them.
const BUFFERED: Duration = Duration::from_secs(4);
/// The most bytes of the frames that are kept.
const MOST_BYTES: usize = 64 << 20;

/// Returns the layout of fields.
pub fn layout_of(fields: Vec<NativeField>) -> Result<Layout, RecordError> {
    Layout::new(fields.into_iter().map(|field| LayoutField {
        name: field.name,
        len: field.len as usize,
        unit: field.unit,
    }))
}

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
    state: usize,
    command: usize,
}

/// The newest frames. Cheap to clone.
#[derive(Clone)]
pub struct Frames {
    newest: Arc<Mutex<Newest>>,
    /// How many are kept.
    most: usize,
}

impl Frames {
    /// Creates room for the frames of what `lasts`, at cycles of `period`.
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

    /// Sets how many numbers a state and a command have. Call this before the first frame.
    pub fn describe(&self, state: usize, command: usize) {
        let mut newest = self.newest();
        (newest.state, newest.command) = (state, command);
    }

    /// Keeps the frame of a cycle.
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
        }
    }

    /// Hands over a cycle with what was kept of it. What is absent is NaN.
    fn give(&self, cycle: &Cycle<'_>, row: &mut Vec<f64>, give: &mut dyn FnMut(&Entry<'_>)) {
        let (state, is_there, note) = {
            let newest = self.newest();
            row.clear();
            row.resize(newest.state + newest.command, f64::NAN);
            let found = newest
                .frames
                .binary_search_by_key(&cycle.tick, |frame| frame.tick);
            let frame = found.ok().and_then(|place| newest.frames.get(place));
            if let Some(frame) = frame {
                row.copy_from_slice(&frame.numbers);
            }
            (
                newest.state,
                frame.is_some(),
                frame.and_then(|frame| frame.note.clone()),
            )
        };
        let (state, command) = row.split_at(state);
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
            answer: is_there.then_some(Answer {
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

    /// Returns what puts the frames into the entries that `give` takes.
    pub fn within<'a>(
        &'a self,
        give: &'a mut dyn FnMut(&Entry<'_>),
    ) -> impl FnMut(&Entry<'_>) + 'a {
        let mut row = Vec::new();
        move |entry| match entry {
            Entry::Cycle(cycle) => self.give(cycle, &mut row, give),
            other => give(other),
        }
    }
}

/// A source whose cycles are without states and commands, and the frames that have them.
pub struct Framed<S> {
    pub source: S,
    pub frames: Option<Frames>,
}

impl<S: Source> Source for Framed<S> {
    fn take(&mut self, give: &mut dyn FnMut(&Entry<'_>)) -> Progress {
        match &self.frames {
            Some(frames) => self.source.take(&mut frames.within(give)),
            None => self.source.take(give),
        }
    }
}
