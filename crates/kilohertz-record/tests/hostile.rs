//! Files that are made to harm whoever reads them.

mod fixture;

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fixture::run;
use kilohertz_record::entry::{OwnedEntry, Phases};
use kilohertz_record::error::{RecordError, RecordErrorCode};
use kilohertz_record::export::{all_columns, export_csv};
use kilohertz_record::reader::{RunReader, end};
use kilohertz_record::repair::repair;
use kilohertz_record::writer::RunWriter;
use mcap::records::{MessageHeader, Metadata};
use tempfile::TempDir;

/// A file under way, with the record of a run and the channels of cycles and of the end.
struct Forged {
    folder: TempDir,
    mcap: mcap::Writer<fs::File>,
    cycles: u16,
    ends: u16,
}

/// The field of a cycle that may not be left out: how its command came about.
const KIND: [u8; 2] = [7 << 3, 1];

impl Forged {
    fn new(state: &str) -> Forged {
        let folder = tempfile::tempdir().expect("a folder");
        let whole = folder.path().join("whole.mcap");
        RunWriter::create(&whole, run(), &fixture::options())
            .and_then(|mut writer| writer.finish())
            .expect("a file");
        let bytes = fs::read(&whole).expect("the file");
        let summary = mcap::Summary::read(&bytes)
            .expect("a summary")
            .expect("one");
        let index = summary.metadata_indexes.first().expect("the run");
        let at = index.offset as usize;
        let record = mcap::parse_record(
            mcap::records::op::METADATA,
            &bytes[at + 9..at + index.length as usize],
        );
        let Ok(mcap::records::Record::Metadata(mut metadata)) = record else {
            panic!("no record of the run");
        };
        metadata
            .metadata
            .insert("state".to_owned(), state.to_owned());
        for part in ["action", "answer"] {
            metadata.metadata.insert(part.to_owned(), "[]".to_owned());
        }
        let options = mcap::WriteOptions::new()
            .compression(Some(mcap::Compression::Lz4))
            .emit_message_indexes(false)
            .chunk_size(None);
        let file = fs::File::create(folder.path().join("run.mcap")).expect("a file");
        let mut mcap = options.create(file).expect("a writer");
        mcap.write_metadata(&Metadata {
            name: metadata.name,
            metadata: metadata.metadata,
        })
        .expect("the run");
        let mut channel = |message: &str, topic: &str| {
            let schema = mcap.add_schema(message, "protobuf", &[]);
            let none = Default::default();
            mcap.add_channel(schema.expect("a schema"), topic, "protobuf", &none)
                .expect("a channel")
        };
        let cycles = channel("kilohertz.Cycle", "/kilohertz/cycle");
        let ends = channel("kilohertz.End", "/kilohertz/end");
        Forged {
            folder,
            mcap,
            cycles,
            ends,
        }
    }

    /// Puts a cycle.
    fn message(&mut self, bytes: &[u8]) {
        self.put(self.cycles, bytes);
    }

    /// Puts why the run ended.
    fn end(&mut self, bytes: &[u8]) {
        self.put(self.ends, bytes);
    }

    fn put(&mut self, channel_id: u16, bytes: &[u8]) {
        let header = MessageHeader {
            channel_id,
            sequence: 0,
            log_time: 1,
            publish_time: 1,
        };
        let put = self.mcap.write_to_known_channel(&header, bytes);
        put.expect("a message");
    }

    fn finish(mut self) -> (TempDir, PathBuf) {
        self.mcap.finish().expect("the end");
        let path = self.folder.path().join("run.mcap");
        (self.folder, path)
    }
}

/// Reads all of a file, and returns the errors with how many entries there were.
fn read(path: &Path) -> (usize, Vec<RecordError>) {
    let reader = match RunReader::open(path) {
        Ok(reader) => reader,
        Err(error) => return (0, vec![error]),
    };
    let (mut entries, mut errors) = (0, Vec::new());
    for entry in reader {
        match entry {
            Ok(_) => entries += 1,
            Err(error) => errors.push(error),
        }
    }
    (entries, errors)
}

fn is_damage(errors: &[RecordError], says: &str) {
    let [error] = errors else {
        panic!("one error, and not {errors:?}");
    };
    assert_eq!(error.code(), RecordErrorCode::Damaged);
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn a_chunk_of_more_messages_than_fit_into_memory_is_damage() {
    let mut forged = Forged::new("[]");
    for _ in 0..(1 << 20) + 1 {
        forged.message(&KIND);
    }
    let (_folder, path) = forged.finish();
    let size = fs::metadata(&path).expect("a file").len();
    assert!(size < 1 << 20, "packed into {size} bytes");
    let (entries, errors) = read(&path);
    assert_eq!(entries, 0);
    is_damage(&errors, "more than 1048576 messages");
}

#[test]
fn a_cycle_that_would_unfold_in_memory_is_damage() {
    // Notes of no level, no name and no text, two bytes each.
    let mut forged = Forged::new("[]");
    let field = 12_u8;
    forged.message(&[field << 3 | 2, 0].repeat(17 << 19));
    let (_folder, path) = forged.finish();
    let (entries, errors) = read(&path);
    assert_eq!(entries, 0);
    is_damage(&errors, "a cycle has");
}

#[test]
fn a_cycle_of_more_notes_than_any_has_is_damage() {
    // Notes of a level alone.
    let mut forged = Forged::new("[]");
    let field = 12_u8;
    let notes = |count| [KIND.to_vec(), [field << 3 | 2, 2, 1 << 3, 1].repeat(count)].concat();
    forged.message(&notes(4096));
    forged.message(&notes(4097));
    let (_folder, path) = forged.finish();
    let (_, errors) = read(&path);
    is_damage(&errors, "has 4097 notes");
}

#[test]
fn a_chunk_of_more_notes_than_fit_into_memory_is_damage() {
    // Notes of a level alone.
    let mut forged = Forged::new("[]");
    let notes = [KIND.to_vec(), [12_u8 << 3 | 2, 2, 1 << 3, 1].repeat(4096)].concat();
    for _ in 0..(1 << 20) / 4096 + 1 {
        forged.message(&notes);
    }
    let (_folder, path) = forged.finish();
    let (entries, errors) = read(&path);
    assert_eq!(entries, 0);
    is_damage(&errors, "more than 1048576 notes");
}

#[test]
fn times_of_steps_that_are_no_numbers_are_not_known_and_wild_ones_do_no_harm() {
    let mut forged = Forged::new("[]");
    let mut times = Vec::new();
    for (field, time_s) in [
        (1_u8, f64::NAN),
        (2, f64::MAX),
        (4, 1e300),
        (5, f64::INFINITY),
        (6, -1e300),
        (7, f64::NEG_INFINITY),
        (8, f64::NAN),
    ] {
        times.push(field << 3 | 1);
        times.extend(time_s.to_le_bytes());
    }
    let mut cycle = KIND.to_vec();
    cycle.extend([8 << 3 | 2, times.len() as u8]);
    cycle.extend(times);
    forged.message(&cycle);
    let (folder, path) = forged.finish();
    let open = || RunReader::open(&path).expect("a run");
    let Some(Ok(OwnedEntry::Cycle(read))) = open().next() else {
        panic!("a cycle");
    };
    let expected = Phases {
        answered_s: Some(f64::MAX),
        sent_s: Some(1e300),
        took_s: Some(-1e300),
        ..Phases::default()
    };
    assert_eq!(read.phases, expected);
    let columns = all_columns(open().run());
    let table = folder.path().join("run.csv");
    export_csv(open(), &table, &columns, |_| ControlFlow::Continue(())).expect("a table");
    let text = fs::read_to_string(&table).expect("the table");
    let rows: Vec<Vec<&str>> = text.lines().map(|row| row.split(',').collect()).collect();
    let cell = |name: &str| {
        let place = rows[0].iter().position(|each| *each == name);
        rows[1][place.expect("a column")]
    };
    assert_eq!(
        ["behind_s", "asked_s", "gave_s", "judged_s"].map(cell),
        [""; 4]
    );
    assert_eq!(cell("took_s").parse(), Ok(-1e300));
}

#[test]
fn a_run_of_as_many_fields_as_there_may_be_is_read_in_no_time() {
    let fields: Vec<String> = (0..65_536)
        .map(|nth| format!(r#"{{"name":"a field with a long name {nth}","len":1,"unit":""}}"#))
        .collect();
    let begun = Instant::now();
    let (_folder, path) = Forged::new(&format!("[{}]", fields.join(","))).finish();
    let reader = RunReader::open(&path).expect("a run");
    assert_eq!(reader.run().state.len(), 65_536);
    // Comparing each with each takes a minute.
    assert!(begun.elapsed() < Duration::from_secs(20));
    let (_folder, path) =
        Forged::new(r#"[{"name":"q","len":1,"unit":""},{"name":"q","len":1,"unit":""}]"#).finish();
    let (_, errors) = read(&path);
    is_damage(&errors, "a name that no field before it has");
}

#[test]
fn names_of_channels_of_any_length_are_passed_over_and_survive_a_repair() {
    let mut forged = Forged::new("[]");
    let long = "x".repeat(1 << 20);
    let mut ours = 0;
    for (nth, name) in [&*long, "../../etc/passwd", "/../x", "a\0b", "", "\u{202e}x"]
        .into_iter()
        .enumerate()
    {
        for schema in ["kilohertz.Numbers", &*long] {
            let schema = forged.mcap.add_schema(schema, "protobuf", &[nth as u8]);
            let schema = schema.expect("a schema");
            let channel = forged
                .mcap
                .add_channel(schema, name, "protobuf", &Default::default())
                .expect("a channel");
            let header = MessageHeader {
                channel_id: channel,
                sequence: 0,
                log_time: 1,
                publish_time: 1,
            };
            let put = forged.mcap.write_to_known_channel(&header, &[]);
            put.expect("a message");
            ours += 1;
        }
    }
    let (_folder, path) = forged.finish();
    let mut reader = RunReader::open(&path).expect("a run");
    assert!(reader.by_ref().all(|entry| entry.is_ok()));
    assert!(reader.passed_over() > 0 && reader.passed_over() <= ours);
    let repaired = repair(&path).expect("nothing to do");
    assert_eq!(repaired.cycles, 0);
}

#[test]
fn lengths_and_offsets_that_lie_are_damage_and_end() {
    let mut forged = Forged::new("[]");
    for tick in 0..10_u8 {
        forged.message(&[&[8, tick], &KIND[..]].concat());
    }
    let (folder, path) = forged.finish();
    let bytes = fs::read(&path).expect("the file");
    assert_eq!(read(&path).0, 10);
    let forged = folder.path().join("forged.mcap");
    let begun = Instant::now();
    // Each length of eight bytes anywhere becomes one of these, one after the other.
    for at in (8..bytes.len() - 8).step_by(13) {
        for lie in [
            0_u64,
            1,
            u64::MAX,
            u64::MAX - 9,
            1 << 40,
            bytes.len() as u64,
        ] {
            let mut lying = bytes.clone();
            lying[at..at + 8].copy_from_slice(&lie.to_le_bytes());
            fs::write(&forged, &lying).expect("to write");
            let (entries, _) = read(&forged);
            assert!(entries <= 10, "{entries} entries with {lie} at {at}");
            let _ = repair(&forged);
        }
    }
    assert!(begun.elapsed() < Duration::from_secs(60));
}

/// A text as a field of a message.
fn text(field: u8, text: &str) -> Vec<u8> {
    let mut bytes = vec![field << 3 | 2];
    let mut rest = text.len();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes.extend(text.as_bytes());
    bytes
}

#[test]
fn an_end_that_no_run_has_is_damage_and_what_was_before_can_be_read() {
    let (code, words) = (3, 4);
    let time = [&[2 << 3 | 1][..], &f64::NAN.to_le_bytes()].concat();
    let long = "x".repeat((64 << 10) + 1);
    let cases: [(&[u8], &str); 7] = [
        (b"not protobuf", "the end of the run cannot be read"),
        (&time, "the run ends at NaN s"),
        (
            &text(code, "a code"),
            "the code of the end of a run is \"a code\"",
        ),
        (&text(code, &"A".repeat(101)), "at most 100 capital letters"),
        (
            &text(words, &long),
            "the text of the end of a run is 65537 bytes long",
        ),
        (&text(words, &long.repeat(2)), "the end of the run has 1310"),
        (
            &[words << 3 | 2, 1, 0xff],
            "the end of the run cannot be read",
        ),
    ];
    for (bytes, says) in cases {
        let mut forged = Forged::new("[]");
        forged.message(&KIND);
        forged.mcap.flush().expect("a chunk");
        forged.end(bytes);
        let (_folder, path) = forged.finish();
        let (entries, errors) = read(&path);
        assert_eq!(entries, 1, "{says}");
        is_damage(&errors, says);
        let error = end(&path).expect_err("an error");
        assert_eq!(error.code(), RecordErrorCode::Damaged, "{says}");
        assert!(repair(&path).is_err(), "{says}");
    }
}

#[test]
fn a_run_ends_once_and_no_cycle_comes_after_it() {
    let mut forged = Forged::new("[]");
    forged.end(&text(4, "first"));
    forged.mcap.flush().expect("a chunk");
    forged.end(&text(4, "second"));
    let (_folder, path) = forged.finish();
    let (entries, errors) = read(&path);
    assert_eq!(entries, 1);
    is_damage(&errors, "the run has two ends");
    let first = end(&path).expect("the first end").expect("one");
    assert_eq!(first.text, "first");

    // The damaged chunk, with the end in it, is left out as a whole: what follows goes on.
    let mut forged = Forged::new("[]");
    forged.end(&[]);
    forged.message(&KIND);
    forged.mcap.flush().expect("a chunk");
    forged.message(&KIND);
    let (_folder, path) = forged.finish();
    let (entries, errors) = read(&path);
    assert_eq!(entries, 1);
    is_damage(&errors, "a cycle comes after the end of the run");
}
