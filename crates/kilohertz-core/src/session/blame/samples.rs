//! Samples of what the kernel counts, and what they say of a stretch of time. Pure: samples are passed in.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::collections::VecDeque;
use std::time::Duration;

use crate::session::blame::incident::Span;
use crate::session::blame::kernel::{Counted, IdleState, Own, Processors, Scheduled};
use crate::thread::cores::KEEPER;
use crate::timing::time::Time;

/// How many threads of this process are named that ran the most.
const BUSIEST: usize = 3;

/// The threads of a session that a sample is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Numbers {
    pub of_loop: u32,
    pub of_policy: u32,
    /// The thread that takes the samples.
    pub own: u32,
}

/// What is sampled often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Quick {
    pub at: Time,
    pub of_loop: Option<Scheduled>,
    pub of_policy: Option<Scheduled>,
}

/// What is sampled seldom, because it takes longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Full {
    pub at: Time,
    pub of_loop: Option<Counted>,
    pub of_policy: Option<Counted>,
    pub own: Vec<Own>,
    pub processors: Option<Processors>,
    pub pressure: Option<Duration>,
    /// The idle states of the loop's processor.
    pub idle: Vec<IdleState>,
}

/// The newest samples.
pub(super) struct Ring<T> {
    samples: VecDeque<T>,
    most: usize,
    at: fn(&T) -> Time,
}

impl<T> Ring<T> {
    pub fn new(most: usize, at: fn(&T) -> Time) -> Ring<T> {
        Ring {
            samples: VecDeque::with_capacity(most),
            most,
            at,
        }
    }

    pub fn push(&mut self, sample: T) {
        if self.samples.len() >= self.most {
            self.samples.pop_front();
        }
        self.samples.push_back(sample);
    }

    /// Returns the last sample before a stretch and the first after it, as far as there are such.
    fn around(&self, span: Span) -> Option<(&T, &T)> {
        let before = |sample: &&T| (self.at)(sample) <= span.from;
        let after = |sample: &&T| (self.at)(sample) >= span.to;
        let first = self.samples.iter().rfind(before);
        let first = first.or_else(|| self.samples.front())?;
        let last = self.samples.iter().find(after);
        let last = last.or_else(|| self.samples.back())?;
        ((self.at)(last) > (self.at)(first)).then_some((first, last))
    }
}

/// What the kernel counted for a thread in a stretch of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ThreadShare {
    /// How long it ran.
    pub ran: Duration,
    /// How long it waited for a processor although it could have run.
    pub waited: Duration,
    /// Page faults that needed no disk, and that needed it; `None` if they are not counted.
    pub faults: Option<(u64, u64)>,
    /// How often it had to give up its processor; `None` if that is not counted.
    pub involuntary: Option<u64>,
}

/// How long a thread of this process ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnShare {
    /// Its name.
    pub name: String,
    /// How long it ran.
    pub ran: Duration,
}

/// What is known of a stretch of time from the outside. Each value is of the shortest time between two samples
/// that has the stretch in it. `None` means that it is not known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// The time between the samples of the two threads.
    pub window: Duration,
    /// The time between the samples of the rest.
    pub full_window: Duration,
    /// The loop's thread.
    pub of_loop: Option<ThreadShare>,
    /// The policy's thread.
    pub of_policy: Option<ThreadShare>,
    /// How long the thread waited for a processor that wakes JavaScript for the loop.
    pub waker_waited: Option<Duration>,
    /// How long other threads of this process ran together: not the loop, the policy, or what keeps cores awake.
    pub own_ran: Option<Duration>,
    /// Those of them that ran the longest.
    pub busiest: Vec<OwnShare>,
    /// How long all processors together were idle.
    pub idle: Option<Duration>,
    /// How long the hypervisor took processors away.
    pub stolen: Option<Duration>,
    /// For how long some thread of the system waited for a processor.
    pub pressure: Option<Duration>,
    /// How long a wake takes from the deepest idle state that the loop's processor was in.
    pub idle_latency: Option<Duration>,
    /// How long the policy's thread stood still for its runtime's own work, within the stretch itself.
    pub paused: Duration,
    /// How many processors this process may use.
    pub cpus: usize,
}

/// Returns what two rings of samples say of a stretch.
pub(super) fn evidence(
    quick: &Ring<Quick>,
    full: &Ring<Full>,
    numbers: Numbers,
    span: Span,
) -> Evidence {
    let mut found = Evidence::default();
    if let Some((first, last)) = quick.around(span) {
        found.window = last.at.since(first.at);
        found.of_loop = share(first.of_loop, last.of_loop);
        found.of_policy = share(first.of_policy, last.of_policy);
    }
    if let Some((first, last)) = full.around(span) {
        found.full_window = last.at.since(first.at);
        count(&mut found.of_loop, first.of_loop, last.of_loop);
        count(&mut found.of_policy, first.of_policy, last.of_policy);
        machine(&mut found, first, last, numbers);
    }
    found
}

fn share(first: Option<Scheduled>, last: Option<Scheduled>) -> Option<ThreadShare> {
    let (first, last) = (first?, last?);
    Some(ThreadShare {
        ran: last.ran.saturating_sub(first.ran),
        waited: last.waited.saturating_sub(first.waited),
        ..ThreadShare::default()
    })
}

fn count(share: &mut Option<ThreadShare>, first: Option<Counted>, last: Option<Counted>) {
    let (Some(share), Some(first), Some(last)) = (share, first, last) else {
        return;
    };
    let minor = last.minor_faults.saturating_sub(first.minor_faults);
    let major = last.major_faults.saturating_sub(first.major_faults);
    share.faults = Some((minor, major));
    share.involuntary = Some(last.involuntary.saturating_sub(first.involuntary));
}

fn machine(found: &mut Evidence, first: &Full, last: &Full, numbers: Numbers) {
    if let (Some(first), Some(last)) = (first.processors, last.processors) {
        found.idle = Some(last.idle.saturating_sub(first.idle));
        found.stolen = Some(last.stolen.saturating_sub(first.stolen));
    }
    if let (Some(first), Some(last)) = (first.pressure, last.pressure) {
        found.pressure = Some(last.saturating_sub(first));
    }
    // The counts of a loop that has changed its processor meanwhile cannot be compared.
    let is_there = |counted: Option<Counted>| counted.map(|counted| counted.cpu);
    if is_there(first.of_loop) == is_there(last.of_loop) && first.idle.len() == last.idle.len() {
        let pairs = first.idle.iter().zip(&last.idle);
        let entered = pairs.filter(|(first, last)| last.entered > first.entered);
        found.idle_latency = entered.map(|(_, last)| last.latency).max();
    }
    if first.own.is_empty() || last.own.is_empty() {
        return;
    }
    let mut sum = Duration::ZERO;
    for own in &last.own {
        let before = first.own.iter().find(|each| each.number == own.number);
        let before = before.map_or(Scheduled::default(), |each| each.scheduled);
        let ran = own.scheduled.ran.saturating_sub(before.ran);
        if own.name == "kilohertz-wake" {
            let waited = own.scheduled.waited.saturating_sub(before.waited);
            let so_far = found.waker_waited.unwrap_or_default();
            found.waker_waited = Some(so_far.saturating_add(waited));
        }
        let numbers = [numbers.of_loop, numbers.of_policy, numbers.own];
        if own.name == KEEPER || numbers.contains(&own.number) || ran.is_zero() {
            continue;
        }
        sum = sum.saturating_add(ran);
        found.busiest.push(OwnShare {
            name: own.name.clone(),
            ran,
        });
    }
    found.busiest.sort_by_key(|own| std::cmp::Reverse(own.ran));
    found.busiest.truncate(BUSIEST);
    found.own_ran = Some(sum);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_nanos(ms * 1_000_000)
    }

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn span(from: u64, to: u64) -> Span {
        Span {
            from: at(from),
            to: at(to),
        }
    }

    fn quick(now: u64, ran: u64, waited: u64) -> Quick {
        Quick {
            at: at(now),
            of_loop: Some(Scheduled {
                ran: ms(ran),
                waited: ms(waited),
            }),
            of_policy: None,
        }
    }

    fn own(number: u32, name: &str, ran: u64) -> Own {
        Own {
            number,
            name: name.to_owned(),
            scheduled: Scheduled {
                ran: ms(ran),
                waited: ms(0),
            },
        }
    }

    fn full(now: u64, stolen: u64, entered: u64, own: Vec<Own>) -> Full {
        Full {
            at: at(now),
            of_loop: Some(Counted {
                minor_faults: now,
                cpu: 1,
                ..Counted::default()
            }),
            of_policy: None,
            own,
            processors: Some(Processors {
                idle: ms(now / 2),
                stolen: ms(stolen),
            }),
            pressure: None,
            idle: vec![
                IdleState {
                    latency: Duration::ZERO,
                    entered: now,
                },
                IdleState {
                    latency: Duration::from_micros(133),
                    entered,
                },
            ],
        }
    }

    #[test]
    fn a_stretch_is_seen_through_the_nearest_samples_around_it() {
        let mut ring = Ring::new(10, |quick: &Quick| quick.at);
        for (now, waited) in [(0, 0), (20, 1), (40, 9), (60, 9)] {
            ring.push(quick(now, 0, waited));
        }
        let none = Ring::new(10, |full: &Full| full.at);
        let found = evidence(&ring, &none, Numbers::default(), span(25, 33));
        assert_eq!(found.window, ms(20));
        assert_eq!(found.of_loop.unwrap().waited, ms(8));
        assert_eq!(found.of_policy, None);
        assert_eq!(found.stolen, None, "nothing is known of the machine");
        let later = evidence(&ring, &none, Numbers::default(), span(50, 90));
        assert_eq!(later.window, ms(20), "as far as there are samples");
    }

    #[test]
    fn what_the_hypervisor_took_and_which_idle_state_was_entered_is_told() {
        let quick = Ring::new(10, |quick: &Quick| quick.at);
        let mut ring = Ring::new(10, |full: &Full| full.at);
        ring.push(full(0, 0, 5, vec![]));
        ring.push(full(100, 0, 5, vec![]));
        ring.push(full(200, 20, 6, vec![]));
        let calm = evidence(&quick, &ring, Numbers::default(), span(10, 20));
        assert_eq!(calm.stolen, Some(ms(0)));
        assert_eq!(calm.idle_latency, Some(Duration::ZERO));
        let found = evidence(&quick, &ring, Numbers::default(), span(110, 120));
        assert_eq!(found.stolen, Some(ms(20)));
        assert_eq!(found.idle_latency, Some(Duration::from_micros(133)));
        assert_eq!(found.idle, Some(ms(50)));
    }

    #[test]
    fn other_threads_of_this_process_are_summed_and_the_busiest_are_named() {
        let quick = Ring::new(10, |quick: &Quick| quick.at);
        let mut ring = Ring::new(10, |full: &Full| full.at);
        let before = vec![own(1, "loop", 0), own(2, "infer", 10), own(3, KEEPER, 0)];
        ring.push(full(0, 0, 0, before));
        let after = vec![
            own(1, "loop", 90),
            own(2, "infer", 70),
            own(3, KEEPER, 90),
            own(4, "new", 5),
        ];
        ring.push(full(100, 0, 0, after));
        let numbers = Numbers {
            of_loop: 1,
            ..Numbers::default()
        };
        let found = evidence(&quick, &ring, numbers, span(10, 20));
        assert_eq!(found.own_ran, Some(ms(65)));
        let names: Vec<_> = found.busiest.iter().map(|own| own.name.as_str()).collect();
        assert_eq!(names, ["infer", "new"]);
    }
}
