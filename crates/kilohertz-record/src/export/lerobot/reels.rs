//! The videos of the cameras, while a run is added.

use serde_json::{Value as Json, json};

use crate::error::RecordError;
use crate::export::lerobot::folder::DataSetFolder;
use crate::export::lerobot::images::Picture;
use crate::export::lerobot::meta::{DataSet, LARGEST_VIDEO, following};
use crate::export::lerobot::video::{Encoder, Video};
use crate::export::table::{Datum, Holds};
use crate::new_file::NewFile;

/// The videos of all cameras.
pub(super) struct Reels {
    encoder: Encoder,
    fps: u32,
    reels: Vec<Reel>,
}

/// The videos of a camera.
struct Reel {
    /// Where they are, as in `videos/observation.images.camera.wrist`.
    part: String,
    /// The numbers of the one that is being made, or of the next.
    next: (usize, usize),
    video: Option<Video>,
}

/// Where the images of an episode are.
pub(super) struct Shot {
    /// The numbers of the video.
    file: (usize, usize),
    /// The image at which the episode begins.
    from: u64,
}

impl Reels {
    /// Makes ready for the features of these cameras.
    pub fn new(
        encoder: Encoder,
        fps: u32,
        cameras: &[String],
        data_set: &DataSet,
    ) -> Result<Reels, RecordError> {
        let reel = |camera: &String| {
            let part = format!("videos/{camera}");
            Ok(Reel {
                next: data_set.next_file(&part)?,
                part,
                video: None,
            })
        };
        Ok(Reels {
            encoder,
            fps,
            reels: cameras
                .iter()
                .map(reel)
                .collect::<Result<_, RecordError>>()?,
        })
    }

    /// Returns what LeRobot keeps of a video beside its shape.
    ///
    /// # Errors
    /// Returns what is expected if images of this size cannot be in one.
    pub fn describe(&self, picture: &Picture) -> Result<Json, &'static str> {
        let (width, height) = (picture.width, picture.height);
        if !width.is_multiple_of(2) || !height.is_multiple_of(2) {
            return Err("an even height and width, as videos have; or export images as PNG");
        }
        Ok(json!({
            "video.height": height,
            "video.width": width,
            "video.codec": "h264",
            "video.pix_fmt": "yuv420p",
            "video.is_depth_map": false,
            "is_depth_map": false,
            "video.fps": self.fps,
            "video.channels": 3,
            "has_audio": false,
        }))
    }

    /// Appends the images of a frame, one of each camera.
    pub fn push(
        &mut self,
        folder: &mut DataSetFolder,
        pictures: &[Picture],
    ) -> Result<(), RecordError> {
        for (reel, picture) in self.reels.iter_mut().zip(pictures) {
            let video = match &mut reel.video {
                Some(video) => video,
                none => {
                    let path = folder.place(&reel.part, reel.next, "mp4")?;
                    let size = (picture.width, picture.height);
                    none.insert(Video::begin(&self.encoder, &path, self.fps, size)?)
                }
            };
            video.push(&picture.rgb)?;
        }
        Ok(())
    }

    /// Returns where the images of the episode are that ends now and has so many frames.
    pub fn shots(&self, frames: u64) -> Vec<Shot> {
        let shot = |reel: &Reel| Shot {
            file: reel.next,
            from: reel
                .video
                .as_ref()
                .map_or(0, |video| video.frames() - frames),
        };
        self.reels.iter().map(shot).collect()
    }

    /// Finishes videos that are as large as they may become, before an episode begins.
    pub fn finish_large(&mut self, named: &mut Vec<NewFile>) -> Result<(), RecordError> {
        self.finish(LARGEST_VIDEO, named)
    }

    /// Finishes all videos.
    pub fn finish_all(&mut self, named: &mut Vec<NewFile>) -> Result<(), RecordError> {
        self.finish(0, named)
    }

    fn finish(&mut self, from: u64, named: &mut Vec<NewFile>) -> Result<(), RecordError> {
        for reel in &mut self.reels {
            if let Some(video) = reel.video.take_if(|video| video.len() >= from) {
                named.push(video.finish()?);
                reel.next = following(reel.next);
            }
        }
        Ok(())
    }

    /// Returns the columns that episodes have of their videos.
    pub fn columns(&self) -> impl Iterator<Item = (String, Holds)> + '_ {
        self.reels.iter().flat_map(|Reel { part, .. }| {
            [
                (format!("{part}/chunk_index"), Holds::Whole),
                (format!("{part}/file_index"), Holds::Whole),
                (format!("{part}/from_timestamp"), Holds::Double),
                (format!("{part}/to_timestamp"), Holds::Double),
            ]
        })
    }
}

impl Shot {
    /// Returns the values of the columns, for an episode of so many frames.
    pub fn row(&self, frames: u64, fps: u32) -> [Datum<'static>; 4] {
        let (chunk, file) = self.file;
        let time = |frame: u64| Datum::Double(frame as f64 / f64::from(fps));
        [
            Datum::Whole(chunk as i64),
            Datum::Whole(file as i64),
            time(self.from),
            time(self.from + frames),
        ]
    }
}
