//! The thread that serves the page.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use kilohertz_core::lease::Lease;
use kilohertz_core::timing::time::Time;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use crate::page::controls::{BEAT, BRAKE_AFTER, Controlled};
use crate::page::files::Files;
use crate::page::http::{Site, answer};
use crate::page::hub::Hub;
use crate::page::places::Places;
use crate::page::playback::Recorded;
use crate::page::protocol::{ArmInfo, EventInfo, ReportInfo};
use crate::page::stops::Stops;
use crate::page::watched::{Frame, Watched};

/// The time between two frames.
const FRAME: Duration = Duration::from_nanos(1_000_000_000 / 60);
/// While no page is open the sessions are looked at once in so many frames, for their ends.
const IDLE: u32 = 15;
/// How long a request may take to say what it wants.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// How long a request may take in all, until it has its answer or has become a connection.
const ANSWER_LIMIT: Duration = Duration::from_secs(60);
/// The most bytes of a request's head.
const LARGEST_HEAD: usize = 16 << 10;
/// How long pages have at the end to take what waits for them.
const END_LIMIT: Duration = Duration::from_millis(250);
/// The pause after a connection for which another one had to end: so many cannot take all of the thread's time.
const FULL: Duration = Duration::from_millis(1);
/// The pause after a connection that could not be taken, as without a free descriptor.
const PAUSE: Duration = Duration::from_millis(100);

/// What a server serves.
pub struct Options {
    /// Where it listens.
    pub listener: TcpListener,
    /// The page.
    pub files: Files,
    /// The recorded runs that can be played; each has its place here as its number.
    pub runs: Vec<Recorded>,
    /// The first part of every path. Who does not know it is told nothing.
    pub token: String,
    /// The same for the pages that may hold the controls; without it there are none.
    pub controls_token: Option<String>,
}

enum Command {
    Add(Arc<dyn Watched>),
    Control(Box<(ArmInfo, Frame)>, Arc<dyn Controlled>),
    Note(String, EventInfo),
    Report(String, ReportInfo),
    Stands(String, Weak<Stops>),
}

/// The server of the page. Dropping it ends it.
pub struct PageServer {
    address: SocketAddr,
    lease: Arc<Lease>,
    is_watched: Arc<AtomicBool>,
    /// The end of it ends the thread.
    commands: Option<UnboundedSender<Command>>,
    thread: Option<JoinHandle<()>>,
}

impl PageServer {
    /// Starts the thread.
    ///
    /// # Errors
    /// Returns an error if no thread can be started, or the system refuses what it needs.
    pub fn start(options: Options) -> io::Result<PageServer> {
        options.listener.set_nonblocking(true)?;
        let address = options.listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()?;
        let (commands, orders) = unbounded_channel();
        let lease = Arc::new(Lease::new(BRAKE_AFTER));
        let own = Arc::clone(&lease);
        let is_watched = Arc::new(AtomicBool::new(false));
        let watched = Arc::clone(&is_watched);
        let builder = Builder::new().name("kilohertz-page".to_owned());
        let thread = builder.spawn(move || {
            LocalSet::new().block_on(&runtime, serve(options, orders, own, watched));
        })?;
        Ok(PageServer {
            address,
            lease,
            is_watched,
            commands: Some(commands),
            thread: Some(thread),
        })
    }

    /// Returns the address that is listened on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the lease of the page that holds the controls. From now on a stop of the robot ends it, on whichever
    /// page that is pressed.
    pub fn lease_of(&self, stops: &Stops) -> Arc<Lease> {
        stops.add_lease(&self.lease);
        Arc::clone(&self.lease)
    }

    /// Returns true while a browser has the page open.
    pub fn is_watched(&self) -> bool {
        self.is_watched.load(Ordering::Relaxed)
    }

    fn order(&self, command: Command) {
        if let Some(commands) = &self.commands {
            // It fails only if the thread has ended, and then nothing is shown any more.
            let _ = commands.send(command);
        }
    }

    /// Shows a session.
    pub fn add(&self, session: Arc<dyn Watched>) {
        self.order(Command::Add(session));
    }

    /// Lets the controls move an arm, which has the name in `info`, and shows how it stands.
    pub fn control(&self, info: ArmInfo, stands: Frame, controlled: Arc<dyn Controlled>) {
        self.order(Command::Control(Box::new((info, stands)), controlled));
    }

    /// Lets the page stop what drives the robot with this name, from now on.
    pub fn stands(&self, name: String, stops: &Arc<Stops>) {
        self.order(Command::Stands(name, Arc::downgrade(stops)));
    }

    /// Tells an event of the newest session of the robot with this name.
    pub fn note(&self, name: String, event: EventInfo) {
        self.order(Command::Note(name, event));
    }

    /// Tells a report of the newest session of the robot with this name.
    pub fn report(&self, name: String, report: ReportInfo) {
        self.order(Command::Report(name, report));
    }

    /// Ends the server; the port is free again when this returns.
    pub fn close(&mut self) {
        // What the controls move does not wait for the thread.
        self.lease.end();
        self.commands = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was told on its standard error, and the sessions go on without it.
            let _ = thread.join();
        }
    }
}

impl Drop for PageServer {
    fn drop(&mut self) {
        self.close();
    }
}

async fn serve(
    options: Options,
    mut orders: UnboundedReceiver<Command>,
    lease: Arc<Lease>,
    is_watched: Arc<AtomicBool>,
) {
    let runs = options.runs.iter().map(|run| run.info.clone());
    let hub = Rc::new(Hub::new(runs.collect(), lease));
    let places = Rc::new(Places::default());
    let site = Rc::new(Site {
        hub: Rc::clone(&hub),
        files: options.files,
        runs: options.runs,
        token: options.token,
        controls_token: options.controls_token,
    });
    let accepting = spawn_local(accept(options.listener, site, Rc::clone(&places)));
    let mut frames = interval(FRAME);
    frames.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Skip);
    let mut count = 0_u32;
    loop {
        tokio::select! {
            _ = frames.tick() => {
                count = count.wrapping_add(1);
                is_watched.store(hub.has_clients(), Ordering::Relaxed);
                if hub.has_clients() || count.is_multiple_of(IDLE) {
                    hub.look();
                }
            }
            _ = beats.tick() => hub.beat(Time::now()),
            order = orders.recv() => match order {
                Some(Command::Add(session)) => hub.add(session),
                Some(Command::Control(arm, controlled)) => {
                    let (info, stands) = *arm;
                    hub.control(info, stands, controlled);
                }
                Some(Command::Stands(name, stops)) => hub.stands(name, stops),
                Some(Command::Note(name, event)) => {
                    // What JavaScript tells came after what the loop has told, its end above all.
                    hub.look();
                    hub.note(&name, event);
                }
                Some(Command::Report(name, report)) => {
                    // Its session may have ended since the sessions were looked at.
                    hub.look();
                    hub.report(&name, report);
                }
                None => break,
            }
        }
    }
    accepting.abort();
    // The last of each session is shown, its end above all.
    hub.look();
    hub.end();
    let gone = async {
        while places.count() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    // Who has not taken everything by then does not get it.
    let _ = timeout(END_LIMIT, gone).await;
}

async fn accept(listener: TcpListener, site: Rc<Site>, places: Rc<Places>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(_) => {
                sleep(PAUSE).await;
                continue;
            }
        };
        let _ = stream.set_nodelay(true);
        let site = Rc::clone(&site);
        let visit = Rc::new(places.enter());
        let number = visit.number();
        let task = spawn_local(async move {
            let asked = service_fn(|request| answer(Rc::clone(&site), Rc::clone(&visit), request));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(REQUEST_LIMIT)
                .max_buf_size(LARGEST_HEAD)
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), asked)
                .with_upgrades();
            // What is wrong with a request, its sender is told by hyper.
            let _ = timeout(ANSWER_LIMIT, connection).await;
        });
        if places.serves(number, from.ip(), task.abort_handle()) {
            sleep(FULL).await;
        }
    }
}
