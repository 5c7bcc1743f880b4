//! Numbers that several folders share.

/// The duration of one cycle [s].
pub(crate) const DT: f64 = 1e-3;
/// Highest joint torques of both generations [N m], from their URDFs and data sheets.
pub(crate) const MAX_TORQUE: [f64; 7] = [87.0, 87.0, 87.0, 87.0, 12.0, 12.0, 12.0];
/// The position of joint 4 [rad] at which either arm is stretched and its elbow flips, from libfranka.
pub(crate) const ELBOW_FLIP: f64 = -0.467_002_423_653_011;
/// The share of the limits that commands made by this package use.
pub(crate) const OWN_SHARE: f64 = 0.95;
/// The pose that tests begin with: libfranka's ready pose, rounded [rad].
#[cfg(test)]
pub(crate) const READY: [f64; 7] = [0.0, -0.785, 0.0, -2.356, 0.0, 1.571, 0.785];
