//! The fields of a state that a frame has.

use std::ops::Range;

use kilohertz_record::layout::Layout;

use crate::page::protocol::{FIELDS, FieldInfo};

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
