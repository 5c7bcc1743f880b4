//! Blocking work, as promises. Nothing here is realtime.

use std::sync::OnceLock;

use napi::bindgen_prelude::{Object, ToNapiValue};
use napi::{Env, Result};
use tokio::runtime::{Builder, Runtime};

use crate::error::{Failure, OrThrow};

/// The runtime that all environments of the process share. It is never shut down: its threads may outlive
/// the environment that started it.
fn runtime() -> std::result::Result<&'static Runtime, Failure> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let made = Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("kilohertz-work")
        .build()
        .map_err(|error| Failure::thread(&error))?;
    Ok(RUNTIME.get_or_init(|| made))
}

/// Does `work` on a thread where it may block. Nobody waits for it.
pub fn spawn_blocking(work: impl FnOnce() + Send + 'static) {
    // Without a thread it is not done; whoever needs threads was told so before.
    if let Ok(runtime) = runtime() {
        drop(runtime.spawn_blocking(work));
    }
}

/// Returns a promise for the result of `work`, which runs on a thread where it may block.
pub fn in_background<T>(
    env: &Env,
    work: impl FnOnce() -> std::result::Result<T, Failure> + Send + 'static,
) -> Result<Object<'_>>
where
    T: ToNapiValue + Send + 'static,
{
    let (deferred, promise) = env.create_deferred()?;
    runtime().or_throw(env)?.spawn_blocking(move || {
        let outcome = work();
        // Errors are created on the JavaScript thread, like values.
        deferred.resolve(move |env| outcome.or_throw(&env));
    });
    Ok(promise)
}
