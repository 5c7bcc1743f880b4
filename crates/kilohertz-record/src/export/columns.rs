//! The columns of a table of cycles.

use crate::entry::OwnedCycle;
use crate::error::RecordError;
use crate::layout::Layout;
use crate::run::Run;

/// What a column has in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// A whole number.
    Whole(u64),
    /// A number.
    Number(f64),
    /// A name.
    Name(&'static str),
    /// Nothing, as an answer in a cycle without one.
    Absent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Tick,
    RobotTime,
    Monotonic,
    Wall,
    Missed,
    LostBefore,
    Kind,
    Behind,
    Asked,
    Took,
    Gave,
    Answered,
    Judged,
    Decided,
    Sent,
    State(usize),
    Command(usize),
    AnswerTick,
    AnswerTime,
    /// A slot of the first action of the answer.
    Answer(usize),
}

/// The columns that every run has.
const FIXED: [(&str, Source); 17] = [
    ("tick", Source::Tick),
    ("robot_time_s", Source::RobotTime),
    ("monotonic_ns", Source::Monotonic),
    ("wall_ns", Source::Wall),
    ("missed_ms", Source::Missed),
    ("lost_before", Source::LostBefore),
    ("kind", Source::Kind),
    ("behind_s", Source::Behind),
    ("asked_s", Source::Asked),
    ("took_s", Source::Took),
    ("gave_s", Source::Gave),
    ("answered_s", Source::Answered),
    ("judged_s", Source::Judged),
    ("decided_s", Source::Decided),
    ("sent_s", Source::Sent),
    ("answer_tick", Source::AnswerTick),
    ("answer_time_s", Source::AnswerTime),
];

/// What the columns of a run's own fields begin with.
const GROUPS: [&str; 3] = ["state", "command", "answer"];

/// A column of a table of cycles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    name: String,
    source: Source,
}

impl Column {
    /// Returns the column's name, as in `tick` or `state.q[3]`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns true if the column has whole numbers, which fit into 63 bits.
    pub fn is_whole(&self) -> bool {
        use Source::{AnswerTick, LostBefore, Missed, Monotonic, Tick, Wall};
        matches!(
            self.source,
            Tick | Monotonic | Wall | Missed | LostBefore | AnswerTick
        )
    }

    /// Returns true if the column has names.
    pub fn is_name(&self) -> bool {
        self.source == Source::Kind
    }

    /// Returns what the column has for a cycle.
    pub fn cell(&self, cycle: &OwnedCycle) -> Cell {
        let number = |value: Option<f64>| value.map_or(Cell::Absent, Cell::Number);
        let answer = cycle.answer.as_ref();
        match self.source {
            Source::Tick => Cell::Whole(cycle.tick),
            Source::RobotTime => Cell::Number(cycle.robot_time_s),
            Source::Monotonic => Cell::Whole(cycle.monotonic_ns),
            Source::Wall => Cell::Whole(cycle.wall_ns),
            Source::Missed => Cell::Whole(u64::from(cycle.missed_ms)),
            Source::LostBefore => Cell::Whole(cycle.lost_before),
            Source::Kind => Cell::Name(cycle.kind.as_str()),
            Source::Behind => number(cycle.phases.behind_s),
            Source::Asked => number(cycle.phases.asked_s),
            Source::Took => number(cycle.phases.took_s),
            Source::Gave => number(cycle.phases.gave_s),
            Source::Answered => number(cycle.phases.answered_s),
            Source::Judged => number(cycle.phases.judged_s),
            Source::Decided => number(cycle.phases.decided_s),
            Source::Sent => number(cycle.phases.sent_s),
            Source::State(slot) => number(cycle.state.get(slot).copied()),
            Source::Command(slot) => number(cycle.command.get(slot).copied()),
            Source::AnswerTick => answer.map_or(Cell::Absent, |answer| Cell::Whole(answer.tick)),
            Source::AnswerTime => number(answer.map(|answer| answer.time_s)),
            Source::Answer(slot) => {
                number(answer.and_then(|answer| answer.actions.get(slot).copied()))
            }
        }
    }
}

/// Returns all columns of a run.
pub fn all_columns(run: &Run) -> Vec<Column> {
    let fixed = FIXED.map(|(name, source)| Column {
        name: name.to_owned(),
        source,
    });
    let groups = GROUPS.into_iter().flat_map(|group| of_group(run, group));
    fixed.into_iter().chain(groups).collect()
}

/// Returns the layout of a group of columns.
pub(super) fn layout<'a>(run: &'a Run, group: &str) -> &'a Layout {
    match group {
        "state" => &run.state,
        "answer" => &run.answer,
        _ => &run.action,
    }
}

fn of_group(run: &Run, group: &str) -> Vec<Column> {
    let source = match group {
        "state" => Source::State,
        "command" => Source::Command,
        _ => Source::Answer,
    };
    let mut columns = Vec::new();
    for field in layout(run, group).fields() {
        for index in 0..field.len {
            let name = match field.len {
                1 => format!("{group}.{}", field.name),
                _ => format!("{group}.{}[{index}]", field.name),
            };
            columns.push(Column {
                name,
                source: source(columns.len()),
            });
        }
    }
    columns
}

/// Returns the columns of these names, in this order. A name is that of a column (`tick`, `state.q[3]`), of a
/// field (`state.q`, all its slots) or of a group (`state`, `command`, `answer`).
///
/// # Errors
/// Returns [`RecordError::InvalidArgument`] for a name that the run does not have, or if there is none.
pub fn columns<S: AsRef<str>>(run: &Run, names: &[S]) -> Result<Vec<Column>, RecordError> {
    let all = all_columns(run);
    let mut chosen = Vec::new();
    for name in names {
        let name = name.as_ref();
        let belongs = |column: &&Column| {
            let rest = column.name.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let found: Vec<&Column> = all.iter().filter(belongs).collect();
        if found.is_empty() {
            let expected = format!(
                "{}, state, command, answer, or a field of these as in state.{}",
                FIXED.map(|(name, _)| name).join(", "),
                run.state.fields().first().map_or("q", |field| &field.name),
            );
            return Err(RecordError::invalid(
                "a column",
                format!("{name:?}"),
                expected,
            ));
        }
        for column in found {
            if chosen.contains(column) {
                let expected = "each column once";
                return Err(RecordError::invalid("a column", &column.name, expected));
            }
            chosen.push(column.clone());
        }
    }
    match chosen.is_empty() {
        true => Err(RecordError::invalid("the columns", "none", "at least one")),
        false => Ok(chosen),
    }
}
