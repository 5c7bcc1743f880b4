//! Adds the episodes of a run to a data set.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use parquet::file::reader::FileReader;
use parquet::record::Field;
use serde_json::{Value as Json, json};

use crate::error::RecordError;
use crate::export::cycles::Progress;
use crate::export::lerobot::folder::DataSetFolder;
use crate::export::lerobot::frames::{Frame, Frames, Resampler};
use crate::export::lerobot::images::{Colours, Picture};
use crate::export::lerobot::meta::{DataSet, Feature, LARGEST, following, read_table, unreadable};
use crate::export::lerobot::options::{DataSetOptions, Images};
use crate::export::lerobot::reels::{Reels, Shot};
use crate::export::lerobot::stats::{Gathering, QUANTILES, Stats};
use crate::export::lerobot::video::Encoder;
use crate::export::parquet::failure;
use crate::export::table::{Datum, Holds, Table};
use crate::new_file::{NewFile, rename_all};
use crate::reader::RunReader;

/// The features that each frame has by itself.
const OWN: [&str; 5] = [
    "timestamp",
    "frame_index",
    "episode_index",
    "index",
    "task_index",
];
const STATE: &str = "observation.state";
const ACTION: &str = "action";
/// The highest number of frames in a second.
const MOST_FPS: u32 = 10_000;

/// What was added to a data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Added {
    /// The episodes that were added.
    pub episodes: u64,
    /// Their frames.
    pub frames: u64,
    /// The episodes of the run that were left out, because of their outcome or without a cycle.
    pub left_out: u64,
    /// Frames that lie in gaps, where cycles are missing.
    pub frames_in_gaps: u64,
    /// True if the recording has its footer; false if it was cut off or is still being written.
    pub is_whole: bool,
}

impl DataSetFolder {
    /// Adds the episodes of the recording `run` to the data set, which is made if it is not there. `progress` is
    /// told after each thousand cycles how far it is.
    ///
    /// # Errors
    /// Returns the errors of [`RunReader`], [`RecordError::InvalidArgument`] if the options do not
    /// fit the run or the data set, [`RecordError::Io`] if the folder cannot be written, and
    /// [`RecordError::Stopped`] if `progress` says so. The data set has none of the run then.
    pub fn add(
        &mut self,
        run: &Path,
        options: &DataSetOptions,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<Added, RecordError> {
        add(run, self, options, &mut progress)
    }
}

/// Adds the episodes of a recording to the data set in `folder`.
fn add(
    path: &Path,
    folder: &mut DataSetFolder,
    options: &DataSetOptions,
    progress: &mut dyn FnMut(Progress) -> ControlFlow<()>,
) -> Result<Added, RecordError> {
    if !(1..=MOST_FPS).contains(&options.fps) {
        let expected = format!("1 to {MOST_FPS} frames a second");
        return Err(RecordError::invalid(
            "the rate of a data set",
            options.fps,
            expected,
        ));
    }
    let data_set = DataSet::open(folder.path(), &options.split)?;
    let reader = RunReader::open(path)?;
    let run = reader.run().clone();
    let mut resampler = Resampler::new(path, &run, options)?;
    let mut features = BTreeMap::new();
    for (name, slots) in [(STATE, &resampler.state), (ACTION, &resampler.action)] {
        let names = slots.names();
        let feature = Feature {
            dtype: "float32",
            shape: vec![names.len()],
            names: json!(names),
            info: Json::Null,
        };
        features.insert(name.to_owned(), feature);
    }
    for name in OWN {
        let dtype = if name == "timestamp" {
            "float32"
        } else {
            "int64"
        };
        features.insert(
            name.to_owned(),
            Feature {
                dtype,
                shape: vec![1],
                names: Json::Null,
                info: Json::Null,
            },
        );
    }
    let cameras: Vec<String> = options
        .cameras
        .iter()
        .map(|camera| feature_of(camera))
        .collect();
    let reels = match &options.images {
        Images::Video { encoder } if !cameras.is_empty() => {
            let encoder = Encoder::find(encoder)?;
            Some(Reels::new(encoder, options.fps, &cameras, &data_set)?)
        }
        _ => None,
    };
    let mut adding = Adding {
        recording: path,
        next_data: data_set.next_file("data")?,
        first_frame: data_set.frames,
        data_set,
        folder,
        fps: options.fps,
        cameras,
        reels,
        features,
        table: None,
        named: Vec::new(),
        episodes: Vec::new(),
        open: None,
        frames_in_gaps: 0,
    };
    let is_whole = resampler.each(reader, &mut adding, progress)?;
    if adding.episodes.is_empty() {
        let received = "without an episode that is kept and has cycles";
        return Err(RecordError::unfit(
            "recording",
            path,
            received,
            "at least one",
        ));
    }
    let model = run.robot.get("model").and_then(Json::as_str);
    let robot_type = options.robot_type.as_deref().or(model).unwrap_or("unknown");
    let added = Added {
        episodes: adding.episodes.len() as u64,
        frames: adding.data_set.frames - adding.first_frame,
        left_out: (resampler.found() - adding.episodes.len()) as u64,
        frames_in_gaps: adding.frames_in_gaps,
        is_whole,
    };
    adding.commit(robot_type)?;
    Ok(added)
}

/// Returns the feature of a camera's channel.
fn feature_of(camera: &str) -> String {
    format!("observation.images.{}", camera.replace('/', "."))
}

/// An episode that was added.
struct Episode {
    task: String,
    frames: u64,
    /// Where its frames are: chunk, file.
    file: (usize, usize),
    /// Where its images are, if they are in videos.
    shots: Vec<Shot>,
    /// The index of its first frame in the data set.
    from: u64,
    stats: BTreeMap<String, Stats>,
}

/// An episode whose frames are coming.
struct Open {
    task: String,
    task_index: i64,
    frames: u64,
    numbers: BTreeMap<&'static str, Gathering>,
    colours: Vec<Colours>,
}

/// Writes the frames of a run.
struct Adding<'a> {
    recording: &'a Path,
    data_set: DataSet,
    folder: &'a mut DataSetFolder,
    first_frame: u64,
    fps: u32,
    /// The features of the cameras.
    cameras: Vec<String>,
    /// The videos, if images are kept so.
    reels: Option<Reels>,
    features: BTreeMap<String, Feature>,
    next_data: (usize, usize),
    /// The file that is being written.
    table: Option<(NewFile, PathBuf, Table)>,
    /// Files that are whole and do not have their names yet.
    named: Vec<NewFile>,
    episodes: Vec<Episode>,
    open: Option<Open>,
    frames_in_gaps: u64,
}

impl Adding<'_> {
    /// Checks the images of the first frame, or that they are of the same size as before.
    fn check_pictures(&mut self, pictures: &[Picture]) -> Result<(), RecordError> {
        for (name, picture) in self.cameras.iter().zip(pictures) {
            let shape = vec![picture.height as usize, picture.width as usize, 3];
            let names = json!(["height", "width", "channels"]);
            let what = || format!("the shape of an image of {name}");
            let video = self.reels.as_ref().map(|reels| reels.describe(picture));
            let info = video
                .transpose()
                .map_err(|expected| RecordError::invalid(what(), format!("{shape:?}"), expected))?;
            let feature = Feature {
                dtype: info.as_ref().map_or("image", |_| "video"),
                shape,
                names,
                info: info.unwrap_or_default(),
            };
            match self.features.get(name) {
                Some(before) if *before == feature => {}
                Some(before) => {
                    let expected = format!("{:?}, as the ones before", before.shape);
                    let received = format!("{:?}", feature.shape);
                    let error = RecordError::invalid(what(), received, expected);
                    return Err(error.within(self.recording));
                }
                None => {
                    self.features.insert(name.clone(), feature);
                }
            }
        }
        Ok(())
    }

    fn begin_table(&mut self) -> Result<(), RecordError> {
        // All features are known by now, those of the cameras by their first images.
        self.data_set.check(self.fps, &self.features)?;
        let in_rows = self
            .features
            .iter()
            .filter(|(_, feature)| !feature.is_video());
        let columns = in_rows.map(|(name, feature)| {
            let holds = match (feature.dtype, feature.shape.as_slice()) {
                ("image", _) => Holds::Image,
                ("int64", _) => Holds::Whole,
                (_, [1]) => Holds::Float,
                _ => Holds::Floats,
            };
            (name.clone(), holds)
        });
        let columns: Vec<(String, Holds)> = columns.collect();
        let path = self.folder.place("data", self.next_data, "parquet")?;
        let (new, file) = NewFile::create(&path)?;
        let table = Table::begin(file, &columns, &[]).map_err(|error| failure(&path, error))?;
        self.table = Some((new, path, table));
        Ok(())
    }

    fn finish_table(&mut self) -> Result<(), RecordError> {
        let Some((new, path, table)) = self.table.take() else {
            return Ok(());
        };
        table.finish().map_err(|error| failure(&path, error))?;
        self.read_back(&new)?;
        self.named.push(new);
        self.next_data = following(self.next_data);
        Ok(())
    }

    /// Checks that a file of data has the frames of its episodes, with exact times.
    fn read_back(&self, new: &NewFile) -> Result<(), RecordError> {
        let path = new.beside();
        let file = self.next_data;
        let episodes = (0..)
            .zip(&self.episodes)
            .filter(|(_, episode)| episode.file == file);
        let first = self.data_set.episodes - self.episodes.len() as u64;
        let mut expected = episodes.flat_map(|(number, episode)| {
            (0..episode.frames).map(move |frame| (frame, first + number, episode.from + frame))
        });
        let reader = read_table(path)?;
        let schema = reader.metadata().file_metadata().schema();
        let is_wanted = |name: &str| OWN[..4].contains(&name);
        let fields = schema
            .get_fields()
            .iter()
            .filter(|field| is_wanted(field.name()))
            .cloned()
            .collect();
        let projection = parquet::schema::types::Type::group_type_builder("schema")
            .with_fields(fields)
            .build();
        let projection = projection.map_err(|error| unreadable(path, &error))?;
        let rows = reader
            .get_row_iter(Some(projection))
            .map_err(|error| unreadable(path, &error))?;
        for row in rows {
            let row = row.map_err(|error| unreadable(path, &error))?;
            let found: BTreeMap<&String, &Field> = row.get_column_iter().collect();
            let Some((frame, episode, index)) = expected.next() else {
                return Err(unreadable(path, &"more frames than were written"));
            };
            let whole = |number: u64| Field::Long(i64::try_from(number).unwrap_or(i64::MAX));
            let wanted = [
                ("timestamp", Field::Float(timestamp(frame, self.fps))),
                ("frame_index", whole(frame)),
                ("episode_index", whole(episode)),
                ("index", whole(index)),
            ];
            if let Some((name, _)) = wanted
                .iter()
                .find(|(name, field)| found.get(&(*name).to_owned()) != Some(&field))
            {
                let what =
                    format!("{name} of frame {frame} of episode {episode} is not what was written");
                return Err(unreadable(path, &what));
            }
        }
        match expected.next() {
            None => Ok(()),
            Some(_) => Err(unreadable(path, &"fewer frames than were written")),
        }
    }

    /// Gives everything its name, the description last.
    fn commit(mut self, robot_type: &str) -> Result<(), RecordError> {
        self.finish_table()?;
        if let Some(reels) = &mut self.reels {
            reels.finish_all(&mut self.named)?;
        }
        let (chunk, file) = self.data_set.next_file("meta/episodes")?;
        let path = self
            .folder
            .place("meta/episodes", (chunk, file), "parquet")?;
        let (new, handle) = NewFile::create(&path)?;
        let written = |error| failure(&path, error);
        let mut columns = vec![
            ("episode_index".to_owned(), Holds::Whole),
            ("tasks".to_owned(), Holds::Texts),
            ("length".to_owned(), Holds::Whole),
            ("data/chunk_index".to_owned(), Holds::Whole),
            ("data/file_index".to_owned(), Holds::Whole),
            ("dataset_from_index".to_owned(), Holds::Whole),
            ("dataset_to_index".to_owned(), Holds::Whole),
            ("meta/episodes/chunk_index".to_owned(), Holds::Whole),
            ("meta/episodes/file_index".to_owned(), Holds::Whole),
        ];
        columns.extend(self.reels.iter().flat_map(Reels::columns));
        // The statistics of images are in stats.json alone: their shape has no column here.
        let features: Vec<&String> = self
            .features
            .iter()
            .filter(|(_, feature)| !feature.is_image())
            .map(|(name, _)| name)
            .collect();
        for name in &features {
            for part in ["min", "max", "mean", "std"]
                .into_iter()
                .chain(QUANTILES.map(|(name, _)| name))
            {
                columns.push((format!("stats/{name}/{part}"), Holds::Doubles));
            }
            columns.push((format!("stats/{name}/count"), Holds::Wholes));
        }
        let mut table = Table::begin(handle, &columns, &[]).map_err(written)?;
        let first = self.data_set.episodes - self.episodes.len() as u64;
        let whole = |number: u64| Datum::Whole(i64::try_from(number).unwrap_or(i64::MAX));
        for (number, episode) in (first..).zip(&self.episodes) {
            let tasks = [episode.task.clone()];
            let counts: Vec<[i64; 1]> = features
                .iter()
                .map(|name| [i64::try_from(episode.stats[*name].count).unwrap_or(i64::MAX)])
                .collect();
            let mut row = vec![
                whole(number),
                Datum::Texts(&tasks),
                whole(episode.frames),
                whole(episode.file.0 as u64),
                whole(episode.file.1 as u64),
                whole(episode.from),
                whole(episode.from + episode.frames),
                whole(chunk as u64),
                whole(file as u64),
            ];
            for shot in &episode.shots {
                row.extend(shot.row(episode.frames, self.fps));
            }
            for (name, count) in features.iter().zip(&counts) {
                let stats = &episode.stats[*name];
                row.extend(
                    [&stats.min, &stats.max, &stats.mean, &stats.std]
                        .map(|all| Datum::Doubles(all)),
                );
                row.extend(stats.quantiles.iter().map(|all| Datum::Doubles(all)));
                row.push(Datum::Wholes(count));
            }
            table.push(&row).map_err(written)?;
        }
        table.finish().map_err(written)?;
        self.named.push(new);
        let mut added: BTreeMap<String, Stats> = BTreeMap::new();
        for (name, stats) in self.episodes.iter().flat_map(|episode| &episode.stats) {
            let both = added
                .get(name)
                .map_or_else(|| stats.clone(), |before| before.with(stats));
            added.insert(name.clone(), both);
        }
        let described = self
            .data_set
            .describe(self.fps, robot_type, &self.features, &added)?;
        for new in self.named.iter().chain(&described) {
            new.force()?;
        }
        // Without their description, files of data would stand in the way of the next export.
        rename_all(self.named.into_iter().chain(described))
    }
}

/// Returns the timestamp of a frame, as LeRobot computes it.
fn timestamp(frame: u64, fps: u32) -> f32 {
    (frame as f64 / f64::from(fps)) as f32
}

impl Frames for Adding<'_> {
    fn begin(&mut self, task: &str) -> Result<(), RecordError> {
        if let Some(reels) = &mut self.reels {
            reels.finish_large(&mut self.named)?;
        }
        let state = self.features[STATE].stats_len();
        let action = self.features[ACTION].stats_len();
        let mut numbers: BTreeMap<&'static str, Gathering> = OWN
            .into_iter()
            .map(|name| (name, Gathering::new(1)))
            .collect();
        numbers.insert(STATE, Gathering::new(state));
        numbers.insert(ACTION, Gathering::new(action));
        self.open = Some(Open {
            task_index: i64::try_from(self.data_set.task(task)).unwrap_or(i64::MAX),
            task: task.to_owned(),
            frames: 0,
            numbers,
            colours: self.cameras.iter().map(|_| Colours::new()).collect(),
        });
        Ok(())
    }

    fn frame(&mut self, frame: &Frame) -> Result<(), RecordError> {
        self.check_pictures(&frame.pictures)?;
        let is_full = self
            .table
            .as_ref()
            .is_some_and(|(_, _, table)| table.len() >= LARGEST);
        let is_first = self.open.as_ref().is_some_and(|open| open.frames == 0);
        if is_full && is_first {
            self.finish_table()?;
        }
        if self.table.is_none() {
            self.begin_table()?;
        }
        if let Some(reels) = &mut self.reels {
            reels.push(self.folder, &frame.pictures)?;
        }
        let (Some(open), Some((_, path, table))) = (&mut self.open, &mut self.table) else {
            unreachable!("a frame belongs to an episode, and a table was begun");
        };
        let number = open.frames;
        let time = timestamp(number, self.fps);
        let wholes = [
            ("frame_index", number as i64),
            ("episode_index", self.data_set.episodes as i64),
            ("index", self.data_set.frames as i64),
            ("task_index", open.task_index),
        ];
        let whole = |name: &str| {
            wholes
                .iter()
                .find(|(own, _)| *own == name)
                .map(|(_, value)| *value)
        };
        let row: Vec<Datum<'_>> = self
            .features
            .iter()
            .filter(|(_, feature)| !feature.is_video())
            .map(|(name, _)| match name.as_str() {
                STATE => floats(&frame.state),
                ACTION => floats(&frame.action),
                "timestamp" => Datum::Float(time),
                name => match whole(name) {
                    Some(value) => Datum::Whole(value),
                    None => {
                        let camera = self.cameras.iter().position(|camera| camera == name);
                        let picture = camera.and_then(|camera| frame.pictures.get(camera));
                        picture.map_or(Datum::Absent, |picture| Datum::Image(picture.file.clone()))
                    }
                },
            })
            .collect();
        table.push(&row).map_err(|error| failure(path, error))?;
        let numbers =
            |values: &'_ [f32]| -> Vec<f64> { values.iter().map(|&v| f64::from(v)).collect() };
        for (name, gathering) in &mut open.numbers {
            let values = match *name {
                STATE => numbers(&frame.state),
                ACTION => numbers(&frame.action),
                "timestamp" => vec![f64::from(time)],
                name => vec![whole(name).unwrap_or(0) as f64],
            };
            gathering.push(values.into_iter());
        }
        // About three images of a second are enough for the statistics of colours.
        if number.is_multiple_of(u64::from(self.fps).div_ceil(3).max(1)) {
            for (colours, picture) in open.colours.iter_mut().zip(&frame.pictures) {
                colours.push(picture);
            }
        }
        open.frames += 1;
        self.data_set.frames += 1;
        self.frames_in_gaps += u64::from(frame.is_in_gap);
        Ok(())
    }

    fn end(&mut self) -> Result<(), RecordError> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let numbers = open
            .numbers
            .into_iter()
            .map(|(name, all)| (name.to_owned(), all.finish()));
        let colours = self
            .cameras
            .iter()
            .cloned()
            .zip(open.colours.iter().map(Colours::finish));
        let shots = self.reels.as_ref().map(|reels| reels.shots(open.frames));
        self.episodes.push(Episode {
            shots: shots.unwrap_or_default(),
            task: open.task,
            frames: open.frames,
            file: self.next_data,
            from: self.data_set.frames - open.frames,
            stats: numbers.chain(colours).collect(),
        });
        self.data_set.episodes += 1;
        Ok(())
    }
}

fn floats(values: &[f32]) -> Datum<'_> {
    match values {
        [one] => Datum::Float(*one),
        all => Datum::Floats(all),
    }
}
