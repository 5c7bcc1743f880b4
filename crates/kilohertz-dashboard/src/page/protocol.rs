//! What the server and the page say to each other. `dashboard/src/protocol.ts` is made from it.
//!
//! Texts are JSON: the server sends [`Told`], the page sends [`Asked`]. What changes with every picture is
//! binary: a frame is a [header](FRAME_HEADER), and then the fields of [`ArmInfo::fields`], one after the
//! other, as 32-bit floating point. All numbers are little endian.

use std::collections::BTreeMap;

use kilohertz_record::entry::{Level, Note};
use serde::{Deserialize, Serialize};

/// The version of the protocol. A page of another version asks its user to load it again.
pub const VERSION: u32 = 5;

/// The bytes before the fields of a frame: the kind (u8, 1), one byte that is 0, the arm (u16), the number
/// of the fields' values (u32), the robot's time and the host's wall time \[s\] (f64 each), and the counts of
/// the session until then (f64 each): cycles, followed, held, rest, missed ticks.
pub const FRAME_HEADER: usize = 64;

/// The kind of a binary message that is a frame.
pub const FRAME: u8 = 1;

/// The fields of an arm's state that a frame has, in this order.
pub const FIELDS: [&str; 10] = [
    "q",
    "dq",
    "q_d",
    "dq_d",
    "tau_J",
    "tau_J_d",
    "tau_ext_hat_filtered",
    "O_T_EE",
    "O_F_ext_hat_K",
    "F_T_EE",
];

/// A field of a frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FieldInfo {
    /// The name, as libfranka has it.
    pub name: String,
    /// How many values it has.
    pub length: u32,
    /// The unit of the values.
    pub unit: String,
}

/// The limits of the joints, each for joints 1 to 7.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct JointLimits {
    /// The lowest positions \[rad\].
    pub lower: Vec<f64>,
    /// The highest positions \[rad\].
    pub upper: Vec<f64>,
    /// The highest speeds \[rad/s\].
    pub velocity: Vec<f64>,
    /// The highest torques \[N m\].
    pub torque: Vec<f64>,
}

/// The box that the end effector stays in, in the base frame.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BoxInfo {
    /// The lowest x, y and z \[m\].
    pub min: [f64; 3],
    /// The highest x, y and z \[m\].
    pub max: [f64; 3],
}

/// An arm, or another robot, and its session.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ArmInfo {
    /// Its number, which its frames and texts have. A new session of the same robot keeps it.
    pub id: u16,
    /// What people call it.
    pub name: String,
    /// The model, `fr3` or `fer`; `None` for another robot, which has no picture and no fields.
    pub model: Option<String>,
    /// How it is controlled, for example `jointPosition`.
    pub control: String,
    /// The rate of its loop \[Hz\].
    pub rate_hz: f64,
    /// The rate at which its policy is asked \[Hz\].
    pub policy_rate_hz: f64,
    /// True while its session runs.
    pub is_running: bool,
    /// True if the page's controls can move it.
    pub has_controls: bool,
    /// True if its session was started by the controls, and not by the program.
    pub is_controlled: bool,
    /// How many sessions it has had, this one included.
    pub session: u32,
    /// The fields of its frames.
    pub fields: Vec<FieldInfo>,
    /// What its joints can do; `None` for another robot.
    pub limits: Option<JointLimits>,
    /// The box of its session, if it has one.
    #[serde(rename = "box")]
    pub workspace: Option<BoxInfo>,
}

/// The percentiles of some durations, and the longest \[s\].
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SpreadInfo {
    /// Half of them are no longer.
    pub p50: f64,
    /// 95 % of them are no longer.
    pub p95: f64,
    /// 99 % of them are no longer.
    pub p99: f64,
    /// The longest.
    pub max: f64,
}

/// A histogram of durations.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HistogramInfo {
    /// The upper edges of the buckets that are not empty \[s\].
    pub upper_s: Vec<f64>,
    /// How many durations each has.
    pub counts: Vec<f64>,
}

/// What a session has done so far.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct StatsInfo {
    /// The counters, by their names in `SessionStats`.
    pub counters: BTreeMap<String, f64>,
    /// The period that the loop aims for \[s\].
    pub target_period_s: f64,
    /// The mean period \[s\].
    pub avg_period_s: f64,
    /// The longest period \[s\].
    pub longest_period_s: f64,
    /// The jitter of the newest cycles; of a recorded run, of all.
    pub jitter: SpreadInfo,
    /// The execution times of the newest cycles; of a recorded run, of all.
    pub execution: SpreadInfo,
    /// The jitter of the whole run.
    pub jitter_histogram: HistogramInfo,
}

/// How serious an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum LevelInfo {
    /// It is good to know.
    Info,
    /// The robot does not do what the policy says.
    Warning,
    /// The session ended with an error.
    Error,
}

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct EventInfo {
    /// How serious it is.
    pub level: LevelInfo,
    /// The name of the event, or the code of the error.
    pub name: String,
    /// What happened, in words. For an error also what to do.
    pub text: String,
    /// The cycle, if there is one.
    pub tick: Option<f64>,
    /// The host's wall time \[s\].
    pub wall_time_s: f64,
}

impl From<Level> for LevelInfo {
    fn from(level: Level) -> LevelInfo {
        match level {
            Level::Info => LevelInfo::Info,
            Level::Warning => LevelInfo::Warning,
            Level::Error => LevelInfo::Error,
        }
    }
}

impl EventInfo {
    /// Returns what a page is told of a note of a cycle, at a wall time \[s\].
    pub fn of(note: Note, tick: f64, wall_time_s: f64) -> EventInfo {
        EventInfo {
            level: note.level.into(),
            name: note.name,
            text: note.text,
            tick: Some(tick),
            wall_time_s,
        }
    }
}

/// A chunk of actions that has come.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ChunkInfo {
    /// The robot's time of its first action \[s\].
    pub time_s: f64,
    /// The time between two actions \[s\].
    pub step_s: f64,
    /// How many numbers an action has.
    pub width: u32,
    /// The actions, one after the other: joint positions, or poses as 16 numbers, column-major.
    pub actions: Vec<f64>,
}

/// A chunk of a recorded run, as in `run/0/chunks`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct CameInfo {
    /// When it came, since the first cycle \[s\].
    pub at_s: f64,
    /// The chunk.
    pub chunk: ChunkInfo,
}

/// What a cycle is one of the worst in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum MeasureInfo {
    /// How far the period before it was from its target \[s\].
    Jitter,
    /// How long it took until its command was handed to the robot \[s\].
    Execution,
    /// How long before the policy's answer its question was asked \[s\].
    Answer,
    /// How many ticks were missed directly before it.
    Missed,
    /// How many cycles directly before it could not be recorded.
    Unrecorded,
}

/// One of the worst cycles of a recorded run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WorstInfo {
    /// What it is one of the worst in.
    pub measure: MeasureInfo,
    /// The value.
    pub value: f64,
    /// The robot's time since the first cycle \[s\].
    pub time_s: f64,
    /// The number of the cycle.
    pub tick: f64,
}

/// A recorded run.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RunInfo {
    /// Its number, as in `run/0/frames`.
    pub id: u16,
    /// The name of the file.
    pub name: String,
    /// The robot, as it is told of a session that runs.
    pub arm: ArmInfo,
    /// The robot's time from the first cycle to the last \[s\].
    pub duration_s: f64,
    /// The wall time of the first cycle \[s\].
    pub wall_time_s: f64,
    /// The time between two frames of `run/0/frames` \[s\].
    pub step_s: f64,
    /// How many frames there are.
    pub frames: u32,
    /// What the run has done.
    pub stats: StatsInfo,
    /// Its worst cycles, of each measure the worst first.
    pub worst: Vec<WorstInfo>,
    /// What happened. Of the times, those since the first cycle are in `tick`, in cycles.
    pub events: Vec<EventInfo>,
    /// Why the run ended, with the code of its error as the name, or `ended` if it was asked to or its time was over;
    /// `None` if the file does not tell it.
    pub end: Option<EventInfo>,
    /// What was missing when the file was read, in words.
    pub damage: Option<String>,
}

/// How long a phase of a session's cycles took.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct PhaseInfo {
    /// The name of the phase.
    pub phase: String,
    /// How many times it was measured.
    pub count: f64,
    /// Half of the times it took no longer \[s\].
    pub p50_s: f64,
    /// 99 % of the times it took no longer \[s\].
    pub p99_s: f64,
    /// The longest \[s\].
    pub max_s: f64,
}

/// A cycle that took too long, or cycles in a row for which an answer of the policy was late.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct BadCycleInfo {
    /// True if an answer was late; else it took too long until the next cycle began.
    pub is_late_answer: bool,
    /// The cycle in which it began.
    pub tick: f64,
    /// When it began, since the first cycle \[s\].
    pub time_s: f64,
    /// Cycles without an answer in time, or ticks that were missed.
    pub cycles: f64,
    /// How long it lasted \[s\].
    pub lasted_s: f64,
    /// How much of that was too long \[s\].
    pub excess_s: f64,
    /// The phase that took the most too long.
    pub phase: String,
    /// The name of the likeliest cause.
    pub cause: String,
    /// The likeliest cause in words.
    pub cause_text: String,
    /// What speaks for it.
    pub evidence: String,
    /// What to do.
    pub advice: String,
    /// The check of `kilohertz doctor` that says more.
    pub check: Option<String>,
}

/// How the cycles of a session went, and why some of them went badly.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct ReportInfo {
    /// Which session of the arm it is about. The server sets it.
    pub session: u32,
    /// True if that session is over; else it goes on.
    pub is_over: bool,
    /// How many cycles there were.
    pub iterations: f64,
    /// How many ticks were missed.
    pub missed_ticks: f64,
    /// How many answers of the policy were late.
    pub late_actions: f64,
    /// How many cycles were bad, with late answers in a row as one.
    pub bad_cycles: f64,
    /// How many of them nobody looked into, because there were too many at once.
    pub unexplained: f64,
    /// The phases that were measured, in their order.
    pub phases: Vec<PhaseInfo>,
    /// The worst bad cycles, worst first.
    pub worst: Vec<BadCycleInfo>,
}

/// What may be asked of an arm beside a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum PageCommand {
    /// Recovers an arm that stopped by a reflex.
    Recover,
    /// Moves to the start pose, slowly.
    Home,
    /// Opens the hand.
    OpenHand,
    /// Closes the hand.
    CloseHand,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "camelCase")]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Told {
    /// The first text.
    #[serde(rename_all = "camelCase")]
    Hello {
        /// The version of the protocol.
        version: u32,
        /// The version of the package.
        package: String,
        /// True if this page may hold the controls.
        has_controls: bool,
        /// The arms.
        arms: Vec<ArmInfo>,
        /// The recorded runs.
        runs: Vec<RunInfo>,
        /// How many robots of earlier sessions are not shown any more.
        forgotten: u32,
    },
    /// An arm is not shown any more, because there are so many whose sessions have ended.
    Gone {
        /// The arm.
        arm: u16,
        /// How many are not shown any more.
        forgotten: u32,
    },
    /// There is a new arm, or what is known of one has changed.
    Arm {
        /// The arm.
        arm: ArmInfo,
    },
    /// What the session of an arm has done so far, four times a second.
    Stats {
        /// The arm.
        arm: u16,
        /// What it has done.
        stats: StatsInfo,
    },
    /// Something happened. After the hello, the newest of earlier events come first.
    Event {
        /// The arm.
        arm: u16,
        /// What happened.
        event: EventInfo,
    },
    /// Events were left out, because this page does not take them as fast as they come.
    LeftOut {
        /// How many.
        events: u32,
    },
    /// A chunk of actions came; at most ten a second are told.
    Chunk {
        /// The arm.
        arm: u16,
        /// The chunk.
        chunk: ChunkInfo,
    },
    /// The report of an arm's session: every few seconds while a page is open, and at the session's end.
    Report {
        /// The arm.
        arm: u16,
        /// The report.
        report: ReportInfo,
    },
    /// Who holds the controls has changed.
    #[serde(rename_all = "camelCase")]
    Holder {
        /// True if it is the page that is told.
        is_you: bool,
        /// True if it is another page.
        is_taken: bool,
    },
    /// Asks the page that holds the controls whether it is still there, twenty times a second.
    Beat {
        /// The number that the page answers with.
        beat: u32,
    },
    /// A stop has come.
    Stopping {
        /// The number of the stop.
        number: u32,
        /// How many sessions and moves were asked to end, those included that were about to begin.
        asked: u32,
    },
    /// All that a stop has asked to end is over.
    Stopped {
        /// The number of the stop.
        number: u32,
    },
    /// What was asked was not done.
    Refused {
        /// Why, in words.
        text: String,
    },
}

impl Told {
    /// Returns it as a text.
    pub fn json(&self) -> String {
        // It has names as keys, and a number that JSON has no form for becomes null: this does not fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the page says.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub enum Asked {
    /// Bring an arm to rest, and end what drives it or is about to; all arms if none is named.
    Stop {
        /// The arm.
        arm: Option<u16>,
        /// The number that `stopping` and `stopped` answer with. A stop that is not answered is asked for again.
        #[serde(default)]
        number: u32,
    },
    /// Take the controls. They are held while each `beat` is answered at once, with `alive` or with `jog`.
    Hold,
    /// Let the controls go: what they move is brought to rest.
    Release,
    /// The page is there and in view.
    Alive {
        /// The number of the beat that is answered.
        beat: u32,
    },
    /// Do something that needs the controls.
    Do {
        /// The arm.
        arm: u16,
        /// What is to be done.
        control: PageCommand,
    },
    /// Move a joint at a low speed for as long as this comes with each beat.
    Jog {
        /// The arm.
        arm: u16,
        /// The joint, from 0.
        joint: u8,
        /// The direction, -1 or 1; 0 ends it.
        direction: i8,
        /// The number of the newest beat.
        beat: u32,
    },
}
