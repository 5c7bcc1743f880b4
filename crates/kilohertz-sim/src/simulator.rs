//! The simulator's handle.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::control_box::ControlBox;
use crate::counters::Counters;
use crate::error::SimulatorError;
use crate::fault::Fault;
use crate::options::SimulatorOptions;
use crate::server::{JointState, Message, Published, Server, joints_of};
use crate::session::{self, Gate, Life};

/// How long a fault may take to come into force.
const INJECT_PATIENCE: Duration = Duration::from_secs(5);

/// A running simulator: an FCI server with an arm behind it. Dropping it stops it.
///
/// Its two threads are ordinary ones and inherit the scheduling of the thread that starts it:
/// start it from a thread without realtime priority.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    gate: Arc<Gate>,
    published: Arc<Mutex<Published>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Simulator {
    /// Starts a simulator. It accepts a client when this returns.
    ///
    /// # Errors
    /// [`SimulatorError::Address`] or [`SimulatorError::Option`] for options outside their range,
    /// [`SimulatorError::Bind`] if the port is taken, [`SimulatorError::System`] if the system
    /// refuses a thread or a socket. Nothing is left running then.
    pub fn start(options: SimulatorOptions) -> Result<Simulator, SimulatorError> {
        options.validate()?;
        let system = |what| move |source| SimulatorError::System { what, source };
        let robot = ControlBox::new(&options)?;
        let wanted = SocketAddr::new(options.host, options.port);
        let listener =
            std::net::TcpListener::bind(wanted).map_err(|source| SimulatorError::Bind {
                address: wanted,
                source,
            })?;
        let address = listener
            .local_addr()
            .map_err(system("the listener's address"))?;
        listener
            .set_nonblocking(true)
            .map_err(system("a non-blocking listener"))?;
        let udp = SocketAddr::new(options.host, 0);
        let socket = UdpSocket::bind(udp).map_err(|source| SimulatorError::Bind {
            address: udp,
            source,
        })?;

        let (arm, messages) = mpsc::channel();
        let published = Arc::new(Mutex::new(Published {
            joints: joints_of(&robot),
            counters: Counters::default(),
        }));
        let server = Server::new(
            robot,
            socket,
            messages,
            Arc::clone(&published),
            options.lockstep_timeout,
        )
        .map_err(system("a UDP socket option"))?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(system("an asynchronous runtime"))?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(system("an asynchronous socket"))?
        };

        let simulator = Simulator {
            address,
            gate: Arc::new(Gate::new(options.generation, arm)),
            published,
            threads: Mutex::new(Vec::new()),
        };
        let gate = Arc::clone(&simulator.gate);
        let prepare = options.prepare_arm_thread;
        simulator.spawn("kilohertz-sim-arm", move || {
            if let Some(prepare) = prepare {
                prepare();
            }
            server.run();
        })?;
        simulator.spawn("kilohertz-sim-tcp", move || {
            runtime.block_on(session::serve(listener, gate));
        })?;
        Ok(simulator)
    }

    fn spawn(
        &self,
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> Result<(), SimulatorError> {
        let thread = thread::Builder::new()
            .name(name.into())
            .spawn(body)
            .map_err(|source| SimulatorError::System {
                what: "a thread",
                source,
            })?;
        self.threads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(thread);
        Ok(())
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The true joint values now, at most a tick old; after [`stop`](Simulator::stop) the last.
    pub fn joints(&self) -> JointState {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .joints
    }

    /// What has been counted so far, at most a tick old.
    pub fn counters(&self) -> Counters {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counters
    }

    /// Lets something go wrong. A count replaces what is left of the same fault's last one.
    ///
    /// # Errors
    /// [`SimulatorError::Fault`] for an unknown error name or a delay that is too long,
    /// [`SimulatorError::Stopped`] if the simulator no longer runs.
    pub fn inject(&self, fault: Fault) -> Result<(), SimulatorError> {
        fault.validate()?;
        if self.gate.life() != Life::Running {
            return Err(SimulatorError::Stopped);
        }
        match &fault {
            Fault::RejectConnect { version } => self.gate.reject_next(*version),
            Fault::SlowConnect { by } => self.gate.answer_next_late(*by),
            Fault::NoiseReply(bytes) => self.gate.say(bytes),
            Fault::ResetConnection => self.gate.reset(),
            Fault::Die => self.gate.end(Life::Dead),
            _ => {}
        }
        let (done, in_force) = mpsc::channel();
        if !self.gate.tell(Message::Inject { fault, done }) {
            return Err(SimulatorError::Stopped);
        }
        in_force
            .recv_timeout(INJECT_PATIENCE)
            .map_err(|_| SimulatorError::Stopped)
    }

    /// Stops the simulator: closes its sockets and joins its threads. Does nothing the second time.
    pub fn stop(&self) {
        self.gate.end(Life::Stopped);
        self.gate.tell(Message::Stop);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop();
    }
}
