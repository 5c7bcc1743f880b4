//! A connected hand, as JavaScript holds it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use kilohertz_franka::{Hand, HandCommand, HandOptions};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::environment::at_end;
use crate::error::OrThrow;
use crate::franka::arm::NativeAttempt;
use crate::guard::{NativePlace, give_stack};

/// The hands that this process is connected to, for those who show an arm.
static CONNECTED: Mutex<Vec<Weak<Hand>>> = Mutex::new(Vec::new());

/// Returns the hand of the arm at an address, if this process is connected to it. Of several connections it is the
/// newest.
pub fn hand_of(arm: SocketAddr) -> Option<Arc<Hand>> {
    let connected = CONNECTED.lock().unwrap_or_else(PoisonError::into_inner);
    let mut hands = connected.iter().rev().filter_map(Weak::upgrade);
    hands.find(|hand| hand.arm() == arm && !hand.is_closed())
}

fn connected(hand: &Arc<Hand>) {
    let mut connected = CONNECTED.lock().unwrap_or_else(PoisonError::into_inner);
    connected.retain(|hand| hand.strong_count() > 0);
    connected.push(Arc::downgrade(hand));
}

/// Options of a connection; absent options have the hand's default.
#[napi(object)]
pub struct NativeHandOptions {
    pub timeout_s: f64,
    pub command_timeout_s: f64,
    pub port: Option<u16>,
}

/// Options of a grasp.
#[napi(object)]
pub struct NativeGrasp {
    pub width: f64,
    pub speed: f64,
    pub force: f64,
    pub epsilon_inner: f64,
    pub epsilon_outer: f64,
}

/// The state of a hand, with libfranka's names.
#[napi(object)]
pub struct NativeHandState {
    pub width: f64,
    #[napi(js_name = "max_width")]
    pub max_width: f64,
    #[napi(js_name = "is_grasped")]
    pub is_grasped: bool,
    pub temperature: u16,
    pub time: f64,
}

/// A connected hand.
#[napi]
pub struct NativeHand {
    hand: Arc<Hand>,
}

#[napi]
impl NativeHand {
    /// Connects to the hand of the arm at `host` or `host:port`.
    #[napi(ts_return_type = "Promise<NativeHand>")]
    pub fn connect<'env>(
        env: &'env Env,
        address: String,
        wanted: NativeHandOptions,
        attempt: &NativeAttempt,
    ) -> Result<Object<'env>> {
        let options = HandOptions {
            timeout: Duration::from_secs_f64(wanted.timeout_s),
            port: wanted.port,
            command_timeout: Duration::from_secs_f64(wanted.command_timeout_s),
            give_up: attempt.give_up.clone(),
        };
        // The fingers stop before this environment ends.
        let made = Arc::new(OnceLock::<Weak<Hand>>::new());
        let (known, ending) = (Arc::clone(&made), Arc::clone(&made));
        let is_gone = move || known.get().is_some_and(|hand| hand.strong_count() == 0);
        at_end(env, is_gone, move || {
            if let Some(hand) = ending.get().and_then(Weak::upgrade) {
                let _ = hand.close(); // nobody is left to be told
            }
        })?;
        in_background(env, move || {
            let hand = Hand::connect(&address, &options).map(Arc::new);
            // The cell is empty: only this code writes it. A hand that could not be connected is gone.
            let _ = made.set(hand.as_ref().map_or_else(|_| Weak::new(), Arc::downgrade));
            let hand = hand?;
            connected(&hand);
            Ok(NativeHand { hand })
        })
    }

    /// The version of the hand's protocol.
    #[napi(getter)]
    pub fn server_version(&self) -> u16 {
        self.hand.server_version()
    }

    /// How many datagrams came from other senders than the hand; they were dropped.
    #[napi(getter)]
    pub fn foreign_datagrams(&self) -> f64 {
        self.hand.foreign_datagrams() as f64
    }

    /// True if a command is running.
    #[napi(getter)]
    pub fn is_busy(&self) -> bool {
        self.hand.is_busy()
    }

    /// Finds out how far the fingers open.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn homing<'env>(&self, env: &'env Env, place: &NativePlace) -> Result<Object<'env>> {
        self.run(env, HandCommand::Homing, place)
    }

    /// Moves the fingers.
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn move_to<'env>(
        &self,
        env: &'env Env,
        width: f64,
        speed: f64,
        place: &NativePlace,
    ) -> Result<Object<'env>> {
        self.run(env, HandCommand::Move { width, speed }, place)
    }

    /// Closes the fingers on an object.
    #[allow(
        clippy::too_many_arguments,
        reason = "each is an argument in JavaScript"
    )]
    #[napi(ts_return_type = "Promise<boolean>")]
    pub fn grasp<'env>(
        &self,
        env: &'env Env,
        wanted: NativeGrasp,
        place: &NativePlace,
    ) -> Result<Object<'env>> {
        let command = HandCommand::Grasp {
            width: wanted.width,
            speed: wanted.speed,
            force: wanted.force,
            epsilon_inner: wanted.epsilon_inner,
            epsilon_outer: wanted.epsilon_outer,
        };
        self.run(env, command, place)
    }

    /// Ends the running command, and releases the object that is held.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn stop<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let hand = Arc::clone(&self.hand);
        in_background(env, move || Ok(hand.stop()?))
    }

    /// Resolves to the hand's present state.
    #[napi(ts_return_type = "Promise<NativeHandState>")]
    pub fn state<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let hand = Arc::clone(&self.hand);
        in_background(env, move || {
            let state = hand.state()?;
            Ok(NativeHandState {
                width: state.width,
                max_width: state.max_width,
                is_grasped: state.is_grasped,
                temperature: state.temperature,
                time: state.time.as_secs_f64(),
            })
        })
    }

    /// Stops a running command, and closes the connection.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let hand = Arc::clone(&self.hand);
        in_background(env, move || {
            hand.close()?;
            Ok(())
        })
    }
}

impl NativeHand {
    /// Returns the hand, for a thread that commands it.
    pub fn shared(&self) -> Arc<Hand> {
        Arc::clone(&self.hand)
    }

    /// Commands and stops take effect in the order of these calls, not in the order in which their threads
    /// run.
    fn run<'env>(
        &self,
        env: &'env Env,
        command: HandCommand,
        place: &NativePlace,
    ) -> Result<Object<'env>> {
        give_stack();
        let motion = self.hand.begin(command).or_throw(env)?;
        let motion = motion.at(place.shared());
        in_background(env, move || Ok(motion.finish()?))
    }
}
