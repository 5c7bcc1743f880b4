//! The model library that a simulated FER serves: the simulator's own, or a file that was handed in.

use std::borrow::Cow;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use franka::wire::robot::v5::{
    LoadModelLibraryArchitecture, LoadModelLibraryRequest, LoadModelLibraryStatus,
    LoadModelLibrarySystem,
};
use zerocopy::FromBytes;

use crate::error::SimulatorError;

/// The library that `build.rs` has built from `model-library/fer.rs`; empty if it could not be built.
const BUILT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/libfcimodels.so"));

/// The largest file that is served [bytes].
const LARGEST: u64 = 32 << 20;

/// The type of machine on which a library runs, with its number in the header of an ELF file.
const MACHINE: Option<(LoadModelLibraryArchitecture, u16)> = if cfg!(target_arch = "x86_64") {
    Some((LoadModelLibraryArchitecture::X64, 62))
} else if cfg!(target_arch = "aarch64") {
    Some((LoadModelLibraryArchitecture::ARM64, 183))
} else {
    None
};

/// A model library. It is empty if there is none.
#[derive(Debug)]
pub(crate) struct ModelLibrary(Cow<'static, [u8]>);

impl ModelLibrary {
    /// Returns the simulator's own.
    pub const OWN: ModelLibrary = ModelLibrary(Cow::Borrowed(BUILT));

    /// Reads a library from a file.
    pub fn read(path: &Path) -> Result<ModelLibrary, SimulatorError> {
        let refused = |received: String, expected: &str| SimulatorError::ModelLibrary {
            path: path.to_owned(),
            received,
            expected: expected.to_owned(),
        };
        let unreadable = |error: std::io::Error| {
            refused(format!("not readable ({error})"), "a file that can be read")
        };
        // A pipe is found before it is opened, because that would wait for a writer.
        let known = path.metadata().map_err(unreadable)?;
        if !known.is_file() {
            return Err(refused("not a file".into(), "a shared object"));
        }
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(unreadable)?;
        file.take(LARGEST + 1)
            .read_to_end(&mut bytes)
            .map_err(unreadable)?;
        if bytes.len() as u64 > LARGEST {
            let received = format!("too large ({} bytes)", known.len());
            let expected = format!("at most {LARGEST} bytes");
            return Err(refused(received, &expected));
        }
        check(&bytes).map_err(|received| {
            let expected = "a shared object (ELF, 64 bits) for this type of machine";
            refused(received.to_owned(), expected)
        })?;
        Ok(ModelLibrary(Cow::Owned(bytes)))
    }

    /// Returns the answer to a request for the library: a status, and the library.
    pub fn answer(&self, payload: &[u8]) -> Vec<u8> {
        let fits = LoadModelLibraryRequest::read_from_bytes(payload).is_ok_and(|request| {
            MACHINE.is_some_and(|(own, _)| request.architecture == own.to_u8())
                && request.system == LoadModelLibrarySystem::Linux.to_u8()
        });
        if !fits || self.0.is_empty() {
            return vec![LoadModelLibraryStatus::Error.to_u8()];
        }
        let mut answer = vec![LoadModelLibraryStatus::Success.to_u8()];
        answer.extend_from_slice(&self.0);
        answer
    }
}

/// The first bytes of an ELF file with 64 bits and the lower byte first.
const ELF_64: &[u8] = b"\x7fELF\x02\x01";
/// The type of an ELF file that is a shared object.
const SHARED_OBJECT: u16 = 3;

/// Checks that a file is a shared object for this type of machine. Returns what it is otherwise.
fn check(bytes: &[u8]) -> Result<(), &'static str> {
    let number = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk::<2>()?;
        Some(u16::from_le_bytes(*bytes))
    };
    if !bytes.starts_with(ELF_64) {
        return Err("not an ELF file");
    }
    if number(16) != Some(SHARED_OBJECT) {
        return Err("an ELF file of another kind");
    }
    if number(18) != MACHINE.map(|(_, number)| number) {
        return Err("for another type of machine");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;

    #[test]
    fn the_model_library_is_for_the_machine_that_it_was_built_on_alone() {
        let asked = |architecture, system| {
            let request = LoadModelLibraryRequest::new(architecture, system);
            ModelLibrary::OWN.answer(request.as_bytes())
        };
        let (success, error) = (
            LoadModelLibraryStatus::Success,
            LoadModelLibraryStatus::Error,
        );
        for own in [
            LoadModelLibraryArchitecture::X64,
            LoadModelLibraryArchitecture::ARM64,
        ] {
            let is_here = MACHINE.is_some_and(|(here, _)| here == own) && !BUILT.is_empty();
            let answer = asked(own, LoadModelLibrarySystem::Linux);
            let status = if is_here { success } else { error };
            assert_eq!(answer[0], status.to_u8());
            assert_eq!(answer[1..].starts_with(b"\x7fELF"), is_here);
            assert_eq!(asked(own, LoadModelLibrarySystem::Windows), [error.to_u8()]);
        }
        let x86 = LoadModelLibraryArchitecture::X86;
        assert_eq!(asked(x86, LoadModelLibrarySystem::Linux), [error.to_u8()]);
        assert_eq!(ModelLibrary::OWN.answer(&[0]), [error.to_u8()]);
    }

    #[test]
    fn a_library_that_could_not_be_built_is_answered_as_an_error() {
        let none = ModelLibrary(Cow::Borrowed(&[]));
        let (own, _) = MACHINE.unwrap();
        let request = LoadModelLibraryRequest::new(own, LoadModelLibrarySystem::Linux);
        let error = LoadModelLibraryStatus::Error.to_u8();
        assert_eq!(none.answer(request.as_bytes()), [error]);
    }

    #[test]
    fn what_is_no_shared_object_for_this_machine_is_named() {
        let (_, machine) = MACHINE.unwrap();
        let elf = |kind: u16, machine: u16| {
            let mut bytes = [0; 64];
            bytes[..6].copy_from_slice(ELF_64);
            bytes[16..18].copy_from_slice(&kind.to_le_bytes());
            bytes[18..20].copy_from_slice(&machine.to_le_bytes());
            bytes
        };
        assert_eq!(check(&elf(SHARED_OBJECT, machine)), Ok(()));
        for (bytes, what) in [
            (&elf(SHARED_OBJECT, 40)[..], "another type of machine"),
            (&elf(1, machine), "another kind"),
            (ELF_64, "another kind"),
            (b"\x7fELF\x01\x01", "not an ELF"),
            (b"#!/bin/sh", "not an ELF"),
            (b"", "not an ELF"),
        ] {
            let found = check(bytes).unwrap_err();
            assert!(found.contains(what), "{found}");
        }
    }
}
