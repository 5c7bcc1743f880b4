//! Memory that JavaScript and this addon both use.

#![allow(
    unsafe_code,
    reason = "napi cannot know who else sees the memory; we do"
)]

use std::cell::Cell;
use std::ptr;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

use kilohertz_core::channel::mailbox::Taken;
use kilohertz_core::timing::time::Time;
use kilohertz_offload::line::Kept;
use napi::bindgen_prelude::{
    ArrayBuffer, Env, Float64ArraySlice, JsValue, Result, Uint8ArraySlice,
};
use napi::{check_status, sys};

/// Returns the numbers of an array, for writing.
pub fn slots_of<'a>(view: &'a mut Float64ArraySlice<'_>) -> &'a mut [f64] {
    // SAFETY: `lib/` passes arrays over memory that no other thread sees; `lib/franka/model.ts` checks that
    // for arrays of a user. No JavaScript runs on this thread until the call returns. So no other code
    // reads or writes the memory while this reference lives.
    unsafe { view.as_mut() }
}

/// Copies `values` to the front of `view`. Returns true if there was room.
fn fill(view: &mut Float64ArraySlice<'_>, values: &[f64]) -> bool {
    match slots_of(view).get_mut(..values.len()) {
        Some(slots) => {
            slots.copy_from_slice(values);
            true
        }
        None => false,
    }
}

/// How many numbers a clock has, which [`fill_question`] fills.
const CLOCK: usize = 5;

/// Copies a question to `observation`, and its tick, time [s], period [s], and the host's monotonic and wall time [s] to
/// `clock`. Returns true if there was room.
pub fn fill_question(
    question: &Taken<'_>,
    observation: &mut Float64ArraySlice<'_>,
    clock: &mut Float64ArraySlice<'_>,
) -> bool {
    let times: [f64; CLOCK] = [
        question.tick as f64,
        question.time.as_secs_f64(),
        question.period.as_secs_f64(),
        question.host.as_nanos() as f64 / 1e9,
        wall_time_at(question.host, question.took),
    ];
    fill(observation, &question.slots) && fill(clock, &times)
}

/// Returns the wall clock at a point of the monotonic clock, since 1970 [s]; `now` was read just before.
fn wall_time_at(host: Time, now: Time) -> f64 {
    let since = now.since(host).as_secs_f64();
    let wall = SystemTime::now().duration_since(UNIX_EPOCH);
    wall.unwrap_or_default().as_secs_f64() - since
}

/// Returns the bytes of an array, for writing.
pub fn bytes_of<'a>(view: &'a mut Uint8ArraySlice<'_>) -> &'a mut [u8] {
    // SAFETY: `lib/` passes arrays of its own, over memory that it shares with no other
    // thread, and no JavaScript runs on this thread until the call returns.
    unsafe { view.as_mut() }
}

/// Returns an array buffer over a value of a line's other end. The value is given back when it is taken out
/// of the cell, which is allowed only after [`detach`], or when the buffer is collected.
pub fn seen_in_place(
    env: &Env,
    kept: Rc<Cell<Option<Kept>>>,
    length: usize,
) -> Result<ArrayBuffer<'_>> {
    let value = kept.take();
    let start = value
        .as_ref()
        .map_or(ptr::null_mut(), |kept| kept.value().as_mut_ptr());
    kept.set(value);
    // SAFETY: the bytes, as many as `End::borrow` was asked for, are mapped for as long as `kept` holds the
    // value: at least until the finalizer runs, or until the buffer is detached. The other end has lent
    // them and neither reads nor writes them until then. So JavaScript may even write them.
    unsafe { ArrayBuffer::from_external(env, start, length, kept, |_, kept| drop(kept)) }
}

/// Detaches a buffer: the buffer and the arrays over it are empty from now on. Returns true if the buffer
/// still had its memory; JavaScript may have moved the memory to another buffer.
pub fn detach(env: &Env, buffer: ArrayBuffer<'_>) -> Result<bool> {
    let mut gone = false;
    // SAFETY: the value is a buffer of this environment, whose JavaScript called this function.
    let status = unsafe { sys::napi_is_detached_arraybuffer(env.raw(), buffer.raw(), &mut gone) };
    check_status!(status, "a buffer could not be looked at")?;
    if gone {
        return Ok(false);
    }
    // SAFETY: as above.
    let status = unsafe { sys::napi_detach_arraybuffer(env.raw(), buffer.raw()) };
    check_status!(status, "a buffer could not be detached")?;
    Ok(true)
}
