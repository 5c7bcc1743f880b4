//! An arm that the page's controls move: what is asked of it goes to JavaScript, and its end does not.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kilohertz_core::lease::{Lease, Leased};
use kilohertz_core::policy::Policy;
use kilohertz_core::timing::time::Time;
use kilohertz_dashboard::page::Controlled;
use kilohertz_dashboard::page::protocol::PageCommand;
use kilohertz_franka::jog::JogWish;
use kilohertz_franka::{Arm, Hand};
use napi::Result;
use napi::bindgen_prelude::Function;
use napi::threadsafe_function::ThreadsafeFunctionCallMode;
use napi_derive::napi;

use crate::background::spawn_blocking;
use crate::franka::arm::NativeArm;
use crate::franka::hand::NativeHand;

/// What JavaScript has not begun within this time is not begun any more: nobody expects it then.
const BEGIN_LIMIT: Duration = Duration::from_secs(1);

/// What the controls do with an arm.
#[napi(string_enum = "camelCase", js_name = "NativeControl")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    Recover,
    Home,
    OpenHand,
    CloseHand,
    Jog,
}

impl What {
    /// Returns what it is, in the words of the page.
    fn words(self) -> &'static str {
        match self {
            What::Recover => "the recovery",
            What::Home => "the move home",
            What::OpenHand => "the opening of the hand",
            What::CloseHand => "the closing of the hand",
            What::Jog => "the jog",
        }
    }
}

impl From<PageCommand> for What {
    fn from(control: PageCommand) -> What {
        match control {
            PageCommand::Recover => What::Recover,
            PageCommand::Home => What::Home,
            PageCommand::OpenHand => What::OpenHand,
            PageCommand::CloseHand => What::CloseHand,
        }
    }
}

/// What was asked for.
#[derive(Debug, Clone, Copy)]
struct Asked {
    what: What,
    grant: u64,
    at: Time,
}

#[derive(Default)]
struct Work {
    /// What was asked for, and was not taken by JavaScript.
    asked: Option<Asked>,
    /// What JavaScript does.
    doing: Option<Asked>,
    /// True if a jog has failed, and its button is still pressed.
    has_jog_failed: bool,
}

/// An arm that the controls move.
pub struct ControlledArm {
    arm: Arc<Arm>,
    lease: Arc<Lease>,
    wish: Arc<JogWish>,
    work: Mutex<Work>,
    /// The hand that the controls move.
    hand: Mutex<Option<Arc<Hand>>>,
    is_hand_moving: AtomicBool,
    wake: Box<dyn Fn() + Send + Sync>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl ControlledArm {
    pub fn new(
        arm: &NativeArm,
        lease: Arc<Lease>,
        wake: Function<'_, (), ()>,
    ) -> Result<ControlledArm> {
        let wake = wake
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build()?;
        Ok(ControlledArm {
            arm: Arc::clone(&arm.arm),
            lease,
            wish: Arc::default(),
            work: Mutex::default(),
            hand: Mutex::default(),
            is_hand_moving: AtomicBool::new(false),
            // It fails only if the environment is closing, and then nothing is begun any more.
            wake: Box::new(move || {
                let _ = wake.call((), ThreadsafeFunctionCallMode::NonBlocking);
            }),
        })
    }

    /// Hands to JavaScript what was asked for, unless something else is under way.
    fn ask(&self, work: &mut Work, what: What, grant: u64) -> std::result::Result<(), String> {
        let at = Time::now();
        let busy = work
            .asked
            .or(work.doing.filter(|doing| doing.what != What::Jog));
        if let Some(busy) = busy {
            return Err(format!(
                "{} is not over yet: wait for it",
                busy.what.words()
            ));
        }
        if work.doing.is_none() && self.arm.is_driven() {
            return Err(
                "the program drives the arm: stop that before you use the controls".to_owned(),
            );
        }
        work.asked = Some(Asked { what, grant, at });
        (self.wake)();
        Ok(())
    }
}

impl Controlled for ControlledArm {
    fn start(&self, control: PageCommand, grant: u64) -> std::result::Result<(), String> {
        self.wish.set(None, Time::now());
        self.ask(&mut lock(&self.work), control.into(), grant)
    }

    fn jog(&self, joint: u8, is_up: bool, grant: u64) -> std::result::Result<(), String> {
        let mut work = lock(&self.work);
        if work.has_jog_failed {
            return Err(
                "the jog has failed: let its button go, read the events, and press it again"
                    .to_owned(),
            );
        }
        let of = |asked: Option<Asked>| asked.is_some_and(|asked| asked.what == What::Jog);
        let is_jogging = of(work.asked) || work.asked.is_none() && of(work.doing);
        if !is_jogging {
            self.ask(&mut work, What::Jog, grant)?;
        }
        self.wish
            .set(Some((usize::from(joint), is_up)), Time::now());
        Ok(())
    }

    fn end_jog(&self) {
        self.wish.set(None, Time::now());
        lock(&self.work).has_jog_failed = false;
    }

    fn let_go(&self) {
        self.end_jog();
        if !self.is_hand_moving.swap(false, Ordering::AcqRel) {
            return;
        }
        if let Some(hand) = lock(&self.hand).clone() {
            // What became of the command, its own call says.
            spawn_blocking(move || drop(hand.stop()));
        }
    }
}

/// What was asked for, as JavaScript takes it.
#[napi(object, object_from_js = false)]
pub struct NativeAsked {
    pub what: What,
    /// True if it was asked for too long ago, or if the page has let the controls go.
    pub is_late: bool,
}

/// The controls of an arm.
#[napi]
pub struct NativeControls {
    arm: Arc<ControlledArm>,
}

#[napi]
impl NativeControls {
    /// Takes what was asked for; null if there is nothing. `done` must be called when it is over.
    #[napi]
    pub fn take(&self) -> Option<NativeAsked> {
        let mut work = lock(&self.arm.work);
        let asked = work.asked.take()?;
        work.doing = Some(asked);
        let now = Time::now();
        let is_late =
            now.since(asked.at) > BEGIN_LIMIT || !self.arm.lease.is_valid(asked.grant, now);
        Some(NativeAsked {
            what: asked.what,
            is_late,
        })
    }

    /// Notes that what was taken is over, and whether it has failed.
    #[napi]
    pub fn done(&self, has_failed: bool) {
        let mut work = lock(&self.arm.work);
        let is_jog = work
            .doing
            .take()
            .is_some_and(|doing| doing.what == What::Jog);
        work.has_jog_failed |= is_jog && has_failed;
        drop(work);
        self.arm.is_hand_moving.store(false, Ordering::Release);
    }

    /// Notes that the hand is commanded from now on: it is stopped when the controls are let go.
    #[napi]
    pub fn moves(&self, hand: &NativeHand) {
        *lock(&self.arm.hand) = Some(hand.shared());
        self.arm.is_hand_moving.store(true, Ordering::Release);
    }

    /// True if the page for which something is done still holds the controls.
    #[napi(getter)]
    pub fn is_held(&self) -> bool {
        let work = lock(&self.arm.work);
        let grant = work.doing.map_or(0, |doing| doing.grant);
        self.arm.lease.is_valid(grant, Time::now())
    }
}

impl NativeControls {
    pub(super) fn of(arm: Arc<ControlledArm>) -> NativeControls {
        NativeControls { arm }
    }

    /// Returns a policy that ends its session when the controls are let go.
    pub(crate) fn leased<P: Policy + 'static>(&self, policy: P) -> Box<dyn Policy> {
        let grant = lock(&self.arm.work).doing.map_or(0, |doing| doing.grant);
        let lease = Arc::clone(&self.arm.lease);
        Box::new(Leased::new(policy, lease, grant))
    }

    /// Returns the policy of a jog.
    pub(crate) fn jog(&self) -> Box<dyn Policy> {
        let wish = Arc::clone(&self.arm.wish);
        self.leased(self.arm.arm.jog_policy(wish))
    }
}
