//! The named inputs of a policy in a worker or a process: memory that the program writes and the policy reads.

use std::os::fd::{AsRawFd, BorrowedFd};

use kilohertz_core::shortage::advice;
use kilohertz_offload::inputs::{Head, InputsError, InputsReader, InputsWriter};
use napi::bindgen_prelude::{Float64ArraySlice, Uint8ArraySlice};
use napi::{Env, Result};
use napi_derive::napi;

use crate::buffers::{bytes_of, slots_of};
use crate::error::{Code, Failure, OrThrow};

fn system(error: &std::io::Error) -> Failure {
    Failure::new(
        Code::System,
        format!(
            "the memory of the policy's inputs failed: {error}{}",
            advice(error)
        ),
    )
}

/// The inputs of a policy in one session, in the program that sets them.
#[napi]
pub struct NativeInputs {
    /// Until it is released.
    writer: Option<InputsWriter>,
}

#[napi]
impl NativeInputs {
    /// Creates memory for values of at most `limit` bytes in all.
    #[napi(constructor)]
    pub fn new(env: &Env, limit: f64) -> Result<NativeInputs> {
        let writer = InputsWriter::make(limit as usize).map_err(|error| system(&error));
        Ok(NativeInputs {
            writer: Some(writer.or_throw(env)?),
        })
    }

    /// The descriptor for [`NativeJoinedInputs::join`].
    #[napi(getter)]
    pub fn memory(&self) -> i32 {
        let file = self.writer.as_ref().map(InputsWriter::file);
        file.map_or(-1, |file| file.as_raw_fd())
    }

    /// Sets an input, which `lib/policy/inputs.ts` has checked. Returns true if the value before was not seen.
    #[napi]
    #[allow(
        clippy::too_many_arguments,
        reason = "an object would be made for each image"
    )]
    pub fn set(
        &mut self,
        env: &Env,
        name: String,
        kind: u32,
        shape: Vec<u32>,
        time_s: f64,
        room: f64,
        bytes: &[u8],
    ) -> Result<bool> {
        let Some(writer) = &mut self.writer else {
            return Ok(false);
        };
        let head = Head {
            time_s,
            kind,
            shape,
        };
        let refused = |error: InputsError| {
            Failure::new(
                Code::System,
                format!("the input {name} cannot be set: {error}"),
            )
        };
        writer
            .set(&name, &head, bytes, room as usize)
            .map_err(refused)
            .or_throw(env)
    }

    /// Removes an input. Returns true if its value was not seen.
    #[napi]
    pub fn remove(&mut self, name: String) -> bool {
        let writer = self.writer.as_mut();
        writer.is_some_and(|writer| writer.remove(&name))
    }

    /// Frees the memory and its descriptor. What the policy has mapped stays until it ends.
    #[napi]
    pub fn release(&mut self) {
        self.writer = None;
    }
}

/// The inputs of a policy, where it runs.
#[napi]
pub struct NativeJoinedInputs {
    reader: InputsReader,
    /// The number of changes that was told last.
    changes: u32,
    /// The value that was taken last: its input and its word.
    taken: (usize, u32),
}

#[napi]
impl NativeJoinedInputs {
    /// Maps the memory of a descriptor, which stays open.
    #[napi(factory)]
    #[allow(
        unsafe_code,
        reason = "a number that was handed over stands for a descriptor"
    )]
    pub fn join(env: &Env, memory: i32) -> Result<NativeJoinedInputs> {
        // SAFETY: the descriptor is open during this call: a process was given it when it was started, and keeps it; for a
        // worker the main thread keeps it until the worker has ended.
        let memory = (memory >= 0).then(|| unsafe { BorrowedFd::borrow_raw(memory) });
        let gone = || std::io::Error::other("it is gone");
        let reader = memory.ok_or_else(gone).and_then(InputsReader::join);
        Ok(NativeJoinedInputs {
            reader: reader.map_err(|error| system(&error)).or_throw(env)?,
            changes: 0,
            taken: (0, 0),
        })
    }

    /// Returns true if an input was set or removed since the last call that returned true.
    #[napi]
    pub fn changed(&mut self) -> bool {
        let changes = self.reader.changes();
        std::mem::replace(&mut self.changes, changes) != changes
    }

    /// How many inputs have ever been set.
    #[napi(getter)]
    pub fn count(&self) -> u32 {
        self.reader.count() as u32
    }

    /// Returns the name of an input.
    #[napi]
    pub fn name(&self, index: u32) -> Option<String> {
        self.reader.name(index as usize)
    }

    /// Returns a number that tells the newest value of an input from others; -1 if it has none.
    #[napi]
    pub fn newest(&self, index: u32) -> f64 {
        self.reader.newest(index as usize).map_or(-1.0, f64::from)
    }

    /// Takes the newest value of an input. Copies to `head` what [`NativeJoinedInputs::newest`] returns of it, its time
    /// [s], its kind, its length [bytes], the number of its dimensions, and these. Returns false if there is none.
    #[napi]
    pub fn take(&mut self, index: u32, mut head: Float64ArraySlice<'_>) -> bool {
        let Some((word, told, length)) = self.reader.take(index as usize) else {
            return false;
        };
        self.taken = (index as usize, word);
        let shape = told.shape.iter().map(|size| f64::from(*size));
        let numbers = [
            f64::from(word),
            told.time_s,
            f64::from(told.kind),
            length as f64,
            told.shape.len() as f64,
        ];
        let slots = slots_of(&mut head).iter_mut();
        slots
            .zip(numbers.into_iter().chain(shape))
            .for_each(|(slot, number)| *slot = number);
        true
    }

    /// Copies the value that was taken last. Returns false if it has not so many bytes.
    #[napi]
    pub fn copy(&self, mut into: Uint8ArraySlice<'_>) -> bool {
        let (index, word) = self.taken;
        self.reader.copy(index, word, bytes_of(&mut into))
    }
}
