//! What a robot may be commanded, and how it is brought to rest.
//!
//! The loop asks its robot's limits four things: what does this answer break, how far towards it may
//! the robot go in one cycle, how does it keep moving without one, how does it come to rest. A robot
//! crate answers them for its own command kinds; [`JointMotion`] is the arithmetic they share.
//! Whether an action that breaks a limit ends the session or is carried out as far as the limits
//! allow is the session's choice, kind by kind: [`LimitRules`].

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::fmt;

use crate::command::interpolation::Between;
use crate::command::judge::{Judgement, Sequence};

/// What an action broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViolationKind {
    /// It is NaN or infinite.
    NotFinite,
    /// It is to be a rigid transform and is none.
    Frame,
    /// The end effector would be, or could not be braked before it is, outside its box.
    Box,
    /// The joint would be, or is, beyond its range.
    Position,
    /// The robot would move, or moves, faster than it may at this place.
    Velocity,
    /// The velocity would change faster than it may.
    Acceleration,
    /// The acceleration would change faster than it may.
    Jerk,
    /// The torque is beyond what the joint may be given.
    Torque,
    /// The torque would change faster than it may.
    TorqueRate,
    /// The joints that would have to take part could not: `slot` is the joint, `received` the share
    /// of its limits that it would take, and `limit` is 1.
    Joints,
    /// The command would move on although the robot is far behind it.
    Distance,
}

impl ViolationKind {
    /// All of them, the gravest first.
    pub const ALL: [ViolationKind; 11] = [
        ViolationKind::NotFinite,
        ViolationKind::Frame,
        ViolationKind::Box,
        ViolationKind::Position,
        ViolationKind::Velocity,
        ViolationKind::Acceleration,
        ViolationKind::Jerk,
        ViolationKind::Torque,
        ViolationKind::TorqueRate,
        ViolationKind::Joints,
        ViolationKind::Distance,
    ];
    /// How many there are.
    pub const COUNT: usize = ViolationKind::ALL.len();
}

impl fmt::Display for ViolationKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ViolationKind::NotFinite => "finite value",
            ViolationKind::Frame => "frame",
            ViolationKind::Box => "box",
            ViolationKind::Position => "position",
            ViolationKind::Velocity => "velocity",
            ViolationKind::Acceleration => "acceleration",
            ViolationKind::Jerk => "jerk",
            ViolationKind::Torque => "torque",
            ViolationKind::TorqueRate => "torque rate",
            ViolationKind::Joints => "joints",
            ViolationKind::Distance => "distance",
        })
    }
}

/// One action value that broke a limit. Units follow from the kind and from the action's schema.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Violation {
    /// Which limit.
    pub kind: ViolationKind,
    /// The slot of the action, from 0.
    pub slot: usize,
    /// The value that was received in that slot.
    pub action: f64,
    /// The quantity that broke the limit: the action itself, or the rate it would have meant.
    pub received: f64,
    /// The limit on that quantity.
    pub limit: f64,
    /// Where the joint is that could not follow, of [`ViolationKind::Joints`].
    pub joint: Option<JointPlace>,
    /// What of a matrix is off, of [`ViolationKind::Frame`], as in "the length of its x axis".
    pub flaw: Option<&'static str>,
}

/// Where a joint is that keeps a motion from going on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointPlace {
    /// Where it is commanded now [rad].
    pub at: f64,
    /// The least that it may be commanded [rad].
    pub lower: f64,
    /// The most that it may be commanded [rad].
    pub upper: f64,
    /// Whether the robot stands still and cannot come closer to its target.
    pub is_out_of_reach: bool,
    /// How far away the target is, where that is more than the robot reaches in any posture.
    pub too_far: Option<TooFar>,
}

/// A place that a robot does not reach in any posture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TooFar {
    /// How far it is from where the robot reaches from \[m\].
    pub distance: f64,
    /// How far the robot reaches from there at most \[m\].
    pub longest: f64,
}

/// What one action broke: of each kind the first violation.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Violations(
    /// None as long as there is nothing, which is looked at many times a cycle.
    Option<[Option<Violation>; ViolationKind::COUNT]>,
);

impl Violations {
    /// Nothing broken. A constant of this size would be copied wherever it is used.
    pub fn none() -> Violations {
        Violations(None)
    }

    /// What `look` notes. Nothing is the usual case, and costs no copy of what there could have been.
    pub fn noted(look: impl FnOnce(&mut Violations)) -> Violations {
        let mut found = Violations::none();
        look(&mut found);
        match found.is_empty() {
            true => Violations::none(),
            false => found,
        }
    }

    /// Adds `violation`, unless there is one of its kind.
    #[cold]
    pub fn note(&mut self, violation: Violation) {
        let found = self.0.get_or_insert([None; ViolationKind::COUNT]);
        found[violation.kind as usize].get_or_insert(violation);
    }

    /// Adds those of `other` whose kind is not here yet.
    pub fn join(&mut self, other: &Violations) {
        if !other.is_empty() {
            other.iter().for_each(|violation| self.note(*violation));
        }
    }

    /// The first of this kind.
    pub fn of(&self, kind: ViolationKind) -> Option<Violation> {
        self.0.as_ref().and_then(|found| found[kind as usize])
    }

    /// Those there are, the gravest kind first.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter().flatten().flatten()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Forgets what was found.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

/// What happens to an action that breaks a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnViolation {
    /// The robot is brought to rest and the session ends with an error.
    #[default]
    Stop,
    /// The action is followed as far as the limits allow, and the session goes on.
    Clamp,
}

/// What happens to an action that breaks a limit, kind by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LimitRules([OnViolation; ViolationKind::COUNT]);

impl LimitRules {
    /// The same for each kind that can be clamped.
    pub fn all(rule: OnViolation) -> LimitRules {
        let mut rules = LimitRules::default();
        for kind in ViolationKind::ALL {
            rules.set(kind, rule);
        }
        rules
    }

    /// Chooses for one kind. What is not a finite number, or no rigid transform, has no nearest
    /// value that is allowed: it always ends the session.
    pub fn set(&mut self, kind: ViolationKind, rule: OnViolation) {
        if !matches!(kind, ViolationKind::NotFinite | ViolationKind::Frame) {
            self.0[kind as usize] = rule;
        }
    }

    /// What happens to actions that break this limit.
    pub fn of(&self, kind: ViolationKind) -> OnViolation {
        self.0[kind as usize]
    }
}

/// How an action that one cycle does not suffice for is gone to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approach {
    /// As fast as the limits allow.
    Limits,
    /// A position or a pose, after a rest: no faster than [`LEAST_APPROACH`] of the limit, or than
    /// [`APPROACH_GAIN`] times the fastest that the policy's own answers of the last second were.
    AfterRest,
}

/// The share of the velocity limit with which a position is approached after a rest in any case.
pub const LEAST_APPROACH: f64 = 0.2;
/// How many times faster than the policy's own motion it may be approached after a rest.
pub const APPROACH_GAIN: f64 = 2.0;

/// A robot's limits, as the loop uses them. All calls come from the loop thread; none may block or
/// allocate. `observation` is always the cycle's, `action` and `out` have the action's slots.
///
/// What a policy asks for is checked answer by answer, wherever the robot is and however late they
/// come: [`Limits::check_answer`] and [`Limits::judge`]. What depends on where the robot is, is checked
/// on what is to be commanded in a cycle: [`Limits::check_place`], [`Limits::check_step`] and
/// [`Limits::check_course`].
pub trait Limits: Send {
    /// How a command gets from one action to the next where the policy is slower than the robot.
    fn between(&self) -> Between;

    /// The number of slots of the action's first part, where a second one is judged by itself.
    fn motion_slots(&self) -> Option<usize> {
        None
    }

    /// Writes what was commanded last, or what stands for it before the first command: the action
    /// that changes nothing.
    fn last(&self, out: &mut [f64]);

    /// Writes the first and the second derivative of what [`Limits::last`] writes, in the coordinates
    /// of [`Limits::way`].
    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        first.fill(0.0);
        second.fill(0.0);
    }

    /// Takes in how the robot stands and moves, first thing in every cycle. Says whether that is
    /// what it was commanded; it is not where a command got lost and the robot went on by itself.
    fn observe(&mut self, observation: &[f64]) -> bool;

    /// What `answer` breaks as it is, wherever the robot is.
    fn check_answer(&self, answer: &[f64]) -> Violations;

    /// Writes the way from one answer to another of part `part`: the difference of their slots, unless
    /// the slots have a geometry of their own. Where the way has fewer coordinates than the part has
    /// slots, the others are zero.
    fn way(&self, _part: usize, from: &[f64], to: &[f64], out: &mut [f64]) {
        difference(from, to, out);
    }

    /// What part `part` of the newest answer breaks by how it follows those before it. Called once for
    /// each answer, in order.
    fn judge(&mut self, _part: usize, _sequence: &Sequence<'_>) -> Judgement {
        Judgement::none()
    }

    /// What commanding `action` breaks where the robot is now, however it gets there.
    fn check_place(&self, _observation: &[f64], _action: &[f64]) -> Violations {
        Violations::none()
    }

    /// What going to `action` within this cycle breaks where the robot is now. `None` where one cycle
    /// does not suffice for it.
    fn check_step(&self, _observation: &[f64], _action: &[f64]) -> Option<Violations> {
        Some(Violations::none())
    }

    /// What keeping to `action` breaks, however smoothly the robot came to it: what the robot would
    /// run into. Asked of an action that is followed; of one that is used as it is, going to it within
    /// the cycle is checked.
    fn check_course(&self, _observation: &[f64], _action: &[f64]) -> Violations {
        Violations::none()
    }

    /// Notes that `action` is commanded in this cycle.
    fn commanded(&mut self, action: &[f64]);

    /// Commands as much of the way to `action`, which is finite, as one cycle allows; says whether
    /// all of it.
    fn follow(
        &mut self,
        observation: &[f64],
        action: &[f64],
        approach: Approach,
        out: &mut [f64],
    ) -> bool;

    /// How far what was commanded last is from `action` where that is a place: the slot, and the
    /// distance in its unit. `None` where the robot is as good as there, or where actions are no places.
    fn behind(&self, _action: &[f64]) -> Option<(usize, f64)> {
        None
    }

    /// Commands to keep moving as last commanded.
    fn hold(&mut self, observation: &[f64], out: &mut [f64]);

    /// Commands the next step to rest; says whether the robot rests with it.
    fn rest(&mut self, observation: &[f64], out: &mut [f64]) -> bool;

    /// The same where observations are not believed any more: `observation` is the last one that
    /// was, and stays the same. By what was commanded; limits whose way to rest depends on what is
    /// measured have another one here.
    fn rest_blind(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        self.rest(observation, out)
    }
}

/// Whether `value` is beyond `limit`: it is allowed only if it is at most that, so that what is not
/// a number is beyond every limit.
#[expect(
    clippy::neg_cmp_op_on_partial_ord,
    reason = "what cannot be compared is beyond, and the compiler compares several at a time"
)]
pub fn exceeds(value: f64, limit: f64) -> bool {
    !(value <= limit)
}

/// The largest of `values` without their signs; not a number where one of them is none.
pub fn largest(values: impl IntoIterator<Item = f64>) -> f64 {
    let magnitudes = values.into_iter().map(f64::abs);
    magnitudes.fold(0.0, |most: f64, value| match value.is_nan() {
        true => value,
        false if value > most => value,
        false => most,
    })
}

/// `value`, no lower than `lowest` and no higher than `highest`. Unlike [`f64::clamp`] it never
/// panics: bounds that contradict each other give the highest, a bound that is not a number bounds
/// nothing, and a value that is none is taken for zero.
pub fn confined(value: f64, lowest: f64, highest: f64) -> f64 {
    let value = if value.is_nan() { 0.0 } else { value };
    value.max(lowest).min(highest)
}

/// Writes what each slot of `to` is more than that of `from`.
pub fn difference(from: &[f64], to: &[f64], out: &mut [f64]) {
    for (out, (from, to)) in out.iter_mut().zip(from.iter().zip(to)) {
        *out = to - from;
    }
}

/// The largest number, either way, that an action may have: nothing that is computed from numbers up to
/// it overflows.
pub const LARGEST_NUMBER: f64 = 1e12;

/// The first slot that is not finite, or is beyond [`LARGEST_NUMBER`].
pub fn check_finite(action: &[f64]) -> Violations {
    Violations::noted(|found| {
        let is_wrong = |value: &f64| exceeds(value.abs(), LARGEST_NUMBER);
        if let Some(slot) = action.iter().position(is_wrong) {
            found.note(Violation {
                kind: ViolationKind::NotFinite,
                slot,
                action: action[slot],
                received: action[slot],
                limit: LARGEST_NUMBER,
                joint: None,
                flaw: None,
            });
        }
    })
}

/// The limits of a robot about which nothing is known: any finite action is allowed, and the last
/// one is repeated in its absence.
#[derive(Debug, Clone)]
pub struct Unlimited {
    last: Vec<f64>,
}

impl Unlimited {
    /// For actions of `action_len` slots, zero before the first.
    pub fn new(action_len: usize) -> Unlimited {
        Unlimited {
            last: vec![0.0; action_len],
        }
    }
}

impl Limits for Unlimited {
    fn between(&self) -> Between {
        Between::Line
    }

    fn last(&self, out: &mut [f64]) {
        out.copy_from_slice(&self.last);
    }

    fn observe(&mut self, _observation: &[f64]) -> bool {
        true
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        check_finite(answer)
    }

    fn commanded(&mut self, action: &[f64]) {
        self.last.copy_from_slice(action);
    }

    fn follow(
        &mut self,
        _observation: &[f64],
        action: &[f64],
        _approach: Approach,
        out: &mut [f64],
    ) -> bool {
        self.commanded(action);
        out.copy_from_slice(action);
        true
    }

    fn hold(&mut self, _observation: &[f64], out: &mut [f64]) {
        out.copy_from_slice(&self.last);
    }

    fn rest(&mut self, _observation: &[f64], out: &mut [f64]) -> bool {
        out.copy_from_slice(&self.last);
        true
    }
}

/// Rounding of a velocity that was computed to be at its limit [rad/s].
const ROUNDING: f64 = 1e-9;

/// How one joint may move.
///
/// Towards the ends of its range the velocity is bounded by a braking curve,
/// `sqrt(2 deceleration (upper - position)) - margin`, so that whoever stays below it can stop in
/// time. Standing still, and moving back inside, is allowed everywhere.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointBounds {
    /// Lowest position [rad].
    pub lower: f64,
    /// Highest position [rad].
    pub upper: f64,
    /// Highest velocity, either way [rad/s].
    pub velocity: f64,
    /// How far the velocity stays below the braking curve [rad/s].
    pub margin: f64,
    /// The deceleration of the braking curve [rad/s^2].
    pub deceleration: f64,
    /// Highest acceleration, either way [rad/s^2].
    pub acceleration: f64,
    /// Highest jerk, either way [rad/s^3].
    pub jerk: f64,
}

impl JointBounds {
    /// Shares of these bounds for commands of our own making, whose braking curve leaves some of
    /// the acceleration for keeping below it.
    pub fn share(self, velocity: f64, acceleration: f64, jerk: f64) -> JointBounds {
        const BRAKING: f64 = 0.85;
        let acceleration = self.acceleration * acceleration;
        JointBounds {
            velocity: self.velocity * velocity,
            deceleration: self.deceleration.min(BRAKING * acceleration),
            acceleration,
            jerk: self.jerk * jerk,
            ..self
        }
    }

    /// Highest velocity at `position` [rad/s], not below zero.
    pub fn upper_velocity(&self, position: f64) -> f64 {
        self.braked_within(self.upper - position)
    }

    /// Lowest velocity at `position` [rad/s], not above zero.
    pub fn lower_velocity(&self, position: f64) -> f64 {
        -self.braked_within(position - self.lower)
    }

    /// Highest velocity where so much is left to the end of the range [rad/s], not below zero.
    fn braked_within(&self, left: f64) -> f64 {
        let braking = (2.0 * self.deceleration * left.max(0.0)).sqrt() - self.margin;
        self.velocity.min(braking).max(0.0)
    }

    /// The positions that can be reached [rad]: at the last of them the velocity bound is zero.
    pub fn reach(&self) -> (f64, f64) {
        let last = self.margin * self.margin / (2.0 * self.deceleration);
        (self.lower + last, self.upper - last)
    }

    /// The same with up and down exchanged.
    fn mirrored(&self) -> JointBounds {
        JointBounds {
            lower: -self.upper,
            upper: -self.lower,
            ..*self
        }
    }
}

/// The commanded motion of one joint, advanced in steps of one cycle.
///
/// The commanded position, velocity and acceleration are related as the robot relates them: each
/// velocity is the difference of two positions over the cycle, each acceleration that of two
/// velocities.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct JointMotion {
    /// Commanded position [rad].
    pub position: f64,
    /// Commanded velocity [rad/s].
    pub velocity: f64,
    /// Commanded acceleration [rad/s^2].
    pub acceleration: f64,
}

impl JointMotion {
    /// The motion one cycle of `dt` seconds later, at `velocity`.
    pub fn with_velocity(self, velocity: f64, dt: f64) -> JointMotion {
        JointMotion {
            position: self.position + velocity * dt,
            velocity,
            acceleration: (velocity - self.velocity) / dt,
        }
    }

    /// The motion one cycle of `dt` seconds later, at `position`.
    pub fn with_position(self, position: f64, dt: f64) -> JointMotion {
        let velocity = (position - self.position) / dt;
        JointMotion {
            position,
            velocity,
            acceleration: (velocity - self.velocity) / dt,
        }
    }

    /// The motion one cycle of `dt` seconds later, with `acceleration` until then.
    fn with_acceleration(self, acceleration: f64, dt: f64) -> JointMotion {
        let velocity = self.velocity + acceleration * dt;
        JointMotion {
            position: self.position + velocity * dt,
            velocity,
            acceleration,
        }
    }

    fn mirrored(self) -> JointMotion {
        JointMotion {
            position: -self.position,
            velocity: -self.velocity,
            acceleration: -self.acceleration,
        }
    }

    /// The jerk of the step from `self` to `next` [rad/s^3].
    pub fn jerk_to(self, next: JointMotion, dt: f64) -> f64 {
        (next.acceleration - self.acceleration) / dt
    }

    /// The velocity with which the step to `next` breaks the velocity bounds, now or, however hard
    /// the joint is braked from then on, later: the velocity and the bound at that place.
    #[inline]
    pub fn too_fast(self, next: JointMotion, bounds: &JointBounds, dt: f64) -> Option<(f64, f64)> {
        if self.is_slow(next, bounds, dt) {
            return None;
        }
        self.too_fast_either_way(next, bounds, dt)
    }

    fn too_fast_either_way(
        self,
        next: JointMotion,
        bounds: &JointBounds,
        dt: f64,
    ) -> Option<(f64, f64)> {
        let upwards = self.too_fast_upwards(next, bounds, dt);
        upwards.or_else(|| {
            let (from, to) = (self.mirrored(), next.mirrored());
            from.too_fast_upwards(to, &bounds.mirrored(), dt)
                .map(|(velocity, bound)| (-velocity, -bound))
        })
    }

    fn too_fast_upwards(
        self,
        next: JointMotion,
        bounds: &JointBounds,
        dt: f64,
    ) -> Option<(f64, f64)> {
        let mut place = self.position;
        let mut motion = next;
        loop {
            let bound = bounds.upper_velocity(place);
            if exceeds(motion.velocity, bound + ROUNDING) {
                return Some((motion.velocity, bound));
            }
            // From here on the velocity falls as fast as the bound does, or there is none and will be none.
            let comes_back = motion.velocity <= 0.0 && motion.acceleration > 0.0;
            if motion.acceleration <= -bounds.acceleration || motion.velocity <= 0.0 && !comes_back
            {
                return None;
            }
            place = motion.position;
            // Whatever it was, it is within its limits from then on: this comes to an end.
            let harder = (motion.acceleration - bounds.jerk * dt).min(bounds.acceleration);
            motion = motion.with_acceleration(harder.max(-bounds.acceleration), dt);
        }
    }

    /// Whether the step to `next` is far from being too fast: even where the joint would be last, at the highest
    /// velocity that it can have until it decelerates as hard as it may. `false` says nothing.
    #[inline]
    fn is_slow(self, next: JointMotion, bounds: &JointBounds, dt: f64) -> bool {
        // The acceleration falls with the jerk from the first step on: until it is zero the velocity rises by
        // no more than this, and after so many cycles it is as low as it may be.
        let rising = next.acceleration.abs();
        let fastest = next.velocity.abs() + rising * rising / (2.0 * bounds.jerk);
        let cycles = (rising + bounds.acceleration) / (bounds.jerk * dt) + 2.0;
        let way = fastest * cycles * dt;
        let lowest = self.position.min(next.position) - way;
        let highest = self.position.max(next.position) + way;
        let left = (bounds.upper - highest).min(lowest - bounds.lower);
        fastest <= bounds.braked_within(left)
    }

    /// One cycle with an acceleration as close to `wanted` as `bounds` allow, now and later: from
    /// where it leads, the joint can always be braked within them.
    pub fn accelerated(self, wanted: f64, bounds: &JointBounds, dt: f64) -> JointMotion {
        let change = bounds.jerk * dt;
        let limit = bounds.acceleration;
        let within = |value: f64| {
            let (lowest, highest) = (self.acceleration - change, self.acceleration + change);
            confined(confined(value, -limit, limit), lowest, highest)
        };
        let wanted = within(wanted);
        let (lowest, highest) = (within(f64::MIN), within(f64::MAX));
        let lowered = self.lowered(lowest, wanted, bounds, dt);
        // Mirrored, raising is lowering. Where both ways are too fast nothing is right, and braking
        // from the velocity there is comes first.
        let raised = -self
            .mirrored()
            .lowered(-highest, -wanted, &bounds.mirrored(), dt);
        let acceleration = match (lowered < wanted, raised > wanted) {
            (false, false) => wanted,
            (true, false) => lowered,
            (false, true) => raised,
            (true, true) => within(-self.velocity / dt),
        };
        self.with_acceleration(acceleration, dt)
    }

    /// The highest acceleration from `lowest` to `wanted` that is not too fast upwards; `lowest`
    /// where all are.
    fn lowered(self, lowest: f64, wanted: f64, bounds: &JointBounds, dt: f64) -> f64 {
        let allowed = |acceleration: f64| {
            let next = self.with_acceleration(acceleration, dt);
            self.is_slow(next, bounds, dt) || self.too_fast_upwards(next, bounds, dt).is_none()
        };
        if allowed(wanted) {
            return wanted;
        }
        // The higher the acceleration the faster at every place that follows: one step from allowed
        // to not.
        let (mut low, mut high) = (lowest, wanted);
        for _ in 0..24 {
            let middle = 0.5 * (low + high);
            if allowed(middle) {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }

    /// One cycle towards `velocity`, within `bounds`.
    ///
    /// The acceleration asked for is proportional to what is missing, with the gain
    /// jerk / acceleration: close to the target it then dies out exactly as fast as the jerk limit
    /// allows, without overshoot. It is the shape of libfranka's `limitRate` for joint velocities.
    pub fn towards_velocity(self, velocity: f64, bounds: &JointBounds, dt: f64) -> JointMotion {
        let target = confined(
            velocity,
            bounds.lower_velocity(self.position),
            bounds.upper_velocity(self.position),
        );
        let gain = bounds.jerk / bounds.acceleration;
        self.accelerated((target - self.velocity) * gain, bounds, dt)
    }

    /// One cycle towards `position`, which itself moves at `velocity`, within `bounds`.
    ///
    /// The velocity aimed for is that of the target plus the highest one from which the remaining
    /// way still suffices to brake at `BRAKING` times the acceleration limit; near the target it
    /// turns into a proportional law, slower than that of the velocity by `SLOWER`, so that the
    /// approach dies out without passing the target.
    pub fn towards_position(
        self,
        position: f64,
        velocity: f64,
        bounds: &JointBounds,
        dt: f64,
    ) -> JointMotion {
        const BRAKING: f64 = 0.6;
        const SLOWER: f64 = 6.0;
        // Beyond this gain [1/s] one cycle is too long a step.
        const STEEPEST: f64 = 60.0;
        let gain = (bounds.jerk / bounds.acceleration / SLOWER).min(STEEPEST);
        let missing = position - (self.position + self.velocity * dt);
        let brake = BRAKING * bounds.acceleration;
        let knee = brake / (gain * gain);
        let approach = if missing.abs() <= knee {
            gain * missing
        } else {
            (2.0 * brake * (missing.abs() - knee / 2.0)).sqrt() * missing.signum()
        };
        self.towards_velocity(velocity + approach, bounds, dt)
    }

    /// Whether nothing moves any more, for a command.
    pub fn is_at_rest(self) -> bool {
        self.velocity.abs() < 1e-4 && self.acceleration.abs() < 0.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DT: f64 = 1e-3;
    const BOUNDS: JointBounds = JointBounds {
        lower: -100.0,
        upper: 100.0,
        velocity: 2.0,
        margin: 0.2,
        deceleration: 6.0,
        acceleration: 10.0,
        jerk: 5_000.0,
    };

    /// Joints of different kinds, the last ones slow to change their acceleration.
    fn joints() -> Vec<JointBounds> {
        let joint = |velocity, margin, deceleration, acceleration, jerk| JointBounds {
            lower: -1.0,
            upper: 0.4,
            velocity,
            margin,
            deceleration,
            acceleration,
            jerk,
        };
        [
            joint(2.62, 0.3, 6.0, 10.0, 5_000.0),
            joint(2.62, 0.2, 2.585, 10.0, 5_000.0),
            joint(5.26, 0.35, 17.0, 10.0, 5_000.0),
            joint(2.1, 0.05, 12.0, 15.0, 7_500.0),
            joint(1.0, 0.3, 6.0, 4.0, 300.0),
            joint(0.5, 0.2, 3.0, 1.0, 40.0),
        ]
        .map(|bounds| bounds.share(1.0, 0.95, 0.95))
        .to_vec()
    }

    /// A small generator of numbers from -1 to 1.
    struct Numbers(u64);

    impl Numbers {
        fn next(&mut self) -> f64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
        }
    }

    /// That the step keeps every bound, up to rounding.
    fn assert_within(from: JointMotion, to: JointMotion, bounds: &JointBounds) {
        let what = format!("{from:?} to {to:?} under {bounds:?}");
        assert!(
            to.velocity <= bounds.upper_velocity(from.position) + 1e-8,
            "{what}"
        );
        assert!(
            to.velocity >= bounds.lower_velocity(from.position) - 1e-8,
            "{what}"
        );
        assert!(
            to.acceleration.abs() <= bounds.acceleration + 1e-6,
            "{what}"
        );
        assert!(from.jerk_to(to, DT).abs() <= bounds.jerk + 1e-3, "{what}");
        assert!(
            to.position <= bounds.upper && to.position >= bounds.lower,
            "{what}"
        );
    }

    #[test]
    fn what_is_slow_at_a_first_look_can_always_be_braked() {
        let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
        let (mut slow, mut fast) = (0, 0);
        for bounds in joints() {
            for _ in 0..60_000 {
                let mut within = |most: f64| 1.3 * most * numbers.next();
                let from = JointMotion {
                    position: within(1.0),
                    velocity: within(bounds.velocity),
                    acceleration: within(bounds.acceleration),
                };
                let next = from.with_acceleration(within(bounds.acceleration), DT);
                match from.too_fast_either_way(next, &bounds, DT) {
                    Some(_) => {
                        fast += 1;
                        assert!(
                            !from.is_slow(next, &bounds, DT),
                            "{from:?} to {next:?} under {bounds:?}"
                        );
                    }
                    None => slow += i32::from(from.is_slow(next, &bounds, DT)),
                }
            }
        }
        assert!(
            slow > 20_000 && fast > 20_000,
            "{slow} slow, {fast} too fast"
        );
        let unknown = JointMotion {
            acceleration: f64::NAN,
            ..JointMotion::default()
        };
        assert!(!unknown.is_slow(unknown, &joints()[0], DT));
    }

    #[test]
    fn whatever_is_wanted_no_step_leaves_any_limit() {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        for bounds in joints() {
            let mut motion = JointMotion::default();
            let (mut kind, mut wanted, mut left) = (0, 0.0, 0);
            for _ in 0..60_000 {
                if left == 0 {
                    kind = ((numbers.next() + 1.0) * 1.99) as u32;
                    wanted = numbers.next();
                    left = (numbers.next().abs() * 400.0) as u32 + 1;
                }
                left -= 1;
                let next = match kind {
                    0 => motion.towards_velocity(8.0 * wanted, &bounds, DT),
                    1 => motion.towards_position(2.0 * wanted, 0.0, &bounds, DT),
                    2 => motion.accelerated(30.0 * wanted, &bounds, DT),
                    // Another one each cycle, far beyond what is possible.
                    _ => motion.accelerated(1e4 * numbers.next(), &bounds, DT),
                };
                assert_within(motion, next, &bounds);
                motion = next;
            }
        }
    }

    #[test]
    fn driven_against_the_end_of_its_range_a_joint_comes_to_rest_there() {
        for bounds in joints() {
            for (velocity, end) in [(9.0, bounds.reach().1), (-9.0, bounds.reach().0)] {
                let mut motion = JointMotion::default();
                for _ in 0..20_000 {
                    let next = motion.towards_velocity(velocity, &bounds, DT);
                    assert_within(motion, next, &bounds);
                    motion = next;
                }
                assert!(
                    (motion.position - end).abs() < 1e-3,
                    "{motion:?} is not at {end}"
                );
                assert!(motion.velocity.abs() < 1e-3, "{motion:?} still moves");
            }
        }
    }

    #[test]
    fn beyond_its_range_a_joint_may_stand_and_go_back() {
        let bounds = joints()[0];
        let beyond = JointMotion {
            position: bounds.upper + 0.01,
            ..JointMotion::default()
        };
        let stands = beyond.towards_velocity(0.0, &bounds, DT);
        assert_eq!(stands, beyond);
        assert_eq!(beyond.towards_velocity(1.0, &bounds, DT).velocity, 0.0);
        assert!(beyond.towards_velocity(-1.0, &bounds, DT).velocity < 0.0);
    }

    #[test]
    fn comes_to_rest_within_the_limits_from_any_motion() {
        for velocity in [-2.0, -0.5, -0.01, 0.3, 2.0] {
            for acceleration in [-10.0, -3.0, 0.0, 7.0, 10.0] {
                let mut motion = JointMotion {
                    position: 0.0,
                    velocity,
                    acceleration,
                };
                let mut steps = 0;
                while !motion.is_at_rest() {
                    let next = motion.towards_velocity(0.0, &BOUNDS, DT);
                    // An acceleration outwards at the velocity limit cannot be undone in one step.
                    let jerk = motion.jerk_to(next, DT);
                    assert!(next.acceleration.abs() <= 10.0 + 1e-6 && jerk.abs() <= 5_000.0 + 1e-3);
                    motion = next;
                    steps += 1;
                    assert!(steps < 400, "{motion:?} still moves");
                }
            }
        }
    }

    #[test]
    fn reaches_a_far_velocity_without_overshoot() {
        let mut motion = JointMotion::default();
        for _ in 0..400 {
            let next = motion.towards_velocity(1.5, &BOUNDS, DT);
            assert_within(motion, next, &BOUNDS);
            assert!(next.velocity <= 1.5 + 1e-9);
            motion = next;
        }
        assert!((motion.velocity - 1.5).abs() < 1e-6);
    }

    #[test]
    fn catches_a_moving_position_and_stays_on_it() {
        let mut motion = JointMotion::default();
        let mut target = 0.4;
        for step in 0..4_000 {
            target += 0.3 * DT;
            let next = motion.towards_position(target, 0.3, &BOUNDS, DT);
            assert_within(motion, next, &BOUNDS);
            motion = next;
            if step > 2_000 {
                assert!(
                    (motion.position - target).abs() < 1e-4,
                    "off by {}",
                    motion.position - target
                );
            }
        }
    }

    #[test]
    fn reaches_a_position_without_passing_it_however_small_the_limits() {
        for (velocity, acceleration, jerk) in [
            (2.0, 10.0, 5_000.0),
            (2.0, 10.0, 200.0),
            (1.0, 5.0, 500.0),
            (0.5, 2.0, 20.0),
            (0.2, 0.5, 1_000.0),
        ] {
            let bounds = JointBounds {
                velocity,
                acceleration,
                jerk,
                ..BOUNDS
            };
            for target in [0.002, 0.05, 0.6, 2.0] {
                // Four times what the time-optimal motion takes, and the gentle end of ours.
                let optimal = target / velocity
                    + 2.0 * velocity.min((target * acceleration).sqrt()) / acceleration
                    + 2.0 * acceleration / jerk;
                let limit = 4.0 * optimal + 40.0 * acceleration / jerk + 0.2;
                let mut motion = JointMotion::default();
                let mut steps = 0;
                while (motion.position - target).abs() > 1e-5 || motion.velocity.abs() > 1e-3 {
                    let next = motion.towards_position(target, 0.0, &bounds, DT);
                    assert_within(motion, next, &bounds);
                    assert!(
                        next.position < target + 1e-3,
                        "{next:?} passed {target}, {bounds:?}"
                    );
                    motion = next;
                    steps += 1;
                    assert!(
                        f64::from(steps) * DT < limit,
                        "{motion:?} is not at {target} after {limit} s, {bounds:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn says_when_a_joint_could_not_be_braked_in_time() {
        let bounds = joints()[0];
        // At the end of the flat part, at full speed: on is too fast although no bound is broken yet.
        let corner = {
            let mut place = -1.0;
            while bounds.upper_velocity(place) >= bounds.velocity - 1e-3 || place < -0.5 {
                place += 1e-4;
            }
            place
        };
        let motion = JointMotion {
            position: corner,
            velocity: bounds.upper_velocity(corner) - 0.004,
            acceleration: 0.0,
        };
        let on = motion.with_velocity(motion.velocity + 0.0039, DT);
        assert!(on.velocity < bounds.upper_velocity(motion.position));
        assert!(motion.too_fast(on, &bounds, DT).is_some());
        let braked = motion.with_velocity(motion.velocity - 0.004, DT);
        assert_eq!(motion.too_fast(braked, &bounds, DT), None);
    }

    #[test]
    fn what_is_not_a_number_is_beyond_every_limit_and_inside_every_bound() {
        const NAN: f64 = f64::NAN;
        assert!(exceeds(NAN, 1.0) && exceeds(1.0, NAN) && exceeds(1.1, 1.0));
        assert!(!exceeds(1.0, 1.0) && !exceeds(-2.0, 1.0));
        assert!(largest([1.0, NAN, 5.0]).is_nan() && largest([NAN, 5.0]).is_nan());
        assert_eq!(largest([1.0, -3.0, 2.0]), 3.0);
        assert_eq!(confined(NAN, 1.0, 2.0), 1.0);
        assert_eq!(confined(NAN, -1.0, 2.0), 0.0);
        assert_eq!(confined(5.0, NAN, 2.0), 2.0);
        assert_eq!(confined(-5.0, -1.0, NAN), -1.0);
        assert_eq!(confined(0.0, 2.0, 1.0), 1.0);
    }

    #[test]
    fn any_motion_however_wrong_is_gone_on_with_without_a_panic() {
        let wrong = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            f64::MAX,
            f64::MIN_POSITIVE / 2.0,
            -1e300,
            0.0,
            3.0,
        ];
        let bounds = joints()[0];
        for position in wrong {
            for velocity in wrong {
                for acceleration in wrong {
                    let motion = JointMotion {
                        position,
                        velocity,
                        acceleration,
                    };
                    for wanted in wrong {
                        motion.accelerated(wanted, &bounds, DT);
                        motion.towards_velocity(wanted, &bounds, DT);
                        motion.towards_position(wanted, velocity, &bounds, DT);
                    }
                    if velocity.is_nan() {
                        let next = motion.with_velocity(velocity, DT);
                        assert!(motion.too_fast(next, &bounds, DT).is_some());
                    }
                    if velocity.is_nan() || acceleration.is_nan() {
                        assert!(!motion.is_at_rest());
                    }
                }
            }
        }
    }

    #[test]
    fn a_share_of_the_bounds_is_of_velocity_acceleration_and_jerk_and_keeps_the_range() {
        let bounds = JointBounds {
            deceleration: 9.0,
            ..BOUNDS
        };
        let share = bounds.share(0.5, 0.25, 0.1);
        let expected = JointBounds {
            velocity: 1.0,
            acceleration: 2.5,
            jerk: 500.0,
            // What is braked with leaves some of the acceleration.
            deceleration: 0.85 * 2.5,
            ..bounds
        };
        assert_eq!(share, expected);
        assert_eq!(bounds.share(1.0, 1.0, 1.0).deceleration, 8.5);
        let gentle = JointBounds {
            deceleration: 2.0,
            ..bounds
        };
        assert_eq!(gentle.share(1.0, 1.0, 1.0).deceleration, 2.0);
    }

    #[test]
    fn a_robot_about_which_nothing_is_known_does_what_it_is_told_and_repeats_it() {
        let mut limits = Unlimited::new(2);
        let mut out = [9.0; 2];
        limits.last(&mut out);
        assert_eq!(out, [0.0; 2]);
        assert_eq!(limits.between(), Between::Line);
        assert_eq!(limits.motion_slots(), None);
        let (mut first, mut second) = ([9.0; 2], [9.0; 2]);
        limits.rates(&mut first, &mut second);
        assert_eq!((first, second), ([0.0; 2], [0.0; 2]));
        assert!(limits.observe(&[5.0]));
        let action = [1e9, -3.0];
        assert!(limits.check_place(&[], &action).is_empty());
        assert!(limits.check_course(&[], &action).is_empty());
        assert_eq!(limits.check_step(&[], &action), Some(Violations::none()));
        assert_eq!(limits.behind(&action), None);
        assert!(limits.follow(&[], &action, Approach::AfterRest, &mut out));
        assert_eq!(out, action);
        limits.commanded(&[4.0, 5.0]);
        for step in [Unlimited::rest, Unlimited::rest_blind] {
            out = [0.0; 2];
            assert!(step(&mut limits, &[], &mut out));
            assert_eq!(out, [4.0, 5.0]);
        }
        out = [0.0; 2];
        limits.hold(&[], &mut out);
        assert_eq!(out, [4.0, 5.0]);
        limits.last(&mut out);
        assert_eq!(out, [4.0, 5.0]);
        limits.way(0, &[1.0, 2.0], &[4.0, 8.0], &mut out);
        assert_eq!(out, [3.0, 6.0]);
    }

    /// Moving away from the lower end and braked hard, the joint would swing back too fast for it.
    #[test]
    fn an_acceleration_that_outlasts_the_velocity_is_braked_in_time_too() {
        let bounds = JointBounds {
            lower: -1.0,
            upper: 1.0,
            velocity: 0.02,
            margin: 0.3,
            deceleration: 0.5,
            acceleration: 1.0,
            jerk: 10.0,
        };
        let mut motion = JointMotion {
            position: bounds.reach().0 + 1e-4,
            ..JointMotion::default()
        };
        for cycle in 0..2_000 {
            let wanted = if cycle % 200 < 100 { 1.0 } else { -1.0 };
            let next = motion.accelerated(wanted, &bounds, DT);
            assert_within(motion, next, &bounds);
            motion = next;
        }
    }

    #[test]
    fn a_motion_is_advanced_by_a_velocity_or_a_position_and_its_jerk_is_told() {
        let motion = JointMotion {
            position: 1.0,
            velocity: 2.0,
            acceleration: -3.0,
        };
        let faster = JointMotion {
            position: 1.25,
            velocity: 2.5,
            acceleration: 5.0,
        };
        assert_eq!(motion.with_velocity(2.5, 0.1), faster);
        let there = motion.with_position(1.25, 0.1);
        for (value, expected) in [
            (there.position, 1.25),
            (there.velocity, 2.5),
            (there.acceleration, 5.0),
        ] {
            assert!((value - expected).abs() < 1e-9, "{there:?}");
        }
        assert_eq!(motion.jerk_to(faster, 0.1), 80.0);
    }

    #[test]
    fn a_mirror_exchanges_up_and_down() {
        let bounds = JointBounds {
            lower: -1.0,
            upper: 0.4,
            ..BOUNDS
        };
        let mirrored = bounds.mirrored();
        assert_eq!((mirrored.lower, mirrored.upper), (-0.4, 1.0));
        assert_eq!(mirrored.mirrored(), bounds);
        let motion = JointMotion {
            position: 1.0,
            velocity: -2.0,
            acceleration: 3.0,
        };
        let turned = JointMotion {
            position: -1.0,
            velocity: 2.0,
            acceleration: -3.0,
        };
        assert_eq!(motion.mirrored(), turned);
    }

    #[test]
    fn what_is_too_fast_is_told_with_its_sign_and_its_bound_either_way() {
        let motion = JointMotion::default();
        for sign in [1.0, -1.0] {
            let too_fast = motion.with_velocity(sign * 3.0, DT);
            let told = motion.too_fast(too_fast, &BOUNDS, DT);
            assert_eq!(told, Some((sign * 3.0, sign * BOUNDS.velocity)));
        }
    }

    #[test]
    fn at_its_highest_velocity_a_joint_stays_there() {
        let bounds = JointBounds {
            lower: -100.0,
            upper: 100.0,
            ..BOUNDS
        };
        for sign in [1.0, -1.0] {
            let mut motion = JointMotion::default();
            for cycle in 0..2_000 {
                motion = motion.accelerated(sign * 1e4, &bounds, DT);
                if cycle > 1_000 {
                    assert!(
                        sign * motion.velocity > 0.999 * bounds.velocity,
                        "{motion:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn where_both_ways_are_too_fast_the_velocity_there_is_comes_first() {
        let bounds = JointBounds {
            lower: -0.1,
            upper: 0.1,
            acceleration: 20.0,
            jerk: 1.0,
            ..BOUNDS
        };
        for sign in [1.0, -1.0] {
            // Too fast already, and on its way back it becomes too fast the other way.
            let motion = JointMotion {
                position: sign * 0.2,
                velocity: sign * 0.05,
                acceleration: -sign * 10.0,
            };
            let next = motion.accelerated(motion.acceleration, &bounds, DT);
            let harder = -sign * (10.0 + bounds.jerk * DT);
            assert!((next.acceleration - harder).abs() < 1e-9, "{next:?}");
        }
    }

    #[test]
    fn far_from_its_target_a_joint_moves_as_fast_as_it_can_still_brake_from() {
        let (gain, brake) = (60.0, 0.6 * BOUNDS.acceleration);
        let knee = brake / (gain * gain);
        for velocity in [0.2, 0.7, 1.5] {
            let motion = JointMotion {
                velocity,
                ..JointMotion::default()
            };
            let missing = velocity * velocity / (2.0 * brake) + knee / 2.0;
            let target = missing + velocity * DT;
            let next = motion.towards_position(target, 0.0, &BOUNDS, DT);
            assert!(next.acceleration.abs() < 1e-6, "{next:?}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_number_and_says_which_slot() {
        let found = Unlimited::new(3).check_answer(&[1.0, f64::NAN, 0.0]);
        let refused = found.of(ViolationKind::NotFinite).unwrap();
        assert_eq!(refused.slot, 1);
        assert_eq!(found.iter().count(), 1);
    }

    #[test]
    fn each_kind_has_a_name_of_its_own() {
        let names: Vec<String> = ViolationKind::ALL.map(|kind| kind.to_string()).into();
        assert_eq!(names[ViolationKind::TorqueRate as usize], "torque rate");
        for (nth, name) in names.iter().enumerate() {
            assert!(!name.is_empty() && !names[..nth].contains(name), "{name}");
        }
    }

    #[test]
    fn each_kind_has_its_rule_and_what_is_no_number_cannot_be_clamped() {
        for (index, kind) in ViolationKind::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index);
        }
        let mut rules = LimitRules::all(OnViolation::Clamp);
        rules.set(ViolationKind::Jerk, OnViolation::Stop);
        assert_eq!(rules.of(ViolationKind::NotFinite), OnViolation::Stop);
        assert_eq!(rules.of(ViolationKind::Frame), OnViolation::Stop);
        assert_eq!(rules.of(ViolationKind::Jerk), OnViolation::Stop);
        assert_eq!(rules.of(ViolationKind::Velocity), OnViolation::Clamp);
    }
}
