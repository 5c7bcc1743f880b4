//! What is written is read again, by this crate and by the readers of MCAP for Python.

mod fixture;

use std::path::Path;

use fixture::{
    Arm, chunk_with_gripper, cycles, image, mark, options, owned, record, run, run_end,
    run_with_gripper, sample, write_cycles,
};
use kilohertz_record::entry::{Answer, Entry, Outcome, OwnedEntry, Told, Value};
use kilohertz_record::reader::{Ending, RunReader};
use kilohertz_record::writer::{Compression, RunWriter, WriterOptions};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

#[test]
fn every_entry_comes_back_as_it_was_written() {
    for compression in [Compression::None, Compression::Lz4] {
        let folder = folder();
        let path = folder.path().join("run.mcap");
        let options = WriterOptions {
            compression,
            ..options()
        };
        let mut writer = RunWriter::create(&path, run(), &options).expect("a file");
        let mut arm = Arm::new();
        let mut expected = Vec::new();
        let others = [
            OwnedEntry::Episode(mark(0, 0.0, "pick", None)),
            OwnedEntry::Sample(sample(
                "force",
                0.0125,
                Value::Numbers(vec![1.5, f64::MAX, -0.0]),
            )),
            OwnedEntry::Sample(sample("camera/wrist", 0.02, image(4, 3, 7))),
            OwnedEntry::Sample(sample(
                "camera/front",
                -1.000_000_001,
                Value::CompressedImage {
                    format: "png".to_owned(),
                    data: vec![1, 2, 3],
                },
            )),
            OwnedEntry::Sample(sample(
                "note",
                3.25,
                Value::Bytes {
                    media_type: "application/json".to_owned(),
                    data: b"{}".to_vec(),
                },
            )),
            OwnedEntry::Episode(mark(0, 0.25, "pick", Some(Outcome::Rerecorded))),
        ];
        for tick in 0..300 {
            if let Some(other) = others.get(tick as usize / 50)
                && tick % 50 == 0
            {
                writer.write(&other.lend()).expect("to write");
                expected.push(other.clone());
            }
            let mut cycle = arm.cycle(tick);
            cycle.missed_ms = (tick % 3) as u32;
            cycle.lost_before = tick % 5;
            writer.write(&Entry::Cycle(cycle)).expect("to write");
            expected.push(OwnedEntry::Cycle(owned(&cycle)));
        }
        let end = OwnedEntry::End(run_end(299, "", "stop() was called"));
        writer.write(&end.lend()).expect("to write");
        expected.push(end);
        writer.finish().expect("to finish");
        let mut reader = RunReader::open(&path).expect("to open");
        assert_eq!(**reader.run(), run());
        let read: Vec<OwnedEntry> = reader
            .by_ref()
            .map(|entry| entry.expect("an entry"))
            .collect();
        assert_eq!(read, expected);
        assert_eq!(reader.ending(), Some(Ending::Finished));
    }
}

#[test]
fn the_gripper_of_an_answer_and_what_its_policy_was_told_come_back() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let mut writer = RunWriter::create(&path, run_with_gripper(), &options()).expect("a file");
    let (mut arm, mut expected) = (Arm::new(), Vec::new());
    let actions = chunk_with_gripper(3, 0.04);
    for tick in 0..40 {
        let mut cycle = arm.cycle(tick);
        cycle.answer = tick.is_multiple_of(20).then_some(Answer {
            tick,
            time_s: 0.0,
            step_s: 0.1,
            actions: &actions,
            told: Some(Told {
                began_s: (tick > 0).then_some(0.125),
                latency_s: 0.03,
                episode: 2,
            }),
        });
        writer.write(&Entry::Cycle(cycle)).expect("to write");
        expected.push(owned(&cycle));
    }
    writer.finish().expect("to finish");
    let reader = RunReader::open(&path).expect("to open");
    assert_eq!(**reader.run(), run_with_gripper());
    assert_eq!(cycles(&path).0, expected);
    // A command has no gripper: an answer without its number is none of this run.
    let mut writer = RunWriter::create(
        &folder.path().join("other.mcap"),
        run_with_gripper(),
        &options(),
    )
    .expect("a file");
    let mut cycle = arm.cycle(0);
    cycle.answer = cycle.answer.map(|answer| Answer {
        actions: &actions[..7],
        ..answer
    });
    let error = writer.write(&Entry::Cycle(cycle)).expect_err("an error");
    assert!(error.to_string().contains("a multiple of 8"), "{error}");
}

#[test]
fn a_file_is_read_while_it_is_written() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let mut writer = RunWriter::create(&path, run(), &options()).expect("a file");
    let mut reader = RunReader::open(&path).expect("to open");
    let count = |reader: &mut RunReader| reader.by_ref().filter(Result::is_ok).count();
    assert_eq!(count(&mut reader), 0);
    write_cycles(&mut writer, 0..250);
    assert_eq!(count(&mut reader), 200, "what was flushed is there");
    assert!(matches!(
        reader.ending(),
        Some(Ending::Unfinished { rest: 0, .. })
    ));
    write_cycles(&mut writer, 250..300);
    assert_eq!(count(&mut reader), 100);
    writer.finish().expect("to finish");
    assert_eq!(count(&mut reader), 0);
    assert_eq!(reader.ending(), Some(Ending::Finished));
}

#[test]
fn python_reads_every_message_with_the_definitions_in_the_file() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let mut writer = RunWriter::create(&path, run(), &options()).expect("a file");
    let pixels = sample("camera/wrist", 0.02, image(4, 3, 7));
    writer.write(&Entry::Sample(&pixels)).expect("to write");
    let numbers = sample("force", 0.0125, Value::Numbers(vec![1.5, -2.0]));
    writer.write(&Entry::Sample(&numbers)).expect("to write");
    write_cycles(&mut writer, 0..1000);
    let Some(text) = fixture::python::run("read.py", &[&path, Path::new("--streamed")]) else {
        return;
    };
    let streamed: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(streamed["ended"], "cut off");
    assert_eq!(
        streamed["topics"]["/kilohertz/cycle"], 1000,
        "read before the file was finished"
    );
    let end = run_end(999, "ACTION_LIMIT", "action 990 refused");
    writer.write(&Entry::End(&end)).expect("to write");
    writer.finish().expect("to finish");

    let text = fixture::python::run("read.py", &[&path]).expect("the same Python");
    let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let (cycles, _) = cycles(&path);
    let last = cycles.last().expect("a cycle");
    let field = |name: &str| run().state.find(name).expect("a field").1;
    assert_eq!(read["topics"]["/kilohertz/cycle"], 1000);
    assert_eq!(read["topics"]["/camera/wrist"], 1);
    assert_eq!(read["last"]["tick"], 999);
    assert_eq!(read["last"]["robot_time_s"], 0.999);
    assert_eq!(read["last"]["time"], last.state[0]);
    assert_eq!(
        read["last"]["q"],
        serde_json::json!(last.state[field("q")..][..7])
    );
    assert_eq!(read["last"]["command"], serde_json::json!(last.command));
    assert_eq!(read["last"]["kind"], 2, "followed");
    assert_eq!(read["last"]["sent_s"], 0.0004);
    assert_eq!(read["last"]["asked"], false);
    assert_eq!(read["last"]["behind_s"], 0.00005);
    assert_eq!(read["last"]["took"], false);
    assert_eq!(
        read["answer"],
        serde_json::json!([cycles[0].answer.as_ref().expect("an answer").actions[0]])
    );
    assert_eq!(
        read["log"],
        serde_json::json!([
            ["jointVelocity", "joint 4 at tick 500", 3],
            ["ACTION_LIMIT", "action 990 refused", 4],
        ])
    );
    assert_eq!(
        read["end"],
        serde_json::json!([999, 0.999, "ACTION_LIMIT", "action 990 refused"])
    );
    let joints = read["joints"].as_array().expect("joints");
    assert_eq!(
        (joints.len(), &joints[6][0]),
        (7, &serde_json::json!("fr3_joint7"))
    );
    assert_eq!(read["pose"][0], "base");
    assert_eq!(read["image"], serde_json::json!([4, 3, "rgb8", 12, 36]));
    assert_eq!(read["numbers"], serde_json::json!([0.0125, [1.5, -2.0]]));
    assert_eq!(read["run"]["robot"]["model"], "fr3");
    assert_eq!(read["run"]["options"]["rateHz"], 30);
    let views = read["topics"]["/kilohertz/joint_states"]
        .as_u64()
        .expect("a count");
    assert!(
        (55..=62).contains(&views),
        "{views} views in a second at 60 Hz"
    );
}

#[test]
fn the_definitions_in_a_file_are_those_of_the_proto_files() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    if let Some(said) = fixture::python::run("definitions.py", &[&folder]) {
        assert_eq!(said.trim(), "the same");
    }
}

#[test]
fn a_file_that_exists_is_not_overwritten() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    record(&path, 10);
    let before = std::fs::read(&path).expect("the file");
    let error = RunWriter::create(&path, run(), &options())
        .err()
        .expect("an error");
    assert_eq!(error.code().as_str(), "RECORD_IO");
    assert!(
        error.to_string().contains("recordings are not overwritten"),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).expect("the file"), before);
}

#[test]
fn a_place_that_cannot_be_written_is_refused_at_the_start() {
    let folder = folder();
    for (place, advice) in [
        ("no folder/run.mcap", "a folder that exists"),
        ("", "do not exist"),
    ] {
        let path = folder.path().join(place);
        let error = RunWriter::create(&path, run(), &options())
            .err()
            .expect("an error");
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()), "{text}");
        assert!(
            text.contains(advice) || text.contains("name a file"),
            "{text}"
        );
    }
}

#[test]
fn entries_that_do_not_fit_the_run_are_refused_and_change_nothing() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    let mut writer = RunWriter::create(&path, run(), &options()).expect("a file");
    let mut arm = Arm::new();
    let mut cycle = arm.cycle(0);
    cycle.state = &cycle.state[1..];
    let error = writer.write(&Entry::Cycle(cycle)).expect_err("an error");
    assert_eq!(error.code().as_str(), "RECORD_INVALID_ARGUMENT");
    for robot_time_s in [f64::NAN, f64::INFINITY] {
        let mut cycle = arm.cycle(0);
        cycle.robot_time_s = robot_time_s;
        assert!(
            writer.write(&Entry::Cycle(cycle)).is_err(),
            "{robot_time_s}"
        );
    }
    let bad = [
        "",
        "/camera",
        "../camera",
        "kilohertz/cycle",
        "a b",
        "ü",
        &"x".repeat(201),
    ];
    for name in bad {
        let sample = sample(name, 0.0, Value::Numbers(vec![1.0]));
        let error = writer.write(&Entry::Sample(&sample)).expect_err("an error");
        assert!(
            error.to_string().starts_with("the name of a channel is "),
            "{error}"
        );
    }
    let times = [f64::NAN, f64::INFINITY, 1e12];
    for time_s in times {
        let mut sample = sample("force", 0.0, Value::Numbers(vec![1.0]));
        sample.time_s = time_s;
        assert!(writer.write(&Entry::Sample(&sample)).is_err(), "{time_s}");
    }
    let Value::RawImage { pixels, data, .. } = image(4, 3, 7) else {
        unreachable!("an image was made");
    };
    let torn = sample(
        "camera",
        0.0,
        Value::RawImage {
            width: 5,
            height: 3,
            pixels,
            data,
        },
    );
    let error = writer.write(&Entry::Sample(&torn)).expect_err("an error");
    assert!(
        error.to_string().contains("5 x 3 pixels in 36 bytes"),
        "{error}"
    );
    write_cycles(&mut writer, 0..100);
    writer.finish().expect("to finish");
    let mut reader = RunReader::open(&path).expect("to open");
    assert_eq!(reader.by_ref().filter(Result::is_ok).count(), 100);
}

#[test]
fn a_recording_that_another_program_has_written_again_is_read_however_it_is_compressed() {
    let folder = folder();
    let path = folder.path().join("run.mcap");
    record(&path, 500);
    let (expected, _) = cycles(&path);
    for compression in ["none", "lz4", "zstd"] {
        let again = folder.path().join(compression);
        let words = [path.as_path(), &again, Path::new(compression)];
        if fixture::python::run("rewrite.py", &words).is_none() {
            return;
        }
        let (read, error) = cycles(&again);
        assert!(error.is_none(), "{compression}: {error:?}");
        assert!(read == expected, "{compression}: other cycles");
        let bytes = std::fs::read(&again).expect("the file");
        let name = compression.as_bytes();
        let is_named = bytes.windows(name.len()).any(|window| window == name);
        assert_eq!(is_named, compression != "none", "the file is compressed so");
    }
}
