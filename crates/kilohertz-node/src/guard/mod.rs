//! Brings robots to rest before the process ends, in whichever way: the functions that JavaScript calls.
//!
//! `signals` has the handlers and the thread that completes their work, `beneath` the handlers that were
//! installed before, and `stack` the memory that handlers run on.

#[cfg(target_os = "linux")]
mod beneath;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(target_os = "linux")]
mod stack;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kilohertz_core::session::roll::{self, AskedBy, Kind, Place, Refused};
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi::{Env, Result};
use napi_derive::napi;

use crate::error::{Code, Failure, OrThrow};
use signals::Wake;
pub use stack::give_stack;

/// A place on the roll, as JavaScript holds it. It is given back by [`NativePlace::leave`], or when this is
/// collected.
#[napi]
pub struct NativePlace {
    place: Arc<Place>,
    kind: Kind,
}

#[napi]
impl NativePlace {
    /// Takes a place. `is_native`: it is driven natively. `ends_on_interrupt`: Ctrl+C is meant to end it.
    #[napi(factory)]
    pub fn take(
        env: &Env,
        is_native: bool,
        ends_on_interrupt: bool,
        even_after_signal: bool,
    ) -> Result<NativePlace> {
        let kind = Kind {
            is_native,
            ends_on_interrupt,
            even_after_signal,
        };
        match Place::take(kind) {
            Ok(place) => {
                // From now on the guard's thread maintains the handlers.
                signals::ring();
                Ok(NativePlace {
                    place: Arc::new(place),
                    kind,
                })
            }
            Err(refused) => Err(failure(refused).thrown(env)),
        }
    }

    /// The number of the signal that ended it; null if no signal did.
    #[napi(getter)]
    pub fn signal(&self) -> Option<i32> {
        self.place.signal()
    }

    /// Who has asked first for its end, if that is known: Ctrl+C that is meant to end it, or a page.
    #[napi(getter, ts_return_type = "'interrupt' | 'page' | null")]
    pub fn asked_by(&self) -> Option<&'static str> {
        self.place.asked_by().map(|by| match by {
            AskedBy::Interrupt => "interrupt",
            AskedBy::Page => "page",
        })
    }

    /// True if it is asked to end.
    #[napi(getter)]
    pub fn is_to_end(&self) -> bool {
        self.place.stop().load(Ordering::SeqCst)
    }

    /// Asks it to end.
    #[napi]
    pub fn stop(&self) {
        self.place.stop().store(true, Ordering::SeqCst);
    }

    /// Blocks for at most `limit_s` until nothing moves. Returns true if nothing moves.
    #[napi]
    pub fn join(&self, limit_s: f64) -> bool {
        let limit = Duration::try_from_secs_f64(limit_s).unwrap_or(Duration::MAX);
        self.place.join(limit)
    }

    /// Gives the place back.
    #[napi]
    pub fn leave(&self) {
        self.place.leave();
    }
}

impl NativePlace {
    pub(crate) fn shared(&self) -> Arc<Place> {
        Arc::clone(&self.place)
    }

    /// Takes a place of the same kind, for what moves beside it.
    pub(crate) fn another(&self) -> std::result::Result<Place, Failure> {
        Place::take(self.kind).map_err(failure)
    }
}

/// Lets JavaScript look, on each of its threads, at what was asked to end.
pub(crate) fn wake_javascript() {
    signals::ring();
}

fn failure(refused: Refused) -> Failure {
    let (signal, message) = match refused {
        Refused::Full => {
            let message = format!("{} sessions and commands run already", roll::PLACES);
            return Failure::new(Code::System, message);
        }
        Refused::ToldToEnd(signal) => (
            signal,
            "the process was told to end: no motion begins unless its options say \
             { evenAfterSignal: true }",
        ),
        Refused::Ending(signal) => (
            signal,
            "the process is ending, or about to be suspended: no motion begins. A program that has \
             something to do first listens for the signal",
        ),
    };
    Failure::interrupted(signal, message)
}

/// Guards the process from now on. `wake` is called, in this environment, after something was asked to end.
#[napi]
pub fn guard_process(env: &Env, wake: Function<'_, (), ()>) -> Result<()> {
    let wake = wake
        .build_threadsafe_function::<()>()
        .weak::<true>()
        .build()?;
    let wake = Arc::new(wake);
    let ended = Arc::clone(&wake);
    signals::guard(Wake {
        // This fails only if the environment is closing, and then there is no listener left to call.
        tell: Box::new(move || {
            let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
        }),
        has_ended: Box::new(move || ended.aborted()),
    })
    .map_err(|error| Failure::thread(&error))
    .or_throw(env)
}

/// Returns true if the default action of a signal comes next.
#[napi]
pub fn is_ending() -> bool {
    roll::is_shut()
}

/// Installs the guard's handlers above the handlers that the program has installed.
#[napi]
pub fn guard_on_top() {
    signals::put_on_top();
}

#[cfg(not(target_os = "linux"))]
mod signals {
    pub struct Wake {
        pub tell: Box<dyn Fn() + Send>,
        pub has_ended: Box<dyn Fn() -> bool + Send>,
    }

    pub fn guard(_wake: Wake) -> std::io::Result<()> {
        Ok(())
    }

    pub fn put_on_top() {}

    pub fn ring() {}
}

#[cfg(not(target_os = "linux"))]
mod stack {
    pub fn give_stack() {}
}
