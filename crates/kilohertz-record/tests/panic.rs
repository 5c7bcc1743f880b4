//! A writing thread that fails.

mod fixture;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fixture::{Arm, options, run};
use kilohertz_record::entry::Entry;
use kilohertz_record::reader::{Ending, RunReader};
use kilohertz_record::writer::{Progress, Recording, RunWriter, Source};

/// Hands over ten cycles, and fails when it is asked for more.
struct Failing {
    arm: Arm,
    is_over: bool,
}

impl Source for Failing {
    fn take(&mut self, give: &mut dyn FnMut(&Entry<'_>)) -> Progress {
        assert!(!self.is_over, "no more cycles");
        self.is_over = true;
        for tick in 0..10 {
            give(&Entry::Cycle(self.arm.cycle(tick)));
        }
        Progress::More
    }
}

#[test]
fn a_writing_thread_that_fails_is_told_and_leaves_a_file_that_is_not_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    let writer = RunWriter::create(&path, run(), &options()).expect("a file");
    let source = Failing {
        arm: Arm::new(),
        is_over: false,
    };
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&told);
    let recording = Recording::start(writer, source, move |error| {
        heard.lock().expect("no panic").push(error.to_string());
    })
    .expect("a thread");
    assert!(recording.join(Duration::from_secs(60)));
    let counts = recording.counts();
    assert_eq!(counts.kept.cycles + counts.not_kept.cycles, 10);
    let error = recording.end().expect_err("a failure");
    assert!(
        error.to_string().contains("the writing thread failed"),
        "{error}"
    );
    assert_eq!(told.lock().expect("no panic").len(), 1);
    let mut reader = RunReader::open(&path).expect("a recording");
    let read = reader.by_ref().filter(Result::is_ok).count() as u64;
    assert_eq!(read, counts.kept.cycles);
    assert_ne!(reader.ending(), Some(Ending::Finished));
}
