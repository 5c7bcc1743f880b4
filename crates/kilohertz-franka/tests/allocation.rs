//! A steady cycle of a session on an arm allocates nothing and frees nothing, in the loop and in `franka-rs`.
//! `libfranka-rs` allocates, and this package adds nothing to that.

#[path = "../../kilohertz-core/tests/counting/mod.rs"]
mod counting;

mod common;
mod effector;
mod watched;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use common::*;
use kilohertz_core::limits::{LimitRules, OnViolation};
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::session::Config;
use kilohertz_core::timing::time::Time;
use kilohertz_franka::move_to::{Goal, HOME, MovePolicy};
use kilohertz_franka::{CartesianBox, Client, Control, Gains, Impedance, MotionOptions};
use watched::{WARM_UP, WatchedRobot};

const WATCHED: u64 = 500;
const UNSET: u64 = u64::MAX;

/// A session whose loop thread is watched.
#[derive(Clone, Copy)]
struct Case {
    rig: Rig,
    control: Control,
    impedance: Impedance,
    elbow: bool,
    record_ticks: usize,
    /// What is added to the policy's action.
    beyond: f64,
    boxed: bool,
}

impl Case {
    fn of(rig: Rig, control: Control) -> Case {
        Case {
            rig,
            control,
            impedance: Impedance::Joint,
            elbow: false,
            record_ticks: 0,
            beyond: 0.0,
            boxed: false,
        }
    }
}

/// Returns how often the loop thread allocates in `WATCHED` cycles after the warm-up.
fn allocations(case: Case) -> u64 {
    let Case {
        rig,
        control,
        beyond,
        ..
    } = case;
    let simulator = match rig.client() {
        Client::FrankaRs => lockstep(rig),
        // This client allocates for each state, and in lockstep some states are sent twice.
        Client::LibfrankaRs => by_the_wall_clock(rig),
    };
    let arm = match case.elbow {
        true => connect_bent(rig, &simulator, case.impedance),
        false => connect_with(rig, &simulator, case.impedance),
    };
    let interface = arm.interface(control);
    let counted = Arc::new(AtomicU64::new(UNSET));
    let count = Arc::clone(&counted);
    let slots = control.slots();
    // The slot that is changed: a joint, a rotation, or a position.
    let pushed = if slots == 16 { 13 } else { slots - 1 };
    let meddle = move |tick, action: &mut [f64]| {
        action[pushed] += beyond;
        match tick {
            WARM_UP => counting::watch(),
            _ if tick == WARM_UP + WATCHED => count.store(counting::seen(), Ordering::SeqCst),
            _ => {}
        }
        Ok(())
    };
    let policy = effector::fast(control, meddle);
    let policy: Box<dyn Policy> = match interface.has_elbow() {
        true => Box::new(Bent(policy)),
        false => policy,
    };
    let policy: Box<dyn Policy> = match interface.has_torques() {
        true => Box::new(followed_behind(interface.motion_slots(), policy)),
        false => policy,
    };
    let options = MotionOptions {
        workspace: case.boxed.then_some(CartesianBox {
            lower: [-0.1, -0.05, -0.1],
            upper: [0.8, 0.05, 1.0],
            margin: 0.01,
        }),
        ..MotionOptions::default()
    };
    let config = Config {
        record_ticks: case.record_ticks,
        limits: LimitRules::all(OnViolation::Clamp),
        ..config()
    };
    let session = session_with(&arm, control, &options, config, policy);
    eventually("the end of the watch", || {
        session.has_ended() || counted.load(Ordering::SeqCst) != UNSET
    });
    session.request_stop();
    ended_well(&session);
    counted.load(Ordering::SeqCst)
}

#[test]
fn a_tick_of_a_native_policy_on_an_arm_allocates_nothing() {
    for rig in [Rig::Fr3, Rig::Fer] {
        for control in Control::ALL {
            for record_ticks in [0, 2_000] {
                let allocated = allocations(Case {
                    record_ticks,
                    ..Case::of(rig, control)
                });
                assert_eq!(allocated, 0, "{rig:?}, {control}");
            }
        }
    }
}

#[test]
fn a_tick_whose_action_is_clamped_allocates_nothing() {
    for control in Control::ALL {
        for boxed in [false, true] {
            let allocated = allocations(Case {
                beyond: 2.0,
                boxed,
                ..Case::of(Rig::Fr3, control)
            });
            assert_eq!(allocated, 0, "{control}, boxed: {boxed}");
        }
    }
}

#[test]
fn a_tick_with_torques_behind_the_motion_allocates_nothing() {
    for control in Control::ALL {
        for (beyond, boxed) in [(0.0, false), (0.2, false), (0.2, true)] {
            let allocated = allocations(Case {
                impedance: Impedance::External,
                beyond,
                boxed,
                ..Case::of(Rig::Fr3, control)
            });
            assert_eq!(allocated, 0, "{control}, {beyond} more, boxed: {boxed}");
        }
    }
}

#[test]
fn a_tick_with_an_impedance_law_allocates_nothing() {
    for rig in [Rig::Fr3, Rig::Fer] {
        for control in Control::ALL {
            let allocated = allocations(Case {
                impedance: Impedance::Law(Gains::JOINT),
                ..Case::of(rig, control)
            });
            assert_eq!(allocated, 0, "{rig:?}, {control}");
        }
    }
}

#[test]
fn a_tick_with_an_elbow_allocates_nothing() {
    for control in Control::CARTESIAN {
        for impedance in [
            Impedance::Joint,
            Impedance::External,
            Impedance::Law(Gains::CARTESIAN),
        ] {
            let allocated = allocations(Case {
                impedance,
                elbow: true,
                ..Case::of(Rig::Fr3, control)
            });
            assert_eq!(allocated, 0, "{control}, {impedance:?}");
        }
    }
}

/// Keeps the elbow where it is. The arm starts with joint 3 at zero.
struct Bent<P>(P);

impl<P: Policy> Policy for Bent<P> {
    fn request(&mut self, ask: &Ask<'_>) {
        self.0.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        let (elbow, hand) = action.split_last_mut().unwrap();
        *elbow = 0.0;
        self.0.poll(until, stop, hand)
    }
}

/// Follows a plan, and counts what the loop thread allocates meanwhile.
struct Watched {
    policy: MovePolicy,
    counted: Arc<AtomicU64>,
}

impl Policy for Watched {
    fn request(&mut self, ask: &Ask<'_>) {
        match ask.tick {
            WARM_UP => counting::watch(),
            tick if tick == WARM_UP + WATCHED => {
                self.counted.store(counting::seen(), Ordering::SeqCst);
            }
            _ => {}
        }
        self.policy.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        self.policy.poll(until, stop, action)
    }
}

#[test]
fn a_tick_of_a_move_allocates_nothing() {
    for rig in [Rig::Fr3, Rig::Fer] {
        let simulator = lockstep(rig);
        let arm = connect(rig, &simulator);
        let goal = Goal::Joints(HOME.map(|q| q + 0.3));
        let plan = arm.plan_move(&goal, 0.2).unwrap();
        assert!(plan.duration() > 0.6, "{}", plan.duration());
        let counted = Arc::new(AtomicU64::new(UNSET));
        let policy = Watched {
            policy: MovePolicy::new(plan, Arc::default()),
            counted: Arc::clone(&counted),
        };
        ended_well(&session(&arm, Control::JointPosition, config(), policy));
        assert_eq!(counted.load(Ordering::SeqCst), 0, "{rig:?}");
    }
}

/// After a fault the allocator may be locked for ever, and the arm still has to come to rest.
#[test]
fn coming_to_rest_allocates_nothing_until_the_last_command_has_gone_out() {
    for rig in [Rig::Fr3, Rig::Fer] {
        for control in Control::ALL {
            let simulator = lockstep(rig);
            let arm = connect(rig, &simulator);
            let (robot, limits) = arm.robot_with(control, &MotionOptions::default()).unwrap();
            let counted = Arc::new(AtomicU64::new(UNSET));
            let count = Arc::clone(&counted);
            let robot = Box::new(WatchedRobot {
                robot,
                begin: counting::watch,
                end: move || count.store(counting::seen(), Ordering::SeqCst),
            });
            let config = Config {
                limits: LimitRules::all(OnViolation::Clamp),
                ..config()
            };
            let policy = effector::fast(control, |_, _| Ok(()));
            let session = session_on((robot, limits), config, policy);
            eventually("the arm moves", || {
                session.recorder().iterations.get() > 200
            });
            session.request_stop();
            ended_well(&session);
            assert!(session.stats().rest_commands > 0);
            assert_eq!(counted.load(Ordering::SeqCst), 0, "{rig:?}, {control}");
        }
    }
}

/// `libfranka-rs` allocates and frees three buffers in a cycle for what it receives and sends.
#[cfg(feature = "libfranka-rs")]
#[test]
fn a_tick_over_libfranka_rs_allocates_only_what_that_client_allocates() {
    let theirs = 6 * WATCHED;
    for control in Control::ALL {
        let allocated = allocations(Case::of(Rig::Libfranka, control));
        // A packet that came late is received together with the next one. One allocation a cycle in this package
        // would add a thousand.
        assert!(allocated <= theirs + WATCHED / 2, "{control}: {allocated}");
    }
}
