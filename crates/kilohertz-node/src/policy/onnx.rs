//! A policy that is an ONNX model, on a thread of its own beside the loop.
//!
//! The thread waits at a port, as a policy's worker does, so that sessions and questions find it as they find a
//! worker. No JavaScript runs for it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kilohertz_core::channel::mailbox::PolicyEnd;
use kilohertz_core::channel::notify::{Listener, Signals};
use kilohertz_core::session::CHUNK_HEADER;
use kilohertz_core::thread::block_signals;
use kilohertz_core::thread::cores::stay_off_taken;
use kilohertz_onnx::{Affine, Input, Model, ModelError, Output, Part, Runtime, RuntimeError};
use napi::bindgen_prelude::{Float64Array, Object};
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::{Code, Failure};
use crate::policy::worker::PolicyPort;

/// How often the thread looks whether it is to end.
const LOOK: Duration = Duration::from_millis(100);

/// A scaling of each number: `factor x + offset`.
#[napi(object)]
pub struct NativeAffine {
    pub factor: Float64Array,
    pub offset: Float64Array,
}

/// Slots of the observation, or numbers that do not change.
#[napi(object)]
pub struct NativeOnnxPart {
    pub from: Option<u32>,
    pub len: Option<u32>,
    pub numbers: Option<Float64Array>,
}

/// An input of a model.
#[napi(object)]
pub struct NativeOnnxInput {
    pub name: String,
    pub parts: Vec<NativeOnnxPart>,
    pub scaling: Option<NativeAffine>,
}

/// A model, and what it is fed.
#[napi(object)]
pub struct NativeOnnxOptions {
    /// The library of ONNX Runtime.
    pub library: String,
    pub file: String,
    pub threads: u32,
    pub inputs: Vec<NativeOnnxInput>,
    pub output: String,
    pub output_scaling: Option<NativeAffine>,
    /// How many numbers an action has.
    pub width: u32,
    /// For chunks: how many actions one has at most, and the time between two of them [s].
    pub most_rows: Option<u32>,
    pub step_s: Option<f64>,
}

impl From<RuntimeError> for Failure {
    fn from(error: RuntimeError) -> Failure {
        Failure::new(Code::OnnxRuntime, error.to_string())
    }
}

impl From<ModelError> for Failure {
    fn from(error: ModelError) -> Failure {
        Failure::new(Code::OnnxModel, error.to_string())
    }
}

fn affine(given: NativeAffine) -> Affine {
    Affine {
        factor: given.factor.to_vec(),
        offset: given.offset.to_vec(),
    }
}

fn part(given: NativeOnnxPart) -> Part {
    match given {
        NativeOnnxPart {
            numbers: Some(numbers),
            ..
        } => Part::Numbers(numbers.to_vec()),
        NativeOnnxPart { from, len, .. } => {
            let from = from.unwrap_or_default() as usize;
            Part::Slots(from..from.saturating_add(len.unwrap_or_default() as usize))
        }
    }
}

/// What is loaded, in types that may go to another thread.
struct Asked {
    library: PathBuf,
    file: PathBuf,
    threads: usize,
    inputs: Vec<Input>,
    output: Output,
    step_s: Option<f64>,
}

impl From<NativeOnnxOptions> for Asked {
    fn from(options: NativeOnnxOptions) -> Asked {
        let input = |given: NativeOnnxInput| Input {
            name: given.name,
            parts: given.parts.into_iter().map(part).collect(),
            scaling: given.scaling.map(affine),
        };
        Asked {
            library: PathBuf::from(options.library),
            file: PathBuf::from(options.file),
            threads: options.threads as usize,
            inputs: options.inputs.into_iter().map(input).collect(),
            output: Output {
                name: options.output,
                width: options.width as usize,
                most_rows: options.most_rows.map(|rows| rows as usize),
                scaling: options.output_scaling.map(affine),
            },
            step_s: options.step_s,
        }
    }
}

/// What the thread and JavaScript share.
#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    /// Why the model has not answered.
    failure: OnceLock<(f64, String)>,
}

/// A model that waits to be asked, as a policy.
#[napi]
pub struct NativeOnnx {
    number: u32,
    port: Arc<PolicyPort>,
    shared: Arc<Shared>,
}

impl NativeOnnx {
    /// Loads the model and starts the thread that computes it. Blocks meanwhile.
    fn begin(asked: Asked) -> std::result::Result<NativeOnnx, Failure> {
        let Asked {
            library,
            file,
            threads,
            inputs,
            output,
            step_s,
        } = asked;
        let runtime = Runtime::load(&library)?;
        let model = Model::open(&runtime, &file, threads, inputs, output)?;
        let shared = Arc::new(Shared::default());
        let inside = Arc::clone(&shared);
        let (registered, waits) = sync_channel(1);
        let thread = std::thread::Builder::new().name("kilohertz-onnx".to_owned());
        let work = move || {
            block_signals();
            stay_off_taken();
            let (notifier, listener) = Listener::here();
            let (number, port) = PolicyPort::register(notifier);
            if registered.send((number, Arc::clone(&port))).is_ok() {
                answer(model, step_s, &port, &listener, &inside);
            }
            PolicyPort::remove(number);
        };
        thread
            .spawn(work)
            .map_err(|error| Failure::thread(&error))?;
        let gone = |_| Failure::new(Code::System, "the thread of the model has ended");
        let (number, port) = waits.recv().map_err(gone)?;
        Ok(NativeOnnx {
            number,
            port,
            shared,
        })
    }
}

#[napi]
impl NativeOnnx {
    /// Loads a model, and waits with it for a session.
    #[napi(ts_return_type = "Promise<NativeOnnx>")]
    pub fn load(env: &Env, options: NativeOnnxOptions) -> Result<Object<'_>> {
        let asked = Asked::from(options);
        in_background(env, move || NativeOnnx::begin(asked))
    }

    /// The number with which a session finds the port of the model.
    #[napi(getter)]
    pub fn port(&self) -> u32 {
        self.number
    }

    /// Why the model has not answered, if it failed.
    #[napi(getter)]
    pub fn failure(&self) -> Option<String> {
        self.shared.failure.get().map(|(_, text)| text.clone())
    }

    /// The cycle of the question that it has not answered.
    #[napi(getter)]
    pub fn failed_tick(&self) -> Option<f64> {
        self.shared.failure.get().map(|(tick, _)| *tick)
    }

    /// Lets the model go. Its thread ends after the question that it answers now.
    #[napi]
    pub fn release(&self) {
        self.shared.is_over.store(true, Ordering::Release);
        self.port.notifier().notify(Signals::ENDED);
    }
}

impl Drop for NativeOnnx {
    fn drop(&mut self) {
        self.release();
    }
}

/// Answers questions until it is let go.
fn answer(
    mut model: Model,
    step_s: Option<f64>,
    port: &PolicyPort,
    listener: &Listener,
    shared: &Shared,
) {
    let mut policy: Option<PolicyEnd> = None;
    let mut observation = Vec::new();
    while !shared.is_over.load(Ordering::Acquire) {
        if policy.is_none() {
            policy = port.take().map(|(policy, _)| policy);
        }
        let taken = policy.as_mut().and_then(|policy| {
            let frame = policy.take()?;
            observation.clear();
            observation.extend_from_slice(&frame.slots);
            Some(frame.question())
        });
        let (Some(policy), Some(question)) = (&mut policy, taken) else {
            listener.wait_for(LOOK);
            continue;
        };
        match model.infer(&observation) {
            Ok(inference) => policy.answer(question, |slots| {
                let slots = match step_s {
                    None => slots,
                    Some(step_s) => {
                        let Some((header, actions)) = slots.split_at_mut_checked(CHUNK_HEADER)
                        else {
                            return;
                        };
                        // The first action belongs to the time of the question.
                        header.copy_from_slice(&[inference.rows as f64, step_s, 0.0]);
                        actions
                    }
                };
                for (slot, number) in slots.iter_mut().zip(inference.numbers()) {
                    *slot = number;
                }
            }),
            Err(text) => {
                let _ = shared.failure.set((question.tick as f64, text));
                policy.fail(question.tick);
                return;
            }
        }
    }
}
