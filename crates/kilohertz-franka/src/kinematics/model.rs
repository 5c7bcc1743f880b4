//! The rigid-body model of an arm: it is computed here, without asking the arm.

use franka::model::{DEFAULT_GRAVITY_EARTH, Frame, Model};

use crate::error::{ArmError, ArmErrorCode};
use crate::generation::Generation;

/// The quantities that can be computed. Matrices are column-major; frames are libfranka's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// Pose of a frame in the base frame: 4x4.
    Pose(Frame),
    /// Jacobian of a frame, in that frame: 6x7, linear above angular.
    BodyJacobian(Frame),
    /// Jacobian of a frame, in the axes of the base frame: 6x7, linear above angular.
    ZeroJacobian(Frame),
    /// Mass matrix [kg m2]: 7x7.
    Mass,
    /// Coriolis and centrifugal torques [N m]: 7.
    Coriolis,
    /// Gravity torques [N m]: 7.
    Gravity,
}

impl Quantity {
    /// Each quantity with its name in the TypeScript API, in the order of their numbers. Quantities of a
    /// frame are listed with any frame.
    pub const NAMED: [(&str, Quantity); 6] = [
        ("pose", Quantity::Pose(Frame::Flange)),
        ("bodyJacobian", Quantity::BodyJacobian(Frame::Flange)),
        ("zeroJacobian", Quantity::ZeroJacobian(Frame::Flange)),
        ("mass", Quantity::Mass),
        ("coriolis", Quantity::Coriolis),
        ("gravity", Quantity::Gravity),
    ];

    /// Returns how many numbers the quantity has.
    pub const fn len(self) -> usize {
        match self {
            Quantity::Pose(_) => 16,
            Quantity::BodyJacobian(_) | Quantity::ZeroJacobian(_) => 42,
            Quantity::Mass => 49,
            Quantity::Coriolis | Quantity::Gravity => 7,
        }
    }

    /// Returns false: every quantity has numbers.
    pub const fn is_empty(self) -> bool {
        false
    }

    /// Returns the quantity with this number, in the order of [`Quantity::NAMED`], for the frame with this
    /// number, in libfranka's order; `None` if a number does not exist.
    pub fn numbered(quantity: u32, frame: u32) -> Option<Quantity> {
        let of_frame = || Frame::ALL.get(frame as usize).copied();
        let (_, named) = *Quantity::NAMED.get(quantity as usize)?;
        Some(match named {
            Quantity::Pose(_) => Quantity::Pose(of_frame()?),
            Quantity::BodyJacobian(_) => Quantity::BodyJacobian(of_frame()?),
            Quantity::ZeroJacobian(_) => Quantity::ZeroJacobian(of_frame()?),
            of_the_arm => of_the_arm,
        })
    }
}

/// The values that a quantity depends on, with libfranka's names.
#[derive(Debug, Clone, Copy, PartialEq)]
#[allow(non_snake_case, reason = "libfranka's names")]
pub struct Posture {
    /// Joint positions \[rad\].
    pub q: [f64; 7],
    /// Joint velocities [rad/s].
    pub dq: [f64; 7],
    /// End effector in the flange frame: 4x4.
    pub F_T_EE: [f64; 16],
    /// Stiffness frame in the end effector frame: 4x4.
    pub EE_T_K: [f64; 16],
    /// Inertia of end effector and load about their centre of mass, in the flange's axes [kg m2]: 3x3.
    pub I_total: [f64; 9],
    /// Mass of end effector and load \[kg\].
    pub m_total: f64,
    /// Centre of mass of end effector and load in the flange frame \[m\].
    pub F_x_Ctotal: [f64; 3],
    /// Gravity in the base frame [m/s2].
    pub gravity_earth: [f64; 3],
}

/// The fields of a posture in their order, with their names in the TypeScript API and their numbers of
/// slots.
pub const POSTURE_FIELDS: [(&str, usize); 8] = [
    ("q", 7),
    ("dq", 7),
    ("F_T_EE", 16),
    ("EE_T_K", 16),
    ("I_total", 9),
    ("m_total", 1),
    ("F_x_Ctotal", 3),
    ("O_ddP_O", 3),
];

/// The number of slots of a posture.
pub const POSTURE_LEN: usize = {
    let mut len = 0;
    let mut nth = 0;
    while nth < POSTURE_FIELDS.len() {
        len += POSTURE_FIELDS[nth].1;
        nth += 1;
    }
    len
};

impl Posture {
    /// Returns the posture of an arm at rest on level ground, with nothing on its flange.
    pub fn bare(q: [f64; 7]) -> Posture {
        let unit = std::array::from_fn(|nth| if nth % 5 == 0 { 1.0 } else { 0.0 });
        Posture {
            q,
            dq: [0.0; 7],
            F_T_EE: unit,
            EE_T_K: unit,
            I_total: [0.0; 9],
            m_total: 0.0,
            F_x_Ctotal: [0.0; 3],
            gravity_earth: DEFAULT_GRAVITY_EARTH,
        }
    }

    /// Returns the posture whose fields have these slots, in their order.
    pub fn from_slots(slots: &[f64; POSTURE_LEN]) -> Posture {
        let mut rest = &slots[..];
        Posture {
            q: take_array(&mut rest),
            dq: take_array(&mut rest),
            F_T_EE: take_array(&mut rest),
            EE_T_K: take_array(&mut rest),
            I_total: take_array(&mut rest),
            m_total: take_array::<1>(&mut rest)[0],
            F_x_Ctotal: take_array(&mut rest),
            gravity_earth: take_array(&mut rest),
        }
    }
}

/// Takes the next slots. There are enough, because the lengths of the fields add up to `POSTURE_LEN`.
fn take_array<const N: usize>(rest: &mut &[f64]) -> [f64; N] {
    match rest.split_first_chunk() {
        Some((first, others)) => {
            *rest = others;
            *first
        }
        None => [0.0; N],
    }
}

/// The model of one generation's arm.
#[derive(Debug)]
pub struct ArmModel(Model);

impl ArmModel {
    /// Creates the model of an arm without changes: franka-rs's model from the FR3's URDF, or the one
    /// fitted to what the FER serves.
    pub fn new(generation: Generation) -> Result<ArmModel, ArmError> {
        match generation {
            Generation::Fr3 => Model::from_urdf(franka::model::FR3_URDF)
                .map(ArmModel)
                .map_err(|error| {
                    let message = format!("the model cannot be built: {error}");
                    ArmError::new(ArmErrorCode::InvalidOperation, message)
                }),
            Generation::Fer => Ok(ArmModel(Model::native_fer())),
        }
    }

    pub(crate) fn rigid_body(&self) -> &Model {
        &self.0
    }

    /// Computes a quantity into `into`. Does not allocate.
    ///
    /// # Panics
    /// Panics if `into` does not have [`Quantity::len`] slots.
    pub fn compute(&self, quantity: Quantity, at: &Posture, into: &mut [f64]) {
        let model = &self.0;
        match quantity {
            Quantity::Pose(frame) => {
                into.copy_from_slice(&model.pose_q(frame, &at.q, &at.F_T_EE, &at.EE_T_K));
            }
            Quantity::BodyJacobian(frame) => {
                into.copy_from_slice(&model.body_jacobian_q(frame, &at.q, &at.F_T_EE, &at.EE_T_K));
            }
            Quantity::ZeroJacobian(frame) => {
                into.copy_from_slice(&model.zero_jacobian_q(frame, &at.q, &at.F_T_EE, &at.EE_T_K));
            }
            Quantity::Mass => {
                into.copy_from_slice(&model.mass_q(&at.q, &at.I_total, at.m_total, &at.F_x_Ctotal));
            }
            Quantity::Coriolis => into.copy_from_slice(&model.coriolis_q(
                &at.q,
                &at.dq,
                &at.I_total,
                at.m_total,
                &at.F_x_Ctotal,
                &at.gravity_earth,
            )),
            Quantity::Gravity => into.copy_from_slice(&model.gravity_q(
                &at.q,
                at.m_total,
                &at.F_x_Ctotal,
                &at.gravity_earth,
            )),
        }
    }
}
