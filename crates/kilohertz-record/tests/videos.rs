//! Data sets whose images are videos.

mod fixture;

use std::path::Path;

use fixture::place::{Place, files};
use fixture::{Arm, mark, options, run, sample};
use kilohertz_record::entry::{Entry, Pixels, Value};
use kilohertz_record::error::RecordErrorCode;
use kilohertz_record::export::lerobot::{DataSetOptions, Images};
use kilohertz_record::writer::RunWriter;

/// Writes 1 s with two episodes, and 20 images of one colour each.
fn filmed(path: &Path, (width, height): (u32, u32)) {
    let mut writer = RunWriter::create(path, run(), &options()).expect("a file");
    let mut arm = Arm::new();
    for tick in 0..1000_u64 {
        let time_s = tick as f64 / 1000.0;
        if tick % 500 == 0 {
            let mark = mark((tick / 500) as u32, time_s, "look", None);
            writer.write(&Entry::Episode(&mark)).expect("to write");
        }
        if tick % 50 == 0 {
            let value = Value::RawImage {
                width,
                height,
                pixels: Pixels::Rgb8,
                data: vec![(tick / 5) as u8; (3 * width * height) as usize],
            };
            let picture = sample("camera/wrist", time_s, value);
            writer.write(&Entry::Sample(&picture)).expect("to write");
        }
        writer
            .write(&Entry::Cycle(arm.cycle(tick)))
            .expect("to write");
    }
    writer.finish().expect("to finish");
}

fn video(encoder: &Path) -> DataSetOptions {
    DataSetOptions {
        fps: 20,
        cameras: vec!["camera/wrist".to_owned()],
        images: Images::Video {
            encoder: encoder.to_owned(),
        },
        ..DataSetOptions::default()
    }
}

#[test]
fn images_are_a_video_whose_frames_have_their_times_and_colours() {
    let Some(encoder) = fixture::python::run("encoder.py", &[]) else {
        return;
    };
    let options = video(Path::new(encoder.trim()));
    let place = Place::new();
    filmed(&place.run("a.mcap"), (64, 48));
    for _ in 0..2 {
        let added = place.add("a.mcap", &options).expect("to export");
        assert_eq!((added.frames, added.episodes), (20, 2));
    }
    let name = "observation.images.camera.wrist";
    let videos = files(&place.set().join("videos"));
    assert_eq!(videos.len(), 2, "one of each run: {videos:?}");
    let read = place.read().expect("the packages, as encoder.py has them");
    assert_eq!(read["info"]["features"][name]["dtype"], "video");
    for episode in 0..4 {
        for frame in 0..10 {
            let expected = ((episode % 2) * 10 + frame) as f64 * 10.0;
            let found = read["colours"][name][episode][frame][1].as_f64();
            let off = found.expect("a colour") - expected;
            assert!(off.abs() < 5.0, "episode {episode}, frame {frame}: {off}");
        }
    }
    // Neither images of an odd size nor PNG go into it.
    filmed(&place.run("odd.mcap"), (63, 48));
    let before = files(&place.set()).len();
    let odd = place.add("odd.mcap", &options).expect_err("an error");
    assert!(
        odd.to_string().contains("an even height and width"),
        "{odd}"
    );
    let png = DataSetOptions {
        images: Images::Png,
        ..options
    };
    place.add("a.mcap", &png).expect_err("an error");
    assert_eq!(files(&place.set()).len(), before, "nothing is left beside");
}

#[test]
fn without_an_encoder_no_video_is_made_and_the_error_says_what_to_install() {
    let place = Place::new();
    filmed(&place.run("a.mcap"), (16, 8));
    let programs = [
        ("no-such-ffmpeg", "there is no such program on PATH"),
        ("true", "it has no encoder libx264"),
    ];
    for (program, says) in programs {
        let error = place
            .add("a.mcap", &video(Path::new(program)))
            .expect_err("an error");
        assert_eq!(error.code(), RecordErrorCode::NoEncoder);
        let text = error.to_string();
        assert!(
            text.contains(says) && text.contains("install ffmpeg"),
            "{text}"
        );
        assert!(!place.set().exists(), "nothing was begun");
    }
    let none = DataSetOptions {
        cameras: Vec::new(),
        ..video(Path::new("no-such-ffmpeg"))
    };
    place
        .add("a.mcap", &none)
        .expect("to export: there is no image");
}

#[test]
fn an_encoder_that_fails_on_the_way_is_told_and_leaves_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    filmed(&place.run("a.mcap"), (16, 8));
    let program = place.run("ffmpeg");
    let script = "#!/bin/sh\ncase \"$*\" in *encoder=*) echo Encoder libx264;; *) echo no space >&2; exit 3;; esac\n";
    std::fs::write(&program, script).expect("to write");
    let rights = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&program, rights).expect("the rights");
    let error = place.add("a.mcap", &video(&program)).expect_err("an error");
    assert_eq!(error.code(), RecordErrorCode::Io);
    assert!(error.to_string().contains("no space"), "{error}");
    assert!(!place.set().exists(), "nothing is left");
}
