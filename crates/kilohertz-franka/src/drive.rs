//! Driving an arm: read a state, run the loop body, write its command.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use franka::{
    ActiveMotionGenerator, ActiveMotionInput, ActiveTorqueControl, FrankaResult, JointPositions,
    JointVelocities, MoveControllerMode, RobotState, Torques, motion_finished,
};
use kilohertz_core::robot::{Cycle, Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;
use kilohertz_core::time::Time;

use crate::control::Control;
use crate::error::{ArmError, ArmErrorCode};
use crate::state;

/// An arm for one session. The arm is the clock: it sends a state every millisecond.
pub(crate) struct ArmRobot {
    client: Arc<franka::Robot>,
    control: Control,
    action: Schema,
    driven: Arc<AtomicBool>,
}

impl ArmRobot {
    /// Takes the arm for a session; it is free again when this is dropped.
    pub(crate) fn new(
        client: Arc<franka::Robot>,
        control: Control,
        driven: Arc<AtomicBool>,
    ) -> Result<ArmRobot, ArmError> {
        if driven.swap(true, Ordering::AcqRel) {
            return Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                "a session drives the arm already: stop it before starting another",
            ));
        }
        Ok(ArmRobot {
            client,
            control,
            action: control.action(),
            driven,
        })
    }
}

impl Drop for ArmRobot {
    fn drop(&mut self) {
        self.driven.store(false, Ordering::Release);
    }
}

impl Robot for ArmRobot {
    fn observation(&self) -> &Schema {
        &state::SCHEMA
    }

    fn action(&self) -> &Schema {
        &self.action
    }

    fn period(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        let driven = self.start_and_drive(tick);
        Ok(driven.map_err(ArmError::from)?)
    }
}

impl ArmRobot {
    fn start_and_drive(&self, tick: &mut dyn Tick) -> FrankaResult<()> {
        // Leaves whatever the last motion left in the client's picture of the robot behind.
        self.client.read_once()?;
        let impedance = MoveControllerMode::JointImpedance;
        match self.control {
            Control::JointVelocity => {
                let motion = self.client.start_joint_velocity_control(impedance)?;
                cycles(
                    Generator {
                        motion,
                        command: JointVelocities::new,
                    },
                    tick,
                )
            }
            Control::JointPosition | Control::JointTarget => {
                let motion = self.client.start_joint_position_control(impedance)?;
                cycles(
                    Generator {
                        motion,
                        command: JointPositions::new,
                    },
                    tick,
                )
            }
            Control::Torque => cycles(self.client.start_torque_control()?, tick),
        }
    }
}

/// A motion in progress. Dropping it stops the arm.
trait Motion {
    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)>;
    fn write(&mut self, action: [f64; 7], flow: Flow) -> FrankaResult<()>;
}

struct Generator<'a, T: ActiveMotionInput> {
    motion: ActiveMotionGenerator<'a, T>,
    command: fn([f64; 7]) -> T,
}

impl<T: ActiveMotionInput> Motion for Generator<'_, T> {
    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)> {
        self.motion.read_once()
    }

    fn write(&mut self, action: [f64; 7], flow: Flow) -> FrankaResult<()> {
        self.motion
            .write_once(&last_if(flow, (self.command)(action)), None)
    }
}

impl Motion for ActiveTorqueControl<'_> {
    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)> {
        self.read_once()
    }

    fn write(&mut self, action: [f64; 7], flow: Flow) -> FrankaResult<()> {
        self.write_once(&last_if(flow, Torques::new(action)))
    }
}

fn last_if<T: franka::Finishable>(flow: Flow, command: T) -> T {
    match flow {
        Flow::Continue => command,
        Flow::Finish => motion_finished(command),
    }
}

fn cycles(mut motion: impl Motion, tick: &mut dyn Tick) -> FrankaResult<()> {
    let mut observation = [0.0; state::LEN];
    let mut action = [0.0; 7];
    loop {
        let (robot_state, elapsed) = motion.read()?;
        let started = Time::now();
        state::write(&robot_state, &mut observation);
        let flow = tick.cycle(Cycle {
            started,
            skipped: elapsed.as_millis().saturating_sub(1),
            observation: &observation,
            action: &mut action,
        });
        if flow == Flow::Finish {
            // Counted as it goes out: the call returns when the arm has ended the motion.
            tick.sent(Time::now());
            return motion.write(action, flow);
        }
        motion.write(action, flow)?;
        tick.sent(Time::now());
    }
}
