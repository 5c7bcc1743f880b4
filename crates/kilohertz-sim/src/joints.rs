//! The types of values of the joints and at the end effector, for all parts of the simulator.

/// One value per joint.
pub(crate) type Joints = [f64; 7];

/// Force and torque [N, N m].
pub(crate) type Wrench = [f64; 6];

/// The pose that tests begin with: libfranka's ready pose, rounded [rad].
#[cfg(test)]
pub(crate) const READY: Joints = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785];
