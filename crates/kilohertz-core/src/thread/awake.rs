//! Keeps processor cores awake while a session runs.
//!
//! A core without work goes into an idle state, from which a wake takes 20 to 60 us. There are two ways to
//! avoid it. If the system permits it, idle states are held off, as cyclictest does: the file
//! `/dev/cpu_dma_latency` is kept open, with the longest acceptable wake time written to it. If that is not
//! permitted, or has no effect because the hypervisor has idle states of its own, a thread of the
//! scheduling class `SCHED_IDLE` keeps the core busy. Every other thread preempts it at once.

use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::thread::cores::{KEEPER, is_taken, leave_taken, pin_unless_taken};
use crate::thread::realtime::{Grant, block_signals, make_ordinary};
use crate::thread::system::{allowed_cpus, set_fifo, set_idle_class, thread_id};
use crate::timing::time::Time;

/// How cores are to be kept awake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepAwake {
    /// The way that helps on this machine, which a few measured wakes show. Does nothing on battery power,
    /// and never starts a thread on every CPU of the process.
    Auto,
    /// Threads of the class `SCHED_IDLE` keep cores busy.
    Threads,
    /// Idle states are held off.
    IdleStates,
    /// Cores are not kept awake.
    Off,
}

/// What a session asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwakeRequest {
    /// How cores are kept awake.
    pub how: KeepAwake,
    /// The longest acceptable wake time from an idle state; zero allows no idle state at all. `None` leaves
    /// the system's idle states unchanged.
    pub idle_latency: Option<Duration>,
    /// How many cores threads may keep busy at most.
    pub cores: usize,
}

impl Default for AwakeRequest {
    /// The way that helps, no idle states, two cores.
    fn default() -> AwakeRequest {
        AwakeRequest {
            how: KeepAwake::Auto,
            idle_latency: Some(Duration::ZERO),
            cores: 2,
        }
    }
}

impl AwakeRequest {
    /// Asks for nothing.
    pub const OFF: AwakeRequest = AwakeRequest {
        how: KeepAwake::Off,
        idle_latency: None,
        cores: 0,
    };
}

/// What was done about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwakeReport {
    /// What was asked.
    pub asked: AwakeRequest,
    /// The grant of holding idle states off.
    pub idle_states: Grant,
    /// How many threads keep a core busy.
    pub threads: usize,
    /// The reason for this, in words.
    pub reason: String,
    /// How long a wake took, if it was measured; with idle states held off if they are.
    pub wake: Option<Duration>,
}

/// Keeps cores awake until it is dropped.
pub struct Awake {
    report: AwakeReport,
    _held: Option<File>,
    keepers: Vec<Keeper>,
}

/// The files and folders that concern idle states.
struct Places {
    latency: PathBuf,
    power: PathBuf,
    cgroups: PathBuf,
    own_cgroup: PathBuf,
}

impl Places {
    fn of_the_system() -> Places {
        Places {
            latency: "/dev/cpu_dma_latency".into(),
            power: "/sys/class/power_supply".into(),
            cgroups: "/sys/fs/cgroup".into(),
            own_cgroup: "/proc/self/cgroup".into(),
        }
    }
}

/// If a wake takes longer than this, a thread keeps the core busy.
const SLOW_WAKE: Duration = Duration::from_micros(12);
/// How many wakes are measured, and how long the core is left idle before each.
const WAKES: usize = 9;
const LEFT_ALONE: Duration = Duration::from_millis(1);
/// How often a thread spins before it checks whether another thread wants the core: some microseconds.
const SPINS: u32 = 20;
/// How often a thread checks on which core it is needed.
const LOOK: Duration = Duration::from_millis(20);

impl Awake {
    /// Keeps the cores of these threads awake, as far as the system permits. Each thread is given by its
    /// kernel number, which is 0 while it is unknown. Never fails: the report says what is missing.
    ///
    /// Measures wakes for about 10 to 20 ms if `request` is [`KeepAwake::Auto`].
    pub fn begin(request: &AwakeRequest, threads: &[Arc<AtomicU32>]) -> Awake {
        Awake::at(&Places::of_the_system(), request, threads)
    }

    /// Returns what was done about the request.
    pub fn report(&self) -> &AwakeReport {
        &self.report
    }

    fn at(places: &Places, request: &AwakeRequest, threads: &[Arc<AtomicU32>]) -> Awake {
        let mut awake = Awake {
            report: AwakeReport {
                asked: request.clone(),
                idle_states: Grant::NotAsked,
                threads: 0,
                reason: String::new(),
                wake: None,
            },
            _held: None,
            keepers: Vec::new(),
        };
        awake.report.reason = awake.keep(places, request, threads);
        awake
    }

    /// Does what was asked. Returns why it did that.
    fn keep(
        &mut self,
        places: &Places,
        request: &AwakeRequest,
        threads: &[Arc<AtomicU32>],
    ) -> String {
        let is_auto = request.how == KeepAwake::Auto;
        if request.how == KeepAwake::Off {
            return "it was not asked for".to_owned();
        }
        if is_auto && is_on_battery(&places.power) {
            return "the machine runs on battery; keepAwake: 'idleStates' or 'threads' uses its power nevertheless".to_owned();
        }
        if let (Some(latency), KeepAwake::Auto | KeepAwake::IdleStates) =
            (request.idle_latency, request.how)
        {
            match hold(&places.latency, latency) {
                Ok(file) => {
                    self._held = Some(file);
                    self.report.idle_states = Grant::Granted;
                }
                Err(reason) => self.report.idle_states = Grant::Refused(reason),
            }
        }
        if request.how == KeepAwake::IdleStates {
            return "idle states were asked to be held off".to_owned();
        }
        if is_auto {
            self.report.wake = measured_wake();
            let Some(wake) = self.report.wake else {
                return "no wake could be measured".to_owned();
            };
            if wake <= SLOW_WAKE {
                return format!("a wake takes {} us", wake.as_micros());
            }
        }
        let mut most = match spare_cpus(places) {
            Some(spare) if spare < request.cores => spare,
            _ => request.cores,
        };
        if is_auto {
            // If all cores are busy, the scheduler spreads threads that would be faster on one core.
            let others = allowed_cpus().len().saturating_sub(1);
            if others == 0 {
                return "this process has one CPU".to_owned();
            }
            most = most.min(others);
        }
        for thread in threads.iter().take(most) {
            let taken: Vec<Arc<AtomicU32>> = self
                .keepers
                .iter()
                .map(|keeper| Arc::clone(&keeper.cpu))
                .collect();
            match Keeper::start(Arc::clone(thread), taken) {
                Ok(keeper) => self.keepers.push(keeper),
                Err(error) => return format!("no thread could be started: {error}"),
            }
        }
        self.report.threads = self.keepers.len();
        match (self.report.threads, self.report.wake) {
            (0, _) if request.cores == 0 => "no core may be kept busy".to_owned(),
            (0, _) => "the container's share of the processors is too small for a thread that is always busy".to_owned(),
            (_, None) => "threads were asked for".to_owned(),
            (_, Some(wake)) => format!("a wake takes {} us otherwise", wake.as_micros()),
        }
    }
}

/// Holds off idle states from which a wake takes longer than `latency`, as long as the returned file is
/// open.
fn hold(place: &Path, latency: Duration) -> Result<File, String> {
    let told = |error: std::io::Error| {
        format!(
            "{} cannot be written: {error}; a udev rule permits it to a group, see docs/real-arm.md",
            place.display()
        )
    };
    let micros = i32::try_from(latency.as_micros()).unwrap_or(i32::MAX);
    // The standard library opens files close-on-exec, so a child process does not hold idle states off.
    let mut file = OpenOptions::new().write(true).open(place).map_err(told)?;
    file.write_all(&micros.to_ne_bytes()).map_err(told)?;
    Ok(file)
}

/// Returns true if the machine runs on a battery now.
fn is_on_battery(supplies: &Path) -> bool {
    let Ok(entries) = fs::read_dir(supplies) else {
        return false;
    };
    let reads = |path: &Path, name: &str| fs::read_to_string(path.join(name)).unwrap_or_default();
    entries.flatten().any(|entry| {
        let path = entry.path();
        // The battery of a mouse does not count; its scope is "Device".
        reads(&path, "type").trim() == "Battery"
            && reads(&path, "scope").trim() != "Device"
            && reads(&path, "status").trim() == "Discharging"
    })
}

/// Returns how many CPUs of a container may be kept busy all the time; `None` if the container sets no
/// limit.
fn spare_cpus(places: &Places) -> Option<usize> {
    let own = fs::read_to_string(&places.own_cgroup).unwrap_or_default();
    let path = own.lines().find_map(|line| line.strip_prefix("0::/"));
    let mut folder = places.cgroups.join(path.unwrap_or(""));
    let mut least: Option<f64> = None;
    loop {
        let quota = fs::read_to_string(folder.join("cpu.max")).ok();
        if let Some(cpus) = quota.as_deref().and_then(cpus_of) {
            least = Some(least.map_or(cpus, |least| least.min(cpus)));
        }
        if folder == places.cgroups || !folder.pop() {
            break;
        }
    }
    // One CPU each is left to the loop and to the policy.
    least.map(|cpus| (cpus - 2.0).max(0.0) as usize)
}

/// Returns how many CPUs a line of `cpu.max` allows, as in `"200000 100000"`; `None` for `"max 100000"`.
fn cpus_of(line: &str) -> Option<f64> {
    let mut words = line.split_whitespace();
    let quota: f64 = words.next()?.parse().ok()?;
    let period: f64 = words.next()?.parse().ok()?;
    (period > 0.0).then_some(quota / period)
}

/// Returns how long it takes to wake a thread whose core was idle: the median of some wakes. `None` if no
/// thread can be started.
fn measured_wake() -> Option<Duration> {
    let told_at = Arc::new(std::sync::Mutex::new(None::<Instant>));
    let woken = Arc::clone(&told_at);
    let (tell, told) = std::sync::mpsc::channel();
    let sleeper = thread::Builder::new()
        .name("kilohertz-measure".to_owned())
        .spawn(move || {
            block_signals();
            // If this is refused, the wake of an ordinary thread is measured.
            let _ = set_fifo(1);
            for _ in 0..WAKES {
                loop {
                    thread::park();
                    let now = Instant::now();
                    let at = woken.lock().ok().and_then(|mut at| at.take());
                    if let Some(at) = at {
                        let _ = tell.send(now.duration_since(at));
                        break;
                    }
                }
            }
        })
        .ok()?;
    let mut wakes = Vec::with_capacity(WAKES);
    for _ in 0..WAKES {
        thread::sleep(LEFT_ALONE);
        *told_at.lock().ok()? = Some(Instant::now());
        sleeper.thread().unpark();
        wakes.push(told.recv_timeout(Duration::from_secs(1)).ok()?);
    }
    sleeper.join().ok()?;
    wakes.sort_unstable();
    wakes.get(WAKES / 2).copied()
}

/// A thread that keeps the core of another thread busy.
struct Keeper {
    stop: Arc<AtomicBool>,
    /// The core that it keeps busy, or [`NOWHERE`].
    cpu: Arc<AtomicU32>,
    thread: Option<JoinHandle<()>>,
}

const NOWHERE: u32 = u32::MAX;

impl Keeper {
    /// Starts a keeper on the core of the thread `of`. If another keeper is on that core, it takes a core
    /// without a keeper.
    fn start(of: Arc<AtomicU32>, others: Vec<Arc<AtomicU32>>) -> std::io::Result<Keeper> {
        let stop = Arc::new(AtomicBool::new(false));
        let cpu = Arc::new(AtomicU32::new(NOWHERE));
        let (told, own) = (Arc::clone(&stop), Arc::clone(&cpu));
        let thread = thread::Builder::new()
            .name(KEEPER.to_owned())
            .spawn(move || {
                block_signals();
                if set_idle_class().is_err() {
                    return;
                }
                let allowed = allowed_cpus();
                while !told.load(Ordering::Relaxed) {
                    let free = |cpu: u32| {
                        // The core of a policy that spins is awake anyway.
                        !is_taken(cpu)
                            && others
                                .iter()
                                .all(|other| other.load(Ordering::Relaxed) != cpu)
                    };
                    let wanted = cpu_of(of.load(Ordering::Relaxed))
                        .filter(|&cpu| free(cpu))
                        .or_else(|| allowed.iter().copied().find(|&cpu| free(cpu)));
                    match wanted {
                        Some(wanted) if wanted == own.load(Ordering::Relaxed) => {}
                        Some(wanted) => {
                            let is_there = pin_unless_taken(wanted);
                            own.store(if is_there { wanted } else { NOWHERE }, Ordering::Relaxed);
                        }
                        None => own.store(NOWHERE, Ordering::Relaxed),
                    }
                    if own.load(Ordering::Relaxed) == NOWHERE {
                        leave_taken(&allowed);
                    }
                    if own.load(Ordering::Relaxed) == NOWHERE {
                        thread::sleep(LOOK);
                        continue;
                    }
                    let until = Time::now() + LOOK;
                    while Time::now() < until && !told.load(Ordering::Relaxed) {
                        for _ in 0..SPINS {
                            std::hint::spin_loop();
                        }
                        // A kernel with lazy preemption does not interrupt this core for an ordinary thread
                        // that another core wakes. That thread would wait for the next tick, up to 4 ms, or
                        // for a system call of this one.
                        thread::yield_now();
                    }
                }
            })?;
        Ok(Keeper {
            stop,
            cpu,
            thread: Some(thread),
        })
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // On a busy machine the thread would not get a core to end on.
            make_ordinary(&thread);
            let _ = thread.join();
        }
    }
}

/// Returns the core on which this thread ran last; `None` if the thread has ended, or is 0.
fn cpu_of(thread: u32) -> Option<u32> {
    if thread == 0 {
        return None;
    }
    let stat = fs::read_to_string(format!("/proc/{thread}/stat")).ok()?;
    // The name, in brackets, may contain anything. The core is the 39th field, the state the third.
    let (_, behind) = stat.rsplit_once(')')?;
    behind.split_whitespace().nth(36)?.parse().ok()
}

/// Returns the number of the calling thread, for [`Awake::begin`].
pub fn this_thread() -> Arc<AtomicU32> {
    Arc::new(AtomicU32::new(thread_id()))
}

#[cfg(all(test, target_os = "linux", not(loom)))]
mod tests {
    use std::io::Read as _;
    use std::sync::MutexGuard;

    use super::*;
    use crate::thread::cores::OwnCore;
    use crate::thread::cores::tests::alone;
    use crate::thread::system::{cpus_of, set_cpus};

    /// Folders that imitate those of the system.
    struct Machine(
        PathBuf,
        #[expect(dead_code, reason = "held")] MutexGuard<'static, ()>,
    );

    impl Machine {
        fn new(name: &str) -> Machine {
            let folder = format!("kilohertz-awake-{name}-{}", std::process::id());
            let root = std::env::temp_dir().join(folder);
            let machine = Machine(root, alone());
            machine.file("latency", "");
            machine.file("own", "0::/lab.slice/arm\n");
            machine
        }

        fn file(&self, path: &str, text: &str) {
            let path = self.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn places(&self) -> Places {
            Places {
                latency: self.0.join("latency"),
                power: self.0.join("power"),
                cgroups: self.0.join("cgroup"),
                own_cgroup: self.0.join("own"),
            }
        }
    }

    impl Drop for Machine {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn asked(how: KeepAwake) -> AwakeRequest {
        AwakeRequest {
            how,
            ..AwakeRequest::default()
        }
    }

    /// The numbers of the threads that keep a core busy.
    fn threads_of_the_idle_class() -> Vec<u32> {
        let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
        tasks
            .filter(|task| {
                let name = fs::read_to_string(task.path().join("comm")).unwrap_or_default();
                let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
                let policy = stat.rsplit_once(')').and_then(|(_, behind)| {
                    // The 41st field; 5 is SCHED_IDLE.
                    behind.split_whitespace().nth(38)
                });
                name.trim() == KEEPER && policy == Some("5")
            })
            .filter_map(|task| task.file_name().to_str()?.parse().ok())
            .collect()
    }

    #[test]
    fn what_is_acceptable_is_written_and_the_file_kept_open() {
        let machine = Machine::new("held");
        let request = AwakeRequest {
            idle_latency: Some(Duration::from_micros(20)),
            ..asked(KeepAwake::IdleStates)
        };
        let awake = Awake::at(&machine.places(), &request, &[]);
        assert_eq!(awake.report().idle_states, Grant::Granted);
        assert_eq!(
            fs::read(machine.0.join("latency")).unwrap(),
            20_i32.to_ne_bytes()
        );
        assert_eq!(awake.report().threads, 0);
        let open = |machine: &Machine| {
            let files = fs::read_dir("/proc/self/fd").unwrap().flatten();
            let place = machine.0.join("latency");
            files
                .filter(|file| fs::read_link(file.path()).is_ok_and(|to| to == place))
                .count()
        };
        assert_eq!(open(&machine), 1);
        drop(awake);
        assert_eq!(open(&machine), 0);
    }

    /// The kernel reports the smallest latency that any process asks for. Checked only if the file may be
    /// opened.
    #[test]
    fn the_kernel_holds_idle_states_off_as_long_as_it_lasts() {
        let told = || {
            let mut file = File::open("/dev/cpu_dma_latency").ok()?;
            let mut bytes = [0; 4];
            file.read_exact(&mut bytes).ok()?;
            Some(i32::from_ne_bytes(bytes))
        };
        let before = told();
        let awake = Awake::begin(&asked(KeepAwake::IdleStates), &[]);
        match (&awake.report().idle_states, before) {
            (Grant::Granted, Some(_)) => assert_eq!(told(), Some(0)),
            (Grant::Refused(reason), _) => assert!(reason.contains("udev"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_may_not_be_held_off_is_told_with_the_remedy() {
        let machine = Machine::new("refused");
        let mut places = machine.places();
        places.latency = machine.0.join("no/such/file");
        let awake = Awake::at(&places, &asked(KeepAwake::IdleStates), &[]);
        let Grant::Refused(reason) = &awake.report().idle_states else {
            panic!("{:?}", awake.report())
        };
        assert!(reason.contains("docs/real-arm.md"), "{reason}");
    }

    #[test]
    fn threads_are_of_the_idle_class_on_cores_of_their_own_and_end_with_it() {
        let machine = Machine::new("threads");
        let threads = [this_thread(), Arc::new(AtomicU32::new(0))];
        let awake = Awake::at(&machine.places(), &asked(KeepAwake::Threads), &threads);
        assert_eq!(awake.report().threads, 2);
        let cpus = allowed_cpus().len().min(2);
        let until = Instant::now() + Duration::from_secs(30);
        let seated = || {
            let cpus = awake
                .keepers
                .iter()
                .map(|keeper| keeper.cpu.load(Ordering::Relaxed));
            let mut cpus: Vec<u32> = cpus.filter(|&cpu| cpu != NOWHERE).collect();
            cpus.dedup();
            cpus.len()
        };
        while (threads_of_the_idle_class().len() < 2 || seated() < cpus) && Instant::now() < until {
            thread::sleep(Duration::from_millis(5));
        }
        assert_eq!((threads_of_the_idle_class().len(), seated()), (2, cpus));
        drop(awake);
        assert_eq!(threads_of_the_idle_class().len(), 0);
    }

    #[test]
    fn a_keeper_goes_where_its_thread_goes() {
        let machine = Machine::new("follows");
        let cpus = allowed_cpus();
        let places = machine.places();
        let follows = thread::spawn(move || {
            let request = AwakeRequest {
                cores: 1,
                ..asked(KeepAwake::Threads)
            };
            let awake = Awake::at(&places, &request, &[this_thread()]);
            cpus.iter().all(|&cpu| {
                set_cpus(0, &[cpu]).unwrap();
                let until = Instant::now() + Duration::from_secs(30);
                while awake.keepers[0].cpu.load(Ordering::Relaxed) != cpu && Instant::now() < until
                {
                    thread::sleep(Duration::from_millis(5));
                }
                awake.keepers[0].cpu.load(Ordering::Relaxed) == cpu
            })
        });
        assert!(follows.join().unwrap());
    }

    #[test]
    fn a_keeper_leaves_the_core_of_a_policy_that_spins() {
        let machine = Machine::new("leaves");
        let allowed = allowed_cpus();
        if allowed.len() < 2 {
            return;
        }
        let threads = [this_thread(), Arc::new(AtomicU32::new(0))];
        let awake = Awake::at(&machine.places(), &asked(KeepAwake::Threads), &threads);
        let waits_until = |is_so: &dyn Fn() -> bool| {
            let until = Instant::now() + Duration::from_secs(30);
            while !is_so() && Instant::now() < until {
                thread::sleep(Duration::from_millis(5));
            }
            assert!(is_so());
        };
        waits_until(&|| {
            let keepers = threads_of_the_idle_class();
            keepers.len() == 2 && keepers.iter().all(|&keeper| cpus_of(keeper).len() == 1)
        });
        let own = OwnCore::take(None).unwrap();
        waits_until(&|| {
            let keepers = threads_of_the_idle_class();
            let is_off = |&keeper: &u32| !cpus_of(keeper).contains(&own.cpu());
            keepers.len() == 2 && keepers.iter().all(is_off)
        });
        drop((own, awake));
    }

    #[test]
    fn no_more_cores_are_kept_busy_than_may_be() {
        let threads = [this_thread(), this_thread(), this_thread()];
        for (quota, cores, expected) in [
            ("max 100000", 2, 2),
            ("max 100000", 0, 0),
            ("300000 100000", 2, 1),
            ("200000 100000", 2, 0),
            ("50000 100000", 2, 0),
            ("nonsense", 1, 1),
        ] {
            let machine = Machine::new("quota");
            machine.file("cgroup/lab.slice/cpu.max", quota);
            let request = AwakeRequest {
                cores,
                ..asked(KeepAwake::Threads)
            };
            let awake = Awake::at(&machine.places(), &request, &threads);
            assert_eq!(
                awake.report().threads,
                expected,
                "{quota}: {:?}",
                awake.report()
            );
            assert_ne!(awake.report().reason, "");
        }
    }

    #[test]
    fn nothing_is_done_on_battery_unless_it_is_asked_for() {
        let machine = Machine::new("battery");
        machine.file("power/mouse/type", "Battery\n");
        machine.file("power/mouse/scope", "Device\n");
        machine.file("power/mouse/status", "Discharging\n");
        machine.file("power/BAT0/type", "Battery\n");
        machine.file("power/BAT0/status", "Charging\n");
        assert!(!is_on_battery(&machine.places().power));
        machine.file("power/BAT0/status", "Discharging\n");
        let awake = Awake::at(&machine.places(), &asked(KeepAwake::Auto), &[this_thread()]);
        assert_eq!(
            (&awake.report().idle_states, awake.report().threads),
            (&Grant::NotAsked, 0)
        );
        assert!(awake.report().reason.contains("battery"));
        let awake = Awake::at(
            &machine.places(),
            &asked(KeepAwake::Threads),
            &[this_thread()],
        );
        assert_eq!(awake.report().threads, 1);
    }

    #[test]
    fn left_to_choose_it_holds_idle_states_off_and_adds_threads_where_wakes_stay_slow() {
        let machine = Machine::new("auto");
        let awake = Awake::at(&machine.places(), &asked(KeepAwake::Auto), &[this_thread()]);
        let report = awake.report();
        assert_eq!(report.idle_states, Grant::Granted);
        let wake = report.wake.expect("a thread can be started");
        let spare = allowed_cpus().len() - 1;
        let threads = usize::from(wake > SLOW_WAKE).min(spare);
        assert_eq!(report.threads, threads, "{report:?}");
        let alone = AwakeRequest {
            idle_latency: None,
            ..asked(KeepAwake::Auto)
        };
        let awake = Awake::at(&machine.places(), &alone, &[this_thread()]);
        assert_eq!(awake.report().idle_states, Grant::NotAsked);
    }

    #[test]
    fn asked_for_nothing_it_does_nothing() {
        let awake = Awake::begin(&AwakeRequest::OFF, &[this_thread()]);
        assert_eq!(
            (&awake.report().idle_states, awake.report().threads),
            (&Grant::NotAsked, 0)
        );
        assert_eq!(awake.report().wake, None);
    }
}
