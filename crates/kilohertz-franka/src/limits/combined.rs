//! Limits of a motion and of the joint torques that follow it.
//!
//! Each of the two has the limits that it has alone. The motion is what the arm reports as desired, and its
//! rules for motions apply to it. The torques move the arm. So both are held, both are brought to rest, and
//! the arm rests when both do.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::limits::{Approach, Judgement, Limiter, Sequence, Violation, Violations};

/// Limits of actions that consist of a motion, then torques.
pub(crate) struct MotionWithTorques {
    motion: Box<dyn Limiter>,
    torques: Box<dyn Limiter>,
    /// The number of slots of the motion.
    slots: usize,
}

impl MotionWithTorques {
    /// Combines `motion`, given with the number of its slots, with `torques`.
    pub fn new(
        (motion, slots): (Box<dyn Limiter>, usize),
        torques: Box<dyn Limiter>,
    ) -> MotionWithTorques {
        MotionWithTorques {
            motion,
            torques,
            slots,
        }
    }

    /// Returns what `check` finds in the two parts of `action`.
    fn found(
        &self,
        action: &[f64],
        check: impl Fn(&dyn Limiter, &[f64]) -> Violations,
    ) -> Violations {
        let (motion, torques) = action.split_at(self.slots);
        let mut found = check(&*self.motion, motion);
        found.join(&self.of_torques(check(&*self.torques, torques)));
        found
    }

    /// Returns the violations of torques, with the slots that they have in the action.
    fn of_torques(&self, found: Violations) -> Violations {
        let mut moved = Violations::none();
        for violation in found.iter() {
            moved.note(Violation {
                slot: self.slots.saturating_add(violation.slot),
                ..*violation
            });
        }
        moved
    }
}

impl Limiter for MotionWithTorques {
    /// Torques are interpolated like the motion, slot by slot, so that both belong to the same time.
    fn interpolation(&self) -> Interpolation {
        self.motion.interpolation()
    }

    fn motion_slots(&self) -> Option<usize> {
        Some(self.slots)
    }

    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        let (motion_first, torques_first) = first.split_at_mut(self.slots);
        let (motion_second, torques_second) = second.split_at_mut(self.slots);
        self.motion.rates(motion_first, motion_second);
        self.torques.rates(torques_first, torques_second);
    }

    fn last_command(&self, out: &mut [f64]) {
        let (motion, torques) = out.split_at_mut(self.slots);
        self.motion.last_command(motion);
        self.torques.last_command(torques);
    }

    fn observe(&mut self, observation: &[f64]) -> bool {
        let motion = self.motion.observe(observation);
        let torques = self.torques.observe(observation);
        motion && torques
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        self.found(answer, |limits, part| limits.check_answer(part))
    }

    fn highest_rates(&self, coordinate: usize) -> [f64; 3] {
        self.motion.highest_rates(coordinate)
    }

    fn displacement(&self, part: usize, from: &[f64], to: &[f64], out: &mut [f64]) {
        match part {
            0 => self.motion.displacement(0, from, to, out),
            _ => self.torques.displacement(0, from, to, out),
        }
    }

    fn judge(&mut self, part: usize, sequence: &Sequence<'_>) -> Judgement {
        if part == 0 {
            return self.motion.judge(0, sequence);
        }
        let Judgement { found, order } = self.torques.judge(0, sequence);
        Judgement {
            found: self.of_torques(found),
            order,
        }
    }

    fn check_place(&self, observation: &[f64], action: &[f64]) -> Violations {
        self.found(action, |limits, part| limits.check_place(observation, part))
    }

    fn check_step(&self, observation: &[f64], action: &[f64]) -> Option<Violations> {
        let (motion, torques) = action.split_at(self.slots);
        let mut found = self.motion.check_step(observation, motion)?;
        let torques = self.torques.check_step(observation, torques)?;
        found.join(&self.of_torques(torques));
        Some(found)
    }

    fn check_destination(&self, observation: &[f64], action: &[f64]) -> Violations {
        self.found(action, |limits, part| {
            limits.check_destination(observation, part)
        })
    }

    fn accept(&mut self, action: &[f64]) {
        let (motion, torques) = action.split_at(self.slots);
        self.motion.accept(motion);
        self.torques.accept(torques);
    }

    fn approach(
        &mut self,
        observation: &[f64],
        action: &[f64],
        approach: Approach,
        out: &mut [f64],
    ) -> bool {
        let (motion, torques) = action.split_at(self.slots);
        let (motion_out, torques_out) = out.split_at_mut(self.slots);
        let motion = self
            .motion
            .approach(observation, motion, approach, motion_out);
        let torques = self
            .torques
            .approach(observation, torques, approach, torques_out);
        motion && torques
    }

    fn behind(&self, action: &[f64]) -> Option<(usize, f64)> {
        self.motion.behind(&action[..self.slots])
    }

    fn hold(&mut self, observation: &[f64], out: &mut [f64]) {
        let (motion, torques) = out.split_at_mut(self.slots);
        self.motion.hold(observation, motion);
        self.torques.hold(observation, torques);
    }

    fn brake(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        let (motion, torques) = out.split_at_mut(self.slots);
        let motion = self.motion.brake(observation, motion);
        let torques = self.torques.brake(observation, torques);
        motion && torques
    }

    fn brake_blind(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        let (motion, torques) = out.split_at_mut(self.slots);
        let motion = self.motion.brake_blind(observation, motion);
        let torques = self.torques.brake_blind(observation, torques);
        motion && torques
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use kilohertz_core::limits::{ORDERS, ViolationKind};

    use super::*;
    use crate::limits::fake::{Fake, ORDER, check};

    /// The slots of a motion, then those of the torques.
    const ACTION: [f64; 5] = [1.0, 2.0, 3.0, 40.0, 50.0];
    const OBSERVATION: [f64; 2] = [0.25, 0.5];
    /// What each part answers, and what both together do.
    const ANSWERS: [(bool, bool, bool); 4] = [
        (true, true, true),
        (true, false, false),
        (false, true, false),
        (false, false, false),
    ];

    fn motion() -> Fake {
        Fake::new(Interpolation::Spline, ViolationKind::Velocity, 3)
    }

    fn torques() -> Fake {
        Fake::new(Interpolation::Approach, ViolationKind::Torque, 2)
    }

    fn combined(motion: Fake, torques: Fake) -> MotionWithTorques {
        let slots = motion.last.len();
        MotionWithTorques::new((Box::new(motion), slots), Box::new(torques))
    }

    /// Returns limits whose last command is [`ACTION`] and whose parts return these values.
    fn answering(of_motion: bool, of_torques: bool) -> MotionWithTorques {
        let part = |part: Fake, agrees| Fake { agrees, ..part };
        let mut limits = combined(part(motion(), of_motion), part(torques(), of_torques));
        limits.accept(&ACTION);
        limits
    }

    fn last(limits: &MotionWithTorques) -> [f64; 5] {
        let mut out = [0.0; 5];
        limits.last_command(&mut out);
        out
    }

    /// Returns what both parts find in [`ACTION`]; the torques with their slot in the action.
    fn of_both(check: f64, observation: &[f64]) -> Violations {
        let mut found = Violations::none();
        found.note(motion().violation(check, observation, &ACTION[..3]));
        let torques = torques().violation(check, observation, &ACTION[3..]);
        assert_eq!((torques.slot, torques.action), (1, 50.0));
        found.note(Violation { slot: 4, ..torques });
        found
    }

    #[test]
    fn each_check_finds_what_is_wrong_with_the_motion_and_with_the_torques() {
        let limits = combined(motion(), torques());
        let found = limits.check_answer(&ACTION);
        assert_eq!(found, of_both(check::ANSWER, &[]));
        let found = limits.check_place(&OBSERVATION, &ACTION);
        assert_eq!(found, of_both(check::PLACE, &OBSERVATION));
        let found = limits.check_step(&OBSERVATION, &ACTION);
        assert_eq!(found, Some(of_both(check::STEP, &OBSERVATION)));
        let found = limits.check_destination(&OBSERVATION, &ACTION);
        assert_eq!(found, of_both(check::DESTINATION, &OBSERVATION));
    }

    #[test]
    fn the_highest_rates_are_those_of_the_motion() {
        let limits = combined(motion(), torques());
        assert_eq!(limits.highest_rates(2), motion().highest_rates(2));
    }

    #[test]
    fn an_action_is_reached_and_the_arm_rests_only_if_both_parts_say_so() {
        for (of_motion, of_torques, of_both) in ANSWERS {
            let limits = || answering(of_motion, of_torques);
            let mut out = [0.0; 5];
            assert_eq!(limits().observe(&OBSERVATION), of_both);
            let step = limits().check_step(&OBSERVATION, &ACTION);
            assert_eq!(step.is_some(), of_both);
            let reached =
                limits().approach(&OBSERVATION, &ACTION, Approach::WithinLimits, &mut out);
            assert_eq!(reached, of_both);
            assert_eq!(limits().brake(&OBSERVATION, &mut out), of_both);
            assert_eq!(limits().brake_blind(&OBSERVATION, &mut out), of_both);
        }
    }

    #[test]
    fn both_parts_observe_and_brake_whatever_the_other_part_returns() {
        for (of_motion, of_torques, _) in ANSWERS {
            let observed: Arc<AtomicUsize> = Arc::default();
            let part = |part: Fake, agrees| Fake {
                agrees,
                observed: Arc::clone(&observed),
                ..part
            };
            let mut limits = combined(part(motion(), of_motion), part(torques(), of_torques));
            limits.observe(&OBSERVATION);
            assert_eq!(observed.load(Ordering::Relaxed), 2);

            let mut limits = answering(of_motion, of_torques);
            let mut out = [0.0; 5];
            limits.brake(&OBSERVATION, &mut out);
            assert_eq!(out, ACTION.map(|slot| slot * 0.5));
            assert_eq!(last(&limits), out);
        }
    }

    #[test]
    fn each_command_consists_of_the_motion_then_the_torques() {
        let mut limits = combined(motion(), torques());
        assert_eq!(last(&limits), [0.0; 5]);
        limits.accept(&ACTION);
        assert_eq!(last(&limits), ACTION);

        let mut out = [0.0; 5];
        limits.hold(&OBSERVATION, &mut out);
        assert_eq!(out, ACTION);
        limits.brake_blind(&OBSERVATION, &mut out);
        assert_eq!(out, ACTION.map(|slot| slot * 0.25));
        limits.approach(&OBSERVATION, &ACTION, Approach::WithinLimits, &mut out);
        assert_eq!(out, ACTION);
        limits.approach(&OBSERVATION, &ACTION, Approach::AfterRest, &mut out);
        assert_eq!(out, ACTION.map(|slot| slot * 0.1));
        assert_eq!(last(&limits), out);

        limits.accept(&ACTION);
        let (mut first, mut second) = ([0.0; 5], [0.0; 5]);
        limits.rates(&mut first, &mut second);
        assert_eq!(first, ACTION.map(|slot| slot + 10.0));
        assert_eq!(second, ACTION.map(|slot| slot + 20.0));
    }

    #[test]
    fn each_part_is_judged_by_its_own_limits() {
        let mut limits = combined(motion(), torques());
        assert_eq!(limits.motion_slots(), Some(3));
        for (part, slots) in [(0, 0..3), (1, 3..5)] {
            let answer = &ACTION[slots.clone()];
            let sequence = Sequence {
                answer,
                previous: answer,
                derivatives: [answer; ORDERS],
                known: ORDERS,
                ratio: 1.0,
                is_gapless: true,
                is_first: false,
                is_behind_rest: false,
            };
            let judgement = limits.judge(part, &sequence);
            assert_eq!(judgement.order, Some(ORDER));
            // Each part has no parts of its own.
            let both = of_both(check::JUDGE, &[0.0]);
            let own = both.iter().nth(part).copied();
            assert_eq!(judgement.found.iter().count(), 1);
            assert_eq!(judgement.found.iter().next().copied(), own);
        }
    }

    #[test]
    fn each_part_has_its_own_displacement() {
        let mut limits = combined(motion(), torques());
        limits.accept(&ACTION);
        let mut way = [0.0; 3];
        limits.displacement(0, &[1.0; 3], &[2.0; 3], &mut way);
        assert_eq!(way, [4.0, 5.0, 6.0]);
        let mut way = [0.0; 2];
        limits.displacement(1, &[1.0; 2], &[2.0; 2], &mut way);
        assert_eq!(way, [43.0, 53.0]);
    }

    #[test]
    fn the_motion_alone_is_interpolated_and_can_be_behind() {
        let limits = combined(motion(), torques());
        assert_eq!(limits.interpolation(), Interpolation::Spline);
        assert_eq!(limits.behind(&ACTION), Some((3, 1.0)));
    }
}
