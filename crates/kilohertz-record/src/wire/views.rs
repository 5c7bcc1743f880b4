//! Parts of the state as Foxglove's messages, at a lower rate, for tools that know only those.

use prost::Message;

use crate::error::RecordError;
use crate::layout::Layout;
use crate::wire::messages::{
    JointState, JointStates, Pose, PoseInFrame, Quaternion, Vector3, timestamp,
};
use crate::wire::topics::{JOINTS, POSES, schema};

/// A part of the state that is also written as one of Foxglove's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// The joints, as `foxglove.JointStates` on `/kilohertz/joint_states`.
    Joints {
        /// The names of the joints, as in the robot's URDF.
        names: Vec<String>,
        /// The field of the positions, as in `q`.
        position: String,
        /// The field of the velocities, as in `dq`.
        velocity: Option<String>,
        /// The field of the torques, as in `tau_J`.
        effort: Option<String>,
    },
    /// A pose, as `foxglove.PoseInFrame` on `/kilohertz/pose/` and the name of the field.
    Pose {
        /// The field of the pose, as in `O_T_EE`: 16 numbers by columns.
        field: String,
        /// The frame that the pose is given in, as in `base`.
        frame: String,
    },
}

/// A view whose fields were found in the layout.
pub(crate) enum Found {
    Joints {
        names: Vec<String>,
        position: usize,
        velocity: Option<usize>,
        effort: Option<usize>,
    },
    Pose {
        first: usize,
        topic: String,
        frame: String,
    },
}

const POSE_SLOTS: usize = 16;

impl View {
    pub(crate) fn find(&self, state: &Layout) -> Result<Found, RecordError> {
        let field = |name: &String, len: usize| match state.find(name) {
            Some((field, first)) if field.len == len => Ok(first),
            Some((field, _)) => Err(RecordError::invalid(
                format!("the number of slots of field {name} of a view"),
                field.len,
                len.to_string(),
            )),
            None => Err(RecordError::invalid(
                "the field of a view",
                name,
                "a field of the state",
            )),
        };
        match self {
            View::Joints {
                names,
                position,
                velocity,
                effort,
            } => {
                let optional = |name: &Option<String>| {
                    name.as_ref()
                        .map(|name| field(name, names.len()))
                        .transpose()
                };
                Ok(Found::Joints {
                    position: field(position, names.len())?,
                    velocity: optional(velocity)?,
                    effort: optional(effort)?,
                    names: names.clone(),
                })
            }
            View::Pose { field: name, frame } => Ok(Found::Pose {
                first: field(name, POSE_SLOTS)?,
                topic: format!("{POSES}{name}"),
                frame: frame.clone(),
            }),
        }
    }
}

impl Found {
    /// Returns the name of the message and the channel.
    pub fn channel(&self) -> (&'static str, &str) {
        match self {
            Found::Joints { .. } => (schema::JOINTS, JOINTS),
            Found::Pose { topic, .. } => (schema::POSE, topic),
        }
    }

    /// Returns the message for a state.
    pub fn message(&self, log_time: u64, state: &[f64]) -> Vec<u8> {
        match self {
            Found::Joints {
                names,
                position,
                velocity,
                effort,
            } => {
                let joints = names.iter().enumerate().map(|(joint, name)| JointState {
                    name: name.clone(),
                    position: Some(state[position + joint]),
                    velocity: velocity.map(|first| state[first + joint]),
                    effort: effort.map(|first| state[first + joint]),
                });
                let joints = joints.collect();
                JointStates {
                    timestamp: timestamp(log_time),
                    joints,
                }
                .encode_to_vec()
            }
            Found::Pose { first, frame, .. } => PoseInFrame {
                timestamp: timestamp(log_time),
                frame_id: frame.clone(),
                pose: Some(pose(&state[*first..first + POSE_SLOTS])),
            }
            .encode_to_vec(),
        }
    }
}

/// Returns a pose of 16 numbers by columns as position and quaternion.
fn pose(m: &[f64]) -> Pose {
    let (xx, yy, zz) = (m[0], m[5], m[10]);
    // Each row has one part of the quaternion, times four times its largest part, squared on the diagonal. The
    // row with the largest diagonal loses the fewest digits.
    let rows = [
        [1.0 + xx + yy + zz, m[6] - m[9], m[8] - m[2], m[1] - m[4]],
        [m[6] - m[9], 1.0 + xx - yy - zz, m[4] + m[1], m[8] + m[2]],
        [m[8] - m[2], m[4] + m[1], 1.0 - xx + yy - zz, m[9] + m[6]],
        [m[1] - m[4], m[8] + m[2], m[9] + m[6], 1.0 - xx - yy + zz],
    ];
    let mut largest = 0;
    for part in 1..4 {
        if rows[part][part] > rows[largest][largest] {
            largest = part;
        }
    }
    let row = rows[largest];
    let length = row.iter().map(|part| part * part).sum::<f64>().sqrt();
    let [w, x, y, z] = row.map(|part| part / length);
    Pose {
        position: Some(Vector3 {
            x: m[12],
            y: m[13],
            z: m[14],
        }),
        orientation: Some(Quaternion { x, y, z, w }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_about_each_axis_is_the_same_turn_as_a_quaternion() {
        for angle in [-3.1, -1.0, 0.0, 0.5, 2.0, 3.1_f64] {
            let (s, c) = angle.sin_cos();
            let turns = [
                ([1.0, 0.0, 0.0, 0.0, 0.0, c, s, 0.0, 0.0, -s, c, 0.0], 0),
                ([c, 0.0, -s, 0.0, 0.0, 1.0, 0.0, 0.0, s, 0.0, c, 0.0], 1),
                ([c, s, 0.0, 0.0, -s, c, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0], 2),
            ];
            for (columns, axis) in turns {
                let mut m = columns.to_vec();
                m.extend([1.0, 2.0, 3.0, 1.0]);
                let pose = pose(&m);
                let q = pose.orientation.expect("an orientation");
                let parts = [q.x, q.y, q.z];
                let sign = if q.w < 0.0 { -1.0 } else { 1.0 };
                assert!(
                    (sign * q.w - (angle / 2.0).cos()).abs() < 1e-12,
                    "{angle} about {axis}"
                );
                assert!(
                    (sign * parts[axis] - (angle / 2.0).sin()).abs() < 1e-12,
                    "{angle} about {axis}"
                );
                assert_eq!(
                    pose.position.map(|p| [p.x, p.y, p.z]),
                    Some([1.0, 2.0, 3.0])
                );
            }
        }
    }
}
