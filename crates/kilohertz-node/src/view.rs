//! Memory that JavaScript and we both see.

#![allow(
    unsafe_code,
    reason = "napi cannot know who else sees the memory; we do"
)]

use kilohertz_offload::line::Kept;
use napi::bindgen_prelude::{ArrayBuffer, Env, Float64ArraySlice, Result, Uint8ArraySlice};

/// Copies `values` to the front of `view`; says whether there was room.
pub fn fill(view: &mut Float64ArraySlice<'_>, values: &[f64]) -> bool {
    // SAFETY: the array was made by `lib/mailbox.ts` over memory of its own, which it shares with
    // no other thread, and no JavaScript runs on this one until the call returns. So nobody else
    // reads or writes the memory while this reference lives.
    let slots = unsafe { view.as_mut() };
    match slots.get_mut(..values.len()) {
        Some(slots) => {
            slots.copy_from_slice(values);
            true
        }
        None => false,
    }
}

/// The bytes of an array, for writing.
pub fn bytes_of<'a>(view: &'a mut Uint8ArraySlice<'_>) -> &'a mut [u8] {
    // SAFETY: `lib/line.ts` hands in arrays of its own, over memory that it shares with no other thread, and no
    // JavaScript runs on this one until the call returns.
    unsafe { view.as_mut() }
}

/// An array buffer over a value of a line's other end. The value is given back when the buffer is collected.
pub fn seen_in_place(env: &Env, kept: Kept) -> Result<ArrayBuffer<'_>> {
    let (start, length) = (kept.value().as_mut_ptr(), kept.value().len());
    // SAFETY: the bytes are mapped for as long as `kept` lives, which the finalizer drops, and the other end, as
    // it lent them, neither reads nor writes them until then. So JavaScript may even write them.
    unsafe { ArrayBuffer::from_external(env, start, length, kept, |_, kept| drop(kept)) }
}
