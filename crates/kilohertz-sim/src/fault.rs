//! Faults that can be injected.

use std::time::Duration;

use franka::{ERROR_NAMES, Errors};

use crate::corruption::Corruption;
use crate::error::{SimulatorError, rounded};

/// A fault that is injected into the simulator. It is in force when
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
    /// Each of `count` states is sent after the next one.
    ReorderStates {
        /// How many are overtaken.
        count: u32,
    },
    /// Each of `count` commands arrives after the next one.
    ReorderCommands {
        /// How many are overtaken.
        count: u32,
    },
    /// The second half of the next `count` states is missing.
    TruncateStates {
        /// How many.
        count: u32,
    },
    /// The next `count` states have the number of an earlier state, as if they had been delayed for long.
    OldStates {
        /// How many.
        count: u32,
    },
    /// The second half of the next `count` commands is missing, so they are refused.
    TruncateCommands {
        /// How many.
        count: u32,
    },
    /// The next `count` states have a wrong value. Commands that answer them count.
    CorruptStates {
        /// How many.
        count: u32,
        /// The value and its place.
        with: Corruption,
    },
    /// `count` meaningless datagrams are sent before the next state. None has the length of a state.
    NoiseDatagrams {
        /// How many.
        count: u32,
    },
    /// These bytes are sent to the client on the command channel.
    NoiseReply(Vec<u8>),
    /// The connection to the client is reset. The next client finds the arm in order.
    ResetConnection,
    /// The answer to the next `Connect` is delayed by `by`.
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
    /// Presses (true) or releases (false) the guiding buttons at the flange. Pressing them ends a motion.
    /// Until they are released, a push moves the arm in the directions that `SetGuidingMode` has freed.
    Guide(bool),
    /// A person pushes the joints with these torques [N m], until the next `Push`; zeros end it. A positive
    /// torque turns its joint forwards. `tau_ext_hat_filtered` shows it with the opposite sign, because it is
    /// the torque that the arm applies to the person.
    Push([f64; 7]),
    /// The next `Connect` is refused as incompatible, by a server of this version.
    RejectConnect {
        /// The version that the server claims.
        version: u16,
    },
    /// Closes the sockets abruptly and sends nothing more. The simulator cannot be used again.
    Die,
    /// The sockets of the arm and of the hand stay open, but nothing more is sent, and everything that
    /// arrives is ignored.
    Freeze,
    /// A fault of the hand. Without a hand it has no effect.
    Hand(HandFault),
}

/// A fault of the hand that is injected.
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
    /// Commands have no effect and no answer any more. States are still sent.
    Deaf,
    /// Closes the hand's sockets abruptly, and they stay closed. The arm goes on.
    Die,
    /// The hand's sockets stay open, but nothing more is sent, and everything that arrives is ignored.
    Freeze,
}

/// The properties of a fault, with the names of the TypeScript API. An absent property has the fault's
/// default, if there is one.
#[derive(Debug, Clone, Default)]
pub struct FaultFields {
    /// How many datagrams the fault affects; 1 by default.
    pub count: Option<u32>,
    /// The delay [s]; 0 by default.
    pub by_s: Option<f64>,
    /// The name of a reflex's error; `joint_reflex` by default.
    pub error: Option<String>,
    /// Whether the user stop or the guiding buttons are pressed; true by default.
    pub pressed: Option<bool>,
    /// The torques of a push on the joints [N m], 7.
    pub torques_nm: Option<Vec<f64>>,
    /// The version that a server claims; the next older one by default.
    pub version: Option<u16>,
    /// The field in which a state is wrong.
    pub field: Option<String>,
    /// The index of the wrong value in the field; 0 by default.
    pub index: Option<u32>,
    /// The wrong value; NaN by default.
    pub value: Option<f64>,
}

/// Makes a fault from its properties.
type Made = fn(FaultFields) -> Result<Fault, SimulatorError>;

impl FaultFields {
    fn count(&self) -> u32 {
        self.count.unwrap_or(1)
    }

    fn by(&self) -> Duration {
        Duration::try_from_secs_f64(self.by_s.unwrap_or(0.0)).unwrap_or(Duration::MAX)
    }
}

/// The faults with their names in the TypeScript API.
const NAMED: &[(&str, Made)] = &[
    ("dropStates", |of| {
        Ok(Fault::DropStates { count: of.count() })
    }),
    ("dropCommands", |of| {
        Ok(Fault::DropCommands { count: of.count() })
    }),
    ("delayStates", |of| {
        let (count, by) = (of.count(), of.by());
        Ok(Fault::DelayStates { count, by })
    }),
    ("delayCommands", |of| {
        let (count, by) = (of.count(), of.by());
        Ok(Fault::DelayCommands { count, by })
    }),
    ("duplicateStates", |of| {
        Ok(Fault::DuplicateStates { count: of.count() })
    }),
    ("duplicateCommands", |of| {
        Ok(Fault::DuplicateCommands { count: of.count() })
    }),
    ("reorderStates", |of| {
        Ok(Fault::ReorderStates { count: of.count() })
    }),
    ("reorderCommands", |of| {
        Ok(Fault::ReorderCommands { count: of.count() })
    }),
    ("truncateStates", |of| {
        Ok(Fault::TruncateStates { count: of.count() })
    }),
    ("truncateCommands", |of| {
        Ok(Fault::TruncateCommands { count: of.count() })
    }),
    ("oldStates", |of| Ok(Fault::OldStates { count: of.count() })),
    ("corruptStates", |of| {
        Ok(Fault::CorruptStates {
            count: of.count(),
            with: Corruption {
                field: of.field.unwrap_or_default(),
                index: of.index.unwrap_or(0) as usize,
                value: of.value.unwrap_or(f64::NAN),
            },
        })
    }),
    ("noiseDatagrams", |of| {
        Ok(Fault::NoiseDatagrams { count: of.count() })
    }),
    ("reflex", |of| {
        let error = of.error.unwrap_or_else(|| "joint_reflex".to_owned());
        Ok(Fault::Reflex { error })
    }),
    ("userStop", |of| {
        Ok(Fault::UserStop(of.pressed.unwrap_or(true)))
    }),
    ("guide", |of| Ok(Fault::Guide(of.pressed.unwrap_or(true)))),
    ("push", |of| {
        let torques = of.torques_nm.unwrap_or_default();
        let len = torques.len();
        let made = torques.try_into().map(Fault::Push);
        made.map_err(|_| SimulatorError::Fault {
            fault: "push".to_owned(),
            received: format!("torquesNm of length {len}"),
            expected: "7 torques [N m]".to_owned(),
        })
    }),
    ("rejectConnect", |of| {
        let version = of.version.unwrap_or(5);
        Ok(Fault::RejectConnect { version })
    }),
    ("slowConnect", |of| Ok(Fault::SlowConnect { by: of.by() })),
    ("resetConnection", |_| Ok(Fault::ResetConnection)),
    ("die", |_| Ok(Fault::Die)),
    ("freeze", |_| Ok(Fault::Freeze)),
    ("handRejectConnect", |of| {
        let version = of.version.unwrap_or(2);
        Ok(Fault::Hand(HandFault::RejectConnect { version }))
    }),
    ("handFailNext", |_| Ok(Fault::Hand(HandFault::FailNext))),
    ("handDeaf", |_| Ok(Fault::Hand(HandFault::Deaf))),
    ("handDie", |_| Ok(Fault::Hand(HandFault::Die))),
    ("handFreeze", |_| Ok(Fault::Hand(HandFault::Freeze))),
];

/// The largest torque of a push [N m], which is the largest torque of an arm's joint.
const MAX_PUSH: f64 = 87.0;
const LONGEST_DELAY: Duration = Duration::from_secs(60);

impl Fault {
    /// Returns the names of the faults in the TypeScript API.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMED.iter().map(|(name, _)| *name)
    }

    /// Returns the fault with this name and these properties.
    ///
    /// # Errors
    /// [`SimulatorError::Fault`] if there is no such fault, or it cannot have these properties.
    pub fn named(name: &str, of: FaultFields) -> Result<Fault, SimulatorError> {
        let found = NAMED.iter().find(|(known, _)| *known == name);
        let (_, made) = found.ok_or_else(|| SimulatorError::Fault {
            fault: name.to_owned(),
            received: "a name that no fault has".to_owned(),
            expected: Fault::names().collect::<Vec<_>>().join(", "),
        })?;
        made(of)
    }

    /// Whether a cycle of a motion can be the time of this fault.
    pub(crate) fn can_wait_for_a_cycle(&self) -> bool {
        !matches!(
            self,
            Fault::RejectConnect { .. } | Fault::SlowConnect { .. } | Fault::Hand(_)
        )
    }

    pub(crate) fn validate(&self) -> Result<(), SimulatorError> {
        let refused = |fault: &str, received: String, expected: String| {
            Err(SimulatorError::Fault {
                fault: fault.to_owned(),
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
    fn makes_each_fault_by_its_name_and_says_which_there_are() {
        let of = FaultFields {
            torques_nm: Some(vec![0.0; 7]),
            field: Some("q".to_owned()),
            ..FaultFields::default()
        };
        for name in Fault::names() {
            Fault::named(name, of.clone()).unwrap().validate().unwrap();
        }
        let short = FaultFields {
            torques_nm: Some(vec![0.0; 6]),
            ..FaultFields::default()
        };
        assert!(Fault::named("push", short).is_err());
        let unknown = Fault::named("badMood", FaultFields::default()).unwrap_err();
        assert_eq!(unknown.code(), "SIM_FAULT");
        assert!(unknown.to_string().contains("dropStates, dropCommands"));
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
