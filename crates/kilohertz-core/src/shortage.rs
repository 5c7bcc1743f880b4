//! What to do if the system has no descriptors, threads or memory left.

use std::io;

/// What the system may have run out of: its code, the number of the code, and what to do about it.
pub const SHORTAGES: [(&str, i32, &str); 4] = [
    (
        "EMFILE",
        24,
        "this process has as many files and sockets open as it may. Close some, or raise the limit: `ulimit -n`",
    ),
    (
        "ENFILE",
        23,
        "the system has as many files open as it may. Close some, or raise the limit: `sysctl fs.file-max`",
    ),
    (
        "EAGAIN",
        11,
        "this user, or the container, has as many processes and threads as it may. End some, or raise the limit: \
         `ulimit -u`, or the container's pids.max",
    ),
    (
        "ENOMEM",
        12,
        "the system, or the container, has no memory left for it. End something, or raise the limit: `ulimit -v`, \
         or the container's memory.max",
    ),
];

/// Returns what to do about this error, as the end of a message, if something has run out; else nothing.
///
/// ```
/// let error = std::io::Error::from_raw_os_error(24);
/// assert!(kilohertz_core::shortage::advice(&error).contains("ulimit -n"));
/// ```
pub fn advice(error: &io::Error) -> String {
    let number = error.raw_os_error();
    let known = SHORTAGES.iter().find(|(_, own, _)| number == Some(*own));
    known.map_or_else(String::new, |(code, _, advice)| {
        format!(" ({code}): {advice}")
    })
}
