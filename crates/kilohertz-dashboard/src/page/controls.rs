//! Who holds the controls: one page at a time, for as long as it answers.
//!
//! The page that holds them is asked twenty times a second whether it is there ([`Told::Beat`]). What it
//! answers renews a [`Lease`] as of the moment at which it was asked, so a slow link counts as a lost one.
//! The loops of the motions read the lease themselves: they brake when it is not renewed for [`BRAKE_AFTER`],
//! and at once when it ends, also if this thread hangs.
//!
//! [`Told::Beat`]: crate::page::protocol::Told::Beat

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kilohertz_core::lease::Lease;
use kilohertz_core::timing::time::Time;

use crate::page::protocol::PageCommand;

/// What the controls move is brought to rest if no page has answered a question that was asked within this
/// time.
pub const BRAKE_AFTER: Duration = Duration::from_millis(200);
/// A page that has answered nothing for so long does not hold the controls any more.
const LOST_AFTER: Duration = Duration::from_secs(1);
/// The time between two questions.
pub(super) const BEAT: Duration = Duration::from_millis(50);
/// How many questions are remembered: those that a page can still answer.
const KEPT_BEATS: usize = 32;

/// An arm that the controls can move. None of these calls blocks.
pub trait Controlled: Send + Sync {
    /// Starts what was asked for, for as long as the lease is given away under this number. What comes of it
    /// is told as an event.
    ///
    /// # Errors
    /// Returns in words why it is not started.
    fn start(&self, control: PageCommand, grant: u64) -> Result<(), String>;

    /// Turns a joint, 0 to 6, for a moment, upwards if `is_up`.
    ///
    /// # Errors
    /// Returns in words why it does not turn.
    fn jog(&self, joint: u8, is_up: bool, grant: u64) -> Result<(), String>;

    /// Lets no joint turn any more.
    fn end_jog(&self);

    /// Ends what goes on without reading the lease, because it is over.
    fn let_go(&self);
}

/// The page that holds the controls.
struct Holder {
    page: u64,
    /// The number of the grant.
    grant: u64,
    /// The questions that may still be answered, the oldest first, with when they were asked.
    asked: VecDeque<(u32, Time)>,
    next: u32,
    heard: Time,
}

/// Who holds the controls.
pub(super) struct Controls {
    lease: Arc<Lease>,
    holder: RefCell<Option<Holder>>,
    grants: Cell<u64>,
}

impl Controls {
    pub fn new(lease: Arc<Lease>) -> Controls {
        Controls {
            lease,
            holder: RefCell::new(None),
            grants: Cell::new(0),
        }
    }

    /// Returns the page that holds them.
    pub fn holder(&self) -> Option<u64> {
        self.holder.borrow().as_ref().map(|holder| holder.page)
    }

    /// Gives them to a page.
    pub fn hold(&self, page: u64, now: Time) -> Result<(), String> {
        let mut holder = self.holder.borrow_mut();
        if let Some(holder) = holder.as_ref().filter(|held| self.has(held)) {
            return match holder.page == page {
                true => Ok(()),
                false => Err("another page holds the controls: it lets them go first".to_owned()),
            };
        }
        let grant = self.grants.get().saturating_add(1);
        self.grants.set(grant);
        self.lease.give(grant, now);
        *holder = Some(Holder {
            page,
            grant,
            asked: VecDeque::new(),
            next: 0,
            heard: now,
        });
        Ok(())
    }

    /// Takes them from a page, or from whichever page has them. Returns true if one had them.
    pub fn release(&self, page: Option<u64>) -> bool {
        let mut holder = self.holder.borrow_mut();
        let is_it = holder
            .as_ref()
            .is_some_and(|holder| page.is_none_or(|page| page == holder.page));
        if is_it {
            self.lease.end();
            *holder = None;
        }
        is_it
    }

    /// Asks the page that holds them whether it is there. Returns that page, and the number to be asked with.
    /// A page that has answered nothing for too long is asked no more: it has lost them, and `None` is returned. So it
    /// has if a stop ended what the controls move, on another page of the same arm.
    pub fn ask(&self, now: Time) -> Option<(u64, u32)> {
        let mut held = self.holder.borrow_mut();
        let holder = held.as_mut()?;
        if now.since(holder.heard) > LOST_AFTER || !self.has(holder) {
            self.lease.end();
            *held = None;
            return None;
        }
        let beat = holder.next;
        holder.next = beat.wrapping_add(1);
        if holder.asked.len() >= KEPT_BEATS {
            holder.asked.pop_front();
        }
        holder.asked.push_back((beat, now));
        Some((holder.page, beat))
    }

    /// Returns true if its lease was not ended.
    fn has(&self, holder: &Holder) -> bool {
        self.lease.is_given(holder.grant)
    }

    /// Notes that a page has answered a question. Returns the number of its grant.
    pub fn answered(&self, page: u64, beat: u32) -> Result<u64, String> {
        let mut holder = self.holder.borrow_mut();
        let holder = holder
            .as_mut()
            .filter(|holder| holder.page == page)
            .ok_or_else(not_held)?;
        let found = holder.asked.iter().find(|(asked, _)| *asked == beat);
        let (_, at) = *found.ok_or_else(|| format!("beat {beat} was not asked, or long ago"))?;
        holder.heard = holder.heard.max(at);
        self.lease.renew(at);
        Ok(holder.grant)
    }

    /// Returns the number of a page's grant.
    pub fn grant(&self, page: u64, now: Time) -> Result<u64, String> {
        let holder = self.holder.borrow();
        let held = holder
            .as_ref()
            .filter(|holder| holder.page == page && self.has(holder));
        let grant = held.ok_or_else(not_held)?.grant;
        match self.lease.is_valid(grant, now) {
            true => Ok(grant),
            false => Err(
                "this page answers too slowly to move an arm: its link or its browser is too busy"
                    .to_owned(),
            ),
        }
    }
}

fn not_held() -> String {
    "this page does not hold the controls".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::from_nanos(9_000_000_000 + ms * 1_000_000)
    }

    fn controls() -> (Controls, Arc<Lease>) {
        let lease = Arc::new(Lease::new(BRAKE_AFTER));
        (Controls::new(Arc::clone(&lease)), lease)
    }

    #[test]
    fn one_page_holds_the_controls_until_it_lets_them_go() {
        let (controls, lease) = controls();
        assert_eq!(controls.holder(), None);
        assert!(controls.grant(1, at(0)).is_err());
        controls.hold(1, at(0)).unwrap();
        controls.hold(1, at(0)).unwrap();
        assert!(
            controls
                .hold(2, at(0))
                .unwrap_err()
                .contains("another page")
        );
        let grant = controls.grant(1, at(0)).unwrap();
        assert!(controls.grant(2, at(0)).is_err() && controls.answered(2, 0).is_err());
        assert!(!controls.release(Some(2)));
        assert!(lease.is_valid(grant, at(0)));
        assert!(controls.release(Some(1)) && !controls.release(None));
        assert!(!lease.is_valid(grant, at(0)));
        controls.hold(2, at(1)).unwrap();
        assert_ne!(controls.grant(2, at(1)), Ok(grant));
        assert!(!lease.is_valid(grant, at(1)));
        assert!(controls.release(None));
    }

    #[test]
    fn a_page_that_answers_keeps_what_it_moves_going_and_200_ms_after_that_it_is_to_brake() {
        let (controls, lease) = controls();
        controls.hold(1, at(0)).unwrap();
        let grant = controls.grant(1, at(0)).unwrap();
        for ms in (0..=1000).step_by(50) {
            let (page, beat) = controls.ask(at(ms)).unwrap();
            assert_eq!(page, 1);
            assert!(lease.is_valid(grant, at(ms + 30)));
            assert_eq!(controls.answered(1, beat), Ok(grant));
        }
        // It was asked at 1 s, answered, and is silent from then on.
        for ms in 1001..2200 {
            if ms % 50 == 0 && controls.ask(at(ms)).is_none() {
                assert!(ms > 2000, "{ms}");
            }
            assert_eq!(lease.is_valid(grant, at(ms)), ms <= 1200, "{ms}");
            assert_eq!(controls.grant(1, at(ms)).is_ok(), ms <= 1200, "{ms}");
            assert_eq!(controls.holder().is_some(), ms < 2050, "{ms}");
        }
        controls.hold(2, at(2200)).unwrap();
    }

    #[test]
    fn what_a_page_answers_counts_as_of_the_question_so_a_slow_link_brakes() {
        let (controls, lease) = controls();
        controls.hold(1, at(0)).unwrap();
        let grant = controls.grant(1, at(0)).unwrap();
        // Each answer comes 300 ms after its question, and twenty come a second.
        let mut late = VecDeque::new();
        for ms in (0..3000).step_by(50) {
            late.push_back(controls.ask(at(ms)).unwrap().1);
            if ms >= 300 {
                controls.answered(1, late.pop_front().unwrap()).unwrap();
            }
            assert_eq!(lease.is_valid(grant, at(ms)), ms <= 200, "{ms}");
        }
    }

    #[test]
    fn a_page_whose_lease_a_stop_on_another_page_ended_has_lost_the_controls_and_may_take_them_again()
     {
        let (controls, lease) = controls();
        controls.hold(1, at(0)).unwrap();
        let grant = controls.grant(1, at(0)).unwrap();
        let (_, beat) = controls.ask(at(0)).unwrap();
        lease.end();
        // It answers, and presses on.
        controls.answered(1, beat).unwrap();
        assert!(controls.grant(1, at(1)).is_err());
        assert!(!lease.is_valid(grant, at(1)));
        assert_eq!(controls.ask(at(50)), None);
        assert_eq!(controls.holder(), None);
        controls.hold(1, at(60)).unwrap();
        assert_ne!(controls.grant(1, at(60)), Ok(grant));
    }

    #[test]
    fn a_beat_that_was_not_asked_renews_nothing() {
        let (controls, lease) = controls();
        controls.hold(1, at(0)).unwrap();
        let grant = controls.grant(1, at(0)).unwrap();
        let (_, first) = controls.ask(at(0)).unwrap();
        for beat in [first + 1, u32::MAX, 1000] {
            assert!(controls.answered(1, beat).is_err());
        }
        for ms in (50..=800).step_by(50) {
            let (_, newest) = controls.ask(at(ms)).unwrap();
            controls.answered(1, newest.wrapping_add(5)).unwrap_err();
            // An old one counts as of when it was asked.
            controls.answered(1, first).unwrap();
        }
        assert!(!lease.is_valid(grant, at(201)));
        for ms in (850..=1000).step_by(50) {
            controls.ask(at(ms)).unwrap();
        }
        assert_eq!(controls.ask(at(1050)), None, "it has lost them");
    }
}
