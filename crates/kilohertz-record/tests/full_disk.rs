//! A recording whose disk becomes full.

mod fixture;

use std::ffi::CString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fixture::{Arm, cycles, options, run};
use kilohertz_record::entry::Entry;
use kilohertz_record::error::RecordError;
use kilohertz_record::repair::repair;
use kilohertz_record::writer::{
    Compression, Progress, Recording, RunWriter, Source, WriterOptions,
};

/// A small file system in memory.
struct Disk(tempfile::TempDir);

impl Disk {
    /// Mounts one of `bytes`; `None`, after saying why, where that is refused.
    #[allow(
        unsafe_code,
        reason = "mounting has no safe function in the standard library"
    )]
    fn mount(bytes: usize) -> Option<Disk> {
        let folder = tempfile::tempdir().expect("a folder");
        let text = |text: &str| CString::new(text).expect("no zeros");
        let place = text(folder.path().to_str().expect("text"));
        let (kind, size) = (text("tmpfs"), text(&format!("size={bytes}")));
        // SAFETY: all arguments are strings that end with a zero and live for the call.
        let code = unsafe {
            libc::mount(
                kind.as_ptr(),
                place.as_ptr(),
                kind.as_ptr(),
                0,
                size.as_ptr().cast(),
            )
        };
        if code != 0 {
            eprintln!(
                "skipped: mounting is refused here: {}",
                std::io::Error::last_os_error()
            );
            return None;
        }
        Some(Disk(folder))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("run.mcap")
    }
}

impl Drop for Disk {
    #[allow(
        unsafe_code,
        reason = "unmounting has no safe function in the standard library"
    )]
    fn drop(&mut self) {
        let place = CString::new(self.0.path().to_str().expect("text")).expect("no zeros");
        // SAFETY: the argument is a string that ends with a zero and lives for the call.
        unsafe { libc::umount2(place.as_ptr(), libc::MNT_DETACH) };
    }
}

/// Gives a fixed number of cycles, some at a time.
struct Cycles {
    arm: Arm,
    next: u64,
    end: u64,
}

impl Source for Cycles {
    fn take(&mut self, give: &mut dyn FnMut(&Entry<'_>)) -> Progress {
        let until = self.end.min(self.next + 10);
        for tick in self.next..until {
            give(&Entry::Cycle(self.arm.cycle(tick)));
        }
        self.next = until;
        match self.next == self.end {
            true => Progress::Ended,
            false => Progress::More,
        }
    }
}

#[test]
fn a_full_disk_ends_the_writing_and_leaves_what_was_written() {
    let Some(disk) = Disk::mount(2 << 20) else {
        return;
    };
    let path = disk.file();
    let options = WriterOptions {
        compression: Compression::None,
        ..options()
    };
    let writer = RunWriter::create(&path, run(), &options).expect("a file");
    let told = Arc::new(AtomicUsize::new(0));
    let text = Arc::new(Mutex::new(String::new()));
    let tell = {
        let (told, text) = (Arc::clone(&told), Arc::clone(&text));
        move |error: &RecordError| {
            told.fetch_add(1, Ordering::Relaxed);
            *text.lock().expect("the text") = error.to_string();
        }
    };
    let source = Cycles {
        arm: Arm::new(),
        next: 0,
        end: 1500,
    };
    let recording = Recording::start(writer, source, tell).expect("a thread");
    while !recording.join(std::time::Duration::from_secs(60)) {}
    let counts = recording.counts();
    let error = recording.end().expect_err("the disk is full");
    assert_eq!(error.code().as_str(), "RECORD_IO");
    assert_eq!(told.load(Ordering::Relaxed), 1, "told once");
    assert!(
        text.lock().expect("the text").contains("free space there"),
        "{error}"
    );
    assert_eq!(
        counts.kept.cycles + counts.not_kept.cycles,
        1500,
        "every cycle is counted"
    );
    assert!(
        counts.kept.cycles >= 100 && counts.not_kept.cycles >= 100,
        "{counts:?}"
    );

    let (read, error) = cycles(&path);
    assert!(error.is_none(), "{error:?}");
    assert!(
        read.iter()
            .map(|cycle| cycle.tick)
            .eq(0..counts.kept.cycles)
    );
    assert_eq!(
        std::fs::metadata(&path).expect("the file").len(),
        counts.bytes
    );
    is_repaired_elsewhere(&path, counts.kept.cycles);
}

/// There is no room for a second file on a full disk, and a repair that finds none leaves the first.
fn is_repaired_elsewhere(path: &Path, cycles: u64) {
    let before = std::fs::read(path).expect("the file");
    let options_error = repair(path);
    if let Err(error) = &options_error {
        assert!(error.to_string().contains("free space there"), "{error}");
        assert_eq!(std::fs::read(path).expect("the file"), before);
        let names = std::fs::read_dir(path.parent().expect("a folder")).expect("the folder");
        assert_eq!(names.count(), 1, "nothing is left beside");
    }
    let elsewhere = tempfile::tempdir().expect("a folder");
    let copy = elsewhere.path().join("run.mcap");
    std::fs::write(&copy, before).expect("to write");
    assert_eq!(repair(&copy).expect("to repair").cycles, cycles);
}

#[test]
fn a_disk_that_is_full_at_the_start_is_refused() {
    let Some(disk) = Disk::mount(64 << 10) else {
        return;
    };
    std::fs::write(disk.0.path().join("other"), vec![1; 60 << 10]).expect("to fill the disk");
    let error = RunWriter::create(&disk.file(), run(), &options())
        .err()
        .expect("an error");
    assert!(error.to_string().contains("free space there"), "{error}");
    assert!(!disk.file().exists());
}
