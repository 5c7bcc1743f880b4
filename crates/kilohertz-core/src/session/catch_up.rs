//! How the robot gets to the policy's actions when one cycle is not enough.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::time::Duration;

use crate::limits::Approach;

/// The robot's way to the policy's actions: how fast it goes, how long it has taken, and whether that was
/// reported.
#[derive(Debug)]
pub(super) struct CatchUp {
    /// The robot's period, and how long catching up may take.
    cycle: Duration,
    limit: Duration,
    approach: Approach,
    /// True if the robot has rested since the newest answer.
    has_rested: bool,
    /// For how many cycles the robot has been catching up, and whether that was reported.
    behind: Option<(u64, bool)>,
}

impl CatchUp {
    /// Creates the state at the start of a session, where the robot rests.
    pub fn new(cycle: Duration, limit: Duration) -> CatchUp {
        CatchUp {
            cycle,
            limit,
            approach: Approach::AfterRest,
            has_rested: true,
            behind: None,
        }
    }

    /// Returns how fast actions are approached.
    pub fn approach(&self) -> Approach {
        self.approach
    }

    /// Notes that the robot was without an action for so long that it must go on carefully.
    pub fn rested(&mut self) {
        self.approach = Approach::AfterRest;
        self.has_rested = true;
        self.behind = None;
    }

    /// Returns true if the robot has rested since the last call.
    #[inline]
    pub fn take_rested(&mut self) -> bool {
        std::mem::take(&mut self.has_rested)
    }

    /// Notes that the robot is where the policy's action is.
    #[inline]
    pub fn reached(&mut self) {
        self.approach = Approach::WithinLimits;
        self.behind = None;
    }

    /// Notes that the robot is as good as at the action, though not exactly there.
    pub fn is_near(&mut self) {
        self.behind = None;
    }

    /// Notes one more cycle of catching up. Returns true once, when it has taken too long.
    pub fn is_behind(&mut self) -> bool {
        let (cycles, is_told) = self.behind.unwrap_or((0, false));
        let tells = !is_told && self.cycle.mul_f64(cycles as f64) >= self.limit;
        self.behind = Some((cycles.saturating_add(1), is_told || tells));
        tells
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn catch_up() -> CatchUp {
        CatchUp::new(Duration::from_millis(1), Duration::from_millis(100))
    }

    #[test]
    fn tells_once_that_the_robot_has_been_on_its_way_for_too_long() {
        let mut catch_up = catch_up();
        let told: Vec<u32> = (0..1_000).filter(|_| catch_up.is_behind()).collect();
        assert_eq!(told, [100]);
    }

    #[test]
    fn counts_anew_once_it_was_there_near_or_at_rest() {
        let ends: [fn(&mut CatchUp); 3] = [CatchUp::reached, CatchUp::is_near, CatchUp::rested];
        for end in ends {
            let mut catch_up = catch_up();
            assert!((0..100).all(|_| !catch_up.is_behind()));
            end(&mut catch_up);
            assert!((0..100).all(|_| !catch_up.is_behind()));
            assert!(catch_up.is_behind());
        }
    }

    #[test]
    fn goes_carefully_after_a_rest_until_it_is_there() {
        let mut catch_up = catch_up();
        assert_eq!(catch_up.approach(), Approach::AfterRest);
        assert!(catch_up.take_rested() && !catch_up.take_rested());
        catch_up.reached();
        assert_eq!(catch_up.approach(), Approach::WithinLimits);
        catch_up.rested();
        assert_eq!(catch_up.approach(), Approach::AfterRest);
        assert!(catch_up.take_rested());
    }
}
