//! What a cycle of a session costs above the client alone, in instructions: the loop body between a state
//! that was read and a command that is written, and what is counted and recorded behind it. No socket,
//! no clock: the simulated arm is stepped by its commands. `scripts/instructions.mjs` runs one row of it
//! under callgrind, which collects in [`counted`] alone.

mod swinging;

use std::hint::black_box;

use franka::RobotState;
use kilohertz_core::robot::Flow;
use kilohertz_franka::{Control, measured};
use swinging::{Checks, Swung, interface};

/// Cycles before those that are counted: what is set up, and caught up with, at the start.
const WARM_UP: u64 = 200;
const CYCLES: u64 = 1_000;

#[inline(never)]
fn counted(cycle: &mut dyn FnMut() -> Flow) -> Flow {
    black_box(cycle())
}

/// One cycle after the other; those behind the warm-up are counted.
fn count(control: Control, checks: Checks) {
    swinging::run(control, checks, WARM_UP + CYCLES, |number, cycle| {
        match number < WARM_UP {
            true => cycle(),
            false => counted(cycle),
        }
    });
}

/// What the client alone cannot do without: a state taken from its datagram.
fn count_decoding() {
    let mut arm = Swung::new(Control::JointVelocity);
    let datagram = arm.datagram();
    for _ in 0..CYCLES {
        counted(&mut || {
            black_box(RobotState::from_wire(black_box(&datagram)));
            Flow::Continue
        });
    }
}

/// A state written out as slots, through the gate or past it. What a motion begins with is in the count,
/// once.
fn count_states(control: Control, is_gated: bool) {
    let arm = swinging::arm();
    counted(&mut || {
        measured::gate(interface(control), &arm, CYCLES, is_gated);
        Flow::Continue
    });
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["--row", "client", _] => count_decoding(),
        ["--row", "slots", control] => count_states(control.parse().expect("a mode"), false),
        ["--row", "gate", control] => count_states(control.parse().expect("a mode"), true),
        ["--row", "free", control] => count(control.parse().expect("a mode"), Checks::Nothing),
        ["--row", "cycle", control] => count(control.parse().expect("a mode"), Checks::Arm),
        ["--cycles"] => println!("{CYCLES}"),
        _ => {
            for control in Control::ALL {
                count(control, Checks::Nothing);
                count(control, Checks::Arm);
            }
            println!("each mode runs; to count: node scripts/instructions.mjs");
        }
    }
}
