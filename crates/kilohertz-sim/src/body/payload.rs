//! The bodies on the flange: the end effector, and the load that `SetLoad` declares.

use franka::robot_state::{IDENTITY_TRANSFORM, combine_center_of_mass, combine_inertia_tensor};

/// A rigid body fixed to the flange.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Body {
    /// Mass [kg].
    pub mass: f64,
    /// Centre of mass in the flange frame [m].
    pub com: [f64; 3],
    /// Inertia about the centre of mass [kg m2], 3x3, column-major.
    pub inertia: [f64; 9],
}

impl Body {
    /// Returns both bodies as one, combined as libfranka does it.
    pub fn with(&self, other: &Body) -> Body {
        let mass = self.mass + other.mass;
        let com = combine_center_of_mass(self.mass, &self.com, other.mass, &other.com);
        let inertia = combine_inertia_tensor(
            self.mass,
            &self.com,
            &self.inertia,
            other.mass,
            &other.com,
            &other.inertia,
            mass,
            &com,
        );
        Body { mass, com, inertia }
    }

    /// Whether these values are possible: they are finite, and some distribution of the mass has this
    /// inertia. Without mass the inertia must be zero. With mass it must be above zero about every axis, as
    /// an arm demands.
    pub fn is_physical(&self) -> bool {
        let all = self.com.iter().chain(&self.inertia).chain([&self.mass]);
        if !all.clone().all(|v| v.is_finite()) || self.mass < 0.0 {
            return false;
        }
        if self.mass == 0.0 {
            return self.inertia == [0.0; 9];
        }
        let i = &self.inertia;
        let largest = i.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let same = |a: f64, b: f64| (a - b).abs() <= ROUNDING * largest;
        let is_symmetric = same(i[1], i[3]) && same(i[2], i[6]) && same(i[5], i[7]);
        // If the second moments of the mass are not below zero, no moment of inertia is larger than the sum
        // of the others.
        let half = 0.5 * (i[0] + i[4] + i[8]);
        let spread = std::array::from_fn(|k| if k % 4 == 0 { half - i[k] } else { -i[k] });
        let at_least = |of: &[f64; 9], least: f64| {
            minors(of)
                .iter()
                .all(|(minor, degree)| *minor >= least * largest.powi(*degree))
        };
        largest > 0.0 && is_symmetric && at_least(i, ROUNDING) && at_least(&spread, -ROUNDING)
    }
}

/// The tolerance for values that a client has rounded, as a share of the largest value.
const ROUNDING: f64 = 1e-6;

/// Returns the principal minors of a symmetric matrix, each with its number of factors. None is below zero if
/// the matrix is positive semidefinite.
fn minors(i: &[f64; 9]) -> [(f64, i32); 7] {
    let minor = |a: usize, b: usize| i[4 * a] * i[4 * b] - i[3 * a + b] * i[3 * b + a];
    let determinant = i[0] * minor(1, 2) - i[3] * (i[1] * i[8] - i[2] * i[7])
        + i[6] * (i[1] * i[5] - i[2] * i[4]);
    [
        (i[0], 1),
        (i[4], 1),
        (i[8], 1),
        (minor(0, 1), 2),
        (minor(0, 2), 2),
        (minor(1, 2), 2),
        (determinant, 3),
    ]
}

/// The frames at the flange, 4x4 column-major [m].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frames {
    /// Flange to nominal end effector.
    pub f_t_ne: [f64; 16],
    /// Nominal end effector to end effector.
    pub ne_t_ee: [f64; 16],
    /// End effector to stiffness frame.
    pub ee_t_k: [f64; 16],
}

impl Default for Frames {
    fn default() -> Self {
        Frames {
            f_t_ne: IDENTITY_TRANSFORM,
            ne_t_ee: IDENTITY_TRANSFORM,
            ee_t_k: IDENTITY_TRANSFORM,
        }
    }
}

impl Frames {
    /// Flange to end effector.
    pub fn f_t_ee(&self) -> [f64; 16] {
        let (a, b) = (&self.f_t_ne, &self.ne_t_ee);
        let mut product = [0.0; 16];
        for column in 0..4 {
            for row in 0..4 {
                product[4 * column + row] =
                    (0..4).map(|k| a[4 * k + row] * b[4 * column + k]).sum();
            }
        }
        product
    }
}

/// Whether a 4x4 column-major matrix is a rigid transform. Its last row must be 0, 0, 0, 1, and its axes and
/// rows must have length 1 within 1e-5, as libfranka demands. The rotation must be right-handed, with right
/// angles within 2e-5.
pub(crate) fn is_rigid(t: &[f64; 16]) -> bool {
    const LENGTH: f64 = 1e-5;
    const ANGLE: f64 = 2e-5;
    let last_row = [t[3], t[7], t[11], t[15]];
    if last_row != [0.0, 0.0, 0.0, 1.0] || !t.iter().all(|v| v.is_finite()) {
        return false;
    }
    // The columns, then the rows.
    let lengths = [
        [0, 1, 2],
        [4, 5, 6],
        [8, 9, 10],
        [0, 4, 8],
        [1, 5, 9],
        [2, 6, 10],
    ]
    .map(|[a, b, c]| t[a].hypot(t[b]).hypot(t[c]));
    if lengths.iter().any(|length| (length - 1.0).abs() > LENGTH) {
        return false;
    }
    // The third axis is the cross product of the others, or the opposite vector if the matrix mirrors.
    let handed = (t[1] * t[6] - t[2] * t[5]) * t[8]
        + (t[2] * t[4] - t[0] * t[6]) * t[9]
        + (t[0] * t[5] - t[1] * t[4]) * t[10];
    let cosines = [(0, 4), (0, 8), (4, 8)]
        .map(|(a, b)| t[a] * t[b] + t[a + 1] * t[b + 1] + t[a + 2] * t[b + 2]);
    handed > 0.0 && cosines.iter().all(|cosine| cosine.abs() <= ANGLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_some_body_is_and_nothing_else() {
        let body = |mass, inertia| Body {
            mass,
            com: [0.0; 3],
            inertia,
        };
        let diagonal = |x, y, z| [x, 0., 0., 0., y, 0., 0., 0., z];
        let brick = diagonal(0.1, 0.1, 0.1);
        // The hand, and a ring, whose moments differ as much as those of a body can.
        let taken = [
            body(0.0, [0.0; 9]),
            body(1.0, brick),
            body(0.73, diagonal(0.001, 0.0025, 0.0017)),
            body(0.2, diagonal(2e-4, 2e-4, 2e-4)),
            body(1.0, diagonal(0.01, 0.01, 0.02)),
        ];
        for body in taken {
            assert!(body.is_physical(), "{body:?}");
        }
        let with = |nth: usize, value: f64| {
            let mut inertia = brick;
            inertia[nth] = value;
            inertia
        };
        let mut indefinite = with(1, 0.2);
        indefinite[3] = 0.2;
        // Moments of 0.01, 0.01 and 0.03, turned by 45 degrees about z.
        let turned = [0.02, -0.01, 0., -0.01, 0.02, 0., 0., 0., 0.01];
        let refused = [
            body(-1.0, brick),
            body(f64::NAN, brick),
            body(0.0, brick),
            body(1.0, [0.0; 9]),
            body(1.0, diagonal(0.1, 0.1, 0.0)),
            body(1.0, with(1, 0.05)),
            body(1.0, with(8, -0.1)),
            body(1.0, with(8, 0.21)),
            body(1.0, indefinite),
            body(1.0, turned),
        ];
        for body in refused {
            assert!(!body.is_physical(), "{body:?}");
        }
    }

    #[allow(clippy::approx_constant, reason = "four digits are what is tested")]
    #[test]
    fn takes_the_transforms_that_libfranka_takes() {
        let hand = [
            0.7071, -0.7071, 0., 0., 0.7071, 0.7071, 0., 0., 0., 0., 1., 0., 0., 0., 0.1034, 1.,
        ];
        // Values with six digits, as printed in libfranka's issue 19.
        let printed = [
            0.996423, 0.0434016, 0.0723757, 0., 0.0459562, -0.998355, -0.0340119, 0., 0.0707818,
            0.0372171, -0.996797, 0., 0.498007, -0.0139371, 0.111537, 1.,
        ];
        assert!(is_rigid(&IDENTITY_TRANSFORM) && is_rigid(&hand) && is_rigid(&printed));
    }

    #[test]
    fn refuses_a_transform_that_is_not_rigid() {
        let mut scaled = IDENTITY_TRANSFORM;
        scaled[0] = 1.01;
        assert!(!is_rigid(&scaled));
        let mut sheared = IDENTITY_TRANSFORM;
        (sheared[0], sheared[1]) = (0.8, 0.6);
        (sheared[4], sheared[5]) = (0.6, 0.8);
        assert!(!is_rigid(&sheared));
        let mut mirrored = IDENTITY_TRANSFORM;
        mirrored[0] = -1.0;
        assert!(!is_rigid(&mirrored));
        let mut nan = IDENTITY_TRANSFORM;
        nan[12] = f64::NAN;
        assert!(!is_rigid(&nan));
    }
}
