//! What is kept of every cycle: the newest cycles in the loop's own memory, and all of them through rings for
//! threads that write them to a file or show them.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use crate::channel::records::CommandKind;
use crate::channel::tail::Tail;
use crate::limits::Violation;
use crate::policy::Question;
use crate::session::chunks::CHUNK_CONTEXT;
use crate::session::outcome::EventKind;
use crate::timing::time::Time;

/// How many notes of one cycle are kept; the others are counted with the violations and events.
const MOST_NOTES: usize = 8;
/// For how long the rings for a thread suffice while it does not run.
const BUFFERED: Duration = Duration::from_secs(4);
/// For how many cycles the newest notes are kept, for each of those in memory a share.
const NOTES_SHARE: usize = 4;
/// The share of the numbers of cycles that is added for answers in chunks.
const CHUNKS_SHARE: usize = 4;

/// When the steps of a cycle were done, in seconds since the cycle began; `None` for a step that was not
/// done, or whose time is not known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Phases {
    /// How much later than at the robot's own time the cycle began \[s\].
    pub behind_s: Option<f64>,
    /// The policy was asked.
    pub asked_s: Option<f64>,
    /// The policy took the question of the answer that was received, and gave that answer. Both may lie before this
    /// cycle, and are negative then.
    pub took_s: Option<f64>,
    /// See `took_s`.
    pub gave_s: Option<f64>,
    /// An answer of the policy was received.
    pub answered_s: Option<f64>,
    /// That answer was judged.
    pub judged_s: Option<f64>,
    /// The command was decided.
    pub decided_s: Option<f64>,
    /// The command was handed to the robot.
    pub sent_s: Option<f64>,
}

impl Phases {
    const NONE: Phases = Phases {
        behind_s: None,
        asked_s: None,
        took_s: None,
        gave_s: None,
        answered_s: None,
        judged_s: None,
        decided_s: None,
        sent_s: None,
    };
}

/// Something that happened in a cycle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum CycleNote {
    /// An action broke a limit.
    Violation(Violation),
    /// The session reported an event.
    Event(EventKind),
}

/// What a policy that answers in chunks was told with a question, behind the observation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChunkContext {
    /// How long before the question the first row of the newest chunk belongs \[s\]; NaN if there was none.
    pub began_s: f64,
    /// How long its answer would probably take \[s\].
    pub latency_s: f64,
    /// The number of the episode, from 0.
    pub episode: u32,
}

impl ChunkContext {
    /// Returns it as the numbers that follow the observation.
    #[inline]
    pub(super) fn numbers(&self) -> [f64; CHUNK_CONTEXT] {
        [self.began_s, self.latency_s, f64::from(self.episode)]
    }
}

/// What is known of an answer besides its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AnswerHead {
    /// The cycle of the question.
    pub tick: u64,
    /// The robot's time to which the first action belongs \[s\]: that of the question, or of the observation
    /// that a chunk begins with.
    pub time_s: f64,
    /// The time between two actions of a chunk \[s\]; 0 for a single action.
    pub step_s: f64,
    /// How many numbers an action has.
    pub width: usize,
    /// How many numbers the answer has.
    pub len: usize,
    /// What the policy was told with the question, if it answers in chunks.
    pub context: Option<ChunkContext>,
}

/// What is known of a cycle besides its numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CycleHead {
    /// The number of the cycle.
    pub tick: u64,
    /// The ticks of the robot's clock since the first cycle.
    pub clock: u64,
    /// When the cycle began.
    pub started: Time,
    /// The ticks of the robot's clock without a cycle, directly before this one.
    pub missed: u64,
    /// How many cycles directly before this one were not handed over, because there was no room.
    pub lost_before: u64,
    /// How the command came about.
    pub kind: CommandKind,
    /// When the steps of the cycle were done.
    pub phases: Phases,
    /// The newest answer of the policy, if one came in this cycle.
    pub answer: Option<AnswerHead>,
    /// How many notes the cycle has.
    notes: usize,
    /// How many numbers the cycle has.
    len: usize,
}

impl CycleHead {
    const EMPTY: CycleHead = CycleHead {
        tick: 0,
        clock: 0,
        started: Time::from_nanos(0),
        missed: 0,
        lost_before: 0,
        kind: CommandKind::Rest,
        phases: Phases::NONE,
        answer: None,
        notes: 0,
        len: 0,
    };
}

/// A cycle that was kept, lent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeptCycle<'a> {
    /// What is known besides the numbers.
    pub head: &'a CycleHead,
    /// What the robot reported.
    pub state: &'a [f64],
    /// What the robot was commanded.
    pub command: &'a [f64],
    /// The numbers of the policy's answer, one action after the other; empty if none came.
    pub answer: &'a [f64],
    /// Violations and events.
    pub notes: &'a [CycleNote],
}

/// How many numbers states, commands and answers have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lengths {
    /// The slots of a state.
    pub state: usize,
    /// The slots of a command.
    pub command: usize,
    /// The most numbers of an answer.
    pub answer: usize,
}

impl Lengths {
    /// Returns how many numbers `cycles` have, with room for the answers in chunks among them.
    fn numbers(self, cycles: usize) -> usize {
        let each = self
            .state
            .saturating_add(self.command.saturating_mul(2))
            .saturating_mul(cycles);
        let chunked = self.answer > self.command;
        let chunks = if chunked { each / CHUNKS_SHARE } else { 0 };
        each.saturating_add(chunks).saturating_add(self.answer)
    }

    /// Lends a cycle whose numbers are `numbers`.
    fn lend<'a>(
        self,
        head: &'a CycleHead,
        numbers: &'a [f64],
        notes: &'a [CycleNote],
    ) -> KeptCycle<'a> {
        let (state, rest) = numbers.split_at(self.state.min(numbers.len()));
        let (command, answer) = rest.split_at(self.command.min(rest.len()));
        KeptCycle {
            head,
            state,
            command,
            answer,
            notes,
        }
    }
}

/// The newest cycles of a run, in single precision.
pub struct BlackBox {
    lengths: Lengths,
    heads: Tail<CycleHead>,
    numbers: Tail<f32>,
    notes: Tail<CycleNote>,
}

impl BlackBox {
    /// Creates the memory for what `lasts`, at cycles of `period`.
    pub fn new(lengths: Lengths, lasts: Duration, period: Duration) -> BlackBox {
        let cycles = cycles_in(lasts, period);
        BlackBox {
            lengths,
            heads: Tail::new(cycles, CycleHead::EMPTY),
            numbers: Tail::new(lengths.numbers(cycles), f32::NAN),
            notes: Tail::new(
                (cycles / NOTES_SHARE).saturating_add(MOST_NOTES),
                CycleNote::Event(EventKind::Resumed),
            ),
        }
    }

    /// Returns how many bytes it has.
    pub fn bytes(&self) -> usize {
        [self.heads.bytes(), self.numbers.bytes(), self.notes.bytes()]
            .into_iter()
            .sum()
    }

    #[inline]
    fn keep(&mut self, head: &CycleHead, numbers: &[f64], notes: &[CycleNote]) {
        self.numbers
            .extend(numbers.iter().map(|&number| number as f32));
        if !notes.is_empty() {
            self.notes.extend(notes.iter().copied());
        }
        self.heads.push(*head);
    }

    /// Hands over the cycles that are kept, oldest first.
    pub fn read(&self, mut give: impl FnMut(&KeptCycle<'_>)) {
        let mut kept = Vec::new();
        let (mut number, mut note) = (self.numbers.written(), self.notes.written());
        for place in (self.heads.oldest()..self.heads.written()).rev() {
            let Some(([head], _)) = self.heads.read(place, 1) else {
                break;
            };
            number = number.saturating_sub(head.len as u64);
            note = note.saturating_sub(head.notes as u64);
            let numbers = self.numbers.read(number, head.len);
            let notes = self.notes.read(note, head.notes);
            let (Some(numbers), Some(notes)) = (numbers, notes) else {
                break;
            };
            kept.push((head, numbers, notes));
        }
        for (head, (first, second), notes) in kept.into_iter().rev() {
            let numbers: Vec<f64> = first.iter().chain(second).copied().map(f64::from).collect();
            let notes = [notes.0, notes.1].concat();
            give(&self.lengths.lend(head, &numbers, &notes));
        }
    }
}

/// The loop's end of the rings for one thread.
pub struct CyclesIn {
    heads: Producer<CycleHead>,
    numbers: Producer<f64>,
    notes: Producer<CycleNote>,
    lost: u64,
}

/// The thread's end of the rings.
pub struct CyclesOut {
    lengths: Lengths,
    heads: Consumer<CycleHead>,
    numbers: Consumer<f64>,
    notes: Consumer<CycleNote>,
    row: Vec<f64>,
    noted: Vec<CycleNote>,
}

/// Creates the rings for one thread, at cycles of `period`.
pub fn cycle_rings(lengths: Lengths, period: Duration) -> (CyclesIn, CyclesOut) {
    let cycles = cycles_in(BUFFERED, period);
    let (heads_in, heads) = RingBuffer::new(cycles);
    let (numbers_in, numbers) = RingBuffer::new(lengths.numbers(cycles));
    let (notes_in, notes) = RingBuffer::new(cycles);
    let input = CyclesIn {
        heads: heads_in,
        numbers: numbers_in,
        notes: notes_in,
        lost: 0,
    };
    let output = CyclesOut {
        lengths,
        heads,
        numbers,
        notes,
        row: Vec::new(),
        noted: Vec::new(),
    };
    (input, output)
}

fn cycles_in(lasts: Duration, period: Duration) -> usize {
    let cycles = lasts.as_secs_f64() / period.as_secs_f64().max(1e-6);
    (cycles.ceil() as usize).max(1)
}

impl CyclesIn {
    /// Hands over a cycle. Returns false if there was no room for it.
    #[inline]
    fn push(&mut self, head: &CycleHead, numbers: &[f64], notes: &[CycleNote]) -> bool {
        let has_room = self.heads.slots() > 0
            && self.numbers.slots() >= numbers.len()
            && self.notes.slots() >= notes.len();
        if !has_room {
            self.lost = self.lost.saturating_add(1);
            return false;
        }
        // The other end looks for the head first, so it is handed over last. There is room for all of it.
        let _ = self.numbers.push_entire_slice(numbers);
        let _ = self.notes.push_entire_slice(notes);
        let head = CycleHead {
            lost_before: std::mem::take(&mut self.lost),
            ..*head
        };
        self.heads.push(head).is_ok()
    }
}

impl CyclesOut {
    /// Hands over what waits, oldest first.
    pub fn take(&mut self, mut give: impl FnMut(&KeptCycle<'_>)) {
        while let Ok(head) = self.heads.pop() {
            self.row.resize(head.len, 0.0);
            self.noted
                .resize(head.notes, CycleNote::Event(EventKind::Resumed));
            let numbers = self.numbers.pop_entire_slice(&mut self.row);
            let notes = self.notes.pop_entire_slice(&mut self.noted);
            // Both were handed over before the head.
            debug_assert!(numbers.is_ok() && notes.is_ok());
            give(&self.lengths.lend(&head, &self.row, &self.noted));
        }
    }

    /// Returns true if the loop's end is gone.
    pub fn is_abandoned(&self) -> bool {
        self.heads.is_abandoned()
    }
}

/// What a session is to keep of its cycles.
#[derive(Default)]
pub struct Keeping {
    /// The newest, in memory.
    pub black_box: Option<BlackBox>,
    /// All, for a writing thread.
    pub all: Option<CyclesIn>,
    /// All, for a thread that shows them. One that it has no room for is counted for that thread alone, in
    /// [`CycleHead::lost_before`].
    pub live: Option<CyclesIn>,
}

impl Keeping {
    fn is_on(&self) -> bool {
        self.black_box.is_some() || self.all.is_some() || self.live.is_some()
    }
}

/// Puts together what is known of the present cycle, and keeps it when the cycle is over.
pub(super) struct CycleKeeper {
    keeping: Keeping,
    is_on: bool,
    head: CycleHead,
    /// The state, the command and the answer of this cycle.
    numbers: Vec<f64>,
    notes: [CycleNote; MOST_NOTES],
    state_len: usize,
    command_len: usize,
    is_open: bool,
}

impl CycleKeeper {
    pub fn new(keeping: Keeping, lengths: Lengths) -> CycleKeeper {
        let most = lengths
            .state
            .saturating_add(lengths.command)
            .saturating_add(lengths.answer);
        CycleKeeper {
            is_on: keeping.is_on(),
            keeping,
            head: CycleHead::EMPTY,
            numbers: vec![0.0; most],
            notes: [CycleNote::Event(EventKind::Resumed); MOST_NOTES],
            state_len: lengths.state,
            command_len: lengths.command,
            is_open: false,
        }
    }

    /// Begins a cycle, so much `behind` the robot's own time, if that is known.
    #[inline]
    pub fn begin(
        &mut self,
        (tick, clock): (u64, u64),
        missed: u64,
        (started, behind): (Time, Option<Duration>),
        state: &[f64],
    ) {
        if !self.is_on {
            return;
        }
        self.head = CycleHead {
            tick,
            clock,
            started,
            missed,
            ..CycleHead::EMPTY
        };
        self.head.phases.behind_s = behind.map(|behind| behind.as_secs_f64());
        self.head.len = self.state_len.saturating_add(self.command_len);
        for (to, from) in self.numbers.iter_mut().zip(state) {
            *to = *from;
        }
        self.is_open = true;
    }

    /// Returns true if cycles are kept, with the times of their steps.
    #[inline]
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    #[inline]
    fn since(&self, at: Option<Time>) -> Option<f64> {
        let (at, started) = (at?, self.head.started);
        Some(at.since(started).as_secs_f64() - started.since(at).as_secs_f64())
    }

    /// Notes when the policy is asked.
    #[inline]
    pub fn asks(&mut self, at: Option<Time>) {
        self.head.phases.asked_s = self.since(at);
    }

    /// Notes when an answer came.
    #[inline]
    pub fn answered(&mut self, at: Option<Time>) {
        self.head.phases.answered_s = self.since(at);
    }

    /// Notes when the policy took the question of the answer that came, and when it gave the answer, if that is known.
    #[inline]
    pub fn worked(&mut self, policy: Option<(Time, Time)>) {
        self.head.phases.took_s = self.since(policy.map(|(took, _)| took));
        self.head.phases.gave_s = self.since(policy.map(|(_, gave)| gave));
    }

    /// Notes when the answer was judged.
    #[inline]
    pub fn judged(&mut self, at: Time) {
        self.head.phases.judged_s = self.since(Some(at));
    }

    /// Notes an answer that is not empty. Only the newest of a cycle is kept.
    #[inline]
    pub fn answer(&mut self, question: Question, raw: &RawAnswer<'_>) {
        if !self.is_on {
            return;
        }
        let begin = self.state_len.saturating_add(self.command_len);
        let room = self.numbers.get_mut(begin..).unwrap_or_default();
        let len = raw.numbers.len().min(room.len());
        for (to, from) in room.iter_mut().zip(raw.numbers) {
            *to = *from;
        }
        self.head.len = begin.saturating_add(len);
        self.head.answer = Some(AnswerHead {
            tick: question.tick,
            time_s: question.time.as_secs_f64() - raw.before_s,
            step_s: raw.step_s,
            width: raw.width,
            len,
            context: raw.context,
        });
    }

    /// Notes something that happened.
    pub fn note(&mut self, note: CycleNote) {
        if let (true, Some(place)) = (self.is_on, self.notes.get_mut(self.head.notes)) {
            *place = note;
            self.head.notes = self.head.notes.saturating_add(1);
        }
    }

    /// Notes when the command is decided.
    #[inline]
    pub fn decided(&mut self, kind: CommandKind, at: Option<Time>) {
        self.head.kind = kind;
        self.head.phases.decided_s = self.since(at);
    }

    /// Notes when the command was handed to the robot.
    #[inline]
    pub fn sent(&mut self, at: Time) {
        self.head.phases.sent_s = self.since(Some(at));
    }

    /// Keeps the cycle, whose command was `sent`. Returns false if the writing thread had no room for it.
    #[inline]
    pub fn close(&mut self, sent: &[f64]) -> bool {
        if !self.is_open {
            return true;
        }
        self.is_open = false;
        let command = self.numbers.get_mut(self.state_len..).unwrap_or_default();
        for (to, from) in command.iter_mut().zip(sent) {
            *to = *from;
        }
        let numbers = self.numbers.get(..self.head.len).unwrap_or_default();
        let notes = self.notes.get(..self.head.notes).unwrap_or_default();
        if let Some(black_box) = &mut self.keeping.black_box {
            black_box.keep(&self.head, numbers, notes);
        }
        if let Some(live) = &mut self.keeping.live {
            live.push(&self.head, numbers, notes);
        }
        match &mut self.keeping.all {
            Some(all) => all.push(&self.head, numbers, notes),
            None => true,
        }
    }

    /// Returns the newest cycles. What is handed over ends here.
    pub fn finish(self) -> Option<BlackBox> {
        self.keeping.black_box
    }
}

/// An answer as it came.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct RawAnswer<'a> {
    /// How long before the question the first action belongs \[s\].
    pub before_s: f64,
    /// The time between two actions \[s\]; 0 for a single action.
    pub step_s: f64,
    /// How many numbers an action has.
    pub width: usize,
    /// The actions, one after the other.
    pub numbers: &'a [f64],
    /// What the policy was told with the question, if it answers in chunks.
    pub context: Option<ChunkContext>,
}
