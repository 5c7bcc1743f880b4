//! The description of a data set: `info.json`, `stats.json` and `tasks.parquet`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Value as Json, json};

use crate::error::RecordError;
use crate::export::lerobot::stats::Stats;
use crate::export::parquet::failure;
use crate::export::table::{Datum, Holds, Table};
use crate::new_file::NewFile;

/// The version of LeRobot's format.
const VERSION: &str = "v3.0";
/// How many files a folder of a data set has at most.
const CHUNK: usize = 1000;
/// How large a file of data may become \[bytes\].
pub(super) const LARGEST: u64 = 100 << 20;
/// How large a video may become before the next episode begins another \[bytes\].
pub(super) const LARGEST_VIDEO: u64 = 500 << 20;
/// Where the videos are.
const VIDEOS: &str = "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4";
/// pandas' name for an index without a name.
const INDEX: &str = "__index_level_0__";

/// A feature of a data set.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Feature {
    pub dtype: &'static str,
    pub shape: Vec<usize>,
    pub names: Json,
    /// What LeRobot keeps of a video beside; null for other features.
    pub info: Json,
}

impl Feature {
    pub fn is_image(&self) -> bool {
        self.dtype == "image" || self.is_video()
    }

    /// Returns true if its values are in files of their own and not in the rows.
    pub fn is_video(&self) -> bool {
        self.dtype == "video"
    }

    /// Returns how many numbers its statistics have.
    pub fn stats_len(&self) -> usize {
        match self.is_image() {
            true => 3,
            false => self.shape.iter().product(),
        }
    }

    fn to_json(&self) -> Json {
        let mut json = json!({ "dtype": self.dtype, "shape": self.shape, "names": self.names });
        if !self.info.is_null() {
            json["info"] = self.info.clone();
        }
        json
    }
}

/// What a data set has before a run is added to it.
pub(super) struct DataSet {
    folder: PathBuf,
    /// `info.json` as it is; `None` if there is no data set yet.
    info: Option<Json>,
    pub episodes: u64,
    pub frames: u64,
    pub tasks: Vec<String>,
    stats: Json,
    /// The split that the run is added to, and its first episode.
    split: (String, u64),
}

impl DataSet {
    /// Reads the description of the data set in a folder, which need not exist.
    ///
    /// # Errors
    /// Returns [`RecordError::InvalidArgument`] if the folder has something else, or a data set that another
    /// run cannot be added to.
    pub fn open(folder: &Path, split: &str) -> Result<DataSet, RecordError> {
        let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
        if split.is_empty() || !split.chars().all(is_plain) {
            let expected = "letters, digits and _ - . , as in train";
            return Err(RecordError::invalid(
                "the split",
                format!("{split:?}"),
                expected,
            ));
        }
        let mut data_set = DataSet {
            folder: folder.to_owned(),
            info: None,
            episodes: 0,
            frames: 0,
            tasks: Vec::new(),
            stats: json!({}),
            split: (split.to_owned(), 0),
        };
        let path = data_set.path("meta/info.json");
        if !path.exists() {
            return match has_files(folder)? {
                false => Ok(data_set),
                true => {
                    Err(data_set.unfit("something else", "a new or empty folder, or a data set"))
                }
            };
        }
        let info = read_json(&path)?;
        let version = info["codebase_version"].as_str().unwrap_or("none");
        if version != VERSION {
            return Err(data_set.unfit(&format!("a data set of version {version}"), VERSION));
        }
        let count = |name: &str| {
            info[name]
                .as_u64()
                .ok_or_else(|| data_set.unfit("no count", name))
        };
        let (episodes, frames) = (count("total_episodes")?, count("total_frames")?);
        data_set.tasks = read_tasks(&data_set.path("meta/tasks.parquet"))?;
        data_set.stats = read_json(&data_set.path("meta/stats.json"))?;
        (data_set.episodes, data_set.frames) = (episodes, frames);
        data_set.split.1 = data_set.first_of_split(&info)?;
        data_set.info = Some(info);
        let rows = data_set.count_rows()?;
        if rows != frames {
            let found = format!("{rows} frames in data/, and {frames} in info.json");
            return Err(data_set.unfit(&found, "a data set whose writing was not cut off"));
        }
        Ok(data_set)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn unfit(&self, received: &str, expected: &str) -> RecordError {
        RecordError::unfit("data set", &self.folder, received, expected)
    }

    /// Returns the first episode of the split that a run is added to. A split is a range of episodes, so it can
    /// grow only at the end of the data set.
    fn first_of_split(&self, info: &Json) -> Result<u64, RecordError> {
        let (name, _) = &self.split;
        let end = self.episodes;
        let splits = divided(info, end);
        let Some(range) = splits.get(name) else {
            return Ok(end);
        };
        let bounds = range.as_str().and_then(|range| range.split_once(':'));
        let bounds = bounds.and_then(|(from, to)| Some((from.parse().ok()?, to.parse().ok()?)));
        match bounds {
            Some((from, to)) if from <= to && to == end => Ok(from),
            _ => Err(self.unfit(
                &format!("one whose split {name} has the episodes {range} of {end}"),
                "a split that has the last episodes, or a new one: a split is one range",
            )),
        }
    }

    /// Checks that a run with these features can be added.
    pub fn check(&self, fps: u32, features: &BTreeMap<String, Feature>) -> Result<(), RecordError> {
        let Some(info) = &self.info else {
            return Ok(());
        };
        if info["fps"].as_f64() != Some(f64::from(fps)) {
            return Err(self.unfit(
                &format!("one of {} frames a second", info["fps"]),
                &fps.to_string(),
            ));
        }
        let there = info["features"].as_object().cloned().unwrap_or_default();
        let names = |names: Vec<&String>| format!("{names:?}");
        if !there.keys().eq(features.keys()) {
            let expected = names(features.keys().collect());
            return Err(self.unfit(
                &format!("with the features {}", names(there.keys().collect())),
                &expected,
            ));
        }
        for (name, feature) in features {
            let (found, wanted) = (&there[name], feature.to_json());
            if ["dtype", "shape", "names"]
                .iter()
                .any(|part| found[part] != wanted[part])
            {
                return Err(self.unfit(&format!("with {name} as {found}"), &wanted.to_string()));
            }
        }
        Ok(())
    }

    /// Returns the files of a part of the data set, as `data`, in their order.
    fn files(&self, part: &str) -> Result<Vec<PathBuf>, RecordError> {
        let mut files = Vec::new();
        let folder = self.path(part);
        let list = |folder: &Path| -> Result<Vec<PathBuf>, RecordError> {
            match fs::read_dir(folder) {
                Ok(entries) => Ok(entries
                    .filter_map(|entry| Some(entry.ok()?.path()))
                    .collect()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Vec::new()),
                Err(error) => Err(RecordError::io(folder, "read")(error)),
            }
        };
        for chunk in list(&folder)?.iter().filter(|path| path.is_dir()) {
            files.extend(list(chunk)?.into_iter().filter(|path| is_numbered(path)));
        }
        files.sort();
        Ok(files)
    }

    fn count_rows(&self) -> Result<u64, RecordError> {
        let mut rows = 0;
        for path in self.files("data")? {
            let reader = read_table(&path)?;
            rows += u64::try_from(reader.metadata().file_metadata().num_rows()).unwrap_or(0);
        }
        Ok(rows)
    }

    /// Returns the chunk and file numbers of the next file of a part.
    pub fn next_file(&self, part: &str) -> Result<(usize, usize), RecordError> {
        let number = |text: &str| {
            text.rsplit('-')
                .next()
                .and_then(|text| text.parse::<usize>().ok())
        };
        let numbers = |path: &PathBuf| {
            let chunk = number(&path.parent()?.file_name()?.to_string_lossy())?;
            Some((chunk, number(&path.file_stem()?.to_string_lossy())?))
        };
        let last = self.files(part)?.iter().filter_map(numbers).max();
        Ok(last.map_or((0, 0), following))
    }

    /// Returns the number of a task, which is new if no episode before had it.
    pub fn task(&mut self, task: &str) -> usize {
        let found = self.tasks.iter().position(|before| before == task);
        found.unwrap_or_else(|| {
            self.tasks.push(task.to_owned());
            self.tasks.len() - 1
        })
    }

    /// Makes the files of the description, `info.json` last. They take the place of those that are there when
    /// they get their names.
    pub fn describe(
        &self,
        fps: u32,
        robot_type: &str,
        features: &BTreeMap<String, Feature>,
        added: &BTreeMap<String, Stats>,
    ) -> Result<[NewFile; 3], RecordError> {
        let tasks = self.write_tasks()?;
        let mut stats = self.stats.clone();
        for (name, added) in added {
            let feature = &features[name];
            let before = Stats::from_json(&stats[name], feature.stats_len());
            let both = before.map_or_else(|| added.clone(), |before| before.with(added));
            stats[name] = both.to_json(feature.is_image());
        }
        let stats = write_json(&self.path("meta/stats.json"), &stats)?;
        let mut info = self.info.clone().unwrap_or_else(|| {
            json!({
                "codebase_version": VERSION,
                "robot_type": robot_type,
                "chunks_size": CHUNK,
                "data_files_size_in_mb": LARGEST >> 20,
                "video_files_size_in_mb": LARGEST_VIDEO >> 20,
                "fps": fps,
                "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
                "video_path": features.values().any(Feature::is_video).then_some(VIDEOS),
                "features": features.iter().map(|(name, feature)| (name.clone(), feature.to_json()))
                    .collect::<serde_json::Map<String, Json>>(),
            })
        });
        info["total_episodes"] = json!(self.episodes);
        info["total_frames"] = json!(self.frames);
        info["total_tasks"] = json!(self.tasks.len());
        let (split, first) = &self.split;
        let mut splits = match &self.info {
            Some(before) => divided(before, *first),
            None => serde_json::Map::new(),
        };
        splits.insert(split.clone(), json!(format!("{first}:{}", self.episodes)));
        info["splits"] = Json::Object(splits);
        let info = write_json(&self.path("meta/info.json"), &info)?;
        Ok([tasks, stats, info])
    }

    fn write_tasks(&self) -> Result<NewFile, RecordError> {
        let path = self.path("meta/tasks.parquet");
        let (new, file) = NewFile::replacing(&path)?;
        let column = |name: Json, field: &str, pandas: &str, numpy: &str| {
            json!({
                "name": name, "field_name": field, "pandas_type": pandas, "numpy_type": numpy, "metadata": null,
            })
        };
        let pandas = json!({
            "index_columns": [INDEX],
            "column_indexes": [column(Json::Null, "None", "unicode", "object")],
            "columns": [
                column(json!("task_index"), "task_index", "int64", "int64"),
                column(Json::Null, INDEX, "unicode", "object"),
            ],
            "creator": { "library": "kilohertz", "version": env!("CARGO_PKG_VERSION") },
            "pandas_version": "2.0.0",
        });
        let columns = [
            ("task_index".to_owned(), Holds::Whole),
            (INDEX.to_owned(), Holds::Text),
        ];
        let written = |error| failure(&path, error);
        let mut table =
            Table::begin(file, &columns, &[("pandas", pandas.to_string())]).map_err(written)?;
        for (index, task) in (0..).zip(&self.tasks) {
            table
                .push(&[Datum::Whole(index), Datum::Text(task)])
                .map_err(written)?;
        }
        table.finish().map_err(written)?;
        Ok(new)
    }
}

/// Returns the splits of a data set. One that names none is for training as a whole.
fn divided(info: &Json, episodes: u64) -> serde_json::Map<String, Json> {
    let named = info["splits"].as_object().cloned().unwrap_or_default();
    match named.is_empty() && episodes > 0 {
        true => [("train".to_owned(), json!(format!("0:{episodes}")))]
            .into_iter()
            .collect(),
        false => named,
    }
}

/// Returns true for a file of frames, episodes or images, as in `file-000.parquet`.
fn is_numbered(path: &Path) -> bool {
    let name = path.file_name().map(OsStr::to_string_lossy);
    name.is_some_and(|name| {
        name.starts_with("file-") && [".parquet", ".mp4"].iter().any(|end| name.ends_with(end))
    })
}

/// Returns true if there is a file in a folder or in one below it.
fn has_files(folder: &Path) -> Result<bool, RecordError> {
    let read = |error| RecordError::io(folder, "read")(error);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(read(error)),
    };
    for entry in entries {
        let entry = entry.map_err(read)?;
        let is_folder = entry.file_type().map_err(read)?.is_dir();
        if !is_folder || has_files(&entry.path())? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the numbers of the file after one.
pub(super) fn following((chunk, file): (usize, usize)) -> (usize, usize) {
    if file + 1 < CHUNK {
        (chunk, file + 1)
    } else {
        (chunk + 1, 0)
    }
}

/// Opens a Parquet file of a data set.
pub(super) fn read_table(path: &Path) -> Result<SerializedFileReader<File>, RecordError> {
    let file = File::open(path).map_err(RecordError::io(path, "opened"))?;
    SerializedFileReader::new(file).map_err(|error| unreadable(path, &error))
}

/// Returns the error for a file of a data set that is not what it should be.
pub(super) fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> RecordError {
    let received = format!("one that cannot be read ({error})");
    RecordError::unfit("file", path, received, "a file of a data set")
}

/// Reads the tasks in the order of their numbers.
fn read_tasks(path: &Path) -> Result<Vec<String>, RecordError> {
    let reader = read_table(path)?;
    let rows = reader
        .get_row_iter(None)
        .map_err(|error| unreadable(path, &error))?;
    let mut tasks = BTreeMap::new();
    for row in rows {
        let row = row.map_err(|error| unreadable(path, &error))?;
        let (mut index, mut text) = (None, None);
        for (_, field) in row.get_column_iter() {
            match field {
                Field::Long(value) => index = Some(*value),
                Field::Str(value) => text = Some(value.clone()),
                _ => {}
            }
        }
        match (index, text) {
            (Some(index), Some(text)) => tasks.insert(index, text),
            _ => return Err(unreadable(path, &"a row lacks its task or its number")),
        };
    }
    match tasks.keys().copied().eq(0..tasks.len() as i64) {
        true => Ok(tasks.into_values().collect()),
        false => Err(unreadable(path, &"its tasks are not numbered from 0")),
    }
}

fn read_json(path: &Path) -> Result<Json, RecordError> {
    let text = fs::read(path).map_err(RecordError::io(path, "read"))?;
    serde_json::from_slice(&text).map_err(|error| unreadable(path, &error))
}

fn write_json(path: &Path, json: &Json) -> Result<NewFile, RecordError> {
    let (new, mut file) = NewFile::replacing(path)?;
    let text = format!("{json:#}\n");
    file.write_all(text.as_bytes())
        .map_err(RecordError::io(path, "written"))?;
    Ok(new)
}
