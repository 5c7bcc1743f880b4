//! The model library of a simulated FER, which `LoadModelLibrary` serves. Its functions have the names that
//! libfranka 0.9 looks for.
//!
//! `build.rs` compiles only this file to a shared object. Joints and links are those of
//! `franka::model::FER_URDF`. A test compares every function with that model. Matrices are column-major.

#![no_std]
#![allow(non_snake_case, reason = "libfranka's names")]

use core::array::from_fn;

type Vector = [f64; 3];
type Joints = [f64; 7];

#[link(name = "m")]
unsafe extern "C" {
    safe fn sin(x: f64) -> f64;
    safe fn cos(x: f64) -> f64;
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// `core`, which could unwind, needs this symbol. Nothing in this library unwinds.
#[unsafe(no_mangle)]
extern "C" fn rust_eh_personality() {}

/// The position of each joint in the previous frame [m], and the sine of its rotation about x, which is zero
/// or a right angle.
const JOINTS: [(Vector, f64); 7] = [
    ([0.0, 0.0, 0.333], 0.0),
    ([0.0, 0.0, 0.0], -1.0),
    ([0.0, -0.316, 0.0], 1.0),
    ([0.0825, 0.0, 0.0], 1.0),
    ([-0.0825, 0.384, 0.0], -1.0),
    ([0.0, 0.0, 0.0], 1.0),
    ([0.088, 0.0, 0.0], 1.0),
];
/// The flange in the frame of joint 7 [m].
const FLANGE: Vector = [0.0, 0.0, 0.107];

/// A rigid body: mass [kg], centre of mass in its frame [m], inertia about the centre of mass [kg m2].
#[derive(Clone, Copy)]
struct Body {
    mass: f64,
    centre: Vector,
    inertia: [Vector; 3],
}

const fn link(mass: f64, centre: Vector, [xx, xy, xz, yy, yz, zz]: [f64; 6]) -> Body {
    Body {
        mass,
        centre,
        inertia: [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]],
    }
}

const LINKS: [Body; 7] = [
    link(
        4.970684,
        [
            0.008212145719781648,
            -0.012489433728811434,
            -0.04762000000000013,
        ],
        [
            0.702616168960195,
            -0.0006889014261360759,
            0.005745380380637394,
            0.7063494182919353,
            0.02261787953853889,
            0.00252224154567267,
        ],
    ),
    link(
        0.6469260000000004,
        [
            -0.008847188777277989,
            -0.027478515098922834,
            -0.10845755996646182,
        ],
        [
            -0.010435853412563362,
            -0.005177260395266927,
            0.029034281597634885,
            0.01769709595829096,
            -0.0015692467290544213,
            0.032692302428138635,
        ],
    ),
    link(
        3.226078812759408,
        [
            0.02841819564298921,
            0.03858833128409879,
            -0.06679932425691104,
        ],
        [
            0.03931086918293672,
            -0.005053474288594204,
            -0.016811536796376148,
            0.037310455098084824,
            -0.013111663402157121,
            0.004872267100857771,
        ],
    ),
    link(
        3.588634337011673,
        [
            -0.052923582753299815,
            0.1041655281882056,
            0.028072528740131844,
        ],
        [
            0.01879326936772531,
            0.019613334939035772,
            -0.0005851665677740316,
            0.017929420205220613,
            0.007812946524814866,
            0.03591432048480523,
        ],
    ),
    link(
        1.224660602599113,
        [
            -0.00819919810222125,
            0.044849648534549445,
            -0.03912541618142476,
        ],
        [
            0.04250244229149407,
            -0.00418291650860753,
            -0.005749943950155883,
            0.027739448427164998,
            0.005555036692920862,
            0.0005098413569274763,
        ],
    ),
    link(
        1.665269602599113,
        [
            0.06064264248542852,
            -0.013792474511436911,
            -0.013276699467264706,
        ],
        [
            -0.003069941349005529,
            4.066514884184039e-5,
            -0.001354770129082226,
            0.0029132442028317164,
            0.0011252745943301765,
            0.0019853862104898127,
        ],
    ),
    link(
        0.7347474831348583,
        [
            0.008499343414525214,
            -0.0006345336526240304,
            0.060901871831290526,
        ],
        [
            0.0064418635784042975,
            0.001183620745107082,
            0.0021380029551365423,
            0.00815041377656671,
            -0.0006250487121552125,
            0.0012188799841693894,
        ],
    ),
];

/// A frame in the base frame: its axes and its origin [m].
#[derive(Clone, Copy)]
struct Frame {
    axes: [Vector; 3],
    origin: Vector,
}

impl Frame {
    /// Returns a vector of this frame in the base frame's axes.
    fn turned(&self, v: &Vector) -> Vector {
        from_fn(|i| (0..3).map(|k| self.axes[k][i] * v[k]).sum())
    }

    /// Returns a vector of the base frame in this frame's axes.
    fn own(&self, v: &Vector) -> Vector {
        from_fn(|k| dot(&self.axes[k], v))
    }

    fn point(&self, v: &Vector) -> Vector {
        sum(&self.origin, &self.turned(v))
    }

    /// Returns the frame whose pose in this frame is `t`, 4x4.
    fn behind(&self, t: &[f64; 16]) -> Frame {
        Frame {
            axes: from_fn(|k| self.turned(&[t[4 * k], t[4 * k + 1], t[4 * k + 2]])),
            origin: self.point(&[t[12], t[13], t[14]]),
        }
    }

    fn pose(&self) -> [f64; 16] {
        let [x, y, z] = &self.axes;
        let o = &self.origin;
        [
            x[0], x[1], x[2], 0.0, y[0], y[1], y[2], 0.0, z[0], z[1], z[2], 0.0, o[0], o[1], o[2],
            1.0,
        ]
    }
}

fn dot(a: &Vector, b: &Vector) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: &Vector, b: &Vector) -> Vector {
    [
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    ]
}

fn sum(a: &Vector, b: &Vector) -> Vector {
    from_fn(|i| a[i] + b[i])
}

fn difference(a: &Vector, b: &Vector) -> Vector {
    from_fn(|i| a[i] - b[i])
}

fn times(share: f64, v: &Vector) -> Vector {
    v.map(|v| share * v)
}

/// Returns the frames of the seven joints and of the flange.
fn frames(q: &Joints) -> [Frame; 8] {
    let mut last = Frame {
        axes: [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        origin: [0.0; 3],
    };
    let mut all = [last; 8];
    for (joint, (place, sine)) in JOINTS.iter().enumerate() {
        let cosine = 1.0 - sine * sine;
        let (s, c) = (sin(q[joint]), cos(q[joint]));
        last = last.behind(&[
            c,
            s * cosine,
            s * sine,
            0.0,
            -s,
            c * cosine,
            c * sine,
            0.0,
            0.0,
            -sine,
            cosine,
            0.0,
            place[0],
            place[1],
            place[2],
            1.0,
        ]);
        all[joint] = last;
    }
    all[7] = Frame {
        origin: last.point(&FLANGE),
        ..last
    };
    all
}

/// Returns the linear and the angular velocity at `point` per velocity of the joint. Only the first `joints`
/// joints move it.
fn column(frames: &[Frame; 8], joint: usize, joints: usize, point: &Vector) -> (Vector, Vector) {
    if joint >= joints {
        return ([0.0; 3], [0.0; 3]);
    }
    let axis = frames[joint].axes[2];
    (
        cross(&axis, &difference(point, &frames[joint].origin)),
        axis,
    )
}

/// Returns the Jacobian of `frame`, which follows the first `joints` joints, in the base frame's axes or in
/// its own.
fn jacobian(all: &[Frame; 8], frame: &Frame, joints: usize, is_body: bool) -> [f64; 42] {
    let mut jacobian = [0.0; 42];
    for joint in 0..7 {
        let (mut along, mut about) = column(all, joint, joints, &frame.origin);
        if is_body {
            (along, about) = (frame.own(&along), frame.own(&about));
        }
        jacobian[6 * joint..6 * joint + 3].copy_from_slice(&along);
        jacobian[6 * joint + 3..6 * joint + 6].copy_from_slice(&about);
    }
    jacobian
}

/// Returns for each link and for the load: the body, the number of joints before it, its centre, and its
/// inertia in the base frame's axes.
fn bodies(all: &[Frame; 8], load: Body) -> [(Body, usize, Vector, [Vector; 3]); 8] {
    from_fn(|nth| {
        let body = if nth < 7 { LINKS[nth] } else { load };
        let frame = &all[nth];
        // The product of the inertia and each axis of the base frame.
        let inertia = from_fn(|axis| {
            let mut unit = [0.0; 3];
            unit[axis] = 1.0;
            let own = frame.own(&unit);
            frame.turned(&body.inertia.map(|row| dot(&row, &own)))
        });
        (body, (nth + 1).min(7), frame.point(&body.centre), inertia)
    })
}

fn turning(inertia: &[Vector; 3], about: &Vector) -> Vector {
    from_fn(|i| (0..3).map(|k| inertia[k][i] * about[k]).sum())
}

fn load(mass: f64, centre: &Vector, inertia: &[f64; 9]) -> Body {
    Body {
        mass,
        centre: *centre,
        inertia: from_fn(|i| from_fn(|k| inertia[3 * k + i])),
    }
}

fn mass_of(q: &Joints, carried: Body) -> [f64; 49] {
    let all = frames(q);
    let mut mass = [0.0; 49];
    for (body, joints, centre, inertia) in &bodies(&all, carried) {
        for i in 0..*joints {
            let (along, about) = column(&all, i, *joints, &centre);
            let (force, torque) = (times(body.mass, &along), turning(&inertia, &about));
            for k in 0..*joints {
                let (along, about) = column(&all, k, *joints, &centre);
                mass[7 * k + i] += dot(&along, &force) + dot(&about, &torque);
            }
        }
    }
    mass
}

fn gravity_of(q: &Joints, carried: Body, earth: &Vector) -> Joints {
    let all = frames(q);
    let mut tau = [0.0; 7];
    for (body, joints, centre, _) in &bodies(&all, carried) {
        let force = times(-body.mass, earth);
        for (joint, tau) in tau.iter_mut().enumerate() {
            *tau += dot(&column(&all, joint, *joints, &centre).0, &force);
        }
    }
    tau
}

fn coriolis_of(q: &Joints, dq: &Joints, carried: Body) -> Joints {
    let all = frames(q);
    // The angular velocity and acceleration of each frame, and the acceleration of its origin, while the
    // joint velocities are constant.
    let (mut turn, mut turned, mut pulled) = ([0.0; 3], [0.0; 3], [0.0; 3]);
    let mut origin = [0.0; 3];
    let mut motions = [([0.0; 3], [0.0; 3], [0.0; 3]); 8];
    for joint in 0..8 {
        let way = difference(&all[joint].origin, &origin);
        origin = all[joint].origin;
        pulled = sum(&pulled, &carried_along(&turn, &turned, &way));
        if joint < 7 {
            let more = times(dq[joint], &all[joint].axes[2]);
            turned = sum(&turned, &cross(&turn, &more));
            turn = sum(&turn, &more);
        }
        motions[joint] = (turn, turned, pulled);
    }
    let mut tau = [0.0; 7];
    for (nth, (body, joints, centre, inertia)) in bodies(&all, carried).iter().enumerate() {
        let (turn, turned, pulled) = &motions[nth];
        let way = difference(centre, &all[nth].origin);
        let force = times(body.mass, &sum(pulled, &carried_along(turn, turned, &way)));
        let torque = sum(
            &turning(inertia, turned),
            &cross(turn, &turning(inertia, turn)),
        );
        for (joint, tau) in tau.iter_mut().enumerate() {
            let (along, about) = column(&all, joint, *joints, centre);
            *tau += dot(&along, &force) + dot(&about, &torque);
        }
    }
    tau
}

/// Returns the acceleration, by rotation, of a point at the distance `way` from an origin.
fn carried_along(turn: &Vector, turned: &Vector, way: &Vector) -> Vector {
    sum(&cross(turned, way), &cross(turn, &cross(turn, way)))
}

/// Returns the frame of this number, as libfranka counts: joints 1 to 7, and the flange.
macro_rules! frame {
    ($number:literal, $pose:ident, $zero:ident, $body:ident) => {
        #[unsafe(no_mangle)]
        pub extern "C" fn $pose(q: &Joints, pose: &mut [f64; 16]) {
            *pose = frames(q)[$number - 1].pose();
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn $zero(q: &Joints, out: &mut [f64; 42]) {
            let all = frames(q);
            *out = jacobian(&all, &all[$number - 1], $number, false);
        }

        #[unsafe(no_mangle)]
        pub extern "C" fn $body(q: &Joints, out: &mut [f64; 42]) {
            let all = frames(q);
            *out = jacobian(&all, &all[$number - 1], $number, true);
        }
    };
}

frame!(2, O_T_J2, O_J_J2, Ji_J_J2);
frame!(3, O_T_J3, O_J_J3, Ji_J_J3);
frame!(4, O_T_J4, O_J_J4, Ji_J_J4);
frame!(5, O_T_J5, O_J_J5, Ji_J_J5);
frame!(6, O_T_J6, O_J_J6, Ji_J_J6);
frame!(7, O_T_J7, O_J_J7, Ji_J_J7);
frame!(8, O_T_J8, O_J_J8, Ji_J_J8);

#[unsafe(no_mangle)]
pub extern "C" fn O_T_J1(q: &Joints, pose: &mut [f64; 16]) {
    *pose = frames(q)[0].pose();
}

/// Joint 1 always turns its own frame about that frame's z axis.
#[unsafe(no_mangle)]
pub extern "C" fn O_J_J1(out: &mut [f64; 42]) {
    *out = [0.0; 42];
    out[5] = 1.0;
}

#[unsafe(no_mangle)]
pub extern "C" fn Ji_J_J1(out: &mut [f64; 42]) {
    O_J_J1(out);
}

#[unsafe(no_mangle)]
pub extern "C" fn O_T_J9(q: &Joints, F_T_EE: &[f64; 16], pose: &mut [f64; 16]) {
    *pose = frames(q)[7].behind(F_T_EE).pose();
}

#[unsafe(no_mangle)]
pub extern "C" fn O_J_J9(q: &Joints, F_T_EE: &[f64; 16], out: &mut [f64; 42]) {
    let all = frames(q);
    *out = jacobian(&all, &all[7].behind(F_T_EE), 7, false);
}

#[unsafe(no_mangle)]
pub extern "C" fn Ji_J_J9(q: &Joints, F_T_EE: &[f64; 16], out: &mut [f64; 42]) {
    let all = frames(q);
    *out = jacobian(&all, &all[7].behind(F_T_EE), 7, true);
}

#[unsafe(no_mangle)]
pub extern "C" fn M_NE(q: &Joints, I: &[f64; 9], m: f64, F_x_C: &Vector, out: &mut [f64; 49]) {
    *out = mass_of(q, load(m, F_x_C, I));
}

#[unsafe(no_mangle)]
pub extern "C" fn c_NE(
    q: &Joints,
    dq: &Joints,
    I: &[f64; 9],
    m: f64,
    F_x_C: &Vector,
    out: &mut Joints,
) {
    *out = coriolis_of(q, dq, load(m, F_x_C, I));
}

#[unsafe(no_mangle)]
pub extern "C" fn g_NE(q: &Joints, earth: &Vector, m: f64, F_x_C: &Vector, out: &mut Joints) {
    *out = gravity_of(q, load(m, F_x_C, &[0.0; 9]), earth);
}
