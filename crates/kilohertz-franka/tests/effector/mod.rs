//! Policies that move the end effector.
#![allow(dead_code, reason = "each test file uses its share")]

use kilohertz_core::policy::{Ask, Native, Policy, PolicyFailed};
use kilohertz_franka::Control;

use crate::common::{self, field, numbers, ramp, smooth, whims};

/// The velocity at which the policies here move the end effector [m/s] and rotate it [rad/s].
pub const SPEED: f64 = 0.15;
pub const TURN: f64 = 0.3;

pub fn place(pose: &[f64; 16]) -> [f64; 3] {
    [pose[12], pose[13], pose[14]]
}

pub fn distance(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|i| (a[i] - b[i]).powi(2)).sum::<f64>().sqrt()
}

/// Returns `pose`, moved by `way` \[m\] and rotated about the z axis of the base \[rad\].
pub fn moved(pose: &[f64; 16], way: [f64; 3], turn: f64) -> [f64; 16] {
    let (sine, cosine) = turn.sin_cos();
    let mut next = *pose;
    for column in 0..3 {
        let (x, y) = (pose[4 * column], pose[4 * column + 1]);
        next[4 * column] = cosine * x - sine * y;
        next[4 * column + 1] = sine * x + cosine * y;
    }
    for row in 0..3 {
        next[12 + row] += way[row];
    }
    next
}

/// Moves the end effector by `by` \[m\] and rotates it by `turn` \[rad\] within `over_s`, then stays there.
pub fn move_by(control: Control, by: [f64; 3], turn: f64, over_s: f64) -> impl Policy {
    let mut start = None;
    Native::new(control.slots(), move |ask: &Ask<'_>, action: &mut [f64]| {
        let from = *start.get_or_insert_with(|| field(ask.observation, "O_T_EE_c"));
        let (way, _) = smooth(ask.tick as f64 * 1e-3 / over_s);
        let (_, rate) = smooth((ask.tick as f64 + 0.5) * 1e-3 / over_s);
        match control {
            Control::CartesianVelocity => {
                action.fill(0.0);
                for i in 0..3 {
                    action[i] = by[i] * rate / over_s;
                }
                action[5] = turn * rate / over_s;
            }
            Control::CartesianPose => {
                let pose = moved(&from, by.map(|by| by * way), turn * way);
                action.copy_from_slice(&pose);
            }
            _ => action.copy_from_slice(&moved(&from, by, turn)),
        }
        Ok(())
    })
}

/// Speeds up to [`SPEED`] along y and [`TURN`] about z, and keeps that velocity. Time is the arm's.
pub struct AtSpeed {
    control: Control,
    start: Option<(f64, [f64; 16])>,
}

impl AtSpeed {
    pub fn new(control: Control) -> AtSpeed {
        let start = None;
        AtSpeed { control, start }
    }

    pub fn act(&mut self, observation: &[f64], action: &mut [f64]) {
        let now = observation[0];
        let (began, from) = *self
            .start
            .get_or_insert_with(|| (now, field(observation, "O_T_EE_c")));
        let (time, rate) = ramp(now - began);
        match self.control {
            Control::CartesianVelocity => {
                action.fill(0.0);
                action[1] = SPEED * rate;
                action[5] = TURN * rate;
            }
            _ => {
                let pose = moved(&from, [0.0, SPEED * time, 0.0], TURN * time);
                action.copy_from_slice(&pose);
            }
        }
    }
}

pub fn at_speed(
    control: Control,
    mut meddle: impl FnMut(u64, &mut [f64]) -> Result<(), PolicyFailed> + Send + 'static,
) -> impl Policy {
    let mut policy = AtSpeed::new(control);
    Native::new(control.slots(), move |ask: &Ask<'_>, action: &mut [f64]| {
        policy.act(ask.observation, action);
        meddle(ask.tick, action)
    })
}

/// A random policy. It keeps a random target for up to half a second, and sometimes changes it in every cycle.
pub fn senseless(
    control: Control,
    seed: u64,
    mut meddle: impl FnMut(&Ask<'_>) + Send + 'static,
) -> impl Policy {
    let mut random = numbers(seed);
    let mut start = None;
    let mut wanted = [0.0; 16];
    let mut wants_another = whims();
    Native::new(control.slots(), move |ask: &Ask<'_>, action: &mut [f64]| {
        let from = *start.get_or_insert_with(|| {
            let from = field(ask.observation, "O_T_EE_c");
            if control != Control::CartesianVelocity {
                wanted = from;
            }
            from
        });
        if wants_another(&mut random) {
            if control == Control::CartesianVelocity {
                wanted = std::array::from_fn(|_| 4.0 * random());
            } else {
                let way = std::array::from_fn(|_| 1.5 * random());
                wanted = moved(&from, way, 3.0 * random());
            }
        }
        action.copy_from_slice(&wanted[..action.len()]);
        meddle(ask);
        Ok(())
    })
}

/// Returns every control mode that commands a motion, of the joints or of the end effector.
pub fn motions() -> impl Iterator<Item = Control> {
    Control::ALL
        .into_iter()
        .filter(|control| *control != Control::Torque)
}

/// A policy at speed in either kind of motion. `meddle` may change its action.
pub fn fast(
    control: Control,
    meddle: impl FnMut(u64, &mut [f64]) -> Result<(), PolicyFailed> + Send + 'static,
) -> Box<dyn Policy> {
    match control.is_cartesian() {
        true => Box::new(at_speed(control, meddle)),
        false => Box::new(common::at_speed(control, meddle)),
    }
}

/// A random policy for either kind of motion.
pub fn nonsense(control: Control, seed: u64) -> Box<dyn Policy> {
    match control.is_cartesian() {
        true => Box::new(senseless(control, seed, |_| {})),
        false => Box::new(common::senseless(control, seed, |_| {})),
    }
}
