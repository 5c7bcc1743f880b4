//! The directions in which a person may guide the arm by hand.

/// Which directions are free: x, y, z, roll, pitch, yaw, and the elbow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Freedom {
    pub axes: [bool; 6],
    pub elbow: bool,
}

impl Freedom {
    pub const ALL: Freedom = Freedom {
        axes: [true; 6],
        elbow: true,
    };
}
