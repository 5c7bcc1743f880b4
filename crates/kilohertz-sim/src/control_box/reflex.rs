//! How a motion ends against its client's will: by a reflex, or aborted. `rules.rs` and `cartesian.rs` decide which
//! commands and which measured motions cause a reflex, `body/contact.rs` which contacts.

use franka::MoveStatus;
use franka::wire::robot::{AutomaticErrorRecoveryStatus, StopMoveStatus};

use crate::body::arm::Drive;
use crate::control_box::ControlBox;
use crate::control_box::modes::Mode;
use crate::violation::Violation;
use crate::wire::messages::Status;

impl ControlBox {
    /// Stops the arm by a reflex if it has moved out of its limits or feels a collision.
    pub(super) fn react(&mut self) {
        let arm = &self.arm;
        let felt = arm.felt.reflex();
        let measured = self.limits.measured(&arm.pose.q, &arm.pose.dq, &arm.tau_j);
        if let Err(violated) = measured {
            self.reflex(violated);
        } else if felt.any() {
            self.reflex(felt);
        }
    }

    /// Stops the arm by a reflex.
    pub fn reflex(&mut self, reason: Violation) {
        self.abandon(
            MoveStatus::ReflexAborted,
            StopMoveStatus::ReflexAborted,
            AutomaticErrorRecoveryStatus::ReflexAborted,
        );
        self.errors = reason;
        self.reflex_reason = reason;
        self.tally.reflexes += 1;
        if !matches!(self.mode, Mode::UserStopped) {
            self.mode = Mode::Reflex;
        }
    }

    /// Ends a motion without a reflex.
    pub(super) fn abort(&mut self, status: MoveStatus) -> Drive {
        self.abandon(
            status,
            StopMoveStatus::Aborted,
            AutomaticErrorRecoveryStatus::Aborted,
        );
        Drive::Internal
    }

    /// Answers all waiting requests, brakes the arm, and leaves the mode idle.
    pub(super) fn abandon(
        &mut self,
        motion_status: MoveStatus,
        stop_status: StopMoveStatus,
        recovery_status: AutomaticErrorRecoveryStatus,
    ) {
        if let Some(waiting) = self.waiting.take() {
            self.reply(waiting.ticket, Status::Move(motion_status));
        }
        match std::mem::replace(&mut self.mode, Mode::Idle) {
            Mode::Moving(motion) => {
                self.tally.motions_aborted += 1;
                if motion.is_external() {
                    self.arm.reference_from_measured();
                }
                if let Some(ticket) = motion.ticket {
                    self.reply(ticket, Status::Move(motion_status));
                }
            }
            Mode::Stopping(stop) => {
                if let Some(ticket) = stop.moving {
                    self.reply(ticket, Status::Move(motion_status));
                }
                for ticket in stop.stopping {
                    self.reply(ticket, Status::Stop(stop_status));
                }
            }
            Mode::Recovering(tickets) => {
                for ticket in tickets {
                    self.reply(ticket, Status::Recovery(recovery_status));
                }
            }
            Mode::UserStopped => self.mode = Mode::UserStopped,
            Mode::Idle | Mode::Reflex | Mode::Guided(_) => {}
        }
    }
}
