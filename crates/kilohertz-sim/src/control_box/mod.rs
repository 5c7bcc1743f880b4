//! The arm's control box: its modes, its answers to requests, and one tick of a millisecond.
//!
//! Pure: the caller passes in requests and commands, and takes out replies and states. Time passes only in
//! [`ControlBox::tick`].
//!
//! `modes.rs` has the modes with their data, `rules.rs` the limits of joints and the lost-packet rule,
//! `reflex.rs` how the arm is stopped against its client's will, `guiding.rs` guiding by hand, `cartesian.rs` the
//! Cartesian motion generators, `inverse.rs` the inverse kinematics, `asynchronous.rs` asynchronous motions,
//! `state.rs` the state that the arm reports, `episode.rs` what makes a run repeatable: the cycles of a motion, and
//! the reset between two runs.

pub(crate) mod asynchronous;
pub(crate) mod cartesian;
pub(crate) mod episode;
mod guiding;
pub(crate) mod inverse;
pub(crate) mod modes;
mod reflex;
pub(crate) mod rules;
pub(crate) mod state;
#[cfg(test)]
mod tests;

use franka::wire::robot::{AutomaticErrorRecoveryStatus, MoveControllerMode, StopMoveStatus};
use franka::{MoveStatus, RobotMode};

use crate::body::arm::{Arm, Drive};
use crate::control_box::cartesian::CartesianReference;
use crate::control_box::modes::{ActiveMotion, Episode, Mode, Offer, Stop, WaitingMove};
use crate::control_box::rules::{Limits, Missing};
use crate::error::SimulatorError;
use crate::freedom::Freedom;
use crate::generation::{Envelope, Generation};
use crate::noise::Noise;
use crate::options::SimulatorOptions;
use crate::violation::{self, Violation};
use crate::wire::generator::Generator;
use crate::wire::messages::{Reply, Setpoint, Status, Ticket};
use crate::wire::request::Request;

/// The counters since the start.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    pub commands_lost: u64,
    pub longest_lost_run: u64,
    pub motions_started: u64,
    pub motions_finished: u64,
    pub motions_aborted: u64,
    pub reflexes: u64,
}

/// The control box with its arm.
#[derive(Debug)]
pub(crate) struct ControlBox {
    pub generation: Generation,
    pub arm: Arm,
    limits: Limits,
    /// The directions that may be guided by hand.
    guiding: Freedom,
    lockstep: bool,
    lost_packet_limit: u32,
    /// How many ticks a motion may wait for its first command.
    grace: u64,
    mode: Mode,
    waiting: Option<WaitingMove>,
    pub errors: Violation,
    pub reflex_reason: Violation,
    /// The number of the newest state, in milliseconds of the arm's time.
    pub time: u64,
    pub tally: Tally,
    /// The noise of the sensors.
    pub noise: Noise,
    episode: Episode,
    /// For how many ticks the arm has been coming to rest.
    restless: u32,
    replies: Vec<Reply>,
}

/// After this many ticks a client that waits for the arm to come to rest gets the answer that it does not.
/// This happens if the arm's load is too heavy for it.
const REST_PATIENCE: u32 = 5000;

impl ControlBox {
    pub fn new(options: &SimulatorOptions) -> Result<ControlBox, SimulatorError> {
        let grace = if options.lockstep {
            options.lockstep_timeout
        } else {
            options.first_command_grace
        };
        Ok(ControlBox {
            generation: options.generation,
            arm: Arm::new(
                options.generation,
                options.q,
                options.friction,
                &options.worn(),
            )?,
            limits: Limits::new(options.generation)?,
            guiding: Freedom::ALL,
            lockstep: options.lockstep,
            lost_packet_limit: options.lost_packet_limit,
            grace: grace.as_millis() as u64,
            mode: Mode::Idle,
            waiting: None,
            errors: Violation::NONE,
            reflex_reason: Violation::NONE,
            time: 0,
            tally: Tally::default(),
            noise: options.noise,
            episode: Episode::default(),
            restless: 0,
            replies: Vec::with_capacity(16),
        })
    }

    /// Takes the replies that are ready, oldest first.
    pub fn replies(&mut self) -> std::vec::Drain<'_, Reply> {
        self.replies.drain(..)
    }

    /// Returns mode, motion generator and controller, as the state reports them.
    pub fn modes(&self) -> (RobotMode, Option<(Generator, MoveControllerMode)>) {
        self.mode.reported()
    }

    /// Returns the reference of a Cartesian motion generator, if the motion has one.
    pub fn cartesian(&self) -> Option<CartesianReference> {
        self.mode.motion().and_then(|motion| motion.cartesian)
    }

    /// Returns the share of the last commands that came in time; 0 outside a motion.
    pub fn success_rate(&self) -> f64 {
        self.mode
            .motion()
            .map_or(0.0, |motion| motion.reception.success_rate())
    }

    /// Returns true if time stands still until the next command, in lockstep. That is so if a motion has no
    /// command for the newest state.
    pub fn awaits_command(&self) -> bool {
        self.lockstep
            && self
                .mode
                .motion()
                .is_some_and(|motion| motion.next.is_none() && motion.asynchronous.is_none())
    }

    /// Returns true if there is a motion that has had no command yet.
    pub fn awaits_first_command(&self) -> bool {
        self.mode.motion().is_some_and(|motion| motion.first)
    }

    /// Accepts a command. The newest command for the current state counts.
    pub fn offer(&mut self, command: &Setpoint) -> Offer {
        match &mut self.mode {
            Mode::Moving(motion) => motion.offer(command, self.time, self.lockstep),
            _ => Offer::Outside,
        }
    }

    /// Accepts a request. The reply is ready at once, or when the request has been carried out.
    pub fn request(&mut self, ticket: Ticket, request: Request) {
        match request {
            Request::Move {
                generator,
                controller,
                asynchronous,
            } => {
                self.start_move(WaitingMove {
                    ticket,
                    generator,
                    controller,
                    asynchronous,
                });
            }
            Request::StopMove => self.stop_move(ticket),
            Request::AutomaticErrorRecovery => self.recover(ticket),
            setter => {
                let possible =
                    matches!(self.mode, Mode::Idle | Mode::UserStopped) && self.waiting.is_none();
                if possible {
                    self.set(setter);
                }
                let status = if possible {
                    Status::SUCCESS
                } else {
                    Status::NOT_POSSIBLE
                };
                self.reply(ticket, status);
            }
        }
    }

    fn set(&mut self, setter: Request) {
        match setter {
            Request::SetJointImpedance(stiffness) => self.arm.stiffness = stiffness,
            Request::SetEeToK(frame) => self.arm.frames.ee_t_k = frame,
            Request::SetNeToEe(frame) => self.arm.frames.ne_t_ee = frame,
            Request::SetLoad(load) => self.arm.set_load(load),
            Request::SetGuidingMode(freedom) => self.guiding = freedom,
            Request::SetCollisionBehavior(behavior) => self.arm.collision = *behavior,
            _ => {}
        }
    }

    /// Called when the client has disconnected. No replies are needed any more, and a motion is over. The arm
    /// is brought to rest, while the next client already finds it idle.
    pub fn disconnect(&mut self) {
        self.waiting = None;
        match &mut self.mode {
            Mode::Moving(motion) => {
                motion.ticket = None;
                self.abort(MoveStatus::Aborted);
            }
            Mode::Stopping(_) => self.mode = Mode::Idle,
            Mode::Recovering(tickets) => tickets.clear(),
            Mode::Idle | Mode::Reflex | Mode::UserStopped | Mode::Guided(_) => {}
        }
    }

    /// Presses or releases the user stop.
    pub fn user_stop(&mut self, pressed: bool) {
        if pressed {
            self.abandon(
                MoveStatus::EmergencyAborted,
                StopMoveStatus::EmergencyAborted,
                AutomaticErrorRecoveryStatus::EmergencyAborted,
            );
            self.mode = Mode::UserStopped;
        } else if matches!(self.mode, Mode::UserStopped) {
            self.mode = self.unmoved();
        }
    }

    /// Returns the mode of an arm that is no longer held: `Reflex` if there are errors, else `Idle`.
    fn unmoved(&self) -> Mode {
        match self.errors.any() {
            true => Mode::Reflex,
            false => Mode::Idle,
        }
    }

    /// Advances the time by one millisecond: the newest command is used, the arm moves, and the number of the
    /// state increases.
    pub fn tick(&mut self) {
        self.time += 1;
        let drive = match &self.mode {
            Mode::Moving(motion) if motion.asynchronous.is_some() => self.follow_target(),
            Mode::Moving(_) => self.command_arm(),
            Mode::Guided(hold) => self.guided(hold),
            _ => {
                self.bring_to_rest();
                Drive::Internal
            }
        };
        self.arm.advance(drive, self.may_stand_still());
        if let Mode::Moving(motion) = &self.mode {
            if motion.generator == Generator::None {
                self.arm.reference_from_measured();
            }
            self.react();
        } else if matches!(self.mode, Mode::Guided(_)) {
            self.arm.reference_from_measured();
        } else {
            self.settle();
        }
    }

    /// Returns the drive for the newest command, or for its absence.
    fn command_arm(&mut self) -> Drive {
        let Mode::Moving(motion) = &mut self.mode else {
            return Drive::Internal;
        };
        let Some(command) = motion.next.take() else {
            return self.go_on_without();
        };
        motion.answered = command.answers;
        motion.obeyed = self.time;
        motion.reception.received();
        let first = std::mem::take(&mut motion.first);
        if first {
            motion.begun = self.time;
        }
        let Setpoint { tau, finished, .. } = command;
        let generator = motion.generator;
        let input: &[f64] = match generator {
            Generator::JointPosition => &command.q,
            Generator::JointVelocity => &command.dq,
            Generator::CartesianPose => &command.pose,
            Generator::CartesianVelocity => &command.twist,
            Generator::None => &[],
        };
        let elbow = command.elbow.iter().flatten();
        if !input.iter().chain(&tau).chain(elbow).all(|v| v.is_finite()) {
            return self.abort(MoveStatus::InputErrorAborted);
        }
        let external = motion.is_external();
        let generated = generator != Generator::None;
        let last_tau = std::mem::replace(&mut motion.tau, tau);
        let reference = &self.arm.reference;
        let next = match (generator, motion.cartesian) {
            (Generator::JointVelocity, _) => {
                self.limits.next(generator, reference, &command.dq, first)
            }
            (_, Some(last)) => {
                let bounds = self.generation.cartesian_envelope();
                last.next(&command, generator, bounds, &reference.q, first)
                    .and_then(|next| {
                        let envelope = self.generation.envelope();
                        let q = inverse::joints(&self.arm, &next, envelope);
                        motion.cartesian = Some(next);
                        let joints = self.limits.next(generator, reference, &q, first);
                        if finished {
                            next.finish(bounds)?;
                        }
                        joints
                    })
            }
            _ => self.limits.next(generator, reference, &command.q, first),
        };
        let checked = next.and_then(|next| {
            if external {
                self.limits.torque(&last_tau, &tau)?;
            }
            if finished && generated && !generator.is_cartesian() {
                self.limits.finish(&next)?;
            }
            Ok(next)
        });
        match checked {
            Err(violated) => {
                self.reflex(violated);
                Drive::Internal
            }
            Ok(next) => {
                self.arm.reference = next;
                if finished {
                    self.finish();
                    return Drive::Internal;
                }
                if external {
                    Drive::External(tau)
                } else {
                    Drive::Internal
                }
            }
        }
    }

    /// Applies the lost-packet rule: a motion goes on with constant acceleration, torques are used again, and
    /// too many lost commands in a row end the motion.
    fn go_on_without(&mut self) -> Drive {
        let Mode::Moving(motion) = &mut self.mode else {
            return Drive::Internal;
        };
        let drive = if motion.is_external() {
            Drive::External(motion.tau)
        } else {
            Drive::Internal
        };
        match motion.reception.missing(self.grace) {
            Missing::Waiting => {
                self.arm.reference = self.arm.reference.braked(self.envelope());
                drive
            }
            Missing::Lost(run) => {
                self.tally.commands_lost += 1;
                self.tally.longest_lost_run = self.tally.longest_lost_run.max(u64::from(run));
                if run >= self.lost_packet_limit {
                    self.reflex(Violation::of(violation::COMMUNICATION));
                    return Drive::Internal;
                }
                if motion.generator != Generator::None {
                    let last = &self.arm.reference;
                    let mut next = self.limits.extrapolated(last);
                    if let Some(pose) = &mut motion.cartesian {
                        *pose = pose.extrapolated(self.generation.cartesian_envelope());
                        let envelope = self.generation.envelope();
                        let q = inverse::joints(&self.arm, pose, envelope);
                        match self.limits.next(motion.generator, last, &q, false) {
                            Ok(through) => next = through,
                            Err(_) => *pose = pose.moved_to(&self.arm.pose_of(&next.q)),
                        }
                    }
                    self.arm.reference = next;
                }
                drive
            }
        }
    }

    /// Brakes for one millisecond. While recovering, it also moves the arm back inside the limits.
    fn bring_to_rest(&mut self) {
        let reference = &self.arm.reference;
        let mut target = [0.0; 7];
        if matches!(self.mode, Mode::Recovering(_)) {
            let (lower, upper) = (self.envelope().lower, self.envelope().upper);
            for i in 0..7 {
                let inside = reference.q[i].clamp(lower[i] + 1e-3, upper[i] - 1e-3);
                if reference.q[i] < lower[i] || reference.q[i] > upper[i] {
                    target[i] = (5.0 * (inside - reference.q[i])).clamp(-0.2, 0.2);
                }
            }
        }
        self.arm.reference = if target == [0.0; 7] {
            reference.braked(self.envelope())
        } else {
            reference.towards(&target, self.envelope())
        };
    }

    /// Carries out what has waited for the arm to come to rest.
    fn settle(&mut self) {
        let at_rest = self.is_at_rest();
        self.restless = if at_rest { 0 } else { self.restless + 1 };
        if !at_rest && self.restless < REST_PATIENCE {
            return;
        }
        self.restless = 0;
        match std::mem::replace(&mut self.mode, Mode::Idle) {
            Mode::Stopping(stop) => {
                if let Some(ticket) = stop.moving {
                    self.reply(ticket, Status::Move(MoveStatus::Preempted));
                }
                for ticket in stop.stopping {
                    self.reply(ticket, Status::Stop(StopMoveStatus::Success));
                }
            }
            Mode::Recovering(tickets) => {
                self.errors = Violation::NONE;
                self.arm.contacts = self.arm.felt;
                for ticket in tickets {
                    self.reply(
                        ticket,
                        Status::Recovery(AutomaticErrorRecoveryStatus::Success),
                    );
                }
            }
            Mode::Idle => match self.waiting.take() {
                Some(waiting) if at_rest => self.start_move(waiting),
                Some(waiting) => {
                    let status = Status::Move(MoveStatus::CommandNotPossibleRejected);
                    self.reply(waiting.ticket, status);
                }
                None => {}
            },
            other => self.mode = other,
        }
    }

    fn start_move(&mut self, request: WaitingMove) {
        if !matches!(self.mode, Mode::Idle) || self.waiting.is_some() {
            let status = Status::Move(MoveStatus::CommandNotPossibleRejected);
            return self.reply(request.ticket, status);
        }
        if !self.is_at_rest() {
            self.waiting = Some(request);
            return;
        }
        self.reflex_reason = Violation::NONE;
        self.tally.motions_started += 1;
        self.episode.motions += 1;
        let cartesian = request.generator.is_cartesian().then(|| {
            let pose = self.arm.pose_of(&self.arm.reference.q);
            CartesianReference::at_rest(pose, self.arm.reference.q[2])
        });
        self.mode = Mode::Moving(ActiveMotion::new(&request, self.time, cartesian));
        self.reply(request.ticket, Status::Move(MoveStatus::MotionStarted));
    }

    fn stop_move(&mut self, ticket: Ticket) {
        match &mut self.mode {
            Mode::Moving(_) => {
                self.begin_stop(ticket);
                self.tally.motions_aborted += 1;
            }
            Mode::Stopping(stop) => stop.stopping.push(ticket),
            Mode::Idle => {
                if let Some(waiting) = self.waiting.take() {
                    self.reply(waiting.ticket, Status::Move(MoveStatus::Preempted));
                }
                self.reply(ticket, Status::Stop(StopMoveStatus::Success));
            }
            Mode::Reflex | Mode::Recovering(_) | Mode::UserStopped | Mode::Guided(_) => {
                let status = StopMoveStatus::CommandNotPossibleRejected;
                self.reply(ticket, Status::Stop(status));
            }
        }
    }

    fn recover(&mut self, ticket: Ticket) {
        let status = match &mut self.mode {
            Mode::Reflex => {
                self.mode = Mode::Recovering(vec![ticket]);
                return;
            }
            Mode::Recovering(tickets) => {
                tickets.push(ticket);
                return;
            }
            Mode::Idle => {
                self.arm.contacts = self.arm.felt;
                AutomaticErrorRecoveryStatus::Success
            }
            Mode::Moving(_) | Mode::Stopping(_) | Mode::UserStopped | Mode::Guided(_) => {
                AutomaticErrorRecoveryStatus::CommandNotPossibleRejected
            }
        };
        self.reply(ticket, Status::Recovery(status));
    }

    /// Begins to stop a motion.
    fn begin_stop(&mut self, stopping: Ticket) {
        if let Mode::Moving(motion) = &self.mode {
            if motion.is_external() {
                self.arm.reference_from_measured();
            }
            self.mode = Mode::Stopping(Stop {
                generator: motion.generator,
                controller: motion.controller,
                moving: motion.ticket,
                stopping: vec![stopping],
            });
        }
    }

    fn finish(&mut self) {
        let Mode::Moving(motion) = std::mem::replace(&mut self.mode, Mode::Idle) else {
            return;
        };
        if motion.is_external() {
            self.arm.reference_from_measured();
        } else {
            self.arm.reference.dq = [0.0; 7];
            self.arm.reference.ddq = [0.0; 7];
        }
        self.tally.motions_finished += 1;
        if let Some(ticket) = motion.ticket {
            self.reply(ticket, Status::Move(MoveStatus::Success));
        }
    }

    fn reply(&mut self, ticket: Ticket, status: Status) {
        self.replies.push(Reply { ticket, status });
    }

    fn envelope(&self) -> &'static Envelope {
        self.generation.envelope()
    }
}
