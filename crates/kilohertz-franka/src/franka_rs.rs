//! `franka-rs` as the client: it is read and written.

use franka::{
    ActiveMotionGenerator, ActiveMotionInput, ActiveTorqueControl, CartesianPose,
    CartesianVelocities, FrankaResult, JointPositions, JointVelocities, MoveControllerMode,
    RobotState, Torques, motion_finished,
};
use kilohertz_core::robot::{Cycle, Flow, Tick};
use kilohertz_core::time::Time;

use crate::client::Connection;
use crate::configuration::Setting;
use crate::control::{Control, Impedance};
use crate::error::ArmError;
use crate::geometry::orthonormal;
use crate::state;

impl Connection for franka::Robot {
    fn state(&self) -> Result<RobotState, ArmError> {
        // The first read empties the socket's queue, which stopped taking in when it was full.
        self.read_once()?;
        Ok(self.read_once()?)
    }

    fn recover(&self) -> Result<(), ArmError> {
        Ok(self.automatic_error_recovery()?)
    }

    fn configure(&self, setting: &Setting) -> Result<(), ArmError> {
        Ok(match setting {
            Setting::CollisionBehavior {
                nominal,
                acceleration,
            } => self.set_collision_behavior(
                acceleration.lower_torques,
                acceleration.upper_torques,
                nominal.lower_torques,
                nominal.upper_torques,
                acceleration.lower_forces,
                acceleration.upper_forces,
                nominal.lower_forces,
                nominal.upper_forces,
            ),
            Setting::JointImpedance(stiffness) => self.set_joint_impedance(*stiffness),
            Setting::CartesianImpedance(stiffness) => self.set_cartesian_impedance(*stiffness),
            Setting::GuidingMode { axes, elbow } => self.set_guiding_mode(*axes, *elbow),
            Setting::EndEffector(frame) => self.set_ee(*frame),
            Setting::StiffnessFrame(frame) => self.set_k(*frame),
            Setting::Load {
                mass,
                centre,
                inertia,
            } => self.set_load(*mass, *centre, *inertia),
            Setting::Filters([joint, joint_rate, pose, twist, controller]) => {
                self.set_filters(*joint, *joint_rate, *pose, *twist, *controller)
            }
        }?)
    }

    fn drive(
        &self,
        control: Control,
        impedance: Impedance,
        tick: &mut dyn Tick,
    ) -> Result<(), ArmError> {
        Ok(start_and_drive(self, control, impedance, tick)?)
    }
}

fn start_and_drive(
    client: &franka::Robot,
    control: Control,
    impedance: Impedance,
    tick: &mut dyn Tick,
) -> FrankaResult<()> {
    // Leaves whatever the last motion left in the client's picture of the robot behind.
    client.read_once()?;
    let impedance = match impedance {
        Impedance::Joint => MoveControllerMode::JointImpedance,
        Impedance::Cartesian => MoveControllerMode::CartesianImpedance,
    };
    match control {
        Control::JointVelocity => {
            let motion = client.start_joint_velocity_control(impedance)?;
            let command = JointVelocities::new;
            cycles(Generator { motion, command }, tick)
        }
        Control::JointPosition | Control::JointTarget => {
            let motion = client.start_joint_position_control(impedance)?;
            let command = JointPositions::new;
            cycles(Generator { motion, command }, tick)
        }
        Control::CartesianVelocity => {
            let motion = client.start_cartesian_velocity_control(impedance)?;
            let command = CartesianVelocities::new;
            cycles(Generator { motion, command }, tick)
        }
        Control::CartesianPose | Control::CartesianTarget => {
            let motion = client.start_cartesian_pose_control(impedance)?;
            // Exactly rigid, as the client wants it.
            let command = |pose: [f64; 16]| CartesianPose::new(orthonormal(&pose));
            cycles(Generator { motion, command }, tick)
        }
        Control::Torque => cycles(client.start_torque_control()?, tick),
    }
}

/// A motion in progress, whose actions have `N` slots. Dropping it stops the arm.
trait Motion<const N: usize> {
    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)>;
    fn write(&mut self, action: [f64; N], flow: Flow) -> FrankaResult<()>;
}

struct Generator<'a, T: ActiveMotionInput, C> {
    motion: ActiveMotionGenerator<'a, T>,
    command: C,
}

impl<const N: usize, T: ActiveMotionInput, C: Fn([f64; N]) -> T> Motion<N> for Generator<'_, T, C> {
    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)> {
        self.motion.read_once()
    }

    fn write(&mut self, action: [f64; N], flow: Flow) -> FrankaResult<()> {
        self.motion
            .write_once(&last_if(flow, (self.command)(action)), None)
    }
}

impl Motion<7> for ActiveTorqueControl<'_> {
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

fn cycles<const N: usize>(mut motion: impl Motion<N>, tick: &mut dyn Tick) -> FrankaResult<()> {
    let mut observation = [0.0; state::LEN];
    let mut action = [0.0; N];
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
