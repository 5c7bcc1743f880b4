//! Explains why an arm refuses a command: its present mode, and what to do.

use franka::{RobotMode, RobotState};

use crate::error::{ArmError, ArmErrorCode};

/// Returns the error for an arm that refused `what`. `told` is what its client reports; the client's view
/// of the arm may be old. `now` is a state that was read after the refusal.
pub(crate) fn rejected(what: &str, told: &str, now: Result<RobotState, ArmError>) -> ArmError {
    let reason = reason(told);
    let Ok(state) = now else {
        let message = format!("the arm refused {what}: {reason}. Its present mode cannot be read");
        return ArmError::new(ArmErrorCode::CommandRejected, message);
    };
    let mode = state.robot_mode;
    let names = [state.current_errors, state.last_motion_errors]
        .iter()
        .map(|errors| errors.names())
        .find(|names| !names.is_empty())
        .filter(|_| mode == RobotMode::Reflex)
        .unwrap_or_default();
    let because = match names.is_empty() {
        true => String::new(),
        false => format!(" ({})", names.join(", ")),
    };
    ArmError {
        errors: names,
        ..ArmError::new(
            ArmErrorCode::CommandRejected,
            format!(
                "the arm refused {what}: {reason}. Its mode is now {mode:?}{because}: {}",
                remedy(mode)
            ),
        )
    }
}

/// Returns what to do about an arm that refuses a command in this mode.
fn remedy(mode: RobotMode) -> &'static str {
    match mode {
        RobotMode::Idle => "it is ready; try again, and check the value if it is refused again",
        RobotMode::Move => {
            "it moves, but not for this connection: another client is connected, or a task runs in Desk. \
             End that first"
        }
        RobotMode::Guiding => "a person guides it by hand: release the guiding button",
        RobotMode::Reflex => "remove the cause, then call recover()",
        RobotMode::UserStopped => {
            "release the user stop, and call recover() if it is in a reflex after that"
        }
        RobotMode::AutomaticErrorRecovery => "it recovers from an error: wait for its end",
        RobotMode::Other => {
            "open its brakes, and activate FCI in Desk; if another client is connected, end it first"
        }
    }
}

/// Returns why the arm refused, in words of this package: a client provides only a text. What that text
/// says about the mode is left out.
fn reason(told: &str) -> String {
    const WORDS: [(&str, &str); 7] = [
        ("current mode", "it is not possible now"),
        ("nvalid argument", "a value is out of the arm's range"),
        ("path deviation", "a value is out of the arm's range"),
        (
            "safety function",
            "a safety function is active: check it in Desk",
        ),
        (
            "singular",
            "it cannot start from a singular pose: guide it away by hand",
        ),
        (
            "anual error recovery",
            "its error must be cleared by hand, in Desk",
        ),
        ("ser Stop", "the user stop was pressed"),
    ];
    let known = WORDS.iter().find(|(word, _)| told.contains(word));
    known.map_or_else(
        || told.trim_start_matches("libfranka: ").to_owned(),
        |(_, words)| (*words).to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, mode: RobotMode) -> String {
        let state = RobotState {
            robot_mode: mode,
            ..RobotState::default()
        };
        rejected("Set Load", text, Ok(state)).message
    }

    #[test]
    fn the_mode_is_the_present_one_and_not_the_clients() {
        let stale = "libfranka: Set Load command rejected: command not possible in the current mode (\"Idle\")!";
        for (mode, remedy) in [
            (RobotMode::UserStopped, "release the user stop"),
            (RobotMode::Reflex, "call recover()"),
            (RobotMode::Move, "another client is connected"),
            (RobotMode::Guiding, "guiding button"),
            (RobotMode::Other, "brakes"),
            (RobotMode::AutomaticErrorRecovery, "wait"),
        ] {
            let message = told(stale, mode);
            assert!(message.contains(remedy), "{message}");
            assert!(message.contains(&format!("{mode:?}")), "{message}");
            assert!(!message.contains("Idle"), "{message}");
        }
    }

    #[test]
    fn the_mode_is_left_out_in_the_words_of_either_client() {
        for words in ["in the current mode", "in current mode"] {
            let text = format!("command rejected: command not possible {words}");
            let message = told(&text, RobotMode::Reflex);
            assert!(
                message.contains("refused Set Load: it is not possible now."),
                "{message}"
            );
            assert!(!message.contains("current mode"), "{message}");
        }
    }

    #[test]
    fn a_reason_that_is_not_the_mode_is_told() {
        let message = told(
            "libfranka: Set Load command rejected: invalid argument!",
            RobotMode::Idle,
        );
        assert!(
            message.contains("refused Set Load: a value is out of"),
            "{message}"
        );
        let message = told("libfranka: bad mood!", RobotMode::Idle);
        assert!(message.contains("refused Set Load: bad mood!"), "{message}");
        let gone = ArmError::new(ArmErrorCode::ConnectionLost, "gone");
        let message = rejected("Set Load", "no", Err(gone)).message;
        assert!(message.contains("cannot be read"), "{message}");
    }
}
