//! Functions that only benches use.

use franka::{Duration, RobotMode, RobotState};
use kilohertz_core::robot::{Cycle, Flow, RobotError, Tick};
use kilohertz_core::timing::time::Time;

use crate::arm::ownership::Ownership;
use crate::client::entrance::{Drive, Entrance};
use crate::control::{Control, Interface};
use crate::limits::ArmLimits;

/// A loop that does nothing.
struct Nothing;

impl Tick for Nothing {
    fn cycle(&mut self, _cycle: Cycle<'_>) -> Flow {
        Flow::Continue
    }

    fn sent(&mut self, _at: Time) {}

    fn is_stopping(&self) -> bool {
        false
    }

    fn distrust(&mut self) {}
}

/// Passes `states` good states of an arm through the gate of a motion, and returns how long that takes in
/// total. If `is_gated` is false, the states are only written out as slots.
///
/// # Panics
/// Panics if a state is refused.
pub fn gate(
    interface: Interface,
    arm: &ArmLimits,
    states: u64,
    is_gated: bool,
) -> std::time::Duration {
    let drive = Drive {
        interface,
        impedance: None,
        arm: *arm,
    };
    let mut unit = [0.0; 16];
    (0..4).for_each(|i| unit[5 * i] = 1.0);
    let q = arm.joints.map(|joint| 0.5 * (joint.lower + joint.upper));
    let mut state = RobotState {
        q,
        q_d: q,
        F_T_EE: unit,
        O_T_EE_c: unit,
        robot_mode: RobotMode::Move,
        ..RobotState::default()
    };
    let mut entrance = Entrance::new(&drive, state).expect("an arm in the middle of its ranges");
    let mut slots = [0.0; crate::state::LEN];
    let mut action = [0.0; Control::MOST_SLOTS];
    let started = Time::now();
    for _ in 0..states {
        state.time += Duration::from_millis(1);
        let state = std::hint::black_box(&state);
        match is_gated {
            true => {
                entrance.cycle(&mut Nothing, started, state, &mut action);
            }
            false => crate::state::write(state, &mut slots),
        }
        std::hint::black_box((&entrance, &slots));
    }
    let took = Time::now().since(started);
    assert!(entrance.outcome(Ok(())).is_ok(), "a state was refused");
    took
}

/// Runs the cycles of a motion as a session on an arm does, but without a client. `next` carries out an
/// action and returns the state of the arm after it; its first call returns the state before the motion.
/// `pace` receives each cycle, to count or to time it.
///
/// # Errors
/// Returns an error if a state is refused.
pub fn drive(
    interface: Interface,
    arm: &ArmLimits,
    tick: &mut dyn Tick,
    mut next: impl FnMut(&[f64]) -> RobotState,
    mut pace: impl FnMut(&mut dyn FnMut() -> Flow) -> Flow,
) -> Result<(), RobotError> {
    let drive = Drive {
        interface,
        impedance: None,
        arm: *arm,
    };
    let mut action = [0.0; Control::MOST_SLOTS];
    let action = &mut action[..interface.slots()];
    let owner = Ownership::new();
    owner.take();
    Ok(owner.drive_observed(tick, |tick| {
        let mut entrance = Entrance::new(&drive, next(action))?;
        let mut state = next(action);
        while pace(&mut || cycle(&mut entrance, tick, &state, action)) == Flow::Continue {
            state = next(action);
        }
        entrance.outcome(Ok(()))
    })?)
}

/// Runs the part of a cycle that a client runs between reading and writing, and after it.
fn cycle(
    entrance: &mut Entrance<'_>,
    tick: &mut dyn Tick,
    state: &RobotState,
    action: &mut [f64],
) -> Flow {
    let flow = entrance.cycle(tick, Time::now(), state, action);
    tick.sent(Time::now());
    flow
}
