//! Writing into typed arrays that JavaScript keeps.

#![allow(
    unsafe_code,
    reason = "napi cannot know who else sees the memory; we do"
)]

use napi::bindgen_prelude::Float64ArraySlice;

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
