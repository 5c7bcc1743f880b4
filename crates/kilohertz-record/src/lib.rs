//! Recordings of runs: written while a run goes on, read while they are written or afterwards, repaired if
//! their writing was cut off, exported, and drawn. The crate knows nothing of Node, and of the loop only what
//! it hands over.
//!
//! ```text
//! entry.rs (a cycle, what users log, episodes)   run.rs layout.rs (what is kept once)
//!      │
//!      ▼
//! writer/ ──▶ encoder.rs, wire/ (protobuf) ──▶ run.mcap ──▶ reader/ ──▶ export/ (CSV, Parquet, LeRobot)
//! (a thread)             │                        ▲             │
//!                        └──▶ live connections  repair.rs       └─────▶ plot/ (a page of SVG)
//! ```
//!
//! A file is MCAP. Its messages are protobuf, and their definitions are in the file: Foxglove's where one fits,
//! and those of `proto/kilohertz`. The first record is metadata named `kilohertz.run`: the layout of states and
//! commands, the options, the robot and the versions, as JSON.
//!
//! | channel | message | holds |
//! | --- | --- | --- |
//! | `/kilohertz/cycle` | `kilohertz.Cycle` | every cycle, whole |
//! | `/kilohertz/episode` | `kilohertz.Episode` | the beginnings and ends of episodes |
//! | `/kilohertz/end` | `kilohertz.End` | why the run ended |
//! | `/kilohertz/log` | `foxglove.Log` | violations, events and why the run ended, which the other channels have too |
//! | `/kilohertz/joint_states`, `/kilohertz/pose/…` | `foxglove.JointStates`, `foxglove.PoseInFrame` | parts of the state, at a lower rate, for tools that know only these |
//! | `/` and a user's name | `kilohertz.Numbers`, `kilohertz.Bytes`, `foxglove.RawImage`, `foxglove.CompressedImage` | what a user logged |
//!
//! The time of a message (`log_time`) is the wall clock at the beginning of the run plus what the monotonic
//! clock has passed since; what a user logged has the user's own time as `publish_time`.

pub mod answering;
pub mod encoder;
pub mod entry;
pub mod error;
pub mod export;
pub mod framed;
pub mod layout;
pub mod live;
mod lock;
mod new_file;
pub mod plot;
pub mod reader;
pub mod repair;
pub mod run;
mod wire;
pub mod writer;
