//! Data sets for LeRobot.

mod fixture;

use std::fs;
use std::ops::ControlFlow::Continue;
use std::path::Path;

use fixture::place::{Place, add_to, episodes, files};
use fixture::{Arm, chunk_with_gripper, image, joint, options, run, run_with_gripper, sample};
use jpeg_encoder::{ColorType, Encoder};
use kilohertz_record::entry::{Answer, Entry, Outcome, Value};
use kilohertz_record::error::RecordErrorCode;
use kilohertz_record::export::lerobot::{
    Actions, Added, DataSetFolder, DataSetOptions, Images, Resampling,
};
use kilohertz_record::writer::RunWriter;
use serde_json::Value as Json;

fn numbers(read: &Json, what: &str, frame: usize) -> Vec<f64> {
    let row = read[what][frame].as_array().expect("a row");
    row.iter()
        .map(|value| value.as_f64().expect("a number"))
        .collect()
}

#[test]
fn episodes_are_on_an_exact_grid_and_are_what_they_always_were() {
    let place = Place::new();
    episodes(&place.run("a.mcap"), Outcome::Failure);
    let options = DataSetOptions {
        fps: 10,
        ..DataSetOptions::default()
    };
    let added = place.add("a.mcap", &options).expect("to export");
    // The first episode ends before the cycle at 1.2 s, so its last frame is 0.9 s after its first.
    assert_eq!(
        added,
        Added {
            episodes: 3,
            frames: 10 + 5 + 5,
            left_out: 0,
            frames_in_gaps: 0,
            is_whole: true
        }
    );
    let Some(read) = place.read() else {
        return;
    };
    let frames = [(0, 0.2), (9, 1.1), (10, 1.5), (15, 2.5)];
    for (frame, time_s) in frames {
        let state = numbers(&read, "state", frame);
        let expected: Vec<f64> = (0..7)
            .map(|index| f64::from(joint(index, time_s) as f32))
            .collect();
        assert_eq!(state, expected, "frame {frame}");
    }
    let text = serde_json::to_string_pretty(&read).expect("JSON");
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/data_set.json");
    fixture::check_golden(&golden, &format!("{text}\n"));
}

#[test]
fn a_frame_between_two_cycles_lies_between_them_or_is_the_nearest() {
    for (resampling, step) in [
        (Resampling::Linear, None),
        (Resampling::Nearest, Some(0.001)),
    ] {
        let place = Place::new();
        episodes(&place.run("a.mcap"), Outcome::Success);
        let options = DataSetOptions {
            fps: 30,
            resampling,
            ..DataSetOptions::default()
        };
        let added = place.add("a.mcap", &options).expect("to export");
        assert_eq!(added.frames, 30 + 15 + 15);
        let Some(read) = place.read() else {
            return;
        };
        for frame in 0..30 {
            let time_s = 0.2 + frame as f64 / 30.0;
            let time_s = step.map_or(time_s, |step| (time_s / step).round() * step);
            let state = numbers(&read, "state", frame);
            let action = numbers(&read, "action", frame);
            for index in 0..7 {
                assert!(
                    (state[index] - joint(index, time_s)).abs() < 2e-6,
                    "{resampling:?} {frame}"
                );
                assert!((action[index] - joint(index, time_s) - 0.001).abs() < 2e-6);
            }
        }
    }
}

#[test]
fn a_second_run_is_added_without_rewriting_the_first() {
    let place = Place::new();
    episodes(&place.run("a.mcap"), Outcome::Rerecorded);
    episodes(&place.run("b.mcap"), Outcome::Success);
    let options = DataSetOptions::default();
    let first = place.add("a.mcap", &options).expect("to export");
    assert_eq!(
        (first.episodes, first.left_out),
        (2, 1),
        "what was recorded again is left out"
    );
    let old = [
        "data/chunk-000/file-000.parquet",
        "meta/episodes/chunk-000/file-000.parquet",
    ]
    .map(|name| place.set().join(name));
    let before = old
        .each_ref()
        .map(|path| (fs::read(path).expect("a file"), modified(path)));
    let second = place.add("b.mcap", &options).expect("to add");
    assert_eq!((second.episodes, second.frames), (3, 60));
    let after = old
        .each_ref()
        .map(|path| (fs::read(path).expect("a file"), modified(path)));
    assert!(before == after, "the first run's files are as they were");
    let Some(read) = place.read() else {
        return;
    };
    assert_eq!(read["info"]["total_episodes"], 5);
    assert_eq!(read["info"]["splits"]["train"], "0:5");
    assert_eq!(read["tasks"], serde_json::json!({ "pick": 0, "place": 1 }));
    assert_eq!(
        read["episodes"][2],
        serde_json::json!([2, ["pick"], 30, 45])
    );
    assert_eq!(read["stats"]["action"]["count"], serde_json::json!([105]));
}

fn modified(path: &Path) -> std::time::SystemTime {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .expect("a time")
}

#[test]
fn images_are_png_in_the_frames_of_their_time() {
    let place = Place::new();
    let mut writer = RunWriter::create(&place.run("a.mcap"), run(), &options()).expect("a file");
    let mut arm = Arm::new();
    for tick in 0..1000_u64 {
        if tick % 50 == 0 {
            let picture = sample(
                "camera/wrist",
                tick as f64 / 1000.0,
                image(16, 8, (tick / 5) as u8),
            );
            writer.write(&Entry::Sample(&picture)).expect("to write");
        }
        writer
            .write(&Entry::Cycle(arm.cycle(tick)))
            .expect("to write");
    }
    writer.finish().expect("to finish");
    let options = DataSetOptions {
        fps: 20,
        cameras: vec!["camera/wrist".to_owned()],
        task: Some("look".to_owned()),
        ..DataSetOptions::default()
    };
    assert_eq!(place.add("a.mcap", &options).expect("to export").frames, 20);
    let missing = DataSetOptions {
        cameras: vec!["camera/front".to_owned()],
        ..options.clone()
    };
    let error = add_to(&place.run("other"), &place.run("a.mcap"), &missing);
    assert!(
        error
            .expect_err("an error")
            .to_string()
            .contains("channel camera/front at 0 s")
    );
    let Some(read) = place.read() else {
        return;
    };
    let name = "observation.images.camera.wrist";
    assert_eq!(
        read["info"]["features"][name]["shape"],
        serde_json::json!([8, 16, 3])
    );
    // The colour blue is the seed. Colours are taken of about three images a second: those at 0, 0.35 and 0.7 s.
    let blue = &read["stats"][name];
    assert_eq!(blue["min"][2], serde_json::json!([[0.0]]));
    assert_eq!(blue["max"][2], serde_json::json!([[140.0 / 255.0]]));
    assert_eq!(blue["count"], serde_json::json!([3]));
}

/// The bytes of a JPEG file of one colour.
fn jpeg(size: (u16, u16), kind: ColorType, progressive: bool) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 100);
    encoder.set_progressive(progressive);
    let pixel: &[u8] = match kind {
        ColorType::Luma => &[90],
        ColorType::Cmyk => &[50, 160, 220, 0],
        _ => &[200, 90, 30],
    };
    let pixels = pixel.repeat(usize::from(size.0) * usize::from(size.1));
    encoder
        .encode(&pixels, size.0, size.1, kind)
        .expect("to encode");
    file
}

/// Writes a run of a second whose camera has these images, in their turn.
fn filmed(path: &Path, values: &[Value]) {
    let mut writer = RunWriter::create(path, run(), &options()).expect("a file");
    let mut arm = Arm::new();
    for tick in 0..1000_u64 {
        if tick % 50 == 0 {
            let value = values[tick as usize / 50 % values.len()].clone();
            let picture = sample("camera/wrist", tick as f64 / 1000.0, value);
            writer.write(&Entry::Sample(&picture)).expect("to write");
        }
        writer
            .write(&Entry::Cycle(arm.cycle(tick)))
            .expect("to write");
    }
    writer.finish().expect("to finish");
}

fn seen(images: Images) -> DataSetOptions {
    DataSetOptions {
        fps: 20,
        cameras: vec!["camera/wrist".to_owned()],
        task: Some("look".to_owned()),
        images,
        ..DataSetOptions::default()
    }
}

#[test]
fn jpeg_files_become_the_images_of_a_data_set_whether_logged_as_an_image_or_as_bytes() {
    let place = Place::new();
    let compressed = |data| Value::CompressedImage {
        format: "jpeg".to_owned(),
        data,
    };
    let bytes = |data| Value::Bytes {
        media_type: String::new(),
        data,
    };
    filmed(
        &place.run("a.mcap"),
        &[
            compressed(jpeg((16, 8), ColorType::Rgb, false)),
            compressed(jpeg((16, 8), ColorType::Rgb, true)),
            bytes(jpeg((16, 8), ColorType::Rgb, false)),
        ],
    );
    let added = place.add("a.mcap", &seen(Images::Png)).expect("to export");
    assert_eq!(added.frames, 20);
    let Some(read) = place.read() else {
        return;
    };
    let name = "observation.images.camera.wrist";
    assert_eq!(
        read["info"]["features"][name]["shape"],
        serde_json::json!([8, 16, 3])
    );
    for (colour, expected) in [200.0, 90.0, 30.0].into_iter().enumerate() {
        for part in ["min", "max"] {
            let found = read["stats"][name][part][colour][0][0].as_f64();
            let off = found.expect("a colour") * 255.0 - expected;
            assert!(off.abs() <= 3.0, "{part} of colour {colour}: {off}");
        }
    }
}

#[test]
fn a_jpeg_file_in_grey_or_for_print_becomes_an_image_in_red_green_and_blue() {
    for kind in [ColorType::Luma, ColorType::Cmyk] {
        let place = Place::new();
        let value = Value::CompressedImage {
            format: "jpeg".to_owned(),
            data: jpeg((16, 8), kind, false),
        };
        filmed(&place.run("a.mcap"), &[value]);
        let added = place.add("a.mcap", &seen(Images::Png)).expect("to export");
        assert_eq!(added.frames, 20);
    }
}

#[test]
fn a_file_that_is_no_image_or_a_damaged_or_an_enormous_one_is_refused_and_leaves_nothing() {
    let whole = jpeg((64, 48), ColorType::Rgb, false);
    let sof = whole
        .windows(2)
        .position(|pair| pair == [0xff, 0xc0])
        .expect("a frame");
    let mut enormous = whole.clone();
    enormous[sof + 5..sof + 9].fill(0xff);
    let mut flat = whole.clone();
    flat[sof + 5..sof + 7].fill(0);
    let mut components = whole.clone();
    components[sof + 9] = 200;
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([
        0x7f, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 8, 2, 0, 0, 0,
    ]);
    png.extend([0; 4]);
    let cases: [(&str, Vec<u8>); 8] = [
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("only a mark", vec![0xff, 0xd8, 0xff]),
        ("enormous", enormous),
        ("without a height", flat),
        ("with 200 colours", components),
        ("an enormous PNG", png),
        ("no image", b"GIF89a".to_vec()),
        ("empty", Vec::new()),
    ];
    for (what, data) in cases {
        let video = Images::Video {
            encoder: "ffmpeg".into(),
        };
        for images in [Images::Png, video] {
            let is_png = images == Images::Png;
            let place = Place::new();
            let value = Value::CompressedImage {
                format: "jpeg".to_owned(),
                data: data.clone(),
            };
            filmed(&place.run("a.mcap"), &[value]);
            let error = place.add("a.mcap", &seen(images)).expect_err(what);
            if is_png {
                assert_eq!(error.code(), RecordErrorCode::InvalidArgument, "{what}");
                let text = error.to_string();
                assert!(
                    text.contains("channel camera/wrist at 0 s"),
                    "{what}: {text}"
                );
            }
            assert!(!place.set().exists(), "{what}");
        }
    }
}

#[test]
fn actions_as_answered_are_those_of_their_question() {
    let place = Place::new();
    let mut writer = RunWriter::create(&place.run("a.mcap"), run(), &options()).expect("a file");
    let mut arm = Arm::new();
    for tick in 0..1000_u64 {
        let mut cycle = arm.cycle(tick);
        // Chunks of four actions, 0.1 s apart, asked at 0, 0.4 and 0.8 s and answered 0.15 s later.
        let asked = tick.saturating_sub(150);
        let actions: Vec<f64> = (0..28)
            .map(|slot| asked as f64 + f64::from(slot / 7) * 100.0)
            .collect();
        let is_answered = tick >= 150 && asked % 400 == 0;
        cycle.answer = is_answered.then_some(Answer {
            tick: asked,
            time_s: asked as f64 / 1000.0,
            step_s: 0.1,
            actions: &actions,
            told: None,
        });
        writer.write(&Entry::Cycle(cycle)).expect("to write");
    }
    writer.finish().expect("to finish");
    let task = Some("follow".to_owned());
    let answered = DataSetOptions {
        fps: 10,
        actions: Actions::Answered,
        task,
        ..DataSetOptions::default()
    };
    assert_eq!(
        place.add("a.mcap", &answered).expect("to export").frames,
        10
    );
    let Some(read) = place.read() else {
        return;
    };
    let first: Vec<f64> = (0..10)
        .map(|frame| numbers(&read, "action", frame)[0])
        .collect();
    assert_eq!(
        first,
        [
            0.0, 100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 900.0
        ]
    );
}

#[test]
fn the_gripper_of_the_answers_is_a_number_of_the_action() {
    for actions in [Actions::Commanded, Actions::Answered] {
        let place = Place::new();
        let mut writer = RunWriter::create(&place.run("a.mcap"), run_with_gripper(), &options())
            .expect("a file");
        let mut arm = Arm::new();
        for tick in 0..1000_u64 {
            let mut cycle = arm.cycle(tick);
            // Chunks of four actions, 0.1 s apart, asked at 0, 0.4 and 0.8 s and answered 0.15 s later.
            let asked = tick.saturating_sub(150);
            let chunk = chunk_with_gripper(4, asked as f64 / 1e4);
            cycle.answer = (tick >= 150 && asked % 400 == 0).then_some(Answer {
                tick: asked,
                time_s: asked as f64 / 1000.0,
                step_s: 0.1,
                actions: &chunk,
                told: None,
            });
            writer.write(&Entry::Cycle(cycle)).expect("to write");
        }
        writer.finish().expect("to finish");
        let options = DataSetOptions {
            fps: 10,
            actions,
            task: Some("grasp".to_owned()),
            ..DataSetOptions::default()
        };
        place.add("a.mcap", &options).expect("to export");
        let Some(read) = place.read() else {
            return;
        };
        let feature = &read["info"]["features"]["action"];
        assert_eq!(feature["shape"], serde_json::json!([8]));
        assert_eq!(feature["names"][7], "gripper");
        for frame in 0..10 {
            let width = numbers(&read, "action", frame)[7];
            assert!(
                (width - 0.01 * frame as f64).abs() < 1e-6,
                "{actions:?}: {width} in {frame}"
            );
        }
    }
}

#[test]
fn what_was_logged_of_a_gripper_is_in_the_frames() {
    let place = Place::new();
    let mut writer = RunWriter::create(&place.run("a.mcap"), run(), &options()).expect("a file");
    let mut arm = Arm::new();
    for tick in 0..1000_u64 {
        if tick % 250 == 50 {
            let time_s = tick as f64 / 1000.0;
            let width = sample("gripper/width", time_s, Value::Numbers(vec![time_s]));
            let goal = sample(
                "gripper/goal",
                time_s,
                Value::Numbers(vec![time_s + 1.0, 2.0]),
            );
            writer.write(&Entry::Sample(&width)).expect("to write");
            writer.write(&Entry::Sample(&goal)).expect("to write");
        }
        writer
            .write(&Entry::Cycle(arm.cycle(tick)))
            .expect("to write");
    }
    writer.finish().expect("to finish");
    let options = DataSetOptions {
        fps: 10,
        state_channels: vec!["gripper/width".to_owned()],
        action_channels: vec!["gripper/goal".to_owned()],
        task: Some("grasp".to_owned()),
        ..DataSetOptions::default()
    };
    place.add("a.mcap", &options).expect("to export");
    let missing = DataSetOptions {
        state_channels: vec!["gripper".to_owned()],
        ..options
    };
    let error = place
        .add("a.mcap", &missing)
        .expect_err("an error")
        .to_string();
    assert!(
        error.contains(r#"["gripper/goal", "gripper/width"]"#),
        "{error}"
    );
    let Some(read) = place.read() else {
        return;
    };
    let widths: Vec<f64> = (0..10)
        .map(|frame| numbers(&read, "state", frame)[7])
        .collect();
    let expected = [0.05, 0.05, 0.05, 0.3, 0.3, 0.3, 0.55, 0.55, 0.8, 0.8]
        .map(|width| f64::from(width as f32));
    assert_eq!(widths, expected);
    assert_eq!(numbers(&read, "action", 9)[7..], [f64::from(1.8_f32), 2.0]);
    let names = &read["info"]["features"]["action"]["names"];
    assert_eq!(
        (&names[6], &names[8]),
        (&"joint_position_6".into(), &"gripper.goal_1".into())
    );
}

#[test]
fn frames_in_gaps_are_counted_and_none_is_made_up_for_a_long_one() {
    let place = Place::new();
    let mut writer = RunWriter::create(&place.run("a.mcap"), run(), &options()).expect("a file");
    let mut arm = Arm::new();
    for tick in (0..400_u64).chain(655..1000) {
        let mut cycle = arm.cycle(tick);
        cycle.missed_ms = if tick == 655 { 255 } else { 0 };
        writer.write(&Entry::Cycle(cycle)).expect("to write");
    }
    writer.finish().expect("to finish");
    let task = Some("go on".to_owned());
    let options = DataSetOptions {
        fps: 10,
        task,
        ..DataSetOptions::default()
    };
    let added = place.add("a.mcap", &options).expect("to export");
    // The frames at 0.4, 0.5 and 0.6 s.
    assert_eq!((added.frames, added.frames_in_gaps), (10, 3));

    let mut writer =
        RunWriter::create(&place.run("b.mcap"), run(), &fixture::options()).expect("a file");
    for tick in [0, 1, 1_000_000_000] {
        writer
            .write(&Entry::Cycle(arm.cycle(tick)))
            .expect("to write");
    }
    writer.finish().expect("to finish");
    let error = place
        .add("b.mcap", &options)
        .expect_err("an error")
        .to_string();
    assert!(error.contains("at most 10 s"), "{error}");
    // What failed leaves nothing of what it has made, and does not stand in the way.
    let (above, other) = (place.run("above"), place.run("above/a/b"));
    let add = |name: &str| add_to(&other, &place.run(name), &options);
    add("b.mcap").expect_err("an error");
    assert!(!above.exists(), "neither the folder nor those above it");
    fs::create_dir_all(&other).expect("a folder");
    add("b.mcap").expect_err("an error");
    assert_eq!(
        fs::read_dir(&other).expect("the folder").count(),
        0,
        "it was there before"
    );
    add("a.mcap").expect("to export");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let place = Place::new();
    episodes(&place.run("a.mcap"), Outcome::Success);
    fixture::record(&place.run("plain.mcap"), 500);
    let options = DataSetOptions::default();
    let refused = |name: &str, options: &DataSetOptions, says: &str| {
        let error = place.add(name, options).expect_err("an error");
        assert_eq!(error.code(), RecordErrorCode::InvalidArgument, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    };
    refused(
        "plain.mcap",
        &options,
        "a task for episodes that were recorded without one",
    );
    refused(
        "a.mcap",
        &DataSetOptions {
            fps: 0,
            ..options.clone()
        },
        "1 to 10000",
    );
    let state = |name: &str| DataSetOptions {
        state: vec![name.to_owned()],
        ..options.clone()
    };
    refused("a.mcap", &state("state.nothing"), "a column is");
    refused(
        "a.mcap",
        &state("kind"),
        "columns of the state or the command",
    );
    assert!(!place.set().join("meta/info.json").exists());

    place.add("a.mcap", &options).expect("to export");
    let before = fs::read_to_string(place.set().join("meta/info.json")).expect("the file");
    refused(
        "a.mcap",
        &DataSetOptions {
            fps: 50,
            ..options.clone()
        },
        "30 frames a second",
    );
    refused("a.mcap", &state("state.dq_d"), "observation.state");
    refused("a.mcap", &state("state"), "observation.state");
    let names = files(&place.set());
    assert_eq!(
        names.len(),
        5,
        "nothing is left of what was refused: {names:?}"
    );
    assert_eq!(
        fs::read_to_string(place.set().join("meta/info.json")).expect("the file"),
        before
    );

    // A file of data that info.json does not know.
    let data = place.set().join("data/chunk-000");
    fs::copy(data.join("file-000.parquet"), data.join("file-001.parquet")).expect("to copy");
    refused(
        "a.mcap",
        &options,
        "120 frames in data/, and 60 in info.json",
    );
    let other = place.run("other");
    fs::create_dir(&other).expect("a folder");
    fs::write(other.join("mine"), "mine").expect("to write");
    let error = add_to(&other, &place.run("a.mcap"), &options).expect_err("an error");
    assert!(error.to_string().contains("something else"), "{error}");
}

#[test]
fn what_is_wrong_in_a_recording_is_told_with_its_path_and_a_wrong_option_without_one() {
    let place = Place::new();
    let path = place.run("a.mcap");
    let mut writer = RunWriter::create(&path, run(), &options()).expect("a file");
    let mut arm = Arm::new();
    for tick in (0..500_u64).chain([500_000]) {
        if tick % 250 == 0 && tick < 500 {
            // One number, then two.
            let width = Value::Numbers(vec![0.04; 1 + tick as usize / 250]);
            let width = sample("gripper/width", tick as f64 / 1000.0, width);
            writer.write(&Entry::Sample(&width)).expect("to write");
        }
        writer
            .write(&Entry::Cycle(arm.cycle(tick)))
            .expect("to write");
    }
    writer.finish().expect("to finish");
    let options = DataSetOptions {
        task: Some("go on".to_owned()),
        ..DataSetOptions::default()
    };
    let logged = |name: &str| DataSetOptions {
        state_channels: vec![name.to_owned()],
        ..options.clone()
    };
    let left_out = DataSetOptions {
        left_out: vec![Outcome::Unknown],
        ..options.clone()
    };
    for (options, says, is_in_file) in [
        (&options, "the time without cycles", true),
        (&logged("gripper/width"), "the count of numbers", true),
        (&left_out, "without an episode that is kept", true),
        (&logged("gripper"), "a channel is", false),
        (&DataSetOptions::default(), "the task is", false),
    ] {
        let error = place.add("a.mcap", options).expect_err(says);
        assert_eq!(error.code(), RecordErrorCode::InvalidArgument, "{error}");
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
        assert_eq!(error.path(), is_in_file.then_some(path.as_path()), "{text}");
        assert_eq!(text.contains("a.mcap"), is_in_file, "{text}");
        assert!(!place.set().exists(), "{text}");
    }
}

#[test]
fn two_exports_into_one_data_set_lose_no_episode() {
    let place = Place::new();
    episodes(&place.run("a.mcap"), Outcome::Success);
    let options = DataSetOptions::default();
    let mut first = DataSetFolder::open(&place.set()).expect("to begin");
    let refused = place.add("a.mcap", &options).expect_err("an error");
    assert_eq!(refused.code(), RecordErrorCode::Busy);
    assert!(
        refused
            .to_string()
            .ends_with("is still being written; wait until the other export has ended"),
        "{refused}"
    );
    assert_eq!(refused.path(), Some(place.set().as_path()));
    first
        .add(&place.run("a.mcap"), &options, |_| Continue(()))
        .expect("to export");
    drop(first);

    // Many at once: whoever is refused tries again.
    let added: u64 = std::thread::scope(|scope| {
        let export = || loop {
            match place.add("a.mcap", &options) {
                Ok(added) => return added.episodes,
                Err(error) => assert_eq!(error.code(), RecordErrorCode::Busy, "{error}"),
            }
            std::thread::yield_now();
        };
        let exports: Vec<_> = (0..4).map(|_| scope.spawn(export)).collect();
        exports
            .into_iter()
            .map(|export| export.join().expect("an end"))
            .sum()
    });
    assert_eq!(added, 12);
    let info = fs::read_to_string(place.set().join("meta/info.json")).expect("the file");
    let info: Json = serde_json::from_str(&info).expect("JSON");
    assert_eq!(
        (&info["total_episodes"], &info["total_frames"]),
        (&15.into(), &300.into())
    );
    place.read();
}

#[test]
fn what_a_killed_export_has_left_does_not_stand_in_the_way() {
    let place = Place::new();
    episodes(&place.run("a.mcap"), Outcome::Success);
    let data = place.set().join("data/chunk-000");
    fs::create_dir_all(&data).expect("a folder");
    let mine = place.set().join("data/mine.parquet.1.part");
    fs::write(data.join(".file-000.parquet.4711.part"), "half").expect("to write");
    place
        .add("a.mcap", &DataSetOptions::default())
        .expect("to export");
    assert_eq!(fs::read_dir(&data).expect("the folder").count(), 1);
    fs::write(&mine, "mine").expect("to write");
    place
        .add("a.mcap", &DataSetOptions::default())
        .expect("to export");
    assert!(mine.exists(), "what others have put there stays");
}

#[test]
fn episodes_belong_to_the_split_that_is_chosen() {
    let place = Place::new();
    episodes(&place.run("a.mcap"), Outcome::Success);
    let split = |name: &str| DataSetOptions {
        split: name.to_owned(),
        ..DataSetOptions::default()
    };
    let splits = || {
        let info = fs::read_to_string(place.set().join("meta/info.json")).expect("the file");
        serde_json::from_str::<Json>(&info).expect("JSON")["splits"].clone()
    };
    for wrong in ["", "a b", "../up"] {
        let error = place.add("a.mcap", &split(wrong)).expect_err("an error");
        assert!(error.to_string().contains("the split is"), "{error}");
    }
    for name in ["train", "train", "val", "val"] {
        place.add("a.mcap", &split(name)).expect("to export");
    }
    assert_eq!(
        splits(),
        serde_json::json!({ "train": "0:6", "val": "6:12" })
    );
    // A split is one range, so the first one cannot go on behind the second.
    let error = place.add("a.mcap", &split("train")).expect_err("an error");
    assert!(
        error
            .to_string()
            .contains(r#"whose split train has the episodes "0:6" of 12"#),
        "{error}"
    );
    place.add("a.mcap", &split("test")).expect("to export");
    assert_eq!(
        splits(),
        serde_json::json!({ "test": "12:15", "train": "0:6", "val": "6:12" })
    );
    place.read();
}
