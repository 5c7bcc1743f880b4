//! How a data set is made.

use std::path::PathBuf;

use crate::entry::Outcome;

/// What is taken for a time between two cycles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Resampling {
    /// What lies on the straight line between both.
    #[default]
    Linear,
    /// What the nearer one has.
    Nearest,
}

/// What the actions of a data set are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Actions {
    /// What the robot was commanded.
    #[default]
    Commanded,
    /// What the policy answered to its newest question at or before the frame, or to the episode's first one;
    /// of a chunk the action that is nearest to the frame's time.
    Answered,
}

/// How the images of a data set are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Images {
    /// As PNG in the rows: exactly as they were recorded.
    #[default]
    Png,
    /// As videos in H.264, which are far smaller and not exact.
    Video {
        /// The program `ffmpeg`: its path, or its name on PATH.
        encoder: PathBuf,
    },
}

/// How a data set is made.
#[derive(Debug, Clone, PartialEq)]
pub struct DataSetOptions {
    /// The frames in a second of the robot's time.
    pub fps: u32,
    /// What is taken between two cycles.
    pub resampling: Resampling,
    /// The columns that make up `observation.state`, as in `state.q`.
    pub state: Vec<String>,
    /// The channels whose numbers `observation.state` has after these, as in `gripper/width`: the newest at
    /// or before the frame, or else the first.
    pub state_channels: Vec<String>,
    /// What `action` is.
    pub actions: Actions,
    /// The channels whose numbers `action` has after these, as in `gripper/command`.
    pub action_channels: Vec<String>,
    /// The channels of the images, as in `camera/wrist`, which becomes `observation.images.camera.wrist`.
    pub cameras: Vec<String>,
    /// How the images are kept.
    pub images: Images,
    /// The task of a run without episodes, which becomes one episode, and of episodes whose task is empty.
    pub task: Option<String>,
    /// The episodes that are left out, by their outcome.
    pub left_out: Vec<Outcome>,
    /// The type of the robot; its model if that is `None`.
    pub robot_type: Option<String>,
    /// The split that the episodes belong to, as in `train`.
    pub split: String,
}

impl Default for DataSetOptions {
    fn default() -> DataSetOptions {
        DataSetOptions {
            fps: 30,
            resampling: Resampling::default(),
            state: vec!["state.q".to_owned()],
            state_channels: Vec::new(),
            actions: Actions::default(),
            action_channels: Vec::new(),
            cameras: Vec::new(),
            images: Images::default(),
            task: None,
            left_out: vec![Outcome::Rerecorded],
            robot_type: None,
            split: "train".to_owned(),
        }
    }
}
