//! What a judge hands to a robot's limits, and what they say of it.

use crate::limits::violation::Violations;

/// How many orders of differences are taken.
pub const ORDERS: usize = 3;
/// The newest answer and how it follows those before it.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// The newest answer.
    pub answer: &'a [f64],
    /// The one before it; before the first, what the robot was commanded when it was asked.
    pub previous: &'a [f64],
    /// The derivatives of first, second and third order that the answers mean, per second, in the
    /// coordinates of [`Limiter::displacement`](crate::limits::Limiter::displacement).
    pub derivatives: [&'a [f64]; ORDERS],
    /// How many of them are known. Behind an answer that was clamped it takes a few until all are.
    pub known: usize,
    /// Cycles of the robot from one question of the policy to the next, at least 1. Where two pieces
    /// of what is commanded between answers meet, the highest derivative jumps by so much more.
    pub ratio: f64,
    /// Whether none of the answers that the derivatives span is missing, and there is one each cycle.
    pub is_gapless: bool,
    /// Whether this is the first answer.
    pub is_first: bool,
    /// Whether the robot stood, or was on its way to it, between this answer and the one before: what
    /// the answer differs by is no motion of the policy's then.
    pub is_behind_rest: bool,
}

/// What a robot's limits say of a [`Sequence`].
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Judgement {
    /// What it breaks.
    pub found: Violations,
    /// The lowest order of a derivative that is too large.
    pub order: Option<usize>,
}

impl Judgement {
    /// Nothing broken. A constant of this size would be copied wherever it is used.
    pub fn none() -> Judgement {
        Judgement {
            found: Violations::none(),
            order: None,
        }
    }

    /// What `look` finds. Nothing is the usual case, and costs no copy of what there could have been.
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
