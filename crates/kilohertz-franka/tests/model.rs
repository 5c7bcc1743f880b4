//! The promises of the model of an arm.

#[path = "../../kilohertz-core/tests/counting/mod.rs"]
mod counting;

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4};

use franka::model::Frame;
use kilohertz_franka::Generation;
use kilohertz_franka::kinematics::model::{ArmModel, POSTURE_LEN, Posture, Quantity};

const READY: [f64; 7] = [
    0.0,
    -FRAC_PI_4,
    0.0,
    -3.0 * FRAC_PI_4,
    0.0,
    FRAC_PI_2,
    FRAC_PI_4,
];
const BENT: [f64; 7] = [
    0.549_159, 1.133_616, 1.279_49, -2.232_337, -0.897_333, 3.717_823, -2.387_313,
];

fn computed(model: &ArmModel, quantity: Quantity, at: &Posture) -> Vec<f64> {
    let mut values = vec![f64::NAN; quantity.len()];
    model.compute(quantity, at, &mut values);
    values
}

fn near(ours: &[f64], theirs: &[f64], within: f64) {
    for (ours, theirs) in ours.iter().zip(theirs) {
        assert!((ours - theirs).abs() <= within, "{ours} is not {theirs}");
    }
}

/// The reference values are of MuJoCo 3.2.7 and its FR3 model without a hand, gravity 9.81 m/s2: the sums of
/// Coriolis and gravity torques.
#[test]
fn the_fr3s_torques_are_those_of_an_independent_source() {
    let model = ArmModel::new(Generation::Fr3).unwrap();
    let dq = [
        0.642_457, 0.594_139, -0.064_13, -0.393_935, -0.443_149, -0.490_261, -0.109_847,
    ];
    let cases = [
        (
            READY,
            [0.0; 7],
            [0.0, -1.709_04, -0.639_46, 18.958_23, 0.791_9, 1.587_94, 0.0],
        ),
        (
            BENT,
            dq,
            [
                0.110_28, -25.177_13, 21.376_9, 5.029_51, -0.098_71, 0.590_59, 0.045_62,
            ],
        ),
    ];
    for (q, dq, bias) in cases {
        let at = Posture {
            dq,
            gravity_earth: [0.0, 0.0, -9.81],
            ..Posture::bare(q)
        };
        let coriolis = computed(&model, Quantity::Coriolis, &at);
        let gravity = computed(&model, Quantity::Gravity, &at);
        let sum: Vec<f64> = coriolis.iter().zip(&gravity).map(|(c, g)| c + g).collect();
        near(&sum, &bias, 2e-3);
    }
}

#[test]
fn the_fr3s_mass_matrix_is_that_of_an_independent_source_and_symmetric() {
    let model = ArmModel::new(Generation::Fr3).unwrap();
    let mass = computed(&model, Quantity::Mass, &Posture::bare(READY));
    let diagonal: Vec<f64> = (0..7).map(|nth| mass[8 * nth]).collect();
    let theirs = [
        0.498_51, 1.525_42, 0.923_34, 0.834_02, 0.027_52, 0.030_49, 0.000_12,
    ];
    near(&diagonal, &theirs, 2e-4);
    for row in 0..7 {
        for column in 0..7 {
            near(&[mass[7 * column + row]], &[mass[7 * row + column]], 1e-12);
        }
    }
}

#[test]
fn a_jacobian_is_the_derivative_of_the_pose() {
    const STEP: f64 = 1e-6;
    for generation in Generation::ALL {
        let model = ArmModel::new(generation).unwrap();
        for frame in Frame::ALL {
            let at = Posture::bare(BENT);
            let jacobian = computed(&model, Quantity::ZeroJacobian(frame), &at);
            for joint in 0..7 {
                let moved = |by: f64| {
                    let mut q = BENT;
                    q[joint] += by;
                    computed(&model, Quantity::Pose(frame), &Posture::bare(q))
                };
                let (ahead, behind) = (moved(STEP), moved(-STEP));
                let slope: Vec<f64> = (12..15)
                    .map(|nth| (ahead[nth] - behind[nth]) / (2.0 * STEP))
                    .collect();
                near(&jacobian[6 * joint..6 * joint + 3], &slope, 1e-8);
            }
        }
    }
}

#[test]
fn a_body_jacobian_is_the_zero_jacobian_seen_from_its_frame() {
    for generation in Generation::ALL {
        let model = ArmModel::new(generation).unwrap();
        for frame in Frame::ALL {
            let at = Posture::bare(BENT);
            let pose = computed(&model, Quantity::Pose(frame), &at);
            let zero = computed(&model, Quantity::ZeroJacobian(frame), &at);
            let body = computed(&model, Quantity::BodyJacobian(frame), &at);
            for column in 0..7 {
                for half in [0, 3] {
                    let from = 6 * column + half;
                    let seen: Vec<f64> = (0..3)
                        .map(|axis| {
                            (0..3)
                                .map(|row| pose[4 * axis + row] * zero[from + row])
                                .sum()
                        })
                        .collect();
                    near(&body[from..from + 3], &seen, 1e-12);
                }
            }
        }
    }
}

#[test]
fn a_tool_on_the_flange_is_part_of_the_model() {
    for generation in Generation::ALL {
        let model = ArmModel::new(generation).unwrap();
        let bare = Posture::bare(READY);
        let mut tool = bare.F_T_EE;
        tool[14] = 0.1;
        let loaded = Posture {
            m_total: 1.0,
            F_T_EE: tool,
            ..bare
        };
        let lift = |at| {
            let flange = computed(&model, Quantity::Pose(Frame::Flange), at);
            let tip = computed(&model, Quantity::Pose(Frame::EndEffector), at);
            (12..15)
                .map(|nth| (tip[nth] - flange[nth]).powi(2))
                .sum::<f64>()
                .sqrt()
        };
        near(&[lift(&bare), lift(&loaded)], &[0.0, 0.1], 1e-12);
        let gravity = |at| computed(&model, Quantity::Gravity, at)[1].abs();
        assert!((gravity(&loaded) - gravity(&bare)).abs() > 1.0);
    }
}

#[test]
fn a_posture_reads_its_slots_in_order() {
    let slots: [f64; POSTURE_LEN] = std::array::from_fn(|nth| nth as f64);
    let posture = Posture::from_slots(&slots);
    assert_eq!(posture.q[0], 0.0);
    assert_eq!(posture.dq[0], 7.0);
    assert_eq!(posture.F_T_EE[0], 14.0);
    assert_eq!(posture.EE_T_K[0], 30.0);
    assert_eq!(posture.I_total[0], 46.0);
    assert_eq!(posture.m_total, 55.0);
    assert_eq!(posture.F_x_Ctotal[0], 56.0);
    assert_eq!(posture.gravity_earth, [59.0, 60.0, 61.0]);
}

#[test]
fn computing_allocates_nothing() {
    for generation in Generation::ALL {
        let model = ArmModel::new(generation).unwrap();
        let at = Posture::bare(BENT);
        let mut values = [0.0; 49];
        counting::watch();
        for frame in Frame::ALL {
            for quantity in [
                Quantity::Pose(frame),
                Quantity::BodyJacobian(frame),
                Quantity::ZeroJacobian(frame),
                Quantity::Mass,
                Quantity::Coriolis,
                Quantity::Gravity,
            ] {
                model.compute(quantity, &at, &mut values[..quantity.len()]);
            }
        }
        assert_eq!(counting::seen(), 0, "{generation}");
    }
}

#[test]
fn quantities_and_frames_have_numbers_in_order() {
    assert_eq!(
        Quantity::numbered(0, 8),
        Some(Quantity::Pose(Frame::EndEffector))
    );
    assert_eq!(
        Quantity::numbered(2, 0),
        Some(Quantity::ZeroJacobian(Frame::Joint1))
    );
    assert_eq!(Quantity::numbered(5, 99), Some(Quantity::Gravity));
    assert_eq!(Quantity::numbered(0, 10), None);
    assert_eq!(Quantity::numbered(6, 0), None);
}
