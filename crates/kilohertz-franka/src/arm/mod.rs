//! The connection to an arm.

pub(crate) mod ownership;
pub(crate) mod robot;

use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant};

use franka::RobotState;
use franka::model::Model;
use kilohertz_core::limits::Limits;
use kilohertz_core::robot::Robot;

use crate::arm::ownership::Desk;
use crate::arm::robot::ArmRobot;
use crate::client::bridge::{self, Met};
use crate::client::entrance::Drive;
use crate::client::franka_rs::Direct;
use crate::client::rejection::rejected;
use crate::client::watchdog::{Plug, REQUEST, STATE};
use crate::client::{Client, Connection};
use crate::control::impedance::Law;
use crate::control::{Control, Impedance, Interface};
use crate::error::{ArmError, ArmErrorCode};
use crate::generation::Generation;
use crate::hand::later;
use crate::limits::{ArmLimits, MotionOptions, limits};
use crate::state;
use crate::state::gate::{self, Fault};

/// How to connect.
#[derive(Debug, Clone)]
pub struct ConnectOptions {
    /// How long connecting may take.
    pub timeout: Duration,
    /// The arm that must answer; `None` takes either and finds out which it is.
    pub generation: Option<Generation>,
    /// The library that talks to the arm.
    pub client: Client,
    /// The controller that follows a motion generator.
    pub impedance: Impedance,
    /// Whether Cartesian sessions command the elbow too.
    pub elbow: bool,
}

impl Default for ConnectOptions {
    /// 5 s, either generation, `franka-rs`, the joint impedance controller, the arm's own choice of the
    /// elbow.
    fn default() -> ConnectOptions {
        ConnectOptions {
            timeout: Duration::from_secs(5),
            generation: None,
            client: Client::default(),
            impedance: Impedance::default(),
            elbow: false,
        }
    }
}

/// How long a session that has the arm may take until its first cycle, and how often it is looked for.
const FIRST_CYCLE: Duration = Duration::from_secs(10);
const LOOKING: Duration = Duration::from_millis(1);

/// How much later than its time an attempt may say why it failed.
const LAST_WORD: Duration = Duration::from_millis(200);
/// How long a state may take that is read between motions: the first one empties the client's queue.
pub(crate) const READING: Duration = STATE.saturating_mul(2);

/// A connection, and its plug.
type Guarded = (Arc<dyn Connection>, Arc<Plug>);

/// A robot for one session, and the limits for it.
pub type Driven = (Box<dyn Robot>, Box<dyn Limits>);

/// A connected arm. Dropping it closes the connection, once no session drives it any more.
pub struct Arm {
    client: Mutex<Option<Arc<dyn Connection>>>,
    plug: Arc<Plug>,
    generation: Generation,
    client_name: Client,
    impedance: Impedance,
    elbow: bool,
    limits: ArmLimits,
    desk: Arc<Desk>,
    model: Arc<Model>,
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
        let wanted = options.clone();
        let due = later(options.timeout);
        // Looking up a host's address has no limit of its own; all else ends when it is due.
        std::thread::Builder::new()
            .name("kilohertz-connect".to_owned())
            .spawn(move || {
                // Nobody waits any more after the timeout; the connection is closed then.
                let _ = report.send(Arm::connect_here(&target, &wanted, due));
            })
            .map_err(|error| {
                ArmError::new(
                    ArmErrorCode::ConnectFailed,
                    format!("cannot start a thread: {error}"),
                )
            })?;
        reported
            .recv_timeout(options.timeout.saturating_add(LAST_WORD))
            .unwrap_or_else(|_| Err(ArmError::no_answer(address, options.timeout)))
    }

    fn connect_here(address: &str, wanted: &ConnectOptions, due: Instant) -> Result<Arm, ArmError> {
        let (client, plug, generation, limits, model) = match wanted.client {
            Client::FrankaRs => {
                let Met {
                    client,
                    urdf,
                    line,
                    ear,
                } = bridge::meet(address, wanted, due)?;
                let generation = Generation::of(client.fci_version());
                let (limits, model) = match urdf {
                    Some(urdf) => (ArmLimits::served(&urdf), urdf.model),
                    None => (ArmLimits::fer(), Model::native_fer()),
                };
                let plug = Arc::new(Plug::of(line, ear));
                let client = Direct::new(client, Arc::clone(plug.hearing()));
                let client: Arc<dyn Connection> = Arc::new(client);
                (client, plug, generation, limits, model)
            }
            Client::LibfrankaRs => {
                let (client, plug) = Arm::fenced(address, wanted, due)?;
                (
                    client,
                    plug,
                    Generation::Fer,
                    ArmLimits::fer(),
                    Model::native_fer(),
                )
            }
        };
        Ok(Arm {
            client: Mutex::new(Some(client)),
            plug,
            generation,
            client_name: wanted.client,
            impedance: wanted.impedance,
            elbow: wanted.elbow,
            limits,
            desk: Arc::new(Desk::new()),
            model: Arc::new(model),
        })
    }

    /// Connects with `libfranka-rs`, after `franka-rs` has made sure that it can.
    #[cfg(all(feature = "libfranka-rs", target_os = "linux"))]
    fn fenced(address: &str, wanted: &ConnectOptions, due: Instant) -> Result<Guarded, ArmError> {
        use crate::client::libfranka_rs::{Fenced, is_known};
        is_known(address, wanted)?;
        let fer = ConnectOptions {
            generation: Some(Generation::Fer),
            ..wanted.clone()
        };
        // It goes where that one came out, and not where the name leads then.
        let there = bridge::meet(address, &fer, due)?.line.there;
        let plug = Arc::new(Plug::default());
        let client = Fenced::connect(there, Arc::clone(&plug), due)?;
        Ok((Arc::new(client), plug))
    }

    #[cfg(not(all(feature = "libfranka-rs", target_os = "linux")))]
    fn fenced(_address: &str, wanted: &ConnectOptions, _due: Instant) -> Result<Guarded, ArmError> {
        Err(ArmError::new(
            ArmErrorCode::Client,
            format!(
                "this build has no client {}: it needs Linux and the cargo feature of that name. \
                 Use franka-rs",
                wanted.client
            ),
        ))
    }

    /// Which arm it is.
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// The library that talks to it.
    pub fn client_name(&self) -> Client {
        self.client_name
    }

    /// The FCI version that the arm speaks.
    pub fn server_version(&self) -> u16 {
        self.generation.fci_version()
    }

    /// How sessions drive it through `control`.
    pub fn interface(&self, control: Control) -> Interface {
        Interface {
            control,
            elbow: self.elbow,
            impedance: self.impedance,
        }
    }

    /// How many datagrams came to the socket for the arm's states from somebody else, since it was connected
    /// to. None of them was seen by anything here, and none was answered. Some may be missing: while
    /// nobody reads states, and where a loop is late by tens of milliseconds, they cannot be told from
    /// states that found no room. Does not block.
    pub fn foreign_datagrams(&self) -> u64 {
        self.plug.hearing().foreign()
    }

    pub(crate) fn limits(&self) -> &ArmLimits {
        &self.limits
    }

    /// The limits of the sessions that [`Arm::mover`] is for.
    pub(crate) fn limits_of_mover(&self) -> ArmLimits {
        self.limits.followed_by(self.mover_interface().impedance)
    }

    pub(crate) fn model(&self) -> &Model {
        &self.model
    }

    fn mover_interface(&self) -> Interface {
        Interface {
            impedance: self.impedance.of_the_arm(),
            ..self.interface(Control::JointPosition)
        }
    }

    /// Whether a session drives the arm now.
    pub fn is_driven(&self) -> bool {
        self.desk.is_driven()
    }

    /// Whether the connection was closed.
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

    /// Does `work` on the connection while no session drives the arm. One at a time.
    pub(crate) fn while_idle<T>(
        &self,
        what: &str,
        work: impl FnOnce(&dyn Connection) -> Result<T, ArmError>,
    ) -> Result<T, ArmError> {
        let client = self.client()?;
        let Some(_turn) = self.desk.turn() else {
            return Err(ArmError::new(
                ArmErrorCode::InvalidOperation,
                format!("{what} while a session drives the arm: stop the session first"),
            ));
        };
        work(&*client)
    }

    /// The same for what the arm answers; where it does not, the connection is ended.
    ///
    /// `cannot` begins the error where the arm is driven, `command` is what an arm refuses that refuses.
    pub(crate) fn request<T>(
        &self,
        cannot: &str,
        command: &str,
        work: impl FnOnce(&dyn Connection) -> Result<T, ArmError>,
    ) -> Result<T, ArmError> {
        self.while_idle(cannot, |client| {
            let done = self.plug.limited(REQUEST, |_| work(client));
            done.map_err(|error| match error.code {
                ArmErrorCode::CommandRejected => {
                    rejected(command, &error.message, self.read(client))
                }
                _ => error,
            })
        })
    }

    /// The robot's state now, while no session drives it, as the arm says it: nothing of it is checked.
    /// Blocks for a few milliseconds.
    ///
    /// # Errors
    /// Where the arm is driven, closed, or gone. [`Arm::observe`] serves a driven arm too.
    pub fn state(&self) -> Result<RobotState, ArmError> {
        self.while_idle("cannot read the state", |client| self.read(client))
    }

    /// What the arm sends now.
    fn read(&self, client: &dyn Connection) -> Result<RobotState, ArmError> {
        self.plug.limited(READING, |_| client.state())
    }

    /// The slots of the robot's state now, laid out as [`state::SCHEMA`]: read from the arm while no session
    /// drives it, and otherwise the newest that the session's loop has seen, without making the
    /// loop wait. While none does, nothing of it is checked. Blocks for a few milliseconds, or until a
    /// session that is starting has its first cycle.
    ///
    /// # Errors
    /// Where the arm is closed or gone.
    pub fn observe(&self) -> Result<Vec<f64>, ArmError> {
        let asked = Instant::now();
        let client = self.client()?;
        loop {
            if let Some(_turn) = self.desk.turn() {
                let mut slots = vec![0.0; state::LEN];
                state::write(&self.read(&*client)?, &mut slots);
                return Ok(slots);
            }
            if let Some(slots) = self.desk.newest() {
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
    /// Where the arm is driven, closed or gone, or wants to be seen to by hand;
    /// [`ArmErrorCode::Protocol`] where it says that it stands where none can.
    pub fn recover(&self) -> Result<(), ArmError> {
        self.request("cannot recover", "to recover", |client| {
            gate::can_stand(&self.limits, &client.state()?).map_err(Fault::standing)?;
            client.recover()
        })
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
        self.driven(self.interface(control), options)
    }

    /// A robot for one session that moves this arm along joint positions, followed by a controller of
    /// the arm's own.
    ///
    /// # Errors
    /// As [`Arm::robot`].
    pub fn mover(&self, options: &MotionOptions) -> Result<Driven, ArmError> {
        self.driven(self.mover_interface(), options)
    }

    fn driven(&self, interface: Interface, options: &MotionOptions) -> Result<Driven, ArmError> {
        let client = self.client()?;
        let (plug, desk) = (Arc::clone(&self.plug), Arc::clone(&self.desk));
        let drive = Drive {
            interface,
            law: Law::of(interface, &self.model),
            arm: self.limits,
        };
        let robot = ArmRobot::new(client, plug, drive, desk)?;
        let limits = limits(interface, &self.limits, &self.model, options);
        Ok((Box::new(robot), limits))
    }

    /// Closes the connection. A session that drives the arm keeps it until it ends.
    pub fn close(&self) {
        self.client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}
