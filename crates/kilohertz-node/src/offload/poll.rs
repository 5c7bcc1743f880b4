//! Calling JavaScript when an event counter is signalled: the event loop polls the counter's descriptor
//! itself, so no other thread is involved between the other end of a line and JavaScript.

#![allow(
    unsafe_code,
    reason = "the event loop is libuv's, which has no Rust interface; each use is argued"
)]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::os::fd::{BorrowedFd, RawFd};
use std::ptr;
use std::rc::Rc;

use kilohertz_offload::wake;
use napi::bindgen_prelude::{Function, JsValue};
use napi::{Env, Result, Status, sys};

use crate::error::{Code, Failure};

/// `uv_poll_t`, whose layout only libuv knows.
type PollHandle = c_void;

/// `UV_POLL` of `uv_handle_type` and `UV_READABLE` of `uv_poll_event`: part of libuv's stable ABI.
const UV_POLL: c_int = 8;
const UV_READABLE: c_int = 1;

unsafe extern "C" {
    fn uv_handle_size(kind: c_int) -> usize;
    fn uv_poll_init(event_loop: *mut sys::uv_loop_s, handle: *mut PollHandle, fd: c_int) -> c_int;
    fn uv_poll_start(
        handle: *mut PollHandle,
        events: c_int,
        ready: extern "C" fn(*mut PollHandle, c_int, c_int),
    ) -> c_int;
    fn uv_close(handle: *mut PollHandle, closed: extern "C" fn(*mut PollHandle));
    fn uv_ref(handle: *mut PollHandle);
    fn uv_unref(handle: *mut PollHandle);
    fn uv_handle_get_data(handle: *const PollHandle) -> *mut c_void;
    fn uv_handle_set_data(handle: *mut PollHandle, data: *mut c_void);
}

/// The data that libuv refers to until the handle is closed.
struct Watch {
    env: sys::napi_env,
    /// The callback.
    function: sys::napi_ref,
    context: sys::napi_async_context,
    fd: RawFd,
    cleanup: sys::napi_async_cleanup_hook_handle,
    /// The memory of the handle, as words so that it is aligned.
    handle: Box<[u64]>,
    /// True until the handle is closed, by the poll or by the end of the environment.
    open: Rc<Cell<bool>>,
}

impl Watch {
    fn handle(&mut self) -> *mut PollHandle {
        self.handle.as_mut_ptr().cast()
    }
}

/// A descriptor that the event loop of one environment watches. Dropping it ends the watch.
pub struct Poll {
    /// Valid while `open` is true.
    watch: *mut Watch,
    open: Rc<Cell<bool>>,
}

fn refused(env: &Env, what: &str, status: impl Into<i64>) -> napi::Error {
    Failure::new(
        Code::System,
        format!("{what} failed with {}", status.into()),
    )
    .thrown(env)
}

impl Poll {
    /// Calls `callback` in the event loop whenever `fd` is readable. The descriptor must stay open until
    /// this is dropped. The watch does not keep the process alive.
    pub fn new(env: &Env, fd: RawFd, callback: &Function<'_, (), ()>) -> Result<Poll> {
        let raw = env.raw();
        let mut event_loop = ptr::null_mut();
        let mut function = ptr::null_mut();
        let mut context = ptr::null_mut();
        let mut name = ptr::null_mut();
        // SAFETY: this runs on the JavaScript thread of `env`, within a call from JavaScript, so there
        // is an open handle scope; all out-pointers are to locals that live until the calls return.
        let status = unsafe {
            [
                sys::napi_get_uv_event_loop(raw, &mut event_loop),
                sys::napi_create_reference(raw, callback.raw(), 1, &mut function),
                sys::napi_create_string_utf8(raw, c"kilohertz".as_ptr(), 9, &mut name),
                sys::napi_async_init(raw, ptr::null_mut(), name, &mut context),
            ]
        };
        if let Some(status) = status
            .into_iter()
            .find(|status| *status != sys::Status::napi_ok)
        {
            return Err(refused(env, "polling an event counter", status));
        }
        // SAFETY: the call only returns a number.
        let bytes = unsafe { uv_handle_size(UV_POLL) };
        let open = Rc::new(Cell::new(true));
        let watch = Box::into_raw(Box::new(Watch {
            env: raw,
            function,
            context,
            fd,
            cleanup: ptr::null_mut(),
            handle: vec![0; bytes.div_ceil(8)].into_boxed_slice(),
            open: Rc::clone(&open),
        }));
        // SAFETY: the loop belongs to this thread. The handle's memory is as large as libuv requires and
        // does not move, in a box that `closed` frees, which is libuv's last use of it. The data for
        // `ready` is set before the loop can call it, which is after this call has returned.
        unsafe {
            let handle = (*watch).handle();
            let status = uv_poll_init(event_loop, handle, fd);
            if status != 0 {
                // libuv does not know any of this yet.
                sys::napi_delete_reference(raw, function);
                sys::napi_async_destroy(raw, context);
                drop(Box::from_raw(watch));
                return Err(refused(env, "uv_poll_init", status));
            }
            uv_handle_set_data(handle, watch.cast());
            uv_unref(handle);
            let poll = Poll { watch, open };
            let started = uv_poll_start(handle, UV_READABLE, ready);
            // An environment that ends waits for this hook: a handle left open would abort a worker.
            let hooked = sys::napi_add_async_cleanup_hook(
                raw,
                Some(environment_ends),
                watch.cast(),
                &mut (*watch).cleanup,
            );
            if started != 0 {
                return Err(refused(env, "uv_poll_start", started));
            }
            if hooked != sys::Status::napi_ok {
                return Err(refused(env, "polling an event counter", hooked));
            }
            Ok(poll)
        }
    }

    /// Sets whether the watch keeps the process alive.
    pub fn hold(&self, hold: bool) {
        if !self.open.get() {
            return;
        }
        // SAFETY: the poll is open, so the watch is live. This is the thread that created it: neither it
        // nor the poll can be sent to another thread.
        unsafe {
            let handle = (*self.watch).handle();
            if hold {
                uv_ref(handle);
            } else {
                uv_unref(handle);
            }
        }
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        if self.open.get() {
            // SAFETY: the poll is open, so the watch is live; the thread is the right one, as above.
            unsafe { close(self.watch) };
        }
    }
}

/// Begins to close the handle; `closed` frees the watch.
///
/// # Safety
/// The watch must be open, and this must be the thread of its environment.
unsafe fn close(watch: *mut Watch) {
    // SAFETY: an open watch is live, and no reference into it is held during this call.
    unsafe {
        (*watch).open.set(false);
        uv_close((*watch).handle(), closed);
    }
}

extern "C" fn ready(handle: *mut PollHandle, _status: c_int, _events: c_int) {
    // SAFETY: libuv calls this on the loop's thread and never after `uv_close`; so the watch is live and the
    // environment too. Handles made here are within the scope opened first. The pointers to the watch's
    // fields are read before JavaScript runs, which may drop the poll. The descriptor is open, as
    // `new` demands.
    unsafe {
        let watch: *mut Watch = uv_handle_get_data(handle).cast();
        wake::clear(BorrowedFd::borrow_raw((*watch).fd));
        let (env, function, context) = ((*watch).env, (*watch).function, (*watch).context);
        let mut scope = ptr::null_mut();
        if sys::napi_open_handle_scope(env, &mut scope) != sys::Status::napi_ok {
            return;
        }
        let [mut callback, mut global, mut returned] = [ptr::null_mut(); 3];
        if sys::napi_get_reference_value(env, function, &mut callback) == sys::Status::napi_ok
            && sys::napi_get_global(env, &mut global) == sys::Status::napi_ok
        {
            let status = sys::napi_make_callback(
                env,
                context,
                global,
                callback,
                0,
                ptr::null(),
                &mut returned,
            );
            if status == Status::PendingException as i32 {
                let mut error = ptr::null_mut();
                if sys::napi_get_and_clear_last_exception(env, &mut error) == sys::Status::napi_ok {
                    sys::napi_fatal_exception(env, error);
                }
            }
        }
        sys::napi_close_handle_scope(env, scope);
    }
}

extern "C" fn closed(handle: *mut PollHandle) {
    // SAFETY: libuv is done with the handle and calls this once; the watch came from a box. No other code
    // uses it any more, because it is not open. The environment waits for its hook, so it is still there.
    unsafe {
        let watch: Box<Watch> = Box::from_raw(uv_handle_get_data(handle).cast());
        sys::napi_delete_reference(watch.env, watch.function);
        sys::napi_async_destroy(watch.env, watch.context);
        if !watch.cleanup.is_null() {
            sys::napi_remove_async_cleanup_hook(watch.cleanup);
        }
    }
}

extern "C" fn environment_ends(_hook: sys::napi_async_cleanup_hook_handle, watch: *mut c_void) {
    let watch: *mut Watch = watch.cast();
    // SAFETY: the hook is removed when the watch is freed, so it is live; this is the environment's thread.
    unsafe {
        if (*watch).open.get() {
            close(watch);
        }
    }
}
