//! Exports of cycles as CSV and Parquet.

mod fixture;

use std::fs;
use std::ops::ControlFlow::{Break, Continue};
use std::path::Path;

use fixture::{Arm, chunk_with_gripper, cycles, options, record, run_with_gripper};
use kilohertz_record::entry::{Answer, Entry};
use kilohertz_record::error::RecordErrorCode;
use kilohertz_record::export::{Exported, all_columns, columns, export_csv, export_parquet};
use kilohertz_record::reader::RunReader;
use kilohertz_record::writer::RunWriter;

const CHOSEN: [&str; 8] = [
    "tick",
    "robot_time_s",
    "kind",
    "asked_s",
    "state.q",
    "command",
    "answer",
    "wall_ns",
];

fn export(path: &Path, folder: &Path, names: &[&str]) -> Exported {
    let open = || RunReader::open(path).expect("to open");
    let chosen = columns(open().run(), names).expect("columns");
    let csv =
        export_csv(open(), &folder.join("run.csv"), &chosen, |_| Continue(())).expect("to export");
    let mut told = 0;
    let parquet = export_parquet(open(), &folder.join("run.parquet"), &chosen, |progress| {
        told = progress.cycles;
        Continue(())
    });
    assert_eq!(parquet.expect("to export"), csv);
    assert_eq!(told, csv.rows / 1000 * 1000, "progress is told");
    csv
}

#[test]
fn csv_is_what_it_always_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    record(&path, 40);
    assert_eq!(
        export(&path, folder.path(), &CHOSEN),
        Exported {
            rows: 40,
            is_whole: true
        }
    );
    let text = fs::read_to_string(folder.path().join("run.csv")).expect("the file");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cycles.csv");
    fixture::check_golden(&golden, &text);
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        3,
        "nothing is left beside"
    );
}

#[test]
fn pandas_and_pyarrow_read_the_same_numbers() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    record(&path, 20_000);
    export(
        &path,
        folder.path(),
        &[
            "tick",
            "robot_time_s",
            "kind",
            "sent_s",
            "behind_s",
            "took_s",
            "state",
            "answer",
        ],
    );
    let files = ["run.csv", "run.parquet"].map(|name| folder.path().join(name));
    let Some(text) = fixture::python::run("table.py", &[&files[0], &files[1]]) else {
        return;
    };
    let read: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let (cycles, _) = cycles(&path);
    assert_eq!(read["rows"], 20_000);
    assert!(
        read["groups"].as_u64() > Some(1),
        "a part of it is in memory: {}",
        read["groups"]
    );
    let types = ["tick", "robot_time_s", "kind", "state.q[6]"].map(|name| &read["schema"][name]);
    assert_eq!(types, ["int64", "double", "string", "double"]);
    assert_eq!(read["first"][1]["robot_time_s"], 0.001);
    assert_eq!(read["first"][1]["kind"], "fresh");
    let phase = |row: usize, name: &str| read["first"][row][name].as_f64();
    assert_eq!(phase(1, "behind_s"), cycles[1].phases.behind_s);
    assert_eq!(phase(0, "took_s"), cycles[0].phases.took_s);
    assert_eq!(phase(1, "took_s"), None, "no answer came in that cycle");
    assert_eq!(read["first"][1]["state.time"], cycles[1].state[0]);
    assert_eq!(
        read["first"][1]["answer.joint_position[0]"],
        serde_json::Value::Null
    );
    let answer = cycles[0].answer.as_ref().expect("an answer");
    assert_eq!(
        read["first"][0]["answer.joint_position[6]"],
        answer.actions[6]
    );
}

#[test]
fn a_file_that_was_cut_off_is_exported_up_to_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    record(&path, 400);
    let bytes = fs::read(&path).expect("the file");
    fs::write(&path, &bytes[..bytes.len() * 2 / 3]).expect("to write");
    let exported = export(&path, folder.path(), &["tick"]);
    assert!(!exported.is_whole);
    assert_eq!(exported.rows, cycles(&path).0.len() as u64);
}

#[test]
fn columns_are_chosen_by_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    record(&path, 10);
    let reader = RunReader::open(&path).expect("to open");
    let all = all_columns(reader.run());
    let slots = fixture::run().state.len() + 2 * fixture::run().action.len();
    assert_eq!(all.len(), 17 + slots);
    let names = |names: &[&str]| -> Vec<String> {
        let chosen = columns(reader.run(), names).expect("columns");
        chosen
            .iter()
            .map(|column| column.name().to_owned())
            .collect()
    };
    assert_eq!(
        names(&["state.q[2]", "state.time"]),
        ["state.q[2]", "state.time"]
    );
    assert_eq!(
        names(&["state.q"]).len(),
        7,
        "q, and neither q_d nor qualia"
    );
    assert_eq!(names(&["state"]).len(), fixture::run().state.len());
    for wrong in [
        &["state.q[7]"][..],
        &["stat"],
        &[""],
        &["tick", "tick"],
        &[],
    ] {
        let error = columns(reader.run(), wrong).expect_err("an error");
        assert_eq!(error.code(), RecordErrorCode::InvalidArgument, "{wrong:?}");
    }
}

#[test]
fn the_gripper_of_an_answer_is_a_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    let mut writer = RunWriter::create(&path, run_with_gripper(), &options()).expect("a file");
    let (mut arm, actions) = (Arm::new(), chunk_with_gripper(2, 0.04));
    for tick in 0..3 {
        let mut cycle = arm.cycle(tick);
        cycle.answer = (tick == 1).then_some(Answer {
            tick,
            time_s: 0.0,
            step_s: 0.1,
            actions: &actions,
            told: None,
        });
        writer.write(&Entry::Cycle(cycle)).expect("to write");
    }
    writer.finish().expect("to finish");
    export(&path, folder.path(), &["tick", "answer.gripper"]);
    let text = fs::read_to_string(folder.path().join("run.csv")).expect("the file");
    assert_eq!(
        text.lines().collect::<Vec<_>>(),
        ["tick,answer.gripper", "0,", "1,0.04", "2,"]
    );
    let names = all_columns(RunReader::open(&path).expect("to open").run());
    assert!(
        !names
            .iter()
            .any(|column| column.name() == "command.gripper")
    );
}

#[test]
fn nothing_is_overwritten_and_nothing_is_left_of_what_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    record(&path, 400);
    let target = folder.path().join("run.csv");
    fs::write(&target, "mine").expect("to write");
    let open = || RunReader::open(&path).expect("to open");
    let tick = columns(open().run(), &["tick"]).expect("columns");
    let error = export_csv(open(), &target, &tick, |_| Continue(())).expect_err("an error");
    assert_eq!(error.code(), RecordErrorCode::Io);
    assert_eq!(fs::read_to_string(&target).expect("the file"), "mine");

    let mut bytes = fs::read(&path).expect("the file");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).expect("to write");
    let other = folder.path().join("run.parquet");
    let error = export_parquet(open(), &other, &tick, |_| Continue(())).expect_err("an error");
    assert_eq!(error.code(), RecordErrorCode::Damaged);
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        2,
        "nothing is left beside"
    );
}

#[test]
fn an_export_that_is_stopped_leaves_nothing_and_tells_how_far_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    record(&path, 3000);
    let open = || RunReader::open(&path).expect("to open");
    let tick = columns(open().run(), &["tick"]).expect("columns");
    let mut told = Vec::new();
    let target = folder.path().join("run.csv");
    let error = export_csv(open(), &target, &tick, |progress| {
        told.push(progress);
        if told.len() == 2 {
            Break(())
        } else {
            Continue(())
        }
    });
    assert_eq!(
        error.expect_err("an error").code(),
        RecordErrorCode::Stopped
    );
    let cycles: Vec<u64> = told.iter().map(|progress| progress.cycles).collect();
    assert_eq!(cycles, [1000, 2000]);
    let size = fs::metadata(&path).expect("the file").len();
    assert!(told[0].bytes > 0 && told[0].bytes < told[1].bytes && told[1].bytes < size);
    assert_eq!(
        fs::read_dir(folder.path()).expect("the folder").count(),
        1,
        "nothing is left beside"
    );
}
