//! Images as a video: a program of its own, `ffmpeg`, encodes them.

use std::fs;
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;

use crate::error::RecordError;
use crate::export::lerobot::meta::unreadable;
use crate::new_file::NewFile;

/// The encoder of H.264 that is asked for.
const CODEC: &str = "libx264";
/// How many bytes of what the program complains about are kept.
const MOST_COMPLAINTS: u64 = 2000;

/// The program that encodes.
#[derive(Debug, Clone)]
pub(super) struct Encoder {
    program: PathBuf,
}

impl Encoder {
    /// Looks for a program, which is a path or a name on PATH.
    ///
    /// # Errors
    /// Returns [`RecordError::NoEncoder`] if it is not there, or cannot encode H.264.
    pub fn find(program: &Path) -> Result<Encoder, RecordError> {
        let encoder = Encoder {
            program: program.to_owned(),
        };
        let about = format!("encoder={CODEC}");
        let asked = encoder.command().args(["-h", &about]).output();
        let asked = asked.map_err(|error| encoder.missing(&reason(&error)))?;
        match String::from_utf8_lossy(&asked.stdout).contains(&format!("Encoder {CODEC}")) {
            true => Ok(encoder),
            false => Err(encoder.missing(&format!("it has no encoder {CODEC}"))),
        }
    }

    fn missing(&self, found: &str) -> RecordError {
        RecordError::NoEncoder {
            path: self.program.clone(),
            found: found.to_owned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["-hide_banner", "-nostats", "-loglevel", "error"]);
        command.stdin(Stdio::null());
        // Ctrl+C in a terminal is for the program that exports, which ends this one.
        command.process_group(0);
        command
    }
}

fn reason(error: &io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such program on PATH".to_owned(),
        _ => error.to_string(),
    }
}

/// A video that is being made.
pub(super) struct Video {
    new: NewFile,
    path: PathBuf,
    encoder: Encoder,
    fps: u32,
    frames: u64,
    process: Process,
}

impl Video {
    /// Begins the video of images of a size in the new file `path`.
    pub fn begin(
        encoder: &Encoder,
        path: &Path,
        fps: u32,
        (width, height): (u32, u32),
    ) -> Result<Video, RecordError> {
        let (new, file) = NewFile::create(path)?;
        drop(file);
        let mut command = encoder.command();
        command.args(["-f", "rawvideo", "-pix_fmt", "rgb24"]);
        command.args(["-video_size", &format!("{width}x{height}")]);
        command.args(["-framerate", &fps.to_string(), "-i", "pipe:0"]);
        // Every second image is whole, so that a reader that jumps decodes at most two.
        command.args(["-c:v", CODEC, "-crf", "23", "-g", "2", "-bf", "0"]);
        command.args(["-pix_fmt", "yuv420p", "-f", "mp4", "-y"]);
        command.arg(file_url(new.beside()));
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        let child = command
            .spawn()
            .map_err(|error| encoder.missing(&reason(&error)))?;
        Ok(Video {
            new,
            path: path.to_owned(),
            encoder: encoder.clone(),
            fps,
            frames: 0,
            process: Process::new(child),
        })
    }

    /// Returns how many images it has.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns how many bytes of it are written.
    pub fn len(&self) -> u64 {
        fs::metadata(self.new.beside()).map_or(0, |metadata| metadata.len())
    }

    /// Appends an image: red, green and blue of each pixel.
    pub fn push(&mut self, rgb: &[u8]) -> Result<(), RecordError> {
        self.frames += 1;
        match self.process.write(rgb) {
            Ok(()) => Ok(()),
            Err(error) => Err(self.failed(&error.to_string())),
        }
    }

    /// Ends the video and reads it back: it has every image, at its time.
    pub fn finish(mut self) -> Result<NewFile, RecordError> {
        match self.process.end() {
            Ok((status, _)) if status.success() => {}
            Ok((status, complaints)) => return Err(self.error(&format!("{status}: {complaints}"))),
            Err(error) => return Err(self.error(&error.to_string())),
        }
        let mut command = self.encoder.command();
        command.arg("-i").arg(file_url(self.new.beside()));
        command.args(["-map", "0:v:0", "-c", "copy", "-f", "framecrc", "pipe:1"]);
        let listed = command
            .output()
            .map_err(|error| self.error(&error.to_string()))?;
        let listed = String::from_utf8_lossy(&listed.stdout);
        match times(&listed, self.fps) {
            Some(frames) if frames == self.frames => Ok(self.new),
            found => {
                let expected = format!("{} images at the rate of the data set", self.frames);
                let found = found.map_or_else(|| "other times".to_owned(), |n| format!("{n}"));
                Err(unreadable(
                    &self.path,
                    &format!("{found} instead of {expected}"),
                ))
            }
        }
    }

    /// Returns why the program takes no more images.
    fn failed(&mut self, error: &str) -> RecordError {
        let complaints = self.process.end().map(|(_, complaints)| complaints);
        let said = complaints.unwrap_or_default();
        self.error(&format!("{error} {said}"))
    }

    fn error(&self, found: &str) -> RecordError {
        let program = self.encoder.program.display();
        let source = io::Error::other(format!("{program} failed: {}", found.trim()));
        RecordError::io(&self.path, "encoded")(source)
    }
}

/// Returns a path so that no part of it is taken for an option or a protocol.
fn file_url(path: &Path) -> std::ffi::OsString {
    let mut url = std::ffi::OsString::from("file:");
    url.push(path);
    url
}

/// Returns how many images a list in the format `framecrc` has, if each is at its time.
fn times(listed: &str, fps: u32) -> Option<u64> {
    let base = listed
        .lines()
        .find_map(|line| line.strip_prefix("#tb 0:"))?;
    let (ticks, second) = base.trim().split_once('/')?;
    let (ticks, second): (u64, u64) = (ticks.parse().ok()?, second.parse().ok()?);
    let mut frames = 0;
    for line in listed.lines().filter(|line| !line.starts_with('#')) {
        let time: u64 = line.split(',').nth(2)?.trim().parse().ok()?;
        if time * ticks * u64::from(fps) != frames * second {
            return None;
        }
        frames += 1;
    }
    Some(frames)
}

/// The program while it runs. It is ended if this is dropped before.
struct Process {
    child: Child,
    input: Option<ChildStdin>,
    complaints: Option<JoinHandle<String>>,
}

impl Process {
    fn new(mut child: Child) -> Process {
        let input = child.stdin.take();
        // It is read all the time: a program that waits for it would take no more images.
        let complaints = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut first = Vec::new();
                let read = (&mut stderr).take(MOST_COMPLAINTS).read_to_end(&mut first);
                let _ = read.and_then(|_| io::copy(&mut stderr, &mut io::sink()));
                String::from_utf8_lossy(&first).trim().to_owned()
            })
        });
        Process {
            child,
            input,
            complaints,
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.input {
            Some(input) => input.write_all(bytes),
            None => Err(ErrorKind::BrokenPipe.into()),
        }
    }

    /// Ends the input and waits. Returns what the program complained about too.
    fn end(&mut self) -> io::Result<(ExitStatus, String)> {
        self.input = None;
        let status = self.child.wait()?;
        let complaints = self.complaints.take().and_then(|thread| thread.join().ok());
        Ok((status, complaints.unwrap_or_default()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It has ended already where the video is whole.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_at_other_times_are_noticed() {
        let list = |times: [u32; 3]| {
            let lines = times.map(|time| format!("0, {time}, {time}, 512, 10, 0x1\n"));
            format!("#software: x\n#tb 0: 1/15360\n{}", lines.concat())
        };
        assert_eq!(times(&list([0, 512, 1024]), 30), Some(3));
        assert_eq!(times(&list([0, 512, 1025]), 30), None);
        assert_eq!(times(&list([512, 1024, 1536]), 30), None);
        assert_eq!(times("", 30), None);
    }
}
