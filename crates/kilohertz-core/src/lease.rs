//! A motion that goes on only while a person keeps hold of it.
//!
//! Whoever hears the person renews a [`Lease`]; the loop reads it in each cycle. So a motion ends without
//! any other thread: also if the thread that renews the lease hangs, or has ended.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use crate::policy::{Answer, Ask, Policy, PolicyThread, Waker};
use crate::timing::time::Time;

/// No one has the lease.
const NOBODY: u64 = 0;

/// The right to move something, which has to be renewed again and again. One thread gives and renews it; any thread
/// ends and reads it. Every call is wait-free.
#[derive(Debug)]
pub struct Lease {
    limit: Duration,
    /// The number of the grant, or [`NOBODY`].
    grant: AtomicU64,
    renewed: AtomicU64,
}

impl Lease {
    /// Creates a lease that nobody has. It is valid for `limit` after it was given or renewed.
    pub fn new(limit: Duration) -> Lease {
        Lease {
            limit,
            grant: AtomicU64::new(NOBODY),
            renewed: AtomicU64::new(0),
        }
    }

    /// Gives it away. `grant` is above 0, and another one each time.
    pub fn give(&self, grant: u64, now: Time) {
        // In this order: the new grant never has the old time.
        self.renewed.store(now.as_nanos(), SeqCst);
        self.grant.store(grant, SeqCst);
    }

    /// Notes that its holder was there at this time. An earlier time than is known changes nothing.
    pub fn renew(&self, at: Time) {
        self.renewed.fetch_max(at.as_nanos(), SeqCst);
    }

    /// Ends it.
    pub fn end(&self) {
        self.grant.store(NOBODY, SeqCst);
    }

    /// Returns true if it was given away under this number, and was not ended since.
    pub fn is_given(&self, grant: u64) -> bool {
        grant != NOBODY && self.grant.load(SeqCst) == grant
    }

    /// Returns true if it was given away under this number, and is valid.
    pub fn is_valid(&self, grant: u64, now: Time) -> bool {
        let renewed = Time::from_nanos(self.renewed.load(SeqCst));
        self.is_given(grant) && now.since(renewed) <= self.limit
    }
}

/// A policy whose session ends, as if it had been asked to, when a lease is no longer valid: the robot is then
/// brought to rest within its limits.
pub struct Leased<P> {
    policy: P,
    lease: Arc<Lease>,
    grant: u64,
}

impl<P> Leased<P> {
    /// Creates a policy that goes on while the lease is given away under this number.
    pub fn new(policy: P, lease: Arc<Lease>, grant: u64) -> Leased<P> {
        Leased {
            policy,
            lease,
            grant,
        }
    }

    fn check(&self, now: Time, stop: &AtomicBool) {
        if !self.lease.is_valid(self.grant, now) {
            stop.store(true, SeqCst);
        }
    }
}

impl<P: Policy> Policy for Leased<P> {
    fn attach(&mut self) {
        self.policy.attach();
    }

    fn thread(&self) -> Option<Arc<PolicyThread>> {
        self.policy.thread()
    }

    fn waker(&self) -> Option<Waker> {
        self.policy.waker()
    }

    fn request(&mut self, ask: &Ask<'_>) {
        self.policy.request(ask);
    }

    fn poll(&mut self, until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        self.check(Time::now(), stop);
        self.policy.poll(until, stop, action)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Native, PolicyFailed};

    const LIMIT: Duration = Duration::from_millis(200);

    fn at(ms: u64) -> Time {
        Time::from_nanos(1_000_000_000 + ms * 1_000_000)
    }

    #[test]
    fn a_lease_is_valid_from_its_grant_until_nothing_has_renewed_it_for_its_limit() {
        let lease = Lease::new(LIMIT);
        assert!(!lease.is_valid(0, at(0)) && !lease.is_valid(1, at(0)));
        lease.give(1, at(0));
        assert!(lease.is_valid(1, at(0)) && lease.is_valid(1, at(200)));
        assert!(!lease.is_valid(1, at(201)) && !lease.is_valid(2, at(0)));
        lease.renew(at(150));
        lease.renew(at(20));
        assert!(lease.is_valid(1, at(350)) && !lease.is_valid(1, at(351)));
        lease.end();
        assert!(!lease.is_valid(1, at(151)));
        lease.renew(at(160));
        assert!(!lease.is_valid(1, at(160)) && !lease.is_valid(0, at(160)));
        lease.give(2, at(400));
        assert!(lease.is_valid(2, at(400)) && !lease.is_valid(1, at(400)));
    }

    #[test]
    fn a_motion_is_to_end_in_the_first_cycle_in_which_its_lease_is_not_valid() {
        let lease = Arc::new(Lease::new(LIMIT));
        lease.give(7, at(0));
        let decide = |_: &Ask<'_>, _: &mut [f64]| Ok::<(), PolicyFailed>(());
        let leased = Leased::new(Native::new(1, decide), Arc::clone(&lease), 7);
        // Beats come every 50 ms until 1 s, and then none any more.
        for ms in 0..1300 {
            if ms % 50 == 0 && ms <= 1000 {
                lease.renew(at(ms));
            }
            let stop = AtomicBool::new(false);
            leased.check(at(ms), &stop);
            assert_eq!(stop.load(SeqCst), ms > 1200, "{ms} ms");
        }
        lease.renew(at(1300));
        let stop = AtomicBool::new(false);
        leased.check(at(1301), &stop);
        assert!(!stop.load(SeqCst));
        lease.end();
        leased.check(at(1301), &stop);
        assert!(stop.load(SeqCst));
    }
}
