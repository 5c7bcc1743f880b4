//! Sessions that command the elbow together with the end effector, in lockstep.

mod common;
mod effector;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use common::*;
use effector::{distance, place};
use kilohertz_core::limits::ViolationKind;
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::session::Config;
use kilohertz_core::timing::time::Time;
use kilohertz_franka::{Arm, Control, Impedance};
use kilohertz_sim::{Fault, Simulator};

on_each_arm! {
    the_elbow_goes_where_it_is_taken_while_the_hand_stands,
    hand_and_elbow_move_at_the_same_time,
    a_stop_at_speed_brings_both_to_rest,
    a_forbidden_elbow_never_reaches_the_arm,
    whatever_a_policy_wants_a_clamped_motion_never_makes_the_arm_object,
    an_elbow_beyond_its_range_is_approached_as_far_as_the_arm_can,
    lost_packets_are_survived_at_speed_and_while_speeding_up,
    a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again,
    a_slow_policy_bends_the_arm_smoothly,
    torques_follow_a_motion_with_an_elbow,
}

fn set_up(rig: Rig) -> (Arc<Simulator>, Arm) {
    let simulator = lockstep(rig);
    let arm = connect_bent(rig, &simulator, Impedance::Joint);
    (simulator, arm)
}

/// The displacement of the elbow after so many seconds \[rad\], and its velocity.
type Bend = fn(f64) -> (f64, f64);

/// Adds an elbow to what `policy` commands of the end effector.
struct Bent<P> {
    policy: P,
    control: Control,
    bend: Bend,
    start: Option<f64>,
    elbow: f64,
}

fn bent<P: Policy>(control: Control, policy: P, bend: Bend) -> Bent<P> {
    Bent {
        policy,
        control,
        bend,
        start: None,
        elbow: 0.0,
    }
}

impl<P: Policy> Policy for Bent<P> {
    fn request(&mut self, ask: &Ask<'_>) {
        let [elbow, _] = field(ask.observation, "elbow_c");
        let from = *self.start.get_or_insert(elbow);
        let time = ask.time.as_secs_f64();
        self.elbow = match self.control {
            // A velocity holds for the millisecond after its cycle.
            Control::CartesianVelocity => (self.bend)(time + 5e-4).1,
            _ => from + (self.bend)(time).0,
        };
        self.policy.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        let (elbow, hand) = action.split_last_mut().unwrap();
        *elbow = self.elbow;
        self.policy.poll(until, stop, hand)
    }
}

/// Moves by 0.3 rad in 1.5 s, from rest to rest.
fn gently(time: f64) -> (f64, f64) {
    let (way, rate) = smooth(time / 1.5);
    (0.3 * way, 0.3 * rate / 1.5)
}

/// Speeds up to 0.3 rad/s within 0.4 s, and keeps that velocity.
fn on_and_on(time: f64) -> (f64, f64) {
    let share = (time / 0.4).min(1.0);
    let way = 0.4 * (share.powi(3) - share.powi(4) / 2.0);
    let rate = share * share * (3.0 - 2.0 * share);
    (0.3 * (way + (time - 0.4).max(0.0)), 0.3 * rate)
}

fn the_elbow_goes_where_it_is_taken_while_the_hand_stands(rig: Rig) {
    for control in Control::CARTESIAN {
        let (simulator, arm) = set_up(rig);
        let before = arm.state().unwrap();
        let hand = effector::move_by(control, [0.0; 3], 0.0, 1.0);
        let policy = bent(control, hand, gently);
        ended_well(&session_until(2_200, &arm, control, policy, || {}));
        let after = arm.state().unwrap();
        let way = after.q[2] - before.q[2];
        assert!((way - 0.3).abs() < 4e-3, "{control}: {way} rad");
        let off = distance(place(&after.O_T_EE), place(&before.O_T_EE));
        assert!(off < 2e-3, "{control}: {off} m");
        let counters = simulator.counters();
        assert_eq!((counters.motions_finished, counters.reflexes), (1, 0));
    }
}

fn hand_and_elbow_move_at_the_same_time(rig: Rig) {
    for control in Control::CARTESIAN {
        let (simulator, arm) = set_up(rig);
        let before = arm.state().unwrap();
        let by = [0.05, 0.1, -0.1];
        let hand = effector::move_by(control, by, 0.3, 1.5);
        let policy = bent(control, hand, gently);
        ended_well(&session_until(3_000, &arm, control, policy, || {}));
        let after = arm.state().unwrap();
        let way = after.q[2] - before.q[2];
        assert!((way - 0.3).abs() < 4e-3, "{control}: {way} rad");
        let expected = effector::moved(&before.O_T_EE_c, by, 0.3);
        let off = distance(place(&after.O_T_EE), place(&expected));
        assert!(off < 2e-3, "{control}: {off} m");
        assert_eq!(simulator.counters().reflexes, 0, "{control}");
    }
}

fn a_stop_at_speed_brings_both_to_rest(rig: Rig) {
    for control in Control::CARTESIAN {
        let (simulator, arm) = set_up(rig);
        let hand = effector::at_speed(control, |_, _| Ok(()));
        let policy = bent(control, hand, on_and_on);
        let session = session_until(800, &arm, control, policy, || {
            assert!(simulator.joints().dq[2].abs() > 0.2, "{control}");
        });
        ended_at_rest(&simulator, &session, control.name());
    }
}

fn a_forbidden_elbow_never_reaches_the_arm(rig: Rig) {
    type Case = (Control, fn(&mut [f64]), (usize, ViolationKind));
    let cases: [Case; 8] = [
        (
            Control::CartesianVelocity,
            |action| action[6] = 2.5,
            (6, ViolationKind::Velocity),
        ),
        (
            Control::CartesianVelocity,
            |action| action[6] += 0.05,
            (6, ViolationKind::Acceleration),
        ),
        (
            Control::CartesianVelocity,
            |action| action[6] += 0.008,
            (6, ViolationKind::Jerk),
        ),
        (
            Control::CartesianVelocity,
            |action| action[6] = f64::NAN,
            (6, ViolationKind::NotFinite),
        ),
        (
            Control::CartesianPose,
            |action| action[16] += 0.01,
            (16, ViolationKind::Velocity),
        ),
        (
            Control::CartesianPose,
            |action| action[16] += 8e-6,
            (16, ViolationKind::Jerk),
        ),
        (
            Control::CartesianTarget,
            |action| action[16] = 4.0,
            (16, ViolationKind::Position),
        ),
        (
            Control::CartesianTarget,
            |action| action[16] = f64::INFINITY,
            (16, ViolationKind::NotFinite),
        ),
    ];
    for (control, meddle, expected) in cases {
        let (simulator, arm) = set_up(rig);
        let hand = effector::at_speed(control, |_, _| Ok(()));
        let policy = meddled(bent(control, hand, on_and_on), meddle);
        let session = session(&arm, control, config(), policy);
        let found = refused(&simulator, &session, control.name());
        assert_eq!(found, expected, "{control}");
    }
}

/// Moves the elbow up and down, with jumps.
fn senselessly(time: f64) -> (f64, f64) {
    let jump = if ((time / 0.7) as u64).is_multiple_of(2) {
        0.5
    } else {
        -0.5
    };
    ((3.0 * time).sin() + jump, 3.0 * (3.0 * time).cos() + jump)
}

fn whatever_a_policy_wants_a_clamped_motion_never_makes_the_arm_object(rig: Rig) {
    for control in Control::CARTESIAN {
        for (seed, standing) in [(7, true), (11, false), (13, false)] {
            let (simulator, arm) = set_up(rig);
            let hand: Box<dyn Policy> = match standing {
                true => Box::new(effector::move_by(control, [0.0; 3], 0.0, 1.0)),
                false => Box::new(effector::senseless(control, seed, |_| {})),
            };
            let policy = bent(control, hand, senselessly);
            let session = clamped_session(&arm, control, policy, 8_000);
            ended_well(&session);
            assert_at_rest_without_reflex(&simulator);
            let what = format!("{control}, {seed}: {:?}", session.stats());
            assert_eq!(simulator.counters().motions_finished, 1, "{what}");
        }
    }
}

fn an_elbow_beyond_its_range_is_approached_as_far_as_the_arm_can(rig: Rig) {
    let control = Control::CartesianTarget;
    let (simulator, arm) = set_up(rig);
    let before = arm.state().unwrap();
    let hand = effector::move_by(control, [0.0; 3], 0.0, 1.0);
    let policy = bent(control, hand, |_| (4.0, 0.0));
    let session = clamped_session(&arm, control, policy, 6_000);
    ended_well(&session);
    assert_at_rest_without_reflex(&simulator);
    let after = arm.state().unwrap();
    let way = after.q[2] - before.q[2];
    assert!(way > 0.5, "it hardly moved: {way} rad");
    let off = distance(place(&after.O_T_EE), place(&before.O_T_EE));
    assert!(off < 5e-3, "{off} m");
    let beyond = session.stats().violations[ViolationKind::Position as usize];
    assert!(beyond > 5_000, "{:?}", session.stats());
}

fn lost_packets_are_survived_at_speed_and_while_speeding_up(rig: Rig) {
    for control in Control::CARTESIAN {
        for count in [1, 5, 15] {
            for fault in [Fault::DropStates { count }, Fault::DropCommands { count }] {
                let (simulator, arm) = set_up(rig);
                let hand = effector::at_speed(control, suffering_twice(&simulator, &fault));
                let policy = bent(control, hand, on_and_on);
                let session = session_until(1_000, &arm, control, policy, || {});
                let what = format!("{control}, {fault:?}");
                survived(&simulator, &session, count, &what);
            }
        }
    }
}

fn a_policy_silent_for_300_ms_at_speed_is_held_rested_and_taken_up_again(rig: Rig) {
    for control in [Control::CartesianVelocity, Control::CartesianPose] {
        let (simulator, arm) = set_up(rig);
        let hand = effector::at_speed(control, |_, _| Ok(()));
        let policy = silent(500..800, bent(control, hand, on_and_on));
        let session = session_until(2_400, &arm, control, policy, || {
            assert!(simulator.joints().dq[2].abs() > 0.1, "{control} goes on");
        });
        ended_at_rest(&simulator, &session, control.name());
        assert_resumed_once(&session, control.name());
    }
}

fn a_slow_policy_bends_the_arm_smoothly(rig: Rig) {
    for control in Control::CARTESIAN {
        let (simulator, arm) = set_up(rig);
        let before = arm.state().unwrap();
        let hand = effector::move_by(control, [0.0; 3], 0.0, 1.0);
        let policy = bent(control, hand, gently);
        let config = Config {
            policy_rate_hz: Some(50.0),
            ..config()
        };
        let session = session_for(2_500, &arm, control, config, policy);
        ended_well(&session);
        assert_at_rest_without_reflex(&simulator);
        let after = arm.state().unwrap();
        let way = after.q[2] - before.q[2];
        assert!((way - 0.3).abs() < 5e-3, "{control}: {way} rad");
    }
}

fn torques_follow_a_motion_with_an_elbow(rig: Rig) {
    for control in Control::CARTESIAN {
        let simulator = lockstep(rig);
        let arm = connect_bent(rig, &simulator, Impedance::External);
        let interface = arm.interface(control);
        let before = arm.state().unwrap();
        let hand = effector::move_by(control, [0.0; 3], 0.0, 1.0);
        let policy = bent(control, hand, gently);
        let policy = followed_behind(interface.motion_slots(), policy);
        ended_well(&session_until(2_200, &arm, control, policy, || {}));
        let way = arm.state().unwrap().q[2] - before.q[2];
        assert!((way - 0.3).abs() < 5e-3, "{control}: {way} rad");
        assert_at_rest_without_reflex(&simulator);
    }
}
