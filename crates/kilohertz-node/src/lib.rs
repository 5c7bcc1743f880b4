//! The Node-API boundary of kilohertz. Only `lib/native/binding.ts` imports it; users do not see it.
//!
//! ```text
//! session/              a loop thread and its policy in JavaScript
//! news.rs               what a wake of JavaScript is about
//! policy/worker.rs      where a policy in a worker waits for the loop
//! policy/process.rs     where one in another process does
//! policy/echo.rs        (feature `echo`) the bare echo that it is measured by
//! franka/arm.rs         a connected arm
//! franka/hand.rs        a connected hand
//! franka/configuration.rs  settings of an arm
//! franka/move_to.rs     a planned move
//! franka/model.rs       an arm's rigid-body model
//! franka/simulator.rs   a simulated arm
//! record/               reading, repairing and exporting recorded files
//! offload/line.rs       calls to a worker or a child over shared memory
//! offload/poll.rs       waking JavaScript by a descriptor
//! image.rs              images of cameras as models are fed them
//! guard/                what signals do
//! wakes.rs              how late a thread wakes that only sleeps
//! background.rs         work that blocks, as promises
//! environment.rs        what is stopped when an environment of JavaScript ends
//! contract.rs           names, codes, numbers and defaults that JavaScript and Python take from here
//! buffers.rs            memory that JavaScript and we both see
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
mod contract;
mod dashboard;
mod environment;
mod error;
mod franka;
mod guard;
mod image;
mod news;
mod offload;
mod policy;
mod record;
mod session;
mod wakes;
