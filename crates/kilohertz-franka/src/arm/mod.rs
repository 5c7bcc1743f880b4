//! The connection to an arm, and everything that is done through it.
//!
//! ```text
//! connect.rs    how to connect to an arm
//! ownership.rs  who may use the connection, and what a session's loop has seen
//! robot.rs      an arm as the robot of one session
//! ```

pub(crate) mod connect;
pub(crate) mod ownership;
pub(crate) mod robot;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use franka::RobotState;
use franka::model::Model;
use kilohertz_core::limits::Limiter;
use kilohertz_core::robot::Robot;

use crate::arm::connect::{Connected, connect};
use crate::arm::ownership::Ownership;
use crate::arm::robot::ArmRobot;
use crate::client::entrance::Drive;
use crate::client::rejected_command::rejected;
use crate::client::watchdog::{READING, REQUEST, Watchdog};
use crate::client::{Client, Connection};
use crate::control::impedance::ImpedanceController;
use crate::control::{Control, Impedance, Interface};
use crate::error::{ArmError, ArmErrorCode};
use crate::generation::Generation;
use crate::limits::{ArmLimits, MotionOptions, limits};
use crate::setting::{Setting, plausible};
use crate::state;
use crate::state::gate::{self, Fault};

pub use crate::arm::connect::ConnectOptions;

/// How long a session that has taken the arm may take until its first cycle, and how often that is checked.
const FIRST_CYCLE: Duration = Duration::from_secs(10);
const LOOKING: Duration = Duration::from_millis(1);

/// A robot for one session, and the limits for it.
pub type Driven = (Box<dyn Robot>, Box<dyn Limiter>);

/// A connected arm. Dropping it closes the connection, once no session drives the arm any more.
pub struct Arm {
    client: Mutex<Option<Arc<dyn Connection>>>,
    watchdog: Arc<Watchdog>,
    generation: Generation,
    client_name: Client,
    impedance: Impedance,
    elbow: bool,
    limits: ArmLimits,
    ownership: Arc<Ownership>,
    model: Arc<Model>,
}

impl Arm {
    /// Connects to the arm at `address` (`host` or `host:port`; the default port is 1337). Blocks.
    ///
    /// # Errors
    /// Returns what the arm or the network answered; [`ArmErrorCode::ConnectTimeout`] if nothing answered.
    pub fn connect(address: &str, options: &ConnectOptions) -> Result<Arm, ArmError> {
        let Connected {
            client,
            watchdog,
            generation,
            limits,
            model,
        } = connect(address, options)?;
        Ok(Arm {
            client: Mutex::new(Some(client)),
            watchdog,
            generation,
            client_name: options.client,
            impedance: options.impedance,
            elbow: options.elbow,
            limits,
            ownership: Arc::new(Ownership::new()),
            model: Arc::new(model),
        })
    }

    /// Returns what the arm's joints and its end effector can do.
    pub fn limits(&self) -> &ArmLimits {
        &self.limits
    }

    /// Returns the generation of the arm.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Returns the library that talks to the arm.
    pub fn client_name(&self) -> Client {
        self.client_name
    }

    /// Returns the address of the arm's command socket; `None` once the connection is over.
    pub fn address(&self) -> Option<std::net::SocketAddr> {
        self.watchdog.there()
    }

    /// Returns the FCI version that the arm speaks.
    pub fn server_version(&self) -> u16 {
        self.generation.fci_version()
    }

    /// Returns how sessions drive the arm through `control`.
    pub fn interface(&self, control: Control) -> Interface {
        Interface {
            control,
            elbow: self.elbow,
            impedance: self.impedance,
        }
    }

    /// Returns how many datagrams other senders have sent to the socket for the arm's states since the
    /// connection was made. No code here read any of them, and none was answered. The count may be too low:
    /// while no state is read, and after cycles that are late by tens of milliseconds, such datagrams
    /// cannot be told from states for which the queue had no room. Does not block.
    pub fn foreign_datagrams(&self) -> u64 {
        self.watchdog.source().foreign()
    }

    /// Returns the limits of the sessions that [`Arm::mover`] creates.
    pub(crate) fn limits_of_mover(&self) -> ArmLimits {
        self.limits.followed_by(self.mover_interface().impedance)
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    pub(crate) fn mover_interface(&self) -> Interface {
        Interface {
            impedance: self.impedance.of_the_arm(),
            ..self.interface(Control::JointPosition)
        }
    }

    /// Returns true if a session drives the arm now.
    pub fn is_driven(&self) -> bool {
        self.ownership.is_driven()
    }

    /// Returns true if the connection was closed.
    pub fn is_closed(&self) -> bool {
        self.client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    fn client(&self) -> Result<Arc<dyn Connection>, ArmError> {
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

    /// Does `work` on the connection while no session drives the arm. Only one such call runs at a time.
    pub(crate) fn while_idle<T>(
        &self,
        what: &str,
        work: impl FnOnce(&dyn Connection) -> Result<T, ArmError>,
    ) -> Result<T, ArmError> {
        let client = self.client()?;
        let Some(_turn) = self.ownership.lock_idle() else {
            return Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                format!("{what} while a session drives the arm: stop the session first"),
            ));
        };
        work(&*client)
    }

    /// Does `work`, which waits for the arm's answer, while no session drives the arm. If the arm does not
    /// answer, the connection is ended. `cannot` begins the error if the arm is driven, `command` names
    /// what the arm refuses in the error if it refuses.
    pub(crate) fn request<T>(
        &self,
        cannot: &str,
        command: &str,
        work: impl FnOnce(&dyn Connection) -> Result<T, ArmError>,
    ) -> Result<T, ArmError> {
        self.while_idle(cannot, |client| {
            let done = self.watchdog.limited(REQUEST, |_| work(client));
            done.map_err(|error| match error.code {
                ArmErrorCode::CommandRejected => {
                    rejected(command, &error.message, self.read(client))
                }
                _ => error,
            })
        })
    }

    /// Returns the robot's present state, while no session drives it, as the arm reports it. Nothing in it
    /// is checked. Blocks for a few milliseconds.
    ///
    /// # Errors
    /// Returns an error if the arm is driven or closed, or if the connection is lost. [`Arm::observe`]
    /// works for a driven arm too.
    pub fn state(&self) -> Result<RobotState, ArmError> {
        self.while_idle("cannot read the state", |client| self.read(client))
    }

    /// Returns the state that the arm sends now.
    pub(crate) fn read(&self, client: &dyn Connection) -> Result<RobotState, ArmError> {
        self.watchdog.limited(READING, |_| client.state())
    }

    /// Returns the slots of the robot's present state, laid out as [`state::SCHEMA`]. While no session
    /// drives the arm, the state is read from the arm, and nothing in it is checked. While a session drives
    /// it, this is the newest state that the session's loop has seen; the loop does not wait for this call.
    /// Blocks for a few milliseconds, or until a session that is starting has its first cycle.
    ///
    /// # Errors
    /// Returns an error if the arm is closed, or if the connection is lost.
    pub fn observe(&self) -> Result<Vec<f64>, ArmError> {
        let asked = Instant::now();
        let client = self.client()?;
        loop {
            if let Some(_turn) = self.ownership.lock_idle() {
                let mut slots = vec![0.0; state::LEN];
                state::write(&self.read(&*client)?, &mut slots);
                return Ok(slots);
            }
            if let Some(slots) = self.ownership.newest() {
                return Ok(slots);
            }
            if asked.elapsed() > FIRST_CYCLE {
                return Err(ArmError::new(
                    ArmErrorCode::ConnectionLost,
                    format!(
                        "a session has the arm and has not seen a state within {FIRST_CYCLE:?}"
                    ),
                ));
            }
            std::thread::sleep(LOOKING);
        }
    }

    /// Clears the errors of a reflex, so that a new session can start. Blocks.
    ///
    /// # Errors
    /// Returns an error if the arm is driven or closed, if the connection is lost, or if a person has to
    /// act at the arm; [`ArmErrorCode::Protocol`] if the arm reports a posture that no arm can have.
    pub fn recover(&self) -> Result<(), ArmError> {
        self.request("cannot recover", "to recover", |client| {
            gate::can_stand(&self.limits, &client.state()?).map_err(Fault::standing)?;
            client.recover()
        })
    }

    /// Sends a setting to the arm while no session drives it, because an arm refuses settings during a
    /// motion. Blocks for a few milliseconds.
    ///
    /// # Errors
    /// [`ArmErrorCode::InvalidArgument`] for what [`Setting::check`] refuses, and for a load that exceeds
    /// the payload left by the end effector; [`ArmErrorCode::Generation`] for filters of an FR3;
    /// [`ArmErrorCode::CommandRejected`] if the arm refuses; [`ArmErrorCode::InvalidOperation`] if the arm
    /// is driven or closed.
    pub fn configure(&self, setting: &Setting) -> Result<(), ArmError> {
        // This comes first because its message says more about a mass in grams than that it is not
        // possible, and because it needs no answer of the arm.
        if let Setting::Load { mass, .. } = *setting
            && mass.is_finite()
        {
            plausible::payload(mass, self.generation(), 0.0)?;
        }
        setting.check()?;
        let Setting::Load { mass, .. } = *setting else {
            return self.send(setting, |_| Ok(()));
        };
        self.send(setting, |client| {
            let state = client.state()?;
            // The present load is not checked: it is replaced, even if it is wrong.
            gate::can_have_end_effector(&state).map_err(Fault::standing)?;
            Ok(plausible::payload(mass, self.generation(), state.m_ee)?)
        })
    }

    /// Sends a setting as [`Arm::configure`] does, even if it is not plausible.
    ///
    /// # Errors
    /// See [`Arm::configure`], with [`Setting::check_possible`] instead of [`Setting::check`].
    pub fn configure_unchecked(&self, setting: &Setting) -> Result<(), ArmError> {
        setting.check_possible()?;
        self.send(setting, |_| Ok(()))
    }

    fn send(
        &self,
        setting: &Setting,
        check: impl FnOnce(&dyn Connection) -> Result<(), ArmError>,
    ) -> Result<(), ArmError> {
        if self.generation() == Generation::Fr3 && matches!(setting, Setting::Filters(_)) {
            return Err(ArmError::new(
                ArmErrorCode::Generation,
                "an FR3 has no filters to be set: its version of FCI, 10, has no such command, only a \
                 FER's version 5 has. Filter the commands in the policy instead",
            ));
        }
        self.request("cannot set the arm up", setting.name(), |client| {
            check(client)?;
            client.configure(setting)
        })
    }

    /// Returns a robot for one session that drives this arm through `control`, and the limits for it.
    ///
    /// # Errors
    /// Returns an error if the arm is already driven, or closed.
    pub fn robot(&self, control: Control) -> Result<Driven, ArmError> {
        self.robot_with(control, &MotionOptions::default())
    }

    /// Returns a robot and limits as [`Arm::robot`] does, with options for the limits.
    ///
    /// # Errors
    /// See [`Arm::robot`].
    pub fn robot_with(
        &self,
        control: Control,
        options: &MotionOptions,
    ) -> Result<Driven, ArmError> {
        self.driven(self.interface(control), options)
    }

    /// Returns a robot for one session that moves this arm along joint positions, with one of the arm's own
    /// controllers, and the limits for it.
    ///
    /// # Errors
    /// See [`Arm::robot`].
    pub fn mover(&self, options: &MotionOptions) -> Result<Driven, ArmError> {
        self.driven(self.mover_interface(), options)
    }

    pub(crate) fn driven(
        &self,
        interface: Interface,
        options: &MotionOptions,
    ) -> Result<Driven, ArmError> {
        let client = self.client()?;
        let (watchdog, ownership) = (Arc::clone(&self.watchdog), Arc::clone(&self.ownership));
        let drive = Drive {
            interface,
            impedance: ImpedanceController::of(interface, &self.model),
            arm: self.limits,
        };
        let robot = ArmRobot::new(client, watchdog, drive, ownership)?;
        let limits = limits(interface, &self.limits, &self.model, options);
        Ok((Box::new(robot), limits))
    }

    /// Closes the connection. A session that drives the arm keeps the connection until it ends.
    pub fn close(&self) {
        self.client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}
