//! Errors on their way to JavaScript.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::OnceLock;

use kilohertz_franka::{ArmError, Refusal};
use kilohertz_sim::SimulatorError;
use serde_json::{Value, json};

/// An error with a stable code. Its text crosses as JSON, which `lib/errors/errors.ts` turns into the
/// error class that belongs to the code.
#[derive(Debug, Clone)]
pub struct Failure(Value);

impl Failure {
    /// An error with a code and a message.
    pub fn new(code: &str, message: impl Into<String>) -> Failure {
        Failure(json!({ "code": code, "message": message.into() }))
    }

    /// The system could not start a thread.
    pub fn thread(error: &std::io::Error) -> Failure {
        Failure::new(
            "SYSTEM",
            format!("cannot start a thread: {error}; check its limits"),
        )
    }

    /// Something was not begun because of this signal.
    pub fn interrupted(signal: i32, message: &str) -> Failure {
        Failure(json!({
            "code": "SESSION_INTERRUPTED",
            "message": message,
            "signal": signal,
        }))
    }

    /// A value that is out of range: `option` as it is written, `received` and what was expected of it.
    pub fn refused(option: &str, received: impl Into<Value>, expected: &str) -> Failure {
        Failure(json!({
            "code": "OPTION",
            "message": format!("{option}: expected {expected}"),
            "refused": {
                "option": option,
                "what": option,
                "received": received.into(),
                "expected": expected,
            },
        }))
    }

    /// The JSON text.
    pub fn into_text(self) -> String {
        self.0.to_string()
    }
}

impl From<ArmError> for Failure {
    fn from(error: ArmError) -> Failure {
        if let Some(refusal) = error.refusal {
            return Failure::from(*refusal);
        }
        let not_arrived = error.not_arrived.map(|arrival| {
            json!({
                "q": arrival.q,
                "goal": arrival.goal,
                "joint": arrival.joint() + 1,
                "differenceRad": arrival.difference(),
            })
        });
        Failure(json!({
            "code": error.code.as_str(),
            "message": error.message,
            "errors": error.errors,
            "moveStatus": error.move_status,
            "notArrived": not_arrived,
        }))
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure(json!({
            "code": "OPTION",
            "message": refusal.to_string(),
            "refused": {
                "option": refusal.option,
                "what": refusal.what,
                "received": refusal.received,
                "expected": refusal.expected,
                "limits": refusal.limits,
            },
        }))
    }
}

impl From<SimulatorError> for Failure {
    fn from(error: SimulatorError) -> Failure {
        Failure::new(error.code(), error.to_string())
    }
}

/// What the message of an error of the native side begins with. It is another one in each process, so that no
/// text of anybody else's is taken for such an error.
#[napi_derive::napi(js_name = "failureMark")]
pub fn mark() -> String {
    static MARK: OnceLock<String> = OnceLock::new();
    let made = MARK.get_or_init(|| {
        let number = || RandomState::new().build_hasher().finish();
        format!("kilohertz {:016x}{:016x} ", number(), number())
    });
    made.clone()
}

impl From<Failure> for napi::Error {
    fn from(failure: Failure) -> napi::Error {
        napi::Error::from_reason(format!("{}{}", mark(), failure.into_text()))
    }
}
