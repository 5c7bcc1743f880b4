//! What is promised of chunks of one joint, cycle by cycle.

use super::*;
use crate::command::chunk::Curve;
use crate::limits::judgement::{Judgement, Sequence};
use crate::limits::{Approach, Violation, check_finite};
use crate::session::chunks::Wanted;

const MS: Duration = Duration::from_millis(1);
const DT: f64 = 1e-3;
/// The time from row to row in most tests \[s\].
const STEP: f64 = 0.02;
const MOST: [f64; 3] = [2.0, 10.0, 5_000.0];
const KINDS: [ViolationKind; 3] = [
    ViolationKind::Velocity,
    ViolationKind::Acceleration,
    ViolationKind::Jerk,
];

/// One joint that does what it is commanded.
#[derive(Default)]
struct Joint {
    at: f64,
    velocity: f64,
}

impl Limiter for Joint {
    fn interpolation(&self) -> Interpolation {
        Interpolation::Spline
    }

    fn last_command(&self, out: &mut [f64]) {
        out.fill(self.at);
    }

    fn rates(&self, first: &mut [f64], _second: &mut [f64]) {
        first.fill(self.velocity);
    }

    fn highest_rates(&self, _coordinate: usize) -> [f64; 3] {
        MOST
    }

    fn observe(&mut self, _observation: &[f64]) -> bool {
        true
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        check_finite(answer)
    }

    fn judge(&mut self, _part: usize, sequence: &Sequence<'_>) -> Judgement {
        Judgement::noted(|judgement| {
            for order in 0..sequence.known {
                let received = sequence.derivatives[order][0];
                if exceeds(received.abs(), MOST[order]) {
                    judgement.found.note(Violation {
                        kind: KINDS[order],
                        slot: 0,
                        action: sequence.answer[0],
                        received,
                        limit: MOST[order],
                        joint: None,
                        flaw: None,
                    });
                }
            }
        })
    }

    fn accept(&mut self, action: &[f64]) {
        self.velocity = (action[0] - self.at) / DT;
        self.at = action[0];
    }

    fn approach(&mut self, _: &[f64], _: &[f64], _: Approach, _: &mut [f64]) -> bool {
        true
    }

    fn hold(&mut self, _observation: &[f64], _out: &mut [f64]) {}

    fn brake(&mut self, _observation: &[f64], _out: &mut [f64]) -> bool {
        self.velocity = 0.0;
        true
    }
}

/// The rows of an answer, and how long before its question they begin.
struct Answer {
    rows: Vec<f64>,
    before_s: f64,
}

/// A loop with a policy that takes some cycles for an answer.
struct Run {
    exchange: ChunkExchange,
    joint: Joint,
    recorder: Arc<Recorder>,
    now: Now,
    open: Option<(u64, Question)>,
    asked: Vec<u64>,
    /// What was commanded in each cycle; where nothing was, the joint rests.
    commanded: Vec<f64>,
    fault: Option<ChunkFault>,
    found: Violations,
}

fn chunks() -> Chunks {
    Chunks {
        rows: 64,
        curve: Curve::Smooth,
        replan: Replan::Share(0.9),
        merge: Merge::Fade,
        max_seam: Box::new([0.1]),
        skips_bad: false,
        is_relative: false,
        gripper: None,
    }
}

impl Run {
    fn new(chunks: Chunks) -> Run {
        let joint = Joint::default();
        let recorder = Arc::new(Recorder::new(MS, 10));
        Run {
            exchange: ChunkExchange::new(
                MS,
                1,
                chunks,
                1,
                &joint,
                (None, Arc::clone(&recorder), LimitRules::default()),
            ),
            joint,
            recorder,
            now: Now { tick: 0, clock: 0 },
            open: None,
            asked: Vec::new(),
            commanded: Vec::new(),
            fault: None,
            found: Violations::none(),
        }
    }

    /// Runs cycles of a policy that answers a question of `time` after `takes` cycles with `answer(time)`.
    fn cycles(&mut self, count: u64, takes: u64, answer: impl Fn(f64) -> Answer) -> &mut Run {
        for _ in 0..count {
            let arrives = |open: &mut (u64, Question)| open.0 <= self.now.tick;
            if let Some((_, question)) = self.open.take_if(arrives) {
                let Answer { rows, before_s } = answer(question.time.as_secs_f64());
                self.put(&rows, STEP, before_s);
                self.answer(question);
            }
            self.command();
            if let Some(due) = self.exchange.ask(self.now, &self.joint) {
                self.asked.push(self.now.clock);
                self.open = Some((self.now.tick + takes, due.question));
            }
            self.now.tick += 1;
            self.now.clock += 1;
        }
        self
    }

    fn put(&mut self, rows: &[f64], dt_s: f64, before_s: f64) {
        let wide = self.exchange.chunks.row_len(1);
        let frame = self.exchange.newest();
        frame[..3].copy_from_slice(&[(rows.len() / wide) as f64, dt_s, before_s]);
        let len = rows.len().min(frame.len() - 3);
        frame[3..3 + len].copy_from_slice(&rows[..len]);
    }

    fn answer(&mut self, question: Question) {
        assert!(self.exchange.answered(question));
        let found = self
            .exchange
            .see(&mut self.joint, question, self.now, false);
        self.found.join(&found);
        self.fault = self.exchange.fault().or(self.fault);
    }

    fn command(&mut self) {
        let taken = self.exchange.take(None, self.now);
        let mut out = [0.0];
        // As the loop does, also where a chunk is over.
        if matches!(taken.standing, Standing::Known(_)) {
            self.exchange.command(self.now, &mut out);
        }
        if taken.standing == Standing::Known(Arrival::Fresh) {
            self.joint.accept(&out);
        } else {
            self.joint.velocity = 0.0;
        }
        self.commanded.push(self.joint.at);
    }

    /// The largest first, second and third derivatives of what was commanded.
    fn rates(&self) -> [f64; 3] {
        let mut path = self.commanded.clone();
        std::array::from_fn(|_| {
            path = path.windows(2).map(|w| (w[1] - w[0]) / DT).collect();
            path.iter().map(|rate| rate.abs()).fold(0.0, f64::max)
        })
    }
}

fn wave(time: f64) -> f64 {
    0.15 * (1.0 - (std::f64::consts::TAU * 0.2 * time).cos())
}

/// Answers with the next second of the wave.
fn told(time: f64) -> Answer {
    let rows = (0..50).map(|row| wave(time + f64::from(row) * STEP));
    Answer {
        rows: rows.collect(),
        before_s: 0.0,
    }
}

#[test]
fn an_action_belongs_to_the_time_of_its_observation_however_late_the_chunk_comes() {
    for takes in [1, 40, 150, 400] {
        let mut run = Run::new(chunks());
        run.cycles(3_000, takes, told);
        // The first chunk begins when it comes.
        let behind = takes as usize;
        let settled = behind + 1_500;
        let off = (settled..3_000)
            .map(|tick| (run.commanded[tick] - wave(tick as f64 * DT)).abs())
            .fold(0.0, f64::max);
        assert!(off < 2e-5, "{takes}: {off}");
        assert!(run.fault.is_none() && run.found.is_empty());
        let rates = run.rates();
        assert!(rates[2] < 0.5 * MOST[2], "{takes}: {rates:?}");
    }
}

#[test]
fn the_first_chunk_and_one_that_was_asked_at_rest_and_comes_at_rest_begin_with_their_first_action()
{
    let mut run = Run::new(chunks());
    let ramp = |_| Answer {
        rows: (0..10).map(|row| f64::from(row) * 1e-3).collect(),
        before_s: 0.0,
    };
    run.cycles(700, 700, ramp);
    assert_eq!(run.commanded, [0.0; 700]);
    // The policy is silent after the first chunk.
    run.cycles(10, 700, ramp);
    let first = run.commanded[700..].iter().copied().fold(0.0, f64::max);
    assert!(first < 1e-3, "{first}");
    assert_eq!(run.recorder.skipped_actions.get(), 0);
    run.cycles(1_000, 700, ramp);
    // The second was asked while the robot moved: all of its actions are past. The third was asked at rest.
    assert_eq!(run.recorder.stale_actions.get(), 1);
    assert_eq!(run.recorder.skipped_actions.get(), 10);
}

#[test]
fn asks_once_at_a_time_and_again_when_what_is_left_says_so() {
    let silent = |replan| {
        let mut run = Run::new(Chunks { replan, ..chunks() });
        run.cycles(3_000, 10, told);
        run.asked
    };
    // A chunk of 50 rows lasts 980 ms from its observation on.
    let every = silent(Replan::Every(Duration::from_millis(100)));
    assert!(every.windows(2).all(|w| w[1] - w[0] == 100), "{every:?}");
    let half = silent(Replan::Share(0.5));
    assert!(half[2..].windows(2).all(|w| w[1] - w[0] == 490), "{half:?}");
    let steps = silent(Replan::Steps(40.0));
    assert!(
        steps[2..].windows(2).all(|w| w[1] - w[0] == 180),
        "{steps:?}"
    );
    let mut slow = Run::new(chunks());
    slow.cycles(2_000, 500, told);
    assert!(slow.asked.windows(2).all(|w| w[1] - w[0] >= 500));
}

#[test]
fn a_chunk_that_is_over_starves_the_loop_until_the_next_comes() {
    let mut run = Run::new(chunks());
    run.cycles(200, 10, told);
    let answers = run.recorder.chunks.get();
    run.open = None;
    run.cycles(2_000, 10_000, told);
    assert_eq!(run.recorder.chunks.get(), answers);
    let taken = run.exchange.take(None, run.now);
    assert!(taken.is_starved);
    assert_eq!(taken.standing, Standing::Known(Arrival::None));
}

#[test]
fn a_policy_that_was_silent_for_long_is_taken_up_again_where_the_robot_rests() {
    for silent in [50, 1_000, 10_000] {
        let mut run = Run::new(chunks());
        // The last chunk ends in the middle of a motion.
        let ramp = |_: f64| Answer {
            rows: (0..20).map(|row| f64::from(row) * 2e-3).collect(),
            before_s: 0.0,
        };
        run.cycles(15, 10, ramp);
        run.cycles(600, 100_000, ramp);
        // It has nothing new, and is asked again at rest.
        let open = run.open.take().expect("the policy was asked").1;
        assert!(run.exchange.answered(open));
        run.cycles(silent, 100_000, ramp);
        assert!(run.recorder.chunks.get() == 1 && run.fault.is_none());
        let at = run.joint.at;
        let question = run.open.take().expect("the policy was asked again").1;
        run.put(&[at; 20], STEP, 0.0);
        run.answer(question);
        assert_eq!(run.fault, None, "after {silent} cycles");
        run.cycles(100, 100_000, ramp);
        assert!((run.joint.at - at).abs() < 1e-9, "{at}: {}", run.joint.at);
    }
}

#[test]
fn chunks_that_disagree_are_faded_within_the_limits() {
    let mut run = Run::new(chunks());
    let jumpy = |time: f64| {
        let off = match (time / 0.1) as u64 % 2 {
            0 => 0.02,
            _ => -0.02,
        };
        let Answer { mut rows, before_s } = told(time);
        rows.iter_mut().for_each(|row| *row += off);
        Answer { rows, before_s }
    };
    run.cycles(4_000, 60, jumpy);
    assert!(run.fault.is_none(), "{:?}", run.fault);
    let rates = run.rates();
    // Up to three of these fades overlap.
    for (rate, most) in rates.into_iter().zip(MOST) {
        assert!(rate <= 0.75 * most, "{rates:?}");
    }
    let [seam, ..] = run.recorder.chunks_played.largest_seams();
    assert!((0.02..=0.06).contains(&seam), "{seam}");
    assert!(run.recorder.seams.get() > 20);
}

#[test]
fn chunks_that_come_faster_than_they_fade_keep_the_limits_and_lead_where_they_say() {
    for (takes, off) in [
        (1, 1e-4),
        (1, 5e-3),
        (2, 1e-2),
        (5, 1e-2),
        (10, 1e-2),
        (20, 1e-2),
    ] {
        for (merge, replan) in [
            (Merge::Fade, Replan::Share(1.0)),
            (Merge::Ensemble { m: 0.01 }, Replan::Share(1.0)),
            // The rows of one chunk are not at the times of those of another.
            (
                Merge::Ensemble { m: 0.01 },
                Replan::Every(Duration::from_millis(27)),
            ),
        ] {
            let mut run = Run::new(Chunks {
                merge,
                replan,
                ..chunks()
            });
            run.cycles(4_000, takes, |time| {
                // Numbers without an order, from -1 to 1.
                let mixed = (time * 1e3).round() as u64;
                let mixed = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
                let by = off * (mixed as f64 / f64::from(1_u32 << 23) - 1.0);
                let Answer { mut rows, before_s } = told(time);
                rows.iter_mut().for_each(|row| *row += by);
                Answer { rows, before_s }
            });
            assert!(run.fault.is_none(), "{takes} {off}: {:?}", run.fault);
            let rates = run.rates();
            for (rate, most) in rates.into_iter().zip(MOST) {
                assert!(rate <= 0.75 * most, "{takes} {off} {merge:?}: {rates:?}");
            }
            let far = (1_000..4_000)
                .map(|tick| (run.commanded[tick] - wave(tick as f64 * DT)).abs())
                .fold(0.0, f64::max);
            assert!(far <= 1.2 * off, "{takes} {off} {merge:?}: {far}");
        }
    }
}

#[test]
fn chunks_that_disagree_are_averaged_by_the_ensemble() {
    let merge = Merge::Ensemble { m: 0.0 };
    let mut run = Run::new(Chunks { merge, ..chunks() });
    run.cycles(4_000, 60, |time| {
        let off = match (time / 0.1) as u64 % 2 {
            0 => 0.02,
            _ => -0.02,
        };
        let Answer { mut rows, before_s } = told(time);
        rows.iter_mut().for_each(|row| *row += off);
        Answer { rows, before_s }
    });
    let off = (2_000..4_000)
        .map(|tick| (run.commanded[tick] - wave(tick as f64 * DT)).abs())
        .fold(0.0, f64::max);
    assert!(off < 5e-3, "{off}");
}

#[test]
fn what_cannot_be_played_is_told_and_what_is_played_goes_on() {
    let question = |run: &Run| Question {
        tick: run.now.tick,
        time: MS * run.now.clock as u32,
    };
    let refused = |rows: &[f64], dt_s: f64, before_s: f64| {
        let mut run = Run::new(chunks());
        run.cycles(500, 10, told);
        let question = question(&run);
        run.exchange.asked = Some(Asked {
            question,
            clock: run.now.clock,
            rests: false,
            is_open: true,
        });
        run.put(rows, dt_s, before_s);
        run.answer(question);
        run.open = None;
        for _ in 0..100 {
            run.command();
            run.now.tick += 1;
            run.now.clock += 1;
        }
        let off = run.commanded[599] - wave(0.599);
        assert!(off.abs() < 1e-4, "{off}");
        run.fault
    };
    let here = wave(0.5);
    assert_eq!(refused(&[], STEP, 0.0), Some(ChunkFault::Empty));
    assert_eq!(
        refused(&[here; 65], STEP, 0.0),
        Some(ChunkFault::TooLong { rows: 65 })
    );
    assert_eq!(
        refused(&[here, f64::NAN], STEP, 0.0),
        Some(ChunkFault::NotFinite { row: 1, slot: 0 })
    );
    assert_eq!(
        refused(&[here; 2], 0.0, 0.0),
        Some(ChunkFault::Step { dt_s: 0.0 })
    );
    let future = refused(&[here; 2], STEP, -0.1);
    assert!(
        matches!(future, Some(ChunkFault::Future { by_s }) if (by_s - 0.1).abs() < 1e-9),
        "{future:?}"
    );
    assert!(matches!(
        refused(&[here; 2], STEP, f64::NAN),
        Some(ChunkFault::Future { .. })
    ));
    let past = refused(&[here; 50], STEP, 0.4);
    assert!(
        matches!(past, Some(ChunkFault::Backwards { .. })),
        "{past:?}"
    );
    let far = refused(&[here + 0.15; 50], STEP, 0.0);
    assert!(
        matches!(far, Some(ChunkFault::Seam { coordinate: 0, distance, longest: 0.1 })
            if (distance - 0.15).abs() < 1e-3),
        "{far:?}"
    );
}

/// A policy's process writes the frame itself, and may write anything.
#[test]
fn whatever_numbers_a_frame_has_the_joint_goes_on_without_a_jump() {
    let endless = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -1e300];
    let with = |others: &[f64]| [&endless, others].concat();
    let mut refused = 0;
    for rows in with(&[-1.0, -2.5, 0.0, 0.5, 1.5, 2.0, 64.9, 65.0]) {
        for dt_s in with(&[-1.0, 0.0, 1e-300, STEP, 60.0]) {
            for before_s in with(&[-0.1, 0.0, 0.1]) {
                for place in [wave(0.05), f64::NAN, f64::MAX] {
                    let mut run = Run::new(chunks());
                    run.cycles(50, 10, told);
                    let question = Question {
                        tick: run.now.tick,
                        time: MS * run.now.clock as u32,
                    };
                    run.exchange.asked = Some(Asked {
                        question,
                        clock: run.now.clock,
                        rests: false,
                        is_open: true,
                    });
                    let frame = run.exchange.newest();
                    frame[..3].copy_from_slice(&[rows, dt_s, before_s]);
                    frame[3..].fill(place);
                    run.answer(question);
                    refused += u32::from(run.fault.is_some());
                    for _ in 0..20 {
                        run.command();
                        run.now.tick += 1;
                        run.now.clock += 1;
                    }
                    let step = |two: &[f64]| (two[1] - two[0]).abs();
                    let largest = run.commanded.windows(2).map(step).fold(0.0, f64::max);
                    let says = [rows, dt_s, before_s, place];
                    assert!(run.commanded.iter().all(|at| at.is_finite()), "{says:?}");
                    assert!(largest < 2e-3, "{largest} for {says:?}");
                }
            }
        }
    }
    assert!(refused > 1_000, "{refused}");
}

#[test]
fn changes_add_to_what_was_wanted_and_not_to_where_the_robot_is() {
    let mut run = Run::new(Chunks {
        is_relative: true,
        replan: Replan::Every(Duration::from_millis(100)),
        ..chunks()
    });
    // Each chunk asks for 1 mrad more in each of its steps.
    run.cycles(3_000, 30, |_| Answer {
        rows: vec![1e-3; 20],
        before_s: 0.0,
    });
    let moved = run.commanded[2_999] - run.commanded[1_999];
    assert!((moved - 0.05).abs() < 2e-3, "{moved}");
    assert!(run.fault.is_none() && run.found.is_empty());
}

#[test]
fn the_gripper_changes_at_the_time_of_its_row_and_the_arm_does_not_feel_it() {
    let gripper = Arc::new(Wanted::default());
    let mut run = Run::new(Chunks {
        gripper: Some(Arc::clone(&gripper)),
        ..chunks()
    });
    let mut changed_at = None;
    for tick in 0..1_500_u64 {
        run.cycles(1, 30, |time| {
            let told = super::tests::told(time);
            let wide = |row: usize| f64::from(u8::from(time + row as f64 * STEP >= 1.0));
            let numbers = told.rows.iter().enumerate();
            Answer {
                rows: numbers.flat_map(|(row, at)| [*at, wide(row)]).collect(),
                before_s: 0.0,
            }
        });
        assert!(tick < 200 || gripper.get().is_some());
        if gripper.get() == Some(1.0) {
            changed_at.get_or_insert(tick);
        }
    }
    let changed_at = changed_at.unwrap();
    assert!((999..=1_020).contains(&changed_at), "{changed_at}");
    assert!(run.fault.is_none() && run.found.is_empty());
    let off = run.commanded[1_400] - wave(1.4);
    assert!(off.abs() < 2e-5, "{off}");
}

#[test]
fn a_policy_is_told_when_its_newest_chunk_began_and_how_long_an_answer_takes() {
    let mut run = Run::new(chunks());
    let told = |run: &mut Run| run.exchange.told(&[7.0], run.now).to_vec();
    let [seen, began_s, expected_s, episode] = told(&mut run)[..] else {
        panic!("four numbers");
    };
    assert!(seen == 7.0 && began_s.is_nan() && expected_s == 0.0 && episode == 0.0);
    run.cycles(1_000, 40, super::tests::told);
    let [_, began_s, expected_s, _] = told(&mut run)[..] else {
        panic!("four numbers");
    };
    // Asked some 100 ms after it, and answered since.
    assert!((0.04..0.2).contains(&began_s), "{began_s}");
    assert!((expected_s - 0.04).abs() < 1e-9, "{expected_s}");
    // What was slow once is forgotten.
    run.cycles(600, 300, super::tests::told);
    run.cycles(6_000, 40, super::tests::told);
    let expected_s = told(&mut run)[2];
    assert!((expected_s - 0.04).abs() < 1e-9, "{expected_s}");
}

#[test]
fn the_rows_of_a_chunk_are_judged_at_their_own_step() {
    let mut run = Run::new(chunks());
    run.cycles(30, 10, |_| Answer {
        rows: vec![0.0, 0.0, 0.0, 0.041, 0.082],
        before_s: 0.0,
    });
    let found = run.found.of(ViolationKind::Velocity).unwrap();
    assert!((found.received - 2.05).abs() < 1e-9, "{found:?}");
    assert_eq!(run.exchange.row(), Some(3));
}

#[test]
fn what_ends_the_session_is_not_played() {
    let mut run = Run::new(chunks());
    run.cycles(500, 10, told);
    let chunk_count = run.recorder.chunks.get();
    let here = wave(0.5);
    run.cycles(20, 10, |_| Answer {
        rows: vec![here, here, here + 0.09, here],
        before_s: 0.0,
    });
    assert!(run.found.of(ViolationKind::Velocity).is_some());
    assert!(run.recorder.chunks.get() > chunk_count);
    // The chunk before is still played.
    let off = run.commanded[519] - wave(0.519);
    assert!(off.abs() < 1e-4, "{off}");
}

#[test]
fn slows_down_on_the_curve_that_is_played() {
    let mut run = Run::new(chunks());
    run.cycles(1_000, 10, told);
    let mut slowed = Vec::new();
    for _ in 0..2_000 {
        let mut out = [f64::NAN];
        let slowing = run.exchange.slow_down(run.now, &run.joint, &mut out);
        if slowing == Slowing::Over {
            break;
        }
        assert_eq!(slowing, Slowing::On);
        slowed.push(out[0]);
        run.commanded.push(out[0]);
        run.now.tick += 1;
        run.now.clock += 1;
    }
    // It takes some time, and ends at rest on the wave.
    assert!((20..600).contains(&slowed.len()), "{}", slowed.len());
    let last = slowed[slowed.len() - 1];
    assert!(last > wave(1.0) && last < wave(1.3), "{last}");
    run.commanded.extend([last; 5]);
    for (rate, most) in run.rates().into_iter().zip(MOST) {
        assert!(rate <= most, "{:?}", run.rates());
    }
    let again = run.exchange.slow_down(run.now, &run.joint, &mut [0.0]);
    assert_eq!(again, Slowing::Over);
}

#[test]
fn there_is_no_curve_to_slow_down_on_before_the_first_chunk_and_after_the_last() {
    let mut out = [7.0];
    let mut run = Run::new(chunks());
    assert_eq!(
        run.exchange.slow_down(run.now, &run.joint, &mut out),
        Slowing::Over
    );
    run.cycles(100, 10, told);
    run.open = None;
    run.cycles(2_000, 10_000, told);
    assert_eq!(
        run.exchange.slow_down(run.now, &run.joint, &mut out),
        Slowing::Over
    );
    assert_eq!(out, [7.0]);
}

#[test]
fn an_episode_begins_as_the_session_began() {
    let mut run = Run::new(chunks());
    run.cycles(500, 100, told);
    let question = run.open.map(|(_, question)| question);
    assert!(question.is_some() && run.exchange.age_s() > 0.0);
    let (stale, count) = (run.recorder.stale_actions.get(), run.recorder.chunks.get());
    assert!(!run.exchange.begin_episode(0, run.now));
    assert!(run.exchange.begin_episode(1, run.now));
    assert!(!run.exchange.begin_episode(1, run.now));
    let taken = run.exchange.take(None, run.now);
    assert_eq!(taken.standing, Standing::Early);
    assert!(run.exchange.is_before_first() && !taken.is_starved);
    // The answer to the question of the old episode is counted, and not played.
    let wave_here = run.joint.at;
    run.cycles(100, 100, told);
    assert_eq!(run.recorder.stale_actions.get(), stale + 1);
    assert_eq!(run.recorder.chunks.get(), count);
    assert!(run.exchange.is_before_first());
    let [.., began_s, _, episode] = run.exchange.told(&[0.0], run.now).to_vec()[..] else {
        panic!("four numbers");
    };
    assert!(began_s.is_nan() && episode == 1.0);
    // The first chunk of the new episode begins with its first action when it comes.
    let skipped = run.recorder.skipped_actions.get();
    run.cycles(110, 100, |_| Answer {
        rows: (0..50)
            .map(|row| wave_here + f64::from(row) * 1e-3)
            .collect(),
        before_s: 0.0,
    });
    assert_eq!(run.recorder.chunks.get(), count + 1);
    assert_eq!(run.recorder.skipped_actions.get(), skipped);
    assert!(run.fault.is_none());
}

#[test]
fn the_age_is_that_of_the_chunk_that_is_played() {
    let mut run = Run::new(chunks());
    run.cycles(500, 100, told);
    let age_s = run.exchange.age_s();
    assert!((0.1..0.25).contains(&age_s), "{age_s}");
    // One that is refused makes nothing younger.
    run.cycles(100, 100, |time| Answer {
        rows: vec![wave(time) + 0.2; 50],
        before_s: 0.0,
    });
    assert!(matches!(run.fault, Some(ChunkFault::Seam { .. })));
    assert!(
        run.exchange.age_s() >= age_s + 0.099,
        "{}",
        run.exchange.age_s()
    );
}
