//! The model library that a simulated FER serves, loaded and called as a client does.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]

mod common;

use common::{connect, wall_clock};
use franka::model::{Frame, Model};
use kilohertz_sim::Generation;

const EARTH: [f64; 3] = [0.3, -0.2, -9.81];

fn assert_near<const N: usize>(what: &str, served: &[f64; N], own: &[f64; N]) {
    for (nth, (served, own)) in served.iter().zip(own).enumerate() {
        assert!(
            (served - own).abs() < 1e-9,
            "{what}[{nth}]: {served} and {own}"
        );
    }
}

#[test]
fn what_a_fer_serves_is_the_model_that_moves_it() {
    let simulator = wall_clock(Generation::Fer);
    let robot = connect(&simulator).unwrap();
    let served = robot.load_model_from_robot().unwrap();
    let own = Model::native_fer();
    let mut noise = 5_u64;
    let mut random = |from: f64, to: f64| {
        noise = noise
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        from + (to - from) * (noise >> 40) as f64 / (1_u64 << 24) as f64
    };
    let tool = [
        0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.02, -0.03, 0.1, 1.0,
    ];
    let inertia = [0.01, 0.002, 0.0, 0.002, 0.02, 0.001, 0.0, 0.001, 0.015];
    for _ in 0..50 {
        let q = std::array::from_fn(|_| random(-2.5, 2.5));
        let dq = std::array::from_fn(|_| random(-2.0, 2.0));
        let (mass, centre) = (random(0.0, 3.0), std::array::from_fn(|_| random(-0.1, 0.1)));
        for frame in Frame::ALL {
            let both = [&served, &own].map(|model| {
                (
                    model.pose_q(frame, &q, &tool, &tool),
                    model.zero_jacobian_q(frame, &q, &tool, &tool),
                    model.body_jacobian_q(frame, &q, &tool, &tool),
                )
            });
            assert_near(&format!("pose of {frame:?}"), &both[0].0, &both[1].0);
            assert_near(
                &format!("zero Jacobian of {frame:?}"),
                &both[0].1,
                &both[1].1,
            );
            assert_near(
                &format!("body Jacobian of {frame:?}"),
                &both[0].2,
                &both[1].2,
            );
        }
        let both = [&served, &own].map(|model| {
            (
                model.mass_q(&q, &inertia, mass, &centre),
                model.coriolis_q(&q, &dq, &inertia, mass, &centre, &[0.0; 3]),
                model.gravity_q(&q, mass, &centre, &EARTH),
            )
        });
        assert_near("mass", &both[0].0, &both[1].0);
        assert_near("coriolis", &both[0].1, &both[1].1);
        assert_near("gravity", &both[0].2, &both[1].2);
    }
}
