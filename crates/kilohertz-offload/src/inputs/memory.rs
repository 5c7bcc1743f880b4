//! The memory of the inputs, and its two ends.

#![warn(clippy::indexing_slicing)]
#![allow(
    unsafe_code,
    reason = "memory that another process maps too has no other name than a pointer"
)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicU32, Ordering};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use thiserror::Error;

use super::layout::{
    CHANGES_AT, COUNT_AT, DIMS, ENTRIES_AT, ENTRY_BYTES, HEAD_BYTES, MARK_AT, NAME_AT, NAME_BYTES,
    NAMES, PAGE, PAGES_AT, VERSION,
};
use super::slots::{NONE, SLOTS, Slots, next, slot_of};
use crate::layout::MAGIC;

/// An input cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InputsError {
    /// There are too many names, or one is too long.
    #[error("there is no room for another name")]
    Name,
    /// The value has too many dimensions, or more bytes than there is room for.
    #[error("there is no room for the value")]
    Room,
}

/// What is told of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Head {
    /// The time to which the value belongs \[s\].
    pub time_s: f64,
    /// The kind of the array, by its number in [`crate::messages::ARRAYS`], or [`super::layout::PLAIN`].
    pub kind: u32,
    /// How many elements there are in each dimension.
    pub shape: Vec<u32>,
}

/// A memory file, mapped. Its size cannot be changed.
#[derive(Debug)]
struct Memory {
    map: MmapRaw,
}

impl Memory {
    /// Returns the word at an offset before the slots.
    ///
    /// # Panics
    /// Panics if there can be no word at the offset.
    fn word(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4) && at + 4 <= PAGES_AT && at + 4 <= self.map.len());
        // SAFETY: the four bytes are within the mapping, which lives as long as this reference, and aligned.
        // Every access to them, by whichever process, is atomic: neither end reads or writes words otherwise
        // (in Python a four-byte store to an aligned address is one store).
        unsafe { AtomicU32::from_ptr(self.map.as_mut_ptr().add(at).cast()) }
    }

    fn slots(&self, entry: usize) -> Slots<'_> {
        let at = entry_at(entry);
        Slots {
            newest: self.word(at),
            mark: self.word(at + MARK_AT),
        }
    }

    /// Returns the word that says where a slot begins.
    fn page(&self, entry: usize, slot: u32) -> &AtomicU32 {
        self.word(entry_at(entry) + 4 + 4 * slot as usize)
    }

    /// Copies bytes to a place that only this end writes.
    ///
    /// # Panics
    /// Panics if the bytes do not lie within the mapping.
    fn write(&self, at: usize, bytes: &[u8]) {
        assert!(
            at.checked_add(bytes.len())
                .is_some_and(|end| end <= self.map.len())
        );
        // SAFETY: the bytes are within the mapping, as asserted, which the file's seal keeps backed. The reader does
        // not read them before they are published, as `slots.rs` ensures; one that does so anyway reads arbitrary
        // bytes. `bytes` is memory of this process to which the mapping does not belong.
        unsafe {
            self.map
                .as_mut_ptr()
                .add(at)
                .copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// Copies bytes from a place that this end may read. Returns false if there are no such bytes.
    fn read(&self, at: usize, into: &mut [u8]) -> bool {
        let ends = at.checked_add(into.len());
        if ends.is_none_or(|end| end > self.map.len()) {
            return false;
        }
        // SAFETY: the bytes are within the mapping, which the file's seal keeps backed. The writer does not write
        // what is marked, as `slots.rs` ensures; if it does so anyway, the copy holds arbitrary bytes, and only the
        // copy is read. `into` is this process's own.
        unsafe {
            into.as_mut_ptr()
                .copy_from_nonoverlapping(self.map.as_ptr().add(at), into.len());
        }
        true
    }
}

fn entry_at(entry: usize) -> usize {
    ENTRIES_AT + entry * ENTRY_BYTES
}

/// The book of an input.
#[derive(Debug)]
struct Entry {
    name: String,
    published: u32,
    /// Where its slots begin, and how long a value may be in each of them [bytes].
    places: [usize; SLOTS as usize],
    capacity: usize,
}

/// The end that sets inputs.
#[derive(Debug)]
pub struct InputsWriter {
    file: File,
    memory: Memory,
    entries: Vec<Entry>,
    /// The offset of the memory that no slot has yet.
    free_at: usize,
    changes: u32,
}

impl InputsWriter {
    /// Creates memory for values of at most `limit` bytes in all. The system provides pages only when they are used.
    pub fn make(limit: usize) -> io::Result<InputsWriter> {
        // An input that grows gets new slots of at least twice the size, so those that it leaves are no larger than
        // those that it has. Heads, and rounding up to pages, come on top.
        let values = limit.saturating_mul(2 * SLOTS as usize);
        let rounding = NAMES * 32 * SLOTS as usize * 2 * PAGE;
        let size = PAGES_AT.saturating_add(values).saturating_add(rounding);
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = memfd_create("kilohertz-inputs", flags)?;
        ftruncate(&file, size.next_multiple_of(PAGE) as u64)?;
        // Reading a mapped page that was cut off the file would raise SIGBUS.
        fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        let file = File::from(file);
        let map = MmapOptions::new().len(size).map_raw(&file)?;
        let memory = Memory { map };
        for entry in 0..NAMES {
            memory.slots(entry).newest.store(NONE, Ordering::Relaxed);
            memory.slots(entry).mark.store(NONE, Ordering::Relaxed);
        }
        memory.write(8, &VERSION.to_ne_bytes());
        memory.write(0, &MAGIC.to_ne_bytes());
        Ok(InputsWriter {
            file,
            memory,
            entries: Vec::new(),
            free_at: PAGES_AT,
            changes: 0,
        })
    }

    /// Returns the descriptor, for handing it over.
    pub fn file(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }

    /// Sets an input. `room` is for how many bytes its slots are made, if it has none yet that are large enough.
    /// Returns true if the value before was not seen.
    pub fn set(
        &mut self,
        name: &str,
        head: &Head,
        bytes: &[u8],
        room: usize,
    ) -> Result<bool, InputsError> {
        let length = u32::try_from(bytes.len()).map_err(|_| InputsError::Room)?;
        if head.shape.len() > DIMS {
            return Err(InputsError::Room);
        }
        let index = self.entry(name)?;
        if self.book(index)?.capacity < bytes.len() {
            self.move_slots(index, room.max(bytes.len()))?;
        }
        let entry = self.book(index)?;
        let published = entry.published;
        let (slot, was_seen) = self.memory.slots(index).free(published);
        let place = entry.places.get(slot as usize).ok_or(InputsError::Room)?;
        let mut told = [0; HEAD_BYTES];
        let fields = [length, head.kind, head.shape.len() as u32];
        let numbers = fields.iter().chain(&head.shape);
        let words = numbers.flat_map(|number| number.to_ne_bytes());
        let all = head.time_s.to_ne_bytes().into_iter().chain(words);
        told.iter_mut().zip(all).for_each(|(to, from)| *to = from);
        self.memory.write(*place, &told);
        self.memory.write(*place + HEAD_BYTES, bytes);
        let page = u32::try_from(*place / PAGE).map_err(|_| InputsError::Room)?;
        self.memory.page(index, slot).store(page, Ordering::Relaxed);
        self.publish(index, next(published, slot));
        Ok(slot_of(published) != NONE && !was_seen)
    }

    /// Removes an input. Returns true if its value was not seen.
    pub fn remove(&mut self, name: &str) -> bool {
        let found = self.entries.iter().position(|entry| entry.name == name);
        let Some((index, published)) =
            found.and_then(|index| Some((index, self.entries.get(index)?.published)))
        else {
            return false;
        };
        if slot_of(published) == NONE {
            return false;
        }
        let (_, was_seen) = self.memory.slots(index).free(published);
        self.publish(index, next(published, NONE));
        !was_seen
    }

    fn publish(&mut self, index: usize, word: u32) {
        if let Some(entry) = self.entries.get_mut(index) {
            entry.published = word;
        }
        self.memory.slots(index).publish(word);
        self.changes = self.changes.wrapping_add(1);
        self.memory
            .word(CHANGES_AT)
            .store(self.changes, Ordering::Release);
    }

    fn book(&self, index: usize) -> Result<&Entry, InputsError> {
        self.entries.get(index).ok_or(InputsError::Name)
    }

    /// Returns the number of the entry of a name, which is made where there is none.
    fn entry(&mut self, name: &str) -> Result<usize, InputsError> {
        if let Some(found) = self.entries.iter().position(|entry| entry.name == name) {
            return Ok(found);
        }
        let index = self.entries.len();
        if index >= NAMES || name.len() > NAME_BYTES {
            return Err(InputsError::Name);
        }
        let at = entry_at(index) + NAME_AT;
        self.memory.write(at + 4, name.as_bytes());
        self.memory
            .word(at)
            .store(name.len() as u32, Ordering::Relaxed);
        self.entries.push(Entry {
            name: name.to_owned(),
            published: NONE,
            places: [0; SLOTS as usize],
            capacity: 0,
        });
        // Release, so the name is complete.
        self.memory
            .word(COUNT_AT)
            .store(self.entries.len() as u32, Ordering::Release);
        Ok(index)
    }

    /// Gives an input new slots. The one that is read stays as it is: only a slot that is written moves.
    fn move_slots(&mut self, index: usize, capacity: usize) -> Result<(), InputsError> {
        let slot = capacity
            .checked_add(HEAD_BYTES)
            .and_then(|bytes| bytes.checked_next_multiple_of(PAGE))
            .ok_or(InputsError::Room)?;
        let ends = slot
            .checked_mul(SLOTS as usize)
            .and_then(|bytes| self.free_at.checked_add(bytes))
            .filter(|end| *end <= self.memory.map.len())
            .ok_or(InputsError::Room)?;
        let first = self.free_at;
        let entry = self.entries.get_mut(index).ok_or(InputsError::Name)?;
        entry.capacity = slot - HEAD_BYTES;
        entry.places = std::array::from_fn(|nth| first + nth * slot);
        self.free_at = ends;
        Ok(())
    }
}

/// The end that reads inputs.
#[derive(Debug)]
pub struct InputsReader {
    memory: Memory,
}

impl InputsReader {
    /// Maps the memory of a descriptor.
    pub fn join(fd: BorrowedFd<'_>) -> io::Result<InputsReader> {
        let file = File::from(fd.try_clone_to_owned()?);
        let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
        let foreign = || {
            let message = "the memory of the inputs was not made by this version of kilohertz; use the same in both processes";
            io::Error::other(message)
        };
        if length < PAGES_AT {
            return Err(foreign());
        }
        let map = MmapOptions::new().len(length).map_raw(&file)?;
        let memory = Memory { map };
        let (mut magic, mut version) = ([0; 8], [0; 4]);
        let is_ours = memory.read(0, &mut magic)
            && memory.read(8, &mut version)
            && u64::from_ne_bytes(magic) == MAGIC
            && u32::from_ne_bytes(version) == VERSION;
        is_ours
            .then_some(InputsReader { memory })
            .ok_or_else(foreign)
    }

    /// Returns a number that changes whenever an input was set or removed.
    pub fn changes(&self) -> u32 {
        self.memory.word(CHANGES_AT).load(Ordering::Acquire)
    }

    /// Returns how many names there are. It only increases.
    pub fn count(&self) -> usize {
        let count = self.memory.word(COUNT_AT).load(Ordering::Acquire);
        NAMES.min(count as usize)
    }

    /// Returns the name of an input; `None` if there is none.
    pub fn name(&self, index: usize) -> Option<String> {
        let at = (index < self.count()).then(|| entry_at(index) + NAME_AT)?;
        let length = self.memory.word(at).load(Ordering::Relaxed) as usize;
        let mut name = vec![0; length.min(NAME_BYTES)];
        self.memory.read(at + 4, &mut name);
        String::from_utf8(name).ok()
    }

    /// Returns the word of the newest value of an input, to see whether it is another one than before; `None` if there
    /// is no value.
    pub fn newest(&self, index: usize) -> Option<u32> {
        let is_known = index < self.count();
        let word = is_known.then(|| self.memory.slots(index).newest.load(Ordering::Acquire))?;
        (slot_of(word) != NONE).then_some(word)
    }

    /// Takes the newest value of an input. It is not overwritten before the next one is taken. Returns its word, what is
    /// told of it and its length; `None` if there is none.
    pub fn take(&self, index: usize) -> Option<(u32, Head, usize)> {
        let word = (index < self.count()).then(|| self.memory.slots(index).take())??;
        let at = self.slot_at(index, word);
        let mut told = [0; HEAD_BYTES];
        if !self.memory.read(at, &mut told) {
            return None;
        }
        let (time, rest) = told.split_first_chunk()?;
        let words: Vec<u32> = rest
            .chunks_exact(4)
            .filter_map(|bytes| Some(u32::from_ne_bytes(bytes.try_into().ok()?)))
            .collect();
        let [length, kind, dims, shape @ ..] = words.as_slice() else {
            return None;
        };
        let head = Head {
            time_s: f64::from_ne_bytes(*time),
            kind: *kind,
            shape: shape.get(..*dims as usize)?.to_vec(),
        };
        Some((word, head, *length as usize))
    }

    /// Copies the value that was taken. Returns false if there are not so many bytes.
    pub fn copy(&self, index: usize, word: u32, into: &mut [u8]) -> bool {
        index < self.count()
            && slot_of(word) != NONE
            && self
                .memory
                .read(self.slot_at(index, word) + HEAD_BYTES, into)
    }

    fn slot_at(&self, index: usize, word: u32) -> usize {
        // The page was written before the value was published.
        let page = self
            .memory
            .page(index, slot_of(word))
            .load(Ordering::Relaxed);
        (page as usize).saturating_mul(PAGE).max(PAGES_AT)
    }
}
