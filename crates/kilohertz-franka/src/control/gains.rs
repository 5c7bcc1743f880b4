//! Stiffness and damping of the impedance controller.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use franka::ImpedanceGains;

/// Stiffness and damping. No value is below zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gains {
    /// Stiffness of each joint [N m/rad].
    pub joint_stiffness: [f64; 7],
    /// Damping of each joint [N m s/rad].
    pub joint_damping: [f64; 7],
    /// Stiffness of the end effector along and about the axes of the base frame [N/m, N m/rad].
    pub cartesian_stiffness: [f64; 6],
    /// Damping of the end effector along and about the axes of the base frame [N s/m, N m s/rad].
    pub cartesian_damping: [f64; 6],
}

impl Gains {
    /// Gains for motions of joints: those of libfranka's example of joint impedance control.
    pub const JOINT: Gains = Gains::of(&ImpedanceGains::JOINT);
    /// Gains for motions of the end effector: those of `franka-rs`, which are DROID's stiffness with more
    /// damping.
    pub const CARTESIAN: Gains = Gains::of(&ImpedanceGains::CARTESIAN);

    /// Returns these gains with another stiffness. Damping changes with the square root of the stiffness,
    /// so that each axis is as well damped as before. For the end effector, the damping of
    /// [`Gains::CARTESIAN`] is scaled.
    pub fn with_stiffness(self, joints: Option<[f64; 7]>, cartesian: Option<[f64; 6]>) -> Gains {
        let mut gains = self;
        if let Some(joints) = joints {
            let root = |joint: usize| (joints[joint] / self.joint_stiffness[joint]).sqrt();
            gains.joint_damping =
                std::array::from_fn(|joint| self.joint_damping[joint] * root(joint));
            gains.joint_stiffness = joints;
        }
        if let Some(cartesian) = cartesian {
            let usual = Gains::CARTESIAN;
            let root = |axis: usize| (cartesian[axis] / usual.cartesian_stiffness[axis]).sqrt();
            gains.cartesian_damping =
                std::array::from_fn(|axis| usual.cartesian_damping[axis] * root(axis));
            gains.cartesian_stiffness = cartesian;
        }
        gains
    }

    const fn of(gains: &ImpedanceGains) -> Gains {
        Gains {
            joint_stiffness: gains.joint_stiffness,
            joint_damping: gains.joint_damping,
            cartesian_stiffness: gains.cartesian_stiffness,
            cartesian_damping: gains.cartesian_damping,
        }
    }
}
