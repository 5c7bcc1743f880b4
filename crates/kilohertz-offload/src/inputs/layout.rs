//! The layout of the memory of the inputs.
//!
//! | at | what | written by |
//! | --- | --- | --- |
//! | 0 | 8 bytes that say whose memory it is, 4 of the version | the writer |
//! | [`CHANGES_AT`] | increases whenever an input was set or removed | the writer |
//! | [`COUNT_AT`] | how many names there are | the writer |
//! | [`ENTRIES_AT`] | [`NAMES`] entries of [`ENTRY_BYTES`], one for each name | |
//! | in an entry: 0 | the newest value: four times its number, and the number of its slot (`slots.rs`) | the writer |
//! | 4, 8, 12 | the pages at which its slots begin | the writer |
//! | [`MARK_AT`] | the value that the reader reads | the reader |
//! | [`NAME_AT`] | the length of the name, and the name | the writer |
//! | [`PAGES_AT`] | the slots: a head of [`HEAD_BYTES`], and the value | the writer |
//!
//! The head of a slot has the time \[s\], the length of the value \[bytes\], its kind, the number of its dimensions, and
//! from [`SHAPE_AT`] on the dimensions. Words have 4 bytes, in the machine's byte order.
//! `lib/offload/python/_kilohertz/inputs.py` has this layout too.

use super::slots::{NONE, SLOT_BITS};

/// Increases when anything in this layout changes.
pub const VERSION: u32 = 1;
/// How many names there may be.
pub const NAMES: usize = 64;
/// How many bytes a name may have.
pub const NAME_BYTES: usize = 64;
/// How many dimensions an array may have.
pub const DIMS: usize = 32;
/// The offset of the number of changes.
pub const CHANGES_AT: usize = 64;
/// The offset of the number of names.
pub const COUNT_AT: usize = 68;
/// The offset of the first entry.
pub const ENTRIES_AT: usize = 128;
/// The number of bytes of an entry.
pub const ENTRY_BYTES: usize = 256;
/// The offset of the reader's mark in its entry.
pub const MARK_AT: usize = 64;
/// The offset of the length of the name in its entry; the name follows.
pub const NAME_AT: usize = 128;
/// Slots begin at multiples of this.
pub const PAGE: usize = 4096;
/// The offset of the first slot.
pub const PAGES_AT: usize = (ENTRIES_AT + NAMES * ENTRY_BYTES).next_multiple_of(PAGE);
/// The number of bytes before the value in its slot.
pub const HEAD_BYTES: usize = 192;
/// The offset of the dimensions in the head.
pub const SHAPE_AT: usize = 20;
/// The kind of a value that is no array: its text in JSON.
pub const PLAIN: u32 = 255;

/// The layout by name, for the languages that read it.
pub const LAYOUT: [(&str, usize); 13] = [
    ("version", VERSION as usize),
    ("changesAt", CHANGES_AT),
    ("countAt", COUNT_AT),
    ("entriesAt", ENTRIES_AT),
    ("entryBytes", ENTRY_BYTES),
    ("markAt", MARK_AT),
    ("nameAt", NAME_AT),
    ("page", PAGE),
    ("headBytes", HEAD_BYTES),
    ("shapeAt", SHAPE_AT),
    ("slotBits", SLOT_BITS as usize),
    ("noSlot", NONE as usize),
    ("plain", PLAIN as usize),
];
