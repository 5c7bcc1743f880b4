//! The Node-API boundary of kilohertz: what `lib/native/binding.ts` imports, and nothing that a user sees.
//!
//! ```text
//! session.rs    a loop thread and its policy in JavaScript
//! seat.rs       where a policy in a worker waits for the loop
//! shared_seat.rs  where one in another process does
//! echo.rs       the bare echo that it is measured by
//! arm.rs        a connected arm
//! hand.rs       a connected hand
//! configuration.rs  what an arm is set up with
//! move_to.rs    a planned move
//! model.rs      an arm's rigid-body model
//! simulator.rs  a simulated one
//! line.rs       calls to a worker or a child over shared memory
//! doorbell.rs   waking JavaScript by a descriptor
//! guard.rs      what signals do; guard/ has its handlers
//! background.rs work that blocks, as promises
//! view.rs       memory that JavaScript and we both see
//! failure.rs    errors with a code and details, as JavaScript gets them
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
mod offload;
mod policy;
mod session;
