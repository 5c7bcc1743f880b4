//! The gate through which an arm's states enter the loop. A state that fails it reaches neither policy nor
//! limits, nor a thread that asks for the state.
//!
//! | | allowed only if |
//! | --- | --- |
//! | what loop, limits, law or elbow read | it is finite, and an arm can have the value |
//! | `robot_mode` | it is that of an arm in a motion |
//! | `time` | it rises, by at most 1 s |
//! | `q_d`, `O_T_EE_c`, `elbow_c` | they change by no more than their velocity limits allow in that time |
//! | `O_T_EE_c`, `F_T_EE` | they are rigid transforms |
//!
//! Each bound has room for what an arm does by itself while commands get lost. Slots that no code reads may
//! have any value; those that are not finite are counted.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use std::fmt;
use std::ops::Range;

use franka::{RobotMode, RobotState};
use kilohertz_core::limits::exceeds;
use kilohertz_core::number::{number, number_beside};
use kilohertz_geometry::{norm, rigidity_error};

use crate::control::{Interface, leading};
use crate::error::{ArmError, ArmErrorCode};
use crate::kinematics::differential::ELBOW;
use crate::limits::ArmLimits;
use crate::state::{LEN, SCHEMA, offset};

/// How far the clock may step \[ms\]: as long as a client waits for a state.
const LONGEST_STEP: u64 = 1_000;
/// How far the clock may step from the state before a motion to the first state of the motion \[ms\].
const LONGEST_START: u64 = 20_000;
/// How far an arm may exceed its velocity limit while it goes on at its acceleration [rad/s, m/s]. It does
/// so for up to 20 lost commands, as many as it tolerates.
const EXTRAPOLATED: f64 = 0.5;
/// How far a rotation may exceed its velocity limit in that case [rad/s].
const EXTRAPOLATED_ROTATION: f64 = 1.0;
/// The factor for reported accelerations, which are differences of rounded velocities.
const ACCELERATIONS: f64 = 3.0;
/// The factor for measured velocities: a joint may be pushed faster than it may be commanded.
const PUSHED: f64 = 3.0;
/// The factor for desired torques: the report may include the arm's own torques.
const TORQUES: f64 = 1.5;
/// How far a joint may stand outside its range, because it was pushed there \[rad\].
const BEYOND_RANGE: f64 = 0.5;
/// The rounding error of a position in single precision [rad, m].
const ROUNDING: f64 = 1e-5;
/// How far a matrix in single precision may be from a rigid transform.
const RIGID: f64 = 1e-4;
/// The largest distance of an end effector from the flange, and from the base \[m\].
pub(crate) const FARTHEST: f64 = 10.0;
/// The largest mass \[kg\] and moment of inertia [kg m2] of anything on a flange.
const HEAVIEST: f64 = 1e3;

/// What is wrong with a state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    field: &'static str,
    index: usize,
    received: f64,
    expected: Expected,
}

#[derive(Debug, Clone, PartialEq)]
enum Expected {
    Finite,
    AtMost(f64),
    Moving,
    Risen { last: u64, most: u64 },
    Step { last: f64, most: f64 },
    Turn { most: f64 },
    Rigid,
    Looked(String),
}

impl Expected {
    /// Returns the limits that the value exceeds.
    fn limits(&self) -> Vec<f64> {
        match self {
            Expected::AtMost(most) => vec![-most, *most],
            Expected::Step { last, .. } => vec![*last],
            Expected::Risen { last, .. } => vec![seconds(*last)],
            _ => Vec::new(),
        }
    }
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 * 1e-3
}

impl Fault {
    /// Returns the fault that the check itself panicked.
    pub fn broken(panic: String) -> Fault {
        Fault {
            field: "time",
            index: 0,
            received: f64::NAN,
            expected: Expected::Looked(panic),
        }
    }
}

impl Fault {
    /// Returns the error if the state came before a motion, or without one.
    pub fn standing(self) -> ArmError {
        ArmError::new(
            ArmErrorCode::Protocol,
            format!(
                "{self}. Nothing has moved; check the arm in Desk, and that no other host sends to this \
                 one, and connect again"
            ),
        )
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fault {
            field,
            index,
            received,
            expected,
        } = self;
        if let Expected::Looked(panic) = expected {
            return write!(f, "a state of the arm could not be looked at: {panic}");
        }
        write!(
            f,
            "{field}[{index}] of the arm's state is {}; expected ",
            number_beside(*received, &expected.limits())
        )?;
        match expected {
            Expected::Finite => write!(f, "a finite number"),
            Expected::AtMost(most) => {
                write!(f, "-{0} to {0}", number_beside(*most, &[received.abs()]))
            }
            Expected::Moving => write!(f, "{}, while a motion goes on", RobotMode::Move as u8),
            Expected::Risen { last, most } => write!(
                f,
                "more than {}, and at most {} s more",
                number_beside(seconds(*last), &[*received]),
                number(seconds(*most))
            ),
            Expected::Step { last, most } => write!(
                f,
                "at most {} away from {}",
                number(*most),
                number_beside(*last, &[*received])
            ),
            Expected::Turn { most } => {
                write!(f, "a turn of at most {} rad since the last", number(*most))
            }
            Expected::Rigid => write!(f, "a rigid transform, off by at most {}", number(RIGID)),
            Expected::Looked(_) => Ok(()),
        }
    }
}

impl From<Fault> for ArmError {
    fn from(fault: Fault) -> ArmError {
        ArmError::new(
            ArmErrorCode::Protocol,
            format!(
                "{fault}. No later state of this motion was believed, and the arm was brought to rest \
                 by what it was commanded; check the arm in Desk, and that no other host sends to this \
                 one, and connect again"
            ),
        )
    }
}

/// What a state that has passed shows in comparison with the state before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Passed {
    /// Milliseconds on the arm's clock without a state.
    pub skipped: u64,
    /// How many slots are not finite, none of which any code reads.
    pub not_finite: u64,
}

/// Where a field that is read begins, and the largest magnitudes of its values.
type Read<const N: usize> = (usize, [f64; N]);

/// The gate of one motion.
pub(crate) struct Gate {
    interface: Interface,
    /// The largest magnitude of each slot's value.
    most: [f64; LEN],
    /// Whether any code reads the slot, and the ranges of slots that are read, in order.
    is_read: [bool; LEN],
    read: Vec<Range<usize>>,
    /// How far each joint, and translation, rotation and elbow, may move in a second.
    speeds: ([f64; 7], [f64; 3]),
    last: Last,
}

/// The values that the next state is compared with.
struct Last {
    /// The time of the state [ms].
    time: u64,
    is_of_motion: bool,
    q_d: [f64; 7],
    flange: [f64; 16],
    pose: [f64; 16],
    elbow: f64,
}

impl Gate {
    /// Creates the gate of a motion through `interface` of an arm with these limits. The flag is true if an
    /// impedance law reads the state too. `before` is a state from before the motion, with its slots.
    ///
    /// # Errors
    /// Returns an error if no motion can start from `before`.
    pub fn new(
        (interface, has_law): (Interface, bool),
        arm: &ArmLimits,
        before: (&RobotState, &[f64; LEN]),
    ) -> Result<Gate, Fault> {
        let mut gate = Gate {
            interface,
            most: [f64::MAX; LEN],
            is_read: [false; LEN],
            read: Vec::new(),
            speeds: speeds(arm),
            last: Last {
                time: 0,
                is_of_motion: false,
                q_d: [0.0; 7],
                flange: [f64::NAN; 16],
                pose: [f64::NAN; 16],
                elbow: 0.0,
            },
        };
        gate.read(has_law, arm);
        gate.begin(before)?;
        Ok(gate)
    }

    /// Lists every slot that is read.
    fn read(&mut self, has_law: bool, arm: &ArmLimits) {
        let joints =
            |of: fn(&kilohertz_core::limits::JointBounds) -> f64| arm.joints.map(|j| of(&j));
        let range = joints(|joint| joint.lower.abs().max(joint.upper.abs()) + BEYOND_RANGE);
        let interface = self.interface;
        let torques = has_law || interface.has_torques() || !interface.is_motion();
        self.reads((offset::time, [f64::MAX]));
        self.reads((offset::q, range));
        self.reads((offset::F_T_EE, POSE));
        if interface.is_motion() {
            self.reads((offset::q_d, range));
            self.reads((offset::dq_d, joints(|joint| joint.velocity + EXTRAPOLATED)));
            self.reads((
                offset::ddq_d,
                joints(|joint| ACCELERATIONS * joint.acceleration),
            ));
        }
        if torques {
            self.reads((offset::dq, joints(|joint| PUSHED * joint.velocity)));
            self.reads((offset::tau_J_d, arm.torque.map(|most| TORQUES * most)));
        }
        if has_law {
            self.reads((offset::m_total, [f64::MAX]));
            self.reads((offset::I_total, [f64::MAX; 9]));
            self.reads((offset::F_x_Ctotal, [f64::MAX; 3]));
        }
        let [translation, rotation, elbow] = arm.cartesian;
        if interface.control.is_cartesian() {
            let both = |[along, about]: [f64; 2]| [along, along, along, about, about, about];
            self.reads((offset::O_T_EE_c, POSE));
            self.reads((
                offset::O_dP_EE_c,
                both([
                    translation.velocity + EXTRAPOLATED,
                    rotation.velocity + EXTRAPOLATED_ROTATION,
                ]),
            ));
            self.reads((
                offset::O_ddP_EE_c,
                both([translation, rotation].map(|part| ACCELERATIONS * part.acceleration)),
            ));
        }
        if interface.has_elbow() {
            self.reads((offset::elbow_c, [range[ELBOW]]));
            self.reads((offset::delbow_c, [elbow.velocity + EXTRAPOLATED]));
            self.reads((offset::ddelbow_c, [ACCELERATIONS * elbow.acceleration]));
        }
    }

    fn reads<const N: usize>(&mut self, (offset, most): Read<N>) {
        self.most[offset..][..N].copy_from_slice(&most);
        self.is_read[offset..][..N].fill(true);
        let is_read = |slot: &usize| self.is_read[*slot];
        let mut slot = 0;
        self.read.clear();
        while let Some(first) = (slot..LEN).find(is_read) {
            slot = (first..LEN).find(|slot| !is_read(slot)).unwrap_or(LEN);
            self.read.push(first..slot);
        }
    }

    /// Begins with a state from before the motion. Slots that were not commanded then may have any finite
    /// value.
    fn begin(&mut self, (state, slots): (&RobotState, &[f64; LEN])) -> Result<(), Fault> {
        let finite = [f64::MAX; LEN];
        self.values(slots, &finite)?;
        self.rigid(slots)?;
        self.remember(state, slots, false);
        Ok(())
    }

    /// Checks a state of the motion. Returns what is wrong with it if it fails. Does not allocate.
    pub fn check(&mut self, state: &RobotState, slots: &[f64; LEN]) -> Result<Passed, Fault> {
        let not_finite = self.values(slots, &self.most)?;
        if state.robot_mode != RobotMode::Move {
            return Err(Fault {
                field: "robot_mode",
                index: 0,
                received: f64::from(state.robot_mode as u8),
                expected: Expected::Moving,
            });
        }
        let time = state.time.as_millis();
        let stepped = time.saturating_sub(self.last.time);
        let most = match self.last.is_of_motion {
            true => LONGEST_STEP,
            false => LONGEST_START,
        };
        if !(1..=most).contains(&stepped) {
            return Err(Fault {
                field: "time",
                index: 0,
                received: slots[offset::time],
                expected: Expected::Risen {
                    last: self.last.time,
                    most,
                },
            });
        }
        self.rigid(slots)?;
        if self.last.is_of_motion && self.interface.is_motion() {
            self.stepped(slots, stepped as f64 * 1e-3)?;
        }
        self.remember(state, slots, true);
        Ok(Passed {
            skipped: stepped.saturating_sub(1),
            not_finite,
        })
    }

    fn remember(&mut self, state: &RobotState, slots: &[f64; LEN], is_of_motion: bool) {
        self.last = Last {
            time: state.time.as_millis(),
            is_of_motion,
            q_d: leading(&slots[offset::q_d..]),
            flange: leading(&slots[offset::F_T_EE..]),
            pose: leading(&slots[offset::O_T_EE_c..]),
            elbow: slots[offset::elbow_c],
        };
    }

    /// Checks that the slots that are read are within `most`. Returns how many other slots are not finite.
    fn values(&self, slots: &[f64; LEN], most: &[f64; LEN]) -> Result<u64, Fault> {
        let is_beyond = self.read.iter().any(|run| {
            let bounded = slots[run.clone()].iter().zip(&most[run.clone()]);
            // The fold has no early exit, so that the compiler can vectorise it.
            bounded.fold(false, |is_beyond, (value, most)| {
                is_beyond | exceeds(value.abs(), *most)
            })
        });
        if !is_beyond && are_finite(slots) {
            return Ok(0);
        }
        self.blame(slots, most)
    }

    /// Checks a state in which a slot may be out of bounds or not finite. Also called if only the sum of
    /// finite numbers overflowed.
    #[cold]
    fn blame(&self, slots: &[f64; LEN], most: &[f64; LEN]) -> Result<u64, Fault> {
        let is_wrong = |&slot: &usize| self.is_read[slot] && exceeds(slots[slot].abs(), most[slot]);
        let Some(slot) = (0..LEN).find(is_wrong) else {
            return Ok(slots.iter().filter(|value| !value.is_finite()).count() as u64);
        };
        let finite = slots[slot].is_finite() && most[slot] < f64::MAX;
        Err(fault(
            slot,
            slots[slot],
            match finite {
                true => Expected::AtMost(most[slot]),
                false => Expected::Finite,
            },
        ))
    }

    fn rigid(&self, slots: &[f64; LEN]) -> Result<(), Fault> {
        for (first, last) in [
            (offset::F_T_EE, &self.last.flange),
            (offset::O_T_EE_c, &self.last.pose),
        ] {
            if !self.is_read[first] {
                continue;
            }
            let pose = leading(&slots[first..]);
            // If a matrix has not changed since the last state, it was checked then; the end effector's
            // frame usually stays the same.
            if pose != *last && exceeds(rigidity_error(&pose), RIGID) {
                return Err(fault(first, slots[first], Expected::Rigid));
            }
        }
        Ok(())
    }

    /// Checks that no step since the last state is longer than `time` [s] allows.
    fn stepped(&self, slots: &[f64; LEN], time: f64) -> Result<(), Fault> {
        let (joints, [along, about, elbow]) = &self.speeds;
        let no_further = |slot: usize, last: f64, speed: f64| {
            let most = speed * time + ROUNDING;
            match exceeds((slots[slot] - last).abs(), most) {
                true => Err(fault(slot, slots[slot], Expected::Step { last, most })),
                false => Ok(()),
            }
        };
        let slots_of_q_d = (offset::q_d..).zip(self.last.q_d.iter().zip(joints));
        for (slot, (last, speed)) in slots_of_q_d {
            no_further(slot, *last, *speed)?;
        }
        if self.interface.control.is_cartesian() {
            for (slot, last) in (offset::O_T_EE_c + 12..).zip(&self.last.pose[12..15]) {
                no_further(slot, *last, *along)?;
            }
            // A turn by an angle changes the nine entries of a rotation by 8 ** 0.5 sin(angle / 2), which
            // is less than 2 ** 0.5 times the angle.
            let pose = &slots[offset::O_T_EE_c..];
            let turned: [f64; 12] =
                std::array::from_fn(|entry| pose[entry] - self.last.pose[entry]);
            let most = about * time + ROUNDING;
            if exceeds(norm(&turned), std::f64::consts::SQRT_2 * most) {
                let slot = offset::O_T_EE_c;
                return Err(fault(slot, slots[slot], Expected::Turn { most }));
            }
        }
        if self.interface.has_elbow() {
            no_further(offset::elbow_c, self.last.elbow, *elbow)?;
        }
        Ok(())
    }
}

/// Returns true if the sum of the numbers of a state is finite. A number that is not finite makes it false,
/// and so can numbers that are too large to be added. The slots after `robot_mode` are flags.
fn are_finite(slots: &[f64; LEN]) -> bool {
    let (eights, rest) = slots[..offset::robot_mode].as_chunks::<8>();
    let mut sums = [0.0; 8];
    for eight in eights {
        // Indexed access lets the compiler add two numbers at a time.
        for lane in 0..8 {
            sums[lane] += eight[lane];
        }
    }
    (sums.iter().sum::<f64>() + rest.iter().sum::<f64>()).is_finite()
}

/// Checks that an arm with these limits can stand as `state` reports: its measured and desired joint
/// positions, and what is on its flange.
///
/// # Errors
/// Returns the value that no arm can have.
pub(crate) fn can_stand(arm: &ArmLimits, state: &RobotState) -> Result<(), Fault> {
    let furthest = arm
        .joints
        .map(|joint| joint.lower.abs().max(joint.upper.abs()) + BEYOND_RANGE);
    let fields = [
        (offset::q, &state.q[..], &furthest[..]),
        (offset::q_d, &state.q_d, &furthest),
        (offset::F_T_EE, &state.F_T_EE, &POSE),
    ];
    for (first, values, most) in fields {
        for (slot, (value, most)) in (first..).zip(values.iter().zip(most)) {
            if exceeds(value.abs(), *most) {
                return Err(fault(slot, *value, Expected::AtMost(*most)));
            }
        }
    }
    match exceeds(rigidity_error(&state.F_T_EE), RIGID) {
        true => Err(fault(offset::F_T_EE, state.F_T_EE[0], Expected::Rigid)),
        false => Ok(()),
    }
}

/// Checks that an arm can carry what `state` reports to be on its flange.
///
/// # Errors
/// Returns the value that no arm can have.
pub(crate) fn can_carry(state: &RobotState) -> Result<(), Fault> {
    can_have_end_effector(state)?;
    can_have(&[
        (offset::m_total, &[state.m_total], HEAVIEST),
        (offset::F_x_Ctotal, &state.F_x_Ctotal, FARTHEST),
        (offset::I_total, &state.I_total, HEAVIEST),
    ])
}

/// Checks that an arm can have the end effector that `state` reports, whatever else it carries.
///
/// # Errors
/// Returns the value that no arm can have.
pub(crate) fn can_have_end_effector(state: &RobotState) -> Result<(), Fault> {
    can_have(&[(offset::m_ee, &[state.m_ee], HEAVIEST)])
}

/// Checks that the values of fields, each given with its first slot, have at most the given magnitude.
fn can_have(fields: &[(usize, &[f64], f64)]) -> Result<(), Fault> {
    for &(first, values, most) in fields {
        for (index, value) in values.iter().enumerate() {
            if exceeds(value.abs(), most) {
                return Err(fault(
                    first.saturating_add(index),
                    *value,
                    Expected::AtMost(most),
                ));
            }
        }
    }
    Ok(())
}

/// The largest magnitudes of a pose: a rotation and a place.
const POSE: [f64; 16] = [
    2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, FARTHEST, FARTHEST, FARTHEST, 2.0,
];

fn speeds(arm: &ArmLimits) -> ([f64; 7], [f64; 3]) {
    let [translation, rotation, elbow] = arm.cartesian.map(|part| part.velocity);
    (
        arm.joints.map(|joint| joint.velocity + EXTRAPOLATED),
        [
            translation + EXTRAPOLATED,
            rotation + EXTRAPOLATED_ROTATION,
            elbow + EXTRAPOLATED,
        ],
    )
}

fn fault(slot: usize, received: f64, expected: Expected) -> Fault {
    let (field, index) = SCHEMA.locate(slot).unwrap_or(("?", slot));
    Fault {
        field,
        index,
        received,
        expected,
    }
}

#[cfg(test)]
mod tests {
    use franka::Duration;
    use franka::model::FR3_URDF;
    use proptest::prelude::*;

    use super::*;
    use crate::constants::READY;
    use crate::control::{Control, Impedance};
    use crate::state;

    fn arms() -> [ArmLimits; 2] {
        [ArmLimits::fr3(FR3_URDF).unwrap(), ArmLimits::fer()]
    }

    /// Returns an arm that stands still in a motion, at `time` \[ms\].
    fn at(time: u64) -> RobotState {
        let mut unit = [0.0; 16];
        (0..4).for_each(|i| unit[5 * i] = 1.0);
        RobotState {
            q: READY,
            q_d: READY,
            F_T_EE: unit,
            O_T_EE_c: unit,
            robot_mode: RobotMode::Move,
            time: Duration::from_millis(time),
            ..RobotState::default()
        }
    }

    fn slots(state: &RobotState) -> [f64; LEN] {
        let mut slots = [0.0; LEN];
        state::write(state, &mut slots);
        slots
    }

    fn gate_of(control: Control, arm: &ArmLimits) -> Gate {
        let interface = Interface {
            control,
            elbow: true,
            impedance: Impedance::Joint,
        };
        let before = at(5_000);
        Gate::new((interface, false), arm, (&before, &slots(&before))).unwrap()
    }

    fn check(gate: &mut Gate, state: &RobotState) -> Result<Passed, String> {
        gate.check(state, &slots(state))
            .map_err(|fault| fault.to_string())
    }

    #[test]
    fn the_clock_rises_and_by_no_more_than_a_second() {
        for (time, skipped) in [
            (5_002, Some(0)),
            (6_001, Some(999)),
            (5_001, None),
            (5_000, None),
            (0, None),
            (6_002, None),
            (1 << 40, None),
            (u64::MAX, None),
        ] {
            let mut gate = gate_of(Control::JointVelocity, &arms()[0]);
            check(&mut gate, &at(5_001)).unwrap();
            let passed = check(&mut gate, &at(time));
            match skipped {
                Some(skipped) => assert_eq!(passed.unwrap().skipped, skipped, "{time}"),
                None => assert!(passed.unwrap_err().starts_with("time[0]"), "{time}"),
            }
        }
        // An arm may take some time before a motion begins.
        let mut gate = gate_of(Control::JointVelocity, &arms()[0]);
        assert!(check(&mut gate, &at(5_000 + LONGEST_START)).is_ok());
        let mut gate = gate_of(Control::JointVelocity, &arms()[0]);
        assert!(check(&mut gate, &at(5_001 + LONGEST_START)).is_err());
    }

    #[test]
    fn no_other_mode_than_moving_passes() {
        for mode in [
            RobotMode::Other,
            RobotMode::Idle,
            RobotMode::Guiding,
            RobotMode::Reflex,
            RobotMode::UserStopped,
            RobotMode::AutomaticErrorRecovery,
        ] {
            let mut gate = gate_of(Control::Torque, &arms()[0]);
            let state = RobotState {
                robot_mode: mode,
                ..at(5_001)
            };
            let refused = check(&mut gate, &state).unwrap_err();
            assert!(refused.starts_with("robot_mode[0]"), "{refused}");
        }
    }

    #[test]
    fn a_joint_steps_no_further_than_its_velocity_limit_and_what_lost_commands_add() {
        for arm in arms() {
            for (joint, bounds) in arm.joints.iter().enumerate() {
                for passed in [1, 20, 1_000] {
                    let most = (bounds.velocity + EXTRAPOLATED) * passed as f64 * 1e-3;
                    for (share, is_good) in [(0.999, true), (-0.999, true), (1.01, false)] {
                        let mut gate = gate_of(Control::JointPosition, &arm);
                        check(&mut gate, &at(5_001)).unwrap();
                        let mut state = at(5_001 + passed);
                        // The position stays within the range, whatever the step.
                        let way = if joint == 3 { -most } else { most };
                        state.q_d[joint] += share * way.clamp(-0.6, 0.6);
                        let is_whole = way.abs() < 0.6;
                        let found = check(&mut gate, &state);
                        if is_whole {
                            assert_eq!(found.is_ok(), is_good, "{joint}, {passed}: {found:?}");
                        } else {
                            assert!(found.is_ok(), "{joint}, {passed}: {found:?}");
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn a_turned_and_a_bent_pose_do_not_pass() {
        let arm = &arms()[0];
        for (angle, is_good) in [
            (0.0, true),
            (3e-3, true),
            (-3e-3, true),
            (5e-3, false),
            (3.0, false),
        ] {
            let mut gate = gate_of(Control::CartesianPose, arm);
            check(&mut gate, &at(5_001)).unwrap();
            let mut state = at(5_002);
            let turn = [0.0, 0.0, 0.0, 0.0, angle, 0.0];
            state.O_T_EE_c = kilohertz_geometry::integrate(&state.O_T_EE_c, &turn);
            assert_eq!(check(&mut gate, &state).is_ok(), is_good, "{angle}");
        }
        let mut gate = gate_of(Control::CartesianPose, arm);
        let mut state = at(5_001);
        state.O_T_EE_c[0] = 0.999;
        assert!(check(&mut gate, &state).unwrap_err().contains("rigid"));
    }

    #[test]
    fn a_motion_does_not_begin_with_what_is_no_number() {
        let arm = &arms()[0];
        for control in Control::ALL {
            let interface = Interface {
                control,
                elbow: false,
                impedance: Impedance::Joint,
            };
            for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut before = at(1);
                before.q[6] = wrong;
                let begun = Gate::new((interface, true), arm, (&before, &slots(&before)));
                let error = begun.err().map(Fault::standing).unwrap();
                assert_eq!(error.code, ArmErrorCode::Protocol);
                assert!(error.message.starts_with("q[6]"), "{error}");
                assert!(error.message.contains("Nothing has moved"), "{error}");
            }
        }
    }

    #[test]
    fn an_arm_stands_only_where_one_can() {
        for arm in arms() {
            assert_eq!(can_stand(&arm, &at(1)), Ok(()));
            for wrong in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300, -11.0] {
                for slot in [offset::q + 1, offset::q_d + 5, offset::F_T_EE + 4] {
                    let mut state = at(1);
                    *state::number(&mut state, slot).unwrap() = wrong;
                    let refused = can_stand(&arm, &state).unwrap_err().to_string();
                    let (field, index) = SCHEMA.locate(slot).unwrap();
                    assert!(
                        refused.starts_with(&format!("{field}[{index}]")),
                        "{refused}"
                    );
                }
            }
            let mut bent = at(1);
            bent.F_T_EE[0] = 0.9;
            assert!(can_stand(&arm, &bent).is_err());
        }
    }

    proptest! {
        #[test]
        fn what_passes_is_sound_whatever_comes(
            control in proptest::sample::select(Control::ALL.to_vec()),
            states in proptest::collection::vec(
                (any::<u64>(), 0..LEN, any::<f64>(), 0_u64..1_100), 1..20,
            ),
        ) {
            let arm = &arms()[0];
            let mut gate = gate_of(control, arm);
            let mut time: u64 = 5_000;
            for (clock, slot, value, step) in states {
                let mut state = at(if clock % 7 == 0 { clock } else { time.saturating_add(step) });
                if clock % 2 == 0 && let Some(number) = state::number(&mut state, slot) {
                    *number = value;
                }
                let slots = slots(&state);
                let is_first = !gate.last.is_of_motion;
                match gate.check(&state, &slots) {
                    Ok(passed) => {
                        let now = state.time.as_millis();
                        prop_assert!(now > time);
                        let most = if is_first { LONGEST_START } else { LONGEST_STEP };
                        prop_assert!(now - time <= most);
                        prop_assert_eq!(passed.skipped, now - time - 1);
                        for slot in (0..LEN).filter(|slot| gate.is_read[*slot]) {
                            prop_assert!(slots[slot].is_finite());
                        }
                        let wrong = slots.iter().filter(|value| !value.is_finite()).count();
                        prop_assert_eq!(passed.not_finite, wrong as u64);
                        time = now;
                    }
                    Err(fault) => prop_assert!(!fault.to_string().is_empty()),
                }
            }
        }
    }
}
