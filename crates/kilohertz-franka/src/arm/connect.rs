//! How to connect to an arm, and the parts of a connection.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use franka::FrankaError;
use franka::model::Model;
use kilohertz_core::shortage::advice;

use crate::client::bridge::{self, Failure, Met, no_answer};
use crate::client::deadline::{Due, GiveUp, later};
use crate::client::franka_rs::FrankaRsClient;
use crate::client::watchdog::Watchdog;
use crate::client::{Client, Connection};
use crate::control::Impedance;
use crate::error::{ArmError, ArmErrorCode};
use crate::generation::Generation;
use crate::limits::ArmLimits;

/// How much longer than its time limit an attempt has to report why it failed.
const LAST_WORD: Duration = Duration::from_millis(200);

/// Options of a connection to an arm.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// How long connecting may take.
    pub timeout: Duration,
    /// The generation that must answer; `None` accepts either and finds out which it is.
    pub generation: Option<Generation>,
    /// The library that talks to the arm.
    pub client: Client,
    /// The arm's controller that follows the commanded motion.
    pub impedance: Impedance,
    /// True if Cartesian sessions command the elbow too.
    pub elbow: bool,
    /// Ends the attempt to connect.
    pub give_up: GiveUp,
}

impl Default for ConnectOptions {
    /// 5 s, either generation, `franka-rs`, the joint impedance controller, and the arm's own choice of the
    /// elbow.
    fn default() -> ConnectOptions {
        ConnectOptions {
            timeout: Duration::from_secs(5),
            generation: None,
            client: Client::default(),
            impedance: Impedance::default(),
            elbow: false,
            give_up: GiveUp::default(),
        }
    }
}

/// The parts of a connection to an arm, and what is known about the arm. Dropping it closes the connection.
pub(crate) struct Connected {
    pub client: Arc<dyn Connection>,
    pub watchdog: Arc<Watchdog>,
    pub generation: Generation,
    pub limits: ArmLimits,
    pub model: Model,
}

/// Connects to the arm at `address`. Blocks.
///
/// # Errors
/// See [`Arm::connect`](crate::Arm::connect).
pub(crate) fn connect(address: &str, options: &ConnectOptions) -> Result<Connected, ArmError> {
    let (report, reported) = mpsc::channel();
    let target = address.to_owned();
    let wanted = options.clone();
    let due = Due {
        at: later(options.timeout),
        give_up: options.give_up.clone(),
    };
    // Resolving a host name cannot be ended; everything else ends at `due`.
    std::thread::Builder::new()
        .name("kilohertz-connect".to_owned())
        .spawn(move || {
            // After the timeout no thread waits for this any more; the connection is then closed.
            let _ = report.send(connect_here(&target, &wanted, &due));
        })
        .map_err(|error| {
            ArmError::new(
                ArmErrorCode::ConnectFailed,
                format!("cannot start a thread: {error}{}", advice(&error)),
            )
        })?;
    outcome(&reported, options.timeout, &options.give_up)
        .unwrap_or_else(|| Err(no_answer(address, options.timeout)))
}

/// Waits for the outcome of an attempt to connect that another thread makes: until `timeout`, or until it is given up, and
/// a moment longer. Returns `None` if there is none by then.
pub(crate) fn outcome<T>(
    reported: &mpsc::Receiver<T>,
    timeout: Duration,
    give_up: &GiveUp,
) -> Option<T> {
    let due = Due {
        at: later(timeout.saturating_add(LAST_WORD)),
        give_up: give_up.clone(),
    };
    loop {
        let told = reported.recv_timeout(due.next_look());
        match told {
            Ok(outcome) => return Some(outcome),
            Err(RecvTimeoutError::Timeout) if !due.is_over() => {}
            Err(_) if give_up.was_asked() => return reported.recv_timeout(LAST_WORD).ok(),
            Err(_) => return None,
        }
    }
}

fn connect_here(address: &str, wanted: &ConnectOptions, due: &Due) -> Result<Connected, ArmError> {
    match wanted.client {
        Client::FrankaRs => with_franka_rs(address, wanted, due),
        Client::LibfrankaRs => with_libfranka_rs(address, wanted, due),
    }
}

fn with_franka_rs(
    address: &str,
    wanted: &ConnectOptions,
    due: &Due,
) -> Result<Connected, ArmError> {
    let Met {
        client,
        urdf,
        line,
        socket,
    } = meet(address, wanted, wanted.generation, due)?;
    let generation = Generation::of(client.fci_version());
    let (limits, model) = match urdf {
        Some(urdf) => (ArmLimits::served(&urdf), urdf.model),
        None => (ArmLimits::fer(), Model::native_fer()),
    };
    let watchdog = Arc::new(Watchdog::of(line, socket));
    let client = FrankaRsClient::new(client, Arc::clone(watchdog.source()));
    Ok(Connected {
        client: Arc::new(client),
        watchdog,
        generation,
        limits,
        model,
    })
}

/// Connects with `libfranka-rs`, after `franka-rs` has made sure that it can.
#[cfg(all(feature = "libfranka-rs", target_os = "linux"))]
fn with_libfranka_rs(
    address: &str,
    wanted: &ConnectOptions,
    due: &Due,
) -> Result<Connected, ArmError> {
    use crate::client::libfranka_rs::LibfrankaClient;
    use crate::client::libfranka_rs::address::check;
    check(address, wanted.generation)?;
    // `libfranka-rs` connects to the address that `franka-rs` reached, in case the name resolves to another
    // one by then.
    let there = meet(address, wanted, Some(Generation::Fer), due)?
        .line
        .there;
    let watchdog = Arc::new(Watchdog::default());
    let client = LibfrankaClient::connect(there, Arc::clone(&watchdog), due.at)?;
    Ok(Connected {
        client: Arc::new(client),
        watchdog,
        generation: Generation::Fer,
        limits: ArmLimits::fer(),
        model: Model::native_fer(),
    })
}

#[cfg(not(all(feature = "libfranka-rs", target_os = "linux")))]
fn with_libfranka_rs(
    _address: &str,
    wanted: &ConnectOptions,
    _due: &Due,
) -> Result<Connected, ArmError> {
    Err(ArmError::new(
        ArmErrorCode::Client,
        format!(
            "this build has no client {}: it needs Linux and the cargo feature of that name. \
             Use franka-rs",
            wanted.client
        ),
    ))
}

/// Connects `franka-rs` to an arm of this generation, or of either.
fn meet(
    address: &str,
    wanted: &ConnectOptions,
    generation: Option<Generation>,
    due: &Due,
) -> Result<Met, ArmError> {
    bridge::meet(address, generation, wanted.timeout, due).map_err(|failure| match failure {
        Failure::Arm(error) => error,
        Failure::Client(error) => failed(address, generation, wanted.client, error),
    })
}

/// Returns the error of an attempt to connect to `address` that failed with `error`.
fn failed(
    address: &str,
    generation: Option<Generation>,
    client: Client,
    error: FrankaError,
) -> ArmError {
    let (code, message) = match error {
        FrankaError::Network(text) => (
            ArmErrorCode::ConnectFailed,
            format!("cannot connect to {address}: {text}"),
        ),
        FrankaError::IncompatibleVersion { server_version, .. } => {
            match (generation, Generation::speaking(server_version)) {
                (_, Some(Generation::Fr3)) if client == Client::LibfrankaRs => (
                    ArmErrorCode::Generation,
                    format!(
                        "{address} is of generation fr3, which speaks FCI version {server_version}; \
                         client libfranka-rs supports only generation fer with version 5. Use franka-rs"
                    ),
                ),
                (Some(asked_for), Some(answered)) => (
                    ArmErrorCode::Generation,
                    format!(
                        "{address} is of generation {answered}, which speaks FCI version \
                         {server_version}; generation {asked_for} with version {} was asked for. Ask \
                         for {answered}, or leave the generation out",
                        asked_for.fci_version()
                    ),
                ),
                _ => (
                    ArmErrorCode::IncompatibleVersion,
                    format!(
                        "{address} speaks FCI version {server_version}; an FR3 with version 10 or an \
                         FER with version 5 is expected. Update the robot's system image, or use the \
                         kilohertz release for it"
                    ),
                ),
            }
        }
        other => return ArmError::from(other),
    };
    ArmError::new(code, message)
}
