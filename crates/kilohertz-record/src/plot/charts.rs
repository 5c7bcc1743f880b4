//! The charts of a page over time: how commands came about, answers, events, and slots of states and
//! commands.

use crate::entry::{CommandKind, Level};
use crate::plot::fields::Group;
use crate::plot::gathered::{Gathered, kinds};
use crate::plot::lanes::{Lane, Span, Timeline};
use crate::plot::sheet::{AXIS, LABEL, LEFT, MARGIN, PLAIN, PLOT, QUIET, Set, Sheet};
use crate::plot::svg::{PathData, grouped, tick_text, ticks, time_text};

/// How high a lane is, and how far it is to the next.
const LANE: f64 = 12.0;
const LANE_STEP: f64 = 16.0;
/// The nearest that two marks of events are.
const MARK_STEP: f64 = 6.0;
/// The most characters of the name of a line.
const LEGEND: usize = 36;
/// How high all panels of a group are together, where there are many.
const GROUP: f64 = 420.0;

/// Draws a lane for each kind of command, and one for missed milliseconds. The height of a bar is the part of
/// the cycles of its column.
pub(crate) fn commands(sheet: &mut Sheet, time: &Timeline, run: &Gathered) {
    sheet.heading("How each command came about");
    let columns = run.kinds.on_pixels(time, PLOT);
    let width = bar_width(time);
    for (kind, name) in kinds() {
        let count: u64 = columns.iter().map(|(_, counts)| counts[kind]).sum();
        let bars = columns.iter().map(|(x, counts)| {
            let all: u64 = counts.iter().sum();
            (*x, counts[kind] as f64 / all.max(1) as f64)
        });
        let class = match CommandKind::ALL[kind] {
            CommandKind::Fresh => "bar",
            CommandKind::Followed => "commanded",
            CommandKind::Held | CommandKind::Rest => "warning",
        };
        lane(sheet, name, &grouped(count), class, width, bars);
    }
    let columns = run.missed.on_pixels(time, PLOT);
    let most = columns.iter().map(|&(_, missed)| missed).max().unwrap_or(0);
    let bars = columns
        .iter()
        .map(|&(x, missed)| (x, missed as f64 / most.max(1) as f64));
    let missed = format!("{} ms", grouped(run.missed_ms));
    lane(sheet, "missed", &missed, "error", width, bars);
}

/// Returns how wide the bar of a column is.
fn bar_width(time: &Timeline) -> f64 {
    (time.width_s / time.length_s() * PLOT).clamp(1.5, PLOT)
}

/// Draws a lane of bars, each from 0 to 1 high; one above 0 can be seen.
fn lane(
    sheet: &mut Sheet,
    label: &str,
    count: &str,
    class: &str,
    width: f64,
    bars: impl Iterator<Item = (f64, f64)>,
) {
    sheet.open("lane");
    sheet.time_grid(LANE_STEP);
    let bottom = sheet.y + LANE;
    sheet.text(MARGIN, bottom - 2.0, PLAIN, label, LABEL);
    sheet.text(LEFT - 6.0, bottom - 2.0, AXIS, count, LABEL);
    let mut path = PathData::default();
    let mut open: Option<(f64, f64, f64)> = None;
    let draw = |path: &mut PathData, (from, to, height): (f64, f64, f64)| {
        path.bar(LEFT + from, bottom - height, to - from, height);
    };
    for (x, part) in bars {
        let height = match part {
            part if part > 0.0 => (part * LANE).max(4.0),
            _ => 0.0,
        };
        let (from, to) = ((x - width / 2.0).max(0.0), (x + width / 2.0).min(PLOT));
        open = match open {
            // Bars that touch and are alike are one.
            Some((first, end, before)) if (before - height).abs() < 0.3 && from - end < 0.3 => {
                Some((first, to, before))
            }
            _ => {
                if let Some(bar) = open.filter(|bar| bar.2 > 0.0) {
                    draw(&mut path, bar);
                }
                Some((from, to, height))
            }
        };
    }
    if let Some(bar) = open.filter(|bar| bar.2 > 0.0) {
        draw(&mut path, bar);
    }
    sheet.shape(&path, class, "");
    sheet.close();
    sheet.y += LANE_STEP;
}

/// Draws how long the policy's answers took, on a logarithmic scale.
pub(crate) fn answers(sheet: &mut Sheet, time: &Timeline, run: &Gathered, deadline_s: Option<f64>) {
    if run.answering_ns.is_empty() {
        return;
    }
    let told = |quantile| time_text(run.answering_ns.value_at_quantile(quantile));
    let dashed = deadline_s
        .map(|seconds| format!("; dashed: deadline {}", time_text((seconds * 1e9) as u64)));
    sheet.heading(&format!(
        "Answers, from the question to their arrival: p50 {}, p99 {}, max {}{}",
        told(0.5),
        told(0.99),
        time_text(run.answering_ns.max()),
        dashed.unwrap_or_default()
    ));
    let columns = run.answering.on_pixels(time, PLOT);
    let deadline = deadline_s.map(|seconds| (seconds * 1e3).log10());
    let deadline = deadline.filter(|place| place.is_finite());
    let (low, high) = extremes(&columns).unwrap_or((0.0, 1.0));
    let low = deadline.map_or(low, |place| low.min(place)).floor();
    let high = deadline
        .map_or(high, |place| high.max(place))
        .ceil()
        .max(low + 1.0);
    let height = 54.0;
    let place = |value: f64| (value - low) / (high - low);
    let decades: Vec<(f64, String)> = ticks(low, high, 3.0)
        .into_iter()
        .filter(|decade| decade.fract() == 0.0)
        .map(|decade| (place(decade), time_text(10_f64.powf(decade + 6.0) as u64)))
        .collect();
    sheet.open("answers");
    sheet.time_grid(height);
    sheet.value_grid(height, &decades);
    let y = |value: f64| sheet.y + (1.0 - place(value)) * height;
    let mut path = PathData::default();
    for (x, span) in &columns {
        if let Some((low, high)) = span.extremes {
            path.begin(LEFT + x, y(low));
            path.go(LEFT + x, y(high));
            path.end();
        }
    }
    let mut dashes = PathData::default();
    if let Some(deadline) = deadline {
        dashes.begin(LEFT, y(deadline));
        dashes.go(LEFT + PLOT, y(deadline));
    }
    sheet.line(&path, "bar", 1.8, "");
    sheet.line(&dashes, "error", 1.0, r#" stroke-dasharray="5 4""#);
    sheet.close();
    sheet.y += height;
}

/// Draws a lane of marks for each name of violations and events. A level has a shape of its own.
pub(crate) fn events(sheet: &mut Sheet, time: &Timeline, run: &Gathered) {
    if run.noted.is_empty() {
        return;
    }
    let further = match run.noted_further {
        0 => String::new(),
        count => format!(", and {} of further names", grouped(count)),
    };
    sheet.heading(&format!("Events and violations{further}"));
    for noted in &run.noted {
        sheet.open("events");
        sheet.time_grid(LANE_STEP);
        let middle = sheet.y + LANE / 2.0;
        let set = Set {
            size: 10.0,
            ..PLAIN
        };
        sheet.text(MARGIN, middle + 4.0, set, &noted.name, LABEL);
        sheet.text(LEFT - 6.0, middle + 3.0, AXIS, &grouped(noted.count), LABEL);
        let mut path = PathData::default();
        let mut last = f64::NEG_INFINITY;
        for (x, count) in noted.lane.on_pixels(time, PLOT) {
            if count > 0 && x - last >= MARK_STEP {
                mark(&mut path, noted.level, LEFT + x, middle);
                last = x;
            }
        }
        sheet.shape(&path, noted.level.as_str(), "");
        sheet.close();
        sheet.y += LANE_STEP;
    }
}

/// Adds the mark of a level: a disc, a triangle, or a square on its corner.
pub(crate) fn mark(path: &mut PathData, level: Level, x: f64, y: f64) {
    match level {
        Level::Info => {
            path.begin(x - 3.0, y);
            path.raw("a3 3 0 1 0 6 0a3 3 0 1 0-6 0z");
        }
        Level::Warning => {
            path.begin(x, y - 4.5);
            path.raw("l4.5 8.5h-9z");
        }
        Level::Error => {
            path.begin(x, y - 5.5);
            path.raw("l5.5 5.5-5.5 5.5-5.5-5.5z");
        }
    }
}

/// Draws the panels of a group: the wider line is what the robot reported, the thin one what it was
/// commanded.
pub(crate) fn group(sheet: &mut Sheet, time: &Timeline, run: &Gathered, group: &Group) {
    let more = match group.left_out {
        0 => String::new(),
        count => format!(" ({count} more slots are not drawn)"),
    };
    sheet.heading(&format!("{}{more}", group.title));
    legend(sheet, group);
    let panels: Vec<Drawn> = group
        .panels
        .iter()
        .map(|panel| {
            let on_pixels = |lane: &Lane<Span>| lane.on_pixels(time, PLOT);
            Drawn {
                label: &panel.label,
                unit: &panel.unit,
                reported: panel
                    .reported
                    .and_then(|slot| run.reported(slot))
                    .map(on_pixels),
                // No panel has both.
                commanded: panel
                    .commanded
                    .and_then(|slot| run.commanded(slot))
                    .or_else(|| panel.answered.and_then(|slot| run.answered(slot)))
                    .map(on_pixels),
            }
        })
        .collect();
    let height = (GROUP / panels.len().max(1) as f64).clamp(30.0, 48.0);
    for panel in &panels {
        // A joint that rests is not blown up until its noise fills the panel.
        let alike = panels.iter().filter(|other| other.unit == panel.unit);
        let widest = alike.map(|other| other.size()).fold(0.0, f64::max);
        self::panel(sheet, panel, 0.05 * widest, height);
    }
}

/// A panel with its lines on pixels.
struct Drawn<'a> {
    label: &'a str,
    unit: &'a str,
    reported: Option<Vec<(f64, Span)>>,
    commanded: Option<Vec<(f64, Span)>>,
}

impl Drawn<'_> {
    fn extremes(&self) -> Option<(f64, f64)> {
        let lines = [&self.reported, &self.commanded].into_iter().flatten();
        let spans = lines.filter_map(|line| extremes(line));
        spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
    }

    fn size(&self) -> f64 {
        self.extremes().map_or(0.0, |(low, high)| high - low)
    }
}

fn extremes(columns: &[(f64, Span)]) -> Option<(f64, f64)> {
    let spans = columns.iter().filter_map(|(_, span)| span.extremes);
    spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
}

fn panel(sheet: &mut Sheet, panel: &Drawn<'_>, least: f64, height: f64) {
    let gap = 10.0;
    sheet.open("panel");
    sheet.time_grid(height + gap);
    let set = Set { size: 9.0, ..QUIET };
    sheet.text(
        MARGIN,
        sheet.y + height / 2.0,
        PLAIN,
        panel.label,
        LABEL - 5,
    );
    sheet.text(
        MARGIN,
        sheet.y + height / 2.0 + 11.0,
        set,
        panel.unit,
        LABEL - 5,
    );
    if let Some((low, high)) = panel.extremes() {
        let middle = low / 2.0 + high / 2.0;
        let half = match ((high - low) / 2.0).max(least / 2.0) {
            0.0 => (0.06 * middle.abs()).max(0.6),
            half => 1.08 * half.max(1e-9 * middle.abs()),
        };
        let (low, high) = (middle - half, middle + half);
        let place = |value: f64| ((value - low) / (high - low)).clamp(0.0, 1.0);
        let values = [3.0, 5.0, 9.0].map(|count| ticks(low, high, count));
        let values = values.into_iter().find(|values| values.len() > 1);
        let values = values.unwrap_or_default();
        let step = match values[..] {
            [one, other, ..] => other - one,
            _ => high - low,
        };
        let marks: Vec<(f64, String)> = values
            .iter()
            .map(|&value| (place(value), tick_text(value, step)))
            .collect();
        sheet.value_grid(height, &marks);
        let top = sheet.y;
        let y = |value: f64| top + (1.0 - place(value)) * height;
        if let Some(columns) = &panel.reported {
            // A line alone needs no width to be told apart.
            let width = if panel.commanded.is_some() { 2.6 } else { 1.4 };
            sheet.line(&line(columns, y), "reported", width, "");
        }
        if let Some(columns) = &panel.commanded {
            sheet.line(&line(columns, y), "commanded", 1.0, "");
        }
    }
    sheet.close();
    sheet.y += height + gap;
}

/// Returns the line through columns, which has a gap where something is missing.
fn line(columns: &[(f64, Span)], y: impl Fn(f64) -> f64) -> PathData {
    let mut path = PathData::default();
    let mut is_open = false;
    for (x, span) in columns {
        let Some([first, last]) = span.in_order() else {
            continue;
        };
        if !is_open || span.is_after_gap {
            path.end();
            path.begin(LEFT + x, y(first));
            is_open = true;
        } else {
            path.go(LEFT + x, y(first));
        }
        path.go(LEFT + x, y(last));
    }
    path.end();
    path
}

/// Draws which line is which, at the end of the heading's line.
fn legend(sheet: &mut Sheet, group: &Group) {
    let mut x = LEFT + PLOT;
    let y = sheet.y - 8.0;
    for (class, verb, name, width) in [
        ("commanded", "answered", &group.answered, 1.0),
        ("commanded", "commanded", &group.commanded, 1.0),
        ("reported", "reported", &group.reported, 2.6),
    ] {
        if name.is_empty() {
            continue;
        }
        let mut path = PathData::default();
        path.begin(x - 22.0, y - 4.0);
        path.go(x, y - 4.0);
        sheet.line(&path, class, width, "");
        let text = format!("{verb} {name}");
        let set = Set {
            anchor: "end",
            ..QUIET
        };
        sheet.text(x - 28.0, y, set, &text, LEGEND);
        // Fonts differ; this is the width of a wide one.
        x -= 28.0 + text.chars().count().min(LEGEND + 1) as f64 * 7.0 + 14.0;
    }
}
