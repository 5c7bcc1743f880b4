//! Faults that wait for a cycle of a motion. Pure.

use crate::error::SimulatorError;
use crate::fault::Fault;

/// How many faults may wait.
const MOST: usize = 10_000;

/// The faults that wait for a cycle of one motion: of the running one, or of the next.
#[derive(Debug, Default)]
pub(crate) struct Schedule {
    /// Each with its cycle, in the order of the cycles. Faults of one cycle are in the order in which they came.
    waiting: Vec<(u64, Fault)>,
    /// The number of the motion; `None` if it has not started.
    motion: Option<u64>,
}

impl Schedule {
    /// Adds a fault. `now` is the running motion with its cycle.
    pub fn add(
        &mut self,
        fault: Fault,
        at: u64,
        now: Option<(u64, u64)>,
    ) -> Result<(), SimulatorError> {
        let refused = |received: String, expected: String| SimulatorError::Fault {
            fault: "at a cycle".to_owned(),
            received,
            expected,
        };
        // The first cycle lasts until the first command.
        if let Some((_, cycle)) = now
            && at <= cycle
            && cycle > 0
        {
            return Err(refused(
                format!("cycle {at}"),
                format!("a cycle after {cycle}, which the motion has reached"),
            ));
        }
        if self.waiting.len() >= MOST {
            return Err(refused(
                format!("fault {}", MOST + 1),
                format!("at most {MOST} that wait"),
            ));
        }
        let place = self.waiting.partition_point(|(cycle, _)| *cycle <= at);
        self.waiting.insert(place, (at, fault));
        Ok(())
    }

    /// Returns the next fault that is due in this motion and cycle.
    pub fn due(&mut self, (motion, cycle): (u64, u64)) -> Option<Fault> {
        self.motion = Some(motion);
        let (at, _) = self.waiting.first()?;
        (*at <= cycle).then(|| self.waiting.remove(0).1)
    }

    /// Forgets the faults of a motion that has ended; `running` is the motion that runs. Returns how many they
    /// were.
    pub fn drop_missed(&mut self, running: Option<u64>) -> usize {
        if self.motion.is_none() || self.motion == running {
            return 0;
        }
        self.clear()
    }

    /// Forgets all faults. Returns how many they were.
    pub fn clear(&mut self) -> usize {
        self.motion = None;
        let count = self.waiting.len();
        self.waiting.clear();
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drops(count: u32) -> Fault {
        Fault::DropStates { count }
    }

    #[test]
    fn faults_are_due_in_their_cycle_and_in_the_order_in_which_they_came() {
        let mut schedule = Schedule::default();
        for (at, count) in [(7, 1), (3, 2), (7, 3), (0, 4)] {
            schedule.add(drops(count), at, None).unwrap();
        }
        let mut due = Vec::new();
        for cycle in 0..9 {
            while let Some(Fault::DropStates { count }) = schedule.due((1, cycle)) {
                due.push((cycle, count));
            }
        }
        assert_eq!(due, [(0, 4), (3, 2), (7, 1), (7, 3)]);
    }

    #[test]
    fn faults_of_a_motion_that_has_ended_do_not_wait_for_the_next() {
        let mut schedule = Schedule::default();
        schedule.add(drops(1), 5, None).unwrap();
        assert_eq!(schedule.drop_missed(None), 0, "it has not started");
        assert_eq!(schedule.due((4, 0)), None);
        assert_eq!(schedule.drop_missed(Some(4)), 0);
        assert_eq!(schedule.drop_missed(None), 1);
        schedule.add(drops(1), 5, None).unwrap();
        assert_eq!(schedule.due((5, 0)), None);
        assert_eq!(schedule.drop_missed(Some(6)), 1, "another one runs");
        assert_eq!(schedule.due((6, 5)), None);
    }

    #[test]
    fn refuses_a_cycle_that_has_passed_and_too_many() {
        let mut schedule = Schedule::default();
        schedule.add(drops(1), 0, Some((1, 0))).unwrap();
        schedule.add(drops(1), 8, Some((1, 7))).unwrap();
        for at in [0, 7] {
            let refused = schedule.add(drops(1), at, Some((1, 7))).unwrap_err();
            assert_eq!(refused.code(), "SIM_FAULT");
            assert!(refused.to_string().contains("after 7"), "{refused}");
        }
        for at in 2..MOST {
            schedule.add(drops(1), at as u64, None).unwrap();
        }
        let refused = schedule.add(drops(1), 5, None).unwrap_err();
        assert!(refused.to_string().contains("at most 10000"), "{refused}");
    }
}
