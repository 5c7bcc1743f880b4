//! What a file that is not whole is taken for, and what can still be read of it.

mod fixture;

use std::fs;
use std::path::Path;

use fixture::{cycles, record, run};
use kilohertz_record::entry::OwnedEntry;
use kilohertz_record::error::{RecordError, RecordErrorCode};
use kilohertz_record::reader::{Ending, RunReader};
use kilohertz_record::repair::repair;
use kilohertz_record::writer::{Compression, RunWriter, WriterOptions};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn open(path: &Path) -> Result<(), RecordError> {
    RunReader::open(path).map(|_| ())
}

/// Where the records of a file begin, and their opcodes.
fn records(bytes: &[u8]) -> Vec<(usize, u8)> {
    let mut at = 8;
    let mut records = Vec::new();
    while at + 9 <= bytes.len() {
        records.push((at, bytes[at]));
        let size = u64::from_le_bytes(bytes[at + 1..at + 9].try_into().expect("8 bytes"));
        at += 9 + size as usize;
        if records.last().expect("a record").1 == 2 {
            break;
        }
    }
    records
}

const CHUNK: u8 = 6;

#[test]
fn a_file_cut_at_any_byte_gives_every_whole_chunk_and_can_be_repaired() {
    let folder = folder();
    let whole = folder.path().join("whole.mcap");
    record(&whole, 400);
    let bytes = fs::read(&whole).expect("the file");
    let (all, _) = cycles(&whole);
    let chunks: Vec<usize> = records(&bytes)
        .iter()
        .filter(|(_, op)| *op == CHUNK)
        .map(|r| r.0)
        .collect();
    let cut = folder.path().join("cut.mcap");
    let first = chunks[0];
    // Around each boundary, and everywhere in between.
    let near = chunks
        .iter()
        .flat_map(|at| [at - 1, *at, at + 1, at + 8, at + 9, at + 30])
        .filter(|at| *at >= first);
    for end in near.chain((first..bytes.len() - 8).step_by(4099)) {
        fs::write(&cut, &bytes[..end]).expect("to write");
        let (read, error) = cycles(&cut);
        assert!(error.is_none(), "cut at {end}: {error:?}");
        assert_eq!(read, all[..read.len()], "cut at {end}");
        // The chunk that holds the definitions has no cycles.
        let begun = chunks.iter().skip(1).filter(|&&at| at < end).count() as u64;
        assert!(
            read.len() as u64 + 100 >= 100 * begun,
            "cut at {end}: {} cycles",
            read.len()
        );
        let repaired = repair(&cut).expect("to repair");
        assert_eq!(repaired.cycles, read.len() as u64);
        assert!(
            !repaired.was_finished || end >= bytes.len() - 8,
            "cut at {end}"
        );
        let (again, error) = cycles(&cut);
        assert!(error.is_none() && again == read, "cut at {end}: {error:?}");
        let mut reader = RunReader::open(&cut).expect("to open");
        reader.by_ref().for_each(drop);
        assert_eq!(reader.ending(), Some(Ending::Finished));
        assert!(repair(&cut).expect("to look again").was_finished);
    }
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        2,
        "nothing is left beside"
    );
}

#[test]
fn other_readers_open_a_repaired_file() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    record(&path, 400);
    let bytes = fs::read(&path).expect("the file");
    let last = records(&bytes)
        .iter()
        .rev()
        .find(|(_, op)| *op == CHUNK)
        .expect("a chunk")
        .0;
    fs::write(&path, &bytes[..last + 100]).expect("to write");
    let repaired = repair(&path).expect("to repair");
    assert_eq!((repaired.left_out, repaired.was_finished), (100, false));
    if let Some(text) = fixture::python::run("read.py", &[&path]) {
        let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(read["topics"]["/kilohertz/cycle"], repaired.cycles);
        assert_eq!(read["run"]["robot"]["model"], "fr3");
    }
}

#[test]
fn a_link_is_left_and_the_file_behind_it_repaired() {
    let folder = folder();
    let (path, link) = (
        folder.path().join("run.mcap"),
        folder.path().join("latest.mcap"),
    );
    record(&path, 400);
    let bytes = fs::read(&path).expect("the file");
    fs::write(&path, &bytes[..bytes.len() - 100]).expect("to write");
    std::os::unix::fs::symlink("run.mcap", &link).expect("a link");
    assert!(!repair(&link).expect("to repair").was_finished);
    assert!(link.is_symlink());
    assert!(repair(&path).expect("to look again").was_finished);
}

#[test]
fn a_file_is_not_repaired_while_it_is_written() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let writer = RunWriter::create(&path, run(), &fixture::options()).expect("a file");
    let error = repair(&path).expect_err("an error");
    assert_eq!(error.code(), RecordErrorCode::Busy);
    drop(writer);
    repair(&path).expect("to repair");
}

#[test]
fn files_that_are_no_recordings_are_told_apart() {
    let folder = folder();
    let path = folder.path().join("file");
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).expect("to write");
        let (opened, repaired) = (
            open(&path).expect_err("an error"),
            repair(&path).expect_err("an error"),
        );
        assert_eq!(opened.code(), repaired.code());
        assert_eq!(
            fs::read(&path).expect("the file"),
            bytes,
            "the file is left as it is"
        );
        opened
    };
    assert_eq!(refused(b"").code(), RecordErrorCode::Empty);
    let text = refused(b"tick,q1,q2\n1,2,3\n").to_string();
    assert!(text.contains("it begins with 74 69 63 6b"), "{text}");
    assert_eq!(refused(&mcap::MAGIC[..5]).code(), RecordErrorCode::Foreign);
    assert_eq!(refused(mcap::MAGIC).code(), RecordErrorCode::Foreign);

    let mut foreign = mcap::Writer::new(std::io::Cursor::new(Vec::new())).expect("a writer");
    let channel = foreign
        .add_channel(0, "/chatter", "json", &Default::default())
        .expect("a channel");
    let header = mcap::records::MessageHeader {
        channel_id: channel,
        sequence: 0,
        log_time: 0,
        publish_time: 0,
    };
    foreign
        .write_to_known_channel(&header, b"{}")
        .expect("to write");
    foreign.finish().expect("to finish");
    let error = refused(&foreign.into_inner().into_inner());
    assert_eq!(error.code(), RecordErrorCode::Foreign);
    assert!(error.to_string().contains("kilohertz.run"), "{error}");

    for path in [
        folder.path(),
        &folder.path().join("none"),
        &folder.path().join("file/none"),
    ] {
        assert_eq!(
            open(path).expect_err("an error").code(),
            RecordErrorCode::Io
        );
    }
}

#[test]
fn a_file_of_a_newer_version_says_so() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    record(&path, 10);
    let bytes = fs::read(&path).expect("the file");
    let key = b"\x06\0\0\0format\x01\0\0\0";
    let at = bytes
        .windows(key.len())
        .position(|window| window == key)
        .expect("the format");
    let mut newer = bytes.clone();
    newer[at + key.len()] = b'9';
    fs::write(&path, newer).expect("to write");
    let error = open(&path).expect_err("an error");
    assert!(
        matches!(
            error,
            RecordError::Newer {
                found: 9,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn damage_is_told_where_it_is_and_what_follows_can_be_read() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    record(&path, 400);
    let (all, _) = cycles(&path);
    let bytes = fs::read(&path).expect("the file");
    let chunks: Vec<usize> = records(&bytes)
        .iter()
        .filter(|(_, op)| *op == CHUNK)
        .map(|r| r.0)
        .collect();
    // The first chunk has the definitions, the third has the cycles from 100 on.
    let mut damaged = bytes.clone();
    damaged[chunks[2] + 3000] ^= 0x10;
    fs::write(&path, &damaged).expect("to write");
    let mut read = Vec::new();
    let mut errors = Vec::new();
    for entry in RunReader::open(&path).expect("to open") {
        match entry {
            Ok(OwnedEntry::Cycle(cycle)) => read.push(cycle),
            Ok(_) => {}
            Err(error) => errors.push(error),
        }
    }
    let [
        RecordError::Damaged {
            offset,
            cycles,
            goes_on: true,
            ..
        },
    ] = &errors[..]
    else {
        panic!("one damaged chunk: {errors:?}");
    };
    assert_eq!((*offset, *cycles), (chunks[2] as u64, 100));
    assert_eq!(read[..100], all[..100]);
    assert_eq!(read[100..], all[200..]);
    assert_eq!(
        repair(&path).map(|repaired| repaired.was_finished).ok(),
        None,
        "damage is not repaired away"
    );
    assert_eq!(fs::read(&path).expect("the file"), damaged);

    // Zeros, as a loss of power leaves them, end what can be read.
    let mut zeros = bytes.clone();
    zeros[chunks[2]..].fill(0);
    fs::write(&path, zeros).expect("to write");
    let (read, error) = fixture::cycles(&path);
    assert_eq!(read, all[..100]);
    assert!(
        matches!(
            error,
            Some(RecordError::Damaged {
                goes_on: false,
                cycles: 100,
                ..
            })
        ),
        "{error:?}"
    );
}

#[test]
fn no_flipped_bit_is_read_as_another_cycle_or_panics() {
    let folder = folder();
    for compression in [Compression::None, Compression::Lz4] {
        let path = folder.path().join(format!("{compression:?}.mcap"));
        let options = WriterOptions {
            compression,
            ..fixture::options()
        };
        fixture::record_with(&path, 200, &options);
        let (all, _) = cycles(&path);
        let bytes = fs::read(&path).expect("the file");
        for (round, at) in (0..bytes.len()).step_by(bytes.len() / 300).enumerate() {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << (round % 8);
            fs::write(&path, damaged).expect("to write");
            let Ok(reader) = RunReader::open(&path) else {
                continue;
            };
            for entry in reader.flatten() {
                if let OwnedEntry::Cycle(cycle) = entry {
                    assert!(all.contains(&cycle), "byte {at}: tick {}", cycle.tick);
                }
            }
        }
    }
}

#[test]
fn what_another_program_has_added_is_passed_over_and_survives_a_repair() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    record(&path, 200);
    let bytes = fs::read(&path).expect("the file");
    let is_end = |record: &&(usize, u8)| record.1 == mcap::records::op::DATA_END;
    let end = records(&bytes)
        .iter()
        .find(is_end)
        .expect("the end of the data")
        .0;

    let mut other = mcap::Writer::new(std::io::Cursor::new(Vec::new())).expect("a writer");
    let none = Default::default();
    other
        .add_schema_with_id(900, "foxglove.RawImage", "protobuf", &[])
        .expect("a schema");
    let added = [
        (900, 0, "/chatter"),
        (901, 900, "/an image"),
        (902, 900, "/image"),
    ];
    for (channel_id, schema, topic) in added {
        other
            .add_channel_with_id(channel_id, schema, topic, "protobuf", &none)
            .expect("a channel");
        let header = mcap::records::MessageHeader {
            channel_id,
            sequence: 0,
            log_time: 1,
            publish_time: 1,
        };
        other
            .write_to_known_channel(&header, &[])
            .expect("to write");
    }
    other.finish().expect("to finish");
    let other = other.into_inner().into_inner();
    let places = records(&other);
    let chunk = places
        .iter()
        .position(|(_, op)| *op == CHUNK)
        .expect("a chunk");
    let chunk = &other[places[chunk].0..places[chunk + 1].0];
    fs::write(&path, [&bytes[..end], chunk].concat()).expect("to write");

    let read = || {
        let mut reader = RunReader::open(&path).expect("to open");
        let cycles = reader.by_ref().filter(Result::is_ok).count();
        (cycles, reader.passed_over())
    };
    assert_eq!(read(), (200, 3));
    repair(&path).expect("to repair");
    assert_eq!(read(), (200, 3));
    let summary = mcap::Summary::read(&fs::read(&path).expect("the file")).expect("an index");
    assert!(summary.expect("a summary").channels.contains_key(&902));
}
