//! Writes the index and the footer that a recording lacks when its writing was cut off.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::Path;

use mcap::records::{Record, op};
use mcap::{McapError, Writer};

use crate::entry::OwnedEntry;
use crate::error::RecordError;
use crate::lock::Locked;
use crate::new_file::NewFile;
use crate::reader::RunReader;
use crate::reader::records::{Ending, Next, Records, each_record, open_regular, parse, unpack};
use crate::writer::{Compression, write_options};

/// What [`repair`] found and did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repaired {
    /// True if the file had its index and footer already, and was left as it is.
    pub was_finished: bool,
    /// How many cycles the file has.
    pub cycles: u64,
    /// How many bytes of half a record at its end were left out.
    pub left_out: u64,
}

/// Gives a recording that was cut off its index and footer, so that readers which need an index open it. The
/// whole new file is written beside the old one, forced to the disk, and then takes its name: whatever happens
/// meanwhile, one of the two has the name.
///
/// # Errors
/// Returns [`RecordError::Busy`] if the file is still being written, [`RecordError::Damaged`] if a part of it
/// is not what was written, and the errors of [`RunReader::open`] and of the operating system. The file is
/// left as it is then.
pub fn repair(path: &Path) -> Result<Repaired, RecordError> {
    let lock = lock(path)?;
    // The file behind a link is repaired, and the link goes on naming it.
    let path = &fs::canonicalize(path).map_err(RecordError::io(path, "found"))?;
    // What can be read is known before anything is written.
    let mut reader = RunReader::open(path)?;
    let mut cycles = 0;
    while let Some(entry) = reader.next().transpose()? {
        cycles += u64::from(matches!(entry, OwnedEntry::Cycle(_)));
    }
    let left_out = match reader.ending() {
        Some(Ending::Unfinished { rest, .. }) => rest,
        _ => {
            return Ok(Repaired {
                was_finished: true,
                cycles,
                left_out: 0,
            });
        }
    };
    let (new, file) = NewFile::replacing(path)?;
    rewrite(path, new.beside(), &file)?;
    replace(path, new, (&lock, &file))?;
    Ok(Repaired {
        was_finished: false,
        cycles,
        left_out,
    })
}

/// Locks the file against its writer and against another repair.
fn lock(path: &Path) -> Result<Locked, RecordError> {
    let file = open_regular(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Locked::new(file)),
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {
            Ok(Locked::new(file))
        }
        Err(TryLockError::WouldBlock) => Err(RecordError::Busy {
            path: path.to_owned(),
            by: "the run",
        }),
        Err(TryLockError::Error(error)) => Err(RecordError::io(path, "locked")(error)),
    }
}

fn rewrite(path: &Path, beside: &Path, new: &File) -> Result<(), RecordError> {
    let broken = |error| match error {
        McapError::Io(source) => RecordError::io(beside, "written")(source),
        other => RecordError::io(beside, "written")(io::Error::other(other)),
    };
    let file = io::BufWriter::new(new);
    let options = write_options(Compression::Lz4);
    let mut writer = options
        .create(mcap::write::NoSeek::new(file))
        .map_err(broken)?;
    let mut records = Records::open(path)?;
    let mut unpacked = Vec::new();
    while let Next::Record {
        offset,
        opcode,
        body,
    } = records.next()?
    {
        let damaged = |found| RecordError::Damaged {
            path: path.to_owned(),
            offset,
            found,
            cycles: 0,
            goes_on: true,
        };
        let mut failed = None;
        let mut copy = |record: Record<'_>| {
            if failed.is_none() {
                failed = copy(&mut writer, &record).err();
            }
            Ok(())
        };
        match parse(opcode, body).map_err(damaged)? {
            Record::Chunk { header, data } => {
                unpack(&header, &data, &mut unpacked).map_err(damaged)?;
                each_record(&unpacked, &mut copy).map_err(damaged)?;
            }
            record => copy(record).map_err(damaged)?,
        }
        if let Some(error) = failed {
            return Err(broken(error));
        }
        if opcode == op::CHUNK {
            writer.flush().map_err(broken)?;
        }
    }
    writer.finish().map_err(broken)?;
    drop(writer);
    new.sync_all()
        .map_err(RecordError::io(beside, "forced to the disk"))
}

/// Writes a record again, if it is one that is not made anew.
fn copy<W: io::Write + io::Seek>(
    writer: &mut Writer<W>,
    record: &Record<'_>,
) -> Result<(), McapError> {
    match record {
        Record::Schema { header, data } => {
            writer.add_schema_with_id(header.id, &header.name, &header.encoding, data)?;
        }
        Record::Channel(channel) => {
            let metadata: &BTreeMap<String, String> = &channel.metadata;
            let (id, schema) = (channel.id, channel.schema_id);
            writer.add_channel_with_id(
                id,
                schema,
                &channel.topic,
                &channel.message_encoding,
                metadata,
            )?;
        }
        Record::Message { header, data } => writer.write_to_known_channel(header, data)?,
        Record::Metadata(metadata) => writer.write_metadata(metadata)?,
        Record::Attachment { header, data, .. } => writer.attach(&mcap::Attachment {
            log_time: header.log_time,
            create_time: header.create_time,
            name: header.name.clone(),
            media_type: header.media_type.clone(),
            data: std::borrow::Cow::Borrowed(data),
        })?,
        _ => {}
    }
    Ok(())
}

/// Gives the new file the old one's rights and name.
fn replace(path: &Path, new: NewFile, (old, file): (&File, &File)) -> Result<(), RecordError> {
    let rights = old
        .metadata()
        .map_err(RecordError::io(path, "read"))?
        .permissions();
    file.set_permissions(rights).map_err(RecordError::io(
        new.beside(),
        "given the rights of the old file",
    ))?;
    new.rename()?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(RecordError::io(folder, "forced to the disk"))
}
