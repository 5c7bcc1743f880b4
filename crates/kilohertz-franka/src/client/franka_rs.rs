//! `franka-rs` as the client: it is read and written.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;

use franka::{
    ActiveMotionGenerator, ActiveMotionInput, ActiveTorqueControl, CartesianPose,
    CartesianVelocities, FrankaResult, JointPositions, JointVelocities, MoveControllerMode,
    RobotState, Torques, motion_finished,
};
use kilohertz_core::robot::{Flow, Tick};
use kilohertz_core::timing::time::Time;
use kilohertz_geometry::orthonormal;

use crate::client::Connection;
use crate::client::entrance::{Drive, Entrance};
use crate::client::source::StateSource;
use crate::control::{Control, Impedance, Interface, leading};
use crate::error::ArmError;
use crate::setting::Setting;

/// A connection that accepts states from the arm only.
pub(crate) struct FrankaRsClient {
    robot: franka::Robot,
    source: Arc<StateSource>,
}

impl FrankaRsClient {
    /// Creates a client from a connection; `source` is its socket for states.
    pub fn new(robot: franka::Robot, source: Arc<StateSource>) -> FrankaRsClient {
        FrankaRsClient { robot, source }
    }
}

impl Drop for FrankaRsClient {
    fn drop(&mut self) {
        self.source.end();
    }
}

impl Connection for FrankaRsClient {
    fn state(&self) -> Result<RobotState, ArmError> {
        // The first read empties the socket's queue, which takes in nothing more once it is full. Its state
        // may be old.
        self.source.emptied(|| self.robot.read_once())?;
        Ok(self.robot.read_once()?)
    }

    fn recover(&self) -> Result<(), ArmError> {
        Ok(self.robot.automatic_error_recovery()?)
    }

    fn configure(&self, setting: &Setting) -> Result<(), ArmError> {
        Ok(configured!(self.robot, setting, set_ee, set_k)?)
    }

    fn drive(&self, drive: &Drive, tick: &mut dyn Tick) -> Result<(), ArmError> {
        // This discards what the last motion left in the client's view of the robot.
        let before = self.state()?;
        let mut entrance = Entrance::new(drive, before)?;
        let mut tick = self.source.driven(tick);
        let driven = start_and_drive(&self.robot, drive.interface, &mut entrance, &mut tick);
        entrance.outcome(driven.map_err(ArmError::from))
    }
}

fn start_and_drive(
    client: &franka::Robot,
    interface: Interface,
    entrance: &mut Entrance<'_>,
    tick: &mut dyn Tick,
) -> FrankaResult<()> {
    let controller = match interface.impedance {
        Impedance::Joint => MoveControllerMode::JointImpedance,
        Impedance::Cartesian => MoveControllerMode::CartesianImpedance,
        Impedance::External | Impedance::Law(_) => MoveControllerMode::ExternalController,
    };
    match interface.control {
        Control::JointVelocity => {
            let motion = client.start_joint_velocity_control(controller)?;
            let command = |action: &[f64], _| JointVelocities::new(leading(action));
            cycles(Generator::new(motion, command, interface), entrance, tick)
        }
        Control::JointPosition | Control::JointTarget => {
            let motion = client.start_joint_position_control(controller)?;
            let command = |action: &[f64], _| JointPositions::new(leading(action));
            cycles(Generator::new(motion, command, interface), entrance, tick)
        }
        Control::CartesianVelocity => {
            let motion = client.start_cartesian_velocity_control(controller)?;
            let command = |action: &[f64], elbow| match elbow {
                Some(elbow) => CartesianVelocities::with_elbow(leading(action), elbow),
                None => CartesianVelocities::new(leading(action)),
            };
            cycles(Generator::new(motion, command, interface), entrance, tick)
        }
        Control::CartesianPose | Control::CartesianTarget => {
            let motion = client.start_cartesian_pose_control(controller)?;
            // The pose is made exactly rigid, as the client requires.
            let command = |action: &[f64], elbow| match elbow {
                Some(elbow) => CartesianPose::with_elbow(orthonormal(&leading(action)), elbow),
                None => CartesianPose::new(orthonormal(&leading(action))),
            };
            cycles(Generator::new(motion, command, interface), entrance, tick)
        }
        Control::Torque => cycles(client.start_torque_control()?, entrance, tick),
    }
}

/// A motion in progress. Dropping it stops the arm.
trait ActiveControl {
    /// Returns how many slots its actions have.
    fn slots(&self) -> usize;
    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)>;
    fn write(
        &mut self,
        entrance: &mut Entrance<'_>,
        action: &[f64],
        flow: Flow,
    ) -> FrankaResult<()>;
}

struct Generator<'a, T: ActiveMotionInput, C> {
    motion: ActiveMotionGenerator<'a, T>,
    command: C,
    interface: Interface,
}

impl<'a, T: ActiveMotionInput, C: Fn(&[f64], Option<[f64; 2]>) -> T> Generator<'a, T, C> {
    fn new(motion: ActiveMotionGenerator<'a, T>, command: C, interface: Interface) -> Self {
        Generator {
            motion,
            command,
            interface,
        }
    }
}

impl<T: ActiveMotionInput, C: Fn(&[f64], Option<[f64; 2]>) -> T> ActiveControl
    for Generator<'_, T, C>
{
    fn slots(&self) -> usize {
        self.interface.slots()
    }

    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)> {
        self.motion.read_once()
    }

    fn write(
        &mut self,
        entrance: &mut Entrance<'_>,
        action: &[f64],
        flow: Flow,
    ) -> FrankaResult<()> {
        let (motion, behind) = action.split_at(self.interface.motion_slots());
        let elbow = entrance.elbow(motion);
        let motion = last_if(flow, (self.command)(motion, elbow));
        let torques = entrance.torques(behind).map(Torques::new);
        self.motion.write_once(&motion, torques.as_ref())
    }
}

impl ActiveControl for ActiveTorqueControl<'_> {
    fn slots(&self) -> usize {
        7
    }

    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)> {
        self.read_once()
    }

    fn write(
        &mut self,
        _entrance: &mut Entrance<'_>,
        action: &[f64],
        flow: Flow,
    ) -> FrankaResult<()> {
        self.write_once(&last_if(flow, Torques::new(leading(action))))
    }
}

fn last_if<T: franka::Finishable>(flow: Flow, command: T) -> T {
    match flow {
        Flow::Continue => command,
        Flow::Finish => motion_finished(command),
    }
}

fn cycles(
    mut motion: impl ActiveControl,
    entrance: &mut Entrance<'_>,
    tick: &mut dyn Tick,
) -> FrankaResult<()> {
    let mut action = [0.0; Control::MOST_SLOTS];
    let action = &mut action[..motion.slots()];
    loop {
        let (state, _elapsed) = motion.read()?;
        let flow = entrance.cycle(tick, Time::now(), &state, action);
        if flow == Flow::Finish {
            // This is counted before the call, because the call returns only when the arm has ended the
            // motion.
            tick.sent(Time::now());
            return motion.write(entrance, action, flow);
        }
        motion.write(entrance, action, flow)?;
        tick.sent(Time::now());
    }
}
