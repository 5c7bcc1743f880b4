//! The arm's body and its innermost controllers. They take a reference or torques, and advance the arm by one
//! millisecond.

use franka::rate_limiting::DELTA_T;

use crate::body::contact::{CollisionBehavior, Contacts};
use crate::body::dynamics::{ARMATURE, Dynamics, MAX_TORQUE, Pose};
use crate::body::payload::{Body, Frames};
use crate::body::reference::Reference;
use crate::end_effector::EndEffector;
use crate::error::SimulatorError;
use crate::generation::Generation;
use crate::joints::{Joints, Wrench};

/// Joint stiffness [N m/rad] until a client sets another one. libfranka's examples use these values.
const DEFAULT_STIFFNESS: Joints = [3000.0, 3000.0, 3000.0, 2500.0, 2500.0, 2000.0, 2000.0];
/// The lowest damping of the joint impedance controller, per moved inertia [1/s].
const LEAST_DAMPING: f64 = 5.0;

/// An arm counts as at rest if all joints are slower than this [rad/s].
const REST_VELOCITY: f64 = 1e-3;

/// An arm that may stand still does so if its joints are slower than this [rad/s] and accelerate less than
/// this [rad/s2].
const STILL: (f64, f64) = (1e-6, 1e-3);

/// The drive of the joints for one millisecond.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Drive {
    /// The joint impedance controller follows the reference.
    Internal,
    /// The client's torques without gravity [N m].
    External(Joints),
}

/// The arm now. All torques are in [N m].
#[derive(Debug)]
pub(crate) struct Arm {
    pub dynamics: Dynamics,
    pub frames: Frames,
    pub end_effector: Body,
    pub load: Body,
    pub stiffness: Joints,
    pub collision: CollisionBehavior,
    /// The torques with which a person pushes the joints [N m].
    pub push: Joints,
    pub pose: Pose,
    /// Acceleration [rad/s2].
    pub ddq: Joints,
    pub reference: Reference,
    /// Desired torques without gravity.
    pub tau_d: Joints,
    /// Torques on the link side, as the joints' sensors measure them.
    pub tau_j: Joints,
    /// Rate of `tau_j` [N m/s].
    pub dtau_j: Joints,
    /// The torques that the arm applies to its surroundings: the opposite of those that the stops and a push
    /// apply to the arm.
    pub tau_ext: Joints,
    /// `tau_ext` as a wrench at the stiffness frame, in the base frame's axes [N, N m].
    pub wrench_base: Wrench,
    /// This wrench in the stiffness frame's axes.
    pub wrench: Wrench,
    /// The present contacts and collisions.
    pub felt: Contacts,
    /// The contacts and collisions that the state reports.
    pub contacts: Contacts,
}

impl Arm {
    /// Returns an arm that stands at `q` with the end effector `worn`.
    pub fn new(
        generation: Generation,
        q: Joints,
        friction: bool,
        worn: &EndEffector,
    ) -> Result<Arm, SimulatorError> {
        let mut dynamics = Dynamics::new(generation, friction)?;
        dynamics.payload = worn.body();
        let gravity = dynamics.gravity(&q);
        Ok(Arm {
            dynamics,
            frames: Frames {
                f_t_ne: worn.F_T_NE,
                ..Frames::default()
            },
            end_effector: worn.body(),
            load: Body::default(),
            stiffness: DEFAULT_STIFFNESS,
            collision: CollisionBehavior::default(),
            push: [0.0; 7],
            pose: Pose { q, dq: [0.0; 7] },
            ddq: [0.0; 7],
            reference: Reference::at_rest(q),
            tau_d: [0.0; 7],
            tau_j: gravity,
            dtau_j: [0.0; 7],
            tau_ext: [0.0; 7],
            wrench_base: [0.0; 6],
            wrench: [0.0; 6],
            felt: Contacts::default(),
            contacts: Contacts::default(),
        })
    }

    /// Puts `load` on the flange, both in the arm's dynamics and in its own model.
    pub fn set_load(&mut self, load: Body) {
        self.load = load;
        self.dynamics.payload = self.end_effector.with(&load);
    }

    /// Whether neither the reference nor the arm moves.
    pub fn is_at_rest(&self) -> bool {
        self.reference.is_at_rest() && self.pose.dq.iter().all(|dq| dq.abs() < REST_VELOCITY)
    }

    /// Whether the arm stands still to the last bit, so that it does not matter for how long.
    pub fn is_still(&self) -> bool {
        self.reference.is_at_rest() && self.pose.dq == [0.0; 7]
    }

    /// Puts the arm at `q`, at rest. Nothing touches it.
    pub fn stand(&mut self, q: Joints) {
        self.push = [0.0; 7];
        self.pose = Pose { q, dq: [0.0; 7] };
        self.ddq = [0.0; 7];
        self.reference = Reference::at_rest(q);
        self.tau_d = [0.0; 7];
        self.tau_j = self.dynamics.gravity(&q);
        self.dtau_j = [0.0; 7];
        self.tau_ext = [0.0; 7];
        self.wrench_base = [0.0; 6];
        self.wrench = [0.0; 6];
        self.felt = Contacts::default();
        self.contacts = Contacts::default();
    }

    /// Returns the end effector in the base frame at `q`, 4x4 column-major \[m\].
    pub fn pose_of(&self, q: &Joints) -> [f64; 16] {
        self.dynamics.end_effector(q, &self.frames.f_t_ee())
    }

    /// Sets the reference to the measured position and velocity of the arm.
    pub fn reference_from_measured(&mut self) {
        self.reference = Reference {
            q: self.pose.q,
            dq: self.pose.dq,
            ddq: [0.0; 7],
        };
    }

    /// Advances the arm by one millisecond. The motors add gravity to the torques of the drive, and saturate
    /// at their limits. If `may_stand_still`, an arm that hardly moves any more stops to the last bit.
    pub fn advance(&mut self, drive: Drive, may_stand_still: bool) {
        self.tau_d = match drive {
            Drive::Internal => self.impedance(),
            Drive::External(tau) => tau,
        };
        let gravity = self.dynamics.gravity(&self.pose.q);
        let motor: Joints = std::array::from_fn(|i| {
            (self.tau_d[i] + gravity[i]).clamp(-MAX_TORQUE[i], MAX_TORQUE[i])
        });
        let felt: Joints = std::array::from_fn(|i| motor[i] + self.push[i]);
        let (mut pose, mut ddq) = self.dynamics.step(&self.pose, &felt, DELTA_T);
        let stands =
            may_stand_still && self.reference.is_at_rest() && is_almost_still(&pose.dq, &ddq);
        if stands {
            (pose.q, pose.dq, ddq) = (self.pose.q, [0.0; 7], [0.0; 7]);
        }
        self.pose = pose;
        self.ddq = ddq;
        let friction = self.dynamics.friction(&pose.dq);
        let tau_j: Joints = std::array::from_fn(|i| motor[i] - ARMATURE[i] * ddq[i] - friction[i]);
        self.dtau_j = match stands {
            true => [0.0; 7],
            false => std::array::from_fn(|i| (tau_j[i] - self.tau_j[i]) / DELTA_T),
        };
        self.tau_j = tau_j;
        self.feel();
    }

    /// Updates the external torques. Their sign is that of `tau_j` minus the model's torques.
    fn feel(&mut self) {
        let (q, frames, dynamics) = (&self.pose.q, &self.frames, &self.dynamics);
        let stops = dynamics.stops(&self.pose);
        self.tau_ext = std::array::from_fn(|i| 0.0 - stops[i] - self.push[i]);
        self.wrench_base = dynamics.wrench(q, frames, &self.tau_ext);
        self.wrench = dynamics.in_stiffness_axes(q, frames, &self.wrench_base);
        let thresholds = self.collision.at(&self.reference.ddq);
        self.felt = Contacts::of(&self.tau_ext, &self.wrench, thresholds);
        self.contacts = self.felt.after(&self.contacts);
    }

    /// Returns the torques without gravity that follow the reference: the model's feedforward, and a spring
    /// and a critical damper on the remaining error.
    fn impedance(&self) -> Joints {
        let mass = self.dynamics.mass(&self.pose.q);
        let coriolis = self.dynamics.coriolis(&self.pose);
        let Reference { q, dq, ddq } = &self.reference;
        let friction = self.dynamics.friction(dq);
        std::array::from_fn(|i| {
            let inertia: f64 = (0..7).map(|j| mass[i][j] * ddq[j]).sum();
            let stiffness = self.stiffness[i];
            let damping = 2.0 * (stiffness * mass[i][i]).sqrt() + LEAST_DAMPING * mass[i][i];
            // The reference is for the end of this millisecond, the pose is from its beginning.
            let behind = q[i] - dq[i] * DELTA_T - self.pose.q[i];
            let slow = dq[i] - ddq[i] * DELTA_T - self.pose.dq[i];
            inertia + coriolis[i] + friction[i] + stiffness * behind + damping * slow
        })
    }
}

fn is_almost_still(dq: &Joints, ddq: &Joints) -> bool {
    let (slow, weak) = STILL;
    dq.iter().all(|dq| dq.abs() <= slow) && ddq.iter().all(|ddq| ddq.abs() <= weak)
}
