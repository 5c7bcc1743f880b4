//! What an action can break, and which parts of one action did.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::limits::comparing::exceeds;

crate::named! {
    /// What an action broke, the gravest first.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ViolationKind {
        /// It is NaN or infinite.
        NotFinite = "notFinite",
        /// It is to be a rigid transform and is none.
        Frame = "frame",
        /// The end effector would be, or could not be braked before it is, outside its box.
        Box = "box",
        /// The joint would be, or is, beyond its range.
        Position = "position",
        /// The robot would move, or moves, faster than it may at this place.
        Velocity = "velocity",
        /// The velocity would change faster than it may.
        Acceleration = "acceleration",
        /// The acceleration would change faster than it may.
        Jerk = "jerk",
        /// The torque is beyond what the joint may be given.
        Torque = "torque",
        /// The torque would change faster than it may.
        TorqueRate = "torqueRate",
        /// The joints that would have to take part could not: `slot` is the joint, `received` the share
        /// of its limits that it would take, and `limit` is 1.
        Joints = "joints",
        /// The command would move on although the robot is far behind it.
        Distance = "distance",
    }
}

impl ViolationKind {
    /// How many there are.
    pub const COUNT: usize = ViolationKind::ALL.len();

    /// Whether an action that breaks it may be clamped instead of ending the session.
    pub const fn can_be_clamped(self) -> bool {
        !matches!(self, ViolationKind::NotFinite | ViolationKind::Frame)
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
