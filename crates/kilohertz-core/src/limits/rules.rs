//! Which broken limits end a session, and which are clamped.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use crate::limits::violation::ViolationKind;

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
    /// Returns rules with `rule` for each kind that can be clamped.
    pub fn all(rule: OnViolation) -> LimitRules {
        let mut rules = LimitRules::default();
        for kind in ViolationKind::ALL {
            rules.set(kind, rule);
        }
        rules
    }

    /// Sets the rule for one kind. A number that is not finite, or a matrix that is not a rigid transform,
    /// has no nearest allowed value: it always ends the session.
    pub fn set(&mut self, kind: ViolationKind, rule: OnViolation) {
        if kind.can_be_clamped() {
            self.0[kind as usize] = rule;
        }
    }

    /// Returns what happens to actions that break this limit.
    pub fn of(&self, kind: ViolationKind) -> OnViolation {
        self.0[kind as usize]
    }
}
