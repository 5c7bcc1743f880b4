//! A simulated arm, as JavaScript holds it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kilohertz_core::thread::{RealtimeRequest, make_realtime};
use kilohertz_sim::{Corruption, EndEffector, Fault, HandFault, Simulator, SimulatorOptions};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::Failure;

/// Options of a simulator; absent options have the simulator's default.
#[napi(object)]
pub struct NativeSimulatorOptions {
    pub generation: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub q: Option<Vec<f64>>,
    pub friction: Option<bool>,
    pub lockstep: Option<bool>,
    pub lost_packet_limit: Option<u32>,
    pub hand: Option<bool>,
    /// The end effector's mass, centre of mass, inertia and frame: 1 + 3 + 9 + 16 numbers.
    pub end_effector: Option<Vec<f64>>,
    pub object_width_m: Option<f64>,
}

/// The true motion of the simulated arm.
#[napi(object)]
pub struct NativeJointState {
    pub q: Vec<f64>,
    pub dq: Vec<f64>,
    pub ddq: Vec<f64>,
    pub tau: Vec<f64>,
    pub time_s: f64,
}

/// The true position of the simulated hand's fingers.
#[napi(object)]
pub struct NativeFingers {
    pub width_m: f64,
    pub is_moving: bool,
    pub is_grasped: bool,
    pub force_n: f64,
    pub object_width_m: Option<f64>,
}

/// The simulator's counters.
#[napi(object)]
pub struct NativeCounters {
    pub states_sent: f64,
    pub states_dropped: f64,
    pub states_delayed: f64,
    pub commands_received: f64,
    pub commands_late: f64,
    pub commands_lost: f64,
    pub longest_lost_run: f64,
    pub commands_dropped: f64,
    pub commands_delayed: f64,
    pub motions_started: f64,
    pub motions_finished: f64,
    pub motions_aborted: f64,
    pub reflexes: f64,
    pub missed_ticks: f64,
    pub clients: f64,
}

/// A fault to inject.
#[napi(object)]
pub struct NativeFault {
    pub kind: String,
    pub count: Option<u32>,
    pub by_s: Option<f64>,
    pub error: Option<String>,
    pub pressed: Option<bool>,
    pub torques_nm: Option<Vec<f64>>,
    pub version: Option<u16>,
    pub field: Option<String>,
    pub index: Option<u32>,
    pub value: Option<f64>,
}

fn refused(what: &str, received: &str, expected: &str) -> Failure {
    Failure::new(
        "SIM_OPTION",
        format!("{what} is {received}; expected {expected}"),
    )
}

fn options(options: NativeSimulatorOptions) -> std::result::Result<SimulatorOptions, Failure> {
    let defaults = SimulatorOptions::default();
    let host = match options.host {
        None => defaults.host,
        Some(host) => host
            .parse()
            .map_err(|_| refused("host", &host, "an IP address, as in 127.0.0.1"))?,
    };
    let q = match options.q {
        None => defaults.q,
        Some(q) => q.try_into().map_err(|q: Vec<f64>| {
            refused(
                "q",
                &format!("of length {}", q.len()),
                "7 joint positions [rad]",
            )
        })?,
    };
    let generation = match options.generation {
        None => defaults.generation,
        Some(name) => name.parse().map_err(Failure::from)?,
    };
    let end_effector = options.end_effector.as_deref().map(worn).transpose()?;
    Ok(SimulatorOptions {
        generation,
        host,
        q,
        port: options.port.unwrap_or(defaults.port),
        friction: options.friction.unwrap_or(defaults.friction),
        lockstep: options.lockstep.unwrap_or(defaults.lockstep),
        lost_packet_limit: options
            .lost_packet_limit
            .unwrap_or(defaults.lost_packet_limit),
        hand: options.hand.unwrap_or(defaults.hand),
        end_effector,
        object: options.object_width_m,
        prepare_arm_thread: Some(raise_priority),
        ..defaults
    })
}

/// Returns the end effector with this mass, centre of mass, inertia and frame.
fn worn(slots: &[f64]) -> std::result::Result<EndEffector, Failure> {
    let of_length = || {
        let received = format!("of length {}", slots.len());
        refused("endEffector", &received, "29 numbers")
    };
    let (mass, rest) = slots.split_first().ok_or_else(of_length)?;
    let (centre, rest) = rest.split_first_chunk().ok_or_else(of_length)?;
    let (inertia, frame) = rest.split_first_chunk().ok_or_else(of_length)?;
    Ok(EndEffector {
        m_ee: *mass,
        F_x_Cee: *centre,
        I_ee: *inertia,
        F_T_NE: frame.try_into().map_err(|_| of_length())?,
    })
}

/// Gives the simulated arm a higher priority than the loops that drive it, if the system permits.
/// Measurements against it then show the loop, and not how a busy machine schedules the simulator.
fn raise_priority() {
    make_realtime(&RealtimeRequest {
        priority: Some(85),
        lock_memory: false,
        ..RealtimeRequest::default()
    });
}

fn fault(fault: NativeFault) -> std::result::Result<Fault, Failure> {
    let count = fault.count.unwrap_or(1);
    let by = Duration::try_from_secs_f64(fault.by_s.unwrap_or(0.0)).unwrap_or(Duration::MAX);
    Ok(match fault.kind.as_str() {
        "dropStates" => Fault::DropStates { count },
        "dropCommands" => Fault::DropCommands { count },
        "delayStates" => Fault::DelayStates { count, by },
        "delayCommands" => Fault::DelayCommands { count, by },
        "duplicateStates" => Fault::DuplicateStates { count },
        "duplicateCommands" => Fault::DuplicateCommands { count },
        "reorderStates" => Fault::ReorderStates { count },
        "reorderCommands" => Fault::ReorderCommands { count },
        "truncateStates" => Fault::TruncateStates { count },
        "truncateCommands" => Fault::TruncateCommands { count },
        "oldStates" => Fault::OldStates { count },
        "corruptStates" => Fault::CorruptStates {
            count,
            with: Corruption {
                field: fault.field.unwrap_or_default(),
                index: fault.index.unwrap_or(0) as usize,
                value: fault.value.unwrap_or(f64::NAN),
            },
        },
        "noiseDatagrams" => Fault::NoiseDatagrams { count },
        "resetConnection" => Fault::ResetConnection,
        "slowConnect" => Fault::SlowConnect { by },
        "reflex" => Fault::Reflex {
            error: fault.error.unwrap_or_else(|| "joint_reflex".to_owned()),
        },
        "userStop" => Fault::UserStop(fault.pressed.unwrap_or(true)),
        "push" => {
            let torques = fault.torques_nm.unwrap_or_default();
            let len = torques.len();
            Fault::Push(torques.try_into().map_err(|_| {
                refused("torquesNm", &format!("of length {len}"), "7 torques [N m]")
            })?)
        }
        "rejectConnect" => Fault::RejectConnect {
            version: fault.version.unwrap_or(5),
        },
        "die" => Fault::Die,
        "freeze" => Fault::Freeze,
        "handRejectConnect" => Fault::Hand(HandFault::RejectConnect {
            version: fault.version.unwrap_or(2),
        }),
        "handFailNext" => Fault::Hand(HandFault::FailNext),
        "handDeaf" => Fault::Hand(HandFault::Deaf),
        "handDie" => Fault::Hand(HandFault::Die),
        "handFreeze" => Fault::Hand(HandFault::Freeze),
        other => {
            let kinds = "dropStates, dropCommands, delayStates, delayCommands, duplicateStates, \
                         duplicateCommands, reorderStates, reorderCommands, truncateStates, \
                         truncateCommands, oldStates, corruptStates, noiseDatagrams, reflex, \
                         userStop, push, rejectConnect, slowConnect, resetConnection, die, freeze, handRejectConnect, handFailNext, \
                         handDeaf, handDie or handFreeze";
            return Err(Failure::new(
                "SIM_FAULT",
                format!("fault kind {other:?} does not exist; expected {kinds}"),
            ));
        }
    })
}

/// The addresses of the simulators of this process that wait for their commands.
static IN_LOCKSTEP: Mutex<Vec<SocketAddr>> = Mutex::new(Vec::new());

fn in_lockstep() -> MutexGuard<'static, Vec<SocketAddr>> {
    IN_LOCKSTEP.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Returns true if a simulator of this process that waits for its commands is at `address`.
pub(crate) fn is_in_lockstep(address: SocketAddr) -> bool {
    in_lockstep().iter().any(|simulator| {
        let everywhere = simulator.ip().is_unspecified() && address.ip().is_loopback();
        simulator.port() == address.port() && (everywhere || simulator.ip() == address.ip())
    })
}

/// A running simulator.
#[napi]
pub struct NativeSimulator {
    simulator: Arc<Simulator>,
}

#[napi]
impl NativeSimulator {
    /// Starts a simulator.
    #[napi(ts_return_type = "Promise<NativeSimulator>")]
    pub fn start(env: &Env, started_with: NativeSimulatorOptions) -> Result<Object<'_>> {
        let options = options(started_with)?;
        in_background(env, move || {
            let lockstep = options.lockstep;
            let simulator = Simulator::start(options)?;
            if lockstep {
                in_lockstep().push(simulator.address());
            }
            Ok(NativeSimulator {
                simulator: Arc::new(simulator),
            })
        })
    }

    /// `host:port` of the simulated arm.
    #[napi(getter)]
    pub fn address(&self) -> String {
        self.simulator.address().to_string()
    }

    /// The TCP port of the simulated hand.
    #[napi(getter)]
    pub fn hand_port(&self) -> Option<u16> {
        self.simulator.hand_address().map(|address| address.port())
    }

    /// Returns the true position of the fingers now.
    #[napi]
    pub fn fingers(&self) -> Result<NativeFingers> {
        let fingers = self.simulator.fingers().map_err(Failure::from)?;
        Ok(NativeFingers {
            width_m: fingers.width,
            is_moving: fingers.is_moving,
            is_grasped: fingers.is_grasped,
            force_n: fingers.force,
            object_width_m: fingers.object,
        })
    }

    /// Puts an object between the fingers.
    #[napi]
    pub fn place_object(&self, width_m: f64) -> Result<()> {
        let placed = self.simulator.place_object(width_m);
        Ok(placed.map_err(Failure::from)?)
    }

    /// Removes the object between the fingers.
    #[napi]
    pub fn remove_object(&self) -> Result<()> {
        Ok(self.simulator.remove_object().map_err(Failure::from)?)
    }

    /// Returns the true motion of the arm now.
    #[napi]
    pub fn joints(&self) -> NativeJointState {
        let joints = self.simulator.joints();
        NativeJointState {
            q: joints.q.to_vec(),
            dq: joints.dq.to_vec(),
            ddq: joints.ddq.to_vec(),
            tau: joints.tau.to_vec(),
            time_s: joints.time.as_secs_f64(),
        }
    }

    /// Returns what was counted since the start.
    #[napi]
    pub fn counters(&self) -> NativeCounters {
        let counters = self.simulator.counters();
        NativeCounters {
            states_sent: counters.states_sent as f64,
            states_dropped: counters.states_dropped as f64,
            states_delayed: counters.states_delayed as f64,
            commands_received: counters.commands_received as f64,
            commands_late: counters.commands_late as f64,
            commands_lost: counters.commands_lost as f64,
            longest_lost_run: counters.longest_lost_run as f64,
            commands_dropped: counters.commands_dropped as f64,
            commands_delayed: counters.commands_delayed as f64,
            motions_started: counters.motions_started as f64,
            motions_finished: counters.motions_finished as f64,
            motions_aborted: counters.motions_aborted as f64,
            reflexes: counters.reflexes as f64,
            missed_ticks: counters.missed_ticks as f64,
            clients: counters.clients as f64,
        }
    }

    /// Injects a fault.
    #[napi]
    pub fn inject(&self, what: NativeFault) -> Result<()> {
        Ok(self.simulator.inject(fault(what)?).map_err(Failure::from)?)
    }

    /// Stops the simulator; resolves when its threads have ended.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn stop<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let simulator = Arc::clone(&self.simulator);
        in_background(env, move || {
            simulator.stop();
            in_lockstep().retain(|address| *address != simulator.address());
            Ok(())
        })
    }
}

impl Drop for NativeSimulator {
    fn drop(&mut self) {
        in_lockstep().retain(|address| *address != self.simulator.address());
    }
}
