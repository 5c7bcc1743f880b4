//! The loop thread: what it starts with, and what it leaves.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::sync::Arc;
use std::time::Duration;

use crate::channel::notify::Notifier;
use crate::command::cadence::Cadence;
use crate::command::interpolation::Interpolator;
use crate::command::judge::Judge;
use crate::command::lowpass::LowPass;
use crate::limits::Limiter;
use crate::policy::{Policy, PolicyThread};
use crate::robot::{Robot, RobotError};
use crate::session::chunk_exchange::ChunkExchange;
use crate::session::chunks::Chunks;
use crate::session::config::{Config, Deadline};
use crate::session::control_loop::{ControlLoop, Ended, Kept};
use crate::session::exchange::{Exchange, PolicyExchange};
use crate::session::lockstep::{Lockstep, RobotClock};
use crate::session::outcome::{Cause, Outcome, caught, panic_message};
use crate::session::roll::Place;
use crate::session::shared::Shared;
use crate::stats::Recorder;
use crate::thread::awake::{self, Awake};
use crate::thread::promotion::Promotion;
use crate::thread::realtime::make_realtime;
use crate::thread::system::thread_id;

/// Runs a session on the loop thread.
pub(super) fn run(
    mut robot: Box<dyn Robot>,
    mut policy: Box<dyn Policy>,
    limits: Box<dyn Limiter>,
    config: &Config,
    shared: &Shared,
    kept: Kept,
    notifier: &Notifier,
) {
    shared.blame.is_loop(thread_id());
    // This comes before the thread gets realtime priority, because threads that it starts inherit that.
    let policy_thread = policy.thread();
    shared.blame.is_policy(policy_thread.clone());
    let number = policy_thread.as_ref().map(|thread| thread.shared_number());
    let threads: Vec<_> = [Some(awake::this_thread()), number]
        .into_iter()
        .flatten()
        .collect();
    let awake = Awake::begin(&config.awake, &threads);
    let promotion = promoted(config, policy_thread, robot.period());
    if let Some(promotion) = &promotion {
        let _ = shared.promotion.set(promotion.view());
    }
    // Each is set once, here, so the results can be ignored.
    let _ = shared.awake.set(awake.report().clone());
    let _ = shared.realtime.set(make_realtime(&config.realtime));
    policy.attach();
    let (policy, clock) = in_lockstep(policy, config, &*robot);
    // The two loops have the same steps; only what is exchanged with the policy differs.
    let (driven, ended) = match &config.chunks {
        None => {
            let policy = (policy, single_actions(&*robot, &*limits, config));
            let body = ControlLoop::new(&*robot, policy, limits, config, shared, kept, notifier);
            drive(&mut *robot, body, clock, shared)
        }
        Some(chunks) => {
            let recorder = Arc::clone(&shared.recorder);
            let policy = (
                policy,
                in_chunks(&*robot, &*limits, chunks, config, recorder),
            );
            let body = ControlLoop::new(&*robot, policy, limits, config, shared, kept, notifier);
            drive(&mut *robot, body, clock, shared)
        }
    };
    let Ended {
        tick,
        mut cause,
        row,
        last_states,
        black_box,
    } = ended;
    let robot_error = match driven {
        Ok(Ok(())) => None,
        Ok(Err(error)) => {
            cause.get_or_insert(Cause::RobotFailed { tick });
            Some(error)
        }
        Err(panic) => {
            cause.get_or_insert(Cause::Panicked {
                message: panic_message(&*panic),
            });
            None
        }
    };
    // The robot is dropped first: a thread that sees the outcome finds the robot stopped and its sockets
    // closed.
    drop(robot);
    drop(promotion);
    drop(awake);
    if let Some(black_box) = black_box {
        let _ = shared.black_box.set(black_box);
    }
    let _ = shared.outcome.set(Outcome {
        row,
        cause,
        robot_error,
        last_states,
    });
}

/// What a robot's drive returned, or with what it panicked.
type Driven = std::thread::Result<Result<(), RobotError>>;

/// Runs the loop until it ends. Returns how the robot's drive ended, and what the loop leaves behind.
fn drive<E: Exchange>(
    robot: &mut dyn Robot,
    mut body: ControlLoop<'_, E>,
    clock: Option<RobotClock>,
    shared: &Shared,
) -> (Driven, Ended) {
    if let Some(clock) = clock {
        body.keep(clock);
    }
    let driven = caught(|| robot.drive(&mut body));
    shared.placed(Place::rests);
    let has_failed = matches!(driven, Ok(Err(_)));
    let ended = body.finish(has_failed);
    shared.blame.loop_ends();
    (driven, ended)
}

/// Returns the filter that is asked for.
fn filter(robot: &dyn Robot, limits: &dyn Limiter, config: &Config) -> Option<LowPass> {
    let cutoff_hz = config.cutoff_hz?;
    let len = robot.action().len();
    Some(LowPass::new(
        cutoff_hz,
        robot.period(),
        limits.interpolation(),
        len,
    ))
}

/// Returns the exchange with a policy that answers with one action.
fn single_actions(robot: &dyn Robot, limits: &dyn Limiter, config: &Config) -> PolicyExchange {
    let (len, period) = (robot.action().len(), robot.period());
    let (ratio, budget) = match (config.policy_rate_hz, config.deadline) {
        (Some(rate_hz), Deadline::Within(budget)) => {
            (1.0 / period.as_secs_f64() / rate_hz, Some(budget))
        }
        (None, Deadline::Within(budget)) => (1.0, Some(budget)),
        (_, Deadline::None) => (1.0, None),
    };
    let ratio = Cadence::new(ratio).ratio();
    PolicyExchange::new(
        period,
        ratio,
        budget,
        config.late,
        Interpolator::new(limits.interpolation(), len),
        filter(robot, limits, config),
        Judge::new(limits, len, period, ratio, filter(robot, limits, config)),
    )
}

/// Returns the exchange with a policy that answers in chunks.
fn in_chunks(
    robot: &dyn Robot,
    limits: &dyn Limiter,
    chunks: &Chunks,
    config: &Config,
    recorder: Arc<Recorder>,
) -> ChunkExchange {
    ChunkExchange::new(
        robot.period(),
        robot.action().len(),
        chunks.clone(),
        robot.observation().len(),
        limits,
        (filter(robot, limits, config), recorder, config.limits),
    )
}

/// Returns the policy with its latency, and its clock, if the session is in lockstep.
fn in_lockstep(
    policy: Box<dyn Policy>,
    config: &Config,
    robot: &dyn Robot,
) -> (Box<dyn Policy>, Option<RobotClock>) {
    let Some(latency) = config.lockstep else {
        return (policy, None);
    };
    let clock = RobotClock::default();
    let slots = config.observation_len(robot.observation().len());
    let policy = Lockstep::new(policy, clock.clone(), latency, robot.period(), slots);
    (Box::new(policy), Some(clock))
}

/// Gives the policy's thread the priority that was asked for.
fn promoted(
    config: &Config,
    thread: Option<Arc<PolicyThread>>,
    period: Duration,
) -> Option<Promotion> {
    let patience = period.saturating_mul(config.late.max_held.max(1));
    // If the watching thread cannot be started, the policy keeps its ordinary priority.
    Promotion::begin(config.policy_priority?, thread?, patience).ok()
}
