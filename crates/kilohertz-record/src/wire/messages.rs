//! The messages of `proto/`. States and commands are kept as bytes here; `frames.rs` reads and writes them.

use prost::Message;
use prost_types::Timestamp;

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Phases {
    #[prost(double, optional, tag = "1")]
    pub asked_s: Option<f64>,
    #[prost(double, optional, tag = "2")]
    pub answered_s: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub decided_s: Option<f64>,
    #[prost(double, optional, tag = "4")]
    pub sent_s: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub behind_s: Option<f64>,
    #[prost(double, optional, tag = "6")]
    pub took_s: Option<f64>,
    #[prost(double, optional, tag = "7")]
    pub gave_s: Option<f64>,
    #[prost(double, optional, tag = "8")]
    pub judged_s: Option<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Told {
    #[prost(double, optional, tag = "1")]
    pub began_s: Option<f64>,
    #[prost(double, tag = "2")]
    pub latency_s: f64,
    #[prost(uint32, tag = "3")]
    pub episode: u32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Answer {
    #[prost(uint64, tag = "1")]
    pub tick: u64,
    #[prost(double, tag = "2")]
    pub time_s: f64,
    #[prost(double, tag = "3")]
    pub step_s: f64,
    #[prost(bytes = "vec", repeated, tag = "4")]
    pub actions: Vec<Vec<u8>>,
    #[prost(message, optional, tag = "5")]
    pub told: Option<Told>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Note {
    #[prost(int32, tag = "1")]
    pub level: i32,
    #[prost(string, tag = "2")]
    pub name: String,
    #[prost(string, tag = "3")]
    pub text: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Cycle {
    #[prost(uint64, tag = "1")]
    pub tick: u64,
    #[prost(double, tag = "2")]
    pub robot_time_s: f64,
    #[prost(fixed64, tag = "3")]
    pub monotonic_ns: u64,
    #[prost(fixed64, tag = "4")]
    pub wall_ns: u64,
    #[prost(uint32, tag = "5")]
    pub missed_ms: u32,
    #[prost(uint64, tag = "6")]
    pub lost_before: u64,
    #[prost(int32, tag = "7")]
    pub kind: i32,
    #[prost(message, optional, tag = "8")]
    pub phases: Option<Phases>,
    #[prost(bytes = "vec", tag = "9")]
    pub state: Vec<u8>,
    #[prost(bytes = "vec", tag = "10")]
    pub command: Vec<u8>,
    #[prost(message, optional, tag = "11")]
    pub answer: Option<Answer>,
    #[prost(message, repeated, tag = "12")]
    pub notes: Vec<Note>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Episode {
    #[prost(uint32, tag = "1")]
    pub index: u32,
    #[prost(bool, tag = "2")]
    pub ended: bool,
    #[prost(double, tag = "3")]
    pub robot_time_s: f64,
    #[prost(string, tag = "4")]
    pub task: String,
    #[prost(int32, tag = "5")]
    pub outcome: i32,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct End {
    #[prost(uint64, tag = "1")]
    pub tick: u64,
    #[prost(double, tag = "2")]
    pub robot_time_s: f64,
    #[prost(string, tag = "3")]
    pub code: String,
    #[prost(string, tag = "4")]
    pub text: String,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Numbers {
    #[prost(double, tag = "1")]
    pub time_s: f64,
    #[prost(double, repeated, tag = "2")]
    pub values: Vec<f64>,
}

#[derive(Clone, PartialEq, Message)]
pub(crate) struct Bytes {
    #[prost(double, tag = "1")]
    pub time_s: f64,
    #[prost(string, tag = "2")]
    pub media_type: String,
    #[prost(bytes = "vec", tag = "3")]
    pub data: Vec<u8>,
}

/// Foxglove's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct JointState {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(double, optional, tag = "2")]
    pub position: Option<f64>,
    #[prost(double, optional, tag = "3")]
    pub velocity: Option<f64>,
    #[prost(double, optional, tag = "5")]
    pub effort: Option<f64>,
}

/// Foxglove's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct JointStates {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(message, repeated, tag = "2")]
    pub joints: Vec<JointState>,
}

/// Foxglove's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Vector3 {
    #[prost(double, tag = "1")]
    pub x: f64,
    #[prost(double, tag = "2")]
    pub y: f64,
    #[prost(double, tag = "3")]
    pub z: f64,
}

/// Foxglove's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Quaternion {
    #[prost(double, tag = "1")]
    pub x: f64,
    #[prost(double, tag = "2")]
    pub y: f64,
    #[prost(double, tag = "3")]
    pub z: f64,
    #[prost(double, tag = "4")]
    pub w: f64,
}

/// Foxglove's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Pose {
    #[prost(message, optional, tag = "1")]
    pub position: Option<Vector3>,
    #[prost(message, optional, tag = "2")]
    pub orientation: Option<Quaternion>,
}

/// Foxglove's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct PoseInFrame {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    pub frame_id: String,
    #[prost(message, optional, tag = "3")]
    pub pose: Option<Pose>,
}

/// Foxglove's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Log {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(int32, tag = "2")]
    pub level: i32,
    #[prost(string, tag = "3")]
    pub message: String,
    #[prost(string, tag = "4")]
    pub name: String,
}

/// Foxglove's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RawImage {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(fixed32, tag = "2")]
    pub width: u32,
    #[prost(fixed32, tag = "3")]
    pub height: u32,
    #[prost(string, tag = "4")]
    pub encoding: String,
    #[prost(fixed32, tag = "5")]
    pub step: u32,
    #[prost(bytes = "vec", tag = "6")]
    pub data: Vec<u8>,
    #[prost(string, tag = "7")]
    pub frame_id: String,
}

/// Foxglove's.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CompressedImage {
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    #[prost(bytes = "vec", tag = "2")]
    pub data: Vec<u8>,
    #[prost(string, tag = "3")]
    pub format: String,
    #[prost(string, tag = "4")]
    pub frame_id: String,
}

/// Returns a time in the file as protobuf's timestamp.
pub(crate) fn timestamp(log_time: u64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: i64::try_from(log_time / 1_000_000_000).unwrap_or(i64::MAX),
        nanos: i32::try_from(log_time % 1_000_000_000).unwrap_or(0),
    })
}
