//! Sessions on a page in a browser; `controls.rs` has what the page moves, `stops.rs` what its stop ends, `report.rs` the
//! report of a session.

pub(crate) mod controls;
pub(crate) mod report;
pub(crate) mod stops;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use kilohertz_core::session::roll::AskedBy;
use kilohertz_core::session::{Seen, Session};
use kilohertz_core::stats::Spread;
use kilohertz_dashboard::listen::listen;
use kilohertz_dashboard::page::protocol::{
    ArmInfo, ChunkInfo, EventInfo, HistogramInfo, LevelInfo, SpreadInfo, StatsInfo,
};
use kilohertz_dashboard::page::{
    Files, Frame, Options, PageServer, Recorded, Watched, wall_time_s,
};
use napi::bindgen_prelude::{Float64ArraySlice, Function, Object};
use napi::{Env, Result};
use napi_derive::napi;

use crate::background::in_background;
use crate::dashboard::controls::{ControlledArm, NativeControls};
use crate::dashboard::report::NativePageReport;
use crate::dashboard::stops::NativeStops;
use crate::error::{Code, Failure, OrThrow};
use crate::franka::arm::NativeArm;
use crate::franka::hand::hand_of;
use crate::session::NativeSession;
use crate::session::about::{About, about_idle, slots};
use crate::session::ending::words;
use crate::session::live::ip_of;
use crate::session::recording::SharedKept;
use crate::session::stats::{buckets, counter_names, counts_of};

/// The rate of an arm's own clock \[Hz\].
const RATE_HZ: f64 = 1000.0;

/// A session on a page.
struct WatchedSession {
    session: Arc<OnceLock<Session>>,
    kept: SharedKept,
    about: About,
}

fn spread(of: Spread) -> SpreadInfo {
    SpreadInfo {
        p50: of.p50.as_secs_f64(),
        p95: of.p95.as_secs_f64(),
        p99: of.p99.as_secs_f64(),
        max: of.max.as_secs_f64(),
    }
}

/// Fills a frame with the state of an arm, and with the width of its hand \[m\] if this process is connected to that,
/// else NaN: as [`ArmInfo::fields`] says.
fn fill(frame: &mut Frame, state: &[f64], address: Option<SocketAddr>) {
    frame.fill(slots(), state);
    let newest = address.and_then(hand_of).and_then(|hand| hand.newest());
    let width = newest.map_or(f64::NAN, |state| state.width);
    frame.values.push(width as f32);
}

impl Watched for WatchedSession {
    fn info(&self) -> ArmInfo {
        self.about.info.clone()
    }

    fn frame(&self, seen: &mut Seen, frame: &mut Frame) -> bool {
        let Some(session) = self.session.get() else {
            return false;
        };
        let recorder = session.recorder();
        let cycles = recorder.iterations.get();
        let info = &self.about.info;
        let is_arm = info.model.is_some();
        let newest = session.watch().newest_state(seen);
        match newest {
            Some((clock, state)) if is_arm => {
                fill(frame, state, self.about.address);
                frame.robot_time_s = clock as f64 / info.rate_hz;
            }
            // The cycle of a state that was shown is counted later; the last of a session must be.
            None if is_arm && (frame.values.is_empty() || cycles == frame.cycles) => return false,
            None if is_arm => {}
            _ => frame.robot_time_s = cycles as f64 / info.rate_hz,
        }
        frame.cycles = cycles;
        frame.followed = recorder.followed_commands.get();
        frame.held = recorder.held_commands.get();
        frame.rest = recorder.rest_commands.get();
        frame.missed = recorder.missed_ticks.get();
        true
    }

    fn chunk(&self, seen: &mut Seen) -> Option<ChunkInfo> {
        let drawn = self.about.drawn?;
        let chunk = self.session.get()?.watch().newest_chunk(seen)?;
        Some(drawn.chunk(chunk.time_s, chunk.step_s, chunk.width, chunk.actions))
    }

    fn take_event(&self) -> Option<EventInfo> {
        let event = self.session.get()?.watch().take_event()?;
        let note = self.kept.get()?.words(&event.kind);
        Some(EventInfo::of(note, event.tick as f64, wall_time_s()))
    }

    fn stats(&self) -> StatsInfo {
        let Some(session) = self.session.get() else {
            return StatsInfo::default();
        };
        let stats = session.stats();
        let (upper_s, counts) = buckets(session.recorder(), "jitter");
        StatsInfo {
            counters: counter_names().into_iter().zip(counts_of(&stats)).collect(),
            target_period_s: stats.target_period.as_secs_f64(),
            avg_period_s: stats.avg_period.as_secs_f64(),
            longest_period_s: stats.longest_period.as_secs_f64(),
            jitter: spread(stats.jitter),
            execution: spread(stats.execution),
            jitter_histogram: HistogramInfo { upper_s, counts },
        }
    }

    fn stop(&self) {
        if let Some(session) = self.session.get() {
            session.request_stop_by(AskedBy::Page);
        }
    }

    fn end(&self) -> Option<Option<EventInfo>> {
        let session = self.session.get()?;
        if !session.has_ended() {
            return None;
        }
        let outcome = session.outcome()?;
        Some(words(outcome).map(|text| EventInfo {
            level: LevelInfo::Error,
            name: "ended".to_owned(),
            text,
            tick: Some(session.recorder().iterations.get() as f64),
            wall_time_s: wall_time_s(),
        }))
    }
}

/// Where a page is opened.
#[napi(object)]
pub struct NativeDashboardOptions {
    /// An IP address of this host.
    pub host: String,
    pub port: u16,
    /// The first part of every path.
    pub token: String,
    /// The same for the pages that may hold the controls; absent if there are none.
    pub controls_token: Option<String>,
    /// The folder that the page was built into.
    pub folder: String,
}

fn opened(
    options: &NativeDashboardOptions,
    runs: Vec<Recorded>,
) -> std::result::Result<NativeDashboard, Failure> {
    let files = Files::read(Path::new(&options.folder))
        .map_err(|error| Failure::new(Code::System, error.to_string()))?;
    let host = ip_of("dashboard.host", &options.host)?;
    let server = PageServer::start(Options {
        listener: listen(host, options.port)?,
        files,
        runs,
        token: options.token.clone(),
        controls_token: options.controls_token.clone(),
    });
    let server = server.map_err(|error| Failure::thread(&error))?;
    let address = server.address();
    Ok(NativeDashboard {
        server: Arc::new(Mutex::new(Some(server))),
        host: address.ip().to_string(),
        port: address.port(),
    })
}

/// The server of a page on which sessions are shown.
#[napi]
pub struct NativeDashboard {
    server: Arc<Mutex<Option<PageServer>>>,
    host: String,
    port: u16,
}

#[napi]
impl NativeDashboard {
    /// Opens a page. `lib/dashboard/dashboard.ts` has checked what is given.
    #[napi(factory)]
    pub fn open(env: &Env, options: NativeDashboardOptions) -> Result<NativeDashboard> {
        opened(&options, Vec::new()).or_throw(env)
    }

    /// Opens a page on which recordings are played, and reads them first.
    #[napi(ts_return_type = "Promise<NativeDashboard>")]
    pub fn view(
        env: &Env,
        options: NativeDashboardOptions,
        recordings: Vec<String>,
    ) -> Result<Object<'_>> {
        in_background(env, move || {
            let runs = recordings.iter().zip(0..);
            let read = runs.map(|(path, id)| Recorded::read(Path::new(path), id));
            let read = read.collect::<std::result::Result<Vec<_>, _>>()?;
            opened(&options, read)
        })
    }

    /// The IP address that is listened on.
    #[napi(getter)]
    pub fn host(&self) -> String {
        self.host.clone()
    }

    /// The port that is listened on.
    #[napi(getter)]
    pub fn port(&self) -> u16 {
        self.port
    }

    fn with(&self, act: impl FnOnce(&PageServer)) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(server) = &*server {
            act(server);
        }
    }

    /// Lets the page's controls move the arm with this name, and shows its state. `wake` is called when something
    /// was asked for. Null if the page is closed.
    #[napi]
    pub fn control(
        &self,
        arm: &NativeArm,
        stops: &NativeStops,
        name: String,
        state: Float64ArraySlice<'_>,
        wake: Function<'_, (), ()>,
    ) -> Result<Option<NativeControls>> {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(server) = &*server else {
            return Ok(None);
        };
        let controlled = ControlledArm::new(arm, server.lease_of(stops.shared()), wake)?;
        let controlled = Arc::new(controlled);
        let info = ArmInfo {
            name,
            ..about_idle(Some(&arm.arm), "", (RATE_HZ, RATE_HZ))
        };
        let mut stands = Frame::default();
        fill(&mut stands, &state, arm.arm.address());
        let shared: Arc<ControlledArm> = Arc::clone(&controlled);
        server.control(info, stands, shared);
        Ok(Some(NativeControls::of(controlled)))
    }

    /// Lets the page stop what drives the robot with this name, from now on.
    #[napi]
    pub fn stands(&self, stops: &NativeStops, name: String) {
        self.with(|server| server.stands(name, stops.shared()));
    }

    /// Shows a session as the robot with this name; `is_controlled` says whether the controls have started it.
    #[napi]
    pub fn watch(&self, session: &NativeSession, name: String, is_controlled: bool) {
        let (session, kept, about) = session.watched();
        if let Some(running) = session.get() {
            running.watch().begin();
        }
        let info = ArmInfo {
            name,
            is_controlled,
            ..about.info
        };
        let about = About { info, ..about };
        self.with(|server| {
            server.add(Arc::new(WatchedSession {
                session,
                kept,
                about,
            }));
        });
    }

    /// Tells an error of the newest session of the robot with this name.
    #[napi]
    pub fn tell(&self, name: String, code: String, text: String) {
        self.told(name, LevelInfo::Error, code, text);
    }

    /// Tells what the controls have done, or why they have not.
    #[napi]
    pub fn note(&self, name: String, is_warning: bool, what: String, text: String) {
        let level = match is_warning {
            true => LevelInfo::Warning,
            false => LevelInfo::Info,
        };
        self.told(name, level, what, text);
    }

    fn told(&self, name: String, level: LevelInfo, what: String, text: String) {
        let event = EventInfo {
            level,
            name: what,
            text,
            tick: None,
            wall_time_s: wall_time_s(),
        };
        self.with(|server| server.note(name, event));
    }

    /// True while a browser has the page open.
    #[napi(getter)]
    pub fn is_watched(&self) -> bool {
        let mut is_watched = false;
        self.with(|server| is_watched = server.is_watched());
        is_watched
    }

    /// Shows a report of the newest session of the robot with this name, in the place of an older one.
    #[napi]
    pub fn report(&self, name: String, report: NativePageReport) {
        self.with(|server| server.report(name, report.into()));
    }

    /// Closes the page; resolves when the port is free.
    #[napi(ts_return_type = "Promise<void>")]
    pub fn close<'env>(&self, env: &'env Env) -> Result<Object<'env>> {
        let server = Arc::clone(&self.server);
        in_background(env, move || {
            let mut server = server.lock().unwrap_or_else(PoisonError::into_inner);
            drop(server.take());
            Ok(())
        })
    }
}
