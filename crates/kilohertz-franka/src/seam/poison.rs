//! Makes each slot of the state NaN in turn. Either the gate refuses the state, or the commands are the
//! same as without the NaN.

use kilohertz_core::limits::OnViolation;

use super::arm::{Event, slots_of_numbers};
use super::policy::Given;
use super::{Case, Ran, interfaces, on_threads, run};

/// The cycle in which the NaN begins; the motion is under way then.
const SINCE: u64 = 20;
/// How many slots are numbers: all except those of clock, mode and errors.
const NUMBERS: usize = crate::state::LEN - 1 - 1 - 2 * 41;

/// Returns a session that goes through everything that a loop does: actions are used, missed, followed
/// after a lost command, clamped and held, and the arm comes to rest.
fn session(case: Case) -> Case {
    let mut case = Case {
        rule: OnViolation::Clamp,
        ..case
    };
    case.events.insert(30, Event::Lost(2));
    case.events.insert(50, Event::Skipped(3));
    case.answers.insert(40, Given::Jump { slot: 2, sign: 1.0 });
    for missed in 60..70 {
        case.answers.insert(missed, Given::Never);
    }
    case.answers.insert(90, Given::Failed);
    case
}

fn told(ran: &Ran) -> String {
    format!("{:?}, {:?}", ran.cause, ran.robot_error)
}

/// Returns true if anything depends on the slot.
fn poisoned(case: &Case, clean: &Ran, slot: usize) -> bool {
    let mut case = case.clone();
    let value = f64::NAN;
    let for_ = u64::MAX;
    case.events.insert(SINCE, Event::Says { slot, value, for_ });
    let ran = run(&case);
    let field = crate::state::SCHEMA.locate(slot);
    let what = format!("{:?}, slot {slot} {field:?}", case.interface);
    let shown = ran.told.shown.lock().unwrap();
    assert!(shown.is_empty(), "{what}");
    drop(shown);
    let refused = SINCE as usize - 1;
    if ran.distrusted == Some(refused) {
        let (name, index) = field.unwrap();
        let error = ran.robot_error.as_ref().unwrap();
        let told = format!("{name}[{index}] of the arm's state is NaN");
        assert!(error.message.starts_with(&told), "{what}: {error}");
        assert_eq!(ran.sent[..refused], clean.sent[..refused], "{what}");
        super::checker::assert_kept(&ran.arm, case.interface, &ran.sent);
        return true;
    }
    assert_eq!(ran.distrusted, None, "{what}");
    assert_eq!(ran.sent.len(), clean.sent.len(), "{what}: {}", told(&ran));
    for (cycle, (sent, clean)) in ran.sent.iter().zip(&clean.sent).enumerate() {
        let bits = |sent: &super::Sent| -> Vec<u64> {
            let numbers = sent.motion.iter().chain(sent.elbow.iter().flatten());
            let numbers = numbers.chain(sent.torques.iter().flatten());
            numbers.map(|value| value.to_bits()).collect()
        };
        assert_eq!(bits(sent), bits(clean), "{what}, cycle {cycle}");
    }
    let states = ran.sent.len() - refused;
    assert_eq!(ran.stats.unused_not_finite, states as u64, "{what}");
    assert_eq!(ran.stats.violations, clean.stats.violations, "{what}");
    false
}

#[test]
fn a_slot_that_is_no_number_is_refused_or_changes_no_command_in_any_mode() {
    let slots = slots_of_numbers();
    assert_eq!(slots.len(), NUMBERS);
    on_threads(interfaces(), |interface| {
        let case = session(Case::of(interface));
        let clean = run(&case);
        assert_eq!(clean.distrusted, None, "{interface:?}: {}", told(&clean));
        assert!(clean.sent.len() > 90, "{interface:?}: {}", told(&clean));
        let read = slots.iter().filter(|&&slot| poisoned(&case, &clean, slot));
        // Every gate lists at least the position of the arm and its end effector's frame.
        assert!(read.count() >= 7 + 16, "{interface:?}");
    });
}
