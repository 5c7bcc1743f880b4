//! The episodes of a recording.

use std::path::Path;

use crate::entry::{EpisodeMark, Outcome, OwnedEntry};
use crate::error::RecordError;
use crate::reader::run_reader::RunReader;

/// An episode of a recording.
#[derive(Debug, Clone, PartialEq)]
pub struct Episode {
    /// The number of the episode in the run, from 0.
    pub index: u32,
    /// What was to be done.
    pub task: String,
    /// The robot's time at its beginning \[s\].
    pub begin_s: f64,
    /// The robot's time at its end \[s\], which does not belong to it; infinite if the recording ends before
    /// it.
    pub end_s: f64,
    /// How it ended.
    pub outcome: Outcome,
}

/// Returns the episodes of a recording in their order. An episode that begins ends the one before it. An end
/// that comes again, as for an episode that is recorded again, replaces the outcome.
///
/// # Errors
/// Returns the errors of [`RunReader`].
pub fn episodes(path: &Path) -> Result<Vec<Episode>, RecordError> {
    let mut episodes: Vec<Episode> = Vec::new();
    let mut reader = RunReader::open(path)?;
    reader.skip_cycles();
    for entry in reader {
        if let OwnedEntry::Episode(mark) = entry? {
            note_mark(&mut episodes, mark);
        }
    }
    Ok(episodes)
}

/// Takes the next mark of a recording.
pub(crate) fn note_mark(episodes: &mut Vec<Episode>, mark: EpisodeMark) {
    let Some(outcome) = mark.ended else {
        if let Some(last) = episodes.last_mut()
            && last.end_s.is_infinite()
        {
            last.end_s = mark.robot_time_s;
        }
        episodes.push(Episode {
            index: mark.index,
            task: mark.task,
            begin_s: mark.robot_time_s,
            end_s: f64::INFINITY,
            outcome: Outcome::Unknown,
        });
        return;
    };
    let episode = episodes
        .iter_mut()
        .rev()
        .find(|episode| episode.index == mark.index);
    if let Some(episode) = episode {
        episode.end_s = episode.end_s.min(mark.robot_time_s);
        episode.outcome = outcome;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(index: u32, robot_time_s: f64, ended: Option<Outcome>) -> EpisodeMark {
        EpisodeMark {
            index,
            monotonic_ns: 0,
            robot_time_s,
            task: "pick".to_owned(),
            ended,
        }
    }

    #[test]
    fn the_last_word_on_an_episode_counts() {
        let mut episodes = Vec::new();
        let marks = [
            mark(0, 1.0, None),
            mark(0, 2.0, Some(Outcome::Success)),
            mark(1, 3.0, None),
            mark(0, 3.5, Some(Outcome::Rerecorded)),
            mark(2, 4.0, None),
            mark(7, 5.0, Some(Outcome::Failure)),
        ];
        for mark in marks {
            note_mark(&mut episodes, mark);
        }
        let found: Vec<(u32, f64, Outcome)> = episodes
            .iter()
            .map(|e| (e.index, e.end_s, e.outcome))
            .collect();
        let unknown = Outcome::Unknown;
        assert_eq!(
            found,
            [
                (0, 2.0, Outcome::Rerecorded),
                (1, 4.0, unknown),
                (2, f64::INFINITY, unknown)
            ]
        );
    }
}
