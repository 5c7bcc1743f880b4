//! What the flat slots of an observation or an action mean.

/// One named range of slots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// The field's name. Fields of the robot state have libfranka's names.
    pub name: &'static str,
    /// The number of slots, at least one.
    pub len: usize,
    /// The unit of every slot, as in `rad/s`; empty for pure numbers.
    pub unit: &'static str,
}

/// The layout of a frame of `f64` slots, decided when the robot is made and fixed after that.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Schema {
    fields: Vec<Field>,
    len: usize,
}

impl Schema {
    /// Creates a schema of `fields` in their order, without gaps between them.
    pub fn new(fields: impl IntoIterator<Item = Field>) -> Schema {
        let fields: Vec<Field> = fields.into_iter().collect();
        let len = fields.iter().map(|field| field.len).sum();
        Schema { fields, len }
    }

    /// Returns the fields, in the order of their slots.
    pub fn fields(&self) -> &[Field] {
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

    /// Returns the name of the field that slot `index` belongs to, and the slot's index in that field.
    pub fn locate(&self, index: usize) -> Option<(&'static str, usize)> {
        let mut first = 0;
        for field in &self.fields {
            if index < first + field.len {
                return Some((field.name, index - first));
            }
            first += field.len;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_field_of_every_slot() {
        let schema = Schema::new([
            Field {
                name: "q",
                len: 7,
                unit: "rad",
            },
            Field {
                name: "width",
                len: 1,
                unit: "m",
            },
        ]);
        assert_eq!(schema.len(), 8);
        assert_eq!(schema.locate(0), Some(("q", 0)));
        assert_eq!(schema.locate(6), Some(("q", 6)));
        assert_eq!(schema.locate(7), Some(("width", 0)));
        assert_eq!(schema.locate(8), None);
    }
}
