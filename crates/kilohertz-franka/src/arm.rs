//! The connection to an arm.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use franka::{
    FciVersion, JointVelocityLimitsConfig, RealtimeConfig, RobotOptions, RobotState, VersionPolicy,
};
use kilohertz_core::limits::Limits;
use kilohertz_core::robot::Robot;

use crate::control::Control;
use crate::drive::ArmRobot;
use crate::error::{ArmError, ArmErrorCode};
use crate::limits::{ArmLimits, MotionOptions, limits};

/// How to connect.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// How long connecting may take.
    pub timeout: Duration,
}

impl Default for ConnectOptions {
    /// 5 s.
    fn default() -> ConnectOptions {
        ConnectOptions {
            timeout: Duration::from_secs(5),
        }
    }
}

/// A robot for one session, and the limits for it.
pub type Driven = (Box<dyn Robot>, Box<dyn Limits>);

/// A connected FR3. Dropping it closes the connection, once no session drives it any more.
pub struct Arm {
    client: Mutex<Option<Arc<franka::Robot>>>,
    limits: ArmLimits,
    server_version: u16,
    driven: Arc<AtomicBool>,
}

impl Arm {
    /// Connects to the arm at `address` (`host` or `host:port`; the port is 1337 unless given).
    /// Blocks.
    ///
    /// # Errors
    /// What the arm or the network answered; [`ArmErrorCode::ConnectTimeout`] where nothing did.
    pub fn connect(address: &str, options: &ConnectOptions) -> Result<Arm, ArmError> {
        let (report, reported) = mpsc::channel();
        let target = address.to_owned();
        // The client puts the thread that makes it on SCHED_FIFO 99 wherever it may, so that must
        // not be the caller's.
        std::thread::Builder::new()
            .name("kilohertz-connect".to_owned())
            .spawn(move || {
                // Nobody waits any more after the timeout; the connection is closed then.
                let _ = report.send(Arm::connect_here(&target));
            })
            .map_err(|error| {
                ArmError::new(
                    ArmErrorCode::ConnectFailed,
                    format!("cannot start a thread: {error}"),
                )
            })?;
        reported.recv_timeout(options.timeout).unwrap_or_else(|_| {
            Err(ArmError::new(
                ArmErrorCode::ConnectTimeout,
                format!(
                    "{address} took the connection but did not answer within {:?}: check that it \
                     is an FR3 with FCI activated",
                    options.timeout
                ),
            ))
        })
    }

    fn connect_here(address: &str) -> Result<Arm, ArmError> {
        let options = RobotOptions::new(RealtimeConfig::Ignore)
            .with_version(VersionPolicy::Exact(FciVersion::V10))
            .with_log_size(0);
        let connecting = |error| ArmError::connecting(address, error);
        let client = franka::Robot::with_options(address, options).map_err(connecting)?;
        let urdf = client.robot_model().map_err(connecting)?;
        let velocity = JointVelocityLimitsConfig::from_urdf(&urdf).map_err(connecting)?;
        Ok(Arm {
            server_version: client.server_version(),
            client: Mutex::new(Some(Arc::new(client))),
            limits: ArmLimits::fr3(&velocity),
            driven: Arc::new(AtomicBool::new(false)),
        })
    }

    /// The FCI version that the arm speaks.
    pub fn server_version(&self) -> u16 {
        self.server_version
    }

    /// Whether a session drives the arm now.
    pub fn is_driven(&self) -> bool {
        self.driven.load(Ordering::Acquire)
    }

    /// Whether the connection was closed.
    pub fn is_closed(&self) -> bool {
        self.client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    fn client(&self) -> Result<Arc<franka::Robot>, ArmError> {
        let client = self
            .client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        client.ok_or_else(|| {
            ArmError::new(
                ArmErrorCode::InvalidOperation,
                "the arm was closed: connect again with Franka.connect",
            )
        })
    }

    fn idle_client(&self, what: &str) -> Result<Arc<franka::Robot>, ArmError> {
        if self.is_driven() {
            return Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                format!("{what} while a session drives the arm: stop the session first"),
            ));
        }
        self.client()
    }

    /// The robot's state now, while no session drives it. Blocks for a few milliseconds.
    ///
    /// # Errors
    /// Where the arm is driven, closed, or gone.
    pub fn state(&self) -> Result<RobotState, ArmError> {
        let client = self.idle_client("cannot read the state")?;
        // The first read empties the socket's queue, which stopped taking in when it was full.
        client.read_once()?;
        Ok(client.read_once()?)
    }

    /// Clears the errors of a reflex, so that a new session can start. Blocks.
    ///
    /// # Errors
    /// Where the arm is driven, closed or gone, or wants to be seen to by hand.
    pub fn recover(&self) -> Result<(), ArmError> {
        Ok(self
            .idle_client("cannot recover")?
            .automatic_error_recovery()?)
    }

    /// A robot for one session that drives this arm through `control`, and the limits for it.
    ///
    /// # Errors
    /// Where the arm is driven already, or closed.
    pub fn robot(&self, control: Control) -> Result<Driven, ArmError> {
        self.robot_with(control, &MotionOptions::default())
    }

    /// The same, with limits of the session's choice.
    ///
    /// # Errors
    /// As [`Arm::robot`].
    pub fn robot_with(
        &self,
        control: Control,
        options: &MotionOptions,
    ) -> Result<Driven, ArmError> {
        let client = self.idle_client("cannot start a session")?;
        let robot = ArmRobot::new(client, control, Arc::clone(&self.driven))?;
        Ok((Box::new(robot), limits(control, &self.limits, options)))
    }

    /// Closes the connection. A session that drives the arm keeps it until it ends.
    pub fn close(&self) {
        self.client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}
