//! What JavaScript asks of a session that is recorded or shown.

use std::path::Path;
use std::sync::Arc;

use kilohertz_record::error::RecordError;
use kilohertz_record::layout::{Layout, LayoutField};
use kilohertz_record::live::Reason;
use napi::bindgen_prelude::Object;
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::error::{Code, Failure, OrThrow};
use crate::franka::arm::NativeField;
use crate::session::NativeSession;
use crate::session::live::NativeShown;
use crate::session::recording::{Kept, NativeRecorded, NativeValue};

/// Returns the layout of fields.
fn layout_of(fields: Vec<NativeField>) -> std::result::Result<Layout, RecordError> {
    Layout::new(fields.into_iter().map(|field| LayoutField {
        name: field.name,
        len: field.len as usize,
        unit: field.unit,
    }))
}

#[napi]
impl NativeSession {
    fn kept(&self, env: &Env) -> Result<&Kept> {
        let missing = || Failure::new(Code::System, "the session was not started");
        self.kept.get().ok_or_else(missing).or_throw(env)
    }

    /// The robot's time since the first cycle, by the cycles until now [s].
    #[napi(getter)]
    pub fn robot_time_s(&self, env: &Env) -> Result<f64> {
        let recorder = self.session(env)?.recorder();
        let ticks = recorder.iterations.get() + recorder.missed_ticks.get();
        Ok(ticks as f64 * recorder.target_period().as_secs_f64())
    }

    /// The robot's time of the question that a policy on this thread took last [s].
    #[napi(getter)]
    pub fn asked_s(&self) -> f64 {
        self.taken.time.as_secs_f64()
    }

    /// The robot's time at which the policy's own time begins [s]; 0 before that is known.
    #[napi(getter)]
    pub fn first_s(&self) -> f64 {
        let first = self.thread.as_ref().and_then(|thread| thread.first());
        first.unwrap_or_default().as_secs_f64()
    }

    /// Returns what was recorded so far; null if the session is not recorded.
    #[napi]
    pub fn recording(&self, env: &Env) -> Result<Option<NativeRecorded>> {
        Ok(self.kept(env)?.recorded())
    }

    /// Returns why the recording cannot be written any further, once; null otherwise.
    #[napi]
    pub fn take_recording_failure(&self, env: &Env) -> Result<Option<Failure>> {
        Ok(self.kept(env)?.take_failure())
    }

    /// Returns what was shown so far; null if the session is not shown.
    #[napi]
    pub fn shown(&self, env: &Env) -> Result<Option<NativeShown>> {
        Ok(self.kept(env)?.shown())
    }

    /// Records or shows a value. Returns false if it was dropped, or if the session is neither recorded nor shown.
    #[napi]
    pub fn log(&self, env: &Env, channel: String, time_s: f64, value: NativeValue) -> Result<bool> {
        let kept = self.kept(env)?;
        kept.log(channel, time_s, value)
            .map_err(Failure::from)
            .or_throw(env)
    }

    /// Counts values that a policy's process has dropped.
    #[napi]
    pub fn count_dropped(&self, env: &Env, values: u32) -> Result<()> {
        self.kept(env)?.count_dropped(values);
        Ok(())
    }

    /// Records or shows the beginning of an episode, or its end with how it ended.
    #[napi]
    pub fn mark(&self, env: &Env, index: u32, task: String, ended: Option<String>) -> Result<()> {
        let time_s = self.robot_time_s(env)?;
        let kept = self.kept(env)?;
        if !kept.takes_logs() {
            return Ok(());
        }
        kept.mark(index, time_s, task, ended.as_deref());
        Ok(())
    }

    /// Says that the loop is known to have ended, and that `tellEnd` will be called.
    #[napi]
    pub fn expect_end(&self, env: &Env) -> Result<()> {
        self.kept(env)?.ending().expect();
        Ok(())
    }

    /// Tells why the session ended, once the robot is stopped. The code is empty if the session was asked to end, or its
    /// time was over.
    #[napi]
    pub fn tell_end(&self, env: &Env, code: String, text: String) -> Result<()> {
        self.kept(env)?.ending().tell(Reason { code, text });
        Ok(())
    }

    /// Begins to keep the states and commands of a robot written in JavaScript, which have these fields.
    #[napi]
    pub fn describe(
        &self,
        env: &Env,
        state: Vec<NativeField>,
        action: Vec<NativeField>,
    ) -> Result<()> {
        let layouts = layout_of(state).and_then(|state| Ok((state, layout_of(action)?)));
        let (state, action) = layouts.map_err(Failure::from).or_throw(env)?;
        self.kept(env)?.describe(state, action);
        Ok(())
    }

    /// Keeps the state of a robot written in JavaScript, and its command behind it. `note` says what is not
    /// kept of it.
    #[napi]
    pub fn keep(&self, env: &Env, tick: f64, numbers: &[f64], note: Option<String>) -> Result<()> {
        self.kept(env)?.frame(tick as u64, numbers, note);
        Ok(())
    }

    /// Writes the newest cycles into a file. Rejects with a failure.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn save<'env>(&self, env: &'env Env, path: String) -> Result<Object<'env>> {
        let (session, kept) = (Arc::clone(&self.session), Arc::clone(&self.kept));
        in_background(env, move || {
            let missing = || Failure::new(Code::System, "the session was not started");
            let session = session.get().ok_or_else(missing)?;
            let kept = kept.get().ok_or_else(missing)?;
            Ok(kept.save(session, Path::new(&path))?)
        })
    }

    /// Returns the file into which the newest cycles were written at the end; null if none was.
    #[napi]
    pub fn saved(&self, env: &Env) -> Result<Option<String>> {
        self.kept(env)?.saved().transpose().or_throw(env)
    }
}
