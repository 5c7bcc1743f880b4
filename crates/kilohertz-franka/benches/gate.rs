//! What a cycle pays for checking the arm's state before it is believed, and the policy's answer before it
//! is used: the gate alone, and the loop with an arm's limits, in which each answer is judged. No socket
//! and no arm.
//!
//! Bar: both together take no more than 0.5 us at p50, without writing the slots, which the loop needs
//! anyway.

#[path = "../../kilohertz-core/benches/rows/mod.rs"]
mod rows;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use franka::model::{FR3_URDF, Model};
use kilohertz_core::channel::notify::start_notifier;
use kilohertz_core::limits::{Limiter, Unlimited};
use kilohertz_core::policy::{Ask, Native};
use kilohertz_core::robot::{Cycle, Flow, Robot, RobotError, Tick};
use kilohertz_core::schema::Schema;
use kilohertz_core::session::{Config, Session};
use kilohertz_core::stats::Recorder;
use kilohertz_core::timing::time::Time;
use kilohertz_franka::limits::{ArmLimits, limits};
use kilohertz_franka::{Control, Impedance, Interface, MotionOptions, measured, state};
use rows::{is_test, keep, median, percentile, print_machine, us};

const MS: Duration = Duration::from_millis(1);
/// How many states or cycles are timed together, because reading the clock takes as long as one state.
const BLOCK: u64 = 100;

fn ns(duration: Duration) -> f64 {
    1e3 * us(duration)
}

/// An arm that only takes commands.
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
        let place = |name: &str| {
            let is_it = |slot: &usize| state::SCHEMA.locate(*slot) == Some((name, 0));
            (0..state::LEN).find(is_it).expect("a field of the state")
        };
        let (q, q_d, dq_d, ddq_d) = (place("q"), place("q_d"), place("dq_d"), place("ddq_d"));
        let mut observation = [0.0; state::LEN];
        observation[q..q + 7].copy_from_slice(&READY);
        observation[q_d..q_d + 7].copy_from_slice(&READY);
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
        // The timed part is over: the arm comes to rest.
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

/// Returns how long the cycles of each block take with these limits [ns a cycle].
fn cycles(control: Control, limits: Box<dyn Limiter>, blocks: usize) -> Vec<f64> {
    let took = Arc::new(Mutex::new(Vec::with_capacity(blocks)));
    let robot = Obedient {
        action: interface(control).action(),
        control,
        blocks,
        took: Arc::clone(&took),
    };
    let policy = Native::new(7, move |ask: &Ask<'_>, action: &mut [f64]| {
        let phase = 3.0 * ask.time.as_secs_f64();
        for (joint, action) in action.iter_mut().enumerate() {
            *action = match control {
                Control::JointVelocity => 0.03 * phase.sin(),
                _ => READY[joint] + 0.01 * (1.0 - phase.cos()),
            };
        }
        Ok(())
    });
    let recorder = Arc::new(Recorder::new(MS, 100));
    let notifier = start_notifier(|| {}, |_| {}).expect("a thread");
    let (robot, policy) = (Box::new(robot), Box::new(policy));
    let config = Config::default();
    let session =
        Session::start(robot, policy, limits, config, recorder, notifier).expect("a thread");
    while took.lock().expect("nobody panics").len() < blocks && !session.has_ended() {
        std::thread::sleep(MS);
    }
    session.request_stop();
    while !session.join(Duration::from_secs(1)) {}
    let outcome = session.outcome().expect("it has ended");
    assert!(outcome.cause.is_none(), "{outcome:?}");
    let took = took.lock().expect("nobody panics");
    took.clone()
}

fn interface(control: Control) -> Interface {
    Interface {
        control,
        elbow: false,
        impedance: Impedance::Joint,
    }
}

fn main() {
    print_machine();
    let (rounds, blocks) = if is_test() { (1, 3) } else { (7, 2_000) };
    let arm = ArmLimits::fr3(FR3_URDF).expect("the model's own URDF");
    let model = Arc::new(Model::from_urdf(FR3_URDF).expect("the model's own URDF"));
    let mut raw = Vec::new();
    println!("\nns a cycle, p50 of {blocks} blocks of {BLOCK}, medians of {rounds} rounds");
    let header = ["slots", "gate", "free loop", "loop"];
    println!(
        "{:16} {:>9} {:>9} {:>9} {:>9}",
        "", header[0], header[1], header[2], header[3]
    );
    for control in [Control::JointVelocity, Control::JointPosition] {
        let mut p50s: [Vec<f64>; 4] = Default::default();
        for round in 0..rounds {
            let states = |is_gated| -> Vec<f64> {
                let block = |_| measured::gate(interface(control), &arm, BLOCK, is_gated);
                (0..blocks)
                    .map(|nth| ns(block(nth)) / BLOCK as f64)
                    .collect()
            };
            let of_arm = limits(interface(control), &arm, &model, &MotionOptions::default());
            let all = [
                states(false),
                states(true),
                cycles(control, Box::new(Unlimited::new(7)), blocks),
                cycles(control, of_arm, blocks),
            ];
            for ((mut took, p50s), what) in all.into_iter().zip(&mut p50s).zip(header) {
                let (p50, p99) = (percentile(&mut took, 50), percentile(&mut took, 99));
                raw.push(format!("{round},{control},{what},{p50:.1},{p99:.1}"));
                p50s.push(p50);
            }
        }
        let [slots, gate, free, whole] = p50s.map(median);
        println!(
            "{:16} {slots:9.0} {gate:9.0} {free:9.0} {whole:9.0}",
            control.name()
        );
        println!(
            "  the gate costs {:.0} ns, the limits with their judge {:.0} ns (bar 500 both)",
            gate - slots,
            whole - free
        );
    }
    keep("gate", "round,control,what,p50_ns,p99_ns", &raw);
}
