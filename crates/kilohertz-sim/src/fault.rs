//! Faults on request.

use std::time::Duration;

use franka::{ERROR_NAMES, Errors};

use crate::corruption::Corruption;
use crate::error::{SimulatorError, rounded};

/// Something that goes wrong on purpose. In force when
/// [`Simulator::inject`](crate::Simulator::inject) has returned.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Fault {
    /// The next `count` states are not sent. In lockstep each counts as a lost command.
    DropStates {
        /// How many.
        count: u32,
    },
    /// The next `count` commands are thrown away on arrival.
    DropCommands {
        /// How many.
        count: u32,
    },
    /// The next `count` states leave `by` later; those after them may overtake them.
    DelayStates {
        /// How many.
        count: u32,
        /// Of wall time, at most 60 s.
        by: Duration,
    },
    /// The next `count` commands arrive `by` later.
    DelayCommands {
        /// How many.
        count: u32,
        /// Of wall time, at most 60 s.
        by: Duration,
    },
    /// The next `count` states are sent twice.
    DuplicateStates {
        /// How many.
        count: u32,
    },
    /// The next `count` commands arrive twice.
    DuplicateCommands {
        /// How many.
        count: u32,
    },
    /// Each of `count` states leaves behind the one after it.
    ReorderStates {
        /// How many are overtaken.
        count: u32,
    },
    /// Each of `count` commands arrives behind the one after it.
    ReorderCommands {
        /// How many are overtaken.
        count: u32,
    },
    /// The second half of the next `count` states is missing.
    TruncateStates {
        /// How many.
        count: u32,
    },
    /// The next `count` states have a number that was there before, as if they had long been on their way.
    OldStates {
        /// How many.
        count: u32,
    },
    /// The second half of the next `count` commands is missing: they are refused.
    TruncateCommands {
        /// How many.
        count: u32,
    },
    /// The next `count` states hold another value than the true one. Commands for them count.
    CorruptStates {
        /// How many.
        count: u32,
        /// The value, and where.
        with: Corruption,
    },
    /// `count` datagrams that mean nothing go before the next state, none as long as a state.
    NoiseDatagrams {
        /// How many.
        count: u32,
    },
    /// These bytes go to the client on the command channel.
    NoiseReply(Vec<u8>),
    /// The connection to the client is reset; the next client finds the arm as it should be.
    ResetConnection,
    /// The next `Connect` is answered `by` later.
    SlowConnect {
        /// Of wall time, at most 60 s.
        by: Duration,
    },
    /// A reflex by one of the arm's error names, such as `joint_reflex`.
    Reflex {
        /// One of [`franka::ERROR_NAMES`].
        error: String,
    },
    /// Presses (true) or releases (false) the user stop.
    UserStop(bool),
    /// Somebody pushes each joint with these torques [N m], until the next push; zeros let go. A positive one turns
    /// its joint forwards, and `tau_ext_hat_filtered` shows it with the opposite sign: what the arm applies to who
    /// pushes it.
    Push([f64; 7]),
    /// The next `Connect` is refused as incompatible, by a server of this version.
    RejectConnect {
        /// The version that the server claims.
        version: u16,
    },
    /// Closes the sockets abruptly and sends nothing more. The simulator cannot be used again.
    Die,
    /// The sockets stay open and nothing is sent any more; what arrives is ignored. The hand's too.
    Freeze,
    /// Of the hand alone. Without a hand nothing happens.
    Hand(HandFault),
}

/// Something that goes wrong with the hand on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HandFault {
    /// The next `Connect` is refused as incompatible, by a server of this version.
    RejectConnect {
        /// The version that the server claims.
        version: u16,
    },
    /// The next command fails at once.
    FailNext,
    /// Commands are never answered any more, and do nothing; states go on.
    Deaf,
    /// Closes the hand's sockets abruptly, for good. The arm goes on.
    Die,
    /// The hand's sockets stay open and nothing is sent any more; what arrives is ignored.
    Freeze,
}

/// An arm gives as much [N m].
const MAX_PUSH: f64 = 87.0;
const LONGEST_DELAY: Duration = Duration::from_secs(60);

impl Fault {
    pub(crate) fn validate(&self) -> Result<(), SimulatorError> {
        let refused = |fault, received: String, expected: String| {
            Err(SimulatorError::Fault {
                fault,
                received,
                expected,
            })
        };
        match self {
            Fault::DelayStates { by, .. } if *by > LONGEST_DELAY => refused(
                "DelayStates",
                format!("{by:?}"),
                format!("at most {LONGEST_DELAY:?}"),
            ),
            Fault::DelayCommands { by, .. } if *by > LONGEST_DELAY => refused(
                "DelayCommands",
                format!("{by:?}"),
                format!("at most {LONGEST_DELAY:?}"),
            ),
            Fault::SlowConnect { by } if *by > LONGEST_DELAY => refused(
                "SlowConnect",
                format!("{by:?}"),
                format!("at most {LONGEST_DELAY:?}"),
            ),
            Fault::Reflex { error } if Errors::index_of(error).is_none() => refused(
                "Reflex",
                format!("the error name {error:?}"),
                format!("one of {}", ERROR_NAMES.join(", ")),
            ),
            Fault::CorruptStates { with, .. } if !with.is_possible() => refused(
                "CorruptStates",
                format!("{}[{}] = {}", with.field, with.index, rounded(with.value)),
                "a number and an index in a field of libfranka's RobotState, as in tau_J_d[6]; for \
                 robot_mode a number from 0 to 255, for time a finite one"
                    .to_owned(),
            ),
            Fault::Push(torques) if !torques.iter().all(|tau| tau.abs() <= MAX_PUSH) => refused(
                "Push",
                format!("[{}]", torques.map(rounded).join(", ")),
                format!("7 torques of at most {} N m", rounded(MAX_PUSH)),
            ),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_an_error_that_the_arm_does_not_have() {
        let error = Fault::Reflex {
            error: "bad_mood".into(),
        }
        .validate()
        .unwrap_err();
        assert_eq!(error.code(), "SIM_FAULT");
        assert!(error.to_string().contains("bad_mood"));
        assert!(error.to_string().contains("joint_reflex"));
        Fault::Reflex {
            error: "joint_reflex".into(),
        }
        .validate()
        .unwrap();
    }

    #[test]
    fn refuses_to_corrupt_what_no_state_has() {
        let fault = |field: &str, index, value| Fault::CorruptStates {
            count: 1,
            with: Corruption {
                field: field.to_owned(),
                index,
                value,
            },
        };
        for refused in [
            fault("mood", 0, 1.0),
            fault("q", 7, 1.0),
            fault("time", 0, f64::NAN),
            fault("robot_mode", 0, 256.0),
        ] {
            assert_eq!(refused.validate().unwrap_err().code(), "SIM_FAULT");
        }
        for possible in [
            fault("q", 6, f64::NAN),
            fault("time", 0, -1e6),
            fault("robot_mode", 0, 9.0),
        ] {
            possible.validate().unwrap();
        }
    }

    #[test]
    fn refuses_an_endless_delay() {
        let (count, by) = (1, Duration::MAX);
        for fault in [
            Fault::DelayStates { count, by },
            Fault::DelayCommands { count, by },
            Fault::SlowConnect { by },
        ] {
            assert_eq!(fault.validate().unwrap_err().code(), "SIM_FAULT");
        }
    }
}
