//! Which fields of a run are drawn.

use crate::layout::{Layout, LayoutField};
use crate::run::{GRIPPER, Run};

/// The most panels of a group.
pub(crate) const MOST_PANELS: usize = 16;

/// A panel: a slot of the state, of the command, or both.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Panel {
    pub label: String,
    pub unit: String,
    pub reported: Option<usize>,
    pub commanded: Option<usize>,
    /// The slot of the first action of an answer.
    pub answered: Option<usize>,
}

/// Panels that belong together.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Group {
    pub title: &'static str,
    /// The fields of the state, of the command and of the answer.
    pub reported: String,
    pub commanded: String,
    pub answered: String,
    pub panels: Vec<Panel>,
    /// How many slots have no panel.
    pub left_out: usize,
}

/// A field and its first slot.
type Placed<'a> = (&'a LayoutField, usize);

/// Returns the groups of a run: what is commanded beside what is reported, then torques.
pub(crate) fn groups(run: &Run) -> Vec<Group> {
    let mut groups = Vec::new();
    let first = run.action.fields().first().map(|field| (field, 0));
    let beside = first.and_then(|(field, _)| reported_for(&run.state, field));
    match (first, beside) {
        (Some(commanded), Some(reported)) => {
            groups.push(pair("Commands and state", Some(reported), Some(commanded)));
        }
        _ => {
            groups.extend(of_first_fields(&run.state, true));
            groups.extend(of_first_fields(&run.action, false));
        }
    }
    let is_commanded = |name: &str| first.is_some_and(|(field, _)| field.name == name);
    let torque = match is_commanded(TORQUE) {
        true => EXTERNAL_TORQUE,
        false => TORQUE,
    };
    if let Some(reported) = run.state.find(torque) {
        let commanded = run.action.find(torque);
        let commanded = commanded.filter(|(field, _)| field.len == reported.0.len);
        groups.push(pair("Torques", Some(reported), commanded));
    }
    if let Some((field, slot)) = run.answer.find(GRIPPER)
        && slot == run.action.len()
    {
        groups.push(Group {
            title: "Gripper, the first action of each answer",
            reported: String::new(),
            commanded: String::new(),
            answered: field.name.clone(),
            panels: vec![Panel {
                label: field.name.clone(),
                unit: field.unit.clone(),
                reported: None,
                commanded: None,
                answered: Some(slot),
            }],
            left_out: 0,
        });
    }
    groups
}

/// The torques that an arm measures, and those of them that come from outside.
const TORQUE: &str = "tau_J";
const EXTERNAL_TORQUE: &str = "tau_ext_hat_filtered";

/// Returns the field of the state that shows what a command leads to: the one of the same name, or whose name
/// goes on after it, or else the first with the same unit.
fn reported_for<'a>(state: &'a Layout, commanded: &LayoutField) -> Option<Placed<'a>> {
    let goes_on = |field: &LayoutField| {
        let rest = field.name.strip_prefix(&commanded.name);
        rest.is_some_and(|rest| rest.starts_with('_'))
    };
    let alike = |field: &&LayoutField| field.len == commanded.len && field.unit == commanded.unit;
    let fields = || state.fields().iter().filter(alike);
    let found = fields()
        .find(|field| field.name == commanded.name)
        .or_else(|| fields().find(|field| goes_on(field)))
        .or_else(|| fields().find(|field| !field.unit.is_empty()))?;
    state.find(&found.name)
}

/// Returns the slots of a field that are drawn, with their labels. Of a pose these are its place.
fn slots(field: &LayoutField) -> Vec<(usize, String)> {
    let pose = field.len == 16 && field.name.contains("_T_");
    let twist = field.len == 6 && field.unit.contains(", ");
    match () {
        () if pose => [(12, "x"), (13, "y"), (14, "z")]
            .map(|(slot, axis)| (slot, axis.to_owned()))
            .into(),
        () if twist => ["x", "y", "z", "about x", "about y", "about z"]
            .into_iter()
            .enumerate()
            .map(|(slot, axis)| (slot, axis.to_owned()))
            .collect(),
        () if field.len == 1 => vec![(0, field.name.clone())],
        () if matches!(&*field.unit, "rad" | "rad/s" | "N m") => (0..field.len)
            .map(|slot| (slot, format!("joint {}", slot + 1)))
            .collect(),
        () => (0..field.len)
            .map(|slot| (slot, format!("{}[{slot}]", field.name)))
            .collect(),
    }
}

/// Returns the unit of a slot: a field may have one for its first half and one for its second.
fn unit_of(field: &LayoutField, slot: usize) -> String {
    match field.unit.split_once(", ") {
        Some((first, _)) if slot < field.len.div_ceil(2) => first.to_owned(),
        Some((_, second)) => second.to_owned(),
        None => field.unit.clone(),
    }
}

/// Returns a group of a field of the state and one of the command. They have the same length.
fn pair(title: &'static str, reported: Option<Placed<'_>>, commanded: Option<Placed<'_>>) -> Group {
    let name = |placed: Option<Placed<'_>>| placed.map_or(String::new(), |(f, _)| f.name.clone());
    let field = commanded.or(reported).map(|(field, _)| field);
    let slots = field.map_or(Vec::new(), slots);
    let left_out = slots.len().saturating_sub(MOST_PANELS);
    let panels = slots
        .into_iter()
        .take(MOST_PANELS)
        .map(|(slot, label)| Panel {
            label,
            unit: field.map_or(String::new(), |field| unit_of(field, slot)),
            reported: reported.map(|(_, first)| first + slot),
            commanded: commanded.map(|(_, first)| first + slot),
            answered: None,
        });
    Group {
        title,
        reported: name(reported),
        commanded: name(commanded),
        answered: String::new(),
        panels: panels.collect(),
        left_out,
    }
}

/// Returns a group of the first slots of a layout, if it has any.
fn of_first_fields(layout: &Layout, is_state: bool) -> Option<Group> {
    let mut panels = Vec::new();
    let mut names: Vec<&str> = Vec::new();
    let mut first = 0;
    for field in layout.fields() {
        let room = MOST_PANELS - panels.len();
        if room == 0 {
            break;
        }
        names.push(&field.name);
        panels.extend((0..field.len.min(room)).map(|slot| Panel {
            label: match field.len {
                1 => field.name.clone(),
                _ => format!("{}[{slot}]", field.name),
            },
            unit: unit_of(field, slot),
            reported: is_state.then_some(first + slot),
            commanded: (!is_state).then_some(first + slot),
            answered: None,
        }));
        first += field.len;
    }
    let names = names.join(", ");
    (!panels.is_empty()).then(|| Group {
        title: if is_state { "State" } else { "Commands" },
        reported: if is_state {
            names.clone()
        } else {
            String::new()
        },
        commanded: if is_state { String::new() } else { names },
        answered: String::new(),
        left_out: layout.len() - panels.len(),
        panels,
    })
}
