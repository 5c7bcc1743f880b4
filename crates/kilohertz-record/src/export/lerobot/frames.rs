//! A run on an exact grid: the frames of its episodes.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::path::Path;

use crate::entry::{Outcome, OwnedAnswer, OwnedCycle, OwnedEntry, Sample, Value};
use crate::error::RecordError;
use crate::export::columns::{Cell, Column, columns, layout};
use crate::export::cycles::{Progress, tell};
use crate::export::lerobot::images::Picture;
use crate::export::lerobot::options::{Actions, DataSetOptions, Images, Resampling};
use crate::reader::episodes::note_mark;
use crate::reader::{Ending, Episode, RunReader};
use crate::run::{GRIPPER, Run};

/// How far a file is read ahead of a frame \[s\]: answers and images come later than the time that they
/// belong to.
const AHEAD_S: f64 = 2.0;
/// How far a cycle may be from a time of the grid to be at that time \[s\].
const SAME_S: f64 = 1e-9;

/// The longest time without cycles that is filled in an episode \[s\].
const LONGEST_GAP_S: f64 = 10.0;

/// A frame of an episode.
pub(super) struct Frame {
    pub state: Vec<f32>,
    pub action: Vec<f32>,
    /// By camera.
    pub pictures: Vec<Picture>,
    /// True if cycles are missing around it.
    pub is_in_gap: bool,
}

/// Takes the frames of a run.
pub(super) trait Frames {
    /// An episode begins.
    fn begin(&mut self, task: &str) -> Result<(), RecordError>;
    /// The next frame of the episode.
    fn frame(&mut self, frame: &Frame) -> Result<(), RecordError>;
    /// The episode ends.
    fn end(&mut self) -> Result<(), RecordError>;
}

/// Numbers of a frame.
pub(super) struct Slots {
    /// Those that are resampled.
    columns: Vec<Column>,
    is_linear: Vec<bool>,
    /// True if the number for the gripper follows these.
    has_gripper: bool,
    /// Those that were logged, and how many a channel has.
    channels: Vec<(String, usize)>,
}

impl Slots {
    fn new(
        run: &Run,
        names: &[String],
        resampling: Resampling,
        channels: Vec<(String, usize)>,
    ) -> Result<Slots, RecordError> {
        let columns = columns(run, names)?;
        let is_linear =
            |column: &Column| resampling == Resampling::Linear && is_linear(run, column.name());
        for column in &columns {
            let is_number =
                column.name().starts_with("state.") || column.name().starts_with("command.");
            if !is_number {
                let expected = "columns of the state or the command, as in state.q";
                return Err(RecordError::invalid(
                    "a column of the state",
                    column.name(),
                    expected,
                ));
            }
        }
        Ok(Slots {
            is_linear: columns.iter().map(is_linear).collect(),
            columns,
            has_gripper: false,
            channels,
        })
    }

    /// Returns names for the numbers, as in `q_0`.
    pub fn names(&self) -> Vec<String> {
        let name = |column: &Column| {
            let name = column
                .name()
                .split_once('.')
                .map_or(column.name(), |(_, name)| name);
            name.replace('[', "_").replace(']', "")
        };
        let logged = self.channels.iter().flat_map(|(channel, len)| {
            let name = channel.replace('/', ".");
            (0..*len).map(move |index| format!("{name}_{index}"))
        });
        let gripper = self.has_gripper.then(|| GRIPPER.to_owned());
        let columns = self.columns.iter().map(name);
        columns.chain(gripper).chain(logged).collect()
    }

    fn take(&self, cycle: &OwnedCycle) -> Vec<f64> {
        let number = |column: &Column| match column.cell(cycle) {
            Cell::Number(number) => number,
            _ => f64::NAN,
        };
        self.columns.iter().map(number).collect()
    }

    /// Returns what lies at `part` of the way from one cycle to the next.
    fn between(&self, from: &[f64], to: &[f64], part: f64) -> Vec<f32> {
        let slot = |((&from, &to), &is_linear): ((&f64, &f64), &bool)| match is_linear {
            true => from + (to - from) * part,
            false if part < 0.5 => from,
            false => to,
        };
        from.iter()
            .zip(to)
            .zip(&self.is_linear)
            .map(slot)
            .map(|value| value as f32)
            .collect()
    }
}

fn is_linear(run: &Run, name: &str) -> bool {
    let (group, field) = name.split_once('.').unwrap_or(("", name));
    let field = field.split('[').next().unwrap_or(field);
    layout(run, group)
        .find(field)
        .is_some_and(|(field, _)| !field.unit.is_empty() && field.len != 16)
}

/// What is kept of a cycle until its frames are made.
struct Row {
    time_s: f64,
    state: Vec<f64>,
    command: Vec<f64>,
}

/// Values with their own times, in the order of these.
struct Track<T>(VecDeque<(f64, T)>);

impl<T> Track<T> {
    fn push(&mut self, time_s: f64, value: T) {
        let place = self.0.partition_point(|(before, _)| *before <= time_s);
        self.0.insert(place, (time_s, value));
    }

    /// Forgets what is before the newest value at or before a time.
    fn forget(&mut self, time_s: f64) {
        while self.0.get(1).is_some_and(|(next, _)| *next <= time_s) {
            self.0.pop_front();
        }
    }

    /// Returns the newest value at or before a time but not before `begin_s`, or else the first after it.
    fn at(&self, begin_s: f64, time_s: f64) -> Option<&(f64, T)> {
        let end = self
            .0
            .partition_point(|(before, _)| *before <= time_s + SAME_S);
        let newest = end.checked_sub(1).and_then(|index| self.0.get(index));
        newest
            .filter(|(time, _)| *time >= begin_s - SAME_S)
            .or_else(|| self.0.get(end))
    }
}

/// Returns the episodes of a recording, and how many numbers each channel has that has numbers.
fn scan(path: &Path) -> Result<(Vec<Episode>, HashMap<String, usize>), RecordError> {
    let (mut episodes, mut lens) = (Vec::new(), HashMap::new());
    let mut reader = RunReader::open(path)?;
    reader.skip_cycles();
    for entry in reader {
        match entry? {
            OwnedEntry::Episode(mark) => note_mark(&mut episodes, mark),
            OwnedEntry::Sample(Sample {
                channel,
                value: Value::Numbers(values),
                ..
            }) => {
                lens.entry(channel).or_insert(values.len());
            }
            _ => {}
        }
    }
    Ok((episodes, lens))
}

/// Makes frames of the entries of a run.
pub(super) struct Resampler<'a> {
    path: &'a Path,
    run: &'a Run,
    options: &'a DataSetOptions,
    pub state: Slots,
    pub action: Slots,
    episodes: Vec<Episode>,
    rows: VecDeque<Row>,
    answers: Track<OwnedAnswer>,
    cameras: Vec<Track<Value>>,
    numbers: HashMap<String, Track<Vec<f64>>>,
    /// The last picture of each camera, with its time.
    pictures: Vec<Option<(f64, Picture)>>,
    open: Option<Open>,
}

/// An episode that has begun.
struct Open {
    episode: usize,
    begin_s: f64,
    frames: u64,
    last: Row,
}

impl<'a> Resampler<'a> {
    /// Looks for the episodes of a recording.
    pub fn new(
        path: &'a Path,
        run: &'a Run,
        options: &'a DataSetOptions,
    ) -> Result<Resampler<'a>, RecordError> {
        let (mut found, lens) = scan(path)?;
        let channels = |names: &[String]| -> Result<Vec<(String, usize)>, RecordError> {
            let len = |name: &String| match lens.get(name) {
                Some(&len) => Ok((name.clone(), len)),
                None => {
                    let mut there: Vec<&str> = lens.keys().map(String::as_str).collect();
                    there.sort_unstable();
                    let expected =
                        format!("a channel with numbers, of which the run has {there:?}");
                    Err(RecordError::invalid(
                        "a channel",
                        format!("{name:?}"),
                        expected,
                    ))
                }
            };
            names.iter().map(len).collect()
        };
        let (of_state, of_action) = (
            channels(&options.state_channels)?,
            channels(&options.action_channels)?,
        );
        let numbers = of_state.iter().chain(&of_action);
        let numbers = numbers
            .map(|(name, _)| (name.clone(), Track(VecDeque::new())))
            .collect();
        if found.is_empty() {
            found.push(Episode {
                index: 0,
                task: String::new(),
                begin_s: f64::NEG_INFINITY,
                end_s: f64::INFINITY,
                outcome: Outcome::Unknown,
            });
        }
        for episode in &mut found {
            if episode.task.is_empty() {
                let task = options.task.as_deref().filter(|task| !task.is_empty());
                let expected = "a task for episodes that were recorded without one";
                episode.task = task
                    .ok_or_else(|| RecordError::invalid("the task", "not given", expected))?
                    .to_owned();
            }
        }
        let tracks = options.cameras.iter().map(|_| Track(VecDeque::new()));
        Ok(Resampler {
            path,
            run,
            options,
            state: Slots::new(run, &options.state, options.resampling, of_state)?,
            action: Slots {
                has_gripper: run.answer.len() > run.action.len(),
                ..Slots::new(run, &["command".to_owned()], options.resampling, of_action)?
            },
            episodes: found,
            rows: VecDeque::new(),
            answers: Track(VecDeque::new()),
            cameras: tracks.collect(),
            numbers,
            pictures: options.cameras.iter().map(|_| None).collect(),
            open: None,
        })
    }

    /// Returns how many episodes the run has.
    pub fn found(&self) -> usize {
        self.episodes.len()
    }

    /// Hands all frames to `frames`. Returns true if the recording has its footer.
    pub fn each(
        &mut self,
        mut reader: RunReader,
        frames: &mut dyn Frames,
        progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<bool, RecordError> {
        let mut cycles = 0_u64;
        while let Some(entry) = reader.next() {
            match entry? {
                OwnedEntry::Cycle(cycle) => {
                    cycles += 1;
                    tell(cycles, &reader, progress)?;
                    self.take_cycle(cycle, frames)?;
                }
                OwnedEntry::Sample(sample) => self.take_sample(sample),
                OwnedEntry::Episode(_) | OwnedEntry::End(_) => {}
            }
        }
        while let Some(row) = self.rows.pop_front() {
            self.step(row, frames)?;
        }
        if self.open.take().is_some() {
            frames.end()?;
        }
        Ok(reader.ending() == Some(Ending::Finished))
    }

    fn take_cycle(
        &mut self,
        mut cycle: OwnedCycle,
        frames: &mut dyn Frames,
    ) -> Result<(), RecordError> {
        let time_s = cycle.robot_time_s;
        if (self.options.actions == Actions::Answered || self.action.has_gripper)
            && let Some(answer) = cycle.answer.take()
            && !answer.actions.is_empty()
        {
            self.answers.push(answer.time_s, answer);
        }
        let (state, command) = (self.state.take(&cycle), self.action.take(&cycle));
        self.rows.push_back(Row {
            time_s,
            state,
            command,
        });
        while self
            .rows
            .front()
            .is_some_and(|row| row.time_s + AHEAD_S <= time_s)
            && let Some(row) = self.rows.pop_front()
        {
            self.answers.forget(row.time_s - 1.0);
            for camera in &mut self.cameras {
                camera.forget(row.time_s - 1.0);
            }
            for numbers in self.numbers.values_mut() {
                numbers.forget(row.time_s - 1.0);
            }
            self.step(row, frames)?;
        }
        Ok(())
    }

    fn take_sample(&mut self, sample: Sample) {
        let camera = self
            .options
            .cameras
            .iter()
            .position(|camera| *camera == sample.channel);
        if let Some(camera) = camera {
            self.cameras[camera].push(sample.time_s, sample.value);
        } else if let Value::Numbers(values) = sample.value
            && let Some(track) = self.numbers.get_mut(&sample.channel)
        {
            track.push(sample.time_s, values);
        }
    }

    /// Makes the frames up to a cycle.
    fn step(&mut self, row: Row, frames: &mut dyn Frames) -> Result<(), RecordError> {
        let is_in = |episode: &Episode| episode.begin_s <= row.time_s && row.time_s < episode.end_s;
        let is_open = |open: &Open| is_in(&self.episodes[open.episode]);
        if self.open.as_ref().is_some_and(|open| !is_open(open)) {
            self.open = None;
            frames.end()?;
        }
        let Some(mut open) = self.open.take() else {
            let is_kept = |episode: &Episode| !self.options.left_out.contains(&episode.outcome);
            let found = self
                .episodes
                .iter()
                .position(|episode| is_in(episode) && is_kept(episode));
            if let Some(episode) = found {
                frames.begin(&self.episodes[episode].task)?;
                let begin_s = row.time_s;
                let frame = self.frame(begin_s, begin_s, &row, &row, 0.0)?;
                frames.frame(&frame)?;
                self.open = Some(Open {
                    episode,
                    begin_s,
                    frames: 1,
                    last: row,
                });
            }
            return Ok(());
        };
        // A clock that stands still or goes back has no time between.
        let way = row.time_s - open.last.time_s;
        if way > LONGEST_GAP_S {
            let what = format!(
                "the time without cycles in the episode at {} s",
                open.last.time_s
            );
            let expected = format!("at most {LONGEST_GAP_S} s, as a longer one cannot be filled");
            let error = RecordError::invalid(what, format!("{way} s"), expected);
            return Err(error.within(self.path));
        }
        if way > 0.0 {
            loop {
                let time_s = open.begin_s + open.frames as f64 / f64::from(self.options.fps);
                if time_s > row.time_s + SAME_S {
                    break;
                }
                let part = ((time_s - open.last.time_s) / way).clamp(0.0, 1.0);
                let frame = self.frame(open.begin_s, time_s, &open.last, &row, part)?;
                frames.frame(&frame)?;
                open.frames += 1;
            }
            open.last = row;
        }
        self.open = Some(open);
        Ok(())
    }

    fn frame(
        &mut self,
        begin_s: f64,
        time_s: f64,
        from: &Row,
        to: &Row,
        part: f64,
    ) -> Result<Frame, RecordError> {
        let mut action = match self.options.actions {
            Actions::Commanded => self.action.between(&from.command, &to.command, part),
            Actions::Answered => self.answered(begin_s, time_s)?,
        };
        if self.action.has_gripper && self.options.actions == Actions::Commanded {
            // What a hand was wanted to do is in the answers alone.
            action.extend(self.answered(begin_s, time_s)?.last());
        }
        self.logged(&self.action, time_s, &mut action)?;
        let mut state = self.state.between(&from.state, &to.state, part);
        self.logged(&self.state, time_s, &mut state)?;
        let mut pictures = Vec::with_capacity(self.cameras.len());
        for camera in 0..self.cameras.len() {
            pictures.push(self.picture(camera, time_s)?);
        }
        let is_at_cycle =
            (time_s - from.time_s).abs() <= SAME_S || (time_s - to.time_s).abs() <= SAME_S;
        Ok(Frame {
            state,
            action,
            pictures,
            is_in_gap: !is_at_cycle && to.time_s - from.time_s > 1.5 * self.run.period_s,
        })
    }

    fn answered(&self, begin_s: f64, time_s: f64) -> Result<Vec<f32>, RecordError> {
        let Some((asked_s, answer)) = self.answers.at(begin_s, time_s) else {
            let received = format!("answered, and the episode at {time_s} s has no answer then");
            return Err(match self.options.actions {
                Actions::Answered => {
                    RecordError::invalid("the kind of the actions", received, "commanded")
                }
                Actions::Commanded => {
                    let expected = "an answer in each episode";
                    RecordError::invalid("the number for the gripper", received, expected)
                        .within(self.path)
                }
            });
        };
        let len = self.run.answer.len().max(1);
        let last = (answer.actions.len() / len).saturating_sub(1);
        let step = match answer.step_s > 0.0 {
            true => ((time_s - asked_s) / answer.step_s)
                .round()
                .clamp(0.0, last as f64) as usize,
            false => 0,
        };
        Ok(answer.actions[step * len..][..len]
            .iter()
            .map(|&value| value as f32)
            .collect())
    }

    /// Appends the numbers that were logged.
    fn logged(&self, slots: &Slots, time_s: f64, values: &mut Vec<f32>) -> Result<(), RecordError> {
        for (name, len) in &slots.channels {
            let found = self
                .numbers
                .get(name)
                .and_then(|track| track.at(f64::NEG_INFINITY, time_s));
            let numbers = found.map_or(&[][..], |(_, numbers)| numbers);
            if numbers.len() != *len {
                let what = format!("the count of numbers of channel {name} at {time_s} s");
                let error = RecordError::invalid(what, numbers.len(), len.to_string());
                return Err(error.within(self.path));
            }
            values.extend(numbers.iter().map(|&number| number as f32));
        }
        Ok(())
    }

    fn picture(&mut self, camera: usize, time_s: f64) -> Result<Picture, RecordError> {
        let name = &self.options.cameras[camera];
        let what = || format!("channel {name} at {time_s} s");
        let Some((at_s, value)) = self.cameras[camera].at(f64::NEG_INFINITY, time_s) else {
            return Err(RecordError::invalid(
                what(),
                "without an image",
                "images, or no such camera",
            ));
        };
        if let Some((made_s, picture)) = &self.pictures[camera]
            && made_s == at_s
        {
            return Ok(picture.clone());
        }
        let made = Picture::of(value, self.options.images == Images::Png);
        let picture = made.map_err(|found| {
            let expected = "an image as pixels, or as the bytes of a PNG or JPEG file";
            RecordError::invalid(what(), found, expected).within(self.path)
        })?;
        self.pictures[camera] = Some((*at_s, picture.clone()));
        Ok(picture)
    }
}
