//! The arm's thread. It owns the control box and the UDP socket, and advances the arm's time.
//!
//! Every millisecond of wall time it reads what has arrived, lets the control box tick, and sends the next
//! state. In lockstep it waits for the command instead, while a motion runs. It never waits for TCP: requests
//! come in through one channel, and replies leave through another.

#![warn(clippy::indexing_slicing)]

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Receiver, TryRecvError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use crate::control_box::ControlBox;
use crate::control_box::modes::Offer;
use crate::control_box::state::StateWriter;
use crate::counters::{Counters, Work};
use crate::server::connections::Connections;
use crate::server::datagram_faults::{Delivery, Faults};
use crate::server::message::Message;
use crate::server::pace::Pace;
use crate::wire::COMMAND_ROOM;
use crate::wire::messages::{Reply, Setpoint};

/// The thread wakes this long before a deadline, and yields until the deadline.
const YIELDING: Duration = Duration::from_micros(80);
/// In lockstep, how long the first state of a motion waits for the first command. Clients only learn from it
/// that the motion runs, and answer the next state.
const FIRST_WAIT: Duration = Duration::from_millis(25);
/// In lockstep, how long each further state waits for the first command. A slow first answer must not meet a
/// newer state. A client that has missed the first state needs another one, and some clients end a connection
/// that says nothing for a second.
const NEXT_WAIT: Duration = Duration::from_millis(500);
/// In lockstep, how long requests may have to wait while the thread waits for a command.
const LOCKSTEP_POLL: Duration = Duration::from_millis(1);

/// How many ticks of an arm that hurries there are between two states.
const HURRY: u32 = 50;

/// How often a tick tries to publish its values while another thread reads the last ones.
const PUBLISHING_TRIES: u32 = 200;

/// The true joint values now, without noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct JointState {
    /// Positions \[rad\].
    pub q: [f64; 7],
    /// Velocities [rad/s].
    pub dq: [f64; 7],
    /// Accelerations [rad/s2].
    pub ddq: [f64; 7],
    /// Link-side torques with gravity [N m].
    pub tau: [f64; 7],
    /// The arm's time since its start. In milliseconds it is the number of the newest state.
    pub time: Duration,
}

/// The values that the arm's thread publishes.
#[derive(Debug)]
pub(crate) struct Published {
    pub joints: JointState,
    pub counters: Counters,
}

pub(super) struct Client {
    pub udp: SocketAddr,
    replies: UnboundedSender<Reply>,
}

/// The arm's thread.
pub(crate) struct Server {
    pub(super) robot: ControlBox,
    pub(super) socket: UdpSocket,
    messages: Receiver<Message>,
    published: Arc<Mutex<Published>>,
    lockstep_timeout: Duration,
    pub(super) client: Option<Client>,
    pub(super) faults: Faults,
    pub(super) connections: Connections,
    held_states: VecDeque<(Instant, Box<[u8]>)>,
    held_commands: VecDeque<(Instant, Setpoint)>,
    /// A state that waits until the next one has overtaken it.
    overtaken_state: Option<Box<[u8]>>,
    /// A command that waits until the next one has overtaken it.
    overtaken_command: Option<Setpoint>,
    writer: StateWriter,
    /// How far the clock of the newest state is ahead of the arm's \[ms\].
    pub(super) shift: i64,
    pub(super) counters: Counters,
    work: Work,
    /// Whether a command for the newest state can still come: the state was sent, and no fault dropped its
    /// command.
    command_may_come: bool,
    /// Whether lockstep has waited for a command in vain. Time then follows the wall clock until a command
    /// comes.
    pub(super) out_of_patience: bool,
    /// Whether a state of this motion has waited for the first command.
    waited_for_first: bool,
    blocking: bool,
    pub(super) over: bool,
}

impl Server {
    pub fn new(
        robot: ControlBox,
        socket: UdpSocket,
        messages: Receiver<Message>,
        published: Arc<Mutex<Published>>,
        connections: Connections,
        lockstep_timeout: Duration,
    ) -> std::io::Result<Server> {
        socket.set_nonblocking(true)?;
        socket.set_read_timeout(Some(LOCKSTEP_POLL))?;
        Ok(Server {
            robot,
            socket,
            messages,
            published,
            lockstep_timeout,
            client: None,
            faults: Faults::default(),
            connections,
            held_states: VecDeque::new(),
            held_commands: VecDeque::new(),
            overtaken_state: None,
            overtaken_command: None,
            writer: StateWriter::default(),
            shift: 0,
            counters: Counters::default(),
            work: Work::new(),
            command_may_come: false,
            out_of_patience: false,
            waited_for_first: false,
            blocking: false,
            over: false,
        })
    }

    /// Runs until a message or a fault ends the thread.
    pub fn run(mut self) {
        let mut pace = Pace::new(Instant::now());
        while !self.over {
            let waits = self.may_wait_for_command();
            if waits {
                self.wait_for_command();
                pace.restart(Instant::now());
            } else if self.robot.hurries() {
                pace.restart(Instant::now());
            } else {
                let (deadline, skipped) = pace.next(Instant::now());
                self.counters.missed_ticks += skipped;
                sleep_until(deadline);
            }
            let begin = Instant::now();
            self.take_messages();
            if self.over {
                break;
            }
            if waits {
                // What else has arrived is read in the next wait, at the latest.
                self.release_held();
            } else {
                self.take_datagrams();
            }
            self.tick();
            if self.over {
                break;
            }
            // Values are published before messages are answered. So everyone who gets a reply finds the
            // counters and the state that belong to it.
            self.publish();
            self.send_state();
            self.send_replies();
            self.work.record(begin.elapsed());
        }
        self.count();
        if let Ok(mut published) = self.published.lock() {
            self.show(&mut published);
        }
    }

    /// Advances the arm by a millisecond, or by more if it hurries.
    fn tick(&mut self) {
        self.waited_for_first &= self.robot.awaits_first_command();
        self.robot.tick();
        for _ in 1..HURRY {
            if !self.robot.hurries() {
                break;
            }
            self.robot.tick();
        }
        self.suffer_scheduled();
    }

    fn may_wait_for_command(&self) -> bool {
        self.robot.awaits_command()
            && self.command_may_come
            && !self.out_of_patience
            && !self.faults.frozen
    }

    /// In lockstep, lets time stand still until the command for the newest state arrives, or until it is
    /// certain that none will come.
    fn wait_for_command(&mut self) {
        let is_first = self.robot.awaits_first_command();
        let patience = match (is_first, self.waited_for_first) {
            (true, false) => FIRST_WAIT,
            (true, true) => NEXT_WAIT,
            (false, _) => self.lockstep_timeout,
        };
        self.waited_for_first = is_first;
        let give_up = Instant::now() + patience;
        if !self.blocking && self.socket.set_nonblocking(false).is_ok() {
            self.blocking = true;
        }
        while self.may_wait_for_command() && !self.over {
            if Instant::now() >= give_up {
                self.out_of_patience = !is_first;
                return;
            }
            self.take_datagram();
            self.release_held();
            self.take_messages();
            if self.may_wait_for_command() {
                self.send_replies();
            }
        }
    }

    fn take_messages(&mut self) {
        loop {
            match self.messages.try_recv() {
                Ok(message) => self.take(message),
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.over = true;
                    return;
                }
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Connected { udp, replies } => {
                self.counters.clients += 1;
                self.client = Some(Client { udp, replies });
            }
            Message::Request { ticket, request } => {
                if !self.faults.frozen {
                    self.robot.request(ticket, request);
                }
            }
            Message::Disconnected => {
                self.send_replies();
                self.let_go();
            }
            Message::Inject { fault, at, done } => {
                let _ = done.send(self.inject(fault, at));
            }
            Message::Reset { q, seed, done } => {
                let _ = done.send(self.reset(q, seed));
            }
            Message::Stop => self.over = true,
        }
    }

    /// Lets go of the client.
    pub(super) fn let_go(&mut self) {
        self.client = None;
        self.forget_held();
        self.robot.disconnect();
    }

    /// Forgets the datagrams that faults hold back.
    pub(super) fn forget_held(&mut self) {
        self.held_states.clear();
        self.held_commands.clear();
        self.overtaken_state = None;
        self.overtaken_command = None;
    }

    /// Reads all datagrams that have arrived.
    fn take_datagrams(&mut self) {
        if self.blocking {
            let _ = self.socket.set_nonblocking(true);
            self.blocking = false;
        }
        while self.take_datagram() {}
        self.release_held();
    }

    /// Reads one datagram. Returns false if there is none.
    fn take_datagram(&mut self) -> bool {
        let mut bytes = [0_u8; COMMAND_ROOM];
        let (length, sender) = match self.socket.recv_from(&mut bytes) {
            Ok(received) => received,
            Err(error) => return error.kind() == ErrorKind::Interrupted,
        };
        let expected = self
            .client
            .as_ref()
            .is_some_and(|client| client.udp == sender);
        match self
            .robot
            .generation
            .setpoint(bytes.get(..length).unwrap_or_default())
        {
            Some(mut command) if expected => {
                command.answers = command.answers.saturating_add_signed(-self.shift);
                self.take_command(command);
            }
            _ => self.counters.datagrams_refused += 1,
        }
        true
    }

    fn take_command(&mut self, command: Setpoint) {
        if self.faults.frozen {
            return;
        }
        if let Some(overtaken) = self.overtaken_command.take() {
            self.offer(&command);
            self.offer(&overtaken);
            return;
        }
        match self.faults.commands.next() {
            Delivery::Arrives => self.offer(&command),
            Delivery::Lost => {
                self.counters.commands_dropped += 1;
                self.command_may_come = false;
            }
            Delivery::Late(by) => {
                self.counters.commands_delayed += 1;
                self.held_commands.push_back((Instant::now() + by, command));
            }
            Delivery::Twice => {
                self.counters.commands_disturbed += 1;
                self.offer(&command);
                self.offer(&command);
            }
            Delivery::Overtaken => {
                self.counters.commands_disturbed += 1;
                self.command_may_come = false;
                self.overtaken_command = Some(command);
            }
            // Such a datagram is not a valid command.
            Delivery::CutShort | Delivery::Old => {
                self.counters.commands_disturbed += 1;
                self.counters.datagrams_refused += 1;
                self.command_may_come = false;
            }
        }
    }

    fn offer(&mut self, command: &Setpoint) {
        let count = match self.robot.offer(command) {
            Offer::Accepted => {
                self.out_of_patience = false;
                &mut self.counters.commands_received
            }
            Offer::Late => &mut self.counters.commands_late,
            Offer::Outside => &mut self.counters.commands_outside,
            Offer::Refused => &mut self.counters.datagrams_refused,
        };
        *count += 1;
    }

    /// Sends the states, and uses the commands, whose delay by a fault is over.
    fn release_held(&mut self) {
        if self.held_states.is_empty() && self.held_commands.is_empty() {
            return;
        }
        let now = Instant::now();
        while self
            .held_commands
            .front()
            .is_some_and(|(due, _)| *due <= now)
        {
            if let Some((_, command)) = self.held_commands.pop_front() {
                self.offer(&command);
            }
        }
        while self.held_states.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, state)) = self.held_states.pop_front() {
                self.send(&state);
            }
        }
    }

    fn send_replies(&mut self) {
        for reply in self.robot.replies() {
            if let (Some(client), false) = (&self.client, self.faults.frozen) {
                let _ = client.replies.send(reply);
            }
        }
    }

    fn send_state(&mut self) {
        let mut state = self.writer.write(&self.robot);
        let corruption = self.next_corruption();
        if let Some(corruption) = &corruption {
            corruption.corrupt(&mut state);
        }
        let mut datagram = self.robot.generation.datagram(&state);
        if let Some(corruption) = &corruption {
            corruption.corrupt_bytes(&mut datagram);
            self.counters.states_disturbed += 1;
        }
        self.shift = corruption.map_or(0, |corruption| corruption.shift());
        let state = datagram.as_bytes();
        self.command_may_come = false;
        if self.client.is_none() || self.faults.frozen {
            return;
        }
        self.send_noise(state.len());
        if let Some(overtaken) = self.overtaken_state.take() {
            self.command_may_come = true;
            self.send(state);
            self.send(&overtaken);
            return;
        }
        match self.faults.states.next() {
            Delivery::Arrives => {
                self.command_may_come = true;
                self.send(state);
            }
            Delivery::Lost => self.counters.states_dropped += 1,
            Delivery::Late(by) => {
                self.counters.states_delayed += 1;
                self.command_may_come = true;
                self.held_states
                    .push_back((Instant::now() + by, state.into()));
            }
            Delivery::Twice => {
                self.counters.states_disturbed += 1;
                self.command_may_come = true;
                self.send(state);
                self.send(state);
            }
            Delivery::Overtaken => {
                self.counters.states_disturbed += 1;
                self.overtaken_state = Some(state.into());
            }
            Delivery::CutShort => {
                self.counters.states_disturbed += 1;
                self.send(state.get(..state.len() / 2).unwrap_or_default());
            }
            Delivery::Old => {
                self.counters.states_disturbed += 1;
                let mut old = state.to_vec();
                // In both generations a state begins with its number.
                old.iter_mut()
                    .take(size_of::<u64>())
                    .for_each(|byte| *byte = 0);
                self.send(&old);
            }
        }
    }

    fn send(&mut self, state: &[u8]) {
        let Some(client) = &self.client else { return };
        if self.socket.send_to(state, client.udp).is_ok() {
            self.counters.states_sent += 1;
        }
    }

    fn count(&mut self) {
        let tally = self.robot.tally;
        let counters = &mut self.counters;
        counters.ticks = self.robot.time;
        counters.commands_lost = tally.commands_lost;
        counters.longest_lost_run = tally.longest_lost_run;
        counters.motions_started = tally.motions_started;
        counters.motions_finished = tally.motions_finished;
        counters.motions_aborted = tally.motions_aborted;
        counters.reflexes = tally.reflexes;
        if counters.ticks.is_multiple_of(100) {
            counters.tick_work_p50 = self.work.quantile(0.5);
            counters.tick_work_p99 = self.work.quantile(0.99);
        }
    }

    /// Publishes the newest values. A reader that holds the lock does not delay the tick; then the next tick
    /// publishes them.
    pub(super) fn publish(&mut self) {
        self.count();
        for _ in 0..PUBLISHING_TRIES {
            if let Ok(mut published) = self.published.try_lock() {
                self.show(&mut published);
                return;
            }
            std::hint::spin_loop();
        }
    }

    fn show(&self, published: &mut Published) {
        published.counters = self.counters;
        published.joints = joints_of(&self.robot);
    }
}

/// Returns the true joint values of `robot`.
pub(crate) fn joints_of(robot: &ControlBox) -> JointState {
    JointState {
        q: robot.arm.pose.q,
        dq: robot.arm.pose.dq,
        ddq: robot.arm.ddq,
        tau: robot.arm.tau_j,
        time: Duration::from_millis(robot.time),
    }
}

fn sleep_until(deadline: Instant) {
    let ahead = deadline.saturating_duration_since(Instant::now());
    if ahead > YIELDING {
        std::thread::sleep(ahead - YIELDING);
    }
    while Instant::now() < deadline {
        std::thread::yield_now();
    }
}
