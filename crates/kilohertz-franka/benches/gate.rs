//! What a cycle pays for looking at the arm's state before it is believed, and at the policy's answer
//! before it is used: the gate alone, and the loop body with the limits of an arm, in which each answer
//! is judged. No socket and no arm.
//!
//! Bar: both together no more than 0.5 us at p50, without the writing of the slots, which there was
//! before.

#[path = "../../kilohertz-core/benches/rows/mod.rs"]
mod rows;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use franka::model::{FR3_URDF, Model};
use kilohertz_core::courier::start_courier;
use kilohertz_core::limits::{Limits, Unlimited};
use kilohertz_core::policy::{Ask, Native};
use kilohertz_core::robot::{Cycle, Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::time::Time;
use kilohertz_franka::limits::{ArmLimits, limits};
use kilohertz_franka::{Control, Impedance, Interface, MotionOptions, measured, state};
use rows::{is_test, keep, median, percentile, print_machine};

const MS: Duration = Duration::from_millis(1);
/// States or cycles that are timed together: reading the clock costs as much as a state.
const BLOCK: u64 = 100;

fn ns(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

/// An arm that does nothing else than to be commanded.
struct Obedient {
    action: Schema,
    control: Control,
    blocks: usize,
    took: Arc<Mutex<Vec<f64>>>,
}

impl Robot for Obedient {
    fn observation(&self) -> &Schema {
        &state::SCHEMA
    }

    fn action(&self) -> &Schema {
        &self.action
    }

    fn period(&self) -> Duration {
        MS
    }

    fn drive(&mut self, tick: &mut dyn Tick) -> Result<(), RobotError> {
        let place = |name| state::SCHEMA.locate_field(name);
        let (q, q_d, dq_d, ddq_d) = (place("q"), place("q_d"), place("dq_d"), place("ddq_d"));
        let mut observation = [0.0; state::LEN];
        for joint in 0..7 {
            observation[q + joint] = READY[joint];
            observation[q_d + joint] = READY[joint];
        }
        let mut action = [0.0; 7];
        for _ in 0..self.blocks {
            let mut took = Duration::ZERO;
            for _ in 0..BLOCK {
                observation[0] += 1e-3;
                let started = Time::now();
                tick.cycle(Cycle {
                    started,
                    skipped: 0,
                    observation: &observation,
                    action: &mut action,
                });
                took += Time::now().since(started);
                tick.sent(started);
                for joint in 0..7 {
                    let (place, velocity) = (observation[q_d + joint], observation[dq_d + joint]);
                    let next = match self.control {
                        Control::JointVelocity => place + action[joint] * 1e-3,
                        _ => action[joint],
                    };
                    observation[q + joint] = next;
                    observation[q_d + joint] = next;
                    observation[dq_d + joint] = (next - place) * 1e3;
                    observation[ddq_d + joint] = ((next - place) * 1e3 - velocity) * 1e3;
                }
            }
            self.took
                .lock()
                .expect("nobody panics")
                .push(ns(took) / BLOCK as f64);
        }
        // What is timed is over: the arm comes to rest.
        while tick.cycle(Cycle {
            started: Time::now(),
            skipped: 0,
            observation: &observation,
            action: &mut action,
        }) != Flow::Finish
        {}
        Ok(())
    }
}

const READY: [f64; 7] = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785];
