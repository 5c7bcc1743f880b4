//! What Rust, TypeScript and Python share: names, codes, numbers and defaults. Each is declared in the
//! crate that it belongs to, and listed here. `scripts/contract.mjs` writes `lib/native/contract.ts` and
//! Python's `contract.py` from this list; both are committed.

use std::time::Duration;

use franka::RobotMode;
use franka::model::Frame;
use kilohertz_core::channel::records::{CommandKind, RECORD_FIELDS};
use kilohertz_core::channel::shared_mailbox::LAYOUT;
use kilohertz_core::limits::ViolationKind;
use kilohertz_core::phases::Phase;
use kilohertz_core::session::{
    CHUNK_CONTEXT, CHUNK_HEADER, Config, Deadline, EventName, IncidentKind, NO_CHUNK,
};
use kilohertz_dashboard::listen::ListenErrorCode;
use kilohertz_franka::kinematics::model::{POSTURE_FIELDS, Quantity};
use kilohertz_franka::move_to::{Arrival, HOME};
use kilohertz_franka::setting::{DIRECTIONS, FILTERS};
use kilohertz_franka::{
    ArmErrorCode, Budget, Client, ConnectOptions, Control, Generation, HandOptions, Impedance,
    MotionOptions, Setting,
};
use kilohertz_offload::inputs::layout as inputs;
use kilohertz_offload::layout::{self, Direction};
use kilohertz_offload::messages;
use kilohertz_record::entry::{Level, Outcome, Pixels};
use kilohertz_record::error::RecordErrorCode;
use kilohertz_sim::{Counters, Fault, SimulatorError};
use napi_derive::napi;

use crate::error::Code;
use crate::news;
use crate::session::stats::counter_names;

/// A list of names. If they have numbers, they are in the order of the numbers.
#[napi(object, object_from_js = false)]
pub struct NativeNames {
    /// The constant that lists the names; `None` if no code reads the list.
    pub name: Option<String>,
    /// The type of one name.
    pub type_name: String,
    pub about: String,
    pub values: Vec<String>,
}

/// Numbers with names.
#[napi(object, object_from_js = false)]
pub struct NativeNumbers {
    /// The constant that holds the numbers.
    pub name: String,
    pub about: String,
    pub keys: Vec<String>,
    pub values: Vec<f64>,
    /// True if only Python uses them.
    pub is_for_python: bool,
}

/// Everything that both sides know.
#[napi(object, object_from_js = false)]
pub struct NativeContract {
    pub names: Vec<NativeNames>,
    pub numbers: Vec<NativeNumbers>,
}

fn names<N: Into<String>>(
    name: &str,
    type_name: &str,
    about: &str,
    values: impl IntoIterator<Item = N>,
) -> NativeNames {
    NativeNames {
        name: (!name.is_empty()).then(|| name.to_owned()),
        type_name: type_name.to_owned(),
        about: about.to_owned(),
        values: values.into_iter().map(Into::into).collect(),
    }
}

fn numbers<'a>(
    name: &str,
    about: &str,
    entries: impl IntoIterator<Item = (&'a str, f64)>,
) -> NativeNumbers {
    let entries = entries.into_iter();
    let (keys, values) = entries.map(|(key, value)| (key.to_owned(), value)).unzip();
    NativeNumbers {
        name: name.to_owned(),
        about: about.to_owned(),
        keys,
        values,
        is_for_python: false,
    }
}

/// Returns numbers that only the Python end of shared memory uses.
fn for_python<'a>(
    name: &str,
    about: &str,
    entries: impl IntoIterator<Item = (&'a str, f64)>,
) -> NativeNumbers {
    NativeNumbers {
        is_for_python: true,
        ..numbers(name, about, entries)
    }
}

/// Returns each name with its index in the list.
fn numbered<'a>(names: &[&'a str]) -> Vec<(&'a str, f64)> {
    let names = names.iter().enumerate();
    names.map(|(number, name)| (*name, number as f64)).collect()
}

/// The codes for an answer that is not a valid action, as the policy's side finds it out. A chunk that was refused
/// tells the loop the number of its code here.
const REFUSALS: [&str; 4] = [
    "ACTION_LENGTH",
    "ACTION_TYPE",
    "ACTION_NOT_FINITE",
    "ACTION_FRAME",
];

/// Returns the codes of the errors that come from this side.
fn codes() -> Vec<&'static str> {
    let own = Code::ALL.map(Code::as_str).into_iter();
    let arm = ArmErrorCode::ALL.map(ArmErrorCode::as_str);
    let record = RecordErrorCode::ALL.map(RecordErrorCode::as_str);
    let listen = ListenErrorCode::ALL.map(ListenErrorCode::as_str);
    let others = arm.into_iter().chain(record).chain(listen);
    let others = others.chain(SimulatorError::CODES);
    let mut codes: Vec<_> = own.chain(others).collect();
    codes.sort_unstable();
    codes
}

/// Returns the name of another crate's enum variant in the style of the TypeScript API: `Joint1` as
/// `joint1`.
fn lowered(variant: String) -> String {
    let (initial, rest) = variant.split_at(1);
    initial.to_ascii_lowercase() + rest
}

/// Returns the names of the control modes that are `of_kind`.
fn controls_with(of_kind: fn(Control) -> bool) -> impl Iterator<Item = &'static str> {
    let found = Control::ALL.into_iter();
    found
        .filter(move |control| of_kind(*control))
        .map(Control::name)
}

const MODES: [RobotMode; 7] = [
    RobotMode::Other,
    RobotMode::Idle,
    RobotMode::Move,
    RobotMode::Guiding,
    RobotMode::Reflex,
    RobotMode::UserStopped,
    RobotMode::AutomaticErrorRecovery,
];

/// Returns the defaults of options, with their names in the TypeScript API.
fn defaults() -> Vec<(&'static str, f64)> {
    let config = Config::default();
    let (connect, hand) = (ConnectOptions::default(), HandOptions::default());
    let (motion, budget, arrival) = (
        MotionOptions::default(),
        Budget::default(),
        Arrival::default(),
    );
    let deadline = match config.deadline {
        Deadline::Within(deadline) => deadline,
        Deadline::None => Duration::ZERO,
    };
    let seconds = |duration: Duration| duration.as_secs_f64();
    vec![
        ("deadlineS", seconds(deadline)),
        ("maxHeldTicks", f64::from(config.late.max_held)),
        ("catchUpS", seconds(config.catch_up)),
        ("maxDistanceRad", motion.max_distance),
        ("softDistanceRad", MotionOptions::SOFT_DISTANCE),
        ("velocityShare", budget.velocity),
        ("accelerationShare", budget.acceleration),
        ("jerkShare", budget.jerk),
        (
            "priority",
            config.realtime.priority.map_or(f64::NAN, f64::from),
        ),
        (
            "timerSlackS",
            config.realtime.timer_slack.map_or(f64::NAN, seconds),
        ),
        ("keepAwakeCores", config.awake.cores as f64),
        ("connectTimeoutS", seconds(connect.timeout)),
        ("handTimeoutS", seconds(hand.timeout)),
        ("handCommandTimeoutS", seconds(hand.command_timeout)),
        ("toleranceRad", arrival.tolerance),
        ("settleS", seconds(arrival.settling)),
    ]
}

/// Returns what the languages share. It is read when the package is built, not when it runs.
#[napi]
pub fn contract() -> NativeContract {
    let limits = ViolationKind::ALL.into_iter();
    let targets = Control::ALL
        .into_iter()
        .filter_map(|control| Some((control.name(), control.target_jerk()?)));
    let lists = vec![
        names(
            "NATIVE_ERROR_CODES",
            "NativeErrorCode",
            "The codes of the errors that come from the native side.",
            codes(),
        ),
        names(
            "REFUSALS",
            "RefusalCode",
            "The codes for an answer that is not a valid action, as the policy's side finds it out.",
            REFUSALS,
        ),
        names(
            "CONTROLS",
            "FrankaControl",
            "The control mode of an arm: what the actions of a session command.",
            Control::ALL.map(Control::name),
        ),
        names(
            "CARTESIAN_CONTROLS",
            "CartesianControl",
            "The control modes that command the end effector.",
            Control::CARTESIAN.map(Control::name),
        ),
        names(
            "POSE_CONTROLS",
            "PoseControl",
            "The control modes whose actions are poses.",
            controls_with(Control::is_pose),
        ),
        names(
            "VELOCITY_CONTROLS",
            "VelocityControl",
            "The control modes whose actions are velocities.",
            controls_with(Control::is_velocity),
        ),
        names(
            "GENERATIONS",
            "FrankaGeneration",
            "The generation of an arm: a Franka Research 3, or a Franka Emika Robot (FER), also called Panda.",
            Generation::ALL.map(Generation::name),
        ),
        names(
            "CLIENTS",
            "FrankaClient",
            "The library that talks to an arm.",
            Client::ALL.map(Client::name),
        ),
        names(
            "IMPEDANCES",
            "FrankaImpedance",
            "The controller that makes the arm follow the commanded motion.",
            Impedance::NAMED.map(Impedance::name),
        ),
        names(
            "FRAMES",
            "FrankaFrame",
            "A frame of the arm, as libfranka's `Frame` names it.",
            Frame::ALL.map(|frame| lowered(format!("{frame:?}"))),
        ),
        names(
            "ROBOT_MODES",
            "RobotMode",
            "The mode of an arm, as libfranka names it.",
            MODES.map(|mode| format!("{mode:?}")),
        ),
        names(
            "",
            "LimitKind",
            "The limits that an action can violate.",
            ViolationKind::ALL.map(ViolationKind::as_str),
        ),
        names(
            "LIMIT_NAMES",
            "LimitName",
            "The limits that can be clamped, by their names in the options and in the stats.",
            limits
                .filter(|kind| kind.can_be_clamped())
                .map(ViolationKind::as_str),
        ),
        names(
            "COUNTERS",
            "SessionCounter",
            "What a session counts.",
            counter_names(),
        ),
        names(
            "COMMAND_KINDS",
            "CommandKind",
            "How the command of a tick was made: from an action in time, by approaching one, by holding, by braking.",
            CommandKind::ALL.map(CommandKind::as_str),
        ),
        names(
            "",
            "EventKind",
            "The events that a session's loop reports.",
            EventName::ALL.map(EventName::as_str),
        ),
        names(
            "RECORD_FIELDS",
            "RecordField",
            "The fields of a tick's record that precede the action.",
            RECORD_FIELDS,
        ),
        names(
            "PHASES",
            "CyclePhase",
            "The phases of a cycle, in their order.",
            Phase::ALL.map(Phase::as_str),
        ),
        names(
            "",
            "IncidentKind",
            "What kind of bad cycle it was.",
            IncidentKind::ALL.map(IncidentKind::as_str),
        ),
        names(
            "OUTCOMES",
            "EpisodeOutcome",
            "How an episode of a recording ended.",
            Outcome::ALL.map(Outcome::as_str),
        ),
        names(
            "",
            "NoteLevel",
            "How serious a note of a recorded cycle is.",
            Level::ALL.map(Level::as_str),
        ),
        names(
            "PIXEL_ENCODINGS",
            "PixelEncoding",
            "The encoding of a pixel of a recorded image.",
            Pixels::ALL.map(Pixels::as_str),
        ),
        names("", "SettingKind", "The settings of an arm.", Setting::KINDS),
        names(
            "DIRECTIONS",
            "GuidingDirection",
            "The directions in which an arm is guided by hand.",
            DIRECTIONS,
        ),
        names("FILTERS", "FilterName", "The filters of a FER.", FILTERS),
        names(
            "",
            "FaultName",
            "The faults that can be injected into a simulator.",
            Fault::names(),
        ),
        names(
            "SIMULATOR_COUNTERS",
            "SimulatorCounter",
            "What a simulator counts.",
            Counters::default().shown().map(|(name, _)| name),
        ),
    ];
    let tables = vec![
        numbers(
            "NEWS",
            "The reasons for which the native side wakes JavaScript. Several reasons are added.",
            news::NAMED.map(|(name, bit)| (name, f64::from(bit))),
        ),
        numbers(
            "CHUNK",
            "How many numbers precede the rows of a chunk of actions, how many follow the observation of a policy \
             that answers in chunks, and the number of rows that says that an answer is none, for the first of \
             the codes in REFUSALS; the next code has the number below, and so on.",
            [
                ("header", CHUNK_HEADER as f64),
                ("context", CHUNK_CONTEXT as f64),
                ("none", NO_CHUNK),
            ],
        ),
        numbers("DEFAULTS", "The defaults of options.", defaults()),
        numbers(
            "TARGET_JERK_SHARES",
            "The default share of the arm's jerk limit for motions to targets, by control mode.",
            targets,
        ),
        numbers(
            "QUANTITIES",
            "The quantities of the model with their lengths. Their order is that of their numbers on the native side.",
            Quantity::NAMED.map(|(name, quantity)| (name, quantity.len() as f64)),
        ),
        numbers(
            "POSTURE",
            "The fields of a posture, in their order, with their lengths.",
            POSTURE_FIELDS.map(|(name, len)| (name, len as f64)),
        ),
        numbers(
            "HOME",
            "libfranka's ready pose, joint by joint [rad].",
            ["1", "2", "3", "4", "5", "6", "7"].into_iter().zip(HOME),
        ),
        numbers(
            "CALL",
            "The kinds of calls over a line.",
            numbered(&messages::CALLS),
        ),
        numbers(
            "ANSWER",
            "The kinds of answers over a line.",
            numbered(&messages::ANSWERS),
        ),
        numbers(
            "TAG",
            "The tag with which a value in a message begins.",
            numbered(&messages::TAGS),
        ),
        numbers(
            "ARRAY",
            "The kinds of arrays, in the order of their numbers in a message.",
            numbered(&messages::ARRAYS),
        ),
        numbers(
            "PACKING",
            "Sizes [bytes] and counts of what is sent over a line.",
            [
                ("largestWithin", messages::LARGEST_WITHIN as f64),
                ("smallestInPlace", messages::SMALLEST_IN_PLACE as f64),
                ("deepest", messages::DEEPEST as f64),
                ("longestText", messages::LONGEST_TEXT as f64),
                ("mostCauses", messages::MOST_CAUSES as f64),
            ],
        ),
        numbers(
            "LOGGED",
            "Bounds for what a policy in a process logs: bytes of a value, bytes on their way, values in a second, \
             and channels.",
            [
                ("largest", messages::LARGEST_LOGGED as f64),
                ("most", messages::MOST_LOGGED as f64),
                ("aSecond", messages::LOGGED_A_SECOND as f64),
                ("channels", messages::LOGGED_CHANNELS as f64),
            ],
        ),
        numbers(
            "COLLECTED",
            "What a policy's process tells of its garbage collections: how many at once, and the shortest [s].",
            [
                ("most", messages::MOST_COLLECTIONS as f64),
                ("shortestS", messages::SHORTEST_COLLECTION_S),
            ],
        ),
        numbers(
            "EXIT",
            "The exit codes of a child process.",
            [("unfit", f64::from(messages::UNFIT))],
        ),
        for_python(
            "LINE",
            "The layout of the memory of a line: offsets and sizes [bytes], and counts.",
            [
                ("version", f64::from(layout::VERSION)),
                ("versionAt", layout::VERSION_AT as f64),
                ("arenaBytesAt", layout::ARENA_BYTES_AT as f64),
                ("closedAt", layout::CLOSED_AT as f64),
                ("slots", f64::from(layout::SLOTS)),
                ("slotBytes", layout::SLOT_BYTES as f64),
                ("slotHead", layout::SLOT_HEAD as f64),
                ("blocks", f64::from(layout::BLOCKS)),
                ("blocksForMessages", f64::from(layout::BLOCKS_FOR_MESSAGES)),
                ("page", layout::PAGE as f64),
                ("countersAt", Direction::Calls.published_at() as f64),
                (
                    "counterStride",
                    (Direction::Calls.taken_at() - Direction::Calls.published_at()) as f64,
                ),
                ("returnedAt", Direction::Calls.returned_at(0) as f64),
                ("slotsAt", Direction::Calls.slot_at(0) as f64),
                ("arenasAt", layout::ARENAS_AT as f64),
                ("beyondAt", Direction::Calls.beyond().start as f64),
            ],
        ),
        numbers(
            "INPUT",
            "Bounds for the inputs of a policy: names, bytes of a name, dimensions; and the kind of a value that is no array, \
             which is sent as JSON.",
            [
                ("names", inputs::NAMES as f64),
                ("nameBytes", inputs::NAME_BYTES as f64),
                ("dims", inputs::DIMS as f64),
                ("plain", f64::from(inputs::PLAIN)),
            ],
        ),
        for_python(
            "INPUTS",
            "The layout of the memory of a policy's inputs: offsets and sizes [bytes], and counts.",
            inputs::LAYOUT.map(|(name, number)| (name, number as f64)),
        ),
        for_python(
            "PORT",
            "The layout of the memory that a policy in a process shares: offsets and sizes [bytes], and counts.",
            LAYOUT.map(|(name, number)| (name, number as f64)),
        ),
    ];
    NativeContract {
        names: lists,
        numbers: tables,
    }
}
