//! A frame of slots as a message with a field for each field of its layout.

use std::collections::HashSet;

use prost::bytes::Buf;
use prost::encoding::{WireType, decode_key, decode_varint, encode_key, encode_varint};
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use crate::layout::Layout;

/// The bytes of a number.
const NUMBER: usize = size_of::<f64>();

/// Returns the definition of the frames of one robot, which takes the place of `proto/kilohertz/robot.proto`.
pub(crate) fn robot_file(state: &Layout, action: &Layout, answer: &Layout) -> FileDescriptorProto {
    FileDescriptorProto {
        name: Some("kilohertz/robot.proto".to_owned()),
        package: Some("kilohertz".to_owned()),
        message_type: vec![
            message("State", state),
            message("Action", action),
            message("AnsweredAction", answer),
        ],
        syntax: Some("proto3".to_owned()),
        ..FileDescriptorProto::default()
    }
}

fn message(name: &str, layout: &Layout) -> DescriptorProto {
    let mut taken: HashSet<String> = HashSet::with_capacity(layout.fields().len());
    let mut fields = Vec::with_capacity(layout.fields().len());
    for (number, field) in (1..).zip(layout.fields()) {
        let mut name = identifier(&field.name);
        if taken.contains(&name) {
            name = format!("{name}_{number}");
        }
        taken.insert(name.clone());
        let label = if field.len == 1 {
            Label::Optional
        } else {
            Label::Repeated
        };
        fields.push(FieldDescriptorProto {
            json_name: Some(name.clone()),
            name: Some(name),
            number: Some(number),
            label: Some(label.into()),
            r#type: Some(Type::Double.into()),
            ..FieldDescriptorProto::default()
        });
    }
    DescriptorProto {
        name: Some(name.to_owned()),
        field: fields,
        ..DescriptorProto::default()
    }
}

/// Returns `name` with `_` for each character that a name in protobuf may not have.
fn identifier(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = name.chars().map(plain).collect();
    match name.starts_with(|c: char| c.is_ascii_digit()) {
        true => format!("_{name}"),
        false => name,
    }
}

/// Appends `slots`, which has the length of `layout`, as a message.
pub(crate) fn encode(layout: &Layout, mut slots: &[f64], bytes: &mut Vec<u8>) {
    for (number, field) in (1..).zip(layout.fields()) {
        let (values, rest) = slots.split_at(field.len);
        slots = rest;
        if field.len == 1 {
            encode_key(number, WireType::SixtyFourBit, bytes);
        } else {
            encode_key(number, WireType::LengthDelimited, bytes);
            encode_varint((field.len * NUMBER) as u64, bytes);
        }
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
}

/// Appends the slots of a message to `slots`. Returns `None` if the message is not a frame of `layout`.
pub(crate) fn decode(layout: &Layout, mut bytes: &[u8], slots: &mut Vec<f64>) -> Option<()> {
    slots.reserve(layout.len());
    for (number, field) in (1..).zip(layout.fields()) {
        let (found, wire_type) = decode_key(&mut bytes).ok()?;
        let length = match wire_type {
            WireType::SixtyFourBit => NUMBER,
            WireType::LengthDelimited => usize::try_from(decode_varint(&mut bytes).ok()?).ok()?,
            _ => return None,
        };
        if found != number || length != field.len * NUMBER || bytes.remaining() < length {
            return None;
        }
        let (values, rest) = bytes.split_at(length);
        let (numbers, _) = values.as_chunks::<NUMBER>();
        slots.extend(numbers.iter().map(|&number| f64::from_le_bytes(number)));
        bytes = rest;
    }
    bytes.is_empty().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::LayoutField;

    fn layout(fields: &[(&str, usize)]) -> Layout {
        let fields = fields.iter().map(|&(name, len)| LayoutField {
            name: name.to_owned(),
            len,
            unit: String::new(),
        });
        Layout::new(fields).expect("a layout")
    }

    #[test]
    fn a_frame_comes_back_bit_for_bit() {
        let layout = layout(&[("time", 1), ("q", 3), ("empty space", 2)]);
        let slots = [
            f64::NAN,
            -0.0,
            f64::MIN_POSITIVE,
            f64::INFINITY,
            1.0 / 3.0,
            0.0,
        ];
        let (mut bytes, mut back) = (Vec::new(), Vec::new());
        encode(&layout, &slots, &mut bytes);
        decode(&layout, &bytes, &mut back).expect("a frame");
        assert_eq!(
            back.iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
            slots.map(f64::to_bits)
        );
    }

    #[test]
    fn a_frame_of_another_layout_is_refused() {
        let mut bytes = Vec::new();
        encode(&layout(&[("q", 3)]), &[1.0, 2.0, 3.0], &mut bytes);
        for other in [&[("q", 2)][..], &[("q", 4)], &[("q", 3), ("dq", 1)], &[]] {
            assert_eq!(
                decode(&layout(other), &bytes, &mut Vec::new()),
                None,
                "{other:?}"
            );
        }
        for end in 0..bytes.len() {
            assert_eq!(
                decode(&layout(&[("q", 3)]), &bytes[..end], &mut Vec::new()),
                None
            );
        }
    }

    #[test]
    fn names_that_protobuf_does_not_allow_get_names_that_it_does() {
        let file = message(
            "State",
            &layout(&[("7 joints", 7), ("a b", 1), ("a-b", 1), ("q", 1)]),
        );
        let names: Vec<&str> = file.field.iter().map(|field| field.name()).collect();
        assert_eq!(names, ["_7_joints", "a_b", "a_b_3", "q"]);
    }
}
