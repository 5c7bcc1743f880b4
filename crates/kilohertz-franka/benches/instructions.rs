//! What a cycle of a session costs in addition to the client alone, in instructions: the loop between a
//! state that was read and a command that is written, and the counting and recording after it. No socket,
//! no clock: commands step the simulated arm. `scripts/instructions.mjs` runs one row of it under
//! callgrind, which counts only inside [`counted`].

mod swinging;

use std::hint::black_box;

use franka::RobotState;
use kilohertz_core::robot::Flow;
use kilohertz_franka::{Control, measured};
use swinging::{Checks, Swung, interface};

/// How many cycles run before those that are counted, to leave out the setup and the catching up at the
/// start.
const WARM_UP: u64 = 200;
const CYCLES: u64 = 1_000;

#[inline(never)]
fn counted(cycle: &mut dyn FnMut() -> Flow) -> Flow {
    black_box(cycle())
}

/// Runs one cycle after the other; those after the warm-up are counted.
fn count(control: Control, checks: Checks) {
    swinging::run(control, checks, WARM_UP + CYCLES, |number, cycle| {
        match number < WARM_UP {
            true => cycle(),
            false => counted(cycle),
        }
    });
}

/// Counts what the client alone needs: decoding a state from its datagram.
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

/// Counts writing a state out as slots, with or without the gate. The start of the motion is included once.
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
        ["--row", "kept", control] => count(control.parse().expect("a mode"), Checks::Kept),
        ["--cycles"] => println!("{CYCLES}"),
        _ => {
            for control in Control::ALL {
                count(control, Checks::Nothing);
                count(control, Checks::Arm);
                count(control, Checks::Kept);
            }
            println!("each mode runs; to count: node scripts/instructions.mjs");
        }
    }
}
