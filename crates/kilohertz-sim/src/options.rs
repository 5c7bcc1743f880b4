//! The options of a simulator.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use crate::end_effector::EndEffector;
use crate::error::{SimulatorError, rounded};
use crate::generation::Generation;
use crate::hand::Hand;
use crate::noise::Noise;

/// The options of the simulated arm and its server. [`Simulator::start`](crate::Simulator::start) checks
/// every field.
#[derive(Debug, Clone)]
pub struct SimulatorOptions {
    /// The generation of the arm, which determines the version of FCI. Default [`Generation::Fr3`].
    pub generation: Generation,
    /// The address to listen on. It must be a loopback address. Default 127.0.0.1.
    pub host: IpAddr,
    /// The TCP port. 0 takes a free port. Default 0. (A real control box listens on 1337.) The hand listens
    /// on the next port.
    pub port: u16,
    /// Whether there is a hand. Default true.
    pub hand: bool,
    /// The end effector at the arm's flange, as it is set in Desk. Default: the Franka Hand if there is a
    /// hand, else none.
    pub end_effector: Option<EndEffector>,
    /// The width of an object between the fingers of the open hand \[m\], above 0 to 0.08. Default: no
    /// object.
    pub object: Option<f64>,
    /// Joint positions at the start \[rad\], at rest. Default `[0, -π/4, 0, -3π/4, 0, π/2, π/4]`.
    pub q: [f64; 7],
    /// Whether the joints have friction. Default true.
    pub friction: bool,
    /// The noise of the arm's sensors. Default: none.
    pub noise: Noise,
    /// The model library that a FER serves, a shared object for Linux on this type of machine. Default: the
    /// simulator's own.
    pub model_library: Option<PathBuf>,
    /// false: the wall clock counts, and a state is sent each millisecond. true: during a motion the next
    /// state is sent when the command for the last one has arrived, and each command advances the simulated
    /// time by 1 ms.
    pub lockstep: bool,
    /// How many lost commands in a row end a motion with `communication_constraints_violation`, 1 to 10,000.
    /// Default 20.
    pub lost_packet_limit: u32,
    /// How long a motion waits for its first command before lost commands are counted, at most 60 s. The
    /// first command ends this wait. Default 500 ms.
    pub first_command_grace: Duration,
    /// Only for lockstep: how long a motion waits for a command before it goes on without one, 1 ms to 10
    /// min. Default 10 s.
    pub lockstep_timeout: Duration,
    /// A function that runs first on the arm's thread, for example to raise its priority. A real arm has its
    /// own computer, which other programs on this machine do not delay. Default: none.
    pub prepare_arm_thread: Option<fn()>,
}

impl Default for SimulatorOptions {
    fn default() -> Self {
        SimulatorOptions {
            generation: Generation::default(),
            host: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            hand: true,
            end_effector: None,
            object: None,
            q: [
                0.0,
                -FRAC_PI_4,
                0.0,
                -3.0 * FRAC_PI_4,
                0.0,
                FRAC_PI_2,
                FRAC_PI_4,
            ],
            friction: true,
            noise: Noise::default(),
            model_library: None,
            lockstep: false,
            lost_packet_limit: 20,
            first_command_grace: Duration::from_millis(500),
            lockstep_timeout: Duration::from_secs(10),
            prepare_arm_thread: None,
        }
    }
}

impl SimulatorOptions {
    /// Returns the end effector at the arm's flange.
    pub(crate) fn worn(&self) -> EndEffector {
        let own = match self.hand {
            true => EndEffector::FRANKA_HAND,
            false => EndEffector::NONE,
        };
        self.end_effector.unwrap_or(own)
    }

    pub(crate) fn validate(&self) -> Result<(), SimulatorError> {
        if !self.host.is_loopback() {
            return Err(SimulatorError::Address { host: self.host });
        }
        if self.hand && self.port == u16::MAX {
            return Err(SimulatorError::Option {
                option: "port",
                received: self.port.to_string(),
                expected: "at most 65534: the hand listens on the next one".into(),
            });
        }
        self.worn().validate()?;
        if let Some(object) = self.object {
            if !self.hand {
                return Err(SimulatorError::Option {
                    option: "object",
                    received: format!("{} m without a hand", rounded(object)),
                    expected: "a hand, or no object".into(),
                });
            }
            Hand::new(None).place(object)?;
        }
        check_posture(self.generation, &self.q)?;
        self.noise.validate()?;
        if let (Some(path), Generation::Fr3) = (&self.model_library, self.generation) {
            return Err(SimulatorError::Option {
                option: "model_library",
                received: path.display().to_string(),
                expected: "none for an FR3, which serves no model library but its URDF".into(),
            });
        }
        if !(1..=10_000).contains(&self.lost_packet_limit) {
            return Err(SimulatorError::Option {
                option: "lost_packet_limit",
                received: self.lost_packet_limit.to_string(),
                expected: "1 to 10000".into(),
            });
        }
        if self.first_command_grace > Duration::from_secs(60) {
            return Err(SimulatorError::Option {
                option: "first_command_grace",
                received: format!("{:?}", self.first_command_grace),
                expected: "at most 60 s".into(),
            });
        }
        if !(Duration::from_millis(1)..=Duration::from_secs(600)).contains(&self.lockstep_timeout) {
            return Err(SimulatorError::Option {
                option: "lockstep_timeout",
                received: format!("{:?}", self.lockstep_timeout),
                expected: "1 ms to 600 s".into(),
            });
        }
        Ok(())
    }
}

/// Checks that an arm can stand at `q`.
pub(crate) fn check_posture(generation: Generation, q: &[f64; 7]) -> Result<(), SimulatorError> {
    let (lower, upper) = (generation.envelope().lower, generation.envelope().upper);
    for joint in 0..7 {
        let q = q[joint];
        if !(lower[joint]..=upper[joint]).contains(&q) {
            return Err(SimulatorError::Option {
                option: "q",
                received: format!("{} rad for joint {}", rounded(q), joint + 1),
                expected: format!("{} to {} rad", rounded(lower[joint]), rounded(upper[joint])),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut SimulatorOptions)) -> SimulatorError {
        let mut options = SimulatorOptions::default();
        change(&mut options);
        options.validate().expect_err("should be refused")
    }

    #[test]
    fn accepts_the_defaults() {
        SimulatorOptions::default().validate().unwrap();
    }

    #[test]
    fn refuses_an_address_that_others_can_reach() {
        let error = refused(|o| o.host = "0.0.0.0".parse().unwrap());
        assert_eq!(error.code(), "SIM_ADDRESS");
        assert!(error.to_string().contains("0.0.0.0"));
        assert_eq!(
            refused(|o| o.host = "192.0.2.1".parse().unwrap()).code(),
            "SIM_ADDRESS"
        );
    }

    #[test]
    fn refuses_a_start_pose_that_the_arm_cannot_have() {
        for q in [f64::NAN, f64::INFINITY, 3.0] {
            let error = refused(|o| o.q[0] = q);
            assert_eq!(error.code(), "SIM_OPTION");
            assert!(error.to_string().contains("joint 1"), "{error}");
        }
        assert_eq!(refused(|o| o.q[3] = 0.0).code(), "SIM_OPTION");
        let fer = |o: &mut SimulatorOptions| {
            o.generation = Generation::Fer;
            o.q[5] = 4.0;
        };
        assert!(refused(fer).to_string().contains("3.7525"));
    }

    #[test]
    fn refuses_a_hand_that_cannot_be() {
        assert_eq!(refused(|o| o.port = u16::MAX).code(), "SIM_OPTION");
        for object in [0.0, 0.081, f64::NAN] {
            assert_eq!(refused(|o| o.object = Some(object)).code(), "SIM_OPTION");
        }
        let error = refused(|o| {
            o.hand = false;
            o.object = Some(0.02);
        });
        assert!(error.to_string().contains("without a hand"), "{error}");
    }

    #[test]
    fn refuses_limits_that_make_no_sense() {
        assert_eq!(refused(|o| o.lost_packet_limit = 0).code(), "SIM_OPTION");
        assert_eq!(
            refused(|o| o.lockstep_timeout = Duration::ZERO).code(),
            "SIM_OPTION"
        );
        assert_eq!(
            refused(|o| o.first_command_grace = Duration::MAX).code(),
            "SIM_OPTION"
        );
    }
}
