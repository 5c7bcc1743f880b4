//! A model that answers an observation with an action, or with a chunk of them.

use std::path::Path;

use ort::logging::LogLevel;
use ort::memory::Allocator;
use ort::session::{IoBinding, Session};
use ort::value::{PrimitiveTensorElementType, Tensor, TensorElementType, ValueType};

use crate::feed::{Input, Output};
use crate::runtime::Runtime;

/// Why a model is no policy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ModelError {
    /// The file cannot be read as a model.
    #[error("{file} cannot be loaded as an ONNX model: {reason}")]
    File {
        /// The file.
        file: String,
        /// What ONNX Runtime answered.
        reason: String,
    },
    /// The model is not of the form that was described.
    #[error("{what} is {received}; expected {expected}")]
    Form {
        /// What of the model, as in `the input 'observation' of policy.onnx`.
        what: String,
        /// What it is.
        received: String,
        /// What it should be.
        expected: String,
    },
}

/// A tensor that is bound to a model, of one of the types that a policy may have.
#[derive(Debug)]
enum Bound {
    F32(Tensor<f32>),
    F64(Tensor<f64>),
}

impl Bound {
    fn new(kind: TensorElementType, shape: &[i64]) -> ort::Result<Bound> {
        let allocator = Allocator::default();
        Ok(match kind {
            TensorElementType::Float64 => Bound::F64(zeros(&allocator, shape)?),
            _ => Bound::F32(zeros(&allocator, shape)?),
        })
    }

    fn write(&mut self, numbers: impl Iterator<Item = f64>) {
        match self {
            Bound::F32(tensor) => fill(tensor.extract_tensor_mut().1, numbers.map(|n| n as f32)),
            Bound::F64(tensor) => fill(tensor.extract_tensor_mut().1, numbers),
        }
    }

    fn read(&self, at: usize) -> f64 {
        let number = match self {
            Bound::F32(tensor) => tensor.extract_tensor().1.get(at).copied().map(f64::from),
            Bound::F64(tensor) => tensor.extract_tensor().1.get(at).copied(),
        };
        number.unwrap_or(f64::NAN)
    }
}

fn zeros<T: PrimitiveTensorElementType + std::fmt::Debug>(
    allocator: &Allocator,
    shape: &[i64],
) -> ort::Result<Tensor<T>> {
    Tensor::new(allocator, shape)
}

fn fill<T>(slots: &mut [T], numbers: impl Iterator<Item = T>) {
    for (slot, number) in slots.iter_mut().zip(numbers) {
        *slot = number;
    }
}

/// What came of an inference: how many actions there are, and their numbers.
pub struct Inference<'a> {
    /// How many actions there are: one, or those of a chunk.
    pub rows: usize,
    model: &'a Model,
}

impl Inference<'_> {
    /// Returns the numbers of the actions, one action after the other, scaled.
    pub fn numbers(&self) -> impl Iterator<Item = f64> + '_ {
        let Output { width, scaling, .. } = &self.model.output;
        (0..self.rows.saturating_mul(*width)).map(move |at| {
            let number = self.model.action.read(at);
            match scaling {
                Some(scaling) => scaling.scaled(at % (*width).max(1), number),
                None => number,
            }
        })
    }
}

/// A model with the tensors that it is fed and that it fills.
pub struct Model {
    session: Session,
    binding: IoBinding,
    inputs: Vec<(Input, Bound)>,
    output: Output,
    action: Bound,
    rows: usize,
}

impl Model {
    /// Loads a model that computes on `threads` threads, the caller's included.
    ///
    /// # Errors
    /// What keeps it from being a policy: the file, or an input or output that is not as it was described.
    pub fn open(
        runtime: &Runtime,
        file: &Path,
        threads: usize,
        inputs: Vec<Input>,
        output: Output,
    ) -> Result<Model, ModelError> {
        let refused = |reason: String| ModelError::File {
            file: file.display().to_string(),
            reason,
        };
        let session = load(runtime, file, threads).map_err(refused)?;
        let form = Form { file };
        form.check_names(&session, &inputs, &output)?;
        let failed = |error: ort::Error| refused(error.to_string());
        let mut binding = session.create_binding().map_err(failed)?;
        let mut bound = Vec::new();
        for input in inputs {
            let what = form.of("input", &input.name);
            let (kind, shape) = form.tensor(&session, &what, &input.name, true)?;
            if count(&shape) != Some(input.len()) {
                return Err(ModelError::Form {
                    what: format!("the shape of {what}"),
                    received: format!("{shape:?}"),
                    expected: format!("a shape of {} numbers: so many are fed to it", input.len()),
                });
            }
            check_scaling(&what, input.scaling.as_ref(), input.len())?;
            let tensor = Bound::new(kind, &shape).map_err(failed)?;
            match &tensor {
                Bound::F32(tensor) => binding.bind_input(&input.name, tensor),
                Bound::F64(tensor) => binding.bind_input(&input.name, tensor),
            }
            .map_err(failed)?;
            bound.push((input, tensor));
        }
        let what = form.of("output", &output.name);
        let (kind, shape) = form.tensor(&session, &what, &output.name, false)?;
        let rows = rows_of(&what, &shape, &output)?;
        check_scaling(&what, output.scaling.as_ref(), output.width)?;
        let mut action = Bound::new(kind, &shape).map_err(failed)?;
        match &mut action {
            Bound::F32(tensor) => binding.bind_output(&output.name, tensor),
            Bound::F64(tensor) => binding.bind_output(&output.name, tensor),
        }
        .map_err(failed)?;
        Ok(Model {
            session,
            binding,
            inputs: bound,
            output,
            action,
            rows,
        })
    }

    /// Answers an observation.
    ///
    /// # Errors
    /// What ONNX Runtime says of it.
    pub fn infer(&mut self, observation: &[f64]) -> Result<Inference<'_>, String> {
        for (input, tensor) in &mut self.inputs {
            tensor.write(input.numbers(observation));
        }
        let ran = self.session.run_binding(&self.binding);
        ran.map(drop).map_err(|error| error.to_string())?;
        Ok(Inference {
            rows: self.rows,
            model: self,
        })
    }
}

/// Loads the file. What it holds is ONNX Runtime's to check.
fn load(runtime: &Runtime, file: &Path, threads: usize) -> Result<Session, String> {
    let told = |error: &dyn std::error::Error| error.to_string();
    let builder = Session::builder(runtime.environment()).map_err(|error| told(&error))?;
    let builder = builder
        .with_intra_threads(threads.max(1))
        .map_err(|error| told(&error))?;
    // What fails is told by the call that fails, and not on the standard error too.
    let builder = builder
        .with_log_level(LogLevel::Fatal)
        .map_err(|error| told(&error))?;
    // Threads that spin would take the cores from the loop.
    let builder = builder
        .with_intra_op_spinning(false)
        .map_err(|error| told(&error))?;
    let mut builder = builder
        .with_inter_threads(1)
        .map_err(|error| told(&error))?;
    builder.commit_from_file(file).map_err(|error| told(&error))
}

/// The form of a model, for messages.
struct Form<'a> {
    file: &'a Path,
}

impl Form<'_> {
    /// Returns the name of the file, without its folder.
    fn name(&self) -> String {
        let name = self.file.file_name().unwrap_or(self.file.as_os_str());
        name.display().to_string()
    }

    fn of(&self, which: &str, name: &str) -> String {
        format!("the {which} '{name}' of {}", self.name())
    }

    /// Checks that each input of the model is fed, and that there is what is fed and what is taken.
    fn check_names(
        &self,
        session: &Session,
        inputs: &[Input],
        output: &Output,
    ) -> Result<(), ModelError> {
        let list = |names: &[&str]| match names {
            [] => "none".to_owned(),
            names => format!("'{}'", names.join("', '")),
        };
        let has: Vec<&str> = session.inputs().iter().map(|each| each.name()).collect();
        let fed: Vec<&str> = inputs.iter().map(|each| each.name.as_str()).collect();
        let mut sorted = (has.clone(), fed.clone());
        sorted.0.sort_unstable();
        sorted.1.sort_unstable();
        if sorted.0 != sorted.1 {
            return Err(ModelError::Form {
                what: format!("the inputs of {}", self.name()),
                received: list(&has),
                expected: format!("{}: each input is fed, and there is no other", list(&fed)),
            });
        }
        let gives: Vec<&str> = session.outputs().iter().map(|each| each.name()).collect();
        if !gives.contains(&output.name.as_str()) {
            return Err(ModelError::Form {
                what: format!("the outputs of {}", self.name()),
                received: list(&gives),
                expected: format!("one of them to be '{}'", output.name),
            });
        }
        Ok(())
    }

    /// Returns the type and the shape of a tensor of the model. A first dimension that is left open is 1.
    fn tensor(
        &self,
        session: &Session,
        what: &str,
        name: &str,
        is_input: bool,
    ) -> Result<(TensorElementType, Vec<i64>), ModelError> {
        let outlets = match is_input {
            true => session.inputs(),
            false => session.outputs(),
        };
        let outlet = outlets.iter().find(|outlet| outlet.name() == name);
        let known = outlet.map(|outlet| outlet.dtype());
        let Some(ValueType::Tensor { ty, shape, .. }) = known else {
            return Err(ModelError::Form {
                what: what.to_owned(),
                received: known.map_or("missing".to_owned(), |known| format!("{known}")),
                expected: "a tensor of numbers".to_owned(),
            });
        };
        if !matches!(ty, TensorElementType::Float32 | TensorElementType::Float64) {
            return Err(ModelError::Form {
                what: format!("the type of {what}"),
                received: format!("{ty:?}").to_lowercase(),
                expected: "float32 or float64".to_owned(),
            });
        }
        let mut sizes: Vec<i64> = shape.iter().copied().collect();
        if let Some(first) = sizes.first_mut()
            && *first < 0
        {
            // One observation is asked at a time.
            *first = 1;
        }
        if sizes.iter().any(|size| *size < 1) {
            return Err(ModelError::Form {
                what: format!("the shape of {what}"),
                received: format!("{:?}", shape.iter().collect::<Vec<_>>()),
                expected: "sizes that are fixed; only the first one may be left open, as the batch"
                    .to_owned(),
            });
        }
        Ok((*ty, sizes))
    }
}

fn check_scaling(
    what: &str,
    scaling: Option<&crate::feed::Affine>,
    len: usize,
) -> Result<(), ModelError> {
    match scaling {
        Some(scaling) if !scaling.fits(len) => Err(ModelError::Form {
            what: format!("the normalization of {what}"),
            received: format!("for {} numbers", scaling.factor.len()),
            expected: format!("one for {len} numbers"),
        }),
        _ => Ok(()),
    }
}

/// Returns how many numbers a shape has; `None` if they are more than any memory.
fn count(shape: &[i64]) -> Option<usize> {
    let mut sizes = shape.iter().map(|size| usize::try_from(*size).ok());
    sizes.try_fold(1_usize, |product, size| product.checked_mul(size?))
}

/// Returns how many actions an output of this shape has.
fn rows_of(what: &str, shape: &[i64], output: &Output) -> Result<usize, ModelError> {
    let width = output.width;
    let rows = count(shape).map_or(0, |numbers| numbers / width.max(1));
    let is_row = shape.last().and_then(|last| usize::try_from(*last).ok()) == Some(width);
    let expected = match output.most_rows {
        None if is_row && rows == 1 => return Ok(1),
        None => format!("[1, {width}]: an action has {width} numbers"),
        Some(most) if is_row && (1..=most).contains(&rows) => return Ok(rows),
        Some(most) => format!(
            "[1, rows, {width}] with 1 to {most} rows: each action of a chunk has {width} numbers"
        ),
    };
    Err(ModelError::Form {
        what: format!("the shape of {what}"),
        received: format!("{shape:?}"),
        expected,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(shape: &[i64], most_rows: Option<usize>) -> Option<usize> {
        let output = Output {
            name: "action".to_owned(),
            width: 7,
            most_rows,
            scaling: None,
        };
        rows_of("the output", shape, &output).ok()
    }

    #[test]
    fn an_output_is_an_action_or_a_chunk_of_them() {
        assert_eq!(rows(&[7], None), Some(1));
        assert_eq!(rows(&[1, 7], None), Some(1));
        assert_eq!(rows(&[1, 50, 7], Some(64)), Some(50));
        assert_eq!(rows(&[7], Some(64)), Some(1));
        for (shape, most) in [
            (&[8][..], None),
            (&[2, 7], None),
            (&[7, 1], None),
            (&[1, 65, 7], Some(64)),
            (&[1, 50, 8], Some(64)),
            (&[i64::MAX, i64::MAX, 7], Some(64)),
            (&[], None),
        ] {
            assert_eq!(rows(shape, most), None, "{shape:?}");
        }
    }
}
