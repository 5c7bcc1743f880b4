//! Named inputs: the newest wins, none is torn, and whatever the reader writes does not harm the writer.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};

use kilohertz_offload::inputs::layout::{
    CHANGES_AT, COUNT_AT, ENTRIES_AT, MARK_AT, NAMES, PAGES_AT, PLAIN,
};
use kilohertz_offload::inputs::{Head, InputsError, InputsReader, InputsWriter};
use rustix::fs::{SealFlags, fcntl_get_seals};

const LIMIT: usize = 1 << 20;
const IMAGE: usize = 64 * 1024;

fn head(time_s: f64) -> Head {
    Head {
        time_s,
        kind: 1,
        shape: vec![256, 256],
    }
}

fn ends() -> (InputsWriter, InputsReader) {
    let writer = InputsWriter::make(LIMIT).unwrap();
    let reader = InputsReader::join(writer.file()).unwrap();
    (writer, reader)
}

/// The memory, as a process that was given it sees it.
fn memory_of(writer: &InputsWriter) -> File {
    let path = format!("/proc/self/fd/{}", writer.file().as_raw_fd());
    File::options().read(true).write(true).open(path).unwrap()
}

fn read(reader: &InputsReader, index: usize) -> Option<(f64, Vec<u8>)> {
    let (word, head, length) = reader.take(index)?;
    let mut bytes = vec![0; length];
    assert!(reader.copy(index, word, &mut bytes));
    Some((head.time_s, bytes))
}

#[test]
fn the_newest_value_of_each_name_is_read_with_what_is_told_of_it() {
    let (mut writer, reader) = ends();
    assert_eq!(reader.count(), 0);
    assert!(!writer.set("image", &head(1.0), &[7; IMAGE], IMAGE).unwrap());
    assert!(writer.set("image", &head(2.0), &[8; IMAGE], IMAGE).unwrap());
    let prompt = Head {
        kind: PLAIN,
        shape: vec![],
        ..head(3.0)
    };
    writer.set("prompt", &prompt, b"\"go\"", 4096).unwrap();
    let names: Vec<_> = (0..reader.count()).map(|nth| reader.name(nth)).collect();
    assert_eq!(names, [Some("image".into()), Some("prompt".into())]);
    let (word, told, length) = reader.take(0).unwrap();
    assert_eq!((told, length), (head(2.0), IMAGE));
    assert_eq!(reader.newest(0), Some(word));
    assert_eq!(read(&reader, 0), Some((2.0, vec![8; IMAGE])));
    assert_eq!(read(&reader, 1), Some((3.0, b"\"go\"".to_vec())));
    // What was seen is not counted as overwritten.
    assert!(!writer.set("image", &head(4.0), &[9; IMAGE], IMAGE).unwrap());
    assert_ne!(reader.newest(0), Some(word));
}

#[test]
fn a_change_is_told_and_a_removed_value_is_gone() {
    let (mut writer, reader) = ends();
    let before = reader.changes();
    writer.set("image", &head(1.0), &[7; IMAGE], IMAGE).unwrap();
    assert_ne!(reader.changes(), before);
    let before = reader.changes();
    assert!(writer.remove("image"));
    assert!(!writer.remove("image") && !writer.remove("other"));
    assert_ne!(reader.changes(), before);
    assert_eq!((reader.newest(0), read(&reader, 0)), (None, None));
    writer.set("image", &head(2.0), &[8; 10], 10).unwrap();
    assert_eq!(read(&reader, 0), Some((2.0, vec![8; 10])));
}

#[test]
fn a_value_that_is_read_stays_while_others_are_set_and_grow() {
    let (mut writer, reader) = ends();
    writer.set("image", &head(0.0), &[1; IMAGE], IMAGE).unwrap();
    let (word, _, length) = reader.take(0).unwrap();
    for nth in 2..100_usize {
        let bytes = vec![nth as u8; IMAGE + 1000 * nth];
        writer.set("image", &head(0.0), &bytes, 2 * IMAGE).unwrap();
        let mut seen = vec![0; length];
        if nth < 3 {
            assert!(reader.copy(0, word, &mut seen));
            assert_eq!(seen, vec![1; IMAGE]);
        }
        assert_eq!(read(&reader, 0).unwrap().1, bytes);
    }
}

#[test]
fn no_value_is_torn_however_fast_others_are_set() {
    let (mut writer, reader) = ends();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut last = 0.0;
            let mut seen = 0_u32;
            while !over.load(Ordering::Relaxed) || seen == 0 {
                let Some((time, bytes)) = read(&reader, 0) else {
                    continue;
                };
                assert!(bytes.iter().all(|byte| *byte == time as u64 as u8));
                assert!(time >= last);
                last = time;
                seen += 1;
            }
        });
        for nth in 0..20_000_u32 {
            let bytes = [nth as u8; IMAGE];
            writer
                .set("image", &head(f64::from(nth)), &bytes, IMAGE)
                .unwrap();
        }
        over.store(true, Ordering::Relaxed);
    });
}

#[test]
fn what_has_no_room_is_refused_and_nothing_changes() {
    let (mut writer, reader) = ends();
    for nth in 0..NAMES {
        writer.set(&nth.to_string(), &head(0.0), &[1], 1).unwrap();
    }
    let changes = reader.changes();
    let more = writer.set("more", &head(0.0), &[1], 1);
    let large = writer.set("0", &head(0.0), &vec![0; 100 * LIMIT], 1);
    let deep = Head {
        shape: vec![1; 33],
        ..head(0.0)
    };
    let deep = writer.set("0", &deep, &[1], 1);
    assert_eq!(more, Err(InputsError::Name));
    assert_eq!([large, deep], [Err(InputsError::Room); 2]);
    let (mut writer, _) = ends();
    let long = writer.set(&"n".repeat(65), &head(0.0), &[1], 1);
    assert_eq!(long, Err(InputsError::Name));
    assert_eq!(reader.changes(), changes);
}

#[test]
fn the_size_of_the_memory_is_sealed() {
    let (writer, _) = ends();
    let all = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL;
    assert_eq!(fcntl_get_seals(writer.file()).unwrap(), all);
}

/// Numbers that are large, small, or nearly right.
fn hostile(nth: u32) -> u32 {
    match nth % 5 {
        0 => u32::MAX,
        1 => nth,
        2 => nth.wrapping_mul(0x9e37_79b9),
        3 => 3,
        _ => 1 << (nth % 32),
    }
}

#[test]
fn whatever_a_reader_writes_the_writer_goes_on_within_the_memory() {
    let (mut writer, _) = ends();
    let memory = memory_of(&writer);
    let size = memory.metadata().unwrap().len();
    writer.set("image", &head(0.0), &[1; IMAGE], IMAGE).unwrap();
    let words = [
        0,
        CHANGES_AT,
        COUNT_AT,
        ENTRIES_AT,
        ENTRIES_AT + 4,
        ENTRIES_AT + 8,
        ENTRIES_AT + 12,
        ENTRIES_AT + MARK_AT,
        PAGES_AT,
        PAGES_AT + 8,
    ];
    for nth in 0..2_000_u32 {
        for (at, word) in words.iter().zip(nth..) {
            memory
                .write_all_at(&hostile(word).to_ne_bytes(), *at as u64)
                .unwrap();
        }
        let bytes = [nth as u8; IMAGE];
        writer
            .set("image", &head(f64::from(nth)), &bytes, IMAGE)
            .unwrap();
        if nth.is_multiple_of(100) {
            writer.remove("image");
        }
    }
    assert_eq!(memory.metadata().unwrap().len(), size);
}

#[test]
fn whatever_lies_in_the_memory_a_reader_reads_within_it() {
    let (mut writer, reader) = ends();
    let memory = memory_of(&writer);
    writer.set("image", &head(0.0), &[1; 100], 100).unwrap();
    for nth in 0..5_000_u32 {
        let places = [
            COUNT_AT,
            ENTRIES_AT,
            ENTRIES_AT + 4,
            ENTRIES_AT + 8,
            ENTRIES_AT + 12,
        ];
        for (at, word) in places.iter().zip(nth..) {
            memory
                .write_all_at(&hostile(word).to_ne_bytes(), *at as u64)
                .unwrap();
        }
        for (at, word) in (0..48).map(|nth| PAGES_AT + 4 * nth).zip(nth..) {
            memory
                .write_all_at(&hostile(word).to_ne_bytes(), at as u64)
                .unwrap();
        }
        for index in [0, 1, NAMES - 1, NAMES, usize::MAX] {
            reader.name(index);
            reader.newest(index);
            if let Some((word, _, _)) = reader.take(index) {
                reader.copy(index, word, &mut [0; 4096]);
            }
            reader.copy(index, hostile(nth), &mut [0; 4096]);
        }
    }
}

#[test]
fn memory_of_others_is_refused() {
    let file = File::open("/proc/self/exe").unwrap();
    assert!(InputsReader::join(std::os::fd::AsFd::as_fd(&file)).is_err());
}
