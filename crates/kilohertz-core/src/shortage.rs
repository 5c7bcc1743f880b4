//! What to do if the system has no descriptors, threads or memory left.

use std::io;

const EAGAIN: i32 = 11;
const ENOMEM: i32 = 12;
const ENFILE: i32 = 23;
const EMFILE: i32 = 24;

/// Returns what to do about this error, as the end of a message, if something has run out; else nothing. `lib/errors/shortage.ts`
/// says the same of Node's errors.
///
/// ```
/// let error = std::io::Error::from_raw_os_error(24);
/// assert!(kilohertz_core::shortage::advice(&error).contains("ulimit -n"));
/// ```
pub fn advice(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(EMFILE) => {
            " (EMFILE): this process has as many files and sockets open as it may. Close some, or raise the limit: \
             `ulimit -n`"
        }
        Some(ENFILE) => {
            " (ENFILE): the system has as many files open as it may. Close some, or raise the limit: `sysctl fs.file-max`"
        }
        Some(EAGAIN) => {
            " (EAGAIN): this user, or the container, has as many processes and threads as it may. End some, or raise the \
             limit: `ulimit -u`, or the container's pids.max"
        }
        Some(ENOMEM) => {
            " (ENOMEM): the system, or the container, has no memory left for it. End something, or raise the limit: \
             `ulimit -v`, or the container's memory.max"
        }
        _ => "",
    }
}
