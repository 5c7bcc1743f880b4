//! An independent check of what was sent to an arm: as a step from the command before it, each command
//! breaks no limit. If the arm reported another motion than it was commanded, and was believed, the step
//! counts from that motion.
//!
//! This check uses no limits but those of [`ArmLimits`], and computes derivatives by itself.

use kilohertz_geometry::{integrate, orthonormal};

use crate::control::{Control, Interface, leading};
use crate::limits::ArmLimits;
use crate::state::offset;

use super::arm::Sent;

const DT: f64 = 1e-3;
/// How far a report in single precision may differ from the command.
const SAME_PLACE: f64 = 3e-6;
const SAME_RATE: f64 = 4e-4;
/// How far an arm may exceed its limits by itself while 20 commands get lost [rad/s, m/s], and the factor
/// by which its reported acceleration may exceed the limit. The loop must not have believed anything beyond
/// that.
const BY_ITSELF: f64 = 1.0;
const REPORTED: f64 = 3.0;
/// The number of cycles in which an arm that exceeded its limits by itself comes back.
const COMING_BACK: u32 = 3_000;

/// How many possible motions of the arm are kept.
const MOST_KNOWN: usize = 40;

/// One part of a motion: a joint, or translation, rotation or elbow of the end effector.
struct Part {
    axes: std::ops::Range<usize>,
    most: [f64; 3],
}

/// A motion that the arm may be in.
#[derive(Debug, Clone, PartialEq)]
struct CheckedMotion {
    place: [f64; 17],
    rates: [f64; 7],
    acceleration: [f64; 7],
    /// For how many more cycles the arm may exceed its limits, because it went on by itself.
    beyond: u32,
}

impl CheckedMotion {
    /// Returns true if both are the same except for rounding, now and from then on.
    fn is(&self, other: &CheckedMotion) -> bool {
        let near =
            |a: &[f64], b: &[f64], most: f64| a.iter().zip(b).all(|(a, b)| (a - b).abs() <= most);
        near(&self.place, &other.place, 1e-12)
            && near(&self.rates, &other.rates, 1e-8)
            && near(&self.acceleration, &other.acceleration, 1e-4)
    }
}

struct Kind<'a> {
    arm: &'a ArmLimits,
    control: Control,
    has_elbow: bool,
}

fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

impl Kind<'_> {
    fn parts(&self) -> Vec<Part> {
        match self.control.is_cartesian() {
            true => [0..3, 3..6, 6..7]
                .into_iter()
                .zip(self.arm.cartesian)
                .map(|(axes, most)| Part {
                    axes,
                    most: [most.velocity, most.acceleration, most.jerk],
                })
                .collect(),
            false => (0..7)
                .map(|joint| {
                    let most = &self.arm.joints[joint];
                    Part {
                        axes: joint..joint + 1,
                        most: [most.velocity, most.acceleration, most.jerk],
                    }
                })
                .collect(),
        }
    }

    fn is_velocity(&self) -> bool {
        self.control.is_velocity()
    }

    /// Returns the motion that the believed slots report.
    fn reported(&self, slots: &[f64]) -> CheckedMotion {
        let mut motion = CheckedMotion {
            place: [0.0; 17],
            rates: [0.0; 7],
            acceleration: [0.0; 7],
            beyond: COMING_BACK,
        };
        if self.control.is_cartesian() {
            // The report has single precision, so the pose is rigid only up to rounding.
            let pose = orthonormal(&leading(&slots[offset::O_T_EE_c..]));
            motion.place[..16].copy_from_slice(&pose);
            motion.rates[..6].copy_from_slice(&slots[offset::O_dP_EE_c..offset::O_dP_EE_c + 6]);
            motion.acceleration[..6]
                .copy_from_slice(&slots[offset::O_ddP_EE_c..offset::O_ddP_EE_c + 6]);
            if self.has_elbow {
                motion.place[16] = slots[offset::elbow_c];
                motion.rates[6] = slots[offset::delbow_c];
                motion.acceleration[6] = slots[offset::ddelbow_c];
            }
        } else {
            motion.place[..7].copy_from_slice(&slots[offset::q_d..offset::q_d + 7]);
            motion
                .rates
                .copy_from_slice(&slots[offset::dq_d..offset::dq_d + 7]);
            motion
                .acceleration
                .copy_from_slice(&slots[offset::ddq_d..offset::ddq_d + 7]);
        }
        motion
    }

    /// Returns the displacement from one place to another.
    fn way(&self, from: &[f64; 17], to: &[f64; 17]) -> [f64; 7] {
        if !self.control.is_cartesian() {
            return std::array::from_fn(|joint| to[joint] - from[joint]);
        }
        // The skew-symmetric part of the small rotation between them is the axis times the sine of the
        // angle.
        let turn = |row: usize, column: usize| -> f64 {
            (0..3).map(|k| to[4 * k + row] * from[4 * k + column]).sum()
        };
        let skew = [
            0.5 * (turn(2, 1) - turn(1, 2)),
            0.5 * (turn(0, 2) - turn(2, 0)),
            0.5 * (turn(1, 0) - turn(0, 1)),
        ];
        let sine = length(&skew);
        let angle = sine.atan2(0.5 * (turn(0, 0) + turn(1, 1) + turn(2, 2) - 1.0));
        let scale = if sine > 1e-12 { angle / sine } else { 1.0 };
        [
            to[12] - from[12],
            to[13] - from[13],
            to[14] - from[14],
            scale * skew[0],
            scale * skew[1],
            scale * skew[2],
            to[16] - from[16],
        ]
    }

    /// Returns the motion that goes on at its acceleration.
    fn gone_on(&self, motion: &CheckedMotion, cycles: u64) -> CheckedMotion {
        let mut next = motion.clone();
        for _ in 0..cycles {
            let rates: [f64; 7] =
                std::array::from_fn(|i| next.rates[i] + next.acceleration[i] * DT);
            next.rates = rates;
            if self.control.is_cartesian() {
                let twist: [f64; 6] = std::array::from_fn(|i| rates[i] * DT);
                let pose: [f64; 16] = std::array::from_fn(|i| next.place[i]);
                next.place[..16].copy_from_slice(&integrate(&pose, &twist));
                next.place[16] += rates[6] * DT;
            } else {
                for (place, rate) in next.place.iter_mut().zip(rates) {
                    *place += rate * DT;
                }
            }
        }
        if cycles > 0 {
            next.beyond = COMING_BACK;
        }
        next
    }

    /// Returns true if both are the same within single precision.
    fn agree(&self, one: &CheckedMotion, other: &CheckedMotion) -> bool {
        let way = self.way(&one.place, &other.place);
        let off: [f64; 7] = std::array::from_fn(|i| one.rates[i] - other.rates[i]);
        // If velocities are commanded, the arm decides the place.
        (self.is_velocity() || length(&way) < SAME_PLACE) && length(&off) < SAME_RATE
    }

    /// Returns true if an arm can have this motion; nothing else may have been believed.
    fn can_be(&self, motion: &CheckedMotion) -> bool {
        let values = motion.place.iter().chain(&motion.rates);
        values
            .chain(&motion.acceleration)
            .all(|value| value.is_finite())
            && self.parts().iter().all(|part| {
                length(&motion.rates[part.axes.clone()]) <= 2.0 * (part.most[0] + BY_ITSELF)
                    && length(&motion.acceleration[part.axes.clone()])
                        <= 2.0 * REPORTED * part.most[1]
            })
    }

    /// Returns the motion after `sent`, starting from `from`, or what `sent` breaks.
    fn stepped(&self, from: &CheckedMotion, sent: &Sent) -> Result<CheckedMotion, String> {
        let mut next = from.clone();
        next.beyond = from.beyond.saturating_sub(1);
        if self.is_velocity() {
            next.rates[..sent.motion.len()].copy_from_slice(&sent.motion);
            if let Some([elbow, _]) = sent.elbow {
                next.rates[6] = (elbow - from.place[16]) / DT;
                next.place[16] = elbow;
            }
        } else {
            next.place[..sent.motion.len()].copy_from_slice(&sent.motion);
            if let Some([elbow, _]) = sent.elbow {
                next.place[16] = elbow;
            }
            next.rates = self.way(&from.place, &next.place).map(|way| way / DT);
        }
        next.acceleration = std::array::from_fn(|i| (next.rates[i] - from.rates[i]) / DT);
        let mut is_within = true;
        for (nth, part) in self.parts().iter().enumerate() {
            let of = |values: &[f64; 7]| length(&values[part.axes.clone()]);
            let [fastest, hardest, steepest] = part.most;
            let mut was = fastest;
            let mut may = fastest;
            if !self.control.is_cartesian() {
                let bounds = &self.arm.joints[nth];
                let ahead = |rate: f64| match rate > 0.0 {
                    true => bounds.upper - from.place[nth],
                    false => from.place[nth] - bounds.lower,
                };
                let bound = |rate: f64| {
                    let curve = (2.0 * bounds.deceleration * ahead(rate).max(0.0)).sqrt();
                    (curve - bounds.margin).clamp(0.0, fastest)
                };
                was = bound(from.rates[nth]);
                may = bound(next.rates[nth]);
            }
            let (speed, pull) = (of(&from.rates), of(&from.acceleration));
            let jerk: [f64; 7] =
                std::array::from_fn(|i| (next.acceleration[i] - from.acceleration[i]) / DT);
            let mut harder = hardest;
            if from.beyond > 0 {
                // An arm that exceeds its limits comes back no faster than its other limits allow; a motion to a
                // target takes a share of the jerk, and less where it begins to brake.
                let least = speed + (pull - 0.04 * steepest * DT).max(0.0) * DT;
                if least > may.min(was) {
                    may = may.max(least).max(speed);
                }
                harder = harder.max(pull);
            }
            let slack = 1.0 + 1e-6;
            for (what, is, most) in [
                ("velocity", of(&next.rates), may * slack + 1e-8),
                (
                    "acceleration",
                    of(&next.acceleration),
                    harder * slack + 1e-5,
                ),
                ("jerk", of(&jerk), steepest * slack + 1e-2),
            ] {
                if !matches!(is.partial_cmp(&most), Some(o) if o.is_le()) {
                    return Err(format!("{what} {is} of part {nth}, at most {most}"));
                }
            }
            is_within &= of(&next.rates) <= 0.9 * fastest && of(&next.acceleration) <= hardest;
            if !self.control.is_cartesian() && from.beyond == 0 {
                let bounds = &self.arm.joints[nth];
                let place = match self.is_velocity() {
                    true => from.place[nth] + next.rates[nth] * DT,
                    false => next.place[nth],
                };
                if !(bounds.lower - 1e-6..=bounds.upper + 1e-6).contains(&place) {
                    return Err(format!("position {place} of joint {nth}"));
                }
            }
        }
        if is_within && next.beyond > 0 && next.beyond < COMING_BACK - 200 {
            next.beyond = 0;
        }
        Ok(next)
    }
}

/// Asserts that nothing sent breaks a limit.
///
/// # Panics
/// Panics if something sent breaks a limit.
pub fn assert_kept(arm: &ArmLimits, interface: Interface, sent: &[Sent]) {
    for (cycle, sent) in sent.iter().enumerate() {
        let numbers = sent.motion.iter().chain(sent.elbow.iter().flatten());
        let mut numbers = numbers.chain(sent.torques.iter().flatten());
        assert!(
            numbers.all(|value| value.is_finite()),
            "cycle {cycle}: {sent:?}"
        );
    }
    if interface.is_motion() {
        motion_kept(
            &Kind {
                arm,
                control: interface.control,
                has_elbow: interface.has_elbow(),
            },
            sent,
        );
    }
    torques_kept(arm, sent);
}

fn motion_kept(kind: &Kind<'_>, sent: &[Sent]) {
    // The motions that the arm may be in, after the last command and without it.
    let mut possible: Vec<(CheckedMotion, CheckedMotion)> = Vec::new();
    let mut clock = 0.0;
    for (cycle, sent) in sent.iter().enumerate() {
        let now = sent.believed[offset::time];
        let is_news = now > clock || cycle == 0;
        let cycles = (((now - clock) / DT).round() as u64).max(1);
        clock = now;
        let reported = kind.reported(&sent.believed);
        let what = || format!("{}, cycle {cycle}", kind.control);
        let mut from: Vec<(CheckedMotion, CheckedMotion)> = Vec::new();
        if is_news {
            assert!(kind.can_be(&reported), "{}: believed {reported:?}", what());
            for (obeyed, lost) in &possible {
                for known in [kind.gone_on(obeyed, cycles - 1), kind.gone_on(lost, cycles)] {
                    if kind.agree(&known, &reported) {
                        let mut known = known;
                        if kind.is_velocity() {
                            known.place = reported.place;
                        }
                        from.push((known.clone(), known));
                    }
                }
            }
            let mut reported = reported;
            if cycle == 0 {
                reported.beyond = 0;
            } else if !from.is_empty() {
                reported.beyond = possible[0].0.beyond;
            }
            // First: of more motions than can be kept, the one that the loop believes is among those kept.
            from.insert(0, (reported.clone(), reported));
        } else {
            from.extend(
                possible
                    .iter()
                    .map(|(obeyed, _)| (obeyed.clone(), obeyed.clone())),
            );
        }
        let mut next: Vec<(CheckedMotion, CheckedMotion)> = Vec::new();
        let mut broken = Vec::new();
        for (start, lost) in &from {
            match kind.stepped(start, sent) {
                Ok(motion) => match next.iter_mut().find(|(known, _)| known.is(&motion)) {
                    Some((known, _)) => known.beyond = known.beyond.max(motion.beyond),
                    None => next.push((motion, lost.clone())),
                },
                Err(error) => broken.push(error),
            }
        }
        assert!(
            !next.is_empty(),
            "{}: {broken:?}; {:?}",
            what(),
            sent.motion
        );
        next.truncate(MOST_KNOWN);
        possible = next;
    }
}

fn torques_kept(arm: &ArmLimits, sent: &[Sent]) {
    let mut last: Option<[f64; 7]> = None;
    for (cycle, sent) in sent.iter().enumerate() {
        let Some(torques) = sent.torques else {
            return;
        };
        for joint in 0..7 {
            let reported = sent.believed[offset::tau_J_d + joint];
            assert!(
                reported.abs() <= 1.5 * arm.torque[joint],
                "cycle {cycle}: believed {reported}"
            );
            let rate = arm.torque_rate[joint] * DT * (1.0 + 1e-6);
            let from = [last.map_or(reported, |last| last[joint]), reported];
            let near = from
                .iter()
                .any(|from| (torques[joint] - from).abs() <= rate);
            let most = from.iter().fold(arm.torque[joint], |most, from| {
                most.max(from.abs() - 0.9 * rate)
            });
            assert!(
                near,
                "cycle {cycle}, joint {joint}: {torques:?} from {from:?}"
            );
            assert!(
                torques[joint].abs() <= most + 1e-9,
                "cycle {cycle}, joint {joint}: {torques:?}"
            );
        }
        last = Some(torques);
    }
}
