//! A session that is shown while it runs.

use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use kilohertz_dashboard::foxglove::Live;
use kilohertz_dashboard::listen::listen;
use kilohertz_record::encoder::Encoder;
use kilohertz_record::live::Log;
use kilohertz_record::run::Run;
use kilohertz_record::writer::{Source, WriterOptions};
use napi::bindgen_prelude::Either3;
use napi_derive::napi;

use crate::error::{Code, Failure};

/// How long the end of a session waits until its clients have what waits for them.
const LIVE_LIMIT: Duration = Duration::from_secs(1);

/// Where a session is shown to Foxglove. `lib/session/foxglove.ts` has checked both.
#[napi(object)]
pub struct NativeFoxglove {
    /// An IP address of this host.
    pub host: String,
    pub port: u16,
}

/// Returns the IP address that an option names.
pub fn ip_of(option: &str, host: &str) -> Result<IpAddr, Failure> {
    host.parse().map_err(|_| {
        let received = Either3::C(host.to_owned());
        Failure::out_of_range(option, received, "an IP address, as in '127.0.0.1'")
    })
}

/// What was shown so far.
#[napi(object, object_from_js = false)]
pub struct NativeShown {
    pub host: String,
    pub port: u16,
    pub clients: f64,
    /// Messages that were sent, and those that a client was too slow for, counted for each client.
    pub sent: f64,
    pub dropped: f64,
    /// What was handed over and shown to nobody, because the thread was too slow.
    pub lost: f64,
}

/// A session that is shown.
pub struct Shown {
    address: SocketAddr,
    /// The port, until clients are served.
    listener: Mutex<Option<TcpListener>>,
    live: OnceLock<Live>,
    log: Log,
}

impl Shown {
    /// Opens the port. One that is in use is refused here. Clients are served from [`Shown::begin`] on.
    pub fn listen(foxglove: &NativeFoxglove) -> Result<Shown, Failure> {
        let host = ip_of("foxglove.host", &foxglove.host)?;
        let listener = listen(host, foxglove.port)?;
        let unknown = |error| Failure::new(Code::System, format!("the port opened: {error}"));
        Ok(Shown {
            address: listener.local_addr().map_err(unknown)?,
            listener: Mutex::new(Some(listener)),
            live: OnceLock::new(),
            log: Log::default(),
        })
    }

    /// Begins to show the run that `source` comes from. A second call does nothing.
    pub fn begin(
        &self,
        run: Run,
        options: &WriterOptions,
        source: impl Source,
    ) -> Result<(), Failure> {
        let encoder = Encoder::new(run, &options.views, options.views_hz)?;
        let mut listener = self.listener.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(listener) = listener.take() {
            let live = Live::start(listener, encoder, source);
            // The cell is empty: the listener was there.
            drop(
                self.live
                    .set(live.map_err(|error| Failure::thread(&error))?),
            );
        }
        Ok(())
    }

    /// Returns the log whose values are shown.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Returns what was shown so far.
    pub fn report(&self) -> NativeShown {
        let address = self.address;
        let counts = self.live.get().map(Live::counts).unwrap_or_default();
        NativeShown {
            host: address.ip().to_string(),
            port: address.port(),
            clients: counts.clients as f64,
            sent: counts.sent as f64,
            dropped: counts.dropped as f64,
            lost: (counts.lost + self.log.dropped()) as f64,
        }
    }

    /// Waits until the clients have what waits for them and the port is free. Call this when the loop has ended.
    pub fn finish(&self) {
        if let Some(live) = self.live.get() {
            live.join(LIVE_LIMIT);
        }
    }
}
