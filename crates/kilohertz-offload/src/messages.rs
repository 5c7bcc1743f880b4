//! The meaning of the messages of a line. No code in this crate reads them: both ends, in JavaScript and
//! Python, take these numbers from the contract that is generated from this file.

/// The kinds of calls, in the order of their numbers.
pub const CALLS: [&str; 8] = [
    "make",      // Creates the object that all other calls use.
    "call",      // Calls a method.
    "get",       // Reads an attribute.
    "set",       // Sets an attribute; never answered.
    "next",      // Asks for the next value of an iterator.
    "return",    // Ends an iterator.
    "cancel",    // Says that a call is no longer waited for; never answered.
    "runPolicy", // Runs the created object as the policy of a session, until that ends.
];

/// The kinds of answers, in the order of their numbers.
pub const ANSWERS: [&str; 5] = [
    "value",
    "error",
    "iterator",
    // While the session of a policy runs, and its call stays open:
    "logged",    // What the policy logs.
    "collected", // When the policy's process collected garbage: begin and end of each, on the monotonic clock [s].
];

/// The tags with which a value in a message begins, in the order of their numbers.
pub const TAGS: [&str; 21] = [
    "undefined",
    "null",
    "false",
    "true",
    "int",
    "float",
    "whole",
    "text",
    "list",
    "record",
    "array",
    "lentArray",
    "floats",
    "ints",
    "bigint",
    "date",
    "map",
    "set",
    "error",
    "clone",
    "state",
];

/// The kinds of arrays with JavaScript's names, in the order of their numbers; the last is bytes in Python.
pub const ARRAYS: [&str; 13] = [
    "Int8Array",
    "Uint8Array",
    "Int16Array",
    "Uint16Array",
    "Int32Array",
    "Uint32Array",
    "BigInt64Array",
    "BigUint64Array",
    "Float32Array",
    "Float64Array",
    "Uint8ClampedArray",
    "DataView",
    "ArrayBuffer",
];

/// Up to this size an array is copied into the message [bytes].
pub const LARGEST_WITHIN: usize = 1024;
/// From this size on, a lent array is read in place; a smaller one is copied [bytes].
pub const SMALLEST_IN_PLACE: usize = 65_536;
/// A value nested more deeply than this counts as circular.
pub const DEEPEST: usize = 100;
/// The longest text of an error.
pub const LONGEST_TEXT: usize = 1 << 20;
/// How many nested causes of an error are passed on.
pub const MOST_CAUSES: usize = 25;
/// The largest value that a policy in a process may log \[bytes\].
pub const LARGEST_LOGGED: usize = 8 << 20;
/// How much of what it has logged may be on its way \[bytes\].
pub const MOST_LOGGED: usize = 64 << 20;
/// How many values a policy in a process may log in a second on average, and how many at once.
pub const LOGGED_A_SECOND: usize = 4000;
/// How many channels a policy in a process may log to.
pub const LOGGED_CHANNELS: usize = 1000;
/// How many garbage collections a policy's process tells at once.
pub const MOST_COLLECTIONS: usize = 64;
/// The shortest garbage collection that is told \[s\].
pub const SHORTEST_COLLECTION_S: f64 = 0.5e-3;
/// The exit code of a child whose interpreter is not suitable, for example because it is too old.
pub const UNFIT: i32 = 97;
