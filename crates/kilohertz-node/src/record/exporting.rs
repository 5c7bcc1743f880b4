//! Exports recordings.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kilohertz_record::entry::Outcome;
use kilohertz_record::error::RecordError;
use kilohertz_record::export::lerobot::{
    Actions, DataSetFolder, DataSetOptions, Images, Resampling,
};
use kilohertz_record::export::{
    Column, Progress, all_columns, columns, export_csv, export_parquet,
};
use kilohertz_record::reader::RunReader;
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::Failure;

/// Where an export goes.
#[napi(string_enum = "camelCase")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NativeTarget {
    Csv,
    Parquet,
    Lerobot,
}

/// Options of a data set; absent ones have the default.
#[napi(object)]
pub struct NativeDataSetOptions {
    pub fps: u32,
    /// True if the nearest cycle is taken instead of what lies between two.
    pub takes_nearest: bool,
    /// True if actions are what the policy answered instead of what was commanded.
    pub takes_answers: bool,
    pub state: Option<Vec<String>>,
    pub state_channels: Vec<String>,
    pub action_channels: Vec<String>,
    pub cameras: Vec<String>,
    /// True if images are kept as videos instead of PNG.
    pub makes_videos: bool,
    pub task: Option<String>,
    /// The outcomes of episodes that are left out.
    pub left_out: Option<Vec<String>>,
    pub robot_type: Option<String>,
    pub split: Option<String>,
}

/// What was exported.
#[napi(object, object_from_js = false)]
pub struct NativeExported {
    /// Rows of a table, or frames of a data set.
    pub rows: f64,
    pub episodes: f64,
    pub left_out_episodes: f64,
    pub frames_in_gaps: f64,
    /// True if each recording has its footer.
    pub is_whole: bool,
}

/// How far an export has come.
#[napi(object, object_from_js = false)]
pub struct NativeProgress {
    pub cycles: f64,
    pub bytes: f64,
    /// The bytes of all files.
    pub total_bytes: f64,
}

#[derive(Default)]
struct Shared {
    is_stopped: AtomicBool,
    cycles: AtomicU64,
    bytes: AtomicU64,
    total_bytes: AtomicU64,
}

/// An export that JavaScript looks at while it goes on.
#[napi]
pub struct NativeExport {
    shared: Arc<Shared>,
}

/// What an export is made of.
struct Wanted {
    files: Vec<String>,
    to: NativeTarget,
    path: String,
    fields: Option<Vec<String>>,
    data_set: Option<NativeDataSetOptions>,
}

#[napi]
impl NativeExport {
    #[napi(constructor)]
    #[allow(
        clippy::new_without_default,
        reason = "JavaScript calls it, and it has no other caller"
    )]
    pub fn new() -> NativeExport {
        NativeExport {
            shared: Arc::default(),
        }
    }

    /// Exports recordings to `path`: a table of the first, or a data set of all.
    #[napi(ts_return_type = "Promise<NativeExported>")]
    pub fn run<'env>(
        &self,
        env: &'env Env,
        files: Vec<String>,
        to: NativeTarget,
        path: String,
        fields: Option<Vec<String>>,
        data_set: Option<NativeDataSetOptions>,
    ) -> Result<Object<'env>> {
        let shared = self.shared.clone();
        let wanted = Wanted {
            files,
            to,
            path,
            fields,
            data_set,
        };
        in_background(env, move || export(&wanted, &shared).map_err(Failure::from))
    }

    /// Returns how far it has come. It is told after each thousand cycles.
    #[napi]
    pub fn progress(&self) -> NativeProgress {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed) as f64;
        NativeProgress {
            cycles: read(&self.shared.cycles),
            bytes: read(&self.shared.bytes),
            total_bytes: read(&self.shared.total_bytes),
        }
    }

    /// Stops it after the next thousand cycles at the latest. What it has written is removed.
    #[napi]
    pub fn stop(&self) {
        self.shared.is_stopped.store(true, Ordering::Relaxed);
    }
}

fn export(wanted: &Wanted, shared: &Shared) -> std::result::Result<NativeExported, RecordError> {
    // A file that cannot be read is found before anything is written.
    for file in &wanted.files {
        RunReader::open(Path::new(file))?;
        let bytes = fs::metadata(file).map_or(0, |metadata| metadata.len());
        shared.total_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
    let mut exported = NativeExported {
        rows: 0.0,
        episodes: 0.0,
        left_out_episodes: 0.0,
        frames_in_gaps: 0.0,
        is_whole: true,
    };
    let target = Path::new(&wanted.path);
    // It is one export that adds all of them.
    let mut folder = match wanted.to {
        NativeTarget::Lerobot => Some(DataSetFolder::open(target)?),
        NativeTarget::Csv | NativeTarget::Parquet => None,
    };
    for file in &wanted.files {
        let before = [&shared.cycles, &shared.bytes].map(|number| number.load(Ordering::Relaxed));
        let progress = |progress: Progress| {
            let [cycles, bytes] = before;
            shared
                .cycles
                .store(cycles + progress.cycles, Ordering::Relaxed);
            shared
                .bytes
                .store(bytes + progress.bytes, Ordering::Relaxed);
            match shared.is_stopped.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        };
        let file = Path::new(file);
        // Short recordings end before they tell how far they are.
        if shared.is_stopped.load(Ordering::Relaxed) {
            let path = file.to_owned();
            return Err(RecordError::Stopped { path });
        }
        let reader = || RunReader::open(file);
        match &mut folder {
            None => {
                let reader = reader()?;
                let columns = chosen(&reader, wanted.fields.as_deref())?;
                let table = match wanted.to {
                    NativeTarget::Csv => export_csv(reader, target, &columns, progress)?,
                    _ => export_parquet(reader, target, &columns, progress)?,
                };
                exported.rows += table.rows as f64;
                exported.is_whole &= table.is_whole;
            }
            Some(folder) => {
                let options = options(wanted.data_set.as_ref());
                let added = folder.add(file, &options, progress)?;
                exported.rows += added.frames as f64;
                exported.episodes += added.episodes as f64;
                exported.left_out_episodes += added.left_out as f64;
                exported.frames_in_gaps += added.frames_in_gaps as f64;
                exported.is_whole &= added.is_whole;
            }
        }
        let length = fs::metadata(file).map_or(0, |metadata| metadata.len());
        shared.bytes.store(before[1] + length, Ordering::Relaxed);
    }
    Ok(exported)
}

fn chosen(
    reader: &RunReader,
    fields: Option<&[String]>,
) -> std::result::Result<Vec<Column>, RecordError> {
    match fields {
        None => Ok(all_columns(reader.run())),
        Some(fields) => columns(reader.run(), fields),
    }
}

/// Returns the options of a data set; `lib/record/exporting.ts` has checked the names.
fn options(given: Option<&NativeDataSetOptions>) -> DataSetOptions {
    let usual = DataSetOptions::default();
    let Some(given) = given else {
        return usual;
    };
    let outcomes = |names: &Vec<String>| -> Vec<Outcome> {
        let all = Outcome::ALL.into_iter();
        all.filter(|outcome| names.iter().any(|name| name == outcome.as_str()))
            .collect()
    };
    DataSetOptions {
        fps: given.fps,
        resampling: match given.takes_nearest {
            true => Resampling::Nearest,
            false => Resampling::Linear,
        },
        state: given.state.clone().unwrap_or(usual.state),
        state_channels: given.state_channels.clone(),
        actions: match given.takes_answers {
            true => Actions::Answered,
            false => Actions::Commanded,
        },
        action_channels: given.action_channels.clone(),
        cameras: given.cameras.clone(),
        images: match given.makes_videos {
            true => Images::Video {
                encoder: "ffmpeg".into(),
            },
            false => Images::Png,
        },
        task: given.task.clone(),
        left_out: given.left_out.as_ref().map_or(usual.left_out, outcomes),
        robot_type: given.robot_type.clone(),
        split: given.split.clone().unwrap_or(usual.split),
    }
}
