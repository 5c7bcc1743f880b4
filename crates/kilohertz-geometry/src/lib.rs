//! Poses and twists: the arithmetic that the loop, the arm and the simulator share.
//!
//! A [`Pose`] is a rigid transform, 4x4 column-major \[m\]. A [`Twist`] is a translation followed by a
//! rotation vector, both in the base frame. It is a motion per time \[m/s, rad/s\], or the difference of
//! two poses \[m, rad\]. No function here allocates.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

/// A rigid transform, 4x4 column-major \[m\].
pub type Pose = [f64; 16];
/// The identity.
pub const UNIT: Pose = [
    1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
];
/// A translation followed by a rotation vector.
pub type Twist = [f64; 6];

/// Returns the length of a vector.
pub fn norm(vector: &[f64]) -> f64 {
    let length = vector.iter().map(|v| v * v).sum::<f64>().sqrt();
    if length < f64::INFINITY || length.is_nan() {
        return length;
    }
    // The squares are too large for a number, and the length may not be.
    vector
        .iter()
        .fold(0.0, |length: f64, value| length.hypot(*value))
}

/// Returns the scalar product of two vectors.
pub fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|k| a[k] * b[k]).sum()
}

/// Returns the directions of a pose's axes: the upper three rows of its first three columns.
fn axes(pose: &Pose) -> [[f64; 3]; 3] {
    let (columns, _) = pose.as_chunks::<4>();
    std::array::from_fn(|axis| [columns[axis][0], columns[axis][1], columns[axis][2]])
}

/// How far the length of a column or a row of a rotation may be from 1, as in libfranka's
/// `isHomogeneousTransformation`. That function also requires the last row to be exactly 0, 0, 0, 1.
const LENGTH: f64 = 1e-5;
/// How far two axes may be from a right angle, as a cosine. libfranka does not check angles, so it accepts
/// a shear.
const RIGHT_ANGLE: f64 = 2e-5;

/// Why a matrix is not a pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NotRigid {
    /// What is wrong.
    pub flaw: Flaw,
    /// The value that was received.
    pub received: f64,
    /// The value that was expected.
    pub expected: f64,
    /// How far the value may be from the expected one.
    pub tolerance: f64,
}

/// The property of a matrix that keeps it from being a pose.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Flaw {
    /// This entry is not finite.
    Entry(usize),
    /// This entry of the last row has another value.
    LastRow(usize),
    /// The length of a column of the rotation.
    Column(usize),
    /// The length of a row of the rotation.
    Row(usize),
    /// The cosine between two columns of the rotation.
    Angle(usize, usize),
    /// The determinant of the rotation: the matrix mirrors.
    Handedness,
}

impl Flaw {
    /// Returns what is wrong, for the message of a session. Does not allocate.
    pub fn name(self) -> &'static str {
        match self {
            Flaw::Entry(_) => "an entry",
            Flaw::LastRow(_) => "its last row",
            Flaw::Column(0) => "the length of its x axis",
            Flaw::Column(1) => "the length of its y axis",
            Flaw::Column(_) => "the length of its z axis",
            Flaw::Row(0) => "the length of its x row",
            Flaw::Row(1) => "the length of its y row",
            Flaw::Row(_) => "the length of its z row",
            Flaw::Angle(0, 1) => "the cosine between its axes x and y",
            Flaw::Angle(0, _) => "the cosine between its axes x and z",
            Flaw::Angle(..) => "the cosine between its axes y and z",
            Flaw::Handedness => "the determinant of its rotation",
        }
    }
}

/// Checks that a user's matrix is a pose: a matrix that libfranka accepts, and that is a rotation and a
/// translation. Does not allocate.
///
/// # Errors
/// Returns the first property that keeps it from being a pose.
pub fn check_pose(pose: &Pose) -> Result<(), NotRigid> {
    let require = |flaw, received: f64, expected: f64, tolerance: f64| {
        // A NaN is within no tolerance.
        let is_close = (received - expected).abs() <= tolerance;
        if !is_close {
            return Err(NotRigid {
                flaw,
                received,
                expected,
                tolerance,
            });
        }
        Ok(())
    };
    for (nth, entry) in pose.iter().enumerate() {
        require(Flaw::Entry(nth), *entry, 0.0, f64::MAX)?;
    }
    for (nth, wanted) in [(3, 0.0), (7, 0.0), (11, 0.0), (15, 1.0)] {
        require(Flaw::LastRow(nth), pose[nth], wanted, 0.0)?;
    }
    let columns = axes(pose);
    for (axis, column) in columns.iter().enumerate() {
        require(Flaw::Column(axis), norm(column), 1.0, LENGTH)?;
    }
    for (one, other) in [(0, 1), (0, 2), (1, 2)] {
        let cosine = dot(columns[one], columns[other]);
        require(Flaw::Angle(one, other), cosine, 0.0, RIGHT_ANGLE)?;
    }
    for axis in 0..3 {
        let row = columns.map(|column| column[axis]);
        require(Flaw::Row(axis), norm(&row), 1.0, LENGTH)?;
    }
    let determinant = dot(cross(columns[0], columns[1]), columns[2]);
    // With these lengths and angles it is close to 1 or to -1.
    require(Flaw::Handedness, determinant, 1.0, 1.0)
}

/// Returns how far a matrix is from a rigid transform: the largest error of any length, right angle or
/// entry of the last row. Returns NaN if an entry is NaN.
pub fn rigidity_error(pose: &Pose) -> f64 {
    let [x, y, z] = axes(pose);
    let handed = dot(cross(x, y), z);
    let errors = [
        norm(&x) - 1.0,
        norm(&y) - 1.0,
        norm(&z) - 1.0,
        dot(x, y),
        dot(x, z),
        dot(y, z),
        handed - 1.0,
        pose[3],
        pose[7],
        pose[11],
        pose[15] - 1.0,
    ];
    let magnitudes = errors.into_iter().map(f64::abs);
    magnitudes.fold(0.0, |most: f64, error| {
        match error.is_nan() || error > most {
            true => error,
            false => most,
        }
    })
}

/// Returns a nearly rigid transform made rigid up to rounding.
pub fn orthonormal(pose: &Pose) -> Pose {
    let unit = |v: [f64; 3]| {
        let length = norm(&v);
        v.map(|v| v / length)
    };
    let x = unit([pose[0], pose[1], pose[2]]);
    let y = [pose[4], pose[5], pose[6]];
    let along = dot(x, y);
    let y = unit(std::array::from_fn(|k| y[k] - along * x[k]));
    let z = cross(x, y);
    [
        x[0], x[1], x[2], 0.0, y[0], y[1], y[2], 0.0, z[0], z[1], z[2], 0.0, pose[12], pose[13],
        pose[14], 1.0,
    ]
}

/// Returns `pose` moved by `way`.
pub fn integrate(pose: &Pose, way: &Twist) -> Pose {
    let mut next = *pose;
    let angle = norm(&way[3..]);
    if angle > 0.0 {
        let axis = [way[3] / angle, way[4] / angle, way[5] / angle];
        let (sine, rest) = (angle.sin(), 1.0 - angle.cos());
        let (columns, _) = next.as_chunks_mut::<4>();
        for (column, v) in columns.iter_mut().zip(axes(pose)) {
            let once = cross(axis, v);
            let twice = cross(axis, once);
            for row in 0..3 {
                column[row] = v[row] + sine * once[row] + rest * twice[row];
            }
        }
    }
    for (place, way) in next[12..15].iter_mut().zip(way) {
        *place += way;
    }
    orthonormal(&next)
}

/// Returns the twist from one pose to another, with the rotation the shorter way around.
pub fn pose_error(from: &Pose, to: &Pose) -> Twist {
    // The rotation from the first to the second.
    let (from_axes, to_axes) = (axes(from), axes(to));
    let r = |row: usize, column: usize| {
        (0..3)
            .map(|k| to_axes[k][row] * from_axes[k][column])
            .sum::<f64>()
    };
    let diagonal = [r(0, 0), r(1, 1), r(2, 2)];
    let trace: f64 = diagonal.iter().sum();
    // As a quaternion, from its largest component, so that no digits are lost.
    let (scalar, vector) = if trace > 0.0 {
        let w = 0.5 * (1.0 + trace).sqrt();
        let v = [r(2, 1) - r(1, 2), r(0, 2) - r(2, 0), r(1, 0) - r(0, 1)];
        (w, v.map(|v| v / (4.0 * w)))
    } else {
        let i = (1..3).fold(0, |most, i| {
            if diagonal[i] > diagonal[most] {
                i
            } else {
                most
            }
        });
        let (j, k) = [(1, 2), (2, 0), (0, 1)][i];
        let large = 0.5
            * (1.0 + diagonal[i] - diagonal[j] - diagonal[k])
                .max(0.0)
                .sqrt();
        let mut v = [0.0; 3];
        v[i] = large;
        v[j] = (r(j, i) + r(i, j)) / (4.0 * large);
        v[k] = (r(k, i) + r(i, k)) / (4.0 * large);
        ((r(k, j) - r(j, k)) / (4.0 * large), v)
    };
    let (scalar, vector) = if scalar < 0.0 {
        (-scalar, vector.map(|v| -v))
    } else {
        (scalar, vector)
    };
    let sine = norm(&vector);
    let stretch = if sine > 1e-12 {
        2.0 * sine.atan2(scalar) / sine
    } else {
        2.0
    };
    [
        to[12] - from[12],
        to[13] - from[13],
        to[14] - from[14],
        stretch * vector[0],
        stretch * vector[1],
        stretch * vector[2],
    ]
}

/// Turns the upper left of a 4x4 matrix into the rotation closest to it. Returns true if the matrix was
/// close enough to a rotation. It is not if it lies half way between two rotations that are half a turn
/// apart.
pub fn make_rotation(pose: &mut [f64]) -> bool {
    // Newton's method for the polar decomposition: the mean of a matrix and its inverse transpose.
    for _ in 0..4 {
        let (columns, _) = pose.as_chunks_mut::<4>();
        let column = |i: usize| [columns[i][0], columns[i][1], columns[i][2]];
        let cross = |a: [f64; 3], b: [f64; 3]| {
            [
                a[1] * b[2] - a[2] * b[1],
                a[2] * b[0] - a[0] * b[2],
                a[0] * b[1] - a[1] * b[0],
            ]
        };
        let [x, y, z] = [column(0), column(1), column(2)];
        let cofactors = [cross(y, z), cross(z, x), cross(x, y)];
        let volume: f64 = (0..3).map(|k| x[k] * cofactors[0][k]).sum();
        if volume.is_nan() || volume < 0.1 {
            return false;
        }
        for (column, cofactors) in columns.iter_mut().zip(&cofactors) {
            for (entry, cofactor) in column.iter_mut().zip(cofactors) {
                *entry = 0.5 * (*entry + cofactor / volume);
            }
        }
    }
    true
}

/// Returns the vector product of two vectors.
pub fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_leads_from_one_pose_to_the_other_however_far() {
        let ways = [
            [0.1, -0.2, 0.3, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0, -2.0, 0.5],
            [0.0, 0.0, 0.0, 1e-8, 2e-8, -1e-8],
            [0.3, 0.0, 0.0, 0.0, 3.1412, 0.0],
            [0.3, 0.0, 0.0, -2.2, 0.0, 2.2],
        ];
        let from = integrate(&UNIT, &[0.4, 0.1, 0.2, -0.3, 0.2, 0.9]);
        for there in ways {
            let to = integrate(&from, &there);
            assert!(rigidity_error(&to) < 1e-12);
            let found = pose_error(&from, &to);
            for i in 0..6 {
                assert!((found[i] - there[i]).abs() < 1e-9, "{found:?}, {there:?}");
            }
        }
    }

    #[test]
    fn the_shorter_way_around_is_taken() {
        let long = integrate(&UNIT, &[0.0, 0.0, 0.0, 0.0, 0.0, 4.0]);
        let found = pose_error(&UNIT, &long);
        assert!((found[5] - (4.0 - std::f64::consts::TAU)).abs() < 1e-12);
    }

    /// The pose in libfranka's issue 19, printed with six digits.
    const PRINTED: Pose = [
        0.996423, 0.0434016, 0.0723757, 0.0, 0.0459562, -0.998355, -0.0340119, 0.0, 0.0707818,
        0.0372171, -0.996797, 0.0, 0.498007, -0.0139371, 0.111537, 1.0,
    ];
    /// The Franka Hand's frame as Desk shows it, with four digits.
    #[allow(clippy::approx_constant, reason = "four digits are what is tested")]
    const HAND: Pose = [
        0.7071, -0.7071, 0.0, 0.0, 0.7071, 0.7071, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.1034,
        1.0,
    ];

    #[test]
    fn what_libfranka_takes_as_a_pose_is_one() {
        for pose in [UNIT, PRINTED, HAND] {
            assert_eq!(check_pose(&pose), Ok(()), "{pose:?}");
        }
        let mut longest = UNIT;
        longest[0] = 1.0 + 0.99e-5;
        assert_eq!(check_pose(&longest), Ok(()));
    }

    fn flaw(pose: &Pose) -> Option<Flaw> {
        check_pose(pose).err().map(|none| none.flaw)
    }

    #[test]
    fn a_length_is_known_although_its_square_is_too_large() {
        assert!((norm(&[3e200, 0.0, -4e200]) / 5e200 - 1.0).abs() < 1e-12);
        assert!((norm(&[1e154; 3]) / 3_f64.sqrt() / 1e154 - 1.0).abs() < 1e-12);
        assert_eq!(norm(&[f64::INFINITY, 1.0]), f64::INFINITY);
        assert!(norm(&[f64::NAN, 1e300]).is_nan());
        let mut pose = UNIT;
        pose[5] = 1e200;
        assert_eq!(check_pose(&pose).unwrap_err().received, 1e200);
    }

    #[test]
    fn what_is_no_pose_is_refused_by_its_flaw() {
        let with = |changes: &[(usize, f64)]| {
            let mut pose = UNIT;
            changes.iter().for_each(|&(nth, value)| pose[nth] = value);
            flaw(&pose)
        };
        for slot in 0..16 {
            for none in [f64::NAN, f64::INFINITY, -f64::INFINITY] {
                assert_eq!(with(&[(slot, none)]), Some(Flaw::Entry(slot)));
            }
        }
        assert_eq!(with(&[(3, 1e-9)]), Some(Flaw::LastRow(3)));
        assert_eq!(with(&[(15, 0.0)]), Some(Flaw::LastRow(15)));
        assert_eq!(with(&[(5, 1.0 + 1.01e-5)]), Some(Flaw::Column(1)));
        assert_eq!(with(&[(0, -1.0)]), Some(Flaw::Handedness));
        // Each row and each column has the right length, so libfranka accepts this matrix.
        let (sine, cosine) = (0.6, 0.8);
        let sheared = [(0, cosine), (1, sine), (4, sine), (5, cosine)];
        assert_eq!(with(&sheared), Some(Flaw::Angle(0, 1)));
        let turned = |off: f64| {
            let (sine, cosine) = (0.25 * std::f64::consts::PI + off).sin_cos();
            [(0, cosine), (1, sine), (4, -cosine), (5, sine)]
        };
        assert_eq!(with(&turned(0.9e-5)), None);
        assert_eq!(with(&turned(1.1e-5)), Some(Flaw::Angle(0, 1)));
    }

    #[test]
    fn what_is_no_rigid_transform_is_off() {
        assert_eq!(rigidity_error(&UNIT), 0.0);
        let mut row_major = integrate(&UNIT, &[0.4, 0.1, 0.2, 0.0, 0.0, 0.3]);
        row_major.swap(3, 12);
        assert!(rigidity_error(&row_major) > 0.3);
        for slot in 0..12 {
            let mut none = UNIT;
            none[slot] = f64::NAN;
            assert!(rigidity_error(&none).is_nan(), "{slot}");
        }
        let mut mirrored = UNIT;
        mirrored[0] = -1.0;
        assert!(rigidity_error(&mirrored) > 1.0);
        let mut scaled = UNIT;
        scaled[5] = 1.001;
        assert!(rigidity_error(&scaled) > 9e-4);
        assert!(rigidity_error(&orthonormal(&scaled)) < 1e-12);
    }
}
