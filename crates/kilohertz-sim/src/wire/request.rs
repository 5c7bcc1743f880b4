//! Decodes the requests of a client from bytes.

#![warn(clippy::indexing_slicing)]

use franka::MoveStatus;
use franka::wire::f64s_to_f64;
use franka::wire::robot::v5::SetFiltersRequest;
use franka::wire::robot::{
    MoveControllerMode, MoveMotionGeneratorMode, SetCartesianImpedanceRequest,
    SetCollisionBehaviorRequest, SetEEToKRequest, SetGuidingModeRequest, SetJointImpedanceRequest,
    SetLoadRequest, SetNEToEERequest,
};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::body::contact::{CollisionBehavior, Thresholds};
use crate::body::payload::{Body, is_rigid};
use crate::freedom::Freedom;
use crate::generation::Generation;
use crate::wire::generator::Generator;
use crate::wire::messages::{Command, Status};

/// A request of a client to the arm.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Move {
        generator: Generator,
        controller: MoveControllerMode,
        /// The highest velocities of an asynchronous motion [rad/s].
        asynchronous: Option<[f64; 7]>,
    },
    StopMove,
    SetCollisionBehavior(Box<CollisionBehavior>),
    SetJointImpedance([f64; 7]),
    /// Is checked but has no effect: in both impedance modes the joints are controlled.
    SetCartesianImpedance,
    SetGuidingMode(Freedom),
    SetEeToK([f64; 16]),
    SetNeToEe([f64; 16]),
    SetLoad(Body),
    /// Is checked but has no effect: the simulated arm has no filters.
    SetFilters,
    AutomaticErrorRecovery,
}

const INVALID: Status = Status::INVALID;

/// The largest joint stiffness [N m/rad] that libfranka documents.
const MAX_JOINT_STIFFNESS: f64 = 14_250.0;
/// The heaviest load that is accepted \[kg\], several times an arm's payload. An arm could not hold a heavier
/// load in front of it. The mass at which a real arm refuses is not documented.
const HEAVIEST_LOAD: f64 = 10.0;
/// The range of cut-off frequencies [Hz] of `SetFilters`, as libfranka documents it. At the highest one the
/// filter has no effect.
const CUT_OFF: std::ops::RangeInclusive<f64> = 1.0..=1000.0;
/// Stiffness ranges of `SetCartesianImpedance`, [N/m] and [N m/rad], as libfranka documents them.
const CARTESIAN_STIFFNESS: [(f64, f64); 2] = [(10.0, 3000.0), (1.0, 300.0)];

/// Returns the request in a payload, or the status that refuses it.
pub(crate) fn decode(
    generation: Generation,
    command: Command,
    payload: &[u8],
) -> Result<Request, Status> {
    match command {
        Command::Move => decode_move(generation, payload).map_err(Status::Move),
        Command::StopMove => Ok(Request::StopMove),
        Command::AutomaticErrorRecovery => Ok(Request::AutomaticErrorRecovery),
        Command::SetCollisionBehavior => {
            let r: SetCollisionBehaviorRequest = read(payload).ok_or(INVALID)?;
            let acceleration = Thresholds {
                torque: (
                    f64s_to_f64(&r.lower_torque_thresholds_acceleration),
                    f64s_to_f64(&r.upper_torque_thresholds_acceleration),
                ),
                force: (
                    f64s_to_f64(&r.lower_force_thresholds_acceleration),
                    f64s_to_f64(&r.upper_force_thresholds_acceleration),
                ),
            };
            let nominal = Thresholds {
                torque: (
                    f64s_to_f64(&r.lower_torque_thresholds_nominal),
                    f64s_to_f64(&r.upper_torque_thresholds_nominal),
                ),
                force: (
                    f64s_to_f64(&r.lower_force_thresholds_nominal),
                    f64s_to_f64(&r.upper_force_thresholds_nominal),
                ),
            };
            let valid = acceleration.is_sound() && nominal.is_sound();
            let behavior = CollisionBehavior {
                acceleration,
                nominal,
            };
            accept(valid, Request::SetCollisionBehavior(Box::new(behavior)))
        }
        Command::SetJointImpedance => {
            let r: SetJointImpedanceRequest = read(payload).ok_or(INVALID)?;
            let stiffness = f64s_to_f64(&r.K_theta);
            let valid = stiffness
                .iter()
                .all(|k| (0.0..=MAX_JOINT_STIFFNESS).contains(k));
            accept(valid, Request::SetJointImpedance(stiffness))
        }
        Command::SetCartesianImpedance => {
            let r: SetCartesianImpedanceRequest = read(payload).ok_or(INVALID)?;
            let stiffness = f64s_to_f64(&r.K_x);
            let valid = stiffness
                .chunks_exact(3)
                .zip(CARTESIAN_STIFFNESS)
                .all(|(part, (least, most))| part.iter().all(|k| (least..=most).contains(k)));
            accept(valid, Request::SetCartesianImpedance)
        }
        Command::SetGuidingMode => {
            let r: SetGuidingModeRequest = read(payload).ok_or(INVALID)?;
            let valid = r
                .guiding_mode
                .iter()
                .chain([&r.nullspace])
                .all(|flag| *flag <= 1);
            let freedom = Freedom {
                axes: r.guiding_mode.map(|flag| flag == 1),
                elbow: r.nullspace == 1,
            };
            accept(valid, Request::SetGuidingMode(freedom))
        }
        Command::SetEeToK => {
            let r: SetEEToKRequest = read(payload).ok_or(INVALID)?;
            let frame = f64s_to_f64(&r.EE_T_K);
            accept(is_rigid(&frame), Request::SetEeToK(frame))
        }
        Command::SetNeToEe => {
            let r: SetNEToEERequest = read(payload).ok_or(INVALID)?;
            let frame = f64s_to_f64(&r.NE_T_EE);
            accept(is_rigid(&frame), Request::SetNeToEe(frame))
        }
        Command::SetLoad => {
            let r: SetLoadRequest = read(payload).ok_or(INVALID)?;
            let load = Body {
                mass: r.m_load.get(),
                com: f64s_to_f64(&r.F_x_Cload),
                inertia: f64s_to_f64(&r.I_load),
            };
            let valid = load.is_physical() && load.mass <= HEAVIEST_LOAD;
            accept(valid, Request::SetLoad(load))
        }
        Command::SetFilters => {
            let r: SetFiltersRequest = read(payload).ok_or(INVALID)?;
            let frequencies = [
                r.joint_position_filter_frequency,
                r.joint_velocity_filter_frequency,
                r.cartesian_position_filter_frequency,
                r.cartesian_velocity_filter_frequency,
                r.controller_filter_frequency,
            ];
            let valid = frequencies.iter().all(|f| CUT_OFF.contains(&f.get()));
            accept(valid, Request::SetFilters)
        }
        Command::Connect
        | Command::GetRobotModel
        | Command::GetCartesianLimit
        | Command::LoadModelLibrary => Err(Status::NOT_POSSIBLE),
    }
}

fn decode_move(generation: Generation, payload: &[u8]) -> Result<Request, MoveStatus> {
    let invalid = MoveStatus::InvalidArgumentRejected;
    let arguments = generation.move_arguments(payload).ok_or(invalid)?;
    let controller = MoveControllerMode::from_u32(arguments.controller).ok_or(invalid)?;
    let mode = MoveMotionGeneratorMode::from_u32(arguments.generator).ok_or(invalid)?;
    if mode == MoveMotionGeneratorMode::None && generation == Generation::Fer {
        return Err(invalid);
    }
    let sound = arguments.deviations.iter().all(|d| {
        [d.translation.get(), d.rotation.get(), d.elbow.get()]
            .iter()
            .all(|v| v.is_finite() && *v >= 0.0)
    });
    let generator = Generator::of(mode);
    let nobody_moves_it =
        generator == Generator::None && controller != MoveControllerMode::ExternalController;
    // libfranka has asynchronous motions only for joint positions. Torques need the client's own cycle.
    let is_asynchronous = arguments.asynchronous.is_none_or(|fastest| {
        generator == Generator::JointPosition
            && controller != MoveControllerMode::ExternalController
            && fastest.iter().all(|v| v.is_finite() && *v > 0.0)
    });
    if !sound || nobody_moves_it || !is_asynchronous {
        return Err(invalid);
    }
    Ok(Request::Move {
        generator,
        controller,
        asynchronous: arguments.asynchronous,
    })
}

fn read<T: FromBytes + KnownLayout + Immutable>(payload: &[u8]) -> Option<T> {
    T::read_from_bytes(payload).ok()
}

fn accept(valid: bool, request: Request) -> Result<Request, Status> {
    if valid { Ok(request) } else { Err(INVALID) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use franka::wire::robot::{Deviation, MoveRequest, v5};
    use zerocopy::IntoBytes;

    fn move_request(controller: MoveControllerMode, mode: MoveMotionGeneratorMode) -> MoveRequest {
        let deviation = Deviation::new(10.0, 3.0, 6.0);
        MoveRequest::new(controller, mode, deviation, deviation)
    }

    #[test]
    fn decodes_the_motions_that_it_can_do() {
        let request = move_request(
            MoveControllerMode::JointImpedance,
            MoveMotionGeneratorMode::JointVelocity,
        );
        assert_eq!(
            decode(Generation::Fr3, Command::Move, request.as_bytes()),
            Ok(Request::Move {
                generator: Generator::JointVelocity,
                controller: MoveControllerMode::JointImpedance,
                asynchronous: None,
            })
        );
    }

    #[test]
    fn refuses_motions_that_make_no_sense() {
        let nobody = move_request(
            MoveControllerMode::JointImpedance,
            MoveMotionGeneratorMode::None,
        );
        let invalid = Err(Status::Move(MoveStatus::InvalidArgumentRejected));
        assert_eq!(
            decode(Generation::Fr3, Command::Move, nobody.as_bytes()),
            invalid
        );
        assert_eq!(
            decode(Generation::Fr3, Command::Move, &nobody.as_bytes()[..50]),
            invalid
        );
        let mut unknown = nobody;
        unknown.controller_mode.set(77);
        assert_eq!(
            decode(Generation::Fr3, Command::Move, unknown.as_bytes()),
            invalid
        );
        let mut endless = move_request(
            MoveControllerMode::JointImpedance,
            MoveMotionGeneratorMode::JointPosition,
        );
        endless.maximum_path_deviation = Deviation::new(f64::NAN, 1.0, 1.0);
        assert_eq!(
            decode(Generation::Fr3, Command::Move, endless.as_bytes()),
            invalid
        );
    }

    #[test]
    fn refuses_arguments_that_are_not_finite_or_out_of_range() {
        let soft = SetJointImpedanceRequest::new(&[100.0; 7]);
        assert_eq!(
            decode(Generation::Fr3, Command::SetJointImpedance, soft.as_bytes()),
            Ok(Request::SetJointImpedance([100.0; 7]))
        );
        for k in [f64::NAN, -1.0, 1e6] {
            let request = SetJointImpedanceRequest::new(&[k; 7]);
            assert_eq!(
                decode(
                    Generation::Fr3,
                    Command::SetJointImpedance,
                    request.as_bytes()
                ),
                Err(INVALID)
            );
        }
        let twisted = SetCollisionBehaviorRequest::new(
            &[20.; 7], &[10.; 7], &[10.; 7], &[20.; 7], &[10.; 6], &[20.; 6], &[10.; 6], &[20.; 6],
        );
        assert_eq!(
            decode(
                Generation::Fr3,
                Command::SetCollisionBehavior,
                twisted.as_bytes()
            ),
            Err(INVALID)
        );
        let ball = [0.1, 0., 0., 0., 0.1, 0., 0., 0., 0.1];
        let loads = [
            (1.0, ball, true),
            (HEAVIEST_LOAD, ball, true),
            (0.0, [0.0; 9], true),
            (1.0, [0.0; 9], false),
            (30.0, ball, false),
            (1.0, [0.0, 0.5, 0., 0., 0., 0., 0., 0., 0.], false),
        ];
        for (mass, inertia, taken) in loads {
            let load = SetLoadRequest::new(mass, &[0.0; 3], &inertia);
            let decoded = decode(Generation::Fr3, Command::SetLoad, load.as_bytes());
            assert_eq!(decoded.is_ok(), taken, "{mass} kg, {inertia:?}");
            assert!(taken || decoded == Err(INVALID));
        }
    }

    #[test]
    fn an_asynchronous_motion_is_one_to_joint_positions_and_says_how_fast() {
        let asked = |mode, controller, fastest: [f64; 7]| {
            let mut request = move_request(controller, mode);
            request.use_async_motion_generator = 1;
            request.maximum_velocity = franka::wire::f64s_to_wire(&fastest);
            decode(Generation::Fr3, Command::Move, request.as_bytes())
        };
        let own = MoveControllerMode::JointImpedance;
        let positions = MoveMotionGeneratorMode::JointPosition;
        assert_eq!(
            asked(positions, own, [0.5; 7]),
            Ok(Request::Move {
                generator: Generator::JointPosition,
                controller: own,
                asynchronous: Some([0.5; 7]),
            })
        );
        let invalid = Err(Status::Move(MoveStatus::InvalidArgumentRejected));
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(asked(positions, own, [wrong; 7]), invalid);
        }
        let velocities = MoveMotionGeneratorMode::JointVelocity;
        assert_eq!(asked(velocities, own, [0.5; 7]), invalid);
        let external = MoveControllerMode::ExternalController;
        assert_eq!(asked(positions, external, [0.5; 7]), invalid);
    }

    #[test]
    fn version_5_has_no_word_for_torques_alone() {
        let controller = MoveControllerMode::ExternalController;
        let wide = Deviation::new(10.0, 3.0, 6.0);
        let velocities = v5::MoveMotionGeneratorMode::JointVelocity;
        let mut request = v5::MoveRequest::new(controller, velocities, wide, wide);
        let decoded = |r: &v5::MoveRequest| decode(Generation::Fer, Command::Move, r.as_bytes());
        assert_eq!(
            decoded(&request),
            Ok(Request::Move {
                generator: Generator::JointVelocity,
                controller,
                asynchronous: None,
            })
        );
        let none = MoveMotionGeneratorMode::None.to_u32();
        request.motion_generator_mode.set(none);
        let invalid = Err(Status::Move(MoveStatus::InvalidArgumentRejected));
        assert_eq!(decoded(&request), invalid);
        let longer = move_request(controller, MoveMotionGeneratorMode::JointVelocity);
        assert_eq!(
            decode(Generation::Fer, Command::Move, longer.as_bytes()),
            invalid
        );
    }

    #[test]
    fn filters_have_a_range() {
        let filters = |hz| SetFiltersRequest::new(100.0, 100.0, hz, 100.0, 100.0);
        let decoded = |hz| decode(Generation::Fer, Command::SetFilters, filters(hz).as_bytes());
        assert_eq!(decoded(1000.0), Ok(Request::SetFilters));
        for hz in [0.0, -1.0, 1000.5, f64::NAN, f64::INFINITY] {
            assert_eq!(decoded(hz), Err(INVALID), "{hz}");
        }
    }

    #[test]
    fn no_length_of_any_payload_panics() {
        for (generation, number) in Generation::ALL
            .into_iter()
            .flat_map(|generation| (0..=14).map(move |number| (generation, number)))
        {
            let Some(command) = generation.command(number) else {
                continue;
            };
            for length in 0..600 {
                for byte in [0x00, 0x7f, 0xff] {
                    let _ = decode(generation, command, &vec![byte; length]);
                }
            }
        }
    }
}
