//! The page: its title, why the run ended, its charts, and at its foot how even the cycles were and what the events
//! said.

use serde_json::Value as Json;

use crate::plot::charts::{answers, commands, events, group, mark};
use crate::plot::gathered::{Gathered, kinds};
use crate::plot::sheet::{AXIS, MARGIN, PLAIN, QUIET, Set, Sheet, WIDTH};
use crate::plot::svg::{PathData, Scheme, grouped, style, tick_text, ticks, time_text};
use crate::run::Run;

/// The most characters of a name in the title.
const NAME: usize = 40;
/// How many bars show the periods of cycles.
const BARS: usize = 64;
/// How wide the chart of periods is.
const PERIODS: f64 = 320.0;
/// Where the words of events begin, and how many characters a line of them has.
const WORDS: f64 = 440.0;
const LINE: usize = 92;
/// How many characters a line at the top has, and how many the words that say why the run ended.
const TOP_LINE: usize = 170;
const MOST_OF_END: usize = 600;

/// Returns the page of a run.
pub(crate) fn page(run: &Run, gathered: &Gathered, is_whole: bool, scheme: Scheme) -> String {
    let time = gathered.time.as_ref();
    let mut sheet = Sheet::new(time);
    let title = title(run);
    let lines = summary(run, gathered, is_whole);
    let end = end_text(gathered);
    sheet.y = 32.0;
    let set = Set {
        size: 17.0,
        ..PLAIN
    };
    sheet.text(MARGIN, sheet.y, set, &title, 2 * NAME + 8);
    sheet.y += 2.0;
    for line in &lines {
        sheet.y += 16.0;
        sheet.text(MARGIN, sheet.y, QUIET, line, 180);
    }
    let mut rest = &*end;
    while !rest.is_empty() {
        let (line, more) = broken(rest, TOP_LINE);
        sheet.y += 16.0;
        sheet.text(MARGIN, sheet.y, PLAIN, line, TOP_LINE);
        rest = more;
    }
    if let Some(time) = time {
        commands(&mut sheet, time, gathered);
        answers(&mut sheet, time, gathered, deadline_s(run));
        events(&mut sheet, time, gathered);
        sheet.time_axis();
        for one in &gathered.groups {
            group(&mut sheet, time, gathered, one);
        }
        sheet.time_axis();
        foot(&mut sheet, run, gathered);
    }
    let all: Vec<&str> = lines.iter().map(String::as_str).chain([&*end]).collect();
    sheet.finish(&style(scheme), &title, &all.join(". "))
}

/// Returns why the run ended, in words.
fn end_text(gathered: &Gathered) -> String {
    let Some(end) = &gathered.end else {
        return "The file does not tell why the run ended.".to_owned();
    };
    let why = match &*end.code {
        "" => format!("Ended: {}", end.text),
        code => format!("Ended with {code}: {}", end.text),
    };
    let mut shown: String = why.chars().take(MOST_OF_END).collect();
    if shown.len() < why.len() {
        shown.push('…');
    }
    shown
}

/// Returns the first text that is found at one of these places.
fn text_at<'a>(json: &'a Json, places: &[&str]) -> Option<&'a str> {
    places
        .iter()
        .find_map(|place| json.pointer(place)?.as_str())
        .filter(|text| !text.trim().is_empty())
}

/// Returns the robot and how it was controlled.
fn title(run: &Run) -> String {
    let cut = |text: &str| -> String {
        let mut short: String = text.chars().take(NAME).collect();
        if short.len() < text.len() {
            short.push('…');
        }
        short
    };
    let robot = text_at(&run.robot, &["/model", "/name"]).unwrap_or("robot");
    let fields = || -> String {
        let names = run.action.fields().iter().map(|field| &*field.name);
        names.take(4).collect::<Vec<_>>().join(", ")
    };
    let control = text_at(&run.options, &["/control"])
        .or_else(|| text_at(&run.robot, &["/control", "/settings/control"]))
        .map_or_else(fields, str::to_owned);
    match control.is_empty() {
        true => cut(robot),
        false => format!("{}, {}", cut(robot), cut(&control)),
    }
}

fn deadline_s(run: &Run) -> Option<f64> {
    let deadline = run.options.get("deadlineS")?.as_f64()?;
    (1e-6..3600.0).contains(&deadline).then_some(deadline)
}

/// Returns what the page says in words.
fn summary(run: &Run, gathered: &Gathered, is_whole: bool) -> Vec<String> {
    let mut lines = Vec::new();
    match &gathered.time {
        None => lines.push("no cycles".to_owned()),
        Some(time) => {
            let mut counts = [0_u64; 4];
            for (_, column) in gathered.kinds.on_pixels(time, WIDTH) {
                for (sum, count) in counts.iter_mut().zip(column) {
                    *sum += count;
                }
            }
            let parts: Vec<String> = kinds()
                .map(|(kind, name)| {
                    let part = 100.0 * counts[kind] as f64 / gathered.cycles as f64;
                    match counts[kind] {
                        0 => format!("no {name}"),
                        count if part < 0.1 => format!("{} {name}", grouped(count)),
                        _ => format!("{part:.1} % {name}"),
                    }
                })
                .collect();
            lines.push(format!(
                "{} s, {} of {}: {}",
                tick_text(time.length_s(), 0.001),
                counted(gathered.cycles, "cycle"),
                time_text((run.period_s * 1e9) as u64),
                parts.join(", ")
            ));
            lines.push(format!(
                "{} ms missed, {} not kept, {}",
                grouped(gathered.missed_ms),
                counted(gathered.lost, "cycle"),
                counted(gathered.answers, "answer")
            ));
        }
    }
    if !is_whole {
        lines.push("The recording was cut off here, or is still being written.".to_owned());
    }
    if gathered.not_drawn > 0 {
        lines.push(format!(
            "{} values are not finite numbers, or too large, and are not drawn.",
            grouped(gathered.not_drawn)
        ));
    }
    lines
}

/// Returns a number of things in words.
fn counted(count: u64, thing: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{} {thing}{end}", grouped(count))
}

/// Draws the periods of the cycles, and beside them what the events said.
fn foot(sheet: &mut Sheet, run: &Run, gathered: &Gathered) {
    let top = sheet.y;
    periods(sheet, run, gathered);
    let bottom = sheet.y;
    sheet.y = top;
    words(sheet, gathered);
    sheet.y = sheet.y.max(bottom);
}

/// Draws how many cycles had which period, on a logarithmic scale, so that a single one is seen.
fn periods(sheet: &mut Sheet, run: &Run, gathered: &Gathered) {
    let histogram = &gathered.period_ns;
    let nominal = (run.period_s * 1e9).min(1e18) as u64;
    let (unit, name) = if nominal < 1_000_000 {
        (1e3, "µs")
    } else {
        (1e6, "ms")
    };
    sheet.heading(&format!(
        "Period of the cycles on the host’s clock [{name}]"
    ));
    if histogram.is_empty() {
        sheet.y += 12.0;
        sheet.text(
            MARGIN,
            sheet.y,
            QUIET,
            "no two cycles follow each other",
            60,
        );
        return;
    }
    // A histogram tells the end of a step, which would make every cycle look a bit late.
    let middle_of = |ns: u64| histogram.median_equivalent(ns);
    let p50 = middle_of(histogram.value_at_quantile(0.5));
    let p99 = middle_of(histogram.value_at_quantile(0.99));
    sheet.y += 6.0;
    let told = format!(
        "p50 {}, p99 {}, max {}; nominal {}",
        period_text(p50),
        period_text(p99),
        period_text(gathered.longest_period_ns),
        period_text(nominal)
    );
    sheet.text(MARGIN, sheet.y, QUIET, &told, 90);
    sheet.y += 14.0;
    let (left, height) = (MARGIN + 40.0, 110.0);
    // What few cycles have is gathered in the outer bars, so that the others can be told apart.
    let low = histogram.value_at_quantile(0.005).min(nominal) as f64;
    let high = histogram.value_at_quantile(0.995).max(nominal) as f64;
    let room = ((high - low) * 0.15).max(nominal as f64 * 0.05).max(1.0);
    let (low, high) = ((low - room).max(0.0), high + room);
    let mut bars = [0_u64; BARS];
    for step in histogram.iter_recorded() {
        let part = (middle_of(step.value_iterated_to()) as f64 - low) / (high - low);
        let bar = ((part * BARS as f64).max(0.0) as usize).min(BARS - 1);
        bars[bar] += step.count_at_value();
    }
    let most = bars.iter().copied().max().unwrap_or(1) as f64;
    let decades = (most.log10().floor() as i32 + 1).max(1);
    let bottom = sheet.y + height;
    let rises = |count: f64| (count.log10() + 0.3) / (f64::from(decades) + 0.3) * height;
    sheet.open("periods");
    let mut grid = PathData::default();
    for decade in (0..=decades).step_by(if decades > 4 { 2 } else { 1 }) {
        let count = 10_f64.powi(decade);
        let y = bottom - rises(count);
        grid.begin(left, y);
        grid.go(left + PERIODS, y);
        sheet.text(left - 6.0, y + 3.0, AXIS, &grouped(count as u64), 12);
    }
    sheet.line(&grid, "grid", 0.6, "");
    let mut path = PathData::default();
    let width = PERIODS / BARS as f64;
    for (bar, &count) in bars.iter().enumerate().filter(|&(_, &count)| count > 0) {
        let height = rises(count as f64);
        let x = left + bar as f64 * width;
        path.bar(x + 0.4, bottom - height, width - 0.8, height);
    }
    sheet.shape(&path, "bar", "");
    let place = |ns: f64| left + ((ns - low) / (high - low)).clamp(0.0, 1.0) * PERIODS;
    for (ns, class, more) in [
        (nominal, "text", r#" stroke-dasharray="2 3""#),
        (p50, "commanded", ""),
        (p99, "reported", ""),
    ] {
        let mut line = PathData::default();
        line.begin(place(ns as f64), sheet.y - 2.0);
        line.go(place(ns as f64), bottom);
        sheet.line(&line, class, 1.2, more);
    }
    let middle = Set {
        anchor: "middle",
        ..AXIS
    };
    let values = ticks(low / unit, high / unit, 5.0);
    let step = match values[..] {
        [one, other, ..] => other - one,
        _ => 1.0,
    };
    for value in values {
        let text = tick_text(value, step);
        sheet.text(place(value * unit), bottom + 12.0, middle, &text, 12);
    }
    sheet.close();
    sheet.y = bottom + 30.0;
    let words = "dotted: nominal; lines: p50 and p99; the outer bars hold what is beyond";
    sheet.text(MARGIN, sheet.y - 4.0, Set { size: 9.0, ..QUIET }, words, 80);
}

/// Returns a period, with its microseconds where they matter.
fn period_text(ns: u64) -> String {
    match ns {
        ns if ns < 100_000_000 => format!("{} µs", grouped((ns + 500) / 1000)),
        ns => time_text(ns),
    }
}

/// Writes the first text of each name of events, the gravest first.
fn words(sheet: &mut Sheet, gathered: &Gathered) {
    if gathered.noted.is_empty() {
        return;
    }
    let left = WORDS;
    sheet.y += 24.0;
    let set = Set {
        size: 12.0,
        ..PLAIN
    };
    sheet.text(left, sheet.y, set, "What the first of each said", 60);
    let mut noted: Vec<_> = gathered.noted.iter().collect();
    noted.sort_by_key(|noted| std::cmp::Reverse(noted.level as u8));
    for noted in noted {
        sheet.y += 17.0;
        let mut path = PathData::default();
        mark(&mut path, noted.level, left + 5.0, sheet.y - 4.0);
        sheet.shape(&path, noted.level.as_str(), "");
        let at = tick_text(noted.first_s, 0.001);
        let said = format!("{at} s, {}: {}", noted.name, noted.text);
        let set = Set {
            size: 10.0,
            ..QUIET
        };
        let (first, more) = broken(&said, LINE);
        sheet.text(left + 16.0, sheet.y, set, first, LINE);
        if !more.is_empty() {
            sheet.y += 12.0;
            sheet.text(left + 16.0, sheet.y, set, more, LINE);
        }
    }
}

/// Breaks a text that is longer than a line of so many characters, at a space if there is one.
fn broken(text: &str, line: usize) -> (&str, &str) {
    let Some((end, _)) = text.char_indices().nth(line) else {
        return (text, "");
    };
    match text[..end].rfind(' ') {
        Some(space) => (&text[..space], &text[space + 1..]),
        None => text.split_at(end),
    }
}
