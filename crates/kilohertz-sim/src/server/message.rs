//! The messages to the arm's thread.

use std::net::SocketAddr;
use std::sync::mpsc::Sender;

use tokio::sync::mpsc::UnboundedSender;

use crate::error::SimulatorError;
use crate::fault::Fault;
use crate::joints::Joints;
use crate::wire::messages::{Reply, Ticket};
use crate::wire::request::Request;

/// Receives what came of an order.
pub(crate) type Done = Sender<Result<(), SimulatorError>>;

/// A message to the arm's thread.
pub(crate) enum Message {
    /// A client has connected: states go to `udp`, replies to `replies`.
    Connected {
        udp: SocketAddr,
        replies: UnboundedSender<Reply>,
    },
    /// A request of the connected client.
    Request { ticket: Ticket, request: Request },
    /// The client has disconnected.
    Disconnected,
    /// A fault, at once or at a cycle of a motion. `done` gets a message when it is in force, or when it is
    /// known that it will be.
    Inject {
        fault: Fault,
        at: Option<u64>,
        done: Done,
    },
    /// The arm stands at `q`, without faults; noise begins anew from `seed`.
    Reset { q: Joints, seed: u64, done: Done },
    /// The thread ends.
    Stop,
}
