//! A recording that another program changes while it is written.

mod fixture;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fixture::{Arm, cycles, options, run, write_cycles};
use kilohertz_record::entry::Entry;
use kilohertz_record::error::RecordErrorCode;
use kilohertz_record::writer::{Kept, Progress, Recording, RunWriter, Source};

/// What another program does to the file at a path.
type Change = fn(&Path);

const CHANGES: [(&str, Change); 4] = [
    ("has 100 bytes", |path| {
        let file = OpenOptions::new().write(true).open(path).expect("the file");
        file.set_len(100).expect("to cut");
    }),
    ("bytes, and", |path| {
        let file = OpenOptions::new().append(true).open(path);
        file.expect("the file")
            .write_all(b"more")
            .expect("to write");
    }),
    ("was removed", |path| {
        fs::remove_file(path).expect("to remove")
    }),
    ("took its place", |path| {
        let other = path.with_extension("other");
        fs::write(&other, "mine").expect("to write");
        fs::rename(other, path).expect("to rename");
    }),
];

#[test]
fn a_file_that_is_cut_prolonged_removed_or_replaced_is_told_and_left_alone() {
    for (says, change) in CHANGES {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("run.mcap");
        let mut writer = RunWriter::create(&path, run(), &options()).expect("a file");
        write_cycles(&mut writer, 0..200);
        assert_eq!(writer.kept().cycles, 200);
        change(&path);
        let after = fs::read(&path).ok();
        let error = writer.flush().expect_err("an error");
        assert_eq!(error.code(), RecordErrorCode::Changed);
        assert!(error.to_string().contains(says), "{error}");
        assert_eq!(writer.kept(), Kept::default(), "nobody knows what is left");
        writer.flush().expect_err("an error");
        drop(writer);
        assert!(fs::read(&path).ok() == after, "{says}: it is left as it is");
    }
}

#[test]
fn a_file_that_is_renamed_is_written_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    let mut writer = RunWriter::create(&path, run(), &options()).expect("a file");
    write_cycles(&mut writer, 0..100);
    let moved = folder.path().join("moved.mcap");
    fs::rename(&path, &moved).expect("to rename");
    write_cycles(&mut writer, 100..300);
    writer.finish().expect("to finish");
    assert!(!path.exists());
    let (read, error) = cycles(&moved);
    assert!(error.is_none() && read.len() == 300, "{error:?}");
}

/// Hands over a cycle whenever it is asked.
struct Endless(Arm, u64);

impl Source for Endless {
    fn take(&mut self, give: &mut dyn FnMut(&Entry<'_>)) -> Progress {
        self.1 += 1;
        give(&Entry::Cycle(self.0.cycle(self.1)));
        Progress::More
    }
}

#[test]
fn the_thread_that_writes_notices_it_without_being_asked() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    let writer = RunWriter::create(&path, run(), &options()).expect("a file");
    let told = Arc::new(Mutex::new(None));
    let heard = Arc::clone(&told);
    let recording = Recording::start(writer, Endless(Arm::new(), 0), move |error| {
        *heard.lock().expect("no panic") = Some(error.code());
    })
    .expect("a thread");
    fs::remove_file(&path).expect("to remove");
    while told.lock().expect("no panic").is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let counts = recording.counts();
    assert_eq!(
        *told.lock().expect("no panic"),
        Some(RecordErrorCode::Changed)
    );
    assert_eq!(counts.kept.cycles, 0);
    recording.end().expect_err("the error");
}
