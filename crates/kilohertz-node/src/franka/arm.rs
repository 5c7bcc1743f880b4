//! A connected arm, as JavaScript holds it.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use kilohertz_franka::{Arm, ConnectOptions, Control, Gains, GiveUp, Impedance, state};
use napi::bindgen_prelude::{Either3, Float64Array, Object};
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::{Failure, OrThrow};
use crate::franka::simulator::is_in_lockstep;

/// One named range of slots of a frame.
#[napi(object)]
pub struct NativeField {
    pub name: String,
    pub len: u32,
    pub unit: String,
}

/// The layout of an arm's state, and the names of its error flags.
#[napi(object)]
pub struct NativeArmSchema {
    pub fields: Vec<NativeField>,
    pub error_names: Vec<String>,
}

/// The layout of an arm's state.
#[napi]
pub fn arm_schema() -> NativeArmSchema {
    let field = |field: &kilohertz_core::schema::Field| NativeField {
        name: field.name.to_owned(),
        len: field.len as u32,
        unit: field.unit.to_owned(),
    };
    NativeArmSchema {
        fields: state::SCHEMA.fields().iter().map(field).collect(),
        error_names: franka::ERROR_NAMES.map(str::to_owned).to_vec(),
    }
}

/// Options of a connection; absent options have the arm's default.
#[napi(object)]
pub struct NativeConnectOptions {
    pub timeout_s: f64,
    pub generation: Option<String>,
    pub client: Option<String>,
    pub impedance: Option<String>,
    pub elbow: Option<bool>,
    pub law: Option<NativeLaw>,
}

/// An impedance law on torques; absent gains have their default values.
#[napi(object)]
pub struct NativeLaw {
    /// True if it follows the end effector.
    pub cartesian: bool,
    pub joint_stiffness: Option<Vec<f64>>,
    pub joint_damping: Option<Vec<f64>>,
    pub cartesian_stiffness: Option<Vec<f64>>,
    pub cartesian_damping: Option<Vec<f64>>,
}

impl From<NativeLaw> for Gains {
    fn from(law: NativeLaw) -> Gains {
        let usual = match law.cartesian {
            true => Gains::CARTESIAN,
            false => Gains::JOINT,
        };
        let stiff = usual.with_stiffness(
            exactly(law.joint_stiffness),
            exactly(law.cartesian_stiffness),
        );
        Gains {
            joint_damping: exactly(law.joint_damping).unwrap_or(stiff.joint_damping),
            cartesian_damping: exactly(law.cartesian_damping).unwrap_or(stiff.cartesian_damping),
            ..stiff
        }
    }
}

/// Returns the numbers as an array of `N`; `lib/` has checked the length.
fn exactly<const N: usize>(numbers: Option<Vec<f64>>) -> Option<[f64; N]> {
    numbers.and_then(|numbers| numbers.try_into().ok())
}

/// An attempt to connect to an arm or a hand, which can be ended.
#[napi]
pub struct NativeAttempt {
    pub(crate) give_up: GiveUp,
}

#[napi]
impl NativeAttempt {
    #[napi(constructor)]
    #[allow(
        clippy::new_without_default,
        reason = "JavaScript calls it, and it has no other caller"
    )]
    pub fn new() -> NativeAttempt {
        NativeAttempt {
            give_up: GiveUp::default(),
        }
    }

    /// Ends the attempt. What it has opened is closed, then its promise rejects.
    #[napi]
    pub fn stop(&self) {
        self.give_up.now();
    }
}

fn options(
    options: NativeConnectOptions,
    give_up: GiveUp,
) -> std::result::Result<ConnectOptions, Failure> {
    let generation = options.generation.map(|name| named("generation", &name));
    let client = options.client.map(|name| named("client", &name));
    let impedance = match (options.law, options.impedance) {
        (Some(law), _) => Impedance::Law(law.into()),
        (None, Some(name)) => named("impedance", &name)?,
        (None, None) => Impedance::default(),
    };
    Ok(ConnectOptions {
        impedance,
        elbow: options.elbow.unwrap_or(false),
        timeout: Duration::from_secs_f64(options.timeout_s),
        generation: generation.transpose()?,
        client: client.transpose()?.unwrap_or_default(),
        give_up,
    })
}

/// Returns the value with this name; `option` names the option, for the error.
pub(crate) fn named<T: FromStr<Err = String>>(
    option: &str,
    name: &str,
) -> std::result::Result<T, Failure> {
    name.parse().map_err(|expected: String| {
        Failure::out_of_range(option, Either3::C(name.to_owned()), expected)
    })
}

/// A connected arm.
#[napi]
pub struct NativeArm {
    pub(crate) arm: Arc<Arm>,
}

#[napi]
impl NativeArm {
    /// Connects; rejects with the answer of the arm or the network.
    #[napi(ts_return_type = "Promise<NativeArm>")]
    pub fn connect<'env>(
        env: &'env Env,
        address: String,
        connect_with: NativeConnectOptions,
        attempt: &NativeAttempt,
    ) -> Result<Object<'env>> {
        let options = options(connect_with, attempt.give_up.clone()).or_throw(env)?;
        in_background(env, move || {
            let arm = Arm::connect(&address, &options)?;
            Ok(NativeArm { arm: Arc::new(arm) })
        })
    }

    /// True if this arm is a simulator of this process that waits for its commands.
    #[napi(getter)]
    pub fn is_in_lockstep(&self) -> bool {
        self.arm.address().is_some_and(is_in_lockstep)
    }

    /// Returns true if it is on this machine, as only a simulated arm is.
    #[napi(getter)]
    pub fn is_local(&self) -> bool {
        let address = self.arm.address();
        address.is_some_and(|address| address.ip().is_loopback())
    }

    /// The arm's generation: fr3 or fer.
    #[napi(getter)]
    pub fn generation(&self) -> String {
        self.arm.generation().to_string()
    }

    /// The library that talks to the arm: franka-rs or libfranka-rs.
    #[napi(getter)]
    pub fn client(&self) -> String {
        self.arm.client_name().to_string()
    }

    /// The FCI version that the arm speaks.
    #[napi(getter)]
    pub fn server_version(&self) -> u16 {
        self.arm.server_version()
    }

    /// How many datagrams came from other senders than the arm; they were dropped.
    #[napi(getter)]
    pub fn foreign_datagrams(&self) -> f64 {
        self.arm.foreign_datagrams() as f64
    }

    /// Returns how many numbers an action of a control interface has.
    #[napi]
    pub fn action_length(&self, env: &Env, control: String) -> Result<u32> {
        let control: Control = named("control", &control).or_throw(env)?;
        let interface = self.arm.interface(control);
        Ok(interface.slots() as u32)
    }

    /// True if a session drives the arm.
    #[napi(getter)]
    pub fn is_driven(&self) -> bool {
        self.arm.is_driven()
    }

    /// Resolves to the arm's present state; while a session drives it, to the newest state that its loop
    /// has seen.
    #[napi(ts_return_type = "Promise<Float64Array>")]
    pub fn state<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let arm = Arc::clone(&self.arm);
        in_background(env, move || Ok(Float64Array::new(arm.observe()?)))
    }

    /// Clears the errors of a reflex.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn recover<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let arm = Arc::clone(&self.arm);
        in_background(env, move || Ok(arm.recover()?))
    }

    /// Closes the connection, once no session drives the arm any more.
    #[napi]
    pub fn close(&self) {
        self.arm.close();
    }
}
