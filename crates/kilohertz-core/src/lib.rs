//! The realtime loop of kilohertz, with nothing of sockets, Franka or Node in it.
//!
//! ```text
//! robot ──observation──▶ session.rs ──▶ policy.rs ──action──▶ late.rs ▶ limits.rs ──▶ robot
//!   ▲                    (loop thread)   mailbox.rs                                    │
//!   └── the robot's clock, or pacer.rs + wait.rs ──────────────────────────────────────┘
//!                             │
//!            stats.rs (counters, jitter)  record.rs (every tick)  courier.rs (wakes)
//! ```
//!
//! A [`robot::Robot`] drives the tick: it calls the loop body once a cycle with its newest
//! observation and sends on the action it gets back. The body, in [`session`], asks the
//! [`policy::Policy`], applies the rule for late answers ([`late`]) and the robot's [`limits`], and
//! counts everything. Between the loop thread and everybody else there are only lock-free channels.
//!
//! Nothing on the loop thread allocates, takes a lock, logs or makes a system call other than its
//! wait, its socket and its wake; `tests/allocation.rs` proves the first of these.

pub mod courier;
pub mod late;
pub mod limits;
pub mod mailbox;
pub mod pacer;
pub mod policy;
pub mod record;
pub mod robot;
pub mod schema;
pub mod session;
pub mod stats;
mod sync;
pub mod thread;
pub mod time;
pub mod wait;
