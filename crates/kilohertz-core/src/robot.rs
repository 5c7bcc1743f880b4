//! The seam between the loop and a robot: the robot drives the tick.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::error::Error;
use std::time::Duration;

use crate::schema::Schema;
use crate::timing::pacer::Pacer;
use crate::timing::time::Time;
use crate::timing::wait::Waiter;

/// Why a robot cannot go on. The robot's crate defines the concrete error type.
pub type RobotError = Box<dyn Error + Send + Sync>;

/// One cycle, as the robot hands it to the loop.
#[derive(Debug)]
pub struct Cycle<'a> {
    /// When the cycle started: the observation's arrival, or the pacer's wake.
    pub started: Time,
    /// Ticks of the robot's clock that passed without a cycle since the last cycle.
    pub skipped: u64,
    /// The newest observation.
    pub observation: &'a [f64],
    /// Where the loop writes the action. It writes every slot.
    pub action: &'a mut [f64],
}

/// What the robot does after a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Send the action and go on.
    Continue,
    /// Send the action as the last one and return.
    Finish,
}

/// The loop, as a robot sees it.
pub trait Tick {
    /// Runs one cycle.
    fn cycle(&mut self, cycle: Cycle<'_>) -> Flow;

    /// Called when the action of the last cycle was handed to the robot. A robot calls this for every cycle
    /// or never: if its client does not report the moment, the end of the cycle counts instead. The cycle
    /// that finishes is counted only if this is called.
    fn sent(&mut self, at: Time);

    /// Returns true if the session is to end, for a robot that waits long between cycles.
    fn is_stopping(&self) -> bool;

    /// Reports that the robot's observations cannot be believed from the next cycle on. The loop then
    /// brings the robot to rest by what it has commanded, and the session ends. The robot keeps calling
    /// [`Tick::cycle`] until [`Flow::Finish`], each time with the last observation that was believed.
    /// [`Robot::drive`] then returns what was wrong.
    fn distrust(&mut self);

    /// Reports how many slots of the next observation are not finite although nothing depends on them. The
    /// loop counts them.
    fn not_finite(&mut self, _slots: u64) {}
}

/// A robot that a session can drive.
pub trait Robot: Send {
    /// Returns what the slots of an observation mean.
    fn observation(&self) -> &Schema;

    /// Returns what the slots of an action mean.
    fn action(&self) -> &Schema;

    /// Returns the time from one cycle to the next.
    fn period(&self) -> Duration;

    /// Runs cycles on the loop thread until the loop returns [`Flow::Finish`].
    ///
    /// The robot must be stopped when this returns, also when it returns by a panic.
    ///
    /// # Errors
    /// Returns an error if the robot cannot go on.
    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError>;
}

/// A robot without a clock, in Rust: it is read and written when the loop says so.
pub trait Device: Send {
    /// Returns what the slots of an observation mean.
    fn observation(&self) -> &Schema;

    /// Returns what the slots of an action mean.
    fn action(&self) -> &Schema;

    /// Writes the newest observation.
    ///
    /// # Errors
    /// Returns an error if the device cannot be read.
    fn observe(&mut self, observation: &mut [f64]) -> Result<(), RobotError>;

    /// Carries out `action`.
    ///
    /// # Errors
    /// Returns an error if the device cannot be written.
    fn act(&mut self, action: &[f64]) -> Result<(), RobotError>;
}

/// A [`Device`] with the pacer as its clock.
pub struct Paced<D> {
    device: D,
    period: Duration,
}

impl<D: Device> Paced<D> {
    /// Creates a robot from `device`, which is read and written once every `period`.
    ///
    /// # Panics
    /// Panics if `period` is zero.
    pub fn new(device: D, period: Duration) -> Paced<D> {
        assert!(!period.is_zero(), "a paced robot needs a period above zero");
        Paced { device, period }
    }
}

impl<D: Device> Robot for Paced<D> {
    fn observation(&self) -> &Schema {
        self.device.observation()
    }

    fn action(&self) -> &Schema {
        self.device.action()
    }

    fn period(&self) -> Duration {
        self.period
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        let mut observation = vec![0.0; self.device.observation().len()];
        let mut action = vec![0.0; self.device.action().len()];
        let mut waiter = Waiter::new(self.period);
        let mut now = Time::now();
        let mut pacer = Pacer::new(now, self.period);
        let mut stopping = false;
        loop {
            let due = pacer.next(now);
            // A stop ends one wait early. The cycles that bring the device to rest then keep their period.
            let started = waiter.wait(due.deadline, || !stopping && tick.is_stopping());
            stopping = tick.is_stopping();
            self.device.observe(&mut observation)?;
            let flow = tick.cycle(Cycle {
                started,
                skipped: due.missed,
                observation: &observation,
                action: &mut action,
            });
            if flow == Flow::Finish {
                return Ok(());
            }
            self.device.act(&action)?;
            now = Time::now();
            tick.sent(now);
        }
    }
}

/// The device of a robot in JavaScript: observing, deciding and acting all happen where the policy runs,
/// and the policy is woken once a cycle.
#[derive(Debug, Clone, Default)]
pub struct Elsewhere(Schema);

impl Device for Elsewhere {
    fn observation(&self) -> &Schema {
        &self.0
    }

    fn action(&self) -> &Schema {
        &self.0
    }

    fn observe(&mut self, _observation: &mut [f64]) -> Result<(), RobotError> {
        Ok(())
    }

    fn act(&mut self, _action: &[f64]) -> Result<(), RobotError> {
        Ok(())
    }
}
