//! A core for a policy that spins.
//!
//! The kernel places a woken realtime thread on the core whose running thread has the lowest priority. That
//! is the core of the policy that spins, and the policy then answers only when the loop sleeps. So the
//! policy gets a physical core, and the realtime threads of this process stay off it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::thread::system::{allowed_cpus, cpus_of, set_cpus, thread_id};

/// The CPUs that policies of this process have taken.
static TAKEN: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

fn taken_cpus() -> MutexGuard<'static, BTreeSet<u32>> {
    TAKEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The name of the threads that keep cores awake: these threads check by themselves which cores are taken.
pub(crate) const KEEPER: &str = "kilohertz-awake";

/// Returns true if this CPU belongs to a policy that spins.
pub(crate) fn is_taken(cpu: u32) -> bool {
    taken_cpus().contains(&cpu)
}

/// Pins the calling thread to this CPU, unless it belongs to a policy that spins. Returns true if it is
/// pinned.
pub(crate) fn pin_unless_taken(cpu: u32) -> bool {
    // The lock is held so that no policy takes the CPU in between.
    let taken = taken_cpus();
    !taken.contains(&cpu) && set_cpus(0, &[cpu]).is_ok()
}

/// Lets the calling thread run on all of these CPUs that no policy has taken.
pub(crate) fn leave_taken(allowed: &[u32]) {
    let taken = taken_cpus();
    let left: Vec<u32> = allowed
        .iter()
        .copied()
        .filter(|cpu| !taken.contains(cpu))
        .collect();
    if !left.is_empty() {
        let _ = set_cpus(0, &left);
    }
}

/// Keeps the calling thread off the cores of policies that spin, as long as it has other cores left.
pub fn stay_off_taken() {
    let taken = taken_cpus().clone();
    if !taken.is_empty() {
        move_off(0, &taken);
    }
}

/// Keeps the calling thread, which is the policy's, on its CPU.
///
/// # Errors
/// Returns the system's error, in words.
pub fn stay_on(cpu: u32) -> Result<(), String> {
    set_cpus(0, &[cpu])
}

/// A physical core that one policy has to itself, until this is dropped.
#[derive(Debug)]
pub struct OwnCore {
    cpus: Vec<u32>,
    /// The threads that were moved off this core, each with the CPUs that it had before.
    moved: Vec<(u32, Vec<u32>)>,
}

impl OwnCore {
    /// Takes a physical core that this process may use, other than the core of the CPU `avoid`, and moves
    /// the realtime threads of this process off it. CPUs that are reserved by `isolcpus` are taken only if
    /// there are no others.
    ///
    /// # Errors
    /// Returns why there is none, in words: the loop and the policy need a physical core each.
    pub fn take(avoid: Option<u32>) -> Result<OwnCore, String> {
        OwnCore::take_of(&allowed_cpus(), Path::new("/sys/devices/system/cpu"), avoid)
    }

    fn take_of(allowed: &[u32], system: &Path, avoid: Option<u32>) -> Result<OwnCore, String> {
        let mut taken = taken_cpus();
        let isolated = list(&read(&system.join("isolated")));
        let (kept, common): (Vec<u32>, Vec<u32>) =
            allowed.iter().partition(|cpu| isolated.contains(cpu));
        let usable = if common.is_empty() { kept } else { common };
        let mut cores: Vec<Vec<u32>> = Vec::new();
        for &cpu in &usable {
            let siblings = read(&system.join(format!("cpu{cpu}/topology/thread_siblings_list")));
            let siblings = list(&siblings);
            match cores
                .iter_mut()
                .find(|core| core.iter().any(|one| siblings.contains(one)))
            {
                Some(core) => core.push(cpu),
                None => cores.push(vec![cpu]),
            }
        }
        let free: Vec<Vec<u32>> = cores
            .into_iter()
            .filter(|core| !core.iter().any(|cpu| taken.contains(cpu)))
            .collect();
        let own = free
            .iter()
            .rev()
            .find(|core| !avoid.is_some_and(|cpu| core.contains(&cpu)));
        let (Some(own), true) = (own, free.len() > 1) else {
            return Err(format!(
                "{} free physical core{} for the policy and the loop, and this process may use the CPUs {allowed:?}",
                free.len(),
                if free.len() == 1 { " is" } else { "s are" },
            ));
        };
        taken.extend(own);
        let taken_now = taken.clone();
        drop(taken);
        let moved = ours()
            .into_iter()
            .filter_map(|thread| Some((thread, move_off(thread, &taken_now)?)))
            .collect();
        Ok(OwnCore {
            cpus: own.clone(),
            moved,
        })
    }

    /// Returns the CPU for the policy.
    pub fn cpu(&self) -> u32 {
        self.cpus.first().copied().unwrap_or(0)
    }
}

impl Drop for OwnCore {
    fn drop(&mut self) {
        let mut taken = taken_cpus();
        for cpu in &self.cpus {
            taken.remove(cpu);
        }
        drop(taken);
        let ours = ours();
        for (thread, cpus) in &self.moved {
            if ours.contains(thread) {
                let _ = set_cpus(*thread, cpus);
            }
        }
    }
}

/// Keeps a thread (0 for the calling one) off these CPUs, if it has others left. Returns the CPUs that it
/// had.
fn move_off(thread: u32, taken: &BTreeSet<u32>) -> Option<Vec<u32>> {
    let had = cpus_of(thread);
    let left: Vec<u32> = had
        .iter()
        .copied()
        .filter(|cpu| !taken.contains(cpu))
        .collect();
    let moves = !left.is_empty() && left.len() < had.len();
    (moves && set_cpus(thread, &left).is_ok()).then_some(had)
}

/// Returns the threads that this package has started in this process, except the calling one and
/// [`KEEPER`]s.
fn ours() -> Vec<u32> {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    tasks
        .flatten()
        .filter(|task| {
            let name = read(&task.path().join("comm"));
            name.starts_with("kilohertz-") && name.trim() != KEEPER
        })
        .filter_map(|task| task.file_name().to_str()?.parse().ok())
        .filter(|&thread| thread != thread_id())
        .collect()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// Returns the numbers of a list in the kernel's notation, as in `"0-2,5"`.
fn list(text: &str) -> Vec<u32> {
    text.trim()
        .split(',')
        .filter_map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            Some(first.trim().parse::<u32>().ok()?..=last.trim().parse::<u32>().ok()?)
        })
        // A range longer than any machine has CPUs is not a list of CPUs.
        .filter(|range| range.end().saturating_sub(*range.start()) < 10_000)
        .flatten()
        .collect()
}

#[cfg(all(test, target_os = "linux", not(loom)))]
pub(crate) mod tests {
    use std::path::PathBuf;
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// The taken CPUs and the threads that keep cores awake belong to the whole process.
    static ALONE: Mutex<()> = Mutex::new(());

    pub(crate) fn alone() -> MutexGuard<'static, ()> {
        ALONE.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a folder that imitates the system's, with these siblings of each CPU.
    fn system(name: &str, siblings: &[&str], isolated: &str) -> PathBuf {
        let folder = format!("kilohertz-cores-{name}-{}", std::process::id());
        let root = std::env::temp_dir().join(folder);
        for (cpu, siblings) in siblings.iter().enumerate() {
            let topology = root.join(format!("cpu{cpu}/topology"));
            fs::create_dir_all(&topology).unwrap();
            fs::write(topology.join("thread_siblings_list"), siblings).unwrap();
        }
        fs::write(root.join("isolated"), isolated).unwrap();
        root
    }

    #[test]
    fn a_list_of_the_kernels_is_read() {
        assert_eq!(list("0-2,5\n"), [0, 1, 2, 5]);
        assert_eq!(list("7"), [7]);
        for nothing in ["", "\n", "x", "1-", "0-4000000000"] {
            assert_eq!(list(nothing), [], "{nothing}");
        }
    }

    #[test]
    fn the_policy_gets_a_physical_core_that_neither_loop_nor_another_policy_uses() {
        let _alone = alone();
        let four = system("four", &["0,2", "1,3", "0,2", "1,3", "4", "5"], "5");
        let allowed = [0, 1, 2, 3, 4, 5];
        let first = OwnCore::take_of(&allowed, &four, None).unwrap();
        assert_eq!(first.cpus, [4], "5 is isolated");
        let second = OwnCore::take_of(&allowed, &four, Some(3)).unwrap();
        assert_eq!(second.cpus, [0, 2], "the loop is on 1 and 3");
        let refusal = OwnCore::take_of(&allowed, &four, None).unwrap_err();
        assert!(refusal.contains("1 free physical core is"), "{refusal}");
        drop(first);
        let third = OwnCore::take_of(&allowed, &four, None).unwrap();
        assert_eq!(third.cpu(), 4);
        drop((second, third));
        let kept = OwnCore::take_of(
            &[4, 5],
            &system("kept", &["0", "1", "2", "3", "4", "5"], "4,5"),
            None,
        );
        assert_eq!(
            kept.unwrap().cpu(),
            5,
            "whoever may use nothing else means them"
        );
    }

    #[test]
    fn siblings_are_one_core_and_one_core_is_too_few() {
        let _alone = alone();
        let siblings = system("siblings", &["0-1", "0-1"], "");
        let refusal = OwnCore::take_of(&[0, 1], &siblings, None).unwrap_err();
        assert!(refusal.contains("[0, 1]"), "{refusal}");
        let two = system("two", &["0", "1"], "");
        assert!(OwnCore::take_of(&[1], &two, None).is_err());
        let unknown = Path::new("/no/such/folder");
        assert_eq!(
            OwnCore::take_of(&[0, 1], unknown, Some(1)).unwrap().cpu(),
            0
        );
    }

    #[test]
    fn threads_of_this_package_leave_the_core_and_come_back() {
        let _alone = alone();
        let allowed = allowed_cpus();
        if allowed.len() < 2 {
            return;
        }
        let (tell, told) = mpsc::channel();
        let worker = thread::Builder::new()
            .name("kilohertz-test".to_owned())
            .spawn(move || {
                tell.send(thread_id()).unwrap();
                thread::park();
            })
            .unwrap();
        let number = told.recv().unwrap();
        let own = OwnCore::take_of(&allowed, Path::new("/no/such/folder"), None).unwrap();
        assert!(!cpus_of(number).contains(&own.cpu()));
        let begun_later = thread::spawn(|| {
            stay_off_taken();
            cpus_of(0)
        });
        assert!(!begun_later.join().unwrap().contains(&own.cpu()));
        drop(own);
        assert_eq!(cpus_of(number), allowed);
        worker.thread().unpark();
        worker.join().unwrap();
    }
}
