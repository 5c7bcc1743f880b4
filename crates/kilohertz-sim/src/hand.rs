//! The hand: two fingers, the object between them, and the commands that the hand carries out. Pure: time
//! passes only in `advance_to`.

use std::time::Duration;

use franka::wire::gripper::GripperStatus;

use crate::error::{SimulatorError, rounded};

/// The widest opening of the fingers \[m\].
pub(crate) const WIDEST: f64 = 0.08;
/// The highest velocity of both fingers together [m/s].
const FASTEST: f64 = 0.1;
/// The highest force of the fingers \[N\].
const STRONGEST: f64 = 140.0;
/// Degrees Celsius.
const TEMPERATURE: u16 = 30;
/// One step \[s\].
const STEP_S: f64 = 1e-3;
/// Steps from the contact until the force is reached.
const SQUEEZE: u32 = 50;
/// Steps for which a move presses against an obstacle.
const PERSISTENCE: u32 = 1000;

/// A request of a client to the hand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum HandRequest {
    Homing,
    Move {
        width: f64,
        speed: f64,
    },
    Grasp {
        width: f64,
        inner: f64,
        outer: f64,
        speed: f64,
        force: f64,
    },
    Stop,
}

/// The true state of the simulated fingers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fingers {
    /// The opening between them \[m\].
    pub width: f64,
    /// The widest opening \[m\].
    pub max_width: f64,
    /// Whether a grasp holds an object of the width that was given to it.
    pub is_grasped: bool,
    /// Whether the fingers are moving.
    pub is_moving: bool,
    /// The force of the fingers on the object that they hold \[N\].
    pub force: f64,
    /// Width of the object between them \[m\].
    pub object: Option<f64>,
    /// Degrees Celsius.
    pub temperature: u16,
    /// The time since the start of the hand.
    pub time: Duration,
}

/// What the fingers are doing.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Doing {
    Nothing,
    HomingInwards,
    HomingOutwards,
    Move {
        to: f64,
        speed: f64,
        pressed: u32,
    },
    /// Closes the fingers and, once the grasp was successful, keeps pressing.
    Grasp {
        above: f64,
        below: f64,
        speed: f64,
        force: f64,
        pressed: u32,
    },
}

/// A hand. A command is identified by the number that its client gave it.
#[derive(Debug)]
pub(crate) struct Hand {
    width: f64,
    object: Option<f64>,
    doing: Doing,
    running: Option<u32>,
    steps: u64,
    answers: Vec<(u32, GripperStatus)>,
}

impl Hand {
    /// Returns an open hand around an object of this width \[m\].
    pub fn new(object: Option<f64>) -> Hand {
        Hand {
            width: WIDEST,
            object,
            doing: Doing::Nothing,
            running: None,
            steps: 0,
            answers: Vec::new(),
        }
    }

    /// Advances the time to `time` after the start, in whole steps.
    pub fn advance_to(&mut self, time: Duration) {
        let steps = time.as_millis() as u64;
        while self.steps < steps {
            self.steps += 1;
            self.step();
        }
    }

    pub fn fingers(&self) -> Fingers {
        let at_contact = self.width <= self.contact();
        let (is_grasped, force) = match self.doing {
            Doing::Grasp {
                above,
                below,
                force,
                ..
            } if self.running.is_none() && at_contact => {
                (fits(self.width, above, below), force.min(STRONGEST))
            }
            _ => (false, 0.0),
        };
        Fingers {
            width: self.width,
            max_width: WIDEST,
            is_grasped,
            is_moving: match self.doing {
                Doing::Nothing => false,
                Doing::Grasp { .. } => !at_contact,
                _ => true,
            },
            force,
            object: self.object,
            temperature: TEMPERATURE,
            time: Duration::from_millis(self.steps),
        }
    }

    /// Whether a command is being carried out.
    pub fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Opens the fingers at once around an object of this width \[m\]. A running command is aborted.
    pub fn reset(&mut self, object: Option<f64>) {
        self.finish(GripperStatus::Aborted);
        self.width = WIDEST;
        self.object = object;
        self.doing = Doing::Nothing;
    }

    /// Puts an object between the fingers. It replaces the object that is there.
    pub fn place(&mut self, width: f64) -> Result<(), SimulatorError> {
        if width > 0.0 && width <= self.width {
            self.object = Some(width);
            return Ok(());
        }
        Err(SimulatorError::Option {
            option: "object width",
            received: format!("{} m", rounded(width)),
            expected: format!(
                "above 0 to {} m, which the fingers leave free",
                rounded(self.width)
            ),
        })
    }

    /// Removes the object between the fingers.
    pub fn remove(&mut self) {
        self.object = None;
    }

    /// Starts the requested command, or refuses it. A running command is aborted.
    pub fn request(&mut self, id: u32, request: HandRequest) {
        let Some(doing) = self.plan(request) else {
            self.answers.push((id, GripperStatus::Fail));
            return;
        };
        self.finish(GripperStatus::Aborted);
        self.doing = doing;
        if request == HandRequest::Stop {
            self.answers.push((id, GripperStatus::Success));
        } else {
            self.running = Some(id);
        }
    }

    /// Returns the answers to the commands that have ended since the last call.
    pub fn answers(&mut self) -> impl Iterator<Item = (u32, GripperStatus)> + '_ {
        self.answers.drain(..)
    }

    /// Called when the client has disconnected: a motion ends, a grip stays.
    pub fn disconnect(&mut self) {
        if self.running.take().is_some() {
            self.doing = Doing::Nothing;
        }
        self.answers.clear();
    }

    fn plan(&self, request: HandRequest) -> Option<Doing> {
        let possible = |width: f64, speed: f64| (0.0..=WIDEST).contains(&width) && speed > 0.0;
        Some(match request {
            HandRequest::Stop => Doing::Nothing,
            HandRequest::Homing => Doing::HomingInwards,
            HandRequest::Move { width, speed } if possible(width, speed) => Doing::Move {
                to: width,
                speed: speed.min(FASTEST),
                pressed: 0,
            },
            HandRequest::Grasp {
                width,
                inner,
                outer,
                speed,
                force,
            } if possible(width, speed) && inner >= 0.0 && outer >= 0.0 && force > 0.0 => {
                Doing::Grasp {
                    above: width - inner,
                    below: width + outer,
                    speed: speed.min(FASTEST),
                    force,
                    pressed: 0,
                }
            }
            _ => return None,
        })
    }

    fn finish(&mut self, status: GripperStatus) {
        if let Some(id) = self.running.take() {
            self.answers.push((id, status));
        }
    }

    /// Returns the opening at which the fingers meet the object between them, or each other.
    fn contact(&self) -> f64 {
        self.object.unwrap_or(0.0)
    }

    /// Moves one step towards an opening. Returns true if the opening is reached.
    fn approach(&mut self, to: f64, speed: f64) -> bool {
        let step = speed * STEP_S;
        if (self.width - to).abs() <= step {
            self.width = to;
        } else {
            self.width += step.copysign(to - self.width);
        }
        self.width == to
    }

    fn step(&mut self) {
        let contact = self.contact();
        match self.doing {
            Doing::Nothing => {}
            Doing::HomingInwards => {
                if self.approach(contact, FASTEST) {
                    self.doing = Doing::HomingOutwards;
                    if self.object.is_some() {
                        self.doing = Doing::Nothing;
                        self.finish(GripperStatus::Unsuccessful);
                    }
                }
            }
            Doing::HomingOutwards => {
                if self.approach(WIDEST, FASTEST) {
                    self.doing = Doing::Nothing;
                    self.finish(GripperStatus::Success);
                }
            }
            Doing::Move { to, speed, pressed } => {
                if !self.approach(to.max(contact), speed) {
                    return;
                }
                if to < contact && pressed < PERSISTENCE {
                    let pressed = pressed + 1;
                    self.doing = Doing::Move { to, speed, pressed };
                    return;
                }
                self.doing = Doing::Nothing;
                self.finish(if to < contact {
                    GripperStatus::Unsuccessful
                } else {
                    GripperStatus::Success
                });
            }
            Doing::Grasp {
                above,
                below,
                speed,
                force,
                pressed,
            } => {
                if !self.approach(contact, speed) || self.running.is_none() {
                    return;
                }
                if pressed < SQUEEZE {
                    self.doing = Doing::Grasp {
                        above,
                        below,
                        speed,
                        force,
                        pressed: pressed + 1,
                    };
                } else if fits(self.width, above, below) {
                    self.finish(GripperStatus::Success);
                } else {
                    self.doing = Doing::Nothing;
                    self.finish(GripperStatus::Unsuccessful);
                }
            }
        }
    }
}

/// Whether a width is within the bounds of a grasp.
fn fits(width: f64, above: f64, below: f64) -> bool {
    above < width && width < below
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRASP: HandRequest = HandRequest::Grasp {
        width: 0.04,
        inner: 0.005,
        outer: 0.005,
        speed: 0.1,
        force: 20.0,
    };

    fn after(hand: &mut Hand, ms: u64) -> Vec<(u32, GripperStatus)> {
        let now = hand.fingers().time;
        hand.advance_to(now + Duration::from_millis(ms));
        hand.answers().collect()
    }

    #[test]
    fn a_motion_takes_the_time_that_its_speed_means() {
        let mut hand = Hand::new(None);
        let (width, speed) = (0.03, 0.02);
        hand.request(7, HandRequest::Move { width, speed });
        assert_eq!(after(&mut hand, 2_400), []);
        assert!((hand.fingers().width - 0.032).abs() < 1e-9);
        assert!(hand.fingers().is_moving);
        assert_eq!(after(&mut hand, 150), [(7, GripperStatus::Success)]);
        assert_eq!(hand.fingers().width, width);
        assert!(!hand.fingers().is_moving);
    }

    #[test]
    fn a_grasp_holds_what_is_within_its_epsilons_and_nothing_else() {
        for (object, held) in [
            (Some(0.04), true),
            (Some(0.0351), true),
            (Some(0.0449), true),
            (Some(0.0349), false),
            (Some(0.0451), false),
            (None, false),
        ] {
            let mut hand = Hand::new(object);
            hand.request(1, GRASP);
            let status = if held {
                GripperStatus::Success
            } else {
                GripperStatus::Unsuccessful
            };
            assert_eq!(after(&mut hand, 2_000), [(1, status)], "{object:?}");
            let fingers = hand.fingers();
            assert_eq!(fingers.is_grasped, held, "{object:?}");
            assert_eq!(fingers.width, object.unwrap_or(0.0));
            assert_eq!(fingers.force, if held { 20.0 } else { 0.0 });
        }
    }

    #[test]
    fn what_is_taken_out_of_the_fingers_is_no_longer_grasped_and_they_close() {
        let mut hand = Hand::new(Some(0.04));
        hand.request(1, GRASP);
        after(&mut hand, 2_000);
        hand.remove();
        assert!(!hand.fingers().is_grasped);
        assert_eq!(after(&mut hand, 1_000), []);
        assert_eq!(hand.fingers().width, 0.0);
        assert!(!hand.fingers().is_grasped);
    }

    #[test]
    fn a_stop_aborts_a_motion_and_lets_go_of_what_is_held() {
        let mut hand = Hand::new(Some(0.04));
        hand.request(1, GRASP);
        assert_eq!(after(&mut hand, 100), []);
        hand.request(2, HandRequest::Stop);
        let answers = after(&mut hand, 500);
        let expected = [(1, GripperStatus::Aborted), (2, GripperStatus::Success)];
        assert_eq!(answers, expected);
        assert!((hand.fingers().width - 0.07).abs() < 1e-9);
        hand.request(3, GRASP);
        after(&mut hand, 2_000);
        assert!(hand.fingers().is_grasped);
        hand.request(4, HandRequest::Stop);
        assert!(!hand.fingers().is_grasped);
    }

    #[test]
    fn homing_fails_with_something_between_the_fingers() {
        let mut hand = Hand::new(Some(0.02));
        hand.request(1, HandRequest::Homing);
        assert_eq!(after(&mut hand, 3_000), [(1, GripperStatus::Unsuccessful)]);
        hand.remove();
        hand.request(2, HandRequest::Homing);
        assert_eq!(after(&mut hand, 3_000), [(2, GripperStatus::Success)]);
        assert_eq!(hand.fingers().width, WIDEST);
    }

    #[test]
    fn a_move_onto_an_object_gives_up_at_it() {
        let mut hand = Hand::new(Some(0.05));
        let (width, speed) = (0.01, 0.1);
        hand.request(1, HandRequest::Move { width, speed });
        assert_eq!(after(&mut hand, 1_200), []);
        assert_eq!(after(&mut hand, 200), [(1, GripperStatus::Unsuccessful)]);
        assert_eq!(hand.fingers().width, 0.05);
    }

    #[test]
    fn what_makes_no_sense_fails_and_disturbs_nothing() {
        let mut hand = Hand::new(None);
        hand.request(
            1,
            HandRequest::Move {
                width: 0.0,
                speed: 0.1,
            },
        );
        for (width, speed) in [
            (-0.01, 0.1),
            (0.0801, 0.1),
            (f64::NAN, 0.1),
            (0.04, 0.0),
            (0.04, f64::NAN),
        ] {
            hand.request(2, HandRequest::Move { width, speed });
            assert_eq!(after(&mut hand, 1), [(2, GripperStatus::Fail)]);
        }
        assert_eq!(after(&mut hand, 1_000), [(1, GripperStatus::Success)]);
    }

    #[test]
    fn an_object_must_fit_between_the_fingers() {
        let mut hand = Hand::new(None);
        for width in [0.0, -0.01, 0.09, f64::NAN] {
            assert_eq!(hand.place(width).unwrap_err().code(), "SIM_OPTION");
        }
        hand.place(0.03).unwrap();
        assert_eq!(hand.fingers().object, Some(0.03));
    }
}
