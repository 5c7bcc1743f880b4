//! What the slots of a frame are called, with names that are known at run time.

use std::collections::HashSet;

use kilohertz_core::schema::Schema;
use serde::{Deserialize, Serialize};

use crate::error::RecordError;

/// The most slots that a frame may have.
pub const MOST_SLOTS: usize = 65_536;

/// One named range of slots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayoutField {
    /// The field's name.
    pub name: String,
    /// The number of slots, at least one.
    pub len: usize,
    /// The unit of every slot, as in `rad/s`; empty for pure numbers and flags.
    pub unit: String,
}

/// The layout of a frame of `f64` slots: a [`Schema`] whose names were read from a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<LayoutField>", into = "Vec<LayoutField>")]
pub struct Layout {
    fields: Vec<LayoutField>,
    len: usize,
}

impl Layout {
    /// Creates a layout of `fields` in their order, without gaps between them.
    ///
    /// # Errors
    /// Returns [`RecordError::InvalidArgument`] if a field has no name, no slot, or the name of another
    /// field, or if there are more than [`MOST_SLOTS`] slots.
    pub fn new(fields: impl IntoIterator<Item = LayoutField>) -> Result<Layout, RecordError> {
        let fields: Vec<LayoutField> = fields.into_iter().collect();
        let mut len = 0_usize;
        let mut names = HashSet::new();
        for (index, field) in fields.iter().enumerate() {
            if field.name.is_empty() {
                let what = format!("the name of field {index}");
                return Err(RecordError::invalid(what, "empty", "a name"));
            }
            if !names.insert(&field.name) {
                let what = format!("the name of field {index}");
                let expected = "a name that no field before it has";
                return Err(RecordError::invalid(what, &field.name, expected));
            }
            len = len.saturating_add(field.len);
            if field.len == 0 || len > MOST_SLOTS {
                let what = format!("the number of slots of field {}", field.name);
                let expected = format!("at least 1, and at most {MOST_SLOTS} in all");
                return Err(RecordError::invalid(what, field.len, expected));
            }
        }
        drop(names);
        Ok(Layout { fields, len })
    }

    /// Returns this layout with another field of one slot behind it.
    ///
    /// # Errors
    /// Returns what [`Layout::new`] does.
    pub fn and(&self, name: &str) -> Result<Layout, RecordError> {
        let last = LayoutField {
            name: name.to_owned(),
            len: 1,
            unit: String::new(),
        };
        Layout::new(self.fields.iter().cloned().chain([last]))
    }

    /// Returns the fields, in the order of their slots.
    pub fn fields(&self) -> &[LayoutField] {
        &self.fields
    }

    /// Returns how many slots a frame has.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns true if a frame has no slot.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the field of that name and its first slot.
    pub fn find(&self, name: &str) -> Option<(&LayoutField, usize)> {
        let mut first = 0;
        for field in &self.fields {
            if field.name == name {
                return Some((field, first));
            }
            first += field.len;
        }
        None
    }
}

impl From<&Schema> for Layout {
    fn from(schema: &Schema) -> Layout {
        let fields = schema.fields().iter().map(|field| LayoutField {
            name: field.name.to_owned(),
            len: field.len,
            unit: field.unit.to_owned(),
        });
        Layout {
            fields: fields.collect(),
            len: schema.len(),
        }
    }
}

impl TryFrom<Vec<LayoutField>> for Layout {
    type Error = RecordError;

    fn try_from(fields: Vec<LayoutField>) -> Result<Layout, RecordError> {
        Layout::new(fields)
    }
}

impl From<Layout> for Vec<LayoutField> {
    fn from(layout: Layout) -> Vec<LayoutField> {
        layout.fields
    }
}
