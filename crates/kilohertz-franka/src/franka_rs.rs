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
use crate::control::{Control, Impedance, taken};
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
    let controller = match impedance {
        Impedance::Joint => MoveControllerMode::JointImpedance,
        Impedance::Cartesian => MoveControllerMode::CartesianImpedance,
        Impedance::External => MoveControllerMode::ExternalController,
    };
    let shape = Shape {
        slots: control.slots(),
        torques: control.has_torques(impedance),
    };
    match control {
        Control::JointVelocity => {
            let motion = client.start_joint_velocity_control(controller)?;
            let command = |action: &[f64]| JointVelocities::new(taken(action));
            cycles(Generator::new(motion, command, shape), tick)
        }
        Control::JointPosition | Control::JointTarget => {
            let motion = client.start_joint_position_control(controller)?;
            let command = |action: &[f64]| JointPositions::new(taken(action));
            cycles(Generator::new(motion, command, shape), tick)
        }
        Control::CartesianVelocity => {
            let motion = client.start_cartesian_velocity_control(controller)?;
            let command = |action: &[f64]| CartesianVelocities::new(taken(action));
            cycles(Generator::new(motion, command, shape), tick)
        }
        Control::CartesianPose | Control::CartesianTarget => {
            let motion = client.start_cartesian_pose_control(controller)?;
            // Exactly rigid, as the client wants it.
            let command = |action: &[f64]| CartesianPose::new(orthonormal(&taken(action)));
            cycles(Generator::new(motion, command, shape), tick)
        }
        Control::Torque => cycles(client.start_torque_control()?, tick),
    }
}

/// A motion in progress. Dropping it stops the arm.
trait Motion {
    /// How many slots its actions have.
    fn slots(&self) -> usize;
    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)>;
    fn write(&mut self, action: &[f64], flow: Flow) -> FrankaResult<()>;
}

/// What an action of a motion generator holds.
struct Shape {
    /// How many slots are the motion's.
    slots: usize,
    /// Whether torques come behind them.
    torques: bool,
}

struct Generator<'a, T: ActiveMotionInput, C> {
    motion: ActiveMotionGenerator<'a, T>,
    command: C,
    shape: Shape,
}

impl<'a, T: ActiveMotionInput, C: Fn(&[f64]) -> T> Generator<'a, T, C> {
    fn new(motion: ActiveMotionGenerator<'a, T>, command: C, shape: Shape) -> Self {
        Generator {
            motion,
            command,
            shape,
        }
    }
}

impl<T: ActiveMotionInput, C: Fn(&[f64]) -> T> Motion for Generator<'_, T, C> {
    fn slots(&self) -> usize {
        self.shape.slots + if self.shape.torques { 7 } else { 0 }
    }

    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)> {
        self.motion.read_once()
    }

    fn write(&mut self, action: &[f64], flow: Flow) -> FrankaResult<()> {
        let (motion, torques) = action.split_at(self.shape.slots);
        let motion = last_if(flow, (self.command)(motion));
        let torques = self.shape.torques.then(|| Torques::new(taken(torques)));
        self.motion.write_once(&motion, torques.as_ref())
    }
}

impl Motion for ActiveTorqueControl<'_> {
    fn slots(&self) -> usize {
        7
    }

    fn read(&mut self) -> FrankaResult<(RobotState, franka::Duration)> {
        self.read_once()
    }

    fn write(&mut self, action: &[f64], flow: Flow) -> FrankaResult<()> {
        self.write_once(&last_if(flow, Torques::new(taken(action))))
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
    let mut action = [0.0; Control::MOST_SLOTS];
    let action = &mut action[..motion.slots()];
    loop {
        let (robot_state, elapsed) = motion.read()?;
        let started = Time::now();
        state::write(&robot_state, &mut observation);
        let flow = tick.cycle(Cycle {
            started,
            skipped: elapsed.as_millis().saturating_sub(1),
            observation: &observation,
            action,
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
