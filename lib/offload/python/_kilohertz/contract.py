"""What both sides know. Made from crates/kilohertz-node/src/contract.rs by `npm run build`; edit it there."""


# The codes for an answer that is not a valid action, as the policy's side finds it out.
REFUSALS = (
    "ACTION_LENGTH",
    "ACTION_TYPE",
    "ACTION_NOT_FINITE",
    "ACTION_FRAME",
)


class Chunk:
    """How many numbers precede the rows of a chunk of actions, how many follow the observation of a policy that answers in chunks, and the number of rows that says that an answer is none, for the first of the codes in REFUSALS; the next code has the number below, and so on."""

    HEADER = 3
    CONTEXT = 3
    NONE = -1


class Call:
    """The kinds of calls over a line."""

    MAKE = 0
    CALL = 1
    GET = 2
    SET = 3
    NEXT = 4
    RETURN = 5
    CANCEL = 6
    RUN_POLICY = 7


class Answer:
    """The kinds of answers over a line."""

    VALUE = 0
    ERROR = 1
    ITERATOR = 2
    LOGGED = 3
    COLLECTED = 4


class Tag:
    """The tag with which a value in a message begins."""

    UNDEFINED = 0
    NULL = 1
    FALSE = 2
    TRUE = 3
    INT = 4
    FLOAT = 5
    WHOLE = 6
    TEXT = 7
    LIST = 8
    RECORD = 9
    ARRAY = 10
    LENT_ARRAY = 11
    FLOATS = 12
    INTS = 13
    BIGINT = 14
    DATE = 15
    MAP = 16
    SET = 17
    ERROR = 18
    CLONE = 19
    STATE = 20


# The kinds of arrays, in the order of their numbers in a message.
ARRAYS = (
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
)


class Packing:
    """Sizes [bytes] and counts of what is sent over a line."""

    LARGEST_WITHIN = 1024
    SMALLEST_IN_PLACE = 65536
    DEEPEST = 100
    LONGEST_TEXT = 1048576
    MOST_CAUSES = 25


class Logged:
    """Bounds for what a policy in a process logs: bytes of a value, bytes on their way, values in a second, and channels."""

    LARGEST = 8388608
    MOST = 67108864
    A_SECOND = 4000
    CHANNELS = 1000


class Collected:
    """What a policy's process tells of its garbage collections: how many at once, and the shortest [s]."""

    MOST = 64
    SHORTEST_S = 0.0005


class Exit:
    """The exit codes of a child process."""

    UNFIT = 97


class Line:
    """The layout of the memory of a line: offsets and sizes [bytes], and counts."""

    VERSION = 1
    VERSION_AT = 8
    ARENA_BYTES_AT = 16
    CLOSED_AT = 64
    SLOTS = 256
    SLOT_BYTES = 4096
    SLOT_HEAD = 8
    BLOCKS = 1024
    BLOCKS_FOR_MESSAGES = 256
    PAGE = 4096
    COUNTERS_AT = 128
    COUNTER_STRIDE = 64
    RETURNED_AT = 4096
    SLOTS_AT = 12288
    ARENAS_AT = 2109440
    BEYOND_AT = 1099511627776


class Input:
    """Bounds for the inputs of a policy: names, bytes of a name, dimensions; and the kind of a value that is no array, which is sent as JSON."""

    NAMES = 64
    NAME_BYTES = 64
    DIMS = 32
    PLAIN = 255


class Inputs:
    """The layout of the memory of a policy's inputs: offsets and sizes [bytes], and counts."""

    VERSION = 1
    CHANGES_AT = 64
    COUNT_AT = 68
    ENTRIES_AT = 128
    ENTRY_BYTES = 256
    MARK_AT = 64
    NAME_AT = 128
    PAGE = 4096
    HEAD_BYTES = 192
    SHAPE_AT = 20
    SLOT_BITS = 2
    NO_SLOT = 3
    PLAIN = 255


class Port:
    """The layout of the memory that a policy in a process shares: offsets and sizes [bytes], and counts."""

    VERSION = 2
    LINE = 64
    ASKED_AT = 64
    SLEEPS_AT = 128
    TAKEN_AT = 192
    ANSWERED_AT = 256
    LOOP_SLEEPS_AT = 320
    ROWS_AT = 384
    QUESTIONS = 4
    ANSWERS = 16
    QUESTION_HEAD = 4
    ANSWER_HEAD = 2
    NUMBERS = 2147483647
    OVER = 1
    LOOP_AWAKE = 0
    ANSWER_FAILED = 0
    ANSWER_NOTHING = 1
    ANSWER_ACTION = 2
