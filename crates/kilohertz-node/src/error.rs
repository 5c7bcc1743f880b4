//! Errors on their way to JavaScript.
//!
//! A failure crosses as an object: a JavaScript `Error` whose own property `failure` is a [`Failure`], which nothing
//! but this crate can make. `lib/errors/native-call.ts` turns it into the error class of its kind. Only what `napi`
//! itself refuses, a value of a wrong type for instance, is an error without that property: `lib/` hands in no such
//! value, so it is a fault of this package.

use std::path::PathBuf;

use kilohertz_core::shortage::{SHORTAGES, advice};
use kilohertz_dashboard::listen::ListenError;
use kilohertz_franka::{ArmError, ArmErrorCode, InvalidValue};
use kilohertz_record::error::RecordError;
use kilohertz_sim::SimulatorError;
use napi::bindgen_prelude::{Either3, JsObjectValue, JsValue, Property};
use napi::{Env, Error, Result};
use napi_derive::napi;

kilohertz_core::named! {
    /// The codes of failures that are this crate's own; an arm, recordings and the simulator have theirs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Code {
        /// An action has another number of slots than its interface.
        ActionLength = "ACTION_LENGTH",
        /// A file is no ONNX model that can be a policy.
        OnnxModel = "ONNX_MODEL",
        /// ONNX Runtime cannot be loaded, or an inference failed.
        OnnxRuntime = "ONNX_RUNTIME",
        /// The other end of a line wrote what it may not.
        OffloadProtocol = "OFFLOAD_PROTOCOL",
        /// The other end of a line sent more than is taken.
        OffloadTooLarge = "OFFLOAD_TOO_LARGE",
        /// A robot failed that has no codes.
        Robot = "ROBOT",
        /// Something was not begun because of a signal.
        SessionInterrupted = "SESSION_INTERRUPTED",
        /// The operating system refused something.
        System = "SYSTEM",
    }
}

impl Code {
    const fn kind(self) -> FailureKind {
        match self {
            Code::OffloadProtocol | Code::OffloadTooLarge => FailureKind::Offload,
            Code::OnnxModel | Code::OnnxRuntime => FailureKind::Policy,
            Code::Robot => FailureKind::Robot,
            Code::SessionInterrupted => FailureKind::Interrupted,
            Code::ActionLength | Code::System => FailureKind::Other,
        }
    }
}

/// Which class of errors a failure becomes.
#[napi(string_enum = "camelCase", js_name = "NativeFailureKind")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// A value that was given is out of range.
    Option,
    /// The robot failed, or refused something.
    Robot,
    /// A signal ended something, or kept it from beginning.
    Interrupted,
    /// A policy failed, or cannot be one.
    Policy,
    /// Work in another thread or process.
    Offload,
    /// Whatever else it is.
    Other,
}

/// A value that is out of range.
#[napi(object, js_name = "NativeRefused", object_from_js = false)]
#[derive(Debug, Clone)]
pub struct Refused {
    /// The option as it is written, which its code is made of.
    pub option: String,
    /// What of it is wrong, where that is more than the option.
    pub what: String,
    pub received: Either3<f64, bool, String>,
    pub expected: String,
    /// What `received` is beyond, or not equal to.
    pub limits: Vec<f64>,
}

/// Where an arm has ended that did not arrive.
#[napi(object, js_name = "NativeNotArrived", object_from_js = false)]
#[derive(Debug, Clone)]
pub struct NotArrived {
    pub q: Vec<f64>,
    pub goal: Vec<f64>,
    pub joint: u32,
    pub difference_rad: f64,
}

/// An error with a stable code and what is known of it.
#[napi(js_name = "NativeFailure")]
#[derive(Debug, Clone)]
pub struct Failure {
    /// Which class of errors it becomes.
    #[napi(readonly)]
    pub kind: FailureKind,
    code: &'static str,
    #[napi(readonly)]
    pub message: String,
    refused: Option<Box<Refused>>,
    /// The robot's own names of what is wrong.
    #[napi(readonly)]
    pub errors: Vec<String>,
    move_status: Option<Box<str>>,
    not_arrived: Option<Box<NotArrived>>,
    /// The number of the signal that it is about.
    #[napi(readonly)]
    pub signal: Option<i32>,
    path: Option<Box<PathBuf>>,
}

#[napi]
impl Failure {
    /// The code; that of a refused option is made of the option's name.
    #[napi(getter)]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// Of a refused option.
    #[napi(getter)]
    pub fn refused(&self) -> Option<Refused> {
        self.refused.as_deref().cloned()
    }

    /// How the robot says that its motion ended.
    #[napi(getter)]
    pub fn move_status(&self) -> Option<String> {
        self.move_status.as_deref().map(str::to_owned)
    }

    /// The file or folder that it is about; the message may show it without its middle.
    #[napi(getter)]
    pub fn path(&self) -> Option<String> {
        let path = self.path.as_deref();
        path.map(|path| path.to_string_lossy().into_owned())
    }

    /// Of a move that did not arrive.
    #[napi(getter)]
    pub fn not_arrived(&self) -> Option<NotArrived> {
        self.not_arrived.as_deref().cloned()
    }
}

impl Failure {
    /// Returns a failure of this crate with a code and a message.
    pub fn new(code: Code, message: impl Into<String>) -> Failure {
        Failure::of(code.kind(), code.as_str(), message)
    }

    fn of(kind: FailureKind, code: &'static str, message: impl Into<String>) -> Failure {
        Failure {
            kind,
            code,
            message: message.into(),
            refused: None,
            errors: Vec::new(),
            move_status: None,
            not_arrived: None,
            signal: None,
            path: None,
        }
    }

    /// Returns a failure with a code of an arm.
    pub fn arm(code: ArmErrorCode, message: impl Into<String>) -> Failure {
        Failure::of(FailureKind::Robot, code.as_str(), message)
    }

    /// Returns that the system could not start a thread.
    pub fn thread(error: &std::io::Error) -> Failure {
        Failure::new(
            Code::System,
            format!("cannot start a thread: {error}{}", advice(error)),
        )
    }

    /// Returns that something was not begun because of this signal.
    pub fn interrupted(signal: i32, message: &str) -> Failure {
        Failure {
            signal: Some(signal),
            ..Failure::new(Code::SessionInterrupted, message)
        }
    }

    /// Returns that a value is out of range: `option` as it is written, `received` and what was expected of it.
    pub fn out_of_range(
        option: &str,
        received: Either3<f64, bool, String>,
        expected: impl Into<String>,
    ) -> Failure {
        Failure::option(Refused {
            option: option.to_owned(),
            what: option.to_owned(),
            received,
            expected: expected.into(),
            limits: Vec::new(),
        })
    }

    fn option(refused: Refused) -> Failure {
        let message = format!("{}: expected {}", refused.what, refused.expected);
        Failure {
            refused: Some(Box::new(refused)),
            ..Failure::of(FailureKind::Option, "OPTION", message)
        }
    }

    /// Returns the JavaScript error that this is thrown as. Where JavaScript has no memory or is being ended, it is
    /// what that says.
    pub fn thrown(self, env: &Env) -> Error {
        let made = || {
            let mut error = env.create_error(Error::from_reason(&self.message))?;
            // An own property, whatever setters a program has given to all objects.
            let property = Property::new().with_utf8_name("failure")?;
            error.define_properties(&[property.with_napi_value(env, self)?])?;
            Ok(Error::from_unknown_without_coercion(error.to_unknown()))
        };
        made().unwrap_or_else(|error: Error| error)
    }
}

/// What a call of JavaScript's ends with, where it failed.
pub trait OrThrow<T> {
    /// Returns the value, or the JavaScript error to throw.
    fn or_throw(self, env: &Env) -> Result<T>;
}

impl<T, E: Into<Failure>> OrThrow<T> for std::result::Result<T, E> {
    fn or_throw(self, env: &Env) -> Result<T> {
        self.map_err(|error| error.into().thrown(env))
    }
}

impl From<ArmError> for Failure {
    fn from(error: ArmError) -> Failure {
        if let Some(invalid) = error.invalid_value {
            return Failure::from(*invalid);
        }
        Failure {
            errors: error.errors.into_iter().map(str::to_owned).collect(),
            move_status: error.move_status.map(String::into_boxed_str),
            not_arrived: error.not_arrived.map(|arrival| {
                Box::new(NotArrived {
                    q: arrival.q.to_vec(),
                    goal: arrival.goal.to_vec(),
                    joint: arrival.joint() as u32 + 1,
                    difference_rad: arrival.difference(),
                })
            }),
            ..Failure::arm(error.code, error.message)
        }
    }
}

impl From<InvalidValue> for Failure {
    fn from(invalid: InvalidValue) -> Failure {
        Failure::option(Refused {
            option: invalid.option,
            what: invalid.what,
            received: Either3::A(invalid.received),
            expected: invalid.expected,
            limits: invalid.limits,
        })
    }
}

impl Failure {
    /// Returns the failure of a recording.
    pub fn record(error: &RecordError) -> Failure {
        Failure {
            path: error.path().map(|path| Box::new(path.to_owned())),
            ..Failure::of(FailureKind::Other, error.code().as_str(), error.to_string())
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Failure {
        Failure::record(&error)
    }
}

impl From<ListenError> for Failure {
    fn from(error: ListenError) -> Failure {
        let advice = match &error {
            ListenError::Refused { source, .. } => advice(source),
            _ => String::new(),
        };
        Failure::of(
            FailureKind::Other,
            error.code().as_str(),
            format!("{error}{advice}"),
        )
    }
}

impl From<SimulatorError> for Failure {
    fn from(error: SimulatorError) -> Failure {
        let advice = match &error {
            SimulatorError::Bind { source, .. } | SimulatorError::System { source, .. } => {
                advice(source)
            }
            _ => String::new(),
        };
        Failure::of(FailureKind::Other, error.code(), format!("{error}{advice}"))
    }
}

/// What the system may have run out of, and what to do about it.
#[napi(object, object_from_js = false)]
pub struct NativeShortage {
    /// The system's code, for example `EMFILE`.
    pub code: String,
    pub advice: String,
}

/// Everything that the system may have run out of: what Node starts is told of in the same words.
#[napi]
pub fn shortages() -> Vec<NativeShortage> {
    let told = |(code, _, advice): (&str, i32, &str)| NativeShortage {
        code: code.to_owned(),
        advice: advice.to_owned(),
    };
    SHORTAGES.map(told).into()
}
