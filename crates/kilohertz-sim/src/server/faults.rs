//! The faults of the arm's thread, at once and at a cycle, and the reset that ends them.

#![warn(clippy::indexing_slicing)]

use crate::corruption::Corruption;
use crate::error::SimulatorError;
use crate::fault::Fault;
use crate::joints::Joints;
use crate::server::arm::Server;
use crate::server::datagram_faults::Faults;
use crate::violation::Violation;

/// The longest datagram of noise, longer than any state.
const NOISE_ROOM: usize = 3000;

impl Server {
    /// Makes a fault at once, or in a cycle of the motion that runs or starts next.
    pub(super) fn inject(&mut self, fault: Fault, at: Option<u64>) -> Result<(), SimulatorError> {
        match at {
            Some(at) => self.faults.schedule.add(fault, at, self.robot.cycle()),
            None => {
                self.connections.suffer(&fault);
                self.suffer(fault);
                Ok(())
            }
        }
    }

    /// Makes the faults whose cycle has come: the newest state is the first that shows them.
    pub(super) fn suffer_scheduled(&mut self) {
        let running = self.robot.cycle().map(|(motion, _)| motion);
        self.counters.faults_missed += self.faults.schedule.drop_missed(running) as u64;
        while let Some(now) = self.robot.cycle()
            && let Some(fault) = self.faults.schedule.due(now)
        {
            self.counters.faults_at_cycles += 1;
            if fault == Fault::ResetConnection {
                // The client gets no state of a later cycle.
                self.let_go();
            }
            self.connections.suffer(&fault);
            self.suffer(fault);
        }
    }

    /// Puts the arm at `q` and ends all faults.
    pub(super) fn reset(&mut self, q: Joints, seed: u64) -> Result<(), SimulatorError> {
        self.robot.reset(q, seed)?;
        self.counters.faults_missed += self.faults.schedule.clear() as u64;
        self.faults = Faults::default();
        self.connections.gate.clear();
        self.forget_held();
        self.shift = 0;
        self.out_of_patience = false;
        // Who reads the joints after the reset finds the new ones.
        self.publish();
        Ok(())
    }

    fn suffer(&mut self, fault: Fault) {
        match fault {
            Fault::DropStates { count } => self.faults.states.lost = count,
            Fault::DropCommands { count } => self.faults.commands.lost = count,
            Fault::DelayStates { count, by } => self.faults.states.late = (count, by),
            Fault::DelayCommands { count, by } => self.faults.commands.late = (count, by),
            Fault::OldStates { count } => self.faults.states.old = count,
            Fault::DuplicateStates { count } => self.faults.states.twice = count,
            Fault::DuplicateCommands { count } => self.faults.commands.twice = count,
            Fault::ReorderStates { count } => self.faults.states.overtaken = count,
            Fault::ReorderCommands { count } => self.faults.commands.overtaken = count,
            Fault::TruncateStates { count } => self.faults.states.cut_short = count,
            Fault::TruncateCommands { count } => self.faults.commands.cut_short = count,
            Fault::CorruptStates { count, with } => self.faults.corrupt = Some((with, count)),
            Fault::NoiseDatagrams { count } => self.faults.noise.1 = count,
            Fault::Reflex { error } => self.robot.reflex(Violation::of(&error)),
            Fault::UserStop(pressed) => self.robot.user_stop(pressed),
            Fault::Guide(pressed) => self.robot.guide(pressed),
            Fault::Push(torques) => self.robot.arm.push = torques,
            Fault::Freeze => self.faults.frozen = true,
            Fault::Die => self.over = true,
            // The TCP side handles these faults, and the hand has its own server.
            Fault::RejectConnect { .. }
            | Fault::SlowConnect { .. }
            | Fault::NoiseReply(_)
            | Fault::ResetConnection
            | Fault::Hand(_) => {}
        }
    }

    /// Returns the wrong value for the next state, if there is one.
    pub(super) fn next_corruption(&mut self) -> Option<Corruption> {
        let (with, left) = self.faults.corrupt.as_mut()?;
        if *left == 0 || self.client.is_none() {
            return None;
        }
        *left -= 1;
        Some(with.clone())
    }

    pub(super) fn send_noise(&mut self, state: usize) {
        let Some(client) = &self.client else { return };
        let (noise, count) = &mut self.faults.noise;
        for _ in 0..std::mem::take(count) {
            let mut bytes = [0; NOISE_ROOM];
            let length = noise.fill(&mut bytes, state);
            let noise = bytes.get(..length).unwrap_or_default();
            let _ = self.socket.send_to(noise, client.udp);
        }
    }
}
