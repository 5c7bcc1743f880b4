//! The motion of the joints of an arm that is commanded positions, as commands and reports show it.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::limits::{JointMotion, exceeds, largest};

use crate::constants::DT;
use crate::limits::tolerances::SAME_POSITION;

/// The largest rounding errors of a reported position [rad] and velocity [rad/s].
const REPORTED_POSITION: f64 = 3e-7;
const REPORTED_VELOCITY: f64 = 1e-6;
/// If commands got lost for at most this many cycles, it is known how the arm went on.
const LONGEST_GAP: f64 = 50.0;
/// The tolerance of velocities. The rounding of the position that a motion starts from, up to 2.4e-7 rad, is
/// moved through in one cycle.
const SAME_VELOCITY: f64 = 3e-4;

/// Returns the motion of an arm that reports `reported`, and true if it is the commanded motion; `None` if
/// only the report is known. `before` is the motion before the last command, `cycles` cycles ago, and
/// `commanded` the motion after that command.
///
/// If commands got lost, the arm went on at its acceleration. Both possible motions are known exactly, while
/// the report is rounded: its error is as large as the difference between a lost command and one with a jerk
/// of 300 rad/s3.
///
/// Only the arm knows the rounding of the position that its motion started from. The first command makes up
/// for it, which gives the arm a velocity and an acceleration. If the next commands get lost, the arm goes on
/// with these. So a joint whose report differs from the likely motion by more than the rounding of the report
/// moves as reported.
pub(super) fn likely(
    before: &[JointMotion; 7],
    commanded: &[JointMotion; 7],
    cycles: f64,
    reported: &[JointMotion; 7],
) -> Option<([JointMotion; 7], bool)> {
    if !(1.0..=LONGEST_GAP).contains(&cycles) {
        return None;
    }
    let goes_on = |joints: &[JointMotion; 7], cycles: u32| {
        joints.map(|motion| {
            (0..cycles).fold(motion, |motion, _| {
                motion.with_velocity(motion.velocity + motion.acceleration * DT, DT)
            })
        })
    };
    let off = |joints: &[JointMotion; 7]| {
        let both = joints.iter().zip(reported);
        largest(both.map(|(motion, reported)| motion.velocity - reported.velocity))
    };
    let cycles = cycles as u32;
    let obeyed = goes_on(commanded, cycles.saturating_sub(1));
    let lost = goes_on(before, cycles);
    // If both are the same, no command is known to be lost.
    let is_obeyed = off(&obeyed) <= off(&lost) + REPORTED_VELOCITY;
    let mut likely = if is_obeyed { obeyed } else { lost };
    let is_there = likely
        .iter()
        .zip(reported)
        .all(|(motion, reported)| (motion.position - reported.position).abs() < SAME_POSITION);
    if !is_there || off(&likely) >= SAME_VELOCITY {
        return None;
    }
    for (motion, reported) in likely.iter_mut().zip(reported) {
        if exceeds(
            (motion.position - reported.position).abs(),
            REPORTED_POSITION,
        ) {
            motion.position = reported.position;
        }
        if exceeds(
            (motion.velocity - reported.velocity).abs(),
            REPORTED_VELOCITY,
        ) {
            motion.velocity = reported.velocity;
            motion.acceleration = reported.acceleration;
        }
    }
    Some((likely, is_obeyed && cycles == 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An arm whose joints all move alike. It knows its motion exactly, and reports it in single precision.
    struct Arm(JointMotion);

    impl Arm {
        fn at(position: f64) -> Arm {
            Arm(JointMotion {
                position,
                ..JointMotion::default()
            })
        }

        fn obey(&mut self, position: f64) {
            self.0 = self.0.with_position(position, DT);
        }

        fn lose(&mut self) {
            let velocity = self.0.velocity + self.0.acceleration * DT;
            self.0 = self.0.with_velocity(velocity, DT);
        }

        fn report(&self) -> [JointMotion; 7] {
            let single = |value: f64| f64::from(value as f32);
            [JointMotion {
                position: single(self.0.position),
                velocity: single(self.0.velocity),
                acceleration: single(self.0.acceleration),
            }; 7]
        }
    }

    #[test]
    fn an_arm_that_loses_commands_after_its_start_goes_on_with_the_rounding_of_the_start() {
        let mut farthest: f64 = 0.0;
        for nth in 0..20 {
            let mut arm = Arm::at(2.0 + 0.013 * f64::from(nth));
            let start = arm.report()[0].position;
            let mut motion = arm.report();
            for tick in 0..20 {
                let commanded = motion.map(|motion| motion.with_position(start, DT));
                match tick {
                    0 => arm.obey(start),
                    _ => arm.lose(),
                }
                motion = likely(&motion, &commanded, 1.0, &arm.report()).unwrap().0;
                let off = motion[3].position - arm.0.position;
                assert!(off.abs() < 3e-7, "{off} in tick {tick}");
                let off = motion[3].velocity - arm.0.velocity;
                assert!(off.abs() < 1e-6, "{off} in tick {tick}");
            }
            farthest = farthest.max((arm.0.position - start).abs());
        }
        assert!(farthest > 1e-6, "{farthest} rad from the start");
    }

    #[test]
    fn a_lost_command_is_told_from_an_obeyed_one_and_both_motions_are_exact() {
        for (is_lost, cycles) in [(false, 1), (true, 1), (false, 4), (true, 4), (false, 50)] {
            let mut arm = Arm(JointMotion {
                position: 1.25,
                velocity: 0.5,
                acceleration: 2.0,
            });
            let before = [arm.0; 7];
            // A jerk of 300 rad/s3.
            let position = 1.25 + (0.5 + 2.3e-3) * DT;
            let commanded = before.map(|motion| motion.with_position(position, DT));
            match is_lost {
                true => arm.lose(),
                false => arm.obey(position),
            }
            for _ in 1..cycles {
                arm.lose();
            }
            let found = likely(&before, &commanded, f64::from(cycles), &arm.report());
            let (now, in_step) = found.unwrap();
            for motion in now {
                assert!((motion.position - arm.0.position).abs() < 1e-12);
                assert!((motion.velocity - arm.0.velocity).abs() < 1e-12);
            }
            assert_eq!(in_step, !is_lost && cycles == 1);
        }
    }

    #[test]
    fn only_the_report_is_known_after_a_long_gap_and_of_an_arm_that_is_elsewhere_or_faster() {
        let arm = Arm::at(0.5).0;
        let rest = [arm; 7];
        let is_known = |cycles: f64, reported: JointMotion| {
            let mut all = rest;
            all[4] = reported;
            likely(&rest, &rest, cycles, &all).is_some()
        };
        assert!(is_known(1.0, arm) && is_known(50.0, arm));
        assert!(!is_known(0.0, arm) && !is_known(51.0, arm));
        for (off, known) in [(1.9e-6, true), (2.1e-6, false), (-2.1e-6, false)] {
            let position = arm.position + off;
            assert_eq!(is_known(1.0, JointMotion { position, ..arm }), known);
        }
        for (velocity, known) in [(2.9e-4, true), (3.1e-4, false), (-3.1e-4, false)] {
            assert_eq!(is_known(1.0, JointMotion { velocity, ..arm }), known);
        }
    }

    #[test]
    fn a_report_counts_if_it_differs_by_more_than_its_rounding() {
        let rest = [Arm::at(0.5).0; 7];
        for (off, velocity, counts) in [(2.9e-7, 0.9e-6, false), (3.1e-7, 1.1e-6, true)] {
            let reported = JointMotion {
                position: 0.5 - off,
                velocity: -velocity,
                acceleration: 0.125,
            };
            let (now, _) = likely(&rest, &rest, 1.0, &[reported; 7]).unwrap();
            assert_eq!(now, [if counts { reported } else { rest[0] }; 7]);
        }
    }
}
