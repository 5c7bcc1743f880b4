//! The records of a file, one after the other, each where it begins.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use mcap::records::{ChunkHeader, Record, op};
use ruzstd::decoding::StreamingDecoder;

use crate::error::RecordError;

/// What an MCAP file begins and ends with.
const MAGIC: &[u8] = mcap::MAGIC;
/// An opcode and a length.
const HEAD: usize = 9;
/// The most bytes of a record that this package writes, with room.
const MOST_RECORD: u64 = 1 << 30;
/// The length that some writers leave in a chunk that they have not finished.
const UNFINISHED: u64 = u64::MAX;

/// How a file ends, as far as it was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The file has its footer.
    Finished,
    /// The file ends without a footer: it is still being written, or its writing was cut off.
    Unfinished {
        /// Where what can be read ends \[bytes\].
        offset: u64,
        /// The bytes after it, of a record that is not whole.
        rest: u64,
    },
}

/// What comes next in a file.
pub(crate) enum Next<'a> {
    Record {
        offset: u64,
        opcode: u8,
        body: &'a [u8],
    },
    End(Ending),
}

/// Reads the records of a file.
pub(crate) struct Records {
    path: PathBuf,
    file: File,
    offset: u64,
    body: Vec<u8>,
    is_finished: bool,
}

/// Opens a file for reading. Anything else, such as a pipe, is refused before it is opened, because opening it
/// could wait without end.
pub(crate) fn open_regular(path: &Path) -> Result<File, RecordError> {
    let metadata = fs::metadata(path).map_err(RecordError::io(path, "opened"))?;
    if metadata.is_dir() {
        let folder = io::Error::from(io::ErrorKind::IsADirectory);
        return Err(RecordError::io(path, "read")(folder));
    }
    if !metadata.is_file() {
        let other = io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file");
        return Err(RecordError::io(path, "read")(other));
    }
    File::open(path).map_err(RecordError::io(path, "opened"))
}

impl Records {
    /// Opens a file and checks its first bytes.
    pub fn open(path: &Path) -> Result<Records, RecordError> {
        let mut file = open_regular(path)?;
        let mut magic = Vec::with_capacity(MAGIC.len());
        let first = (&mut file).take(MAGIC.len() as u64).read_to_end(&mut magic);
        first.map_err(RecordError::io(path, "read"))?;
        if magic.is_empty() {
            return Err(RecordError::Empty {
                path: path.to_owned(),
            });
        }
        if magic != MAGIC {
            let found = match MAGIC.starts_with(&magic) {
                true => format!(
                    "it has {} bytes, and MCAP begins with {}",
                    magic.len(),
                    MAGIC.len()
                ),
                false => format!(
                    "it begins with {}, and MCAP with {}",
                    hex(&magic),
                    hex(MAGIC)
                ),
            };
            return Err(RecordError::Foreign {
                path: path.to_owned(),
                found,
            });
        }
        Ok(Records {
            path: path.to_owned(),
            file,
            offset: MAGIC.len() as u64,
            body: Vec::new(),
            is_finished: false,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Returns the next record, or how the file ends. A file that has grown since its end was read goes on.
    pub fn next(&mut self) -> Result<Next<'_>, RecordError> {
        if self.is_finished {
            return Ok(Next::End(Ending::Finished));
        }
        let Records {
            path,
            file,
            offset,
            body,
            is_finished,
        } = self;
        let at = *offset;
        let read = |error| RecordError::io(path, "read")(error);
        let length = file.metadata().map_err(read)?.len();
        let rest = length.saturating_sub(at);
        let unfinished = Ok(Next::End(Ending::Unfinished { offset: at, rest }));
        if rest < HEAD as u64 {
            return unfinished;
        }
        file.seek(SeekFrom::Start(at)).map_err(read)?;
        let mut head = [0; HEAD];
        file.read_exact(&mut head).map_err(read)?;
        let (opcode, size) = head_of(&head);
        let found = match (opcode, size) {
            (op::CHUNK, UNFINISHED) => return unfinished,
            (0, _) => Some("expected a record, and found zeros".to_owned()),
            (_, size) if size > MOST_RECORD => Some(format!("a record claims {size} bytes")),
            _ => None,
        };
        if let Some(found) = found {
            return Err(RecordError::Damaged {
                path: path.clone(),
                offset: at,
                found,
                cycles: 0,
                goes_on: false,
            });
        }
        if rest - (HEAD as u64) < size {
            return unfinished;
        }
        body.clear();
        let taken = file.take(size).read_to_end(body).map_err(read)?;
        if (taken as u64) < size {
            return unfinished;
        }
        *offset = at + HEAD as u64 + size;
        *is_finished = opcode == op::FOOTER;
        Ok(Next::Record {
            offset: at,
            opcode,
            body,
        })
    }
}

fn head_of(head: &[u8; HEAD]) -> (u8, u64) {
    let [opcode, size @ ..] = *head;
    (opcode, u64::from_le_bytes(size))
}

fn hex(bytes: &[u8]) -> String {
    let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    digits.join(" ")
}

/// Returns the records in a chunk as their bytes, after checking them.
///
/// # Errors
/// Returns what is wrong with the chunk.
pub(crate) fn unpack(
    header: &ChunkHeader,
    data: &[u8],
    records: &mut Vec<u8>,
) -> Result<(), String> {
    records.clear();
    let size = header.uncompressed_size;
    if size > MOST_RECORD {
        return Err(format!("a chunk claims {size} bytes"));
    }
    let most = size + 1;
    let unpacked = match header.compression.as_str() {
        "" => data.take(most).read_to_end(records),
        "lz4" => {
            lz4::Decoder::new(data).and_then(|decoder| decoder.take(most).read_to_end(records))
        }
        "zstd" => StreamingDecoder::new(data)
            .map_err(io::Error::other)
            .and_then(|decoder| decoder.take(most).read_to_end(records)),
        other => {
            return Err(format!(
                "a chunk is compressed with {other:?}, and lz4, zstd or nothing is expected"
            ));
        }
    };
    unpacked.map_err(|error| format!("a chunk cannot be unpacked: {error}"))?;
    if records.len() as u64 != size {
        return Err(format!("a chunk has {} bytes of {size}", records.len()));
    }
    let crc = crc32fast::hash(records);
    match header.uncompressed_crc {
        0 => Ok(()),
        expected if expected == crc => Ok(()),
        expected => Err(format!(
            "a chunk has the checksum {crc:08x}, and not {expected:08x}"
        )),
    }
}

/// Calls `each` with every record in the bytes of a chunk.
///
/// # Errors
/// Returns what is wrong with a record.
pub(crate) fn each_record(
    mut records: &[u8],
    mut each: impl FnMut(Record<'_>) -> Result<(), String>,
) -> Result<(), String> {
    while let Some((head, rest)) = records.split_first_chunk::<HEAD>() {
        let (opcode, size) = head_of(head);
        let body = usize::try_from(size)
            .ok()
            .and_then(|size| rest.split_at_checked(size));
        let Some((body, rest)) = body else {
            return Err(format!("a record in a chunk claims {size} bytes"));
        };
        each(parse(opcode, body)?)?;
        records = rest;
    }
    match records.is_empty() {
        true => Ok(()),
        false => Err("a chunk ends in half a record".to_owned()),
    }
}

/// Returns a record by its opcode and bytes.
pub(crate) fn parse(opcode: u8, body: &[u8]) -> Result<Record<'_>, String> {
    mcap::parse_record(opcode, body).map_err(|error| format!("a record cannot be read: {error}"))
}
