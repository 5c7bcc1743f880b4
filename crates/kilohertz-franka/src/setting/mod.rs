//! What an arm can be set up with between motions, checked before it is sent.
//!
//! The ranges are those that libfranka documents. If it documents none, values that make sense for no arm
//! are refused. The arm decides in the end: what it refuses is reported as
//! [`CommandRejected`](crate::ArmErrorCode::CommandRejected).
//!
//! ```text
//! possible.rs    what may be sent to any arm, whether it is plausible or not
//! plausible.rs   finds mistakes in a unit or a digit
//! thresholds.rs  the thresholds of contacts and collisions
//! ```

pub(crate) mod plausible;
pub(crate) mod possible;
pub(crate) mod thresholds;

use crate::invalid_value::{InvalidValue, finite, rigid, within};
use crate::setting::possible::{CARTESIAN_STIFFNESS, CUT_OFF, MAX_JOINT_STIFFNESS, each};
use crate::setting::thresholds::take_array;

pub use crate::setting::thresholds::Thresholds;

/// One setting of an arm. Names are libfranka's; matrices are column-major.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one is made for a request, and dropped"
)]
pub enum Setting {
    /// The thresholds of contacts and collisions.
    CollisionBehavior {
        /// Thresholds while the arm moves with a constant velocity, or stands.
        nominal: Thresholds,
        /// Thresholds while the arm accelerates.
        acceleration: Thresholds,
    },
    /// `K_theta`: stiffness of the arm's joint impedance controller [N m/rad].
    JointImpedance([f64; 7]),
    /// `K_x`: stiffness of the arm's Cartesian impedance controller [N/m, N m/rad].
    CartesianImpedance([f64; 6]),
    /// Which directions are free while a person guides the arm by hand.
    GuidingMode {
        /// x, y, z, roll, pitch and yaw.
        axes: [bool; 6],
        /// True if the elbow is free too.
        elbow: bool,
    },
    /// `NE_T_EE`: the end effector frame in the nominal end effector frame.
    EndEffector([f64; 16]),
    /// `EE_T_K`: the stiffness frame in the end effector frame.
    StiffnessFrame([f64; 16]),
    /// What the arm carries in addition to its end effector.
    Load {
        /// `m_load`: the mass \[kg\].
        mass: f64,
        /// `F_x_Cload`: the centre of mass in the flange frame \[m\].
        centre: [f64; 3],
        /// `I_load`: the inertia about the centre of mass [kg m2].
        inertia: [f64; 9],
    },
    /// Cut-off frequencies \[Hz\], for a FER only: joint position, joint velocity, Cartesian position,
    /// Cartesian velocity, controller. 1000 means no filter.
    Filters([f64; 5]),
}

/// The names of the filters in the TypeScript API, in the order of the values.
pub const FILTERS: [&str; 5] = [
    "jointPositionHz",
    "jointVelocityHz",
    "cartesianPositionHz",
    "cartesianVelocityHz",
    "controllerHz",
];

/// The directions in which an arm can be guided, with their names in the TypeScript API, in the order of
/// the values.
pub const DIRECTIONS: [&str; 7] = ["x", "y", "z", "roll", "pitch", "yaw", "elbow"];

impl Setting {
    /// The kinds of settings that [`Setting::from_slots`] accepts.
    pub const KINDS: [&str; 8] = [
        "collisionBehavior",
        "jointImpedance",
        "cartesianImpedance",
        "guidingMode",
        "endEffector",
        "stiffnessFrame",
        "load",
        "filters",
    ];

    /// Returns the setting of this kind with these values, in the order of its fields; flags are 1 or 0.
    /// Returns `None` if the kind does not exist or the number of values is wrong.
    pub fn from_slots(kind: &str, values: &[f64]) -> Option<Setting> {
        let mut rest = values;
        let setting = match kind {
            "collisionBehavior" => Setting::CollisionBehavior {
                nominal: Thresholds::take(&mut rest)?,
                acceleration: Thresholds::take(&mut rest)?,
            },
            "jointImpedance" => Setting::JointImpedance(take_array(&mut rest)?),
            "cartesianImpedance" => Setting::CartesianImpedance(take_array(&mut rest)?),
            "guidingMode" => {
                let [x, y, z, roll, pitch, yaw, elbow] =
                    take_array(&mut rest)?.map(|flag| flag != 0.0);
                let axes = [x, y, z, roll, pitch, yaw];
                Setting::GuidingMode { axes, elbow }
            }
            "endEffector" => Setting::EndEffector(take_array(&mut rest)?),
            "stiffnessFrame" => Setting::StiffnessFrame(take_array(&mut rest)?),
            "load" => Setting::Load {
                mass: take_array::<1>(&mut rest)?[0],
                centre: take_array(&mut rest)?,
                inertia: take_array(&mut rest)?,
            },
            "filters" => Setting::Filters(take_array(&mut rest)?),
            _ => return None,
        };
        rest.is_empty().then_some(setting)
    }

    /// Returns libfranka's name of the command that sends this setting.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Setting::CollisionBehavior { .. } => "Set Collision Behavior",
            Setting::JointImpedance(_) => "Set Joint Impedance",
            Setting::CartesianImpedance(_) => "Set Cartesian Impedance",
            Setting::GuidingMode { .. } => "Set Guiding Mode",
            Setting::EndEffector(_) => "Set NE to EE",
            Setting::StiffnessFrame(_) => "Set EE to K",
            Setting::Load { .. } => "Set Load",
            Setting::Filters(_) => "Set Filters",
        }
    }

    /// Checks that this is plausible for an arm of either generation.
    ///
    /// # Errors
    /// Returns what is wrong with it.
    pub fn check(&self) -> Result<(), InvalidValue> {
        // This comes first because the message about a wrong unit says more than that the value is not
        // possible.
        match self {
            Setting::EndEffector(frame) => {
                rigid("NE_T_EE", frame)?;
                plausible::frame("NE_T_EE", frame)?;
            }
            Setting::StiffnessFrame(frame) => {
                rigid("EE_T_K", frame)?;
                plausible::frame("EE_T_K", frame)?;
            }
            Setting::Load { centre, .. } => {
                finite("F_x_Cload", centre)?;
                plausible::centre(centre)?;
            }
            _ => {}
        }
        self.check_possible()?;
        match self {
            Setting::CollisionBehavior {
                nominal,
                acceleration,
            } => {
                plausible::thresholds("", nominal)?;
                plausible::thresholds("acceleration.", acceleration)
            }
            Setting::Load { mass, inertia, .. } => plausible::inertia(*mass, inertia),
            _ => Ok(()),
        }
    }

    /// Checks that this may be sent to an arm, plausible or not.
    ///
    /// # Errors
    /// Returns what is wrong with it.
    pub fn check_possible(&self) -> Result<(), InvalidValue> {
        match self {
            Setting::CollisionBehavior {
                nominal,
                acceleration,
            } => {
                nominal.check("")?;
                acceleration.check("acceleration.")
            }
            Setting::JointImpedance(stiffness) => each("K_theta", stiffness, |_| {
                (0.0, MAX_JOINT_STIFFNESS, "N m/rad")
            }),
            Setting::CartesianImpedance(stiffness) => {
                each("K_x", stiffness, |axis| CARTESIAN_STIFFNESS[axis / 3])
            }
            Setting::GuidingMode { .. } => Ok(()),
            Setting::EndEffector(frame) => possible::frame("NE_T_EE", frame),
            Setting::StiffnessFrame(frame) => possible::frame("EE_T_K", frame),
            Setting::Load {
                mass,
                centre,
                inertia,
            } => possible::load(*mass, centre, inertia),
            Setting::Filters(frequencies) => {
                for (name, &frequency) in FILTERS.iter().zip(frequencies) {
                    within((name, name), frequency, (CUT_OFF.0, CUT_OFF.1, "Hz"))?;
                }
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNIT: [f64; 16] = [
        1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1., 0., 0., 0., 0., 1.,
    ];

    fn refusal(setting: &Setting) -> InvalidValue {
        setting.check().unwrap_err()
    }

    #[test]
    fn what_is_meant_is_bounded_too_by_what_a_state_of_an_arm_can_have() {
        let with = |mass, centre, inertia| Setting::Load {
            mass,
            centre,
            inertia,
        };
        let diagonal = |moment| [moment, 0., 0., 0., moment, 0., 0., 0., moment];
        let most = with(100.0, [10.0, -10.0, 10.0], diagonal(100.0));
        assert_eq!(most.check_possible(), Ok(()));
        for (setting, told) in [
            (
                with(100.01, [0.0; 3], [0.0; 9]),
                "m_load is 100.01; expected a number from 0 to 100 kg",
            ),
            (
                with(1e6, [0.0; 3], [0.0; 9]),
                "m_load is 1000000; expected a number from 0 to 100 kg",
            ),
            (
                with(1.0, [0.0, 0.0, 20.0], [0.0; 9]),
                "F_x_Cload[2] is 20; expected a number from -10 to 10 m",
            ),
            (
                with(1.0, [1e300, 0.0, 0.0], [0.0; 9]),
                "F_x_Cload[0] is 1e300; expected a number from -10 to 10 m",
            ),
            (
                with(1.0, [0.0; 3], diagonal(900.0)),
                "I_load[0] is 900; expected a number from -100 to 100 kg m^2",
            ),
            (
                with(1.0, [0.0; 3], diagonal(1e308)),
                "I_load[0] is 1e308; expected a number from -100 to 100 kg m^2",
            ),
        ] {
            let refused = setting.check_possible().unwrap_err().to_string();
            assert!(refused.starts_with(told), "{refused}");
            assert!(!refused.contains("unchecked"), "{refused}");
        }
    }

    #[test]
    fn a_value_too_large_to_be_squared_is_told_as_it_was_given() {
        for huge in [1e200, -1e308, f64::MAX] {
            let mut frame = UNIT;
            frame[13] = huge;
            let load = Setting::Load {
                mass: 1.0,
                centre: [0.0, huge, 0.0],
                inertia: [0.0; 9],
            };
            let mut inertia = [0.0; 9];
            inertia[4] = huge.abs();
            for (setting, what, given) in [
                (Setting::EndEffector(frame), "NE_T_EE[13]", huge),
                (Setting::StiffnessFrame(frame), "EE_T_K[13]", huge),
                (load, "F_x_Cload[1]", huge),
                (self::load(1.0, inertia), "I_load[4]", huge.abs()),
            ] {
                let refused = refusal(&setting);
                assert_eq!((refused.what.as_str(), refused.received), (what, given));
                assert!(!refused.to_string().contains("unchecked"), "{refused}");
            }
        }
    }

    #[test]
    fn a_value_is_never_written_as_the_limit_that_it_broke() {
        let mut frame = UNIT;
        frame[0] = 1.000_012;
        let mut thresholds = Thresholds {
            lower_torques: [20.000_000_1; 7],
            upper_torques: [20.0; 7],
            lower_forces: [1.0; 6],
            upper_forces: [2.0; 6],
        };
        let behavior = |thresholds| Setting::CollisionBehavior {
            nominal: thresholds,
            acceleration: thresholds,
        };
        for (setting, told) in [
            (
                Setting::EndEffector(frame),
                "the length of the x axis of NE_T_EE is 1.000012; expected 1, as in a rotation, within 0.00001",
            ),
            (
                behavior(thresholds),
                "upperTorquesNm[0] is 20; expected a finite number from 20.0000001, ",
            ),
            (
                load(1.0, [0.02, 0., 0., 0., 0.02, 0., 0., 0., 0.040_400_1]),
                "the largest principal moment of I_load is 0.0404; expected at most 0.04 ",
            ),
            (
                load(0.123_456, [0.123_457, 0., 0., 0., 0.1, 0., 0., 0., 0.1]),
                "the largest principal moment of I_load is 0.123457; expected at most 0.123456 ",
            ),
        ] {
            let refused = refusal(&setting).to_string();
            assert!(refused.starts_with(told), "{refused}");
        }
        thresholds.lower_torques = [10.0; 7];
        assert_eq!(behavior(thresholds).check(), Ok(()));
    }

    fn load(mass: f64, inertia: [f64; 9]) -> Setting {
        Setting::Load {
            mass,
            centre: [0.0; 3],
            inertia,
        }
    }

    #[test]
    fn what_libfranka_documents_is_let_through_to_both_ends_of_each_range() {
        for setting in [
            Setting::JointImpedance([0.0; 7]),
            Setting::JointImpedance([14_250.0; 7]),
            Setting::CartesianImpedance([10.0, 10.0, 10.0, 1.0, 1.0, 1.0]),
            Setting::CartesianImpedance([3000.0, 3000.0, 3000.0, 300.0, 300.0, 300.0]),
            Setting::Filters([1.0, 1000.0, 1.0, 1000.0, 100.0]),
            Setting::EndEffector(UNIT),
            load(0.0, [0.0; 9]),
            load(1.0, [0.1, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.1]),
        ] {
            assert_eq!(setting.check(), Ok(()), "{setting:?}");
        }
    }

    #[test]
    fn what_is_out_of_range_is_refused_by_its_name_with_the_range() {
        let mut stiffness = [3000.0, 3000.0, 3000.0, 300.0, 300.0, 301.0];
        let refused = refusal(&Setting::CartesianImpedance(stiffness)).to_string();
        assert_eq!(
            refused,
            "K_x[5] is 301; expected a number from 1 to 300 N m/rad"
        );
        stiffness[5] = f64::NAN;
        assert_eq!(
            refusal(&Setting::CartesianImpedance(stiffness)).option,
            "K_x"
        );
        for wrong in [-1.0, 14_251.0, f64::NAN, f64::INFINITY] {
            assert_eq!(
                refusal(&Setting::JointImpedance([wrong; 7])).what,
                "K_theta[0]"
            );
            let mut filters = [100.0; 5];
            filters[3] = wrong.min(0.5);
            assert_eq!(
                refusal(&Setting::Filters(filters)).option,
                "cartesianVelocityHz"
            );
        }
    }

    #[test]
    fn a_contact_comes_before_a_collision() {
        let nominal = Thresholds {
            lower_torques: [10.0; 7],
            upper_torques: [20.0; 7],
            lower_forces: [10.0; 6],
            upper_forces: [10.0; 6],
        };
        let with = |acceleration| Setting::CollisionBehavior {
            nominal,
            acceleration,
        };
        assert_eq!(with(nominal).check(), Ok(()));
        let mut twisted = nominal;
        twisted.upper_forces[2] = 9.0;
        let refused = refusal(&with(twisted));
        assert_eq!(refused.option, "acceleration.upperForces");
        assert_eq!(refused.what, "acceleration.upperForces[2]");
        for wrong in [-1.0, f64::NAN, f64::INFINITY] {
            twisted = nominal;
            twisted.lower_torques[0] = wrong;
            let refused = refusal(&with(twisted));
            assert_eq!(refused.what, "acceleration.lowerTorquesNm[0]");
        }
    }

    #[test]
    fn a_frame_is_a_rotation_and_a_translation() {
        let with = |nth: usize, value: f64| {
            let mut frame = UNIT;
            frame[nth] = value;
            refusal(&Setting::StiffnessFrame(frame)).what
        };
        assert_eq!(with(3, 0.5), "EE_T_K[3]");
        assert_eq!(with(15, 0.0), "EE_T_K[15]");
        assert_eq!(with(12, f64::NAN), "EE_T_K[12]");
        assert_eq!(with(5, 1.01), "the length of the y axis of EE_T_K");
        assert!(with(0, -1.0).contains("determinant"));
        let slanted = std::f64::consts::FRAC_1_SQRT_2;
        let mut frame = UNIT;
        (frame[4], frame[5]) = (slanted, slanted);
        let refused = refusal(&Setting::EndEffector(frame)).what;
        assert_eq!(refused, "the cosine between the axes x and y of NE_T_EE");
    }

    #[test]
    fn a_load_is_a_body_that_can_exist() {
        let unit = [0.1, 0.0, 0.0, 0.0, 0.1, 0.0, 0.0, 0.0, 0.1];
        assert_eq!(refusal(&load(-0.1, unit)).option, "m_load");
        assert_eq!(refusal(&load(f64::INFINITY, unit)).option, "m_load");
        assert_eq!(refusal(&load(0.0, unit)).option, "I_load");
        let with = |changes: &[(usize, f64)]| {
            let mut inertia = unit;
            for &(nth, value) in changes {
                inertia[nth] = value;
            }
            refusal(&load(1.0, inertia)).to_string()
        };
        assert!(with(&[(1, 0.05)]).contains("symmetric"));
        assert!(with(&[(4, -0.1)]).contains("I_load[4] is -0.1"));
        assert!(with(&[(1, 0.2), (3, 0.2)]).contains("minor of I_load without z"));
        let indefinite = [
            (1, 0.09),
            (3, 0.09),
            (2, 0.09),
            (6, 0.09),
            (5, -0.09),
            (7, -0.09),
        ];
        assert!(with(&indefinite).contains("determinant"));
        assert!(with(&[(8, f64::NAN)]).contains("I_load[8] is NaN"));
    }

    #[test]
    fn slots_of_another_number_are_no_setting() {
        for (kind, len) in [
            ("collisionBehavior", 52),
            ("jointImpedance", 7),
            ("cartesianImpedance", 6),
            ("guidingMode", 7),
            ("endEffector", 16),
            ("stiffnessFrame", 16),
            ("load", 13),
            ("filters", 5),
        ] {
            for given in 0..60 {
                let setting = Setting::from_slots(kind, &vec![0.0; given]);
                assert_eq!(setting.is_some(), given == len, "{kind} of {given}");
            }
        }
        assert_eq!(Setting::from_slots("mood", &[]), None);
    }
}
