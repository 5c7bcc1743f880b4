//! Values of the joints and at the end effector, as every part of the simulator writes them.

/// One value per joint.
pub(crate) type Joints = [f64; 7];

/// Force and torque [N, N m].
pub(crate) type Wrench = [f64; 6];
