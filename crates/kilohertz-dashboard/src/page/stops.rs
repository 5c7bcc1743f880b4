//! What drives a robot, or is about to: what a stop of the page ends.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use kilohertz_core::lease::Lease;
use kilohertz_core::session::roll::{AskedBy, Place};

/// The sessions and moves of one robot, from the call that starts them on, whichever part of the program started
/// them. Several pages may show the robot.
pub struct Stops {
    /// Lets JavaScript look at what was asked to end.
    wake: Box<dyn Fn() + Send + Sync>,
    driving: Mutex<Vec<Weak<Place>>>,
    /// What the controls of the pages move the robot with.
    leases: Mutex<Vec<Weak<Lease>>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stops {
    /// Creates the list of a robot that nothing drives. `wake` is called when something was asked to end.
    pub fn new(wake: impl Fn() + Send + Sync + 'static) -> Stops {
        Stops {
            wake: Box::new(wake),
            driving: Mutex::default(),
            leases: Mutex::default(),
        }
    }

    /// Notes that what has this place drives the robot, or is about to.
    pub fn add(&self, place: &Arc<Place>) {
        let mut driving = lock(&self.driving);
        driving.retain(|each| each.upgrade().is_some_and(|place| !place.is_over()));
        driving.push(Arc::downgrade(place));
    }

    /// Notes that whoever has this lease may move the robot.
    pub(super) fn add_lease(&self, lease: &Arc<Lease>) {
        let mut leases = lock(&self.leases);
        leases.retain(|each| each.strong_count() > 0);
        leases.push(Arc::downgrade(lease));
    }

    /// Asks everything that drives the robot, or is about to, to end, and returns it.
    pub(super) fn stop(&self) -> Vec<Arc<Place>> {
        for lease in lock(&self.leases).iter().filter_map(Weak::upgrade) {
            lease.end();
        }
        let places = lock(&self.driving);
        let driving: Vec<_> = places.iter().filter_map(Weak::upgrade).collect();
        drop(places);
        let driving: Vec<_> = driving
            .into_iter()
            .filter(|place| !place.is_over())
            .collect();
        for place in &driving {
            place.ask(AskedBy::Page);
        }
        if !driving.is_empty() {
            (self.wake)();
        }
        driving
    }
}
