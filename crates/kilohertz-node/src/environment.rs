//! What is stopped when an environment of JavaScript ends, in whichever way, even if it is a worker that is terminated.

use std::cell::RefCell;

use napi::{Env, Result};

struct Stop {
    is_gone: Box<dyn Fn() -> bool>,
    stop: Box<dyn FnOnce()>,
}

/// What is to be stopped, oldest first.
#[derive(Default)]
struct Stops(Vec<Stop>);

impl Stops {
    /// Adds one, and forgets those that are gone.
    fn add(&mut self, added: Stop) {
        self.0.retain(|each| !(each.is_gone)());
        self.0.push(added);
    }

    /// Stops all, the newest first.
    fn stop(self) {
        for each in self.0.into_iter().rev() {
            (each.stop)();
        }
    }
}

thread_local! {
    /// What is stopped at the end of this thread's environment; `None` if the environment has no hook for it yet.
    static STOPS: RefCell<Option<Stops>> = const { RefCell::new(None) };
}

/// Calls `stop` at the end of the environment. It is forgotten once it `is_gone`, when the next is added. An environment
/// keeps its own hooks until it ends, so there is one for all of them, however many sessions there are.
pub fn at_end(
    env: &Env,
    is_gone: impl Fn() -> bool + 'static,
    stop: impl FnOnce() + 'static,
) -> Result<()> {
    if STOPS.with_borrow(Option::is_none) {
        env.add_env_cleanup_hook((), |()| {
            if let Some(stops) = STOPS.take() {
                stops.stop();
            }
        })?;
    }
    STOPS.with_borrow_mut(|stops| {
        stops.get_or_insert_default().add(Stop {
            is_gone: Box::new(is_gone),
            stop: Box::new(stop),
        });
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::rc::{Rc, Weak};

    use super::*;

    /// What notes its number when it is stopped.
    fn noting(number: u32, owner: &Weak<()>, stopped: &Rc<RefCell<Vec<u32>>>) -> Stop {
        let (owner, stopped) = (owner.clone(), Rc::clone(stopped));
        Stop {
            is_gone: Box::new(move || owner.strong_count() == 0),
            stop: Box::new(move || stopped.borrow_mut().push(number)),
        }
    }

    #[test]
    fn what_is_there_at_the_end_is_stopped_the_newest_first() {
        let (owner, stopped) = (Rc::new(()), Rc::default());
        let mut stops = Stops::default();
        for number in 0..3 {
            stops.add(noting(number, &Rc::downgrade(&owner), &stopped));
        }
        stops.stop();
        assert_eq!(*stopped.borrow(), [2, 1, 0]);
    }

    #[test]
    fn what_is_gone_is_forgotten() {
        let stopped = Rc::default();
        let mut stops = Stops::default();
        for number in 0..1_000 {
            let owner = Rc::new(());
            stops.add(noting(number, &Rc::downgrade(&owner), &stopped));
            assert_eq!(stops.0.len(), 1);
        }
    }
}
