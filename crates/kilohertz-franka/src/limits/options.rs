//! What a session chooses about the limits of its arm.

use crate::limits::workspace::CartesianBox;

/// What a motion to a target may take: shares of the arm's limits, above 0 and at most 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// Of each joint's velocity.
    pub velocity: f64,
    /// Of each joint's acceleration.
    pub acceleration: f64,
    /// Of each joint's jerk.
    pub jerk: f64,
}

impl Budget {
    /// The share of the jerk for the joints by default.
    pub const JOINT_JERK: f64 = 0.1;
    /// The same for the end effector: more of it only makes the torques jump.
    pub const CARTESIAN_JERK: f64 = 0.03;
}

impl Default for Budget {
    /// Half of velocity and acceleration, a tenth of the jerk.
    fn default() -> Budget {
        Budget {
            velocity: 0.5,
            acceleration: 0.5,
            jerk: Budget::JOINT_JERK,
        }
    }
}

/// What a session chooses about the limits of its arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MotionOptions {
    /// How far a commanded joint may be from the measured one [rad].
    pub max_distance: f64,
    /// For motions to a target.
    pub budget: Budget,
    /// What the end effector stays in, if anything.
    pub fence: Option<CartesianBox>,
}

impl MotionOptions {
    /// The distance by default for an arm that torques move softly, which gives way [rad].
    pub const SOFT_DISTANCE: f64 = 0.5;
}

impl Default for MotionOptions {
    /// 0.1 rad: an arm with its usual joint stiffness of 2,000 to 3,000 N m/rad would have to give
    /// more than its highest torque at a third of that, so it has stopped following by then.
    fn default() -> MotionOptions {
        MotionOptions {
            max_distance: 0.1,
            budget: Budget::default(),
            fence: None,
        }
    }
}
