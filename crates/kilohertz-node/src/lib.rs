//! The Node-API boundary of kilohertz. Only `lib/native/binding.ts` imports it; users do not see it.
//!
//! ```text
//! session/              a loop thread and its policy in JavaScript
//! news.rs               what a wake of JavaScript is about
//! policy/worker.rs      where a policy in a worker waits for the loop
//! policy/process.rs     where a policy in another process waits for the loop
//! policy/echo.rs        the bare echo that a policy in a process is compared with
//! franka/arm.rs         a connected arm
//! franka/hand.rs        a connected hand
//! franka/configuration.rs  settings of an arm
//! franka/move_to.rs     a planned move
//! franka/model.rs       an arm's rigid-body model
//! franka/simulator.rs   a simulated arm
//! offload/line.rs       calls to a worker or a child over shared memory
//! offload/poll.rs       calls JavaScript when a descriptor is readable
//! guard.rs              what happens on signals; guard/ has its handlers
//! background.rs         blocking work, as promises
//! buffers.rs            memory that JavaScript and this addon both use
//! error.rs              errors with a code and details, as JavaScript gets them
//! ```

#![cfg_attr(
    test,
    allow(
        dead_code,
        reason = "a test build has no Node to register functions with"
    )
)]

mod background;
mod buffers;
mod error;
mod franka;
mod guard;
mod news;
mod offload;
mod policy;
mod session;
