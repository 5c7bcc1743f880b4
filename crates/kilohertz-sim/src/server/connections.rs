//! The connections of a simulator: the faults of the arm's TCP side, and the hand.

use std::sync::Arc;

use crate::fault::{Fault, HandFault};
use crate::server::commands::{Gate, Life};
use crate::server::hand::SharedHand;

/// The TCP side of the arm, and the hand, if there is one.
#[derive(Debug, Clone)]
pub(crate) struct Connections {
    pub gate: Arc<Gate>,
    pub hand: Option<Arc<SharedHand>>,
}

impl Connections {
    /// Makes the part of a fault that is not the arm's thread's.
    pub fn suffer(&self, fault: &Fault) {
        match fault {
            Fault::RejectConnect { version } => self.gate.reject_next(*version),
            Fault::SlowConnect { by } => self.gate.answer_next_late(*by),
            Fault::NoiseReply(bytes) => self.gate.say(bytes),
            Fault::ResetConnection => self.gate.reset(),
            Fault::Die => self.end(Life::Dead),
            Fault::Freeze => {
                if let Some(hand) = &self.hand {
                    hand.suffer(HandFault::Freeze);
                }
            }
            _ => {}
        }
    }

    /// Ends all connections. The first call decides in which way.
    pub fn end(&self, life: Life) {
        self.gate.end(life);
        if let Some(hand) = &self.hand {
            hand.end(life);
        }
    }
}
