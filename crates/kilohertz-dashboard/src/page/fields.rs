//! The fields of a state that a frame has.

use std::ops::Range;

use kilohertz_record::layout::Layout;

use crate::page::protocol::{FIELDS, FieldInfo};

/// The field with the width between a hand's fingers, as the hand measures it. It is no part of an arm's state.
pub const GRIPPER_WIDTH: &str = "gripper_width";
/// The field with the width that a policy wants.
pub const GRIPPER_WIDTH_WANTED: &str = "gripper_width_d";

/// Returns what is told of a field with a width.
pub fn width_field(name: &str) -> FieldInfo {
    FieldInfo {
        name: name.to_owned(),
        length: 1,
        unit: "m".to_owned(),
    }
}

/// Returns the slots of the fields of a frame in a state of this layout.
pub fn slots_in(layout: &Layout) -> Vec<Range<usize>> {
    FIELDS
        .iter()
        .filter_map(|name| layout.find(name))
        .map(|(field, first)| first..first.saturating_add(field.len))
        .collect()
}

/// Returns the fields of a frame that a state of this layout has.
pub fn fields_in(layout: &Layout) -> Vec<FieldInfo> {
    FIELDS
        .iter()
        .filter_map(|name| layout.find(name))
        .map(|(field, _)| FieldInfo {
            name: field.name.clone(),
            length: u32::try_from(field.len).unwrap_or_default(),
            unit: field.unit.clone(),
        })
        .collect()
}
