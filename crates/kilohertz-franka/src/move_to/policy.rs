//! The policy that follows a plan, and the check whether its move has arrived or is given up.
//!
//! The commanded motion ends where the plan ends; a move has arrived when the measured arm stands there.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use kilohertz_core::limits::{exceeds, largest};
use kilohertz_core::number::{number, number_beside};
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::timing::time::Time;

use crate::constants::DT;
use crate::error::{ArmError, ArmErrorCode, NotArrived};
use crate::move_to::plan::Plan;
use crate::state::{joints, offset};

/// How far from the start of the plan the arm may stand when the move starts [rad].
const SAME_PLACE: f64 = 2e-3;
/// The commanded motion has arrived if it is this close [rad] and this slow [rad/s].
const ARRIVED: f64 = 1e-5;
const AT_REST: f64 = 2e-3;
/// How long that may take after the end of the plan [s].
const PATIENCE: f64 = 5.0;
/// The measured arm stands if it is slower than this [rad/s]. Measured velocities are noisy.
const STANDS: f64 = 0.02;
/// A move is given up if a joint is this far behind [rad], before the session's limits end it.
const FALLEN_BEHIND: f64 = 0.09;

/// The progress of a move, for other threads.
#[derive(Debug, Default)]
pub struct Progress {
    elapsed_ms: AtomicU64,
    arrived: AtomicBool,
    trouble: AtomicU32,
    /// When the plan was given up: where the arm was measured, and where it was meant to be, as bits [rad].
    measured: [AtomicU64; 7],
    wanted: [AtomicU64; 7],
}

const NOT_WHERE_PLANNED: u32 = 1;
const NEVER_ARRIVED: u32 = 2;
const NOT_SETTLED: u32 = 3;
const NOT_FOLLOWING: u32 = 4;
const NOT_HELD: u32 = 5;

impl Progress {
    /// Returns for how long the move has lasted on the robot's clock [s].
    pub fn elapsed(&self) -> f64 {
        self.elapsed_ms.load(Ordering::Relaxed) as f64 * 1e-3
    }

    /// Returns true if the measured arm stands at the goal.
    pub fn has_arrived(&self) -> bool {
        self.arrived.load(Ordering::Acquire)
    }

    /// Returns why the plan was given up, if it was.
    pub fn trouble(&self) -> Option<ArmError> {
        let arrival = || NotArrived {
            q: std::array::from_fn(|i| f64::from_bits(self.measured[i].load(Ordering::Relaxed))),
            goal: std::array::from_fn(|i| f64::from_bits(self.wanted[i].load(Ordering::Relaxed))),
        };
        Some(match self.trouble.load(Ordering::Acquire) {
            NOT_WHERE_PLANNED => ArmError::new(
                ArmErrorCode::InvalidOperation,
                "the arm does not stand where it stood when the move was planned: it was moved \
                 since. Call moveTo again",
            ),
            NEVER_ARRIVED => not_arrived(
                arrival(),
                "the commanded motion did not end, because commands kept getting lost",
                "Check the network",
            ),
            NOT_SETTLED => not_arrived(
                arrival(),
                "the motion is over, and the arm does not stand at its goal",
                "Check what holds it off, set its load with setLoad, or allow more with toleranceRad or \
                 settleS",
            ),
            NOT_FOLLOWING => not_arrived(
                arrival(),
                "the arm fell behind its command on the way, and was stopped",
                "Check what holds it back, set its load with setLoad, or choose a lower speed",
            ),
            NOT_HELD => not_arrived(
                arrival(),
                "the motion was over, but something held the arm too far from its goal, so it was stopped",
                "Check what holds it off, or set its load with setLoad",
            ),
            _ => return None,
        })
    }

    /// Records why the plan is given up, and where the arm is. Wait-free.
    fn give_up(&self, trouble: u32, measured: &[f64; 7], wanted: &[f64; 7]) {
        for (slots, values) in [(&self.measured, measured), (&self.wanted, wanted)] {
            for (slot, value) in slots.iter().zip(values) {
                slot.store(value.to_bits(), Ordering::Relaxed);
            }
        }
        self.trouble.store(trouble, Ordering::Release);
    }
}

/// The conditions under which a move has arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// How far each measured joint may be from the goal [rad]. A value above 0.09 has the effect of 0.09,
    /// because the move is given up if a joint is further behind.
    pub tolerance: f64,
    /// How long the arm may take to stand there after the commanded motion has ended.
    pub settling: Duration,
}

impl Default for Arrival {
    /// 10 mrad, 1 s.
    fn default() -> Arrival {
        Arrival {
            tolerance: 0.01,
            settling: Duration::from_secs(1),
        }
    }
}

/// Returns the error of a move that did not arrive.
fn not_arrived(at: NotArrived, what: &str, advice: &str) -> ArmError {
    let joint = at.joint();
    let (q, goal) = (at.q[joint], at.goal[joint]);
    let list = |values: [f64; 7]| values.map(|value| number(value).to_string()).join(", ");
    let message = format!(
        "{what}: joint {} was measured at {} rad, {} rad away from {} rad. Measured q is [{}], the goal [{}]. \
         {advice}",
        joint + 1,
        number_beside(q, &[goal]),
        number(at.difference()),
        number_beside(goal, &[q]),
        list(at.q),
        list(at.goal)
    );
    ArmError {
        not_arrived: Some(Box::new(at)),
        ..ArmError::new(ArmErrorCode::NotArrived, message)
    }
}

/// The policy of a session with joint positions that follows a plan.
pub struct MovePolicy {
    plan: Plan,
    progress: Arc<Progress>,
    arrival: Arrival,
    from: Option<[f64; 7]>,
    /// When the commanded motion ended [s].
    over: Option<f64>,
    action: [f64; 7],
    answer: Answer,
    has_arrived: bool,
}

impl MovePolicy {
    /// Creates a policy that follows `plan`, ends its session when the arm stands at the goal, and reports
    /// to `progress`.
    pub fn new(plan: Plan, progress: Arc<Progress>) -> MovePolicy {
        MovePolicy {
            action: plan.from,
            plan,
            progress,
            arrival: Arrival::default(),
            from: None,
            over: None,
            answer: Answer::None,
            has_arrived: false,
        }
    }

    /// Sets other conditions for having arrived.
    #[must_use]
    pub fn arriving(self, arrival: Arrival) -> MovePolicy {
        MovePolicy { arrival, ..self }
    }

    fn decide(&mut self, ask: &Ask<'_>) -> Result<(), u32> {
        let q = joints(ask.observation, offset::q);
        let dq = joints(ask.observation, offset::dq);
        let q_d = joints(ask.observation, offset::q_d);
        let dq_d = joints(ask.observation, offset::dq_d);
        let from = *self.from.get_or_insert(q_d);
        if exceeds(largest_difference(&from, &self.plan.from), SAME_PLACE) {
            return Err(NOT_WHERE_PLANNED);
        }
        let time = ask.time.as_secs_f64();
        let elapsed_ms = (time * 1e3).round() as u64;
        self.progress
            .elapsed_ms
            .store(elapsed_ms, Ordering::Relaxed);
        let duration = self.plan.duration();
        let is_over = time >= duration
            && largest_difference(&q_d, &self.plan.to) < ARRIVED
            && largest_difference(&dq_d, &[0.0; 7]) < AT_REST;
        if exceeds(largest_difference(&q, &q_d), FALLEN_BEHIND) {
            return Err(match is_over || self.over.is_some() {
                true => NOT_HELD,
                false => NOT_FOLLOWING,
            });
        }
        if is_over {
            let over = *self.over.get_or_insert(time);
            self.has_arrived = largest_difference(&q, &self.plan.to) <= self.arrival.tolerance
                && largest_difference(&dq, &[0.0; 7]) < STANDS;
            if !self.has_arrived && time - over >= self.arrival.settling.as_secs_f64() {
                return Err(NOT_SETTLED);
            }
        }
        if self.over.is_none() && time > duration + PATIENCE {
            return Err(NEVER_ARRIVED);
        }
        self.action = self.plan.at(&from, time + DT);
        Ok(())
    }
}

fn largest_difference(one: &[f64; 7], other: &[f64; 7]) -> f64 {
    largest((0..7).map(|i| one[i] - other[i]))
}

impl Policy for MovePolicy {
    fn request(&mut self, ask: &Ask<'_>) {
        self.answer = match self.decide(ask) {
            Ok(()) => Answer::Action(ask.question()),
            Err(trouble) => {
                let measured = joints(ask.observation, offset::q);
                self.progress.give_up(trouble, &measured, &self.plan.to);
                Answer::Failed
            }
        };
    }

    fn poll(&mut self, _until: Option<Time>, stop: &AtomicBool, action: &mut [f64]) -> Answer {
        if self.has_arrived {
            self.progress.arrived.store(true, Ordering::Release);
            stop.store(true, Ordering::Relaxed);
        }
        if let Answer::Action(_) = self.answer {
            action.copy_from_slice(&self.action);
            return std::mem::replace(&mut self.answer, Answer::None);
        }
        self.answer
    }
}

#[cfg(test)]
mod tests {
    use franka::RobotState;

    use super::*;
    use crate::limits::ArmLimits;
    use crate::move_to::HOME;
    use crate::move_to::plan::Strength;

    fn plan() -> Plan {
        let fr3 = franka::model::FR3_URDF;
        let (limits, model) = (
            ArmLimits::fr3(fr3).unwrap(),
            franka::model::Model::from_urdf(fr3).unwrap(),
        );
        let strength = Strength::new(&model, &limits, &RobotState::default());
        let way = (HOME, HOME.map(|q| q + 0.1));
        Plan::new(&limits.joints, &strength, way, 0.5).unwrap()
    }

    #[test]
    fn a_move_is_given_up_where_the_arm_says_that_it_stands_nowhere() {
        let plan = plan();
        for value in [
            f64::NAN,
            f64::INFINITY,
            -f64::INFINITY,
            1e300,
            HOME[3] + 0.01,
        ] {
            let progress = Arc::new(Progress::default());
            let mut policy = MovePolicy::new(plan.clone(), Arc::clone(&progress));
            let mut observation = vec![0.0; crate::state::LEN];
            observation[offset::q_d..offset::q_d + 7].copy_from_slice(&HOME);
            observation[offset::q_d + 3] = value;
            policy.request(&Ask {
                tick: 0,
                time: std::time::Duration::ZERO,
                period: std::time::Duration::ZERO,
                host: Time::default(),
                observation: &observation,
            });
            assert_eq!(policy.answer, Answer::Failed, "{value}");
            assert!(progress.trouble().is_some(), "{value}");
        }
    }

    /// Returns the policy's answers after the plan's end: the arm is commanded to the goal and measured
    /// `off` from it, `after` seconds after the end. The times must increase.
    struct Settling {
        policy: MovePolicy,
        progress: Arc<Progress>,
        goal: [f64; 7],
        duration: f64,
    }

    impl Settling {
        fn new(arrival: Arrival) -> Settling {
            let (plan, progress) = (plan(), Arc::new(Progress::default()));
            let (goal, duration) = (plan.goal(), plan.duration());
            let mut settling = Settling {
                policy: MovePolicy::new(plan, Arc::clone(&progress)).arriving(arrival),
                progress,
                goal,
                duration,
            };
            settling.ask(0.0, &HOME, &HOME, 0.0);
            settling
        }

        fn ask(&mut self, time: f64, q: &[f64; 7], q_d: &[f64; 7], dq: f64) -> Answer {
            let mut observation = vec![0.0; crate::state::LEN];
            observation[offset::q..offset::q + 7].copy_from_slice(q);
            observation[offset::q_d..offset::q_d + 7].copy_from_slice(q_d);
            observation[offset::dq] = dq;
            self.policy.request(&Ask {
                tick: (time * 1e3) as u64,
                time: Duration::from_secs_f64(time),
                period: Duration::from_millis(1),
                host: Time::default(),
                observation: &observation,
            });
            self.policy.answer
        }

        /// Asks the policy `after` seconds after the end of the plan.
        fn after(&mut self, after: f64, off: f64, dq: f64) -> Answer {
            let (mut q, goal) = (self.goal, self.goal);
            q[3] += off;
            self.ask(self.duration + after, &q, &goal, dq)
        }
    }

    #[test]
    fn a_move_has_arrived_when_the_measured_arm_stands_at_its_goal() {
        let mut settling = Settling::new(Arrival::default());
        for (after, off, dq, has_arrived) in [
            (0.1, 0.04, 0.0, false),
            (0.2, 0.011, 0.0, false),
            (0.3, 0.0, 0.3, false),
            (0.4, f64::NAN, 0.0, false),
            (0.5, -0.009, 0.01, true),
        ] {
            settling.after(after, off, dq);
            assert_eq!(settling.policy.has_arrived, has_arrived, "{off} {dq}");
            if off.is_nan() {
                settling = Settling::new(Arrival::default());
            }
        }
    }

    #[test]
    fn a_move_that_does_not_settle_says_where_the_arm_is() {
        let mut settling = Settling::new(Arrival::default());
        assert!(matches!(settling.after(0.1, 0.04, 0.0), Answer::Action(_)));
        assert!(matches!(settling.after(1.05, 0.04, 0.0), Answer::Action(_)));
        assert_eq!(settling.after(1.15, 0.04, 0.0), Answer::Failed);
        let error = settling.progress.trouble().unwrap();
        assert_eq!(error.code, ArmErrorCode::NotArrived);
        let arrival = error.not_arrived.as_deref().unwrap();
        assert_eq!(arrival.joint(), 3);
        assert!((arrival.difference() - 0.04).abs() < 1e-9);
        assert_eq!(arrival.goal, settling.goal);
        let text = error.to_string();
        assert!(
            text.contains("joint 4") && text.contains("0.04 rad away"),
            "{text}"
        );
        assert!(!settling.progress.has_arrived());
    }

    #[test]
    fn a_move_is_given_up_where_the_arm_falls_behind() {
        let mut settling = Settling::new(Arrival::default());
        let mut behind = HOME;
        behind[1] -= 0.095;
        assert_eq!(settling.ask(0.01, &behind, &HOME, 0.0), Answer::Failed);
        let error = settling.progress.trouble().unwrap();
        assert_eq!(error.code, ArmErrorCode::NotArrived);
        assert!(error.to_string().contains("on the way"), "{error}");
    }

    #[test]
    fn an_arm_that_is_pushed_away_after_its_motion_did_not_fall_behind_on_the_way() {
        for pushed_at in [0.1, 0.001] {
            let mut settling = Settling::new(Arrival::default());
            if pushed_at > 0.05 {
                assert!(matches!(settling.after(0.05, 0.04, 0.0), Answer::Action(_)));
            }
            assert_eq!(settling.after(pushed_at, 0.095, 0.0), Answer::Failed);
            let error = settling.progress.trouble().unwrap();
            assert_eq!(error.code, ArmErrorCode::NotArrived);
            let text = error.to_string();
            assert!(text.contains("the motion was over"), "{text}");
            assert!(
                !text.contains("on the way") && !text.contains("speed"),
                "{text}"
            );
        }
    }
}
