//! The thread that takes what a session hands over, and serves it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use kilohertz_core::thread::has_ended_within;
use kilohertz_record::encoder::Encoder;
use kilohertz_record::entry::Entry;
use kilohertz_record::writer::{Progress, Source};
use socket2::{SockRef, TcpKeepalive};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{sleep, timeout};

use crate::foxglove::connection;
use crate::foxglove::hub::{Hub, Status};

/// How often what waits is taken.
const TAKE: Duration = Duration::from_millis(10);
/// How long clients have at the end of a session to take what waits for them.
const END_LIMIT: Duration = Duration::from_millis(250);
/// The most connections; further ones are ended at once.
const MOST_CONNECTIONS: usize = 32;
/// How many bytes the operating system keeps for a connection: old messages wait there too.
const SOCKET_BYTES: usize = 256 << 10;
/// A connection whose other end is gone without a word is noticed after about so long.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// The pause after a connection that could not be taken, as without a free descriptor.
const PAUSE: Duration = Duration::from_millis(100);

/// What was served, and what was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// The clients that are connected.
    pub clients: u64,
    /// Messages that were sent, counted for each client.
    pub sent: u64,
    /// Messages that a client was too slow for, counted for each client.
    pub dropped: u64,
    /// Cycles, values and marks of episodes that no client could get, because the thread was too slow.
    pub lost: u64,
}

/// A session that is served. Dropping it ends it.
pub struct Live {
    address: SocketAddr,
    status: Arc<Status>,
    thread: Option<JoinHandle<()>>,
}

impl Live {
    /// Starts a thread that serves what comes from `source`, until that has ended.
    ///
    /// # Errors
    /// Returns an error if no thread can be started, or the system refuses what it needs.
    pub fn start(listener: TcpListener, encoder: Encoder, source: impl Source) -> io::Result<Live> {
        listener.set_nonblocking(true)?;
        // Connections have what their listener has.
        let socket = SockRef::from(&listener);
        socket.set_send_buffer_size(SOCKET_BYTES)?;
        socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE))?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let status = Arc::new(Status::default());
        let shared = Arc::clone(&status);
        let builder = Builder::new().name("kilohertz-live".to_owned());
        let thread = builder.spawn(move || {
            let serving = serve(listener, encoder, source, &shared);
            LocalSet::new().block_on(&runtime, serving);
            shared.clients.store(0, Ordering::Relaxed);
        })?;
        Ok(Live {
            address,
            status,
            thread: Some(thread),
        })
    }

    /// Returns the address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns what was served so far.
    pub fn counts(&self) -> Counts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Counts {
            clients: read(&self.status.clients),
            sent: read(&self.status.sent),
            dropped: read(&self.status.dropped),
            lost: read(&self.status.lost),
        }
    }

    /// Waits at most `limit` until the source has ended and the clients have what waits for them. Returns true
    /// if the port is free again.
    pub fn join(&self, limit: Duration) -> bool {
        let thread = self.thread.as_ref();
        thread.is_none_or(|thread| has_ended_within(thread, limit))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.status.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told on its standard error, and the session goes on without it.
            let _ = thread.join();
        }
    }
}

async fn serve(
    listener: TcpListener,
    mut encoder: Encoder,
    mut source: impl Source,
    status: &Arc<Status>,
) {
    let run = encoder.run().start.wall_ns.to_string();
    let hub = Rc::new(Hub::new(run, Arc::clone(status)));
    // The hub takes everything.
    let _ = encoder.begin(&mut &*hub);
    let accepting = spawn_local(accept(listener, Rc::clone(&hub)));
    loop {
        // Read before taking: what was handed over before the stop is taken after it.
        let stop = status.stop.load(Ordering::Acquire);
        let progress = source.take(&mut |entry| {
            if let Entry::Cycle(cycle) = entry {
                hub.lost(cycle.lost_before);
            }
            // Only an entry that cannot be encoded is an error here.
            if encoder.encode(entry, &mut &*hub).is_err() {
                hub.lost(1);
            }
        });
        hub.wake();
        if stop || progress == Progress::Ended {
            break;
        }
        sleep(TAKE).await;
    }
    accepting.abort();
    hub.end();
    let gone = async {
        while hub.connections() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    // Who has not taken everything by then does not get it.
    let _ = timeout(END_LIMIT, gone).await;
}

async fn accept(listener: TcpListener, hub: Rc<Hub>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        match listener.accept().await {
            Ok((stream, _)) if hub.connections() < MOST_CONNECTIONS => {
                hub.connected();
                let hub = Rc::clone(&hub);
                spawn_local(async move {
                    connection::serve(Rc::clone(&hub), stream).await;
                    hub.disconnected();
                });
            }
            Ok(_) => {}
            Err(_) => sleep(PAUSE).await,
        }
    }
}
