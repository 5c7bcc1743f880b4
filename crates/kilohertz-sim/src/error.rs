//! The errors of the simulator. Each says what to do.

use std::io;
use std::path::PathBuf;

/// Why the simulator could not start, inject a fault or be reset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SimulatorError {
    /// The address is not on the loopback interface.
    #[error(
        "host {host} is not a loopback address: the simulator answers anybody who connects; \
         use 127.0.0.1 or another address of 127.0.0.0/8"
    )]
    Address {
        /// What was received.
        host: std::net::IpAddr,
    },
    /// The port could not be opened.
    #[error("cannot listen on {address}: {source}; choose another port, or 0 for a free one")]
    Bind {
        /// The address to listen on.
        address: std::net::SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// An option is outside its range.
    #[error("option {option} is {received}; expected {expected}")]
    Option {
        /// Name of the option.
        option: &'static str,
        /// What was received.
        received: String,
        /// What would have been accepted.
        expected: String,
    },
    /// A fault names something that does not exist or is outside its range.
    #[error("fault {fault} got {received}; expected {expected}")]
    Fault {
        /// Name of the fault.
        fault: String,
        /// What was received.
        received: String,
        /// What would have been accepted.
        expected: String,
    },
    /// Something moves, so that the simulator cannot be reset.
    #[error("{what}; end that first, then reset the simulator")]
    Busy {
        /// What moves.
        what: &'static str,
    },
    /// A model library that was handed in cannot be served.
    #[error("the model library {} is {received}; expected {expected}", path.display())]
    ModelLibrary {
        /// The path of the file.
        path: PathBuf,
        /// What was received.
        received: String,
        /// What would have been accepted.
        expected: String,
    },
    /// The simulator is no longer running.
    #[error("the simulator has been stopped or has died; start another one")]
    Stopped,
    /// The system refused a thread, a socket option or the runtime.
    #[error("the system refused {what}: {source}; check the limits on threads and open files")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
    /// The arm's model could not be built.
    #[error("the arm's model is unusable: {message}; this is a defect of the build")]
    Model {
        /// What the model said.
        message: String,
    },
}

impl SimulatorError {
    /// All stable names that [`SimulatorError::code`] returns.
    pub const CODES: [&str; 9] = [
        "SIM_ADDRESS",
        "SIM_BIND",
        "SIM_BUSY",
        "SIM_FAULT",
        "SIM_MODEL",
        "SIM_MODEL_LIBRARY",
        "SIM_OPTION",
        "SIM_STOPPED",
        "SIM_SYSTEM",
    ];

    /// A stable name for programs, one of [`SimulatorError::CODES`].
    pub fn code(&self) -> &'static str {
        match self {
            SimulatorError::Address { .. } => "SIM_ADDRESS",
            SimulatorError::Bind { .. } => "SIM_BIND",
            SimulatorError::Option { .. } => "SIM_OPTION",
            SimulatorError::Fault { .. } => "SIM_FAULT",
            SimulatorError::Busy { .. } => "SIM_BUSY",
            SimulatorError::ModelLibrary { .. } => "SIM_MODEL_LIBRARY",
            SimulatorError::Stopped => "SIM_STOPPED",
            SimulatorError::System { .. } => "SIM_SYSTEM",
            SimulatorError::Model { .. } => "SIM_MODEL",
        }
    }
}

/// Returns a number for a message, with five significant digits.
pub(crate) fn rounded(value: f64) -> String {
    let near = format!("{value:.4e}").parse().unwrap_or(value);
    // Debug writes an exponent, while Display would write up to three hundred zeros.
    let text = format!("{near:?}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_messages_are_short() {
        for (value, text) in [
            (0.000_900_000_000_000_000_1, "0.0009"),
            (0.1 + 0.2, "0.3"),
            (87.0, "87"),
            (1e300, "1e300"),
            (-2.743_7, "-2.7437"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(rounded(value), text);
        }
    }
}
