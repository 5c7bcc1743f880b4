//! Pictures of recordings. Each is left in target/tmp/plots/ to be looked at.

mod fixture;

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;

use fixture::{START, layout, motion, run_end};
use kilohertz_record::entry::{CommandKind, Cycle, Entry, Level, Note, OwnedCycle, Phases};
use kilohertz_record::error::RecordErrorCode;
use kilohertz_record::plot::{Drawing, PlotOptions, Scheme, plot, plot_into};
use kilohertz_record::run::Run;
use kilohertz_record::writer::{RunWriter, WriterOptions};

/// Draws a file and leaves the picture.
fn draw(path: &Path, name: &str, options: &PlotOptions) -> String {
    let Drawing { page, .. } =
        plot(path, options, |_| ControlFlow::Continue(())).expect("a picture");
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

/// Checks that every place on a page is a number.
fn check_places(page: &str) {
    for attribute in ["d", "x", "y", "width", "height", "viewBox"] {
        for rest in page.split(&format!(" {attribute}=\"")).skip(1) {
            let (data, _) = rest.split_once('"').expect("its end");
            let is_place = |char: char| char.is_ascii_digit() || " .-Mlhvaz".contains(char);
            assert!(data.chars().all(is_place), "{attribute}: {data}");
        }
    }
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

/// The number of the first panel among the lines of a class, of which the first is in the legend.
const PANEL: usize = 1;

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

/// Checks that every element of a page is closed, and that there is none which a text could have brought.
fn check_elements(page: &str) {
    const KNOWN: [&str; 8] = ["svg", "title", "desc", "style", "rect", "g", "path", "text"];
    let mut open = Vec::new();
    for piece in page.split('<').skip(1) {
        let (tag, text) = piece.split_once('>').expect("a tag ends");
        let name = tag.split([' ', '/']).next().expect("a name");
        if let Some(closed) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(closed), "{piece}");
            continue;
        }
        assert!(KNOWN.contains(&name), "{piece}");
        for (place, _) in text.match_indices('&') {
            let is_escape = ["&amp;", "&lt;", "&gt;", "&quot;", "&#39;"]
                .iter()
                .any(|escape| text[place..].starts_with(escape));
            assert!(is_escape, "{piece}");
        }
        if !tag.ends_with('/') {
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
    check_elements(&page);
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
        "12.000 s, 11",
        "cycles of 1.00 ms",
        "65 ms missed",
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

/// Runs of one joint, `q` and what it is commanded.
fn one_joint() -> Run {
    Run {
        state: layout(&[("q", 1, "rad")]),
        action: layout(&[("q", 1, "rad")]),
        answer: layout(&[("q", 1, "rad")]),
        ..fixture::run()
    }
}

#[test]
fn the_shortest_extremes_of_a_long_run_are_drawn() {
    let run = one_joint();
    let mut cycles: Vec<OwnedCycle> = (0..300_000).map(|tick| still(&run, tick)).collect();
    cycles[123_456].state[0] = 1.0;
    cycles[234_567].state[0] = -1.0;
    cycles[234_568].kind = CommandKind::Held;
    let page = draw_run("extremes", &run, &cycles);
    let reported = lines(paths(&page, "reported-line")[PANEL]);
    let [line] = &reported[..] else {
        panic!("there is no gap: {} lines", reported.len());
    };
    assert!(
        line.len() < 2000,
        "a pixel has two places at most: {}",
        line.len()
    );
    let zero = line[0].1;
    let places = |is_there: &dyn Fn(f64) -> bool| -> Vec<f64> {
        let found = line.iter().filter(|(_, y)| is_there(*y));
        found.map(|&(x, _)| x).collect()
    };
    let (up, down) = (places(&|y| y < zero - 15.0), places(&|y| y > zero + 15.0));
    assert_eq!((up.len(), down.len()), (1, 1), "one column has it");
    let seconds = |x: f64| (x - 180.0) / 800.0 * 300.0;
    assert!((seconds(up[0]) - 123.456).abs() < 0.5, "{up:?}");
    assert!((seconds(down[0]) - 234.567).abs() < 0.5, "{down:?}");
    assert_eq!(
        paths(&page, "warning").len(),
        1,
        "the one cycle that was held is seen"
    );
}

#[test]
fn a_gap_is_drawn_as_a_gap() {
    let run = one_joint();
    let mut cycles: Vec<OwnedCycle> = (0..200)
        .chain(240..400)
        .map(|tick| still(&run, tick))
        .collect();
    cycles[200].missed_ms = 40;
    // A value that is no number is left out of its line, and only of that.
    cycles[300].command[0] = f64::NAN;
    cycles[301].command[0] = 1e300;
    let page = draw_run("gap", &run, &cycles);
    let lengths = |class: &str| -> Vec<usize> {
        let line = lines(paths(&page, class)[PANEL]);
        line.iter().map(|line| line.len()).collect()
    };
    assert_eq!(lengths("reported-line"), [200, 160]);
    assert_eq!(lengths("commanded-line"), [200, 100, 58]);
    assert!(page.contains("2 values are not finite numbers, or too large, and are not drawn."));
    assert!(page.contains("40 ms missed"));
}

#[test]
fn what_a_file_says_stays_text() {
    let evil = "</text><script>alert('1')</script><image href=\"x\"/>&\u{0}\u{202e}".repeat(200);
    let mut run = one_joint();
    run.state = layout(&[("q", 1, "rad"), (&evil, 1, &evil)]);
    run.action = layout(&[(&evil, 1, &evil)]);
    run.robot = serde_json::json!({ "model": &evil });
    run.options = serde_json::json!({ "control": &evil });
    let mut cycles: Vec<OwnedCycle> = (0..2_000).map(|tick| still(&run, tick)).collect();
    for (index, cycle) in cycles.iter_mut().enumerate() {
        cycle.notes.push(Note {
            level: Level::ALL[index % 3],
            name: format!("{index}{evil}"),
            text: evil.clone(),
        });
    }
    let page = draw_run("evil", &run, &cycles);
    check_elements(&page);
    assert!(!page.contains('\0') && !page.contains('\u{202e}'));
    assert!(page.contains("&lt;script&gt;"), "it is shown as what it is");
    assert!(page.len() < 100_000, "{} bytes", page.len());
    assert_eq!(count(&page, r#"<g class="events">"#), 10);
    assert!(page.contains("and 1\u{202f}990 of further names"));
}

#[test]
fn a_run_without_cycles_and_one_with_a_single_cycle_have_a_page() {
    let run = motion::run();
    let page = draw_run("empty", &run, &[]);
    check_elements(&page);
    assert!(page.contains(">no cycles<"));
    assert_eq!(count(&page, "<path"), 0);

    let page = draw_run("single", &run, &[still(&run, 7)]);
    check_elements(&page);
    assert_eq!(count(&page, r#"<g class="panel">"#), 14);
    let dots = paths(&page, "commanded-line");
    assert!(
        dots.iter()
            .all(|data| lines(data)[0].len() == 1 || data.ends_with('0'))
    );
    assert!(page.contains("no two cycles follow each other"));
    for page in [
        &page,
        &draw_run("single-late", &run, &[still(&run, 1 << 40)]),
    ] {
        for class in ["grid-line", "reported-line", "bar", "text-line"] {
            for data in paths(page, class) {
                let is_place = |char: char| char.is_ascii_digit() || " .-MlhvzZ".contains(char);
                assert!(
                    data.chars().all(is_place),
                    "every place is a number: {data}"
                );
            }
        }
    }
}

#[test]
fn a_page_says_why_the_run_ended() {
    let folder = tempfile::tempdir().expect("a folder");
    let run = one_joint();
    let long = "<b>too far</b> ".repeat(4_000);
    let silent = "The file does not tell why the run ended.";
    for (name, code, text, says) in [
        ("end-none", None, "", silent),
        (
            "end-asked",
            Some(""),
            "stop() was called",
            "Ended: stop() was called",
        ),
        (
            "end-error",
            Some("ACTION_LIMIT"),
            "action 30 refused",
            "Ended with ACTION_LIMIT: action 30 refused",
        ),
        (
            "end-long",
            Some("POLICY_THREW"),
            &long,
            "Ended with POLICY_THREW: &lt;b&gt;too far",
        ),
    ] {
        let path = folder.path().join(name);
        let mut writer =
            RunWriter::create(&path, run.clone(), &WriterOptions::default()).expect("a file");
        for tick in 0..50 {
            let cycle = still(&run, tick);
            writer.write(&Entry::Cycle(cycle.lend())).expect("to write");
        }
        if let Some(code) = code {
            let end = run_end(49, code, text);
            writer.write(&Entry::End(&end)).expect("to write");
        }
        writer.finish().expect("to finish");
        // Also where only the begin of the run is drawn.
        let options = PlotOptions {
            to_s: 0.01,
            ..PlotOptions::default()
        };
        for page in [
            draw(&path, name, &options),
            draw(&path, name, &PlotOptions::default()),
        ] {
            check_elements(&page);
            assert!(page.contains(&format!(">{says}")), "{name}");
            assert_eq!(page.contains(silent), code.is_none(), "{name}");
            assert!(page.len() < 40_000, "{name}: {} bytes", page.len());
        }
    }
}

#[test]
fn wild_numbers_of_a_file_have_a_place_on_the_page() {
    for period_s in [1e-320, 0.001, 1e300] {
        let run = Run {
            period_s,
            ..one_joint()
        };
        let mut cycles: Vec<OwnedCycle> = (0..8).map(|tick| still(&run, tick)).collect();
        let times = [0.0, 1e300, -1e300, f64::MAX, f64::MIN, 0.001, 1e-320, 5.0];
        for (cycle, time_s) in cycles.iter_mut().zip(times) {
            cycle.robot_time_s = time_s;
            cycle.state[0] = time_s.clamp(-1e15, 1e15);
            cycle.command[0] = time_s;
            cycle.phases.asked_s = Some(-time_s);
            cycle.phases.answered_s = Some(time_s);
            cycle.missed_ms = u32::MAX;
            cycle.lost_before = u64::MAX;
            cycle.monotonic_ns = if time_s > 1.0 { u64::MAX } else { 0 };
            cycle.answer = Some(kilohertz_record::entry::OwnedAnswer {
                tick: cycle.tick,
                time_s,
                step_s: time_s,
                actions: vec![time_s],
                told: None,
            });
        }
        let page = draw_run(&format!("wild-{period_s:e}"), &run, &cycles);
        check_elements(&page);
        check_places(&page);
    }
}

#[test]
fn each_control_mode_is_drawn_beside_what_it_moves() {
    let torques = [("tau_J", 7, "N m")];
    for (action, panels, words) in [
        (
            &[("dq", 7, "rad/s")][..],
            14,
            &["reported dq", ">rad/s<", "reported tau_J"][..],
        ),
        (
            &[("O_T_EE", 16, "m")],
            10,
            &["reported O_T_EE", ">z<", "reported tau_J"],
        ),
        (
            &[("O_dP_EE", 6, "m/s, rad/s")],
            13,
            &["reported O_dP_EE_d", ">m/s<", ">about z<", ">rad/s<"],
        ),
        (
            &torques,
            14,
            &["reported tau_J", "reported tau_ext_hat_filtered"],
        ),
        (
            &[("q", 7, "rad"), torques[0]],
            14,
            &["commanded q", "reported tau_J", "commanded tau_J"],
        ),
    ] {
        let run = Run {
            action: layout(action),
            answer: layout(action),
            ..fixture::run()
        };
        let cycles: Vec<OwnedCycle> = (0..50).map(|tick| still(&run, tick)).collect();
        let page = draw_run(
            &format!("mode-{}-{}", action.len(), action[0].0),
            &run,
            &cycles,
        );
        assert_eq!(count(&page, r#"<g class="panel">"#), panels, "{action:?}");
        for words in words {
            assert!(page.contains(words), "{action:?}: {words}");
        }
    }
}

#[test]
fn other_robots_are_drawn_by_their_first_fields() {
    let with = |state: &[(&str, usize, &str)], action: &[(&str, usize, &str)]| {
        let run = Run {
            state: layout(state),
            action: layout(action),
            answer: layout(action),
            ..fixture::run()
        };
        let cycles: Vec<OwnedCycle> = (0..50).map(|tick| still(&run, tick)).collect();
        let names = format!("fields-{}-{}", state.len(), action.len());
        draw_run(&names, &run, &cycles)
    };
    let panels = |page: &str| count(page, r#"<g class="panel">"#);
    // Nothing that is alike: both are drawn, each by itself.
    let page = with(&[("place", 2, "m"), ("heat", 1, "K")], &[("force", 2, "N")]);
    assert_eq!(panels(&page), 5);
    for label in ["place[0]", "heat", "force[1]", ">State<", ">Commands<"] {
        assert!(page.contains(label), "{label}");
    }
    // More than a page has room for.
    let page = with(&[("a", 1, ""), ("b", 60_000, "")], &[]);
    assert_eq!(panels(&page), 16);
    assert!(page.contains("59985 more slots are not drawn"));
    // Poses by their place; a field with the same unit where none has the same name.
    let page = with(
        &[("x", 1, ""), ("O_T_EE", 16, "m"), ("y", 1, "")],
        &[("O_T_EE", 16, "m")],
    );
    assert_eq!(panels(&page), 3);
    let page = with(
        &[("angle", 2, "rad")],
        &[("target", 2, "rad"), ("more", 1, "")],
    );
    assert_eq!(panels(&page), 2);
    assert!(page.contains("reported angle") && page.contains("commanded target"));
    assert_eq!(panels(&with(&[], &[])), 0);
}

#[test]
fn the_gripper_of_the_answers_has_a_panel() {
    let run = fixture::run_with_gripper();
    let mut cycles: Vec<OwnedCycle> = (0..50).map(|tick| still(&run, tick)).collect();
    let panels = count(
        &draw_run("gripper-none", &run, &cycles),
        r#"<g class="panel">"#,
    );
    for (cycle, first) in cycles
        .iter_mut()
        .step_by(10)
        .zip([0.0, 0.02, 0.04, 0.02, 0.0])
    {
        cycle.answer = Some(kilohertz_record::entry::OwnedAnswer {
            tick: cycle.tick,
            time_s: cycle.robot_time_s,
            step_s: 0.1,
            actions: fixture::chunk_with_gripper(4, first),
            told: None,
        });
    }
    let page = draw_run("gripper", &run, &cycles);
    assert_eq!(count(&page, r#"<g class="panel">"#), panels);
    assert!(page.contains("Gripper") && page.contains("answered gripper"));
    let (_, after) = page.split_once(r#"Gripper, the"#).expect("its heading");
    // The first line of the class is in the legend.
    let line = &lines(paths(after, "commanded-line")[PANEL])[0];
    let heights: Vec<f64> = line.iter().map(|(_, y)| *y).collect();
    let highest = heights.iter().copied().fold(f64::INFINITY, f64::min);
    assert!(
        line.len() >= 5,
        "the line goes through all answers: {line:?}"
    );
    assert_eq!(heights.first(), heights.last(), "closed at both ends");
    assert!(highest < heights[0], "open in between");
}

#[test]
fn late_answers_are_measured_from_their_question() {
    let run = one_joint();
    let mut cycles: Vec<OwnedCycle> = (0..500).map(|tick| still(&run, tick)).collect();
    for (index, cycle) in cycles.iter_mut().enumerate() {
        cycle.phases.asked_s = index.is_multiple_of(10).then_some(100e-6);
        // The answer comes four cycles later, 50 us after its begin.
        if index % 10 == 4 {
            cycle.phases.answered_s = Some(150e-6);
            cycle.answer = Some(kilohertz_record::entry::OwnedAnswer {
                tick: index as u64 - 4,
                time_s: 0.0,
                step_s: 0.0,
                actions: vec![0.0],
                told: None,
            });
        }
    }
    let page = draw_run("answers", &run, &cycles);
    assert!(page.contains("p50 4.05 ms, p99 4.05 ms, max 4.05 ms"));
    assert!(page.contains("50 answers"));
    let marks = paths(&page, "bar-line");
    assert_eq!(lines(marks[0]).len(), 50);
}

#[test]
fn the_periods_of_cycles_that_follow_each_other_are_counted() {
    let run = one_joint();
    let mut cycles: Vec<OwnedCycle> = (0..1000).map(|tick| still(&run, tick)).collect();
    let late = &mut cycles[500];
    late.monotonic_ns += 400_000;
    // Before this one a cycle was lost: what passed is no period.
    cycles.remove(700);
    cycles[700].lost_before = 1;
    let page = draw_run("periods", &run, &cycles);
    let text =
        "p50 1\u{202f}000 µs, p99 1\u{202f}000 µs, max 1\u{202f}400 µs; nominal 1\u{202f}000 µs";
    assert!(page.contains(text), "the longest is that of the late cycle");
    assert!(page.contains("1 cycle not kept"));
}

#[test]
fn a_file_that_was_cut_off_is_drawn_up_to_there_and_a_damaged_one_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.mcap");
    fixture::record(&path, 1000);
    let bytes = fs::read(&path).expect("the file");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("to write");
    let page = draw(&path, "cut", &PlotOptions::default());
    assert!(page.contains("The recording was cut off here, or is still being written."));
    fs::write(&path, &bytes).expect("to write");
    let stop = |_| ControlFlow::Break(());
    let error = plot(&path, &PlotOptions::default(), stop).expect_err("an error");
    assert_eq!(error.code(), RecordErrorCode::Stopped);
    let mut wrong = bytes.clone();
    wrong[bytes.len() / 2] ^= 1;
    fs::write(&path, wrong).expect("to write");
    let error = plot(
        &path,
        &PlotOptions::default(),
        |_| ControlFlow::Continue(()),
    )
    .expect_err("an error");
    assert_eq!(error.code(), RecordErrorCode::Damaged);
    for (from_s, to_s) in [(2.0, 1.0), (1.0, 1.0), (f64::NAN, 1.0), (0.0, f64::NAN)] {
        let options = PlotOptions {
            from_s,
            to_s,
            ..PlotOptions::default()
        };
        let error = plot(&path, &options, |_| ControlFlow::Continue(())).expect_err("an error");
        assert_eq!(error.code(), RecordErrorCode::InvalidArgument);
    }
}

#[test]
fn a_time_without_a_cycle_is_refused_with_the_time_that_the_recording_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, into) = (
        folder.path().join("run.mcap"),
        folder.path().join("run.svg"),
    );
    fixture::record(&path, 1000);
    let (first, last) = (f64::NEG_INFINITY, f64::INFINITY);
    for (from_s, to_s, says) in [
        (5.0, 6.0, "is 5 s to 6 s"),
        (5.0, last, "is from 5 s on"),
        (first, -1.0, "is up to -1 s"),
    ] {
        let options = PlotOptions {
            from_s,
            to_s,
            ..PlotOptions::default()
        };
        let goes_on = |_| ControlFlow::Continue(());
        let error = plot_into(&into, &path, &options, goes_on).expect_err(says);
        assert_eq!(error.code(), RecordErrorCode::InvalidArgument);
        let text = error.to_string();
        assert!(text.contains(says), "{text}");
        assert!(
            text.contains("0 s to 0.999 s, which the recording has"),
            "{text}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).expect("the folder").count(), 1);
}

#[test]
fn a_page_is_written_once_it_is_drawn_and_replaces_no_file_that_was_made_meanwhile() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, into) = (
        folder.path().join("run.mcap"),
        folder.path().join("run.svg"),
    );
    fixture::record(&path, 1000);
    let options = PlotOptions::default();
    let names = || fs::read_dir(folder.path()).expect("the folder").count();
    let stop = |_| {
        assert_eq!(names(), 1, "nothing is left if the drawing is cut off here");
        ControlFlow::Break(())
    };
    plot_into(&into, &path, &options, stop).expect_err("an error");
    let other = |_| {
        fs::write(&into, "another page").expect("to write");
        ControlFlow::Continue(())
    };
    let error = plot_into(&into, &path, &options, other).expect_err("an error");
    assert_eq!(error.code(), RecordErrorCode::Io, "{error}");
    assert_eq!(fs::read_to_string(&into).expect("the page"), "another page");
    assert_eq!(names(), 2);
    let read = |_| -> ControlFlow<()> { panic!("it is told before the recording is read") };
    plot_into(&into, &path, &options, read).expect_err("an error");
}
