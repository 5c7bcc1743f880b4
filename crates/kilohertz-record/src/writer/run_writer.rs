//! The entries of a recording as messages in a file.

use std::collections::BTreeMap;
use std::fs::{OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mcap::records::{MessageHeader, Metadata};
use mcap::write::NoSeek;
use mcap::{McapError, WriteOptions};

use crate::encoder::{Channel, Encoder, Message, Outlet, PROTOBUF};
use crate::entry::Entry;
use crate::error::RecordError;
use crate::lock::Locked;
use crate::run::{METADATA, Run};
use crate::wire::views::View;
use crate::writer::whole_file::{Changed, WholeFile};

/// A chunk is completed when it has this many bytes, even between two flushes.
const CHUNK: usize = 4 << 20;

/// How the chunks of a file are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Not at all.
    None,
    /// With LZ4.
    #[default]
    Lz4,
}

/// How a recording is written.
#[derive(Debug, Clone, PartialEq)]
pub struct WriterOptions {
    /// How chunks are compressed.
    pub compression: Compression,
    /// The parts of the state that are also written as Foxglove's messages.
    pub views: Vec<View>,
    /// How often those are written at most \[Hz of the robot's time\].
    pub views_hz: f64,
}

impl Default for WriterOptions {
    fn default() -> WriterOptions {
        WriterOptions {
            compression: Compression::default(),
            views: Vec::new(),
            views_hz: 60.0,
        }
    }
}

/// How many entries are in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Kept {
    /// The cycles.
    pub cycles: u64,
    /// What users logged, and the beginnings and ends of episodes.
    pub others: u64,
}

/// The file, as what takes messages.
struct Output {
    path: PathBuf,
    mcap: mcap::Writer<NoSeek<WholeFile>>,
    /// The numbers of the channels in the file.
    channels: Vec<u16>,
    sequence: u32,
    /// About how many bytes the open chunk has.
    open: usize,
    is_over: bool,
}

impl Output {
    fn check_going(&self) -> Result<(), RecordError> {
        if self.is_over {
            let over = io::Error::other("it is finished, or an earlier write failed");
            return Err(failure(&self.path, McapError::Io(over)));
        }
        Ok(())
    }

    fn fail(&mut self, error: McapError) -> RecordError {
        self.is_over = true;
        failure(&self.path, error)
    }
}

impl Outlet for Output {
    fn announce(&mut self, channel: Channel) -> Result<(), RecordError> {
        self.check_going()?;
        let added = self
            .mcap
            .add_schema(channel.schema, PROTOBUF, &channel.definition)
            .and_then(|schema| {
                self.mcap
                    .add_channel(schema, &channel.topic, PROTOBUF, &BTreeMap::new())
            });
        let number = added.map_err(|error| self.fail(error))?;
        self.channels.push(number);
        Ok(())
    }

    fn put(&mut self, message: Message<'_>) -> Result<(), RecordError> {
        self.check_going()?;
        let header = MessageHeader {
            channel_id: self.channels[message.channel],
            sequence: self.sequence,
            log_time: message.log_time,
            publish_time: message.publish_time,
        };
        self.sequence = self.sequence.wrapping_add(1);
        let put = self.mcap.write_to_known_channel(&header, message.bytes);
        put.map_err(|error| self.fail(error))?;
        self.open += message.bytes.len();
        Ok(())
    }
}

/// A file that was created for a recording, empty and locked. It is removed if nothing is written into it.
pub struct Reserved {
    path: PathBuf,
    file: Locked,
    is_written: bool,
}

impl Reserved {
    /// Creates the file, which must not exist yet.
    ///
    /// # Errors
    /// Returns [`RecordError::Io`] if the file cannot be created.
    pub fn new(path: &Path) -> Result<Reserved, RecordError> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .open(path)
            .map_err(RecordError::io(path, "created"))?;
        let lock = file.try_lock();
        let reserved = Reserved {
            path: path.to_owned(),
            file: Locked::new(file),
            is_written: false,
        };
        match lock {
            // A file system without locks has none to warn a repair with.
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => {
                Err(RecordError::io(path, "locked")(error))
            }
            _ => Ok(reserved),
        }
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if !self.is_written {
            // The file is this one's own, and holds nothing.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Writes a recording. Entries are written in the order in which they come.
pub struct RunWriter {
    encoder: Encoder,
    output: Output,
    /// The file's length.
    written: Arc<AtomicU64>,
    /// The file, which is forced to the disk at its end.
    reserved: Reserved,
    /// What was handed to the operating system.
    kept: Kept,
    /// What is in the open chunk besides.
    waiting: Kept,
}

impl RunWriter {
    /// Creates the file `path` and writes what is known of the run. The file must not exist yet. It is locked
    /// for as long as it is written.
    ///
    /// # Errors
    /// Returns [`RecordError::Io`] if the file cannot be created or written, and
    /// [`RecordError::InvalidArgument`] if the run or the options cannot be used.
    pub fn create(
        path: &Path,
        run: Run,
        options: &WriterOptions,
    ) -> Result<RunWriter, RecordError> {
        let encoder = Encoder::new(run, &options.views, options.views_hz)?;
        RunWriter::write_head(Reserved::new(path)?, encoder, options.compression)
    }

    /// Writes what is known of the run into a file that was created for it.
    ///
    /// # Errors
    /// Returns what [`RunWriter::create`] does. The file is removed then.
    pub fn begin(
        reserved: Reserved,
        run: Run,
        options: &WriterOptions,
    ) -> Result<RunWriter, RecordError> {
        let encoder = Encoder::new(run, &options.views, options.views_hz)?;
        RunWriter::write_head(reserved, encoder, options.compression)
    }

    fn write_head(
        reserved: Reserved,
        mut encoder: Encoder,
        compression: Compression,
    ) -> Result<RunWriter, RecordError> {
        let path = &*reserved.path;
        let written = Arc::new(AtomicU64::new(0));
        let same = reserved
            .file
            .try_clone()
            .map_err(RecordError::io(path, "written"))?;
        let whole = NoSeek::new(WholeFile::new(same, Arc::clone(&written)));
        let broken = |error| failure(path, error);
        let mut mcap = write_options(compression).create(whole).map_err(broken)?;
        let metadata = Metadata {
            name: METADATA.to_owned(),
            metadata: encoder.run().to_texts(),
        };
        mcap.write_metadata(&metadata).map_err(broken)?;
        let mut output = Output {
            path: path.to_owned(),
            mcap,
            channels: Vec::new(),
            sequence: 0,
            open: 0,
            is_over: false,
        };
        encoder.begin(&mut output)?;
        let mut writer = RunWriter {
            encoder,
            output,
            written,
            reserved,
            kept: Kept::default(),
            waiting: Kept::default(),
        };
        writer.flush()?;
        writer.reserved.is_written = true;
        Ok(writer)
    }

    /// Returns what is known of the run.
    pub fn run(&self) -> &Run {
        self.encoder.run()
    }

    /// Returns how many bytes the file has.
    pub fn len(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Returns the file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.output.path
    }

    /// Returns how many entries survive the end of the process: those before the last flush.
    pub fn kept(&self) -> Kept {
        self.kept
    }

    /// Returns false: a file has a beginning.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Writes an entry.
    ///
    /// # Errors
    /// Returns [`RecordError::InvalidArgument`] for an entry that cannot be written, which changes nothing,
    /// and [`RecordError::Io`] if the file cannot be written, which ends the writing.
    pub fn write(&mut self, entry: &Entry<'_>) -> Result<(), RecordError> {
        self.encoder.encode(entry, &mut self.output)?;
        match entry {
            Entry::Cycle(_) => self.waiting.cycles += 1,
            Entry::Sample(_) | Entry::Episode(_) => self.waiting.others += 1,
            Entry::End(_) => {}
        }
        match self.output.open >= CHUNK {
            true => self.flush(),
            false => Ok(()),
        }
    }

    /// Completes the open chunk and hands it to the operating system. What was written before survives the
    /// end of the process, however it ends.
    ///
    /// # Errors
    /// Returns [`RecordError::Io`] if the file cannot be written. The file then ends where the last flush
    /// ended it, and nothing more can be written.
    pub fn flush(&mut self) -> Result<(), RecordError> {
        let output = &mut self.output;
        output.check_going()?;
        output.open = 0;
        if let Err(error) = output.mcap.flush() {
            let error = output.fail(error);
            if matches!(error, RecordError::Changed { .. }) {
                // Nobody knows what is left of it.
                self.kept = Kept::default();
            }
            return Err(error);
        }
        let waiting = std::mem::take(&mut self.waiting);
        self.kept.cycles += waiting.cycles;
        self.kept.others += waiting.others;
        Ok(())
    }

    /// Writes the index and the footer and forces the file to the disk. Nothing can be written after that.
    ///
    /// # Errors
    /// Returns [`RecordError::Io`] if the file cannot be written. What was flushed before can be read.
    pub fn finish(&mut self) -> Result<(), RecordError> {
        self.flush()?;
        let output = &mut self.output;
        output.is_over = true;
        output.mcap.finish().map_err(|error| output.fail(error))?;
        let synced = self.reserved.file.sync_all();
        synced.map_err(RecordError::io(&output.path, "forced to the disk"))
    }
}

/// Returns the options of the writer that all files have.
pub(crate) fn write_options(compression: Compression) -> WriteOptions {
    WriteOptions::new()
        .compression(match compression {
            Compression::None => None,
            Compression::Lz4 => Some(mcap::Compression::Lz4),
        })
        .library(concat!("kilohertz ", env!("CARGO_PKG_VERSION")))
        // Chunks end where `flush` ends them, with their length, so that a file that is cut off can be read.
        .chunk_size(None)
        .disable_seeking(true)
        .calculate_data_section_crc(false)
}

/// Returns an error of the writer of MCAP with the file.
fn failure(path: &Path, error: McapError) -> RecordError {
    let source = match error {
        McapError::Io(source) => source,
        other => io::Error::other(other),
    };
    match source.downcast::<Changed>() {
        Ok(Changed(found)) => RecordError::Changed {
            path: path.to_owned(),
            found,
        },
        Err(source) => RecordError::io(path, "written")(source),
    }
}
