//! What a wake of JavaScript is about. Several reasons are added up.

/// There is an observation for the policy.
pub const OBSERVATION: u32 = 1;
/// Events can be taken.
pub const EVENTS: u32 = 2;
/// The session has ended, and is in its files.
pub const END: u32 = 4;
/// The loop has begun. This is set in every wake from then on.
pub const BEGUN: u32 = 8;
/// The loop has ended. JavaScript then tells why, for which the files wait.
pub const OVER: u32 = 16;

/// Each reason with its name in `lib/`.
pub const NAMED: [(&str, u32); 5] = [
    ("observation", OBSERVATION),
    ("events", EVENTS),
    ("end", END),
    ("begun", BEGUN),
    ("over", OVER),
];
