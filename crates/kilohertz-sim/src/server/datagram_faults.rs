//! Faults of the network: decides how each datagram is delivered. Pure: the server itself delays, drops and
//! repeats datagrams.

use std::time::Duration;

use crate::corruption::Corruption;
use crate::server::schedule::Schedule;

/// How one datagram is delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    Arrives,
    Lost,
    Late(Duration),
    Twice,
    /// It is overtaken by the next one.
    Overtaken,
    /// Its second half is missing.
    CutShort,
    /// It has the number of an earlier state.
    Old,
}

/// The faults of one direction, each with the number of datagrams that it still affects. If there are
/// several, they apply in the order of the fields.
#[derive(Debug, Default)]
pub(crate) struct DatagramFaults {
    pub lost: u32,
    pub late: (u32, Duration),
    pub twice: u32,
    pub overtaken: u32,
    pub cut_short: u32,
    pub old: u32,
}

impl DatagramFaults {
    /// Returns how the next datagram is delivered.
    pub fn next(&mut self) -> Delivery {
        let late = self.late.1;
        let faults = [
            (&mut self.lost, Delivery::Lost),
            (&mut self.late.0, Delivery::Late(late)),
            (&mut self.twice, Delivery::Twice),
            (&mut self.overtaken, Delivery::Overtaken),
            (&mut self.cut_short, Delivery::CutShort),
            (&mut self.old, Delivery::Old),
        ];
        for (count, delivery) in faults {
            if *count > 0 {
                *count -= 1;
                return delivery;
            }
        }
        Delivery::Arrives
    }
}

/// Meaningless bytes, which are the same in each run.
#[derive(Debug)]
pub(crate) struct Noise(u64);

impl Default for Noise {
    fn default() -> Noise {
        Noise(0x2545_f491_4f6c_dd1d)
    }
}

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Fills `room`, and returns how many of its bytes to use, which is never `but`.
    pub fn fill(&mut self, room: &mut [u8], but: usize) -> usize {
        for byte in room.iter_mut() {
            *byte = self.next() as u8;
        }
        let length = self.next() as usize % room.len();
        if length == but { length + 1 } else { length }
    }
}

/// Faults that are in force, or wait for a cycle.
#[derive(Default)]
pub(crate) struct Faults {
    pub states: DatagramFaults,
    pub commands: DatagramFaults,
    /// Meaningless datagrams, and how many of them are sent before the next state.
    pub noise: (Noise, u32),
    /// The wrong value in the next states, and in how many of them.
    pub corrupt: Option<(Corruption, u32)>,
    pub frozen: bool,
    /// Faults that wait for a cycle.
    pub schedule: Schedule,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_for_as_many_as_were_asked_for() {
        let mut faults = DatagramFaults {
            lost: 2,
            twice: 1,
            ..DatagramFaults::default()
        };
        let deliveries: Vec<_> = (0..5).map(|_| faults.next()).collect();
        assert_eq!(
            deliveries,
            [
                Delivery::Lost,
                Delivery::Lost,
                Delivery::Twice,
                Delivery::Arrives,
                Delivery::Arrives
            ]
        );
    }

    #[test]
    fn noise_never_has_the_length_of_sense() {
        let mut noise = Noise::default();
        let mut room = [0; 4];
        let lengths: Vec<_> = (0..100).map(|_| noise.fill(&mut room, 2)).collect();
        assert!(lengths.iter().all(|length| *length != 2 && *length <= 4));
        assert!(lengths.contains(&0) && lengths.contains(&3));
    }
}
