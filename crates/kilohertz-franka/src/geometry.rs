//! Poses and twists. A pose is a rigid transform, 4x4 column-major \[m\]; a twist or a way is a
//! translation above a rotation about an axis, both in the base frame.

#![cfg_attr(not(test), warn(clippy::arithmetic_side_effects))]

use kilohertz_core::limits::largest;

/// A rigid transform, 4x4 column-major \[m\].
pub(crate) type Pose = [f64; 16];
/// Translation above rotation.
pub(crate) type Twist = [f64; 6];

/// Length of a vector.
pub(crate) fn norm(vector: &[f64]) -> f64 {
    vector.iter().map(|v| v * v).sum::<f64>().sqrt()
}

pub(crate) fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    (0..3).map(|k| a[k] * b[k]).sum()
}

/// The directions of a pose's axes: the upper three rows of its first three columns.
fn axes(pose: &Pose) -> [[f64; 3]; 3] {
    let (columns, _) = pose.as_chunks::<4>();
    std::array::from_fn(|axis| [columns[axis][0], columns[axis][1], columns[axis][2]])
}

/// How far a matrix is from a rigid transform: the largest that any length, right angle or last
/// row is off by.
pub(crate) fn off_rigid(pose: &Pose) -> f64 {
    let [x, y, z] = axes(pose);
    let handed = dot(cross(x, y), z);
    largest([
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
    ])
}

/// A nearly rigid transform, rigid up to rounding.
pub(crate) fn orthonormal(pose: &Pose) -> Pose {
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

/// `pose` after `way`.
pub(crate) fn moved(pose: &Pose, way: &Twist) -> Pose {
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

/// The way from one pose to another, the rotation the shorter way around.
pub(crate) fn way(from: &Pose, to: &Pose) -> Twist {
    // The rotation between them.
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

pub(crate) fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: Pose = [
        1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0,
    ];

    #[test]
    fn a_way_leads_from_one_pose_to_the_other_however_far() {
        let ways = [
            [0.1, -0.2, 0.3, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 1.0, -2.0, 0.5],
            [0.0, 0.0, 0.0, 1e-8, 2e-8, -1e-8],
            [0.3, 0.0, 0.0, 0.0, 3.1412, 0.0],
            [0.3, 0.0, 0.0, -2.2, 0.0, 2.2],
        ];
        let from = moved(&UNIT, &[0.4, 0.1, 0.2, -0.3, 0.2, 0.9]);
        for there in ways {
            let to = moved(&from, &there);
            assert!(off_rigid(&to) < 1e-12);
            let found = way(&from, &to);
            for i in 0..6 {
                assert!((found[i] - there[i]).abs() < 1e-9, "{found:?}, {there:?}");
            }
        }
    }

    #[test]
    fn the_shorter_way_around_is_taken() {
        let long = moved(&UNIT, &[0.0, 0.0, 0.0, 0.0, 0.0, 4.0]);
        let found = way(&UNIT, &long);
        assert!((found[5] - (4.0 - std::f64::consts::TAU)).abs() < 1e-12);
    }

    #[test]
    fn what_is_no_rigid_transform_is_off() {
        assert_eq!(off_rigid(&UNIT), 0.0);
        let mut row_major = moved(&UNIT, &[0.4, 0.1, 0.2, 0.0, 0.0, 0.3]);
        row_major.swap(3, 12);
        assert!(off_rigid(&row_major) > 0.3);
        for slot in 0..12 {
            let mut none = UNIT;
            none[slot] = f64::NAN;
            assert!(off_rigid(&none).is_nan(), "{slot}");
        }
        let mut mirrored = UNIT;
        mirrored[0] = -1.0;
        assert!(off_rigid(&mirrored) > 1.0);
        let mut scaled = UNIT;
        scaled[5] = 1.001;
        assert!(off_rigid(&scaled) > 9e-4);
        assert!(off_rigid(&orthonormal(&scaled)) < 1e-12);
    }
}
