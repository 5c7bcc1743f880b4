//! What a page is told of a session's robot.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::LazyLock;

use kilohertz_core::limits::JointBounds;
use kilohertz_core::schema::Schema;
use kilohertz_dashboard::page::protocol::{ArmInfo, BoxInfo, FieldInfo, JointLimits};
use kilohertz_dashboard::page::{Drawn, GRIPPER_WIDTH, fields_in, slots_in, width_field};
use kilohertz_franka::arm::Arm;
use kilohertz_franka::state;
use kilohertz_record::layout::Layout;

use crate::session::options::{NativeSessionOptions, box_of};

fn layout() -> Layout {
    Layout::from(&*state::SCHEMA)
}

/// Returns the slots of the fields of a frame in a state of an arm.
pub fn slots() -> &'static [Range<usize>] {
    static SLOTS: LazyLock<Vec<Range<usize>>> = LazyLock::new(|| slots_in(&layout()));
    &SLOTS
}

/// What a page shows of a session's robot.
#[derive(Debug, Clone)]
pub struct About {
    /// What the page is told; the robot's name is not known yet.
    pub info: ArmInfo,
    /// What of the policy's chunks can be drawn.
    pub drawn: Option<Drawn>,
    /// The address of the arm, which its hand is found by.
    pub address: Option<SocketAddr>,
}

/// Returns the fields of an arm's frames. The width of its hand is the last.
fn fields() -> Vec<FieldInfo> {
    let mut fields = fields_in(&layout());
    fields.push(width_field(GRIPPER_WIDTH));
    fields
}

/// Returns what a page shows of a robot that takes these actions and is driven with these options.
pub fn about(
    (arm, action): (Option<&Arm>, &Schema),
    control: &str,
    rate_hz: f64,
    options: &NativeSessionOptions,
) -> About {
    let workspace = options.box_m.as_deref().and_then(box_of);
    // Rows that are changes stand for no place by themselves.
    let chunks = options.chunks.as_ref().filter(|chunks| !chunks.is_relative);
    let info = ArmInfo {
        workspace: workspace.map(|inside| BoxInfo {
            min: inside.lower,
            max: inside.upper,
        }),
        ..about_idle(arm, control, (rate_hz, options.policy_rate_hz))
    };
    About {
        info,
        drawn: chunks.and_then(|_| Drawn::of(&Layout::from(action))),
        address: arm.and_then(Arm::address),
    }
}

/// Returns what a page is told of a robot with these rates of its loop and its policy; its name is not known yet.
pub fn about_idle(
    arm: Option<&Arm>,
    control: &str,
    (rate_hz, policy_rate_hz): (f64, f64),
) -> ArmInfo {
    let limits = arm.map(|arm| {
        let limits = arm.limits();
        let each = |of: fn(&JointBounds) -> f64| limits.joints.iter().map(of).collect();
        JointLimits {
            lower: each(|joint| joint.lower),
            upper: each(|joint| joint.upper),
            velocity: each(|joint| joint.velocity),
            torque: limits.torque.to_vec(),
        }
    });
    ArmInfo {
        id: 0,
        name: String::new(),
        model: arm.map(|arm| arm.generation().to_string()),
        control: control.to_owned(),
        rate_hz,
        policy_rate_hz,
        is_running: true,
        has_controls: false,
        is_controlled: false,
        session: 0,
        fields: arm.map_or_else(Vec::new, |_| fields()),
        limits,
        workspace: None,
    }
}
