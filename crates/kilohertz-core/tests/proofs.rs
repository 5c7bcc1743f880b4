//! Properties of the loop's decisions for random inputs: each ends, does not panic, and keeps its bounds. The
//! judge's properties are tested in `judge.rs`.

use std::time::Duration;

use kilohertz_core::command::cadence::Cadence;
use kilohertz_core::command::late::{Arrival, LateRule, LateTracker, OnLate, Step};
use kilohertz_core::limits::{JointBounds, JointMotion};
use kilohertz_core::timing::pacer::Pacer;
use kilohertz_core::timing::time::Time;
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof, proptest};
use proptest::{prop_assert, prop_assert_eq};

const DT: f64 = 1e-3;

fn arrivals() -> impl Strategy<Value = Vec<Arrival>> {
    let arrival = prop_oneof![
        Just(Arrival::Fresh),
        Just(Arrival::None),
        (1..50_u64).prop_map(|age| Arrival::Late { age }),
        any::<u64>().prop_map(|age| Arrival::Late { age }),
    ];
    prop::collection::vec(arrival, 0..200)
}

fn on_late() -> impl Strategy<Value = OnLate> {
    prop_oneof![Just(OnLate::Hold), Just(OnLate::Stop)]
}

/// Bounds as arms have them, and shares of those down to a hundredth.
fn bounds() -> impl Strategy<Value = JointBounds> {
    let range = (-3.0..0.0_f64, 0.1..6.0_f64);
    let derivatives = (0.02..6.0_f64, 0.1..20.0_f64, 10.0..500.0_f64);
    let braking = (0.05..0.5_f64, 0.2..0.85_f64);
    (range, derivatives, braking).prop_map(|(range, derivatives, braking)| {
        let ((lower, length), (velocity, acceleration, steepness)) = (range, derivatives);
        let (margin, deceleration) = braking;
        JointBounds {
            lower,
            upper: lower + length,
            velocity,
            margin,
            deceleration: deceleration * acceleration,
            acceleration,
            jerk: steepness * acceleration,
        }
    })
}

fn any_motion() -> impl Strategy<Value = JointMotion> {
    let number = || prop_oneof![any::<f64>(), -10.0..10.0_f64, Just(f64::NAN), Just(0.0)];
    (number(), number(), number()).prop_map(|(position, velocity, acceleration)| JointMotion {
        position,
        velocity,
        acceleration,
    })
}

proptest! {
    /// A question is asked in the cycle nearest to its time, whatever the ratio.
    #[test]
    fn a_cadence_asks_each_question_in_the_nearest_cycle(ratio in 1.0..1e4_f64, ticks in 1..5_000_u64) {
        let mut cadence = Cadence::new(ratio);
        let mut asked = 0;
        for tick in 0..ticks {
            if let Some(question) = cadence.due(tick) {
                prop_assert_eq!(question, asked, "none is left out, none comes twice");
                prop_assert!((tick as f64 - question as f64 * ratio).abs() <= 0.5);
                asked += 1;
            }
        }
        prop_assert!((asked as f64 - ticks as f64 / ratio).abs() <= 1.5);
    }

    /// For any readings of the clock the deadlines rise, none is in the past, and each is taken or counted as
    /// missed.
    #[test]
    fn a_pacer_never_replays_a_deadline_and_loses_none(
        start in any::<u64>(),
        period in prop_oneof![1..=u64::MAX, 1..10_000_000_u64],
        nows in prop::collection::vec(prop_oneof![any::<u64>(), 0..1_u64 << 40], 1..40),
    ) {
        let mut pacer = Pacer::new(Time::from_nanos(start), Duration::from_nanos(period));
        let mut last = None;
        let (mut taken, mut missed) = (0_u64, 0_u64);
        for now in nows {
            let due = pacer.next(Time::from_nanos(now));
            let deadline = due.deadline.as_nanos();
            prop_assert!(deadline >= now);
            prop_assert!(deadline >= start);
            if let Some(last) = last {
                prop_assert!(deadline > last || deadline == u64::MAX, "{deadline} after {last}");
            }
            taken += 1;
            missed = missed.saturating_add(due.missed);
            let index = missed.saturating_add(taken) - 1;
            let expected = u128::from(start) + u128::from(index) * u128::from(period);
            prop_assert_eq!(u128::from(deadline), expected.min(u128::from(u64::MAX)));
            last = Some(deadline);
        }
    }

    /// For any sequence of answers, no more cycles in a row are held than allowed. Then the robot rests or the
    /// session ends. Only fresh actions are used as they are.
    #[test]
    fn the_late_rule_holds_no_longer_than_allowed(
        max_held in prop_oneof![0..30_u32, any::<u32>()],
        on_late in on_late(),
        arrivals in arrivals(),
        caught_up in prop::collection::vec(any::<bool>(), 200),
    ) {
        let rule = LateRule { max_held, on_late };
        let mut tracker = LateTracker::new(rule);
        let (mut without, mut in_step) = (0_u32, true);
        for (arrival, caught_up) in arrivals.into_iter().zip(caught_up) {
            let is_usable = match arrival {
                Arrival::Fresh => true,
                Arrival::Late { age } => age <= u64::from(max_held),
                Arrival::None => false,
            };
            prop_assert_eq!(rule.is_stale(arrival), !is_usable && arrival != Arrival::None);
            let step = tracker.step(arrival);
            without = if is_usable { 0 } else { without + 1 };
            in_step &= arrival == Arrival::Fresh;
            prop_assert_eq!(tracker.without_action(), without);
            let expected = match (is_usable, on_late) {
                (true, _) if in_step => Step::Use,
                (true, _) => Step::Follow,
                (false, _) if without <= max_held => Step::Hold,
                (false, OnLate::Hold) => Step::Rest,
                (false, OnLate::Stop) => Step::Stop,
            };
            prop_assert_eq!(step, expected);
            if is_usable && caught_up {
                tracker.resynced();
                in_step = true;
            }
        }
    }

    /// For any target, a joint that was within its bounds stays within them, and is at rest in the end.
    #[test]
    fn a_joint_stays_within_its_bounds_and_comes_to_rest(
        bounds in bounds(),
        begins in 0.0..=1.0_f64,
        wishes in prop::collection::vec((0..3_u8, any::<f64>(), -10.0..10.0_f64), 1..20),
    ) {
        let (lowest, highest) = bounds.reach();
        if lowest >= highest {
            return Ok(());
        }
        let mut motion = JointMotion {
            position: lowest + begins * (highest - lowest),
            ..JointMotion::default()
        };
        let steps = |motion: &mut JointMotion, next: JointMotion| {
            let what = format!("{motion:?} to {next:?} under {bounds:?}");
            prop_assert!(next.velocity <= bounds.upper_velocity(motion.position) + 1e-6, "{what}");
            prop_assert!(next.velocity >= bounds.lower_velocity(motion.position) - 1e-6, "{what}");
            prop_assert!(next.acceleration.abs() <= bounds.acceleration + 1e-6, "{what}");
            prop_assert!(motion.jerk_to(next, DT).abs() <= bounds.jerk * (1.0 + 1e-6) + 1e-3, "{what}");
            prop_assert!((bounds.lower - 1e-9..=bounds.upper + 1e-9).contains(&next.position), "{what}");
            *motion = next;
            Ok(())
        };
        for (kind, wild, tame) in wishes {
            for cycle in 0..60 {
                let wanted = if cycle == 0 { wild } else { tame };
                let next = match kind {
                    0 => motion.towards_velocity(wanted, &bounds, DT),
                    1 => motion.towards_position(wanted, 0.0, &bounds, DT),
                    _ => motion.accelerated(wanted, &bounds, DT),
                };
                steps(&mut motion, next)?;
            }
        }
        // Braking at the limits takes a tenth of this.
        let limit = 10.0 * (bounds.velocity / bounds.acceleration + bounds.acceleration / bounds.jerk) + 1.0;
        let mut left = (limit / DT) as u32;
        while !motion.is_at_rest() {
            let next = motion.towards_velocity(0.0, &bounds, DT);
            steps(&mut motion, next)?;
            left -= 1;
            prop_assert!(left > 0, "{motion:?} still moves under {bounds:?}");
        }
    }

    /// For any motion of a joint and any target there is a next step, and the search for the end of the braking
    /// terminates.
    #[test]
    fn every_motion_has_a_next_step(
        bounds in bounds(),
        motion in any_motion(),
        next in any_motion(),
        wanted in prop_oneof![any::<f64>(), -10.0..10.0_f64, Just(f64::NAN)],
    ) {
        motion.accelerated(wanted, &bounds, DT);
        motion.towards_velocity(wanted, &bounds, DT);
        motion.towards_position(wanted, 0.0, &bounds, DT);
        let too_fast = motion.too_fast(next, &bounds, DT);
        prop_assert!(!next.velocity.is_nan() || too_fast.is_some());
    }
}
