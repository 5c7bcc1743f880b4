//! How a session ended, and what happened while it ran, for JavaScript.

use kilohertz_core::command::chunk::ChunkFault;
use kilohertz_core::limits::Violation;
use kilohertz_core::schema::Schema;
use kilohertz_core::session::{Cause, Event, EventKind, Outcome};
use kilohertz_franka::ArmError;
use napi::bindgen_prelude::Float64Array;
use napi_derive::napi;

use crate::error::{Code, Failure};

/// An action value that broke a limit.
#[napi(object, object_from_js = false)]
pub struct NativeViolation {
    /// The limit's name, one of `LimitKind` in the contract.
    pub kind: String,
    pub slot: u32,
    pub field: String,
    pub index: u32,
    pub unit: String,
    pub action: f64,
    pub received: f64,
    pub limit: f64,
    pub joint: Option<NativeJointPlace>,
    /// What is wrong with a matrix.
    pub flaw: Option<String>,
}

/// The place of a joint that keeps a motion from going on [rad].
#[napi(object, object_from_js = false)]
pub struct NativeJointPlace {
    pub at: f64,
    pub lower: f64,
    pub upper: f64,
    pub is_out_of_reach: bool,
    pub too_far: Option<NativeTooFar>,
}

/// A place that the robot cannot reach in any posture [m].
#[napi(object, object_from_js = false)]
pub struct NativeTooFar {
    pub distance: f64,
    pub longest: f64,
}

impl NativeViolation {
    pub fn new(violation: &Violation, action: &Schema) -> NativeViolation {
        let (field, index, unit) = place_of(violation.slot, action);
        NativeViolation {
            kind: violation.kind.as_str().to_owned(),
            slot: violation.slot as u32,
            field,
            index,
            unit,
            action: violation.action,
            received: violation.received,
            limit: violation.limit,
            joint: violation.joint.map(|place| NativeJointPlace {
                at: place.at,
                lower: place.lower,
                upper: place.upper,
                is_out_of_reach: place.is_out_of_reach,
                too_far: place.too_far.map(|far| NativeTooFar {
                    distance: far.distance,
                    longest: far.longest,
                }),
            }),
            flaw: violation.flaw.map(str::to_owned),
        }
    }
}

/// How far a slot of the command is from the action.
#[napi(object, object_from_js = false)]
pub struct NativeDistance {
    pub field: String,
    pub index: u32,
    pub unit: String,
    pub distance: f64,
}

impl NativeDistance {
    fn new(slot: usize, distance: f64, action: &Schema) -> NativeDistance {
        let (field, index, unit) = place_of(slot, action);
        NativeDistance {
            field,
            index,
            unit,
            distance,
        }
    }
}

/// Returns true if actions begin with a pose.
pub fn has_pose(action: &Schema) -> bool {
    action.fields().first().is_some_and(|field| field.len == 16)
}

/// The kind of what is wrong with a chunk.
#[napi(string_enum = "camelCase", js_name = "NativeChunkFaultKind")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChunkFaultName {
    Empty,
    Malformed,
    Frame,
    TooLong,
    Step,
    NotFinite,
    Future,
    Backwards,
    Seam,
}

/// What keeps a chunk from being played.
#[napi(object, object_from_js = false)]
pub struct NativeChunkFault {
    pub kind: ChunkFaultName,
    /// How many rows it has, the time between them [s], how far its time is off [s], or its distance.
    pub received: f64,
    /// For "seam": the largest distance, and its unit.
    pub longest: Option<f64>,
    pub unit: String,
    /// For "notFinite": the row, and the place of the number in it.
    pub row: Option<u32>,
    pub field: String,
    pub index: u32,
}

impl NativeChunkFault {
    fn new(fault: &ChunkFault, action: &Schema) -> NativeChunkFault {
        let told = |kind, received| NativeChunkFault {
            kind,
            received,
            longest: None,
            unit: String::new(),
            row: None,
            field: String::new(),
            index: 0,
        };
        match *fault {
            ChunkFault::Empty => told(ChunkFaultName::Empty, 0.0),
            ChunkFault::Malformed { reason, row } => NativeChunkFault {
                row: row.map(|row| row as u32),
                ..told(ChunkFaultName::Malformed, reason as f64)
            },
            ChunkFault::Frame { row } => NativeChunkFault {
                row: Some(row as u32),
                ..told(ChunkFaultName::Frame, 0.0)
            },
            ChunkFault::TooLong { rows } => told(ChunkFaultName::TooLong, rows as f64),
            ChunkFault::Step { dt_s } => told(ChunkFaultName::Step, dt_s),
            ChunkFault::Future { by_s } => told(ChunkFaultName::Future, by_s),
            ChunkFault::Backwards { by_s } => told(ChunkFaultName::Backwards, by_s),
            ChunkFault::NotFinite { row, slot } => {
                let (field, index, unit) = place_of(slot, action);
                NativeChunkFault {
                    row: Some(row as u32),
                    field,
                    index,
                    unit,
                    ..told(ChunkFaultName::NotFinite, f64::NAN)
                }
            }
            ChunkFault::Seam {
                coordinate,
                distance,
                longest,
            } => {
                // A displacement of poses has a translation, then a rotation, then the elbow.
                let unit = match has_pose(action) && coordinate < 3 {
                    true => "m",
                    false => "rad",
                };
                NativeChunkFault {
                    longest: Some(longest),
                    unit: unit.to_owned(),
                    index: coordinate as u32,
                    ..told(ChunkFaultName::Seam, distance)
                }
            }
        }
    }
}

/// Returns the field, the index in it and the unit of a slot of an action.
fn place_of(slot: usize, action: &Schema) -> (String, u32, String) {
    // Behind the slots of an action in a chunk stands what is wanted of the gripper.
    let (field, index) = action.locate(slot).unwrap_or(("gripper", 0));
    let unit = action.fields().iter().find(|known| known.name == field);
    let unit = unit.map_or("", |field| field.unit);
    (field.to_owned(), index as u32, unit.to_owned())
}

/// What ended a session.
#[napi(string_enum = "camelCase", js_name = "NativeCause")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CauseName {
    Stopped,
    PolicyFailed,
    InvalidAction,
    BadChunk,
    NoAction,
    TooLate,
    NothingNew,
    Behind,
    RobotFailed,
    Panicked,
}

/// How a session ended.
#[napi(object, object_from_js = false)]
pub struct NativeOutcome {
    pub cause: CauseName,
    pub tick: Option<f64>,
    pub behind: Option<NativeDistance>,
    pub without_action: Option<u32>,
    pub violation: Option<NativeViolation>,
    /// The row of the chunk with the violation, if it was one.
    pub row: Option<u32>,
    pub bad_chunk: Option<NativeChunkFault>,
    /// The panic's message.
    pub message: Option<String>,
    /// The robot's own error.
    pub robot_error: Option<Failure>,
    /// The last states, each preceded by its tick and its time [s].
    pub last_states: Float64Array,
}

impl NativeOutcome {
    /// Returns how a session ended whose actions have this schema.
    pub fn new(outcome: &Outcome, action: &Schema) -> NativeOutcome {
        let mut told = NativeOutcome {
            cause: CauseName::Stopped,
            tick: None,
            behind: None,
            without_action: None,
            violation: None,
            row: outcome.row,
            bad_chunk: None,
            message: None,
            robot_error: outcome.robot_error.as_ref().map(|error| {
                match error.downcast_ref::<ArmError>() {
                    Some(error) => Failure::from(error.clone()),
                    None => Failure::new(Code::Robot, error.to_string()),
                }
            }),
            last_states: Float64Array::new(outcome.last_states.clone()),
        };
        let (cause, tick) = match &outcome.cause {
            None => return told,
            Some(Cause::PolicyFailed { tick }) => (CauseName::PolicyFailed, Some(*tick)),
            Some(Cause::RobotFailed { tick }) => (CauseName::RobotFailed, Some(*tick)),
            Some(Cause::TooLate {
                tick,
                without_action,
                had_nothing,
            }) => {
                told.without_action = Some(*without_action);
                let cause = match had_nothing {
                    true => CauseName::NothingNew,
                    false => CauseName::TooLate,
                };
                (cause, Some(*tick))
            }
            Some(Cause::Behind {
                tick,
                slot,
                distance,
            }) => {
                told.behind = Some(NativeDistance::new(*slot, *distance, action));
                (CauseName::Behind, Some(*tick))
            }
            Some(Cause::NoAction { tick }) => (CauseName::NoAction, Some(*tick)),
            Some(Cause::BadChunk { tick, fault }) => {
                told.bad_chunk = Some(NativeChunkFault::new(fault, action));
                (CauseName::BadChunk, Some(*tick))
            }
            Some(Cause::InvalidAction { tick, violation }) => {
                told.violation = Some(NativeViolation::new(violation, action));
                (CauseName::InvalidAction, Some(*tick))
            }
            Some(Cause::Panicked { message }) => {
                told.message = Some(message.clone());
                (CauseName::Panicked, None)
            }
        };
        told.cause = cause;
        told.tick = tick.map(|tick| tick as f64);
        told
    }
}

/// Something that happened while the session ran.
#[napi(object, object_from_js = false)]
pub struct NativeEvent {
    /// One of `EventKind` in the contract.
    pub kind: &'static str,
    pub tick: f64,
    /// For "behind": how far the robot is behind.
    pub behind: Option<NativeDistance>,
    /// For "late": how long late answers took, on average.
    pub took_s: Option<f64>,
    /// For "badChunk": what is wrong with the chunk.
    pub bad_chunk: Option<NativeChunkFault>,
}

impl NativeEvent {
    /// Returns an event of a session whose actions have this schema.
    pub fn new(event: &Event, action: &Schema) -> NativeEvent {
        let mut told = NativeEvent {
            kind: event.kind.name().as_str(),
            tick: event.tick as f64,
            behind: None,
            took_s: None,
            bad_chunk: None,
        };
        match event.kind {
            EventKind::Held | EventKind::Resting | EventKind::Resumed => {}
            EventKind::Behind { slot, distance } => {
                told.behind = Some(NativeDistance::new(slot, distance, action));
            }
            EventKind::BadChunk { fault } => {
                told.bad_chunk = Some(NativeChunkFault::new(&fault, action));
            }
            EventKind::Late { took } => told.took_s = Some(took.as_secs_f64()),
        }
        told
    }
}
