//! The options of a session for the limits of its arm.

use crate::limits::workspace::CartesianBox;

/// What a motion to a target may use: shares of the arm's limits, above 0 and at most 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Budget {
    /// The share of each joint's velocity limit.
    pub velocity: f64,
    /// The share of each joint's acceleration limit.
    pub acceleration: f64,
    /// The share of each joint's jerk limit.
    pub jerk: f64,
}

impl Budget {
    /// The default share of the jerk for the joints.
    pub const JOINT_JERK: f64 = 0.1;
    /// The default share of the jerk for the end effector. More only makes the torques jump.
    pub const CARTESIAN_JERK: f64 = 0.03;
}

impl Default for Budget {
    /// Half of velocity and acceleration, and a tenth of the jerk.
    fn default() -> Budget {
        Budget {
            velocity: 0.5,
            acceleration: 0.5,
            jerk: Budget::JOINT_JERK,
        }
    }
}

/// The options of a session for the limits of its arm.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MotionOptions {
    /// How far a commanded joint may be from the measured one [rad].
    pub max_distance: f64,
    /// The budget of motions to a target.
    pub budget: Budget,
    /// The box that the end effector stays in, if there is one.
    pub workspace: Option<CartesianBox>,
}

impl MotionOptions {
    /// The default distance for an arm that torques move softly, which gives way [rad].
    pub const SOFT_DISTANCE: f64 = 0.5;
}

impl Default for MotionOptions {
    /// 0.1 rad. An arm with its usual joint stiffness of 2,000 to 3,000 N m/rad would need more than its
    /// highest torque at a third of that distance, so it has stopped following by then.
    fn default() -> MotionOptions {
        MotionOptions {
            max_distance: 0.1,
            budget: Budget::default(),
            workspace: None,
        }
    }
}
