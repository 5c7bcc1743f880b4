//! A box that the end effector stays in.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::limits::{
    Approach, Judgement, Limiter, Sequence, Violation, ViolationKind, Violations, exceeds,
};

use crate::kinematics::differential::Kinematics;
use crate::state::{joints, offset};

/// A box in the base frame that the origin of the end effector frame stays in.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CartesianBox {
    /// The lowest corner \[m\].
    pub lower: [f64; 3],
    /// The highest corner \[m\].
    pub upper: [f64; 3],
    /// How far inside the walls commands stay \[m\]. The arm itself follows a little behind the commands,
    /// and goes on for a while if commands get lost.
    pub margin: f64,
}

impl CartesianBox {
    /// Returns the axis on which the way from `from` to `to` leaves the box, the place on that axis and the
    /// wall. A point that is already outside may stay there and may come back.
    pub(crate) fn left(&self, from: &[f64; 3], to: &[f64; 3]) -> Option<(usize, f64, f64)> {
        const ROUNDING: f64 = 1e-6;
        (0..3).find_map(|axis| {
            let (lowest, highest) = self.walls(axis);
            let beyond = exceeds(to[axis], highest.max(from[axis]) + ROUNDING);
            let below = exceeds(-to[axis], ROUNDING - lowest.min(from[axis]));
            if beyond {
                Some((axis, to[axis], highest))
            } else {
                below.then_some((axis, to[axis], lowest))
            }
        })
    }

    /// Returns the lowest and the highest allowed place on an axis.
    pub(crate) fn walls(&self, axis: usize) -> (f64, f64) {
        (
            self.lower[axis] + self.margin,
            self.upper[axis] - self.margin,
        )
    }
}

/// The positions and velocities of the joints, and how they brake.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BrakingPath {
    pub q: [f64; 7],
    pub dq: [f64; 7],
    /// The deceleration of each joint [rad/s2].
    pub braking: [f64; 7],
    /// How long it takes until the joints brake \[s\].
    pub delay: f64,
}

/// Limits of joints that a [`WorkspaceLimiter`] can wrap.
pub(crate) trait Brakeable: Limiter + Clone {
    /// Returns how the joints would brake after the last command. In torque control the measured joints
    /// count.
    fn braking_path(&self, observation: &[f64]) -> BrakingPath;

    /// Returns how the joints would brake after `action`.
    fn braking_path_with(&self, observation: &[f64], action: &[f64]) -> BrakingPath;

    /// Returns how the joints would brake if `action` is kept to. The acceleration towards `action` is
    /// ignored.
    fn braking_path_along(&self, observation: &[f64], action: &[f64]) -> BrakingPath;

    /// Returns the positions that an action commands, if it commands positions.
    fn target(&self, action: &[f64]) -> Option<[f64; 7]>;
}

/// How many places of a braking motion are checked.
pub(crate) const PLACES: u32 = 8;

/// Limits of joints that also keep the end effector inside a box: no step is taken after which braking
/// would lead out of it.
#[derive(Clone)]
pub(crate) struct WorkspaceLimiter<L> {
    inner: L,
    fence: CartesianBox,
    reach: Kinematics,
    /// The present place of the end effector.
    place: [f64; 3],
}

impl<L: Brakeable> WorkspaceLimiter<L> {
    pub fn new(inner: L, fence: CartesianBox, reach: Kinematics) -> WorkspaceLimiter<L> {
        WorkspaceLimiter {
            inner,
            fence,
            reach,
            place: [0.0; 3],
        }
    }

    /// Returns where braking along `path` leaves the box, if it does.
    fn leads_out(&self, path: &BrakingPath) -> Option<(usize, f64, f64)> {
        let times = path.dq.map(|dq| dq.abs());
        let longest = (0..7)
            .map(|i| times[i] / path.braking[i])
            .fold(0.0, f64::max);
        (0..=PLACES).find_map(|place| {
            let time = longest * f64::from(place) / f64::from(PLACES);
            let q = std::array::from_fn(|i| {
                let stop = path.dq[i].abs() / path.braking[i];
                let time = time.min(stop);
                let way = path.delay + time - 0.5 * time * time / stop.max(1e-9);
                path.q[i] + path.dq[i] * way
            });
            self.fence.left(&self.place, &self.reach.place(&q))
        })
    }

    fn noted(&self, out: Option<(usize, f64, f64)>, action: &[f64], found: &mut Violations) {
        if let Some((axis, received, limit)) = out {
            found.note(Violation {
                kind: ViolationKind::Box,
                slot: axis,
                action: action[axis],
                received,
                limit,
                joint: None,
                flaw: None,
            });
        }
    }

    /// Takes the step of `step`, or brakes if the arm could not brake inside the box after that step.
    fn inside(
        &mut self,
        observation: &[f64],
        out: &mut [f64],
        step: impl FnOnce(&mut L, &mut [f64]) -> bool,
    ) -> bool {
        let before = self.inner.clone();
        let done = step(&mut self.inner, out);
        let path = self.inner.braking_path(observation);
        if self.leads_out(&path).is_none() {
            return done;
        }
        self.inner = before;
        self.inner.brake(observation, out);
        false
    }
}

impl<L: Brakeable> Limiter for WorkspaceLimiter<L> {
    fn interpolation(&self) -> Interpolation {
        self.inner.interpolation()
    }

    fn last_command(&self, out: &mut [f64]) {
        self.inner.last_command(out);
    }

    fn observe(&mut self, observation: &[f64]) -> bool {
        let in_step = self.inner.observe(observation);
        self.reach
            .frame
            .copy_from_slice(&observation[offset::F_T_EE..offset::F_T_EE + 16]);
        let path = self.inner.braking_path(observation);
        self.place = self.reach.place(&path.q);
        in_step
    }

    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        self.inner.rates(first, second);
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        self.inner.check_answer(answer)
    }

    fn displacement(&self, part: usize, from: &[f64], to: &[f64], out: &mut [f64]) {
        self.inner.displacement(part, from, to, out);
    }

    fn judge(&mut self, part: usize, sequence: &Sequence<'_>) -> Judgement {
        self.inner.judge(part, sequence)
    }

    fn check_place(&self, observation: &[f64], action: &[f64]) -> Violations {
        let mut found = self.inner.check_place(observation, action);
        if let Some(target) = self.inner.target(action) {
            let out = self.fence.left(&self.place, &self.reach.place(&target));
            self.noted(out, action, &mut found);
        }
        found
    }

    fn check_step(&self, observation: &[f64], action: &[f64]) -> Option<Violations> {
        let mut found = self.inner.check_step(observation, action)?;
        let out = self.leads_out(&self.inner.braking_path_with(observation, action));
        self.noted(out, action, &mut found);
        Some(found)
    }

    fn check_destination(&self, observation: &[f64], action: &[f64]) -> Violations {
        let mut found = self.inner.check_destination(observation, action);
        // For a position, its value alone shows where it leads, and that is checked elsewhere.
        if self.inner.target(action).is_none() {
            let out = self.leads_out(&self.inner.braking_path_along(observation, action));
            self.noted(out, action, &mut found);
        }
        found
    }

    fn accept(&mut self, action: &[f64]) {
        self.inner.accept(action);
    }

    fn approach(
        &mut self,
        observation: &[f64],
        action: &[f64],
        approach: Approach,
        out: &mut [f64],
    ) -> bool {
        self.inside(observation, out, |inner, out| {
            inner.approach(observation, action, approach, out)
        })
    }

    fn behind(&self, action: &[f64]) -> Option<(usize, f64)> {
        self.inner.behind(action)
    }

    fn hold(&mut self, observation: &[f64], out: &mut [f64]) {
        self.inside(observation, out, |inner, out| {
            inner.hold(observation, out);
            true
        });
    }

    fn brake(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        self.inner.brake(observation, out)
    }

    fn brake_blind(&mut self, observation: &[f64], out: &mut [f64]) -> bool {
        self.inner.brake_blind(observation, out)
    }
}

/// Returns the braking path of the measured joints.
pub(crate) fn measured(observation: &[f64], braking: [f64; 7]) -> BrakingPath {
    BrakingPath {
        q: joints(observation, offset::q),
        dq: joints(observation, offset::dq),
        braking,
        delay: 0.02,
    }
}
