//! A box that the end effector stays in.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::command::interpolation::Interpolation;
use kilohertz_core::limits::{
    Approach, Judgement, Limiter, Sequence, Violation, ViolationKind, Violations, exceeds,
};

use crate::kinematics::differential::Kinematics;
use crate::state::{joints, offset};

/// What counts as rounding of a wall, and of the place in which a point outside is first seen \[m\]: the arm
/// reports single precision, whose steps are up to 6e-8.
const SAME_PLACE: f64 = 1e-6;
/// What counts as rounding of a place where it is granted in each cycle, and so adds up \[m\].
const STAYING: f64 = 1e-9;

/// How far a point may go on each axis \[m\]: as far as the walls of a box, or as far outside as it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reach {
    pub lowest: [f64; 3],
    pub highest: [f64; 3],
}

impl Reach {
    /// That of a point of which nothing is known yet.
    pub const ANYWHERE: Reach = Reach {
        lowest: [f64::NEG_INFINITY; 3],
        highest: [f64::INFINITY; 3],
    };
}

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
    /// Returns the axis on which `to` is out of `reach`, the place on that axis and the wall.
    pub(crate) fn left(&self, reach: &Reach, to: &[f64; 3]) -> Option<(usize, f64, f64)> {
        (0..3).find_map(|axis| {
            let (lowest, highest) = self.walls(axis);
            let beyond = exceeds(to[axis], reach.highest[axis]);
            let below = exceeds(-to[axis], -reach.lowest[axis]);
            if beyond {
                Some((axis, to[axis], highest))
            } else {
                below.then_some((axis, to[axis], lowest))
            }
        })
    }

    /// Returns how far a point at `place` may go, after it could go as far as `before`. A point that is
    /// outside may stay there and may come back.
    pub(crate) fn reach(&self, before: &Reach, place: &[f64; 3]) -> Reach {
        let furthest = |wall: f64, before: f64, at: f64| {
            if at > before {
                // It was not commanded there: it is lost, or somebody has pushed it.
                at + STAYING
            } else {
                // On its way back the point takes its limit along.
                before.min(wall.max(at) + SAME_PLACE)
            }
        };
        let highest = std::array::from_fn(|axis| {
            furthest(self.walls(axis).1, before.highest[axis], place[axis])
        });
        let lowest = std::array::from_fn(|axis| {
            -furthest(-self.walls(axis).0, -before.lowest[axis], -place[axis])
        });
        Reach { lowest, highest }
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
    workspace: CartesianBox,
    kinematics: Kinematics,
    /// How far the end effector may go.
    reach: Reach,
}

impl<L: Brakeable> WorkspaceLimiter<L> {
    pub fn new(inner: L, workspace: CartesianBox, kinematics: Kinematics) -> WorkspaceLimiter<L> {
        WorkspaceLimiter {
            inner,
            workspace,
            kinematics,
            reach: Reach::ANYWHERE,
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
            self.left(&q)
        })
    }

    /// Returns where the end effector leaves the box with the joints at `q`, if it does.
    fn left(&self, q: &[f64; 7]) -> Option<(usize, f64, f64)> {
        self.workspace.left(&self.reach, &self.kinematics.place(q))
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
        self.kinematics
            .frame
            .copy_from_slice(&observation[offset::F_T_EE..offset::F_T_EE + 16]);
        let path = self.inner.braking_path(observation);
        let place = self.kinematics.place(&path.q);
        self.reach = self.workspace.reach(&self.reach, &place);
        in_step
    }

    fn rates(&self, first: &mut [f64], second: &mut [f64]) {
        self.inner.rates(first, second);
    }

    fn check_answer(&self, answer: &[f64]) -> Violations {
        self.inner.check_answer(answer)
    }

    fn highest_rates(&self, coordinate: usize) -> [f64; 3] {
        self.inner.highest_rates(coordinate)
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
            self.noted(self.left(&target), action, &mut found);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::Ordering;

    use franka::model::{FR3_URDF, Model};

    use super::*;
    use crate::constants::READY;
    use crate::limits::fake::{Fake, ORDER, check};
    use crate::limits::tests::at;

    const BOX: CartesianBox = CartesianBox {
        lower: [-1.0, -2.0, 0.5],
        upper: [1.5, 3.0, 4.0],
        margin: 0.125,
    };
    /// The walls of [`BOX`].
    const WALLS: [(f64, f64); 3] = [(-0.875, 1.375), (-1.875, 2.875), (0.625, 3.875)];
    const INSIDE: [f64; 3] = [0.25, 0.5, 1.0];
    /// A box that no arm reaches the walls of.
    const WIDE: CartesianBox = CartesianBox {
        lower: [-10.0; 3],
        upper: [10.0; 3],
        margin: 0.0,
    };
    /// The length of the tool that the arm reports \[m\].
    const TOOL: f64 = 0.1;
    /// Slots 0 to 6. Joint 1 alone turns, which leads from [`READY`] towards positive y.
    const TURNING: [f64; 7] = [1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

    fn kinematics() -> Kinematics {
        let mut kinematics = Kinematics::new(Arc::new(Model::from_urdf(FR3_URDF).unwrap()));
        kinematics.frame[14] = TOOL;
        kinematics
    }

    /// Returns what an arm in [`READY`] observes, with its tool.
    fn ready() -> Vec<f64> {
        let mut observation = at(READY);
        let frame = kinematics().frame;
        observation[offset::F_T_EE..offset::F_T_EE + 16].copy_from_slice(&frame);
        observation
    }

    fn velocities() -> Fake {
        Fake::new(Interpolation::Line, ViolationKind::Velocity, 7)
    }

    fn positions() -> Fake {
        Fake::new(Interpolation::Spline, ViolationKind::Distance, 7)
    }

    /// Returns limits that observed the arm of [`ready`].
    fn in_workspace(inner: Fake, workspace: CartesianBox) -> WorkspaceLimiter<Fake> {
        let kinematics = Kinematics::new(Arc::new(Model::from_urdf(FR3_URDF).unwrap()));
        let mut limits = WorkspaceLimiter::new(inner, workspace, kinematics);
        limits.observe(&ready());
        limits
    }

    /// Returns a box with one wall, at `y`.
    fn wall_at(y: f64) -> CartesianBox {
        let mut workspace = WIDE;
        workspace.upper[1] = y;
        workspace
    }

    fn last(limits: &WorkspaceLimiter<Fake>) -> [f64; 7] {
        let mut out = [0.0; 7];
        limits.last_command(&mut out);
        out
    }

    /// Returns the y of the end effector after joint 1 turned from [`READY`] by `angle`.
    fn y_after(angle: f64) -> f64 {
        let mut q = READY;
        q[0] += angle;
        kinematics().place(&q)[1]
    }

    /// Returns where the end effector is when the joints start to brake, and then after each eighth of the
    /// time until the last of them rests. The motion is integrated in small steps.
    fn braked(path: &BrakingPath) -> Vec<[f64; 3]> {
        const STEP: f64 = 1e-5;
        let (mut q, mut dq) = (path.q, path.dq);
        let delay = (path.delay / STEP).round() as u32;
        let mut advance = |seconds_braked: f64| {
            for joint in 0..7 {
                let slower = dq[joint].abs() - path.braking[joint] * seconds_braked;
                let after = slower.max(0.0).copysign(dq[joint]);
                q[joint] += (dq[joint] + after) / 2.0 * STEP;
                dq[joint] = after;
            }
            (q, dq.iter().any(|dq| *dq != 0.0))
        };
        let mut way = vec![path.q];
        for _ in 0..delay {
            way[0] = advance(0.0).0;
        }
        loop {
            let (q, is_moving) = advance(STEP);
            way.push(q);
            if !is_moving {
                break;
            }
        }
        let kinematics = kinematics();
        let places = 8;
        let last = way.len() - 1;
        (0..=places)
            .map(|place| kinematics.place(&way[last * place / places]))
            .collect()
    }

    /// Returns motions whose joints come to rest at different times.
    fn motions() -> [BrakingPath; 6] {
        let motion = |dq, delay| BrakingPath {
            q: READY,
            dq,
            braking: [2.5, 3.0, 4.0, 1.5, 7.0, 8.0, 9.0],
            delay,
        };
        let fast = [1.5, 0.8, -0.7, 1.2, 0.0, 2.0, 0.5];
        [
            motion([1.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 0.0),
            motion([0.0, 1.2, 0.0, 0.0, 0.0, 0.0, 0.0], 0.05),
            motion([0.0, -1.2, 0.0, 0.0, 0.0, 0.0, 0.0], 0.05),
            motion([0.0, 0.0, 0.0, 1.6, 0.0, 0.0, 0.0], 0.02),
            motion(fast, 0.04),
            motion(fast.map(|dq| -dq), 0.04),
        ]
    }

    #[test]
    fn the_walls_are_the_margin_inside_the_box() {
        for (axis, walls) in WALLS.into_iter().enumerate() {
            assert_eq!(BOX.walls(axis), walls);
        }
    }

    #[test]
    fn who_is_inside_may_go_as_far_as_each_wall_but_no_further() {
        for (axis, (lowest, highest)) in WALLS.into_iter().enumerate() {
            let to = |place: f64| {
                let mut to = INSIDE;
                to[axis] = place;
                BOX.left(&BOX.reach(&Reach::ANYWHERE, &INSIDE), &to)
            };
            for inside in [lowest, lowest + 0.1, highest - 0.1, highest] {
                assert_eq!(to(inside), None);
            }
            // A millionth of a metre counts as rounding.
            assert_eq!(to(lowest - 0.9e-6), None);
            assert_eq!(to(highest + 0.9e-6), None);
            for outside in [lowest - 1.1e-6, lowest - 5.0] {
                assert_eq!(to(outside), Some((axis, outside, lowest)));
            }
            for outside in [highest + 1.1e-6, highest + 5.0] {
                assert_eq!(to(outside), Some((axis, outside, highest)));
            }
            assert!(to(f64::NAN).is_some());
        }
    }

    #[test]
    fn who_is_outside_may_stay_there_and_come_back_but_go_no_further() {
        for (axis, (lowest, highest)) in WALLS.into_iter().enumerate() {
            for (wall, outwards) in [(lowest, -1.0), (highest, 1.0)] {
                let way = |from: f64, to: f64| {
                    let at = |distance: f64| {
                        let mut place = INSIDE;
                        place[axis] = wall + outwards * distance;
                        place
                    };
                    BOX.left(&BOX.reach(&Reach::ANYWHERE, &at(from)), &at(to))
                };
                assert_eq!(way(0.5, 0.5), None);
                assert_eq!(way(0.5, 0.5 + 0.9e-6), None);
                assert!(way(0.5, 0.5 + 1.1e-6).is_some());
                assert_eq!(way(0.5, 0.25), None);
                assert_eq!(way(0.5, -0.25), None);
                let further = wall + outwards * 0.75;
                assert_eq!(way(0.5, 0.75), Some((axis, further, wall)));
                // Through the whole box and out on the other side.
                assert!(way(0.5, -9.0).is_some());
            }
        }
    }

    #[test]
    fn who_is_outside_is_granted_rounding_once_and_takes_the_limit_along_on_the_way_back() {
        let at = |y: f64| [INSIDE[0], y, INSIDE[2]];
        let (lowest, highest) = WALLS[1];
        for (wall, outwards) in [(lowest, -1.0), (highest, 1.0)] {
            let out = |distance: f64| at(wall + outwards * distance);
            let is_left = |reach: &Reach, distance| BOX.left(reach, &out(distance)).is_some();
            let mut reach = BOX.reach(&Reach::ANYWHERE, &out(0.5));
            for _ in 0..1000 {
                // As far out as is allowed, again and again.
                assert!(!is_left(&reach, 0.5 + 0.9e-6));
                reach = BOX.reach(&reach, &out(0.5 + 0.9e-6));
            }
            assert!(is_left(&reach, 0.5 + 1.1e-6));
            let mut furthest = at(reach.highest[1]);
            if outwards < 0.0 {
                furthest[1] = reach.lowest[1];
            }
            assert_eq!(BOX.reach(&reach, &furthest), reach);
            // Somebody pushes the arm: it may stay there.
            reach = BOX.reach(&reach, &out(0.6));
            assert!(!is_left(&reach, 0.6) && is_left(&reach, 0.6 + 1e-7));
            reach = BOX.reach(&reach, &out(0.2));
            assert!(!is_left(&reach, 0.2) && is_left(&reach, 0.3));
            // Inside, and at the wall, the wall counts.
            for distance in [-0.5, 0.9e-6, -0.1] {
                reach = BOX.reach(&reach, &out(distance));
                assert!(!is_left(&reach, 0.9e-6) && is_left(&reach, 1.1e-6));
            }
        }
        // Where the place is unknown, the walls count.
        let reach = BOX.reach(&BOX.reach(&Reach::ANYWHERE, &INSIDE), &at(f64::NAN));
        assert!(BOX.left(&reach, &at(highest + 1.0)).is_some());
        assert!(BOX.left(&reach, &at(lowest - 1.0)).is_some());
    }

    #[test]
    fn an_arm_outside_that_reports_its_place_in_single_precision_may_be_held_there() {
        for place in [0.35, 0.37, 0.41, 0.43] {
            let reported = f64::from(place as f32);
            let mut walls = WIDE;
            walls.upper[2] = 0.3;
            let reach = walls.reach(&Reach::ANYWHERE, &[0.1, 0.2, reported]);
            assert_eq!(walls.left(&reach, &[0.15, 0.2, place]), None);
        }
    }

    #[test]
    fn an_arm_does_not_leave_the_box_however_slowly_it_goes() {
        let wall = y_after(0.0);
        let mut limits = in_workspace(velocities(), wall_at(wall));
        let mut observation = ready();
        // Joint 1 moves the end effector by less than 0.5 mm/s.
        let action = TURNING.map(|speed| 5e-4 * speed);
        let mut steps = 0;
        let is_found = |limits: &WorkspaceLimiter<Fake>, observation: &[f64]| {
            let found = limits.check_step(observation, &action).unwrap();
            found.of(ViolationKind::Box).is_some()
        };
        while !is_found(&limits, &observation) {
            observation[offset::q] += action[0] * 1e-3;
            limits.observe(&observation);
            steps += 1;
            assert!(steps < 100, "it goes on behind {wall}");
        }
        let q = joints(&observation, offset::q);
        assert!(limits.kinematics.place(&q)[1] < wall + 2e-6);
    }

    #[test]
    fn a_braking_arm_leads_out_where_an_integrated_one_is_first_seen_beyond_a_wall() {
        let mut crossed = [[0; 2]; 3];
        for path in motions() {
            let mut limits = in_workspace(velocities(), WIDE);
            let start = limits.kinematics.place(&READY);
            let places = braked(&path);
            for axis in 0..3 {
                for (side, outwards) in [-1.0, 1.0].into_iter().enumerate() {
                    let with_wall = |limits: &mut WorkspaceLimiter<Fake>, wall: f64| {
                        limits.workspace = WIDE;
                        match outwards < 0.0 {
                            true => limits.workspace.lower[axis] = wall,
                            false => limits.workspace.upper[axis] = wall,
                        }
                        limits.reach = limits.workspace.reach(&Reach::ANYWHERE, &start);
                        limits.leads_out(&path)
                    };
                    let mut farthest = start[axis] * outwards;
                    for place in &places {
                        let reached = place[axis] * outwards;
                        if reached > farthest + 1e-3 {
                            // The wall is between this place and those before it.
                            let wall = (farthest + reached) / 2.0 * outwards;
                            let (left, at, limit) = with_wall(&mut limits, wall).unwrap();
                            assert_eq!((left, limit), (axis, wall), "{path:?}");
                            assert!((at - place[axis]).abs() < 2e-4, "{at}, {place:?}, {path:?}");
                            crossed[axis][side] += 1;
                        }
                        farthest = farthest.max(reached);
                    }
                    let just_outside = (farthest + 2e-4) * outwards;
                    assert_eq!(with_wall(&mut limits, just_outside), None, "{path:?}");
                }
            }
        }
        assert!(crossed.iter().flatten().all(|n| *n >= 5), "{crossed:?}");
    }

    #[test]
    fn a_resting_arm_leads_nowhere() {
        let limits = in_workspace(velocities(), BOX);
        let path = BrakingPath {
            q: READY,
            dq: [0.0; 7],
            braking: [2.0; 7],
            delay: 0.02,
        };
        assert_eq!(limits.leads_out(&path), None);
    }

    #[test]
    fn the_end_effector_is_where_the_reported_tool_is() {
        // It is below the box, so it reaches as far as it is.
        let mut above = WIDE;
        above.lower[2] = 9.0;
        let mut limits = in_workspace(velocities(), above);
        let lowest = |limits: &WorkspaceLimiter<Fake>| limits.reach.lowest[2];
        let expected = kinematics().place(&READY)[2];
        assert!((lowest(&limits) - expected).abs() < 2e-6);
        let mut longer = ready();
        longer[offset::F_T_EE + 14] += 0.2;
        let before = lowest(&limits);
        limits.observe(&longer);
        // The tool points down.
        let lower = before - lowest(&limits);
        assert!((lower - 0.2).abs() < 1e-3, "{lower}");
    }

    #[test]
    fn a_step_inside_the_box_is_taken_and_reported_as_it_is() {
        for agrees in [true, false] {
            let inner = Fake {
                agrees,
                ..velocities()
            };
            let mut limits = in_workspace(inner, WIDE);
            let mut out = [0.0; 7];
            let reached = limits.approach(&ready(), &TURNING, Approach::WithinLimits, &mut out);
            assert_eq!((reached, out), (agrees, TURNING));
            assert_eq!(last(&limits), TURNING);
            limits.approach(&ready(), &TURNING, Approach::AfterRest, &mut out);
            assert_eq!(out, TURNING.map(|dq| dq * 0.1));
            out = [0.0; 7];
            limits.hold(&ready(), &mut out);
            assert_eq!(out, TURNING.map(|dq| dq * 0.1));
        }
    }

    #[test]
    fn a_step_after_which_braking_would_lead_out_is_taken_back_and_the_arm_brakes() {
        // From 1 rad/s the joint brakes within 0.25 rad.
        for (wall, is_taken) in [(y_after(0.26), true), (y_after(0.24), false)] {
            let mut limits = in_workspace(velocities(), wall_at(wall));
            let before = TURNING.map(|dq| dq * 0.6);
            limits.accept(&before);
            let mut out = [0.0; 7];
            let reached = limits.approach(&ready(), &TURNING, Approach::WithinLimits, &mut out);
            assert_eq!(reached, is_taken);
            // Braking starts from the command before the step.
            let expected = match is_taken {
                true => TURNING,
                false => before.map(|dq| dq * 0.5),
            };
            assert_eq!(out, expected);
            assert_eq!(last(&limits), expected);
        }
    }

    #[test]
    fn an_arm_that_would_leave_the_box_if_it_were_held_brakes_instead() {
        let mut limits = in_workspace(velocities(), wall_at(y_after(0.24)));
        limits.accept(&TURNING);
        let mut out = [0.0; 7];
        limits.hold(&ready(), &mut out);
        assert_eq!(out, TURNING.map(|dq| dq * 0.5));
        assert_eq!(last(&limits), out);
    }

    /// Returns what the limits find beside what `inner` finds.
    fn beside(inner: &Violation, found: &Violations) -> Option<Violation> {
        assert_eq!(found.of(inner.kind), Some(*inner));
        let out = found.of(ViolationKind::Box);
        assert_eq!(found.iter().count(), 1 + usize::from(out.is_some()));
        out
    }

    #[test]
    fn a_velocity_is_refused_if_braking_after_it_would_lead_out_and_says_where() {
        let observation = ready();
        // Braked at once, joint 1 turns by 0.25 rad; if the velocity is kept to, by 0.5 rad.
        for (angle, step_leads_out, way_leads_out) in
            [(0.24, true, true), (0.3, false, true), (0.51, false, false)]
        {
            let limits = in_workspace(velocities(), wall_at(y_after(angle)));
            let inner = |check| velocities().violation(check, &observation, &TURNING);

            let found = limits.check_step(&observation, &TURNING).unwrap();
            let step = beside(&inner(check::STEP), &found);
            assert_eq!(step.is_some(), step_leads_out);
            let found = limits.check_destination(&observation, &TURNING);
            let way = beside(&inner(check::DESTINATION), &found);
            assert_eq!(way.is_some(), way_leads_out);
            for out in [step, way].into_iter().flatten() {
                assert_eq!((out.slot, out.action), (1, TURNING[1]));
                assert_eq!(out.limit, y_after(angle));
                assert!(out.received > out.limit && out.received <= y_after(0.5) + 1e-9);
            }

            // A velocity is not a place.
            let found = limits.check_place(&observation, &TURNING);
            assert_eq!(beside(&inner(check::PLACE), &found), None);
        }
    }

    #[test]
    fn a_position_is_refused_if_it_is_outside_the_box_and_says_where() {
        let observation = ready();
        let mut action = READY;
        action[0] += 0.25;
        for (angle, is_out) in [(0.24, true), (0.26, false)] {
            let limits = in_workspace(positions(), wall_at(y_after(angle)));
            let inner = |check| positions().violation(check, &observation, &action);

            let found = limits.check_place(&observation, &action);
            let out = beside(&inner(check::PLACE), &found);
            assert_eq!(out.is_some(), is_out);
            if let Some(out) = out {
                assert_eq!((out.slot, out.action), (1, action[1]));
                assert_eq!((out.received, out.limit), (y_after(0.25), y_after(angle)));
            }
        }

        // Where a position leads to is not checked a second time as its destination.
        let mut workspace = WIDE;
        workspace.lower = [5.0; 3];
        let limits = in_workspace(positions(), workspace);
        let found = limits.check_destination(&observation, &action);
        let inner = positions().violation(check::DESTINATION, &observation, &action);
        assert_eq!(beside(&inner, &found), None);
    }

    #[test]
    fn an_action_that_one_cycle_does_not_reach_is_not_reached_inside_a_box_either() {
        let inner = Fake {
            agrees: false,
            ..velocities()
        };
        assert_eq!(
            in_workspace(inner, WIDE).check_step(&ready(), &TURNING),
            None
        );
    }

    #[test]
    fn everything_else_is_what_the_limits_inside_say() {
        for agrees in [true, false] {
            let inner = Fake {
                agrees,
                ..velocities()
            };
            let mut alone = inner.clone();
            let mut limits = in_workspace(inner, wall_at(y_after(0.1)));
            let observation = ready();
            let observed = alone.observed.load(Ordering::Relaxed);
            assert_eq!(limits.observe(&observation), agrees);
            assert_eq!(alone.observed.load(Ordering::Relaxed), observed + 1);

            assert_eq!(limits.interpolation(), Interpolation::Line);
            assert_eq!(limits.motion_slots(), None);
            assert_eq!(limits.check_answer(&READY), alone.check_answer(&READY));
            assert_eq!(limits.behind(&READY), alone.behind(&READY));
            assert_eq!(limits.highest_rates(3), alone.highest_rates(3));
            let sequence = Sequence {
                answer: &READY,
                previous: &READY,
                derivatives: [&READY; 3],
                known: 3,
                ratio: 1.0,
                is_gapless: true,
                is_first: false,
                is_behind_rest: false,
            };
            let judgement = limits.judge(1, &sequence);
            assert_eq!(judgement.order, Some(ORDER));
            assert_eq!(judgement, alone.judge(1, &sequence));

            let act = |limits: &mut dyn Limiter| {
                limits.accept(&TURNING);
                let mut outs = [[0.0; 7]; 6];
                limits.last_command(&mut outs[0]);
                let [_, first, second, ..] = &mut outs;
                limits.rates(first, second);
                limits.displacement(1, &READY, &TURNING, &mut outs[3]);
                let rests = [
                    limits.brake(&observation, &mut outs[4]),
                    limits.brake_blind(&observation, &mut outs[5]),
                ];
                assert_eq!(rests, [agrees; 2]);
                outs
            };
            let outs = act(&mut limits);
            assert_eq!(outs, act(&mut alone));
            assert_eq!(outs[0], TURNING);
        }
    }

    #[test]
    fn measured_joints_brake_after_twenty_milliseconds() {
        let mut observation = ready();
        observation[offset::q_d..offset::q_d + 7].fill(9.0);
        observation[offset::dq..offset::dq + 7].copy_from_slice(&TURNING);
        let path = measured(&observation, [3.0; 7]);
        assert_eq!((path.q, path.dq), (READY, TURNING));
        assert_eq!((path.braking, path.delay), ([3.0; 7], 0.02));
    }
}
