//! The simulator's handle.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::mpsc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::control_box::ControlBox;
use crate::counters::Counters;
use crate::error::SimulatorError;
use crate::fault::Fault;
use crate::hand::{Fingers, Hand};
use crate::options::{SimulatorOptions, check_posture};
use crate::server::arm::{JointState, Published, Server, joints_of};
use crate::server::commands::{self, Gate, Life};
use crate::server::connections::Connections;
use crate::server::hand::{self, SharedHand};
use crate::server::message::{Done, Message};
use crate::server::model_library::ModelLibrary;

/// How long the arm's thread may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// A running simulator: an FCI server with an arm behind it. Dropping it stops it.
///
/// Its two threads inherit the scheduling of the thread that starts the simulator. So start it from a thread
/// without realtime priority.
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    connections: Connections,
    /// What it was started with.
    start: SimulatorOptions,
    published: Arc<Mutex<Published>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Where an episode begins. What is absent is as it was at the start of the simulator.
#[derive(Debug, Clone, Default)]
pub struct Reset {
    /// Joint positions \[rad\], at rest.
    pub q: Option<[f64; 7]>,
    /// The width of an object between the open fingers \[m\], above 0 to 0.08.
    pub object: Option<f64>,
    /// The seed of the noise.
    pub seed: Option<u64>,
}

impl Simulator {
    /// Starts a simulator. When this function returns, the simulator accepts a client.
    ///
    /// # Errors
    /// [`SimulatorError::Address`] or [`SimulatorError::Option`] for options outside their range,
    /// [`SimulatorError::ModelLibrary`] for a file that cannot be served,
    /// [`SimulatorError::Bind`] if the port is taken, [`SimulatorError::System`] if the system
    /// refuses a thread or a socket. Nothing is left running then.
    pub fn start(options: SimulatorOptions) -> Result<Simulator, SimulatorError> {
        options.validate()?;
        let system = |what| move |source| SimulatorError::System { what, source };
        let library = match &options.model_library {
            Some(path) => ModelLibrary::read(path)?,
            None => ModelLibrary::OWN,
        };
        let robot = ControlBox::new(&options)?;
        let Listeners { arm, hand } = Listeners::bind(&options)?;
        let address = arm.local_addr().map_err(system("the listener's address"))?;
        let socket = states_from(options.host)?;

        let (orders, messages) = mpsc::channel();
        let published = Arc::new(Mutex::new(Published {
            joints: joints_of(&robot),
            counters: Counters::default(),
        }));
        let shared_hand = hand
            .is_some()
            .then(|| Arc::new(SharedHand::new(options.object)));
        let connections = Connections {
            gate: Arc::new(Gate::new(options.generation, library, orders)),
            hand: shared_hand,
        };
        let server = Server::new(
            robot,
            socket,
            messages,
            Arc::clone(&published),
            connections.clone(),
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
        let hand = match (hand, &connections.hand) {
            (Some(listener), Some(shared)) => Some((
                asynchronous(listener)?,
                states_from(options.host)?,
                Arc::clone(shared),
            )),
            _ => None,
        };

        let simulator = Simulator {
            address,
            connections,
            start: options,
            published,
            threads: Mutex::new(Vec::new()),
        };
        let gate = Arc::clone(&simulator.connections.gate);
        let prepare = simulator.start.prepare_arm_thread;
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
        let hand = self.connections.hand.is_some();
        hand.then(|| SocketAddr::new(self.address.ip(), self.address.port() + 1))
    }

    fn hand(&self) -> Result<&SharedHand, SimulatorError> {
        let hand = self.connections.hand.as_deref();
        hand.ok_or_else(|| SimulatorError::Option {
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
        self.order(fault, None)
    }

    /// Injects a fault in cycle `at` of the motion that runs, or of the next one if none runs. The first command
    /// of a motion answers a state of cycle 0, and each cycle is a millisecond of the arm. The state of cycle
    /// `at` is the first that shows the fault, and the command that answers it the first that suffers it. In
    /// lockstep the same program has the same faults in each run. Faults whose cycle does not come are counted
    /// as `faults_missed`.
    ///
    /// # Errors
    /// Those of [`inject`](Simulator::inject), and [`SimulatorError::Fault`] for a cycle that has passed, for a
    /// fault of the next connection or of the hand, and if 10,000 faults wait already.
    pub fn inject_at(&self, fault: Fault, at: u64) -> Result<(), SimulatorError> {
        if !fault.can_wait_for_a_cycle() {
            return Err(SimulatorError::Fault {
                fault: "at a cycle".to_owned(),
                received: format!("{fault:?}"),
                expected: "a fault of the arm; those of the next connection and of the hand take effect at once"
                    .to_owned(),
            });
        }
        self.order(fault, Some(at))
    }

    fn order(&self, fault: Fault, at: Option<u64>) -> Result<(), SimulatorError> {
        fault.validate()?;
        if let Fault::Hand(fault) = fault {
            if !self.runs() {
                return Err(SimulatorError::Stopped);
            }
            self.hand()?.suffer(fault);
            return Ok(());
        }
        self.ask(|done| Message::Inject { fault, at, done })
    }

    fn runs(&self) -> bool {
        self.connections.gate.life() == Life::Running
    }

    /// Sends a message to the arm's thread, and waits for what comes of it.
    fn ask(&self, message: impl FnOnce(Done) -> Message) -> Result<(), SimulatorError> {
        let (done, answer) = mpsc::channel();
        if !self.runs() || !self.connections.gate.tell(message(done)) {
            return Err(SimulatorError::Stopped);
        }
        answer
            .recv_timeout(PATIENCE)
            .unwrap_or(Err(SimulatorError::Stopped))
    }

    /// Puts arm and hand back to where an episode begins, without a new connection: the arm stands at a
    /// posture, the fingers are open around an object. Reflexes, user stop, guiding, pushes, faults, and faults
    /// that wait for a cycle, are over. The noise begins anew. The arm's time goes on, and what clients have set
    /// (load, frames, stiffness, thresholds) stays.
    ///
    /// # Errors
    /// [`SimulatorError::Busy`] if the arm or the hand is in a motion, or the arm recovers;
    /// [`SimulatorError::Option`] for a posture or an object that cannot be; [`SimulatorError::Stopped`] if the
    /// simulator no longer runs. Nothing has changed then.
    pub fn reset(&self, to: &Reset) -> Result<(), SimulatorError> {
        let q = to.q.unwrap_or(self.start.q);
        check_posture(self.start.generation, &q)?;
        let object = to.object.or(self.start.object);
        if let Some(width) = object {
            self.hand()?;
            Hand::new(None).place(width)?;
        }
        let seed = to.seed.unwrap_or(self.start.noise.seed);
        let hand = self.connections.hand.as_deref();
        hand.map(SharedHand::check_idle).transpose()?;
        self.ask(|done| Message::Reset { q, seed, done })?;
        if let Some(hand) = hand {
            hand.reset(object);
        }
        Ok(())
    }

    /// Stops the simulator: closes its sockets and joins its threads. A second call has no effect.
    pub fn stop(&self) {
        self.connections.end(Life::Stopped);
        self.connections.gate.tell(Message::Stop);
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
