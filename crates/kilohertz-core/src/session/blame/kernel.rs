//! What the kernel counts for threads and processors. A file that is missing, or is not as expected, means that
//! it is not known: never an error.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The unit of times in `/proc/stat` \[ms\]: a hundredth of a second on every processor.
const CLOCK_TICK_MS: u64 = 10;

/// What the scheduler counts for a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Scheduled {
    /// How long it has run.
    pub ran: Duration,
    /// How long it has waited for a processor although it could have run.
    pub waited: Duration,
}

/// What else is counted for a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counted {
    /// Page faults that needed no disk, and that needed it.
    pub minor_faults: u64,
    pub major_faults: u64,
    /// How often it had to give up its processor.
    pub involuntary: u64,
    /// The processor on which it ran last.
    pub cpu: u32,
}

/// A thread of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Own {
    pub number: u32,
    pub name: String,
    pub scheduled: Scheduled,
}

/// Times of all processors together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Processors {
    pub idle: Duration,
    /// Taken by the hypervisor.
    pub stolen: Duration,
}

/// An idle state of a processor: how long a wake from it takes, and how often it was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct IdleState {
    pub latency: Duration,
    pub entered: u64,
}

/// Reads the kernel's files.
pub(super) struct Kernel {
    proc: PathBuf,
    sys: PathBuf,
    /// The names of this process's threads, which do not change.
    names: HashMap<u32, String>,
}

impl Kernel {
    pub fn of_the_system() -> Kernel {
        Kernel::at("/proc".into(), "/sys".into())
    }

    pub fn at(proc: PathBuf, sys: PathBuf) -> Kernel {
        Kernel {
            proc,
            sys,
            names: HashMap::new(),
        }
    }

    /// Reads a file of a thread of this or of another process.
    fn of_thread(&self, thread: u32, file: &str) -> Option<String> {
        if thread == 0 {
            return None;
        }
        let number = thread.to_string();
        let folder = self.proc.join(&number).join("task").join(&number);
        text_of(&folder.join(file))
    }

    pub fn scheduled(&self, thread: u32) -> Option<Scheduled> {
        scheduled_in(&self.of_thread(thread, "schedstat")?)
    }

    pub fn counted(&self, thread: u32) -> Option<Counted> {
        let stat = self.of_thread(thread, "stat")?;
        let status = self.of_thread(thread, "status").unwrap_or_default();
        counted_in(&stat, &status)
    }

    /// Returns the threads of this process.
    pub fn own_threads(&mut self) -> Vec<Own> {
        let folder = self.proc.join("self/task");
        let Ok(entries) = fs::read_dir(&folder) else {
            return Vec::new();
        };
        let numbers = entries.flatten().filter_map(|entry| {
            let name = entry.file_name();
            name.to_str()?.parse::<u32>().ok()
        });
        let mut known = HashMap::new();
        let mut threads = Vec::new();
        for number in numbers {
            let place = folder.join(number.to_string());
            let scheduled = fs::read_to_string(place.join("schedstat"));
            let Some(scheduled) = scheduled.ok().and_then(|text| scheduled_in(&text)) else {
                continue;
            };
            let name = self.names.remove(&number).unwrap_or_else(|| {
                let name = text_of(&place.join("comm")).unwrap_or_default();
                name.trim().to_owned()
            });
            known.insert(number, name.clone());
            threads.push(Own {
                number,
                name,
                scheduled,
            });
        }
        self.names = known;
        threads
    }

    pub fn processors(&self) -> Option<Processors> {
        processors_in(&fs::read_to_string(self.proc.join("stat")).ok()?)
    }

    /// Returns for how long some thread of the system has waited for a processor.
    pub fn pressure(&self) -> Option<Duration> {
        pressure_in(&fs::read_to_string(self.proc.join("pressure/cpu")).ok()?)
    }

    /// Returns the idle states of a processor that are in use.
    pub fn idle_states(&self, cpu: u32) -> Vec<IdleState> {
        let folder = format!("devices/system/cpu/cpu{cpu}/cpuidle");
        let Ok(entries) = fs::read_dir(self.sys.join(folder)) else {
            return Vec::new();
        };
        let mut states: Vec<_> = entries
            .flatten()
            .filter_map(|entry| {
                let read = |name: &str| {
                    let text = fs::read_to_string(entry.path().join(name)).ok()?;
                    text.trim().parse::<u64>().ok()
                };
                (read("disable") != Some(1)).then_some(())?;
                Some(IdleState {
                    latency: Duration::from_micros(read("latency")?),
                    entered: read("usage")?,
                })
            })
            .collect();
        states.sort_unstable_by_key(|state| state.latency);
        states
    }
}

/// Returns the text of a file. Some have the name of a thread, which is any bytes: one that was cut in the middle of a
/// character is no UTF-8.
fn text_of(file: &Path) -> Option<String> {
    let bytes = fs::read(file).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn scheduled_in(text: &str) -> Option<Scheduled> {
    let mut numbers = text.split_whitespace();
    let mut next = || Some(Duration::from_nanos(numbers.next()?.parse().ok()?));
    Some(Scheduled {
        ran: next()?,
        waited: next()?,
    })
}

fn counted_in(stat: &str, status: &str) -> Option<Counted> {
    // The name, in brackets, may contain anything. The fields behind it begin with the third.
    let (_, behind) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let field = |number: usize| fields.get(number.checked_sub(3)?)?.parse::<u64>().ok();
    let involuntary = status
        .lines()
        .find_map(|line| line.strip_prefix("nonvoluntary_ctxt_switches:"))
        .and_then(|count| count.trim().parse().ok());
    Some(Counted {
        minor_faults: field(10)?,
        major_faults: field(12)?,
        involuntary: involuntary.unwrap_or(0),
        cpu: field(39)? as u32,
    })
}

fn processors_in(text: &str) -> Option<Processors> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = line
        .split_whitespace()
        .map_while(|number| number.parse().ok())
        .collect();
    let time = |place: usize| {
        let ticks: u64 = *times.get(place)?;
        Some(Duration::from_millis(ticks.saturating_mul(CLOCK_TICK_MS)))
    };
    // user, nice, system, idle, iowait, irq, softirq, steal
    Some(Processors {
        idle: time(3)?.saturating_add(time(4)?),
        stolen: time(7)?,
    })
}

fn pressure_in(text: &str) -> Option<Duration> {
    let line = text.lines().find(|line| line.starts_with("some "))?;
    let (_, total) = line.rsplit_once("total=")?;
    Some(Duration::from_micros(total.trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_as_the_kernel_writes_them() {
        let scheduled = scheduled_in("78720 9421 2\n").unwrap();
        assert_eq!(scheduled.ran, Duration::from_nanos(78_720));
        assert_eq!(scheduled.waited, Duration::from_nanos(9_421));
        let stat = "2146 (a) b) R 2139 2139 28826 0 -1 4194304 102 7 3 0 0 0 0 0 20 0 1 0 2958982 3133440 363 \
                    18446744073709551615 1 2 3 0 0 0 0 0 0 0 0 0 17 5 0 0 0 0 0 1 2 3 4 5 6 7 0";
        let status = "Threads:\t1\nvoluntary_ctxt_switches:\t4\nnonvoluntary_ctxt_switches:\t11\n";
        let counted = Counted {
            minor_faults: 102,
            major_faults: 3,
            involuntary: 11,
            cpu: 5,
        };
        assert_eq!(counted_in(stat, status), Some(counted));
        let processors = processors_in("cpu  3901 104 811 992 9 0 441 23 0 0\ncpu0 1 2\n").unwrap();
        assert_eq!(processors.idle, Duration::from_millis(10_010));
        assert_eq!(processors.stolen, Duration::from_millis(230));
        let pressure =
            "some avg10=97.25 avg60=97.60 avg300=75.46 total=17560\nfull avg10=0.00 total=0\n";
        assert_eq!(pressure_in(pressure), Some(Duration::from_micros(17_560)));
    }

    #[test]
    fn the_times_of_many_processors_that_ran_for_years_are_read() {
        let text = "cpu  1 2 3 20000000000 4 5 6 7000000000 0 0\n";
        let processors = processors_in(text).unwrap();
        assert_eq!(processors.idle, Duration::from_millis(200_000_000_040));
        assert_eq!(processors.stolen, Duration::from_secs(70_000_000));
    }

    #[test]
    fn a_thread_whose_name_is_no_text_is_counted_as_any_other() {
        let proc = std::env::temp_dir().join(format!("kilohertz-proc-{}", std::process::id()));
        let behind = b") R 1 1 1 0 -1 4194304 102 7 3 0 0 0 0 0 20 0 1 0 2 3 4 5 1 2 3 0 0 0 0 0 0 0 0 0 17 5 0";
        let stat = [b"9 (a\xd0".as_slice(), behind].concat();
        let status = b"Name:\ta\xd0\nnonvoluntary_ctxt_switches:\t11\n".to_vec();
        for folder in ["9/task/9", "self/task/9"] {
            let folder = proc.join(folder);
            fs::create_dir_all(&folder).unwrap();
            for (file, bytes) in [
                ("stat", stat.clone()),
                ("status", status.clone()),
                ("schedstat", b"1 2 3\n".to_vec()),
                ("comm", b"a\xd0\n".to_vec()),
            ] {
                fs::write(folder.join(file), bytes).unwrap();
            }
        }
        let mut kernel = Kernel::at(proc.clone(), PathBuf::from("/nonexistent"));
        let counted = kernel.counted(9);
        let threads = kernel.own_threads();
        fs::remove_dir_all(&proc).unwrap();
        let faults = counted.map(|counted| (counted.minor_faults, counted.involuntary));
        assert_eq!(faults, Some((102, 11)));
        assert_eq!(threads[0].name, "a\u{fffd}");
    }

    #[test]
    fn what_is_not_as_expected_is_not_known() {
        for text in [
            "",
            "x",
            "cpu",
            "cpu  1 2 3",
            "some total=x",
            ") 1 2",
            "-1 -1",
        ] {
            assert_eq!(scheduled_in(text), None, "{text}");
            assert_eq!(counted_in(text, text), None, "{text}");
            assert_eq!(processors_in(text), None, "{text}");
            assert_eq!(pressure_in(text), None, "{text}");
        }
        let nowhere = PathBuf::from("/nonexistent");
        let mut kernel = Kernel::at(nowhere.clone(), nowhere);
        assert_eq!(kernel.scheduled(1), None);
        assert_eq!(kernel.counted(1), None);
        assert!(kernel.own_threads().is_empty());
        assert_eq!(kernel.processors(), None);
        assert!(kernel.idle_states(0).is_empty());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_thread_is_found_among_its_own() {
        let mut kernel = Kernel::of_the_system();
        let own = crate::thread::system::thread_id();
        assert!(kernel.own_threads().iter().any(|each| each.number == own));
    }
}
