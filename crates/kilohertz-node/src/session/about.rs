//! What a page is told of a session's robot.

use std::ops::Range;
use std::sync::OnceLock;

use kilohertz_core::limits::JointBounds;
use kilohertz_dashboard::page::protocol::{ArmInfo, BoxInfo, FIELDS, FieldInfo, JointLimits};
use kilohertz_franka::arm::Arm;
use kilohertz_franka::state;

use crate::session::options::{NativeSessionOptions, box_of};

/// Returns the slots of the fields of a frame in a state.
pub fn slots() -> &'static [Range<usize>] {
    static SLOTS: OnceLock<Vec<Range<usize>>> = OnceLock::new();
    SLOTS.get_or_init(|| {
        let mut at = 0;
        let places: Vec<_> = state::SCHEMA
            .fields()
            .iter()
            .map(|field| {
                at += field.len;
                (field.name, at - field.len..at)
            })
            .collect();
        FIELDS
            .iter()
            .filter_map(|name| places.iter().find(|(field, _)| field == name))
            .map(|(_, range)| range.clone())
            .collect()
    })
}

fn fields() -> Vec<FieldInfo> {
    let all = state::SCHEMA.fields();
    FIELDS
        .iter()
        .filter_map(|name| all.iter().find(|field| field.name == *name))
        .map(|field| FieldInfo {
            name: field.name.to_owned(),
            length: u32::try_from(field.len).unwrap_or_default(),
            unit: field.unit.to_owned(),
        })
        .collect()
}

/// Returns what a page is told of a robot that is driven with these options; its name is not known yet.
pub fn about(
    arm: Option<&Arm>,
    control: &str,
    rate_hz: f64,
    options: &NativeSessionOptions,
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
    let workspace = options.box_m.as_deref().and_then(box_of);
    ArmInfo {
        id: 0,
        name: String::new(),
        model: arm.map(|arm| arm.generation().to_string()),
        control: control.to_owned(),
        rate_hz,
        policy_rate_hz: options.policy_rate_hz,
        is_running: true,
        session: 0,
        fields: if arm.is_some() { fields() } else { Vec::new() },
        limits,
        workspace: workspace.map(|inside| BoxInfo {
            min: inside.lower,
            max: inside.upper,
        }),
    }
}
