//! The simulator's handle.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::control_box::ControlBox;
use crate::counters::Counters;
use crate::error::SimulatorError;
use crate::fault::{Fault, HandFault};
use crate::hand::Fingers;
use crate::options::SimulatorOptions;
use crate::server::arm::{JointState, Message, Published, Server, joints_of};
use crate::server::commands::{self, Gate, Life};
use crate::server::hand::{self, SharedHand};

/// How long it may take until a fault is in force.
const INJECT_PATIENCE: Duration = Duration::from_secs(5);

/// A running simulator: an FCI server with an arm behind it. Dropping it stops it.
///
/// Its two threads inherit the scheduling of the thread that starts the simulator. So start it from a thread
/// without realtime priority.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    gate: Arc<Gate>,
    hand: Option<Arc<SharedHand>>,
    published: Arc<Mutex<Published>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Simulator {
    /// Starts a simulator. When this function returns, the simulator accepts a client.
    ///
    /// # Errors
    /// [`SimulatorError::Address`] or [`SimulatorError::Option`] for options outside their range,
    /// [`SimulatorError::Bind`] if the port is taken, [`SimulatorError::System`] if the system
    /// refuses a thread or a socket. Nothing is left running then.
    pub fn start(options: SimulatorOptions) -> Result<Simulator, SimulatorError> {
        options.validate()?;
        let system = |what| move |source| SimulatorError::System { what, source };
        let robot = ControlBox::new(&options)?;
        let Listeners { arm, hand } = Listeners::bind(&options)?;
        let address = arm.local_addr().map_err(system("the listener's address"))?;
        let socket = states_from(options.host)?;

        let (orders, messages) = mpsc::channel();
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
        let asynchronous = |listener: TcpListener| {
            let _inside = runtime.enter();
            listener
                .set_nonblocking(true)
                .and_then(|()| tokio::net::TcpListener::from_std(listener))
                .map_err(system("an asynchronous socket"))
        };
        let arm = asynchronous(arm)?;
        let shared_hand = hand
            .is_some()
            .then(|| Arc::new(SharedHand::new(options.object)));
        let hand = match (hand, &shared_hand) {
            (Some(listener), Some(shared)) => Some((
                asynchronous(listener)?,
                states_from(options.host)?,
                Arc::clone(shared),
            )),
            _ => None,
        };

        let simulator = Simulator {
            address,
            gate: Arc::new(Gate::new(options.generation, orders)),
            hand: shared_hand,
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
            runtime.block_on(async {
                let hand = async {
                    if let Some((listener, socket, shared)) = hand {
                        hand::serve(listener, socket, shared).await;
                    }
                };
                tokio::join!(commands::serve(arm, gate), hand);
            });
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

    /// Returns the address to which clients of the arm connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address to which clients of the hand connect. Its port is the one after the arm's.
    pub fn hand_address(&self) -> Option<SocketAddr> {
        let hand = self.hand.is_some();
        hand.then(|| SocketAddr::new(self.address.ip(), self.address.port() + 1))
    }

    fn hand(&self) -> Result<&SharedHand, SimulatorError> {
        self.hand.as_deref().ok_or_else(|| SimulatorError::Option {
            option: "hand",
            received: "false".into(),
            expected: "true where the hand is wanted".into(),
        })
    }

    /// Returns the true state of the fingers now.
    ///
    /// # Errors
    /// [`SimulatorError::Option`] if the simulator was started without a hand.
    pub fn fingers(&self) -> Result<Fingers, SimulatorError> {
        Ok(self.hand()?.fingers())
    }

    /// Puts an object of this width \[m\] between the fingers. It replaces the object that is there.
    ///
    /// # Errors
    /// [`SimulatorError::Option`] if the object does not fit between the fingers, or if there is no hand.
    pub fn place_object(&self, width: f64) -> Result<(), SimulatorError> {
        self.hand()?.place(width)
    }

    /// Removes the object between the fingers.
    ///
    /// # Errors
    /// [`SimulatorError::Option`] if the simulator was started without a hand.
    pub fn remove_object(&self) -> Result<(), SimulatorError> {
        self.hand()?.remove();
        Ok(())
    }

    /// Returns the true joint values now, at most a tick old. After [`stop`](Simulator::stop) it returns the
    /// last ones.
    pub fn joints(&self) -> JointState {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .joints
    }

    /// Returns the counters, at most a tick old.
    pub fn counters(&self) -> Counters {
        self.published
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counters
    }

    /// Injects a fault. Its count replaces what is left of an earlier count of the same fault.
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
            Fault::Die => self.end(Life::Dead),
            Fault::Hand(fault) => {
                self.hand()?.suffer(*fault);
                return Ok(());
            }
            Fault::Freeze => {
                if let Some(hand) = &self.hand {
                    hand.suffer(HandFault::Freeze);
                }
            }
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

    fn end(&self, life: Life) {
        self.gate.end(life);
        if let Some(hand) = &self.hand {
            hand.end(life);
        }
    }

    /// Stops the simulator: closes its sockets and joins its threads. A second call has no effect.
    pub fn stop(&self) {
        self.end(Life::Stopped);
        self.gate.tell(Message::Stop);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// The listeners for the clients of the arm and of the hand.
struct Listeners {
    arm: TcpListener,
    hand: Option<TcpListener>,
}

impl Listeners {
    /// How many free ports are tried to find one whose next port is free too.
    const TRIES: u32 = 100;

    fn bind(options: &SimulatorOptions) -> Result<Listeners, SimulatorError> {
        let mut tries = 1;
        loop {
            match Listeners::try_bind(options) {
                Err(SimulatorError::Bind { .. }) if options.port == 0 && tries < Self::TRIES => {
                    tries += 1;
                }
                bound => return bound,
            }
        }
    }

    fn try_bind(options: &SimulatorOptions) -> Result<Listeners, SimulatorError> {
        let at = |port| {
            let address = SocketAddr::new(options.host, port);
            TcpListener::bind(address).map_err(|source| SimulatorError::Bind { address, source })
        };
        let arm = at(options.port)?;
        let port = arm.local_addr().map_or(options.port, |own| own.port());
        let hand = options
            .hand
            .then(|| at(port.saturating_add(1)))
            .transpose()?;
        Ok(Listeners { arm, hand })
    }
}

/// Returns a socket from which states are sent.
fn states_from(host: IpAddr) -> Result<UdpSocket, SimulatorError> {
    let address = SocketAddr::new(host, 0);
    let socket =
        UdpSocket::bind(address).map_err(|source| SimulatorError::Bind { address, source })?;
    socket
        .set_nonblocking(true)
        .map_err(|source| SimulatorError::System {
            what: "a UDP socket option",
            source,
        })?;
    Ok(socket)
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop();
    }
}
