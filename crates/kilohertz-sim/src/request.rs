//! Requests of a client, decoded once: bytes in, meaning out.

use franka::MoveStatus;
use franka::wire::f64s_to_f64;
use franka::wire::robot::{
    Command, GetterSetterStatus, MoveControllerMode, MoveMotionGeneratorMode, MoveRequest,
    SetCartesianImpedanceRequest, SetCollisionBehaviorRequest, SetEEToKRequest,
    SetGuidingModeRequest, SetJointImpedanceRequest, SetLoadRequest, SetNEToEERequest,
};
use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::motion::Generator;
use crate::payload::{Body, is_rigid};

/// What a client asks of the arm.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Move {
        generator: Generator,
        controller: MoveControllerMode,
    },
    StopMove,
    /// Thresholds are checked and change nothing: the simulated arm touches nothing.
    SetCollisionBehavior,
    SetJointImpedance([f64; 7]),
    /// Checked, and changes nothing: there is no Cartesian controller.
    SetCartesianImpedance,
    /// Checked, and changes nothing: nobody guides the arm by hand.
    SetGuidingMode,
    SetEeToK([f64; 16]),
    SetNeToEe([f64; 16]),
    SetLoad(Body),
    AutomaticErrorRecovery,
}

/// Status bytes that every command of the protocol gives the same meaning.
pub(crate) const SUCCESS: u8 = GetterSetterStatus::Success as u8;
/// As a getter or setter, `StopMove` and `AutomaticErrorRecovery` say it.
pub(crate) const NOT_POSSIBLE: u8 = GetterSetterStatus::CommandNotPossibleRejected as u8;
const INVALID: u8 = GetterSetterStatus::InvalidArgumentRejected as u8;

/// Largest joint stiffness [N m/rad] that libfranka documents.
const MAX_JOINT_STIFFNESS: f64 = 14_250.0;
/// Stiffness ranges of `SetCartesianImpedance`, [N/m] and [N m/rad], as libfranka documents them.
const CARTESIAN_STIFFNESS: [(f64, f64); 2] = [(10.0, 3000.0), (1.0, 300.0)];

/// The request in a payload, or the status byte that refuses it.
pub(crate) fn decode(command: Command, payload: &[u8]) -> Result<Request, u8> {
    match command {
        Command::Move => decode_move(payload),
        Command::StopMove => Ok(Request::StopMove),
        Command::AutomaticErrorRecovery => Ok(Request::AutomaticErrorRecovery),
        Command::SetCollisionBehavior => {
            let r: SetCollisionBehaviorRequest = read(payload).ok_or(INVALID)?;
            let valid = ordered(
                &f64s_to_f64(&r.lower_torque_thresholds_acceleration),
                &f64s_to_f64(&r.upper_torque_thresholds_acceleration),
            ) && ordered(
                &f64s_to_f64(&r.lower_torque_thresholds_nominal),
                &f64s_to_f64(&r.upper_torque_thresholds_nominal),
            ) && ordered(
                &f64s_to_f64(&r.lower_force_thresholds_acceleration),
                &f64s_to_f64(&r.upper_force_thresholds_acceleration),
            ) && ordered(
                &f64s_to_f64(&r.lower_force_thresholds_nominal),
                &f64s_to_f64(&r.upper_force_thresholds_nominal),
            );
            accept(valid, Request::SetCollisionBehavior)
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
            let valid = stiffness.iter().enumerate().all(|(i, k)| {
                let (least, most) = CARTESIAN_STIFFNESS[i / 3];
                (least..=most).contains(k)
            });
            accept(valid, Request::SetCartesianImpedance)
        }
        Command::SetGuidingMode => {
            let r: SetGuidingModeRequest = read(payload).ok_or(INVALID)?;
            let valid = r
                .guiding_mode
                .iter()
                .chain([&r.nullspace])
                .all(|flag| *flag <= 1);
            accept(valid, Request::SetGuidingMode)
        }
        Command::SetEEToK => {
            let r: SetEEToKRequest = read(payload).ok_or(INVALID)?;
            let frame = f64s_to_f64(&r.EE_T_K);
            accept(is_rigid(&frame), Request::SetEeToK(frame))
        }
        Command::SetNEToEE => {
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
            accept(load.is_physical(), Request::SetLoad(load))
        }
        Command::Connect | Command::GetRobotModel => Err(NOT_POSSIBLE),
    }
}

fn decode_move(payload: &[u8]) -> Result<Request, u8> {
    let invalid = MoveStatus::InvalidArgumentRejected.to_u8();
    let r: MoveRequest = read(payload).ok_or(invalid)?;
    let controller = MoveControllerMode::from_u32(r.controller_mode.get()).ok_or(invalid)?;
    let mode = MoveMotionGeneratorMode::from_u32(r.motion_generator_mode.get()).ok_or(invalid)?;
    let deviations = [r.maximum_path_deviation, r.maximum_goal_pose_deviation];
    let sound = deviations.iter().all(|d| {
        [d.translation.get(), d.rotation.get(), d.elbow.get()]
            .iter()
            .all(|v| v.is_finite() && *v >= 0.0)
    });
    let generator = match mode {
        MoveMotionGeneratorMode::JointPosition => Generator::JointPosition,
        MoveMotionGeneratorMode::JointVelocity => Generator::JointVelocity,
        MoveMotionGeneratorMode::None => Generator::None,
        MoveMotionGeneratorMode::CartesianPosition | MoveMotionGeneratorMode::CartesianVelocity => {
            return Err(MoveStatus::CommandNotPossibleRejected.to_u8());
        }
    };
    let nobody_moves_it =
        generator == Generator::None && controller != MoveControllerMode::ExternalController;
    if !sound || nobody_moves_it || r.use_async_motion_generator != 0 {
        return Err(invalid);
    }
    Ok(Request::Move {
        generator,
        controller,
    })
}

fn read<T: FromBytes + KnownLayout + Immutable>(payload: &[u8]) -> Option<T> {
    T::read_from_bytes(payload).ok()
}

fn accept(valid: bool, request: Request) -> Result<Request, u8> {
    if valid { Ok(request) } else { Err(INVALID) }
}

fn ordered<const N: usize>(lower: &[f64; N], upper: &[f64; N]) -> bool {
    (0..N).all(|i| {
        lower[i].is_finite() && upper[i].is_finite() && lower[i] >= 0.0 && lower[i] <= upper[i]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use franka::wire::robot::Deviation;
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
            decode(Command::Move, request.as_bytes()),
            Ok(Request::Move {
                generator: Generator::JointVelocity,
                controller: MoveControllerMode::JointImpedance
            })
        );
    }

    #[test]
    fn refuses_motions_that_make_no_sense() {
        let nobody = move_request(
            MoveControllerMode::JointImpedance,
            MoveMotionGeneratorMode::None,
        );
        let invalid = Err(MoveStatus::InvalidArgumentRejected.to_u8());
        assert_eq!(decode(Command::Move, nobody.as_bytes()), invalid);
        assert_eq!(decode(Command::Move, &nobody.as_bytes()[..50]), invalid);
        let mut unknown = nobody;
        unknown.controller_mode.set(77);
        assert_eq!(decode(Command::Move, unknown.as_bytes()), invalid);
        let mut endless = move_request(
            MoveControllerMode::JointImpedance,
            MoveMotionGeneratorMode::JointPosition,
        );
        endless.maximum_path_deviation = Deviation::new(f64::NAN, 1.0, 1.0);
        assert_eq!(decode(Command::Move, endless.as_bytes()), invalid);
    }

    #[test]
    fn refuses_arguments_that_are_not_finite_or_out_of_range() {
        let soft = SetJointImpedanceRequest::new(&[100.0; 7]);
        assert_eq!(
            decode(Command::SetJointImpedance, soft.as_bytes()),
            Ok(Request::SetJointImpedance([100.0; 7]))
        );
        for k in [f64::NAN, -1.0, 1e6] {
            let request = SetJointImpedanceRequest::new(&[k; 7]);
            assert_eq!(
                decode(Command::SetJointImpedance, request.as_bytes()),
                Err(INVALID)
            );
        }
        let twisted = SetCollisionBehaviorRequest::new(
            &[20.; 7], &[10.; 7], &[10.; 7], &[20.; 7], &[10.; 6], &[20.; 6], &[10.; 6], &[20.; 6],
        );
        assert_eq!(
            decode(Command::SetCollisionBehavior, twisted.as_bytes()),
            Err(INVALID)
        );
        let mut inertia = [0.0; 9];
        inertia[1] = 0.5;
        let load = SetLoadRequest::new(1.0, &[0.0; 3], &inertia);
        assert_eq!(decode(Command::SetLoad, load.as_bytes()), Err(INVALID));
    }

    #[test]
    fn no_length_of_any_payload_panics() {
        for number in 0..=12 {
            let Some(command) = Command::from_u32(number) else {
                continue;
            };
            for length in 0..600 {
                for byte in [0x00, 0x7f, 0xff] {
                    let _ = decode(command, &vec![byte; length]);
                }
            }
        }
    }
}
