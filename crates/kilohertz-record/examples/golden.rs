//! Writes the recordings that the tests of the TypeScript layer read, `__test__/fixtures/recordings/`:
//!
//! ```text
//! cargo run -p kilohertz-record --example golden -- __test__/fixtures/recordings
//! ```
//!
//! `arm.mcap` is a run of an arm with a policy that goes towards a goal. `cart.mcap` is a run of another robot whose
//! policy answers in chunks; its texts look like paths and commands.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use kilohertz_franka::state;
use kilohertz_record::entry::{
    Answer, CommandKind, Cycle, Entry, EpisodeMark, Level, Note, Outcome, Phases, Pixels, Sample,
    Value,
};
use kilohertz_record::layout::{Layout, LayoutField};
use kilohertz_record::run::{Run, Start};
use kilohertz_record::writer::{RunWriter, WriterOptions};
use serde_json::json;

const START: Start = Start {
    monotonic_ns: 5_000_000_000,
    wall_ns: 1_700_000_000_000_000_000,
};
/// The cycles of each run.
const CYCLES: u64 = 400;
/// The policy of the arm is asked each time after so many cycles, first in cycle 2.
const ASKED_EVERY: u64 = 10;
/// What share of its way to the goal the policy goes at once.
const GAIN: f64 = 0.25;
const GOAL: [f64; 7] = [0.1, -0.7, 0.05, -2.3, 0.02, 1.5, 0.8];
/// The cycles that the arm had and the host did not.
const MISSED: std::ops::Range<u64> = 200..203;

type Outcomes = Result<(), Box<dyn Error>>;

fn main() -> Outcomes {
    let folder = std::env::args().nth(1).ok_or("pass a folder")?;
    let place = |name: &str| Path::new(&folder).join(name);
    for name in ["arm.mcap", "cart.mcap"] {
        if place(name).exists() {
            std::fs::remove_file(place(name))?;
        }
    }
    arm(&place("arm.mcap"))?;
    cart(&place("cart.mcap"))
}

fn field(name: &str, len: usize, unit: &str) -> LayoutField {
    LayoutField {
        name: name.to_owned(),
        len,
        unit: unit.to_owned(),
    }
}

fn clocks(tick: u64) -> (f64, u64, u64) {
    let ns = tick * 1_000_000;
    (
        tick as f64 / 1000.0,
        START.monotonic_ns + ns,
        START.wall_ns + ns,
    )
}

fn mark(index: u32, tick: u64, task: &str, ended: Option<Outcome>) -> EpisodeMark {
    let (robot_time_s, monotonic_ns, _) = clocks(tick);
    EpisodeMark {
        index,
        monotonic_ns,
        robot_time_s,
        task: task.to_owned(),
        ended,
    }
}

fn sample(channel: &str, tick: u64, value: Value) -> Sample {
    let (time_s, monotonic_ns, _) = clocks(tick);
    Sample {
        channel: channel.to_owned(),
        monotonic_ns,
        time_s,
        value,
    }
}

/// What is written before the cycle of that number.
fn beside(tick: u64) -> (Vec<EpisodeMark>, Vec<Sample>) {
    let marks = match tick {
        50 => vec![mark(0, tick, "pick", None)],
        150 => vec![
            mark(0, tick, "pick", Some(Outcome::Success)),
            mark(1, tick, "place", None),
        ],
        250 => vec![mark(1, tick, "place", Some(Outcome::Rerecorded))],
        300 => vec![mark(2, tick, "place", None)],
        390 => vec![mark(2, tick, "place", Some(Outcome::Success))],
        _ => Vec::new(),
    };
    let mut samples = Vec::new();
    if tick.is_multiple_of(100) {
        let width = 0.08 - tick as f64 / 10_000.0;
        samples.push(sample("gripper/width", tick, Value::Numbers(vec![width])));
        let image = Value::RawImage {
            width: 8,
            height: 6,
            pixels: Pixels::Rgb8,
            data: (0..8 * 6 * 3)
                .map(|byte| byte + (tick / 100) as u8)
                .collect(),
        };
        samples.push(sample("camera/wrist", tick, image));
    }
    if tick == 100 {
        let bytes = Value::Bytes {
            media_type: "application/json".to_owned(),
            data: br#"{"operator":"left-handed"}"#.to_vec(),
        };
        samples.push(sample("operator", tick, bytes));
    }
    (marks, samples)
}

fn arm(path: &Path) -> Outcomes {
    let run = Run {
        state: Layout::from(&*state::SCHEMA),
        action: Layout::new([field("q", 7, "rad")])?,
        answer: Layout::new([field("q", 7, "rad")])?,
        period_s: 0.001,
        start: START,
        options: json!({ "policyRateHz": 100, "onLate": "hold" }),
        robot: json!({ "model": "fr3", "control": "jointPosition" }),
        versions: json!({ "kilohertz": "0.1.0" }),
    };
    let mut state = vec![0.0; run.state.len()];
    let first = |name: &str| run.state.find(name).map(|(_, first)| first);
    let slots = [
        "time",
        "q",
        "q_d",
        "O_T_EE",
        "control_command_success_rate",
        "robot_mode",
    ];
    let [
        Some(time),
        Some(q),
        Some(q_d),
        Some(pose),
        Some(rate),
        Some(mode),
    ] = slots.map(first)
    else {
        return Err("the state of an arm lacks a field".into());
    };
    state[rate] = 1.0;
    state[mode] = 2.0;
    for diagonal in [0, 5, 10, 15] {
        state[pose + diagonal] = 1.0;
    }
    let mut commanded = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785];
    let mut answered = commanded;
    let mut asked: Option<(u64, [f64; 7])> = None;
    let mut writer = RunWriter::create(path, run, &WriterOptions::default())?;
    for tick in (0..CYCLES).filter(|tick| !MISSED.contains(tick)) {
        let (marks, samples) = beside(tick);
        for mark in &marks {
            writer.write(&Entry::Episode(mark))?;
        }
        for sample in &samples {
            writer.write(&Entry::Sample(sample))?;
        }
        let (robot_time_s, monotonic_ns, wall_ns) = clocks(tick);
        state[time] = 100.0 + robot_time_s;
        state[q..q + 7].copy_from_slice(&commanded);
        state[q_d..q_d + 7].copy_from_slice(&commanded);
        state[pose + 12] = 0.3 + commanded[0];
        // An answer comes in the cycle after its question.
        let came = asked.take();
        if let Some((_, answer)) = came {
            answered = answer;
        }
        let is_asked = tick % ASKED_EVERY == 2;
        if is_asked {
            let towards = |joint: usize| commanded[joint] + GAIN * (GOAL[joint] - commanded[joint]);
            asked = Some((tick, std::array::from_fn(towards)));
        }
        let is_after_gap = tick == MISSED.end;
        let notes = match is_after_gap {
            true => vec![Note {
                level: Level::Warning,
                name: "held".to_owned(),
                text: "the policy was late".to_owned(),
            }],
            false => Vec::new(),
        };
        for (command, goal) in commanded.iter_mut().zip(answered) {
            *command += 0.1 * (goal - *command);
        }
        writer.write(&Entry::Cycle(Cycle {
            tick,
            robot_time_s,
            monotonic_ns,
            wall_ns,
            missed_ms: if is_after_gap {
                (MISSED.end - MISSED.start) as u32
            } else {
                0
            },
            lost_before: u64::from(tick == 310),
            kind: match is_after_gap {
                true => CommandKind::Held,
                false => CommandKind::Fresh,
            },
            phases: Phases {
                asked_s: is_asked.then_some(0.0001),
                answered_s: came.map(|_| 0.0002),
                decided_s: Some(0.0003),
                sent_s: Some(0.0004),
                // As before these were recorded.
                ..Phases::default()
            },
            state: &state,
            command: &commanded,
            answer: came.as_ref().map(|(question, actions)| Answer {
                tick: *question,
                time_s: Duration::from_millis(*question).as_secs_f64(),
                step_s: 0.0,
                actions,
                told: None,
            }),
            notes: &notes,
        }))?;
        if tick % 50 == 49 {
            writer.flush()?;
        }
    }
    writer.finish()?;
    Ok(())
}

/// The rows of a chunk of the cart's policy, and the time between them \[s\].
const ROWS: u64 = 5;
const STEP_S: f64 = 0.02;

fn cart(path: &Path) -> Outcomes {
    let escape = "../../escaped; $(touch escaped)";
    let run = Run {
        state: Layout::new([field("x", 1, "m"), field("wheels", 2, "rad")])?,
        action: Layout::new([field("velocity", 2, "m/s")])?,
        answer: Layout::new([field("velocity", 2, "m/s")])?,
        period_s: 0.01,
        start: START,
        options: json!({ "record": escape, "__proto__": { "polluted": true } }),
        robot: json!({ "model": escape }),
        versions: json!({ "kilohertz": escape }),
    };
    let mut writer = RunWriter::create(path, run, &WriterOptions::default())?;
    writer.write(&Entry::Episode(&mark(0, 0, escape, None)))?;
    for cycle in 0..CYCLES {
        let (robot_time_s, monotonic_ns, wall_ns) = clocks(cycle * 10);
        let x = robot_time_s / 4.0;
        let question = cycle.checked_sub(2).filter(|question| question % 10 == 0);
        let actions: Vec<f64> = question.map_or_else(Vec::new, |question| {
            let x = (question * 10) as f64 / 1000.0 / 4.0;
            let row = |row: u64| [1.0 - x, (row as f64) * 0.5];
            (0..ROWS).flat_map(row).collect()
        });
        writer.write(&Entry::Cycle(Cycle {
            tick: cycle,
            robot_time_s,
            monotonic_ns,
            wall_ns,
            missed_ms: 0,
            lost_before: 0,
            kind: CommandKind::Fresh,
            phases: Phases::default(),
            state: &[x, x * 10.0, x * 20.0],
            command: &[1.0 - x, 0.0],
            answer: question.map(|tick| Answer {
                tick,
                time_s: Duration::from_millis(tick * 10).as_secs_f64(),
                step_s: STEP_S,
                actions: &actions,
                told: None,
            }),
            notes: &[],
        }))?;
        if cycle % 50 == 49 {
            writer.flush()?;
        }
    }
    writer.finish()?;
    Ok(())
}
