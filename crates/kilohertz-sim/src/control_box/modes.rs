//! The modes of the control box, with the data of each: the motion that accepts commands, the stop in
//! progress, and the requests that wait for an answer; and what is counted since the last reset. The control
//! box changes all of it.

use franka::RobotMode;
use franka::wire::robot::MoveControllerMode;

use crate::control_box::cartesian::CartesianReference;
use crate::control_box::rules::Reception;
use crate::joints::Joints;
use crate::wire::generator::Generator;
use crate::wire::messages::{Setpoint, Ticket};

/// The outcome of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// The next tick uses it.
    Accepted,
    /// The command answers a state that is no longer the newest.
    Late,
    /// No motion accepts commands.
    Outside,
    /// The command answers a state that was never sent.
    Refused,
}

/// The target of an asynchronous motion.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Target {
    /// The highest velocities [rad/s].
    pub fastest: Joints,
    /// The target positions of the joints \[rad\]. Before the first command the joints stay where they are.
    pub q: Option<Joints>,
    /// Whether the client has ended the motion, so that the arm brakes.
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

/// The posture at the beginning of guiding. Directions that are not free stay there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hold {
    pub pose: [f64; 16],
    pub elbow: f64,
}

/// A motion that accepts commands.
#[derive(Debug)]
pub(crate) struct ActiveMotion {
    /// The `Move` that has to be answered, while its client is connected.
    pub ticket: Option<Ticket>,
    pub generator: Generator,
    pub controller: MoveControllerMode,
    pub reception: Reception,
    pub next: Option<Setpoint>,
    /// The newest state that a command has answered.
    pub answered: u64,
    /// The first state that shows the last command; 0 before the first command.
    pub obeyed: u64,
    pub first: bool,
    /// The first state that shows a command; 0 before the first command.
    pub begun: u64,
    /// The last commanded torques [N m].
    pub tau: Joints,
    /// The reference of a Cartesian motion generator for the end effector.
    pub cartesian: Option<CartesianReference>,
    /// The target of an asynchronous motion.
    pub asynchronous: Option<Target>,
}

impl ActiveMotion {
    /// Returns a motion that begins at state `now`. A Cartesian motion begins at `cartesian`.
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
            begun: 0,
            tau: [0.0; 7],
            cartesian,
            asynchronous: request.asynchronous.map(Target::new),
        }
    }

    /// Returns the cycle to which the state `now` belongs. The first command answers a state of cycle 0.
    pub fn cycle(&self, now: u64) -> u64 {
        match self.begun {
            0 => 0,
            begun => now.saturating_sub(begun) + 1,
        }
    }

    pub fn is_external(&self) -> bool {
        self.controller == MoveControllerMode::ExternalController
    }

    /// Accepts a command while `now` is the newest state. The newest command for this state counts.
    pub fn offer(&mut self, command: &Setpoint, now: u64, lockstep: bool) -> Offer {
        let answers = command.answers;
        if answers > now {
            return Offer::Refused;
        }
        // On the wall clock a command counts only for the newest state. In lockstep it counts for any state
        // that shows the last command, and each counts once. In an asynchronous motion a command holds until
        // the next one.
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

/// A motion that is being brought to rest, and the requests that wait for it.
#[derive(Debug)]
pub(crate) struct Stop {
    pub generator: Generator,
    pub controller: MoveControllerMode,
    pub moving: Option<Ticket>,
    pub stopping: Vec<Ticket>,
}

/// The arm's mode, with its data.
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
    /// A person guides the arm by hand.
    Guided(Hold),
}

impl Mode {
    /// Returns mode, motion generator and controller, as the state reports them.
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

    /// Returns the motion that accepts commands, if there is one.
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

/// What has been since the start or the last reset.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Episode {
    /// The arm's time at its beginning.
    pub began: u64,
    /// How many motions have started.
    pub motions: u64,
}
