//! The realtime loop of kilohertz. It knows nothing of sockets, Franka or Node.
//!
//! ```text
//! robot ──observation──▶ session/ ──▶ policy.rs ──action──▶ command/ ──▶ limits/ ──▶ robot
//!   ▲                  (loop thread)  channel/mailbox.rs    judged, late,              │
//!   │                                 (another thread)      in between                 │
//!   └── the robot's clock, or timing/ ──────────────────────────────────────────────────┘
//!                             │
//!            stats.rs (counters, jitter)  channel/records.rs (every tick)  channel/notify.rs (wakes)
//! ```
//!
//! A [`robot::Robot`] drives the tick: it calls the loop body once a cycle with its newest observation and
//! sends on the action it gets back. The body, in [`session`], asks the [`policy::Policy`], checks each
//! answer ([`command::judge`]), applies the rule for late answers ([`command::late`]) and the robot's
//! [`limits`], and counts everything. Only lock-free channels connect the loop thread to other threads.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use kilohertz_core::channel::notify::start_notifier;
//! use kilohertz_core::limits::Unlimited;
//! use kilohertz_core::policy::Native;
//! use kilohertz_core::robot::{Device, Paced, Robot, RobotError};
//! use kilohertz_core::schema::{Field, Schema};
//! use kilohertz_core::session::{Config, Session};
//! use kilohertz_core::stats::Recorder;
//!
//! struct Cart(f64, Schema);
//!
//! impl Device for Cart {
//!     fn observation(&self) -> &Schema {
//!         &self.1
//!     }
//!     fn action(&self) -> &Schema {
//!         &self.1
//!     }
//!     fn observe(&mut self, observation: &mut [f64]) -> Result<(), RobotError> {
//!         observation[0] = self.0;
//!         Ok(())
//!     }
//!     fn act(&mut self, action: &[f64]) -> Result<(), RobotError> {
//!         self.0 += action[0];
//!         Ok(())
//!     }
//! }
//!
//! let schema = Schema::new([Field { name: "position", len: 1, unit: "m" }]);
//! let robot = Paced::new(Cart(1.0, schema), Duration::from_millis(1));
//! let policy = Native::new(1, |ask, action| {
//!     action[0] = -0.1 * ask.observation[0];
//!     Ok(())
//! });
//! let config = Config { run_for: Some(Duration::from_millis(100)), ..Config::default() };
//! let recorder = Arc::new(Recorder::new(robot.period(), 10_000));
//! let notifier = start_notifier(|| {}, |_signals| {})?;
//! let (policy, limits) = (Box::new(policy), Box::new(Unlimited::new(1)));
//! let session = Session::start(Box::new(robot), policy, limits, config, recorder, notifier)?;
//! assert!(session.join(Duration::from_secs(60)));
//! let stats = session.stats();
//! assert!(stats.iterations + stats.missed_ticks >= 100);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! Nothing on the loop thread allocates, takes a lock, logs or makes a system call other than its wait, its
//! socket and its wake; `tests/allocation.rs` proves that it does not allocate.

pub mod channel;
pub mod command;
pub mod lease;
pub mod limits;
pub mod named;
pub mod number;
pub mod pauses;
pub mod phases;
pub mod policy;
pub mod robot;
pub mod schema;
pub mod session;
pub mod shortage;
pub mod stats;
pub mod thread;
pub mod timing;
