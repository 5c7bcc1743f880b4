//! The types of values of the joints and at the end effector, for all parts of the simulator.

/// One value per joint.
pub(crate) type Joints = [f64; 7];

/// Force and torque [N, N m].
pub(crate) type Wrench = [f64; 6];
