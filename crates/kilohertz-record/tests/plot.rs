//! Pictures of recordings. Each is left in target/tmp/plots/ to be looked at.

mod fixture;

use std::fs;
use std::path::Path;

use fixture::{Arm, START, layout, motion};
use kilohertz_record::entry::{CommandKind, Cycle, Entry, Level, Note, OwnedCycle, Phases};
use kilohertz_record::error::RecordErrorCode;
use kilohertz_record::plot::{PlotOptions, Scheme, plot};
use kilohertz_record::run::Run;
use kilohertz_record::writer::{RunWriter, WriterOptions};

/// Draws a file and leaves the picture.
fn draw(path: &Path, name: &str, options: &PlotOptions) -> String {
    let page = plot(path, options, |_| {}).expect("a picture");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("plots");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join(name).with_extension("svg"), &page).expect("to write");
    page
}

/// Draws a run of these cycles.
fn draw_run(name: &str, run: &Run, cycles: &[OwnedCycle]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    let mut writer =
        RunWriter::create(&path, run.clone(), &WriterOptions::default()).expect("a file");
    for cycle in cycles {
        writer.write(&Entry::Cycle(cycle.lend())).expect("to write");
    }
    writer.finish().expect("to finish");
    draw(&path, name, &PlotOptions::default())
}

/// A cycle in which nothing happens.
fn still(run: &Run, tick: u64) -> OwnedCycle {
    let (state, command) = (vec![0.0; run.state.len()], vec![0.0; run.action.len()]);
    fixture::owned(&Cycle {
        tick,
        robot_time_s: tick as f64 / 1000.0,
        monotonic_ns: START.monotonic_ns + tick * 1_000_000,
        wall_ns: START.wall_ns + tick * 1_000_000,
        missed_ms: 0,
        lost_before: 0,
        kind: CommandKind::Fresh,
        phases: Phases::default(),
        state: &state,
        command: &command,
        answer: None,
        notes: &[],
    })
}

fn count(page: &str, what: &str) -> usize {
    page.matches(what).count()
}

/// Returns the data of the paths of a class.
fn paths<'a>(page: &'a str, class: &str) -> Vec<&'a str> {
    let begin = format!("<path class=\"{class}\"");
    let after = page.split(&begin).skip(1);
    after
        .map(|rest| {
            let (_, rest) = rest.split_once(" d=\"").expect("data");
            rest.split_once('"').expect("its end").0
        })
        .collect()
}

/// Returns the lines of a path, each as its places.
fn lines(data: &str) -> Vec<Vec<(f64, f64)>> {
    let mut lines = Vec::new();
    for part in data.split('M').skip(1) {
        let part = part.trim_end_matches("h0");
        let mut numbers = part
            .split([' ', 'l'])
            .map(|number| number.parse::<f64>().expect("a number"));
        let (mut x, mut y) = (0.0, 0.0);
        let mut line = Vec::new();
        while let (Some(dx), Some(dy)) = (numbers.next(), numbers.next()) {
            (x, y) = (x + dx, y + dy);
            line.push((x, y));
        }
        lines.push(line);
    }
    lines
}

/// Checks with Python's parser that a page is XML, if there is a Python.
fn check_xml(page: &str) {
    // A parser of its own would be a dependency for one line; these are the faults that escaping leaves.
    let mut open = Vec::new();
    for piece in page.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        assert!(!text.contains('&') || text.contains(';'), "{text}");
        let name = tag.split([' ', '/']).next().expect("a name");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{piece}");
        } else if !tag.ends_with('/') {
            open.push(name);
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn a_page_shows_all_of_a_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    motion::record(&path, 12_000);
    let page = draw(&path, "run", &PlotOptions::default());
    check_xml(&page);
    assert_eq!(
        count(&page, r#"<g class="panel">"#),
        14,
        "joints and torques"
    );
    assert_eq!(paths(&page, "reported-line").len(), 7 + 7 + 1 + 2);
    assert_eq!(count(&page, r#"<g class="lane">"#), 5, "kinds and missed");
    assert_eq!(count(&page, r#"<g class="events">"#), 5);
    assert_eq!(count(&page, r#"<g class="answers">"#), 1);
    assert_eq!(count(&page, r#"<g class="periods">"#), 1);
    for words in [
        "fr3, jointPosition",
        "12 s, 11",
        "cycles of 1.00 ms",
        "64 ms missed",
        "deadline",
        "cartesian_reflex: the arm stopped",
        "p99",
        "prefers-color-scheme:dark",
        "color-scheme:light dark",
    ] {
        assert!(page.contains(words), "{words}");
    }
    for scheme in [Scheme::Light, Scheme::Dark] {
        let options = PlotOptions {
            scheme,
            ..PlotOptions::default()
        };
        let fixed = draw(&path, &format!("run-{}", scheme.as_str()), &options);
        assert!(!fixed.contains("@media"));
        assert!(fixed.contains(&format!("color-scheme:{}", scheme.as_str())));
    }
    let options = PlotOptions {
        from_s: 7.0,
        to_s: 7.25,
        ..PlotOptions::default()
    };
    let near = draw(&path, "near", &options);
    assert!(near.contains("60 ms missed"), "only what is in the time");
    assert_eq!(count(&near, r#"<g class="events">"#), 1);
}
