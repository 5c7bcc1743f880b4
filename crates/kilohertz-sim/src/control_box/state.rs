//! The state that the arm reports every millisecond.

use franka::model::DEFAULT_GRAVITY_EARTH;
use franka::rate_limiting::DELTA_T;
use franka::{Duration, RobotState};

use crate::control_box::ControlBox;
use crate::control_box::cartesian::CartesianReference;
use crate::generation::elbow;
use crate::noise::Sensor;
use crate::wire::messages::State;

/// The values of the previous state that a state needs.
#[derive(Debug, Default)]
pub(crate) struct StateWriter {
    last_twist: [f64; 6],
}

impl StateWriter {
    /// Returns the state of `robot` now. Allocates nothing.
    pub fn write(&mut self, robot: &ControlBox) -> State {
        let arm = &robot.arm;
        let reference = &arm.reference;
        let f_t_ee = arm.frames.f_t_ee();
        let desired = arm.dynamics.end_effector(&reference.q, &f_t_ee);
        let twist = arm.dynamics.twist(&reference.q, &reference.dq, &f_t_ee);
        let twist_rate: [f64; 6] =
            std::array::from_fn(|i| (twist[i] - self.last_twist[i]) / DELTA_T);
        self.last_twist = twist;
        let commanded = robot.cartesian().unwrap_or(CartesianReference {
            pose: desired,
            twist,
            acceleration: twist_rate,
            elbow: None,
            kept: reference.q[2],
        });
        let [elbow_c, delbow, ddelbow] = match commanded.elbow {
            Some(elbow) => [elbow.place, elbow.velocity, elbow.acceleration],
            None => [reference.q[2], reference.dq[2], reference.ddq[2]],
        };
        let (robot_mode, motion) = robot.modes();
        let elbow_d = elbow(&reference.q);
        let mut values = RobotState {
            time: Duration::from_millis(robot.time),
            O_T_EE: arm.dynamics.end_effector(&arm.pose.q, &f_t_ee),
            O_T_EE_d: desired,
            F_T_EE: f_t_ee,
            EE_T_K: arm.frames.ee_t_k,
            F_T_NE: arm.frames.f_t_ne,
            NE_T_EE: arm.frames.ne_t_ee,
            m_ee: arm.end_effector.mass,
            I_ee: arm.end_effector.inertia,
            F_x_Cee: arm.end_effector.com,
            m_load: arm.load.mass,
            I_load: arm.load.inertia,
            F_x_Cload: arm.load.com,
            elbow: elbow(&arm.pose.q),
            elbow_d,
            tau_J: arm.tau_j,
            tau_J_d: arm.tau_d,
            dtau_J: arm.dtau_j,
            q: arm.pose.q,
            q_d: reference.q,
            dq: arm.pose.dq,
            dq_d: reference.dq,
            ddq_d: reference.ddq,
            tau_ext_hat_filtered: arm.tau_ext,
            O_F_ext_hat_K: arm.wrench_base,
            K_F_ext_hat_K: arm.wrench,
            joint_contact: arm.contacts.joint_contact,
            joint_collision: arm.contacts.joint_collision,
            cartesian_contact: arm.contacts.cartesian_contact,
            cartesian_collision: arm.contacts.cartesian_collision,
            O_dP_EE_d: twist,
            O_ddP_O: DEFAULT_GRAVITY_EARTH,
            elbow_c: [elbow_c, elbow_d[1]],
            delbow_c: [delbow, 0.0],
            ddelbow_c: [ddelbow, 0.0],
            O_T_EE_c: commanded.pose,
            O_dP_EE_c: commanded.twist,
            O_ddP_EE_c: commanded.acceleration,
            theta: arm.pose.q,
            dtheta: arm.pose.dq,
            current_errors: robot.errors.flags(),
            last_motion_errors: robot.reflex_reason.flags(),
            robot_mode,
            control_command_success_rate: robot.success_rate(),
            ..RobotState::default()
        };
        if robot.noise.is_on() {
            add_noise(&mut values, robot);
        }
        State { values, motion }
    }
}

/// Adds the noise of the sensors to what they measure, and to what the arm computes from it.
fn add_noise(values: &mut RobotState, robot: &ControlBox) {
    let (arm, moment) = (&robot.arm, robot.moment());
    let of = |sensor| robot.noise.of(sensor, moment);
    add(&mut values.q, &of(Sensor::Position));
    add(&mut values.dq, &of(Sensor::Velocity));
    let torque = of(Sensor::Torque);
    let before = robot.noise.of(Sensor::Torque, moment.before());
    add(&mut values.tau_J, &torque);
    let rate: [f64; 7] = std::array::from_fn(|i| (torque[i] - before[i]) / DELTA_T);
    add(&mut values.dtau_J, &rate);
    add(&mut values.tau_ext_hat_filtered, &of(Sensor::External));
    values.theta = values.q;
    values.dtheta = values.dq;
    values.elbow = elbow(&values.q);
    values.O_T_EE = arm.dynamics.end_effector(&values.q, &values.F_T_EE);
    let wrench = arm
        .dynamics
        .wrench(&values.q, &arm.frames, &values.tau_ext_hat_filtered);
    values.O_F_ext_hat_K = wrench;
    values.K_F_ext_hat_K = arm
        .dynamics
        .in_stiffness_axes(&values.q, &arm.frames, &wrench);
}

fn add(values: &mut [f64; 7], noise: &[f64; 7]) {
    for (value, noise) in values.iter_mut().zip(noise) {
        *value += noise;
    }
}

#[cfg(test)]
mod tests {
    use franka::model::{Frame, Model};

    use super::*;
    use crate::body::cholesky::{Factor, square};
    use crate::generation::Generation;
    use crate::joints::{Joints, Wrench};
    use crate::options::SimulatorOptions;

    const POSES: usize = 20;
    /// The stiffness frame in the end effector's frame: turned, and at a distance.
    const EE_T_K: [f64; 16] = [
        0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.02, -0.03, 0.1, 1.0,
    ];

    fn frame(model: &Model, state: &RobotState) -> ([f64; 42], [f64; 16]) {
        let (ee, k) = (&state.F_T_EE, &state.EE_T_K);
        (
            model.zero_jacobian_q(Frame::Stiffness, &state.q, ee, k),
            model.pose_q(Frame::Stiffness, &state.q, ee, k),
        )
    }

    /// Returns the joint torques [N m] that belong to a wrench at the stiffness frame.
    fn torques(jacobian: &[f64; 42], wrench: &Wrench) -> Joints {
        std::array::from_fn(|joint| (0..6).map(|i| jacobian[6 * joint + i] * wrench[i]).sum())
    }

    /// Returns an arm at rest in a random pose from which it can be pushed in any direction.
    fn standing(generation: Generation, random: &mut impl FnMut() -> f64) -> ControlBox {
        let envelope = generation.envelope();
        loop {
            let q = std::array::from_fn(|i| {
                let (lower, upper) = (envelope.lower[i] + 0.2, envelope.upper[i] - 0.2);
                lower + random() * (upper - lower)
            });
            let options = SimulatorOptions {
                generation,
                q,
                friction: false,
                ..SimulatorOptions::default()
            };
            let mut robot = ControlBox::new(&options).unwrap();
            robot.arm.frames.ee_t_k = EE_T_K;
            let state = StateWriter::default().write(&robot).values;
            let (jacobian, _) = frame(&robot.arm.dynamics.model, &state);
            if Factor::of(square(&jacobian, 0.0)).volume() > 0.02 {
                return robot;
            }
        }
    }

    /// Returns the state soon after a push began, and `tau_J` minus the model's torques for the motion.
    fn pushed(robot: &mut ControlBox, push: &Joints) -> (RobotState, Joints) {
        robot.arm.push = *push;
        (0..40).for_each(|_| robot.tick());
        let state = StateWriter::default().write(robot).values;
        let model = &robot.arm.dynamics.model;
        let (carried, still) = (&robot.arm.dynamics.payload, [0.0; 3]);
        let mass = model.mass_q(&state.q, &carried.inertia, carried.mass, &carried.com);
        let gravity = model.gravity_q(&state.q, carried.mass, &carried.com, &DEFAULT_GRAVITY_EARTH);
        let coriolis = model.coriolis_q(
            &state.q,
            &state.dq,
            &carried.inertia,
            carried.mass,
            &carried.com,
            &still,
        );
        let rest = std::array::from_fn(|i| {
            let inertia: f64 = (0..7).map(|j| mass[7 * i + j] * robot.arm.ddq[j]).sum();
            state.tau_J[i] - inertia - coriolis[i] - gravity[i]
        });
        robot.arm.push = [0.0; 7];
        (0..200).for_each(|_| robot.tick());
        (state, rest)
    }

    fn assert_near<const N: usize>(what: &str, found: &[f64; N], wanted: &[f64; N]) {
        let most = wanted.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        let off = (0..N)
            .map(|i| (found[i] - wanted[i]).abs())
            .fold(0.0, f64::max);
        assert!(off < 0.02 * most, "{what}: {found:?} instead of {wanted:?}");
    }

    #[test]
    fn what_the_arm_applies_to_its_surroundings_is_positive_as_on_an_arm() {
        for generation in Generation::ALL {
            let mut noise = 7_u64;
            let mut random = || {
                noise = noise
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1);
                (noise >> 40) as f64 / (1_u64 << 24) as f64
            };
            for _ in 0..POSES {
                let mut robot = standing(generation, &mut random);
                for nth in 0..14 {
                    let mut push = [0.0; 7];
                    push[nth / 2] = if nth % 2 == 0 { 4.0 } else { -4.0 };
                    let (state, rest) = pushed(&mut robot, &push);
                    assert_near("tau_ext_hat_filtered", &state.tau_ext_hat_filtered, &rest);
                    assert_near("the push, turned round", &rest, &push.map(|tau| -tau));
                }
                for nth in 0..12 {
                    let strength = if nth < 6 { 8.0 } else { 2.0 };
                    let mut outside = [0.0; 6];
                    outside[nth / 2] = if nth % 2 == 0 { strength } else { -strength };
                    let state = StateWriter::default().write(&robot).values;
                    let (jacobian, _) = frame(&robot.arm.dynamics.model, &state);
                    let push = torques(&jacobian, &outside);
                    let (state, rest) = pushed(&mut robot, &push);
                    let (jacobian, pose) = frame(&robot.arm.dynamics.model, &state);
                    assert_near("tau_ext_hat_filtered", &state.tau_ext_hat_filtered, &rest);
                    assert_near(
                        "O_F_ext_hat_K",
                        &torques(&jacobian, &state.O_F_ext_hat_K),
                        &rest,
                    );
                    let axis = |i: usize, of: &Wrench| -> f64 {
                        (0..3)
                            .map(|k| pose[4 * (i % 3) + k] * of[3 * (i / 3) + k])
                            .sum()
                    };
                    let turned = std::array::from_fn(|i| axis(i, &state.O_F_ext_hat_K));
                    assert_near("K_F_ext_hat_K", &state.K_F_ext_hat_K, &turned);
                    assert!(state.O_F_ext_hat_K[nth / 2] * outside[nth / 2] < 0.0);
                    assert_near("O_F_ext_hat_K", &state.O_F_ext_hat_K, &outside.map(|f| -f));
                }
            }
        }
    }

    #[test]
    fn a_stretched_arm_tells_no_wrench_and_its_torques_all_the_same() {
        let options = SimulatorOptions {
            q: [0.0, 0.0, 0.0, -0.4671, 0.0, 1.6, 0.0],
            friction: false,
            ..SimulatorOptions::default()
        };
        let mut robot = ControlBox::new(&options).unwrap();
        let (state, rest) = pushed(&mut robot, &[4.0; 7]);
        assert_eq!(state.O_F_ext_hat_K, [0.0; 6]);
        assert_eq!(state.K_F_ext_hat_K, [0.0; 6]);
        assert_near("tau_ext_hat_filtered", &state.tau_ext_hat_filtered, &rest);
    }
}
