//! A hand that follows what a policy wants of it, on threads of its own: the loop never waits for a hand.
//!
//! The loop writes the wanted opening, and a thread looks at it every few milliseconds. Where the opening has
//! changed by more than a margin, it stops the command under way and begins another one. Another thread waits for
//! the end of each command, because that takes as long as the motion.

#![warn(clippy::indexing_slicing)]

use std::io;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use kilohertz_core::session::Wanted;
use kilohertz_core::stats::Recorder;

use crate::error::ArmErrorCode;
use crate::hand::{Hand, HandCommand, HandMotion, WIDTHS};

/// How often the wanted opening is looked at.
const LOOK: Duration = Duration::from_millis(5);
/// The pause after a command that failed.
const AFTER_FAILURE: Duration = Duration::from_millis(250);

/// How a hand follows a number that stands for its opening.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GripRule {
    /// What one unit of the number is \[m\]: 1 if the number is an opening \[m\].
    pub scale: f64,
    /// True if a larger number means a smaller opening: `scale` minus the number times `scale`.
    pub is_inverted: bool,
    /// By how much the opening has to change until the hand is commanded anew \[m\].
    pub margin: f64,
    /// The speed of the fingers [m/s].
    pub speed: f64,
    /// The force with which the fingers close \[N\].
    pub force: f64,
}

impl GripRule {
    /// Returns the opening that a number stands for \[m\], within what a hand can do.
    pub fn width(&self, wanted: f64) -> f64 {
        let width = match self.is_inverted {
            true => self.scale - wanted * self.scale,
            false => wanted * self.scale,
        };
        width.clamp(*WIDTHS.start(), *WIDTHS.end())
    }

    /// Returns the command that leads to an opening. Fingers that close may meet something of any width, and
    /// press then.
    fn command(&self, width: f64, is_closing: bool) -> HandCommand {
        let speed = self.speed;
        match is_closing {
            true => HandCommand::Grasp {
                width,
                speed,
                force: self.force,
                epsilon_inner: *WIDTHS.end(),
                epsilon_outer: *WIDTHS.end(),
            },
            false => HandCommand::Move { width, speed },
        }
    }
}

/// Lets a hand follow `wanted` until nobody else holds that. What the hand is commanded, and what of it fails, is
/// counted in `recorder`.
///
/// # Errors
/// The system's error if it cannot start a thread.
pub fn follow(
    hand: Arc<Hand>,
    wanted: Arc<Wanted>,
    rule: GripRule,
    recorder: Arc<Recorder>,
) -> io::Result<()> {
    let (pass, begun) = mpsc::channel::<HandMotion>();
    let counts = Arc::clone(&recorder);
    thread::Builder::new()
        .name("kilohertz-hand".to_owned())
        .spawn(move || {
            for motion in begun {
                // Fingers that close on nothing, and a command that was stopped for a newer one, are no failures.
                if let Err(error) = motion.finish()
                    && error.code != ArmErrorCode::CommandAborted
                {
                    counts.gripper_failures.add(1);
                }
            }
        })?;
    thread::Builder::new()
        .name("kilohertz-grip".to_owned())
        .spawn(move || {
            let mut last: Option<f64> = None;
            // The session holds the other one, until its loop has ended.
            while Arc::strong_count(&wanted) > 1 {
                thread::sleep(LOOK);
                let Some(width) = wanted.get().map(|wanted| rule.width(wanted)) else {
                    continue;
                };
                let way = width - last.unwrap_or(*WIDTHS.end());
                if last.is_some() && way.abs() <= rule.margin {
                    continue;
                }
                match command(&hand, rule.command(width, way < 0.0)) {
                    Ok(motion) => {
                        last = Some(width);
                        recorder.gripper_commands.add(1);
                        if pass.send(motion).is_err() {
                            return;
                        }
                    }
                    Err(()) => {
                        recorder.gripper_failures.add(1);
                        thread::sleep(AFTER_FAILURE);
                    }
                }
            }
        })?;
    Ok(())
}

/// Stops what the hand does and begins another command.
fn command(hand: &Hand, command: HandCommand) -> Result<HandMotion, ()> {
    if hand.is_busy() {
        // The command may have ended meanwhile.
        let _ = hand.stop();
    }
    for _ in 0..AFTER_FAILURE.as_millis() {
        match hand.begin(command) {
            Ok(motion) => return Ok(motion),
            // The thread that waits for the command has not taken its end yet.
            Err(_) if hand.is_busy() => thread::sleep(Duration::from_millis(1)),
            Err(_) => return Err(()),
        }
    }
    Err(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: GripRule = GripRule {
        scale: 1.0,
        is_inverted: false,
        margin: 0.005,
        speed: 0.1,
        force: 20.0,
    };

    #[test]
    fn a_number_is_an_opening_within_what_a_hand_can_do() {
        assert_eq!(RULE.width(0.04), 0.04);
        assert_eq!((RULE.width(-1.0), RULE.width(3.0)), (0.0, 0.1));
        let openness = GripRule {
            scale: 0.08,
            ..RULE
        };
        assert_eq!((openness.width(0.0), openness.width(1.0)), (0.0, 0.08));
        let closedness = GripRule {
            is_inverted: true,
            ..openness
        };
        assert_eq!((closedness.width(1.0), closedness.width(0.0)), (0.0, 0.08));
    }

    #[test]
    fn fingers_that_close_grasp_and_fingers_that_open_move() {
        assert!(RULE.command(0.01, true).check().is_ok());
        assert!(matches!(
            RULE.command(0.01, true),
            HandCommand::Grasp { width, force, .. } if width == 0.01 && force == 20.0
        ));
        assert_eq!(
            RULE.command(0.08, false),
            HandCommand::Move {
                width: 0.08,
                speed: 0.1
            }
        );
    }
}
