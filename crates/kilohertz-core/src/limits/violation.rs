//! What an action can break, and what one action did break.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::limits::comparing::exceeds;

crate::named! {
    /// The limit that an action broke; the most serious kind comes first.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ViolationKind {
        /// The value is NaN, infinite or too large.
        NotFinite = "notFinite",
        /// The matrix must be a rigid transform and is not.
        Frame = "frame",
        /// The end effector would be outside its box, or could not be braked inside it.
        Box = "box",
        /// The joint would be, or is, outside its range.
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
        /// The joints cannot follow the motion of the end effector: `slot` is the joint, `received` the
        /// share of its limits that it would need, and `limit` is 1.
        Joints = "joints",
        /// The command would move on although the robot is far behind it.
        Distance = "distance",
    }
}

impl ViolationKind {
    /// The number of kinds.
    pub const COUNT: usize = ViolationKind::ALL.len();

    /// Returns true if an action that breaks this limit may be clamped instead of ending the session.
    pub const fn can_be_clamped(self) -> bool {
        !matches!(self, ViolationKind::NotFinite | ViolationKind::Frame)
    }
}

/// One action value that broke a limit. Units follow from the kind and from the action's schema.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Violation {
    /// Which limit was broken.
    pub kind: ViolationKind,
    /// The slot of the action, from 0.
    pub slot: usize,
    /// The value that was received in that slot.
    pub action: f64,
    /// The quantity that broke the limit: the action itself, or the rate that it implies.
    pub received: f64,
    /// The limit on that quantity.
    pub limit: f64,
    /// For [`ViolationKind::Joints`]: the place of the joint that cannot follow.
    pub joint: Option<JointPlace>,
    /// For [`ViolationKind::Frame`]: what is wrong with the matrix, as in "the length of its x axis".
    pub flaw: Option<&'static str>,
}

/// The place of a joint that keeps a motion from going on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointPlace {
    /// Where the joint is commanded now [rad].
    pub at: f64,
    /// The lowest position that it may be commanded [rad].
    pub lower: f64,
    /// The highest position that it may be commanded [rad].
    pub upper: f64,
    /// True if the robot stands still and cannot come closer to its target.
    pub is_out_of_reach: bool,
    /// How far away the target is, if that is farther than the robot can reach in any posture.
    pub too_far: Option<TooFar>,
}

/// A place that the robot cannot reach in any posture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TooFar {
    /// The distance of the place from the point that the reach is measured from \[m\].
    pub distance: f64,
    /// The longest distance that the robot reaches from that point \[m\].
    pub longest: f64,
}

/// What one action broke: the first violation of each kind.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Violations(
    /// `None` while nothing is broken, because this is looked at many times a cycle.
    Option<[Option<Violation>; ViolationKind::COUNT]>,
);

impl Violations {
    /// Returns no violations. A constant of this size would be copied wherever it is used.
    pub fn none() -> Violations {
        Violations(None)
    }

    /// Returns the violations that `look` adds. Usually there are none, which costs no copy.
    pub fn noted(look: impl FnOnce(&mut Violations)) -> Violations {
        let mut found = Violations::none();
        look(&mut found);
        match found.is_empty() {
            true => Violations::none(),
            false => found,
        }
    }

    /// Adds `violation`, unless there is one of its kind already.
    #[cold]
    pub fn note(&mut self, violation: Violation) {
        let found = self.0.get_or_insert([None; ViolationKind::COUNT]);
        found[violation.kind as usize].get_or_insert(violation);
    }

    /// Adds the violations of `other` whose kinds are not here yet.
    pub fn join(&mut self, other: &Violations) {
        if !other.is_empty() {
            other.iter().for_each(|violation| self.note(*violation));
        }
    }

    /// Returns the first violation of this kind.
    pub fn of(&self, kind: ViolationKind) -> Option<Violation> {
        self.0.as_ref().and_then(|found| found[kind as usize])
    }

    /// Returns the violations, the most serious kind first.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter().flatten().flatten()
    }

    /// Returns true if there are no violations.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// Removes all violations.
    pub fn clear(&mut self) {
        self.0 = None;
    }
}

/// The largest magnitude that a number of an action may have. Nothing that is computed from such numbers
/// overflows.
pub const LARGEST_NUMBER: f64 = 1e12;

/// Finds the first slot that is not finite or is beyond [`LARGEST_NUMBER`].
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
