//! The fields of a state that a frame has.

use std::ops::Range;

use kilohertz_record::layout::{Layout, LayoutField};

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

/// The most numbers of a field of a frame: those of a pose.
const MOST_NUMBERS: usize = 16;

/// Returns the fields of a frame that a state of this layout has, each with its first slot. A file may say of a field that
/// it has any length: what is longer than an arm's is left out.
fn known(layout: &Layout) -> impl Iterator<Item = (&LayoutField, usize)> {
    FIELDS
        .iter()
        .filter_map(|name| layout.find(name))
        .filter(|(field, _)| field.len <= MOST_NUMBERS)
}

/// Returns the slots of the fields of a frame in a state of this layout.
pub fn slots_in(layout: &Layout) -> Vec<Range<usize>> {
    known(layout)
        .map(|(field, first)| first..first.saturating_add(field.len))
        .collect()
}

/// Returns the fields of a frame that a state of this layout has.
pub fn fields_in(layout: &Layout) -> Vec<FieldInfo> {
    known(layout)
        .map(|(field, _)| FieldInfo {
            name: field.name.clone(),
            length: u32::try_from(field.len).unwrap_or_default(),
            unit: field.unit.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_longer_than_an_arms_is_no_part_of_a_frame() {
        let field = |name: &str, len| LayoutField {
            name: name.to_owned(),
            len,
            unit: "rad".to_owned(),
        };
        let layout = Layout::new([field("q", 65_520), field("O_T_EE", 16)]).expect("a layout");
        assert_eq!(
            slots_in(&layout).as_slice(),
            std::slice::from_ref(&(65_520..65_536))
        );
        let names: Vec<String> = fields_in(&layout)
            .into_iter()
            .map(|each| each.name)
            .collect();
        assert_eq!(names, ["O_T_EE"]);
    }
}
