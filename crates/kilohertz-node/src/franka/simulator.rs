//! A simulated arm, as JavaScript holds it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kilohertz_core::thread::{RealtimeRequest, make_realtime};
use kilohertz_sim::{
    EndEffector, Fault, FaultFields, Noise, Reset, Simulator, SimulatorError, SimulatorOptions,
};
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::OrThrow;

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
    /// The standard deviations of the noise of `q`, `dq`, `tau_J` and `tau_ext_hat_filtered`: 4 * 7 numbers.
    pub noise: Option<Vec<f64>>,
    pub noise_seed: Option<f64>,
    pub model_library: Option<String>,
}

/// Where an episode begins; what is absent is as it was at the start.
#[napi(object)]
pub struct NativeReset {
    pub q: Option<Vec<f64>>,
    pub object_width_m: Option<f64>,
    pub seed: Option<f64>,
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
    /// The cycle of a motion in which it takes effect.
    pub at_cycle: Option<u32>,
}

impl From<NativeFault> for FaultFields {
    fn from(fault: NativeFault) -> FaultFields {
        FaultFields {
            count: fault.count,
            by_s: fault.by_s,
            error: fault.error,
            pressed: fault.pressed,
            torques_nm: fault.torques_nm,
            version: fault.version,
            field: fault.field,
            index: fault.index,
            value: fault.value,
        }
    }
}

fn refused(option: &'static str, received: String, expected: &str) -> SimulatorError {
    SimulatorError::Option {
        option,
        received,
        expected: expected.to_owned(),
    }
}

fn options(
    options: NativeSimulatorOptions,
) -> std::result::Result<SimulatorOptions, SimulatorError> {
    let defaults = SimulatorOptions::default();
    let host = match options.host {
        None => defaults.host,
        Some(host) => host
            .parse()
            .map_err(|_| refused("host", host, "an IP address, as in 127.0.0.1"))?,
    };
    let q = options.q.map(posture).transpose()?.unwrap_or(defaults.q);
    let noise = Noise {
        seed: seed(options.noise_seed),
        ..noise(&options.noise.unwrap_or_default())
    };
    let generation = match options.generation {
        None => defaults.generation,
        Some(name) => name.parse()?,
    };
    let end_effector = options.end_effector.as_deref().map(worn).transpose()?;
    Ok(SimulatorOptions {
        generation,
        host,
        q,
        noise,
        model_library: options.model_library.map(PathBuf::from),
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

fn posture(q: Vec<f64>) -> std::result::Result<[f64; 7], SimulatorError> {
    q.try_into().map_err(|q: Vec<f64>| {
        let received = format!("of length {}", q.len());
        refused("q", received, "7 joint positions [rad]")
    })
}

/// Returns a seed. TypeScript has checked that it is a whole number from 0.
fn seed(seed: Option<f64>) -> u64 {
    seed.unwrap_or(0.0) as u64
}

/// Returns noise with these standard deviations; absent ones are zero.
fn noise(deviations: &[f64]) -> Noise {
    let of = |sensor: usize| {
        let nth = |joint| deviations.get(7 * sensor + joint).copied();
        std::array::from_fn(|joint| nth(joint).unwrap_or(0.0))
    };
    Noise {
        seed: 0,
        q: of(0),
        dq: of(1),
        tau_J: of(2),
        tau_ext_hat_filtered: of(3),
    }
}

/// Returns the end effector with this mass, centre of mass, inertia and frame.
fn worn(slots: &[f64]) -> std::result::Result<EndEffector, SimulatorError> {
    let of_length = || {
        let received = format!("of length {}", slots.len());
        refused("endEffector", received, "29 numbers")
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
        let options = options(started_with).or_throw(env)?;
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
    pub fn fingers(&self, env: &Env) -> Result<NativeFingers> {
        let fingers = self.simulator.fingers().or_throw(env)?;
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
    pub fn place_object(&self, env: &Env, width_m: f64) -> Result<()> {
        self.simulator.place_object(width_m).or_throw(env)
    }

    /// Removes the object between the fingers.
    #[napi]
    pub fn remove_object(&self, env: &Env) -> Result<()> {
        self.simulator.remove_object().or_throw(env)
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

    /// Returns what was counted since the start, in the order of the contract's names.
    #[napi]
    pub fn counters(&self) -> Vec<f64> {
        let counted = self.simulator.counters().shown();
        counted.map(|(_, count)| count as f64).collect()
    }

    /// Injects a fault.
    #[napi]
    pub fn inject(&self, env: &Env, fault: NativeFault) -> Result<()> {
        let at = fault.at_cycle;
        let made = Fault::named(&fault.kind.clone(), fault.into());
        made.and_then(|fault| match at {
            Some(cycle) => self.simulator.inject_at(fault, u64::from(cycle)),
            None => self.simulator.inject(fault),
        })
        .or_throw(env)
    }

    /// Puts arm and hand back to where an episode begins.
    #[napi]
    pub fn reset(&self, env: &Env, to: NativeReset) -> Result<()> {
        let q = to.q.map(posture).transpose().or_throw(env)?;
        let to = Reset {
            q,
            object: to.object_width_m,
            seed: to.seed.map(|given| seed(Some(given))),
        };
        self.simulator.reset(&to).or_throw(env)
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
