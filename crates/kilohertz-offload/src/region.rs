//! The memory that both ends map.

#![warn(clippy::indexing_slicing)]
#![allow(
    unsafe_code,
    reason = "memory that another process maps too has no other name than a pointer"
)]

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{
    FallocateFlags, MemfdFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate, memfd_create,
};

use crate::arena::Block;
use crate::error::LineError;
use crate::layout::{
    ARENA_BYTES_AT, ARENAS_AT, Direction, LARGEST_ARENA, MAGIC, PAGE, VERSION, VERSION_AT,
};
use crate::track::Track;

/// An anonymous memory file, mapped.
#[derive(Debug)]
pub struct Region {
    file: File,
    map: MmapRaw,
    arena_bytes: u64,
}

impl Region {
    /// Creates memory with an arena of `arena_bytes` bytes in each direction. The system provides pages
    /// only when they are used.
    pub fn make(arena_bytes: u64) -> io::Result<Region> {
        let arena_bytes = arena_bytes.min(LARGEST_ARENA).next_multiple_of(PAGE);
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = memfd_create("kilohertz", flags)?;
        ftruncate(&file, Direction::Answers.arena(arena_bytes).end)?;
        // Reading a mapped page that was cut off the file would raise SIGBUS, so the file must not shrink.
        // It may grow, because both ends put blocks beyond the arenas.
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::SEAL)?;
        let region = Region::map(file.into(), arena_bytes)?;
        region.write(ARENA_BYTES_AT, &arena_bytes.to_le_bytes());
        region.write(VERSION_AT, &VERSION.to_le_bytes());
        region.write(0, &MAGIC.to_le_bytes());
        Ok(region)
    }

    /// Maps the memory of a descriptor that was handed over.
    pub fn join(fd: OwnedFd) -> Result<Region, LineError> {
        let file = File::from(fd);
        let bytes = file.metadata()?.len();
        if bytes < ARENAS_AT as u64 {
            return Err(LineError::Foreign);
        }
        let head = Region::map_part(&file, 0..ARENAS_AT as u64)?;
        let head = Region {
            file,
            map: head,
            arena_bytes: 0,
        };
        let [mut magic, mut arena] = [[0; 8]; 2];
        let mut version = [0; 4];
        head.read(0, &mut magic);
        head.read(VERSION_AT, &mut version);
        head.read(ARENA_BYTES_AT, &mut arena);
        let arena_bytes = u64::from_le_bytes(arena);
        let ours = u64::from_le_bytes(magic) == MAGIC && u32::from_le_bytes(version) == VERSION;
        if !ours || arena_bytes > LARGEST_ARENA || bytes < Direction::Answers.arena(arena_bytes).end
        {
            return Err(LineError::Foreign);
        }
        Ok(Region::map(head.file, arena_bytes)?)
    }

    fn map(file: File, arena_bytes: u64) -> io::Result<Region> {
        let map = Region::map_part(&file, 0..Direction::Answers.arena(arena_bytes).end)?;
        Ok(Region {
            file,
            map,
            arena_bytes,
        })
    }

    fn map_part(file: &File, part: Range<u64>) -> io::Result<MmapRaw> {
        let length = usize::try_from(part.end - part.start).map_err(io::Error::other)?;
        MmapOptions::new()
            .offset(part.start)
            .len(length)
            .map_raw(file)
    }

    /// Returns the size of each arena [bytes].
    pub fn arena_bytes(&self) -> u64 {
        self.arena_bytes
    }

    /// Returns the descriptor, for handing it over.
    pub fn raw(&self) -> RawFd {
        self.file.as_raw_fd()
    }

    /// Returns the word at an offset of the layout.
    ///
    /// # Panics
    /// Panics if there can be no word at the offset: it must be a multiple of four before the arenas.
    pub(crate) fn word(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4) && at + 4 <= ARENAS_AT);
        // SAFETY: the four bytes are within the mapping, which lives as long as this reference, and aligned.
        // Every access to them, by whichever process, is atomic: neither end reads or writes words otherwise
        // (in Python a four-byte store to an aligned address is one store).
        unsafe { AtomicU32::from_ptr(self.map.as_mut_ptr().add(at).cast()) }
    }

    /// Returns the counters of a direction.
    pub(crate) fn track(&self, direction: Direction) -> Track<'_> {
        Track {
            published: self.word(direction.published_at()),
            taken: self.word(direction.taken_at()),
            waiting: self.word(direction.waiting_at()),
        }
    }

    /// Copies bytes to a place that this end may write: a slot, or a block that it lends.
    ///
    /// # Panics
    /// Panics if the bytes do not lie within the mapping.
    pub(crate) fn write(&self, at: usize, bytes: &[u8]) {
        assert!(
            at.checked_add(bytes.len())
                .is_some_and(|end| end <= self.map.len())
        );
        // SAFETY: the bytes are within the mapping, as asserted, which the file's seal keeps backed. The
        // other end does not touch these bytes until they are published: `track.rs` and the record of
        // blocks ensure that. An end that does so anyway only corrupts its own message. `bytes` is memory
        // of this process to which the mapping does not belong, so the two do not overlap.
        unsafe {
            self.map
                .as_mut_ptr()
                .add(at)
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// Copies bytes from a place that this end may read: a slot, or a block that it was lent.
    ///
    /// # Panics
    /// Panics if the bytes do not lie within the mapping.
    pub(crate) fn read(&self, at: usize, into: &mut [u8]) {
        assert!(
            at.checked_add(into.len())
                .is_some_and(|end| end <= self.map.len())
        );
        // SAFETY: the bytes are within the mapping, as asserted, which the file's seal keeps backed. The
        // other end has published these bytes and does not write them again before this end gives them
        // back. If it does so anyway, the copy holds arbitrary bytes, and only the copy is read. `into` is
        // this process's own.
        unsafe {
            into.as_mut_ptr()
                .copy_from_nonoverlapping(self.map.as_ptr().add(at), into.len());
        }
    }

    /// Returns true if the memory has the first `length` bytes of a block of this direction.
    pub(crate) fn has(&self, direction: Direction, block: Block, length: usize) -> bool {
        let Some(end) = block.offset.checked_add(length as u64) else {
            return false;
        };
        let within = |range: &Range<u64>| range.start <= block.offset && end <= range.end;
        within(&direction.arena(self.arena_bytes))
            || (within(&direction.beyond())
                && self.file.metadata().is_ok_and(|file| end <= file.len()))
    }

    /// Copies a value to a block beyond the arenas.
    pub(crate) fn write_beyond(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len().max(1) as u64;
        // This makes the file longer and never shorter, so both ends may do so at the same time.
        fallocate(&self.file, FallocateFlags::empty(), offset, length)?;
        let window = Region::map_part(&self.file, offset..offset + length)?;
        // SAFETY: the window has this length, the other end does not know of the block yet, and `bytes` is
        // memory of this process that the window, mapped just now, does not overlap.
        unsafe {
            window
                .as_mut_ptr()
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
        Ok(())
    }

    /// Gives the memory of a block beyond the arenas back to the system.
    pub(crate) fn forget_beyond(&self, range: Range<u64>) {
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        // If this fails, the memory stays allocated until the line ends, which does no harm.
        let _ = fallocate(&self.file, flags, range.start, range.end - range.start);
    }
}

/// A value of the other end, read in place. It is given back when this is dropped.
#[derive(Debug)]
pub struct Borrowed {
    region: Arc<Region>,
    direction: Direction,
    index: u32,
    offset: u64,
    length: usize,
    /// The mapping of a block that lies beyond the arenas.
    window: Option<MmapRaw>,
    left: bool,
}

impl Borrowed {
    /// Takes the block that the other end lent, if all its bytes exist.
    pub(crate) fn take(
        region: &Arc<Region>,
        direction: Direction,
        block: Block,
        length: usize,
    ) -> Result<Borrowed, LineError> {
        if !region.has(direction, block, length) {
            return Err(LineError::Garbled);
        }
        let window = if direction.beyond().contains(&block.offset) {
            let end = block.offset + length.max(1) as u64;
            Some(Region::map_part(&region.file, block.offset..end)?)
        } else {
            None
        };
        Ok(Borrowed {
            region: Arc::clone(region),
            direction,
            index: block.index,
            offset: block.offset,
            length,
            window,
            left: false,
        })
    }

    /// Returns where the bytes begin. They are mapped until this is dropped. They do not change unless the
    /// other end breaks the protocol.
    pub fn as_mut_ptr(&self) -> *mut u8 {
        match &self.window {
            Some(window) => window.as_mut_ptr(),
            // SAFETY: the block lies within the arena, so within the mapping, as `take` checked.
            None => unsafe { self.region.map.as_mut_ptr().add(self.offset as usize) },
        }
    }

    /// Returns how many bytes there are.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Returns true if there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Copies the bytes.
    ///
    /// # Panics
    /// Panics if `into` has another length.
    pub fn copy_to(&self, into: &mut [u8]) {
        assert_eq!(into.len(), self.length);
        // SAFETY: the other end lent these bytes and does not write them until they are given back; if it
        // does so anyway, the copy holds arbitrary bytes. `into` is this process's own and has the same
        // length.
        unsafe {
            into.as_mut_ptr()
                .copy_from_nonoverlapping(self.as_mut_ptr(), self.length);
        }
    }
}

impl Borrowed {
    /// Drops this without giving the value back, so that it can be borrowed again.
    pub fn leave(mut self) {
        self.left = true;
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        if self.left {
            return;
        }
        // Release pairs with the sender's acquire: this end no longer reads the block.
        self.region
            .word(self.direction.returned_at(self.index))
            .store(1, Ordering::Release);
    }
}
