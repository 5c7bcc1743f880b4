//! An FR3 without a server, for benches only. Its time advances with its commands.

use franka::wire::robot::{MoveControllerMode, MoveMotionGeneratorMode, RobotCommand, RobotState};
use zerocopy::IntoBytes;

use crate::SimulatorOptions;
use crate::control_box::ControlBox;
use crate::control_box::state::StateWriter;
use crate::error::SimulatorError;
use crate::wire::Datagram;
use crate::wire::generator::Generator;
use crate::wire::messages::Ticket;
use crate::wire::request::Request;

/// An arm in a motion.
#[derive(Debug)]
pub struct Stepped {
    robot: ControlBox,
    writer: StateWriter,
}

impl Stepped {
    /// Returns an FR3 that has started a motion.
    ///
    /// # Errors
    /// If `options` are invalid.
    pub fn start(
        options: &SimulatorOptions,
        mode: MoveMotionGeneratorMode,
    ) -> Result<Stepped, SimulatorError> {
        let generator = Generator::of(mode);
        let controller = match generator {
            Generator::None => MoveControllerMode::ExternalController,
            _ => MoveControllerMode::JointImpedance,
        };
        let mut robot = ControlBox::new(&SimulatorOptions {
            lockstep: true,
            ..options.clone()
        })?;
        let ticket = Ticket { command: 0, id: 0 };
        let request = Request::Move {
            generator,
            controller,
            asynchronous: None,
        };
        robot.request(ticket, request);
        let writer = StateWriter::default();
        Ok(Stepped { robot, writer })
    }

    /// Returns the next state, a millisecond after the last one. `command` answers the last state; `None` is
    /// a lost command. Allocates nothing.
    ///
    /// # Panics
    /// If the command ends the motion.
    pub fn step(&mut self, command: Option<&mut RobotCommand>) -> RobotState {
        let generation = self.robot.generation;
        let setpoint = command.and_then(|command| {
            command.message_id.set(self.robot.time);
            generation.setpoint(command.as_bytes())
        });
        if let Some(setpoint) = setpoint {
            self.robot.offer(&setpoint);
        }
        self.robot.tick();
        self.robot.replies().for_each(drop);
        match generation.datagram(&self.writer.write(&self.robot)) {
            Datagram::V10(state) if !self.robot.errors.any() => state,
            _ => panic!("the arm ended the motion: {:?}", self.robot.errors),
        }
    }
}
