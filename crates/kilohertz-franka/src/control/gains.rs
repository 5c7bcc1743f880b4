//! Stiffness and damping of the impedance controller.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use franka::ImpedanceGains;

/// Stiffness and damping; none is below zero.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gains {
    /// Of each joint [N m/rad].
    pub joint_stiffness: [f64; 7],
    /// Of each joint [N m s/rad].
    pub joint_damping: [f64; 7],
    /// Of the end effector along and about the axes of the base frame [N/m, N m/rad].
    pub cartesian_stiffness: [f64; 6],
    /// The same [N s/m, N m s/rad].
    pub cartesian_damping: [f64; 6],
}

impl Gains {
    /// For motions of joints: the gains of libfranka's example of joint impedance control.
    pub const JOINT: Gains = Gains::of(&ImpedanceGains::JOINT);
    /// For motions of the end effector: `franka-rs`'s, which are DROID's stiffness with more damping.
    pub const CARTESIAN: Gains = Gains::of(&ImpedanceGains::CARTESIAN);

    /// The same with another stiffness, and damping changed with its root: each axis is damped as well as
    /// before. Springs of the end effector where there are none take [`Gains::CARTESIAN`] for that.
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
