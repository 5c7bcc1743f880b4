//! What becomes of datagrams on their way, where a fault has been asked for. Pure: the server holds
//! back and lets go.

use std::time::Duration;

/// What becomes of one datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Arrives,
    Lost,
    Late(Duration),
    Twice,
    /// Overtaken by the one behind it.
    Overtaken,
    /// Its second half is missing.
    CutShort,
    /// With a number that was there before.
    Old,
}

/// One direction: how many of the next datagrams a fault is for. Where there are several, the first
/// here comes first.
#[derive(Debug, Default)]
pub(crate) struct Way {
    pub lost: u32,
    pub late: (u32, Duration),
    pub twice: u32,
    pub overtaken: u32,
    pub cut_short: u32,
    pub old: u32,
}

impl Way {
    /// The fate of the next datagram.
    pub fn next(&mut self) -> Fate {
        let late = self.late.1;
        let faults = [
            (&mut self.lost, Fate::Lost),
            (&mut self.late.0, Fate::Late(late)),
            (&mut self.twice, Fate::Twice),
            (&mut self.overtaken, Fate::Overtaken),
            (&mut self.cut_short, Fate::CutShort),
            (&mut self.old, Fate::Old),
        ];
        for (count, fate) in faults {
            if *count > 0 {
                *count -= 1;
                return fate;
            }
        }
        Fate::Arrives
    }
}

/// Bytes that mean nothing, the same in each run.
#[derive(Debug)]
pub(crate) struct Noise(u64);

impl Noise {
    pub fn new() -> Noise {
        Noise(0x2545_f491_4f6c_dd1d)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// Fills `room`, and says how much of it to use: never `but`.
    pub fn fill(&mut self, room: &mut [u8], but: usize) -> usize {
        for byte in room.iter_mut() {
            *byte = self.next() as u8;
        }
        let length = self.next() as usize % room.len();
        if length == but { length + 1 } else { length }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_is_for_as_many_as_were_asked_for() {
        let mut way = Way {
            lost: 2,
            twice: 1,
            ..Way::default()
        };
        let fates: Vec<_> = (0..5).map(|_| way.next()).collect();
        assert_eq!(
            fates,
            [
                Fate::Lost,
                Fate::Lost,
                Fate::Twice,
                Fate::Arrives,
                Fate::Arrives
            ]
        );
    }

    #[test]
    fn noise_never_has_the_length_of_sense() {
        let mut noise = Noise::new();
        let mut room = [0; 4];
        let lengths: Vec<_> = (0..100).map(|_| noise.fill(&mut room, 2)).collect();
        assert!(lengths.iter().all(|length| *length != 2 && *length <= 4));
        assert!(lengths.contains(&0) && lengths.contains(&3));
    }
}
