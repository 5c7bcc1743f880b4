//! Why a run ended, in its file.

mod fixture;

use std::fs;
use std::path::Path;

use fixture::{cycles, options, record, run, run_end, sample, write_cycles};
use kilohertz_record::entry::{Entry, OwnedEntry, RunEnd, Value};
use kilohertz_record::error::RecordErrorCode;
use kilohertz_record::reader::{RunReader, end};
use kilohertz_record::repair::repair;
use kilohertz_record::writer::RunWriter;

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Writes a finished run of 200 cycles that has an end.
fn record_end(path: &Path) -> RunEnd {
    let mut writer = RunWriter::create(path, run(), &options()).expect("a file");
    write_cycles(&mut writer, 0..200);
    let end = run_end(199, "ACTION_LIMIT", "action 190 refused: über dem Limit");
    writer.write(&Entry::End(&end)).expect("to write");
    writer.finish().expect("to finish");
    end
}

#[test]
fn a_file_tells_why_its_run_ended_and_counts_that_as_no_value() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let mut writer = RunWriter::create(&path, run(), &options()).expect("a file");
    write_cycles(&mut writer, 0..100);
    let told = run_end(99, "", "stop() was called");
    writer.write(&Entry::End(&told)).expect("to write");
    writer.finish().expect("to finish");
    assert_eq!((writer.kept().cycles, writer.kept().others), (100, 0));
    assert_eq!(end(&path).expect("to read"), Some(told));
}

#[test]
fn a_file_that_was_not_ended_does_not_tell_why() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    record(&path, 200);
    assert_eq!(end(&path).expect("to read"), None);
    let bytes = fs::read(&path).expect("the file");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("to write");
    assert_eq!(end(&path).expect("to read"), None);
    repair(&path).expect("to repair");
    assert_eq!(end(&path).expect("to read"), None, "a repair knows no more");
}

#[test]
fn a_repair_keeps_why_the_run_ended() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let told = record_end(&path);
    let bytes = fs::read(&path).expect("the file");
    // The footer has 29 bytes and the magic behind it 8.
    fs::write(&path, &bytes[..bytes.len() - 37]).expect("to write");
    assert_eq!(end(&path).expect("to read"), Some(told.clone()));
    assert!(!repair(&path).expect("to repair").was_finished);
    assert_eq!(end(&path).expect("to read"), Some(told));
    assert_eq!(cycles(&path).0.len(), 200);
}

#[test]
fn what_is_damaged_is_told_where_the_end_may_have_been_in_it() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let told = record_end(&path);
    let bytes = fs::read(&path).expect("the file");
    let place = |words: &[u8]| {
        bytes
            .windows(words.len())
            .rposition(|window| window == words)
    };
    // LZ4 keeps what it has not seen before as it is.
    let at = place(b"190 refused").expect("the words of the end");
    let mut damaged = bytes.clone();
    damaged[at] ^= 1;
    fs::write(&path, damaged).expect("to write");
    let error = end(&path).expect_err("an error");
    assert_eq!(error.code(), RecordErrorCode::Damaged);
    // Cycles that are damaged hide nothing of the end.
    let mut damaged = bytes.clone();
    damaged[at / 4] ^= 1;
    fs::write(&path, damaged).expect("to write");
    assert!(cycles(&path).1.is_some(), "a cycle is damaged");
    assert_eq!(end(&path).expect("to read"), Some(told));
}

#[test]
fn what_another_program_has_sorted_behind_the_end_is_read() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let mut writer = RunWriter::create(&path, run(), &options()).expect("a file");
    write_cycles(&mut writer, 0..10);
    let told = run_end(9, "", "its time was over");
    writer.write(&Entry::End(&told)).expect("to write");
    let late = sample("force", 0.0, Value::Numbers(vec![1.0]));
    writer.write(&Entry::Sample(&late)).expect("to write");
    writer.finish().expect("to finish");
    let reader = RunReader::open(&path).expect("to open");
    let read: Vec<OwnedEntry> = reader.map(|entry| entry.expect("an entry")).collect();
    assert_eq!(
        read[10..],
        [OwnedEntry::End(told), OwnedEntry::Sample(late)]
    );
}

#[test]
fn an_end_that_cannot_be_read_again_is_not_written() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let mut writer = RunWriter::create(&path, run(), &options()).expect("a file");
    let long = "é".repeat(40_000);
    let bad = [
        run_end(0, "a code", ""),
        run_end(0, &"A".repeat(101), ""),
        run_end(0, "", &long),
        RunEnd {
            robot_time_s: f64::NAN,
            ..run_end(0, "", "")
        },
    ];
    for bad in &bad {
        let error = writer.write(&Entry::End(bad)).expect_err("an error");
        assert_eq!(error.code(), RecordErrorCode::InvalidArgument);
    }
    let cut = RunEnd::fitting(long.clone());
    assert!(cut.len() <= 64 << 10 && cut.ends_with("é…"));
    assert!(long.starts_with(cut.trim_end_matches('…')));
    let fits = run_end(0, "", &cut);
    writer.write(&Entry::End(&fits)).expect("to write");
    writer.finish().expect("to finish");
    assert_eq!(end(&path).expect("to read"), Some(fits));
}
