//! A process that writes a recording is killed.

mod fixture;

use std::env;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fixture::{Arm, START, cycles, options, run};
use kilohertz_record::entry::Entry;
use kilohertz_record::reader::{Ending, RunReader};
use kilohertz_record::repair::repair;
use kilohertz_record::writer::{LONGEST_LOSS, Progress, Recording, RunWriter, Source};

/// Names the folder for the process that is killed.
const FOLDER: &str = "KILOHERTZ_RECORD_FOLDER";

/// The cycles whose numbers come through a channel.
struct Cycles {
    ticks: Receiver<u64>,
    arm: Arm,
}

impl Source for Cycles {
    fn take(&mut self, give: &mut dyn FnMut(&Entry<'_>)) -> Progress {
        for tick in self.ticks.try_iter() {
            give(&Entry::Cycle(self.arm.cycle(tick)));
        }
        Progress::More
    }
}

/// Records at 1 kHz for `length`, and notes each cycle that took place.
fn record_in_real_time(folder: &Path, length: Duration) {
    let path = folder.join("run.mcap");
    let noted = File::create(folder.join("noted")).expect("a file");
    let writer = RunWriter::create(&path, run(), &options()).expect("a file");
    let (tick_in, ticks) = channel();
    let source = Cycles {
        ticks,
        arm: Arm::new(),
    };
    let recording = Recording::start(writer, source, |error| panic!("{error}")).expect("a thread");
    let start = Instant::now();
    for tick in 0..length.as_millis() as u64 {
        sleep(Duration::from_millis(tick).saturating_sub(start.elapsed()));
        tick_in.send(tick).expect("to send");
        noted
            .write_all_at(&(tick + 1).to_le_bytes(), 0)
            .expect("to note");
    }
    let counts = recording.end().expect("to end");
    assert_eq!(counts.kept.cycles, length.as_millis() as u64);
    assert_eq!(counts.not_kept.cycles, 0);
    assert_eq!(counts.bytes, fs::metadata(&path).expect("the file").len());
}

/// Records until it is killed, if it was started for that; otherwise it records for a moment.
#[test]
fn a_recording_that_ends_by_itself_loses_nothing() {
    if let Some(folder) = env::var_os(FOLDER) {
        record_in_real_time(Path::new(&folder), Duration::from_secs(60));
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    record_in_real_time(folder.path(), Duration::from_millis(500));
    let (read, error) = cycles(&folder.path().join("run.mcap"));
    assert!(error.is_none(), "{error:?}");
    assert!(read.iter().map(|cycle| cycle.tick).eq(0..500));
    assert_eq!(read[0].monotonic_ns, START.monotonic_ns);
}

fn start(folder: &Path) -> Child {
    Command::new(env::current_exe().expect("this program"))
        .args(["--exact", "a_recording_that_ends_by_itself_loses_nothing"])
        .env(FOLDER, folder)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process")
}

fn noted(folder: &Path) -> u64 {
    let bytes = fs::read(folder.join("noted")).unwrap_or_default();
    bytes.try_into().map_or(0, u64::from_le_bytes)
}

#[test]
fn a_killed_process_loses_at_most_a_quarter_of_a_second() {
    // Moments that differ from run to run: what counts is where in a flush the kill comes.
    let seed = START.wall_ns ^ u64::from(std::process::id());
    let mut losses = Vec::new();
    for round in 0..20_u64 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.mcap");
        let mut child = start(folder.path());
        let moment = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(round * 7_919)
            % 400;
        let give_up = Instant::now() + Duration::from_secs(30);
        while noted(folder.path()) < 50 + moment {
            assert!(Instant::now() < give_up, "the process does not record");
            sleep(Duration::from_millis(1));
        }
        child.kill().expect("to kill");
        child.wait().expect("to end");

        let took_place = noted(folder.path());
        let (read, error) = cycles(&path);
        assert!(error.is_none(), "round {round}: {error:?}");
        assert!(read.iter().map(|cycle| cycle.tick).eq(0..read.len() as u64));
        let lost = took_place.saturating_sub(read.len() as u64);
        losses.push(lost);

        let repaired = repair(&path).expect("to repair");
        assert_eq!(repaired.cycles, read.len() as u64);
        let mut reader = RunReader::open(&path).expect("to open");
        assert_eq!(reader.by_ref().filter(Result::is_ok).count(), read.len());
        assert_eq!(reader.ending(), Some(Ending::Finished));
        let file = fs::read(&path).expect("the file");
        let summary = mcap::Summary::read(&file)
            .expect("an index")
            .expect("a summary");
        let messages = mcap::MessageStream::new(&file).expect("messages");
        let stats = summary.stats.expect("statistics");
        assert_eq!(
            messages.filter(Result::is_ok).count() as u64,
            stats.message_count
        );
        if round % 5 == 0
            && let Some(text) = fixture::python::run("read.py", &[&path])
        {
            let python: serde_json::Value = serde_json::from_str(&text).expect("JSON");
            let there = &python["topics"]["/kilohertz/cycle"];
            assert_eq!(there.as_u64().unwrap_or(0), read.len() as u64);
        }
    }
    // A machine with more to do than it can may run the thread late now and then.
    losses.sort_unstable();
    let most = LONGEST_LOSS.as_millis() as u64;
    assert!(
        losses[15] <= most && losses[19] <= 4 * most,
        "lost cycles: {losses:?}"
    );
    println!("lost cycles: {losses:?}");
}
