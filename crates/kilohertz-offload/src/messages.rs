//! What the messages of a line say. Nothing here reads them: both ends, in JavaScript and Python, take these numbers from
//! the contract that is generated of them.

/// What a call asks for, in the order of the numbers.
pub const CALLS: [&str; 8] = [
    // To make the object that all others are about.
    "make",   // To call a method.
    "call",   // To read an attribute.
    "get",    // To set one; never answered.
    "set",    // The next value of an iterator.
    "next",   // To end an iterator.
    "return", // That a call is not waited for any more; never answered.
    "cancel", // To run what was made as the policy of a session, until that ends.
    "runPolicy",
];

/// What an answer is, in the order of the numbers.
pub const ANSWERS: [&str; 3] = ["value", "error", "iterator"];

/// What a value within a message begins with, in the order of the numbers.
pub const TAGS: [&str; 20] = [
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
];

/// The kinds of arrays, as JavaScript calls them, in the order of the numbers; the last is bytes in Python.
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
/// From this size a lent array is read where it lies; a smaller one is copied from there [bytes].
pub const SMALLEST_IN_PLACE: usize = 65_536;
/// A value within so many others is taken for a circle.
pub const DEEPEST: usize = 100;
/// A text of an error is no longer than this.
pub const LONGEST_TEXT: usize = 1 << 20;
/// So many causes behind each other are told of an error.
pub const MOST_CAUSES: usize = 25;
/// What a child exits with where its interpreter cannot do what is needed: it is too old, for instance.
pub const UNFIT: i32 = 97;
