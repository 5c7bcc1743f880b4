//! A hand that follows what a policy wants of it, on threads of its own: the loop never waits for a hand.
//!
//! The loop writes the wanted opening, and a thread looks at it every few milliseconds. Where the opening has
//! changed by more than a margin, it stops the command under way and begins another one. Another thread waits for
//! the end of each command, because that takes as long as the motion. The end of the session stops what the hand
//! does; what it holds by then, it goes on holding.

#![warn(clippy::indexing_slicing)]

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use kilohertz_core::session::Wanted;
use kilohertz_core::session::roll::Place;
use kilohertz_core::stats::Recorder;

use franka::gripper::GripperState;

use crate::error::{ArmError, ArmErrorCode};
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

    /// Returns the command that leads from what the hand reports to an opening; `None` if there is nothing to
    /// do. Fingers that are to close completely press on what they meet. Fingers that hold something go on
    /// holding it while a smaller opening is wanted.
    fn command(&self, width: f64, hand: &GripperState, is_busy: bool) -> Option<HandCommand> {
        let width = width.min(hand.max_width);
        let way = width - hand.width;
        if !is_busy && (way.abs() <= self.margin || way < 0.0 && hand.is_grasped) {
            return None;
        }
        let speed = self.speed;
        Some(match width <= self.margin {
            true => self.grasp(width),
            false => HandCommand::Move { width, speed },
        })
    }

    /// Returns the command to press on whatever is between the fingers.
    fn grasp(&self, width: f64) -> HandCommand {
        HandCommand::Grasp {
            width,
            speed: self.speed,
            force: self.force,
            epsilon_inner: *WIDTHS.end(),
            epsilon_outer: *WIDTHS.end(),
        }
    }
}

/// Lets a hand follow `wanted` until nobody else holds that, and then stops it. What the hand is commanded, and what
/// of it fails, is counted in `recorder`. Its commands have `place` on the roll, whose stop stops them.
///
/// # Errors
/// The system's error if it cannot start a thread.
pub fn follow(
    hand: Arc<Hand>,
    wanted: Arc<Wanted>,
    rule: GripRule,
    recorder: Arc<Recorder>,
    place: Arc<Place>,
) -> io::Result<()> {
    let (pass, begun) = mpsc::channel::<(HandCommand, HandMotion)>();
    let (counts, pressing) = (Arc::clone(&recorder), Arc::clone(&hand));
    let its = Arc::clone(&place);
    let over = Arc::new(AtomicBool::new(false));
    let is_over = Arc::clone(&over);
    thread::Builder::new()
        .name("kilohertz-hand".to_owned())
        .spawn(move || {
            for (command, motion) in begun {
                if let Err(error) = finish(&pressing, &rule, (command, motion), &its, &is_over, &counts)
                    // A command that was stopped for a newer one is no failure.
                    && error.code != ArmErrorCode::CommandAborted
                {
                    counts.gripper_failures.add(1);
                }
            }
        })?;
    thread::Builder::new()
        .name("kilohertz-grip".to_owned())
        .spawn(move || {
            look(&hand, &wanted, &rule, &recorder, &place, &pass);
            // The session is over. Nobody has asked the place on the roll to end: Ctrl+C may be meant for what runs
            // meanwhile.
            over.store(true, Ordering::SeqCst);
        })?;
    Ok(())
}

/// Looks at what is wanted, commands the hand, and passes each command on, until nobody else holds `wanted`.
fn look(
    hand: &Hand,
    wanted: &Arc<Wanted>,
    rule: &GripRule,
    recorder: &Recorder,
    place: &Arc<Place>,
    pass: &mpsc::Sender<(HandCommand, HandMotion)>,
) {
    let mut last: Option<f64> = None;
    // The session holds the other one, until its loop has ended.
    while Arc::strong_count(wanted) > 1 {
        thread::sleep(LOOK);
        let Some(width) = wanted.get().map(|wanted| rule.width(wanted)) else {
            continue;
        };
        if last.is_some_and(|last| (width - last).abs() <= rule.margin) {
            continue;
        }
        let begun = match hand.state() {
            Ok(state) => match rule.command(width, &state, hand.is_busy()) {
                Some(wanted) => command(hand, wanted, place).map(|motion| Some((wanted, motion))),
                None => Ok(None),
            },
            Err(_) => Err(()),
        };
        match begun {
            Ok(begun) => {
                last = Some(width);
                let Some(begun) = begun else {
                    continue;
                };
                recorder.gripper_commands.add(1);
                if pass.send(begun).is_err() {
                    return;
                }
            }
            Err(()) => {
                recorder.gripper_failures.add(1);
                thread::sleep(AFTER_FAILURE);
            }
        }
    }
}

/// Waits for the end of a command. Fingers that met something on their way to a smaller opening then press on
/// it.
fn finish(
    hand: &Hand,
    rule: &GripRule,
    (command, motion): (HandCommand, HandMotion),
    place: &Arc<Place>,
    over: &Arc<AtomicBool>,
    recorder: &Recorder,
) -> Result<(), ArmError> {
    let ended = motion.until(Arc::clone(over)).finish();
    let HandCommand::Move { width, .. } = command else {
        // Fingers that close on nothing are no failure.
        return ended.map(|_| ());
    };
    let is_there = match &ended {
        Ok(is_there) => *is_there,
        Err(error) if error.code == ArmErrorCode::CommandRejected => false,
        Err(_) => return ended.map(|_| ()),
    };
    if is_there || hand.state()?.width <= width + rule.margin {
        return ended.map(|_| ());
    }
    match hand.begin(rule.grasp(width)) {
        Ok(motion) => {
            recorder.gripper_commands.add(1);
            let motion = motion.at(Arc::clone(place)).until(Arc::clone(over));
            motion.finish().map(|_| ())
        }
        // A newer command has begun meanwhile.
        Err(_) if hand.is_busy() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Stops what the hand does and begins another command.
fn command(hand: &Hand, command: HandCommand, place: &Arc<Place>) -> Result<HandMotion, ()> {
    if hand.is_busy() {
        // The command may have ended meanwhile.
        let _ = hand.stop();
    }
    for _ in 0..AFTER_FAILURE.as_millis() {
        match hand.begin(command) {
            Ok(motion) => return Ok(motion.at(Arc::clone(place))),
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

    fn hand(width: f64, is_grasped: bool) -> GripperState {
        GripperState {
            width,
            is_grasped,
            max_width: 0.08,
            temperature: 30,
            time: franka::Duration::from_millis(0),
        }
    }

    fn moves(width: f64) -> Option<HandCommand> {
        let speed = RULE.speed;
        Some(HandCommand::Move { width, speed })
    }

    #[test]
    fn a_command_is_about_where_the_fingers_are() {
        let open = hand(0.08, false);
        assert_eq!(RULE.command(0.08, &open, false), None);
        // A number beyond the hand's own end counts as its end.
        assert_eq!(RULE.command(0.1, &open, false), None);
        assert_eq!(RULE.command(0.05, &open, false), moves(0.05));
        let shut = hand(0.0, false);
        assert_eq!(RULE.command(0.1, &shut, false), moves(0.08));
        assert_eq!(RULE.command(0.0, &shut, false), None);
        // Fingers that are on their way are commanded anew.
        assert_eq!(RULE.command(0.05, &hand(0.05, false), true), moves(0.05));
    }

    #[test]
    fn fingers_that_close_completely_press_and_go_on_holding() {
        let grasp = RULE.command(0.0, &hand(0.08, false), false);
        assert!(matches!(grasp, Some(HandCommand::Grasp { force, .. }) if force == 20.0));
        let holding = hand(0.03, true);
        assert_eq!(RULE.command(0.0, &holding, false), None);
        assert_eq!(RULE.command(0.02, &holding, false), None);
        assert_eq!(RULE.command(0.08, &holding, false), moves(0.08));
    }
}
