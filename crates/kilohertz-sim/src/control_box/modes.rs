//! The modes of the control box, with what belongs to each: the motion that takes commands, the stop that is
//! under way, and who waits for an answer. The control box changes them.

use franka::RobotMode;
use franka::wire::robot::MoveControllerMode;

use crate::control_box::cartesian::CartesianReference;
use crate::control_box::rules::Reception;
use crate::joints::Joints;
use crate::wire::generator::Generator;
use crate::wire::messages::{Setpoint, Ticket};

/// What became of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The next tick uses it.
    Accepted,
    /// It answers a state that is no longer the newest.
    Late,
    /// No motion takes commands.
    Outside,
    /// It answers a state that has not been sent.
    Refused,
}

/// What the client of a motion wants that the arm makes itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// The highest velocities [rad/s].
    pub fastest: Joints,
    /// Where the joints are to be \[rad\]; where they are, before the first command.
    pub q: Option<Joints>,
    /// The client has ended the motion, and the arm brakes.
    pub is_over: bool,
}

impl Target {
    pub fn new(fastest: Joints) -> Target {
        Target {
            fastest,
            q: None,
            is_over: false,
        }
    }
}

/// Where the guiding began: what is not free stays there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    pub pose: [f64; 16],
    pub elbow: f64,
}

/// A motion that takes commands.
#[derive(Debug)]
pub(crate) struct ActiveMotion {
    /// The `Move` that is to be answered, while its client is there.
    pub ticket: Option<Ticket>,
    pub generator: Generator,
    pub controller: MoveControllerMode,
    pub reception: Reception,
    pub next: Option<Setpoint>,
    /// Newest state that a command has answered.
    pub answered: u64,
    /// The first state that shows the last command; 0 before the first one.
    pub obeyed: u64,
    pub first: bool,
    /// Last commanded torques [N m].
    pub tau: Joints,
    /// Where a Cartesian motion generator wants the end effector.
    pub cartesian: Option<CartesianReference>,
    /// Where the client wants the joints of a motion that the arm makes itself.
    pub asynchronous: Option<Target>,
}

impl ActiveMotion {
    /// A motion that begins at state `now`; a Cartesian one begins at `cartesian`.
    pub fn new(
        request: &WaitingMove,
        now: u64,
        cartesian: Option<CartesianReference>,
    ) -> ActiveMotion {
        ActiveMotion {
            ticket: Some(request.ticket),
            generator: request.generator,
            controller: request.controller,
            reception: Reception::default(),
            next: None,
            answered: now,
            obeyed: 0,
            first: true,
            tau: [0.0; 7],
            cartesian,
            asynchronous: request.asynchronous.map(Target::new),
        }
    }

    pub fn is_external(&self) -> bool {
        self.controller == MoveControllerMode::ExternalController
    }

    /// Hands in a command while `now` is the newest state; the newest command for it counts.
    pub fn offer(&mut self, command: &Setpoint, now: u64, lockstep: bool) -> Offer {
        let answers = command.answers;
        if answers > now {
            return Offer::Refused;
        }
        // On the wall clock a command is for the newest state or for none. In lockstep it is for any
        // state that knows of the last command, and each counts once. Where the arm makes the motion, a command
        // holds until another.
        let late = if self.asynchronous.is_some() {
            answers < self.answered
        } else if lockstep {
            let newest = self.next.map_or(self.answered, |next| next.answers);
            answers <= newest || answers < self.obeyed
        } else {
            answers < now
        };
        if late {
            return Offer::Late;
        }
        self.next = Some(*command);
        Offer::Accepted
    }
}

/// A motion that is being brought to rest, and who waits for it.
#[derive(Debug)]
pub(crate) struct Stop {
    pub generator: Generator,
    pub controller: MoveControllerMode,
    pub moving: Option<Ticket>,
    pub stopping: Vec<Ticket>,
}

/// The arm's mode, and what belongs to it.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one, and a box would be an allocation"
)]
pub(crate) enum Mode {
    Idle,
    Moving(ActiveMotion),
    Stopping(Stop),
    Reflex,
    Recovering(Vec<Ticket>),
    UserStopped,
    /// Somebody guides the arm by hand.
    Guided(Hold),
}

impl Mode {
    /// Mode, motion generator and controller, as the state reports them.
    pub fn reported(&self) -> (RobotMode, Option<(Generator, MoveControllerMode)>) {
        match self {
            Mode::Idle => (RobotMode::Idle, None),
            Mode::Moving(m) => (RobotMode::Move, Some((m.generator, m.controller))),
            Mode::Stopping(s) => (RobotMode::Move, Some((s.generator, s.controller))),
            Mode::Reflex => (RobotMode::Reflex, None),
            Mode::Recovering(_) => (RobotMode::AutomaticErrorRecovery, None),
            Mode::UserStopped => (RobotMode::UserStopped, None),
            Mode::Guided(_) => (RobotMode::Guiding, None),
        }
    }

    /// The motion that takes commands, if there is one.
    pub fn motion(&self) -> Option<&ActiveMotion> {
        match self {
            Mode::Moving(motion) => Some(motion),
            _ => None,
        }
    }
}

/// A `Move` that waits for the arm to come to rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitingMove {
    pub ticket: Ticket,
    pub generator: Generator,
    pub controller: MoveControllerMode,
    pub asynchronous: Option<Joints>,
}
