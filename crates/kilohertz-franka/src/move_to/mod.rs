//! Moving an arm to joint positions or to a pose: planned before anything moves, then a session whose
//! policy is the plan.
//!
//! The plan is in `plan.rs`. The commanded motion ends where the plan ends; a move has arrived when the measured arm
//! stands there.

pub(crate) mod plan;
pub(crate) mod profile;

use std::f64::consts::TAU;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use franka::RobotState;
use kilohertz_core::limits::{exceeds, largest};
use kilohertz_core::number::{number, number_before, number_beside};
use kilohertz_core::policy::{Answer, Ask, Policy};
use kilohertz_core::timing::time::Time;

use crate::arm::Arm;
use crate::error::{ArmError, ArmErrorCode};
use crate::kinematics::geometry::orthonormal;
use crate::kinematics::inverse::joints_for;
use crate::kinematics::model::ArmModel;
use crate::limits::DT;
use crate::move_to::plan::{NoWay, Strength, ranges};
use crate::refusal::{Refusal, finite, refuse, rigid};
use crate::state::gate::{self, Fault};
use crate::state::{joints, offset};

pub use crate::move_to::plan::{LEAST_SPEED, Plan};

/// How far from where the plan begins the arm may stand when it starts [rad].
const SAME_PLACE: f64 = 2e-3;
/// So close and slow the commanded motion has arrived [rad], [rad/s].
const ARRIVED: f64 = 1e-5;
const AT_REST: f64 = 2e-3;
/// How long that may take behind the end of the plan [s].
const PATIENCE: f64 = 5.0;
/// So slow the measured arm stands [rad/s]: what it measures is noisy.
const STANDS: f64 = 0.02;
/// A move is given up before the arm is so far behind that its session's limits end it [rad].
const FALLEN_BEHIND: f64 = 0.09;

/// Where an arm can be told to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Goal {
    /// Joint positions [rad].
    Joints([f64; 7]),
    /// `O_T_EE`: a pose of the end effector in the base frame, 4x4 column-major.
    Pose([f64; 16]),
}

impl Goal {
    /// Whether it is a place at all.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), Refusal> {
        match self {
            Goal::Joints(q) => finite("q", q),
            Goal::Pose(pose) => rigid("pose", pose),
        }
    }
}

/// libfranka's ready pose [rad]: the elbow bent, the hand pointing down.
pub const HOME: [f64; 7] = {
    use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};
    [
        0.0,
        -FRAC_PI_4,
        0.0,
        -3.0 * FRAC_PI_4,
        0.0,
        FRAC_PI_2,
        FRAC_PI_4,
    ]
};

/// How far a move has come, for those who watch it.
#[derive(Debug, Default)]
pub struct Progress {
    elapsed_ms: AtomicU64,
    arrived: AtomicBool,
    trouble: AtomicU32,
    /// Where the arm was measured and where it was to be when the plan was given up, as bits [rad].
    measured: [AtomicU64; 7],
    wanted: [AtomicU64; 7],
}

const NOT_WHERE_PLANNED: u32 = 1;
const NEVER_ARRIVED: u32 = 2;
const NOT_SETTLED: u32 = 3;
const NOT_FOLLOWING: u32 = 4;
const NOT_HELD: u32 = 5;

impl Progress {
    /// For how long it has moved, on the robot's clock [s].
    pub fn elapsed(&self) -> f64 {
        self.elapsed_ms.load(Ordering::Relaxed) as f64 * 1e-3
    }

    /// Whether the measured arm stands at the goal.
    pub fn has_arrived(&self) -> bool {
        self.arrived.load(Ordering::Acquire)
    }

    /// Why the plan was given up, if it was.
    pub fn trouble(&self) -> Option<ArmError> {
        let arrival = || NotArrived {
            q: std::array::from_fn(|i| f64::from_bits(self.measured[i].load(Ordering::Relaxed))),
            goal: std::array::from_fn(|i| f64::from_bits(self.wanted[i].load(Ordering::Relaxed))),
        };
        Some(match self.trouble.load(Ordering::Acquire) {
            NOT_WHERE_PLANNED => ArmError::new(
                ArmErrorCode::InvalidOperation,
                "the arm does not stand where it stood when the move was planned: somebody has moved it \
                 since. Call moveTo again",
            ),
            NEVER_ARRIVED => arrival().error(
                "the commanded motion never came to its end, because commands get lost all the time",
                "See to the network",
            ),
            NOT_SETTLED => arrival().error(
                "the motion is over, and the arm does not stand at its goal",
                "See what keeps it, tell it with setLoad what it carries, or allow more with toleranceRad \
                 or settleS",
            ),
            NOT_FOLLOWING => arrival().error(
                "the arm fell behind its command on the way, and was stopped",
                "See what keeps it, tell it with setLoad what it carries, or choose a lower speed",
            ),
            NOT_HELD => arrival().error(
                "the motion was over, and the arm was kept so far from its goal while it settled that it was stopped",
                "See what keeps it, or tell it with setLoad what it carries",
            ),
            _ => return None,
        })
    }

    /// Says why the plan is given up, and where the arm is. Wait-free.
    fn give_up(&self, trouble: u32, measured: &[f64; 7], wanted: &[f64; 7]) {
        for (slots, values) in [(&self.measured, measured), (&self.wanted, wanted)] {
            for (slot, value) in slots.iter().zip(values) {
                slot.store(value.to_bits(), Ordering::Relaxed);
            }
        }
        self.trouble.store(trouble, Ordering::Release);
    }
}

/// When a move has arrived.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Arrival {
    /// How far each measured joint may be from the goal [rad]. More than 0.09 is as much as that: the move is given up
    /// where a joint is further behind.
    pub tolerance: f64,
    /// How long the arm may take to stand there once the commanded motion is over.
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

/// Where an arm has ended that did not arrive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NotArrived {
    /// Measured joint positions [rad].
    pub q: [f64; 7],
    /// Where the joints were to be [rad].
    pub goal: [f64; 7],
}

impl NotArrived {
    /// Returns the joint that is furthest from its goal, counted from 0.
    pub fn joint(&self) -> usize {
        let off = |joint: usize| (self.q[joint] - self.goal[joint]).abs();
        (1..7).fold(
            0,
            |most, joint| {
                if off(joint) > off(most) { joint } else { most }
            },
        )
    }

    /// Returns how far that joint is from its goal [rad].
    pub fn difference(&self) -> f64 {
        (self.q[self.joint()] - self.goal[self.joint()]).abs()
    }

    fn error(self, what: &str, advice: &str) -> ArmError {
        let joint = self.joint();
        let (q, goal) = (self.q[joint], self.goal[joint]);
        let list = |values: [f64; 7]| values.map(|value| number(value).to_string()).join(", ");
        let message = format!(
            "{what}: joint {} was measured at {} rad, {} rad away from {} rad. Measured q is [{}], the goal [{}]. \
             {advice}",
            joint + 1,
            number_beside(q, &[goal]),
            number(self.difference()),
            number_beside(goal, &[q]),
            list(self.q),
            list(self.goal)
        );
        ArmError {
            not_arrived: Some(Box::new(self)),
            ..ArmError::new(ArmErrorCode::NotArrived, message)
        }
    }
}

/// A plan as the policy of a session with joint positions.
pub struct MovePolicy {
    plan: Plan,
    progress: Arc<Progress>,
    arrival: Arrival,
    from: Option<[f64; 7]>,
    /// When the commanded motion was over [s].
    over: Option<f64>,
    action: [f64; 7],
    answer: Answer,
    has_arrived: bool,
}

impl MovePolicy {
    /// Follows `plan`, ends its session when the arm stands at the goal, and says how it goes in `progress`.
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

    /// The same with another idea of when the arm has arrived.
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

impl Arm {
    /// Plans the way from where the arm stands to `goal` with `speed`, from [`LEAST_SPEED`] to 1: the
    /// share of the arm's velocities and accelerations that may be used, and a tenth of it of the jerk.
    /// Blocks for some milliseconds, moves nothing.
    ///
    /// # Errors
    /// [`ArmErrorCode::InvalidArgument`] for what is no speed, or no pose;
    /// [`ArmErrorCode::Unreachable`] where the goal is out of the joints' ranges or of the arm's reach, or where
    /// the arm cannot bear what it carries on the way there;
    /// [`ArmErrorCode::Protocol`] where the arm says that it stands where none can; and as
    /// [`Arm::state`].
    pub fn plan_move(&self, goal: &Goal, speed: f64) -> Result<Plan, ArmError> {
        if !(LEAST_SPEED..=1.0).contains(&speed) {
            let least = number_beside(LEAST_SPEED, &[speed]);
            let expected = format!("a number from {least} to 1");
            refuse(("speed", "speed"), speed, &[LEAST_SPEED, 1.0], expected)?;
        }
        goal.check()?;
        let state = self.while_idle("cannot move the arm", |client| client.state())?;
        gate::can_stand(self.limits(), &state).map_err(Fault::standing)?;
        gate::can_carry(&state).map_err(Fault::standing)?;
        let to = self.joints_of(goal, &state)?;
        let limits = self.limits_of_mover();
        let strength = Strength::new(self.model(), &limits, &state);
        let planned = Plan::new(&limits.joints, &strength, (state.q_d, to), speed);
        planned.map_err(|none| {
            let text = match none {
                NoWay::TooFast => {
                    "at no speed the way there keeps the arm's limits. Nothing has moved; guide the \
                     arm away from the ends of its joints' ranges by hand"
                        .to_owned()
                }
                NoWay::TooHeavy {
                    joint,
                    torque,
                    most,
                } => format!(
                    "joint {} would have to bear {} N m on the way there with the {} kg at its flange, and it \
                     can bear {} N m. Nothing has moved; choose a place nearer to the arm, or a lighter load",
                    joint + 1,
                    number_beside(torque, &[most]),
                    number(state.m_total),
                    number_beside(most, &[torque])
                ),
            };
            ArmError::new(ArmErrorCode::Unreachable, text)
        })
    }

    /// Where the joints are to go, checked against their ranges.
    fn joints_of(&self, goal: &Goal, state: &RobotState) -> Result<[f64; 7], ArmError> {
        let ranges = ranges(&self.limits_of_mover().joints);
        match goal {
            Goal::Joints(q) => {
                for (joint, (&q, (lower, upper))) in q.iter().zip(ranges).enumerate() {
                    if !(lower..=upper).contains(&q) {
                        // Radians that mean a place at all are within one turn.
                        let is_turns = q.abs() > TAU;
                        let slip = match is_turns && (lower..=upper).contains(&q.to_radians()) {
                            true => ". Is it in degrees?",
                            false => "",
                        };
                        return Err(ArmError::new(
                            ArmErrorCode::Unreachable,
                            format!(
                                "joint {} cannot go to {} rad: it may be commanded from {} to {} rad. Nothing \
                                 has moved{slip}",
                                joint + 1,
                                number_beside(q, &[lower, upper]),
                                number_before(lower, f64::NEG_INFINITY),
                                number_before(upper, f64::INFINITY)
                            ),
                        ));
                    }
                }
                Ok(*q)
            }
            Goal::Pose(pose) => {
                let model = ArmModel::new(self.generation())?;
                let pose = orthonormal(pose);
                joints_for(&model, &ranges, &state.F_T_EE, &state.q_d, &pose)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::ArmLimits;

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
                observation: &observation,
            });
            assert_eq!(policy.answer, Answer::Failed, "{value}");
            assert!(progress.trouble().is_some(), "{value}");
        }
    }

    /// What the policy answers where the arm is commanded to the goal and measured `off` from it, `after`
    /// seconds behind the plan's end; the times count up.
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
                observation: &observation,
            });
            self.policy.answer
        }

        /// The same, behind the end of the plan.
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
            assert!(text.contains("while it settled"), "{text}");
            assert!(
                !text.contains("on the way") && !text.contains("speed"),
                "{text}"
            );
        }
    }
}
