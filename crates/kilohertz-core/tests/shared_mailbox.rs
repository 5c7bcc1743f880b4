//! The loop and a policy in another process share mapped memory. These tests are about what that process can do
//! to the loop.
#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kilohertz_core::channel::shared_mailbox::{Fault, Lengths, LoopEnd, PolicyEnd, SharedMailbox};
use kilohertz_core::policy::{Answer, Ask, Policy, Question};
use kilohertz_core::stats::Recorder;
use kilohertz_core::timing::time::Time;
use proptest::prelude::*;

const LENGTHS: Lengths = Lengths {
    observation: 30,
    action: 2,
};
/// The offset of the questions, as `shared_memory.rs` declares it.
const ASKED: u64 = 64;
const POLICY_SLEEPS: u64 = 128;
const TAKEN: u64 = 192;
const ANSWERED: u64 = 256;
const LOOP_SLEEPS: u64 = 320;
const WORDS: [u64; 5] = [ASKED, POLICY_SLEEPS, TAKEN, ANSWERED, LOOP_SLEEPS];
/// The offset of the answers, behind four rows of 33 numbers.
const ANSWERS: u64 = 384 + 4 * 320;
const FOREVER: Duration = Duration::from_secs(60);

struct Rig {
    shared: SharedMailbox,
    inside: LoopEnd,
    outside: PolicyEnd,
    recorder: Arc<Recorder>,
    file: File,
}

fn rig() -> Rig {
    let recorder = Arc::new(Recorder::new(Duration::from_millis(1), 10));
    let shared = SharedMailbox::make(LENGTHS).unwrap();
    let mut inside = shared.loop_end(Arc::clone(&recorder));
    inside.attach();
    let fd = || shared.file().try_clone_to_owned().unwrap();
    Rig {
        outside: PolicyEnd::join(fd(), LENGTHS).unwrap(),
        file: File::from(fd()),
        inside,
        recorder,
        shared,
    }
}

fn at(tick: u64) -> Question {
    Question {
        tick,
        time: Duration::from_millis(tick),
    }
}

impl Rig {
    fn ask(&mut self, tick: u64) {
        ask(&mut self.inside, tick);
    }

    /// Polls once, with a short wait.
    fn poll(&mut self) -> (Answer, [f64; 2]) {
        poll(&mut self.inside, Duration::from_millis(1))
    }

    /// Writes a number of 32 bits, as the other process can at any time.
    fn word(&self, at: u64, value: u32) {
        word(&self.file, at, value);
    }

    /// Writes the answer with the number `nth`.
    fn row(&self, nth: u64, numbers: [u64; 4]) {
        let bytes: Vec<u8> = numbers
            .iter()
            .flat_map(|number| number.to_ne_bytes())
            .collect();
        self.file.write_all_at(&bytes, ANSWERS + 64 * nth).unwrap();
    }
}

fn word(file: &File, at: u64, value: u32) {
    file.write_all_at(&value.to_ne_bytes(), at).unwrap();
}

fn ask(inside: &mut LoopEnd, tick: u64) {
    inside.request(&Ask {
        tick,
        time: Duration::from_millis(tick),
        period: Duration::from_millis(1),
        host: Time::from_nanos(7 * tick),
        observation: &[tick as f64; LENGTHS.observation],
    });
}

fn poll(inside: &mut LoopEnd, limit: Duration) -> (Answer, [f64; 2]) {
    let mut action = [f64::NAN; 2];
    let until = Some(Time::now() + limit);
    let answer = inside.poll(until, &AtomicBool::new(false), &mut action);
    (answer, action)
}

#[test]
fn each_answer_comes_back_once_in_order_with_its_question() {
    let mut rig = rig();
    for tick in 0..3 {
        rig.ask(tick);
        let frame = rig.outside.take().expect("it was asked");
        assert_eq!((frame.tick, frame.slots[29]), (tick, tick as f64));
        match tick {
            1 => rig.outside.answer_nothing(),
            _ => rig.outside.answer(&[tick as f64, 5.0]),
        }
    }
    assert_eq!(rig.poll(), (Answer::Action(at(0)), [0.0, 5.0]));
    assert_eq!(rig.poll().0, Answer::Empty(at(1)));
    assert_eq!(rig.poll(), (Answer::Action(at(2)), [2.0, 5.0]));
    assert_eq!(rig.poll().0, Answer::None);
    assert_eq!(rig.shared.trouble(), None);
}

#[test]
fn the_newest_question_is_taken_and_overwritten_ones_are_counted() {
    let mut rig = rig();
    for tick in 0..7 {
        rig.ask(tick);
    }
    assert_eq!(rig.outside.take().expect("seven were asked").tick, 6);
    assert!(rig.outside.take().is_none());
    rig.ask(7);
    rig.ask(8);
    assert_eq!(rig.outside.take().expect("two were asked").tick, 8);
    assert_eq!(rig.recorder.overwritten_observations.get(), 7);
}

#[test]
fn the_policys_time_begins_with_the_first_question_that_it_takes() {
    let mut rig = rig();
    let mut told = Vec::new();
    for (tick, is_taken) in [(0, false), (80, true), (81, false), (82, true)] {
        rig.ask(tick);
        if is_taken {
            let taken = rig.outside.take().expect("one was asked");
            assert_eq!(taken.question(), at(tick));
            told.push((taken.tick, taken.time.as_millis(), taken.period.as_millis()));
        }
    }
    assert_eq!(told, [(80, 0, 0), (82, 2, 1)]);
}

#[test]
fn an_answer_has_its_question_however_late_it_comes() {
    let mut rig = rig();
    rig.ask(0);
    rig.outside.take().expect("it was asked");
    for tick in 1..=3_000 {
        rig.ask(tick);
        assert_eq!(rig.poll().0, Answer::None);
    }
    rig.outside.answer(&[1.0, 2.0]);
    rig.outside.take().expect("many were asked");
    // The loop asks again before it takes the answer.
    rig.ask(3_001);
    assert_eq!(rig.poll().0, Answer::Action(at(0)));
    rig.outside.answer_nothing();
    assert_eq!(rig.poll().0, Answer::Empty(at(3_000)));
    assert_eq!(rig.shared.trouble(), None);
    // All observations were overwritten, except the first, the one before the last, and the last.
    assert_eq!(rig.recorder.overwritten_observations.get(), 2_999);
}

#[test]
fn a_failure_is_seen_after_the_last_answer_and_stays() {
    let mut rig = rig();
    rig.ask(0);
    rig.outside.take().expect("it was asked");
    rig.outside.answer(&[1.0, 2.0]);
    rig.outside.fail();
    assert_eq!(rig.poll().0, Answer::Action(at(0)));
    assert_eq!(rig.poll().0, Answer::Failed);
    assert_eq!(rig.poll().0, Answer::Failed);
    assert_eq!(rig.shared.trouble(), None);
}

#[test]
fn both_ends_sleep_and_wake_each_other() {
    let Rig {
        mut inside,
        mut outside,
        shared,
        ..
    } = rig();
    let policy = std::thread::spawn(move || {
        let mut taken = 0;
        while !outside.is_over() {
            match outside.take().map(|frame| frame.tick as f64) {
                Some(tick) => {
                    taken += 1;
                    outside.answer(&[tick, 0.0]);
                }
                // Far longer than the test may take, so that a lost wake is noticed.
                None => outside.sleep(FOREVER),
            }
        }
        taken
    });
    for tick in 0..2_000 {
        ask(&mut inside, tick);
        let (answer, action) = poll(&mut inside, FOREVER);
        assert_eq!((answer, action[0]), (Answer::Action(at(tick)), tick as f64));
        if tick % 100 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    shared.close();
    assert_eq!(policy.join().unwrap(), 2_000);
}

#[test]
fn a_stop_and_a_failure_wake_the_loop() {
    for fails in [false, true] {
        let mut rig = rig();
        let stop = AtomicBool::new(false);
        let wake = rig.inside.waker().expect("it does not park");
        let notifier = rig.shared.failure_notifier();
        rig.ask(0);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::sleep(Duration::from_millis(20));
                if fails {
                    notifier.notify(0);
                } else {
                    stop.store(true, Ordering::Relaxed);
                    wake();
                }
            });
            let answer = rig.inside.poll(None, &stop, &mut [0.0; 2]);
            let expected = if fails { Answer::Failed } else { Answer::None };
            assert_eq!(answer, expected);
        });
    }
}

#[test]
fn memory_of_other_lengths_or_of_others_is_not_joined() {
    let shared = SharedMailbox::make(LENGTHS).unwrap();
    let fd = shared.file().try_clone_to_owned().unwrap();
    let other = Lengths {
        observation: 300,
        ..LENGTHS
    };
    assert!(PolicyEnd::join(fd, other).is_err());
    let fd = shared.file().try_clone_to_owned().unwrap();
    File::from(fd.try_clone().unwrap())
        .write_all_at(b"somebody", 0)
        .unwrap();
    let error = PolicyEnd::join(fd, LENGTHS).err().unwrap().to_string();
    assert!(error.contains("this version of kilohertz"), "{error}");
}

#[test]
fn the_other_process_cannot_change_the_size_of_the_memory() {
    let rig = rig();
    let length = rig.file.metadata().unwrap().len();
    for size in [0, length - 1, length + 1] {
        assert!(rig.file.set_len(size).is_err(), "{size}");
    }
}

#[test]
fn an_invalid_answer_is_refused_with_its_cause() {
    let action = 1.0_f64.to_bits();
    let faults: [([u64; 2], u32, Fault); 6] = [
        ([1, 2], 17, Fault::Count(17)),
        ([1, 2], u32::MAX, Fault::Count(u32::MAX)),
        ([2, 2], 1, Fault::Tick(2)),
        ([u64::MAX, 2], 1, Fault::Tick(u64::MAX)),
        ([1, 3], 1, Fault::Kind(3)),
        ([1, u64::MAX], 1, Fault::Kind(u64::MAX)),
    ];
    for (head, answers, fault) in faults {
        let mut rig = rig();
        rig.ask(0);
        rig.ask(1);
        rig.row(0, [head[0], head[1], action, action]);
        rig.word(ANSWERED, answers);
        assert_eq!(rig.poll().0, Answer::Failed, "{fault:?}");
        assert_eq!(rig.poll().0, Answer::Failed, "it stays so");
        let trouble = rig.shared.trouble().expect("it is told");
        assert_eq!((trouble.asked, trouble.fault), (1, fault));
        assert!(trouble.to_string().contains("asked in cycle 1; expected"));
    }
}

#[test]
fn a_question_is_answered_once_and_in_order() {
    for (first, second) in [(1, 1), (1, 0)] {
        let mut rig = rig();
        rig.ask(0);
        rig.ask(1);
        rig.row(0, [first, 1, 0, 0]);
        rig.row(1, [second, 1, 0, 0]);
        rig.word(ANSWERED, 2);
        assert_eq!(rig.poll().0, Answer::Empty(at(first)));
        assert_eq!(rig.poll().0, Answer::Failed);
        assert_eq!(
            rig.shared.trouble().map(|it| it.fault),
            Some(Fault::Tick(second))
        );
    }
}

#[test]
fn a_process_that_wakes_the_loop_without_end_neither_keeps_it_busy_nor_lengthens_its_cycle() {
    let mut rig = rig();
    let is_over = AtomicBool::new(false);
    let file = rig.file.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                word(&file, LOOP_SLEEPS, 0);
            }
        });
        let limit = Duration::from_millis(200);
        let (begin, before) = (Instant::now(), switches());
        rig.ask(0);
        assert_eq!(poll(&mut rig.inside, limit).0, Answer::None);
        let (took, switched) = (begin.elapsed(), switches() - before);
        is_over.store(true, Ordering::Relaxed);
        assert!(took >= limit && took < limit * 20, "{took:?}");
        // It sleeps for a millisecond at a time, which makes some 200 switches. Without the limit there are tens
        // of thousands.
        assert!(switched < 2_000, "{switched} switches");
        // A wake that has an observation still arrives.
        rig.outside.take().expect("it was asked");
        rig.outside.answer_nothing();
        assert_eq!(poll(&mut rig.inside, FOREVER).0, Answer::Empty(at(0)));
    });
}

/// Returns how often the calling thread has gone to sleep.
fn switches() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("voluntary_ctxt_switches"));
    line.and_then(|line| line.split_whitespace().last()?.parse().ok())
        .expect("Linux tells it")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// For any writes at any time, the loop gets answers to its own questions, each once and in order, or fails
    /// with an error that names the cause. No call takes longer than it may, and nothing panics.
    #[test]
    fn whatever_the_other_process_writes_the_loop_accepts_only_answers_to_its_questions(
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut rig = rig();
        let (mut tick, mut last, mut failed) = (0, None, false);
        for step in steps {
            match step {
                Step::Ask => {
                    tick += 1;
                    rig.ask(tick);
                }
                Step::Answer => {
                    rig.outside.take();
                    rig.outside.answer(&[1.0, 2.0]);
                }
                Step::Word(which, value) => rig.word(WORDS[which], value),
                Step::Row(nth, row) => rig.row(nth, row),
                Step::Poll => {
                    let begin = Instant::now();
                    let answer = poll(&mut rig.inside, Duration::ZERO).0;
                    prop_assert!(begin.elapsed() < Duration::from_secs(5));
                    match answer {
                        Answer::Action(of) | Answer::Empty(of) => {
                            prop_assert!(!failed);
                            prop_assert!(of == at(of.tick) && of.tick >= 1 && of.tick <= tick);
                            prop_assert!(last.is_none_or(|last| last < of.tick));
                            last = Some(of.tick);
                        }
                        Answer::Failed => failed = true,
                        Answer::None => prop_assert!(!failed),
                    }
                }
            }
        }
        rig.shared.close();
    }
}

#[derive(Debug, Clone)]
enum Step {
    Ask,
    Poll,
    Answer,
    Word(usize, u32),
    Row(u64, [u64; 4]),
}

fn step() -> impl Strategy<Value = Step> {
    let word = prop_oneof![0..20_u32, any::<u32>()];
    let number = prop_oneof![0..20_u64, any::<u64>()];
    prop_oneof![
        3 => Just(Step::Ask),
        3 => Just(Step::Poll),
        3 => Just(Step::Answer),
        2 => (0..WORDS.len(), word).prop_map(|(which, value)| Step::Word(which, value)),
        1 => (0..16_u64, proptest::array::uniform4(number)).prop_map(|(nth, row)| Step::Row(nth, row)),
    ]
}
