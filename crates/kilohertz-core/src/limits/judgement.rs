//! What the judge passes to a robot's limits, and what the limits answer.

use crate::limits::violation::Violations;

/// How many orders of divided differences are taken.
pub const ORDERS: usize = 3;
/// The newest answer, and how it follows the answers before it.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// The newest answer.
    pub answer: &'a [f64],
    /// The answer before it. For the first answer: what the robot was commanded when the question was
    /// asked.
    pub previous: &'a [f64],
    /// The derivatives of first, second and third order that the answers imply, per second, in the
    /// coordinates of [`Limiter::displacement`](crate::limits::Limiter::displacement).
    pub derivatives: [&'a [f64]; ORDERS],
    /// How many of them are known. After an answer that was clamped, it takes a few answers until all are
    /// known.
    pub known: usize,
    /// The time from one question of the policy to the next in cycles of the robot, at least 1. Where two
    /// pieces of the curve between answers meet, the highest derivative jumps by this factor more.
    pub ratio: f64,
    /// True if there is an answer for each cycle, and none of those that the derivatives span is missing.
    pub is_gapless: bool,
    /// True if this is the first answer.
    pub is_first: bool,
    /// True if the robot rested, or was being brought to rest, between this answer and the one before. Then
    /// the difference between the two is not a motion of the policy.
    pub is_behind_rest: bool,
}

/// What a robot's limits decide about a [`Sequence`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Judgement {
    /// What the answer breaks.
    pub found: Violations,
    /// The lowest order of a derivative that is too large.
    pub order: Option<usize>,
}

impl Judgement {
    /// Returns a judgement that nothing is broken. A constant of this size would be copied wherever it is
    /// used.
    pub fn none() -> Judgement {
        Judgement {
            found: Violations::none(),
            order: None,
        }
    }

    /// Returns what `look` adds. Usually that is nothing, which costs no copy.
    pub fn noted(look: impl FnOnce(&mut Judgement)) -> Judgement {
        let mut judgement = Judgement::none();
        look(&mut judgement);
        match judgement.found.is_empty() {
            true => Judgement {
                found: Violations::none(),
                order: judgement.order,
            },
            false => judgement,
        }
    }
}
