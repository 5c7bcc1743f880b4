// What both sides know. Made from crates/kilohertz-node/src/contract.rs by `npm run build`; edit it there.

/** The codes of the errors that come from the native side. */
export type NativeErrorCode =
  | 'ACTION_LENGTH'
  | 'FRANKA_CLIENT'
  | 'FRANKA_COMMAND_ABORTED'
  | 'FRANKA_COMMAND_REJECTED'
  | 'FRANKA_COMMAND_TIMEOUT'
  | 'FRANKA_CONNECTION_LOST'
  | 'FRANKA_CONNECT_FAILED'
  | 'FRANKA_CONNECT_REFUSED'
  | 'FRANKA_CONNECT_TIMEOUT'
  | 'FRANKA_GENERATION'
  | 'FRANKA_INCOMPATIBLE_VERSION'
  | 'FRANKA_INVALID_ARGUMENT'
  | 'FRANKA_INVALID_OPERATION'
  | 'FRANKA_MODEL'
  | 'FRANKA_MOTION_ABORTED'
  | 'FRANKA_NOT_ARRIVED'
  | 'FRANKA_PROTOCOL'
  | 'FRANKA_REFLEX'
  | 'FRANKA_UNREACHABLE'
  | 'LISTEN_IN_USE'
  | 'LISTEN_REFUSED'
  | 'OFFLOAD_PROTOCOL'
  | 'OFFLOAD_TOO_LARGE'
  | 'ONNX_MODEL'
  | 'ONNX_RUNTIME'
  | 'RECORD_BUSY'
  | 'RECORD_CHANGED'
  | 'RECORD_DAMAGED'
  | 'RECORD_EMPTY'
  | 'RECORD_FOREIGN'
  | 'RECORD_INVALID_ARGUMENT'
  | 'RECORD_IO'
  | 'RECORD_NEWER'
  | 'RECORD_NO_ENCODER'
  | 'RECORD_STOPPED'
  | 'ROBOT'
  | 'SESSION_INTERRUPTED'
  | 'SIM_ADDRESS'
  | 'SIM_BIND'
  | 'SIM_BUSY'
  | 'SIM_FAULT'
  | 'SIM_MODEL'
  | 'SIM_MODEL_LIBRARY'
  | 'SIM_OPTION'
  | 'SIM_STOPPED'
  | 'SIM_SYSTEM'
  | 'SYSTEM';

export const NATIVE_ERROR_CODES: readonly NativeErrorCode[] = [
  'ACTION_LENGTH',
  'FRANKA_CLIENT',
  'FRANKA_COMMAND_ABORTED',
  'FRANKA_COMMAND_REJECTED',
  'FRANKA_COMMAND_TIMEOUT',
  'FRANKA_CONNECTION_LOST',
  'FRANKA_CONNECT_FAILED',
  'FRANKA_CONNECT_REFUSED',
  'FRANKA_CONNECT_TIMEOUT',
  'FRANKA_GENERATION',
  'FRANKA_INCOMPATIBLE_VERSION',
  'FRANKA_INVALID_ARGUMENT',
  'FRANKA_INVALID_OPERATION',
  'FRANKA_MODEL',
  'FRANKA_MOTION_ABORTED',
  'FRANKA_NOT_ARRIVED',
  'FRANKA_PROTOCOL',
  'FRANKA_REFLEX',
  'FRANKA_UNREACHABLE',
  'LISTEN_IN_USE',
  'LISTEN_REFUSED',
  'OFFLOAD_PROTOCOL',
  'OFFLOAD_TOO_LARGE',
  'ONNX_MODEL',
  'ONNX_RUNTIME',
  'RECORD_BUSY',
  'RECORD_CHANGED',
  'RECORD_DAMAGED',
  'RECORD_EMPTY',
  'RECORD_FOREIGN',
  'RECORD_INVALID_ARGUMENT',
  'RECORD_IO',
  'RECORD_NEWER',
  'RECORD_NO_ENCODER',
  'RECORD_STOPPED',
  'ROBOT',
  'SESSION_INTERRUPTED',
  'SIM_ADDRESS',
  'SIM_BIND',
  'SIM_BUSY',
  'SIM_FAULT',
  'SIM_MODEL',
  'SIM_MODEL_LIBRARY',
  'SIM_OPTION',
  'SIM_STOPPED',
  'SIM_SYSTEM',
  'SYSTEM',
];

/** The codes for an answer that is not a valid action, as the policy's side finds it out. */
export type RefusalCode = 'ACTION_LENGTH' | 'ACTION_TYPE' | 'ACTION_NOT_FINITE' | 'ACTION_FRAME';

export const REFUSALS: readonly RefusalCode[] = [
  'ACTION_LENGTH',
  'ACTION_TYPE',
  'ACTION_NOT_FINITE',
  'ACTION_FRAME',
];

/** The control mode of an arm: what the actions of a session command. */
export type FrankaControl =
  | 'jointVelocity'
  | 'jointPosition'
  | 'jointTarget'
  | 'cartesianVelocity'
  | 'cartesianPose'
  | 'cartesianTarget'
  | 'torque';

export const CONTROLS: readonly FrankaControl[] = [
  'jointVelocity',
  'jointPosition',
  'jointTarget',
  'cartesianVelocity',
  'cartesianPose',
  'cartesianTarget',
  'torque',
];

/** The control modes that command the end effector. */
export type CartesianControl = 'cartesianVelocity' | 'cartesianPose' | 'cartesianTarget';

export const CARTESIAN_CONTROLS: readonly CartesianControl[] = [
  'cartesianVelocity',
  'cartesianPose',
  'cartesianTarget',
];

/** The control modes whose actions are poses. */
export type PoseControl = 'cartesianPose' | 'cartesianTarget';

export const POSE_CONTROLS: readonly PoseControl[] = ['cartesianPose', 'cartesianTarget'];

/** The control modes whose actions are velocities. */
export type VelocityControl = 'jointVelocity' | 'cartesianVelocity';

export const VELOCITY_CONTROLS: readonly VelocityControl[] = ['jointVelocity', 'cartesianVelocity'];

/** The generation of an arm: a Franka Research 3, or a Franka Emika Robot (FER), also called Panda. */
export type FrankaGeneration = 'fr3' | 'fer';

export const GENERATIONS: readonly FrankaGeneration[] = ['fr3', 'fer'];

/** The library that talks to an arm. */
export type FrankaClient = 'franka-rs' | 'libfranka-rs';

export const CLIENTS: readonly FrankaClient[] = ['franka-rs', 'libfranka-rs'];

/** The controller that makes the arm follow the commanded motion. */
export type FrankaImpedance = 'joint' | 'cartesian' | 'external';

export const IMPEDANCES: readonly FrankaImpedance[] = ['joint', 'cartesian', 'external'];

/** A frame of the arm, as libfranka's `Frame` names it. */
export type FrankaFrame =
  | 'joint1'
  | 'joint2'
  | 'joint3'
  | 'joint4'
  | 'joint5'
  | 'joint6'
  | 'joint7'
  | 'flange'
  | 'endEffector'
  | 'stiffness';

export const FRAMES: readonly FrankaFrame[] = [
  'joint1',
  'joint2',
  'joint3',
  'joint4',
  'joint5',
  'joint6',
  'joint7',
  'flange',
  'endEffector',
  'stiffness',
];

/** The mode of an arm, as libfranka names it. */
export type RobotMode =
  | 'Other'
  | 'Idle'
  | 'Move'
  | 'Guiding'
  | 'Reflex'
  | 'UserStopped'
  | 'AutomaticErrorRecovery';

export const ROBOT_MODES: readonly RobotMode[] = [
  'Other',
  'Idle',
  'Move',
  'Guiding',
  'Reflex',
  'UserStopped',
  'AutomaticErrorRecovery',
];

/** The limits that an action can violate. */
export type LimitKind =
  | 'notFinite'
  | 'frame'
  | 'box'
  | 'position'
  | 'velocity'
  | 'acceleration'
  | 'jerk'
  | 'torque'
  | 'torqueRate'
  | 'joints'
  | 'distance';

/** The limits that can be clamped, by their names in the options and in the stats. */
export type LimitName =
  | 'box'
  | 'position'
  | 'velocity'
  | 'acceleration'
  | 'jerk'
  | 'torque'
  | 'torqueRate'
  | 'joints'
  | 'distance';

export const LIMIT_NAMES: readonly LimitName[] = [
  'box',
  'position',
  'velocity',
  'acceleration',
  'jerk',
  'torque',
  'torqueRate',
  'joints',
  'distance',
];

/** What a session counts. */
export type SessionCounter =
  | 'iterations'
  | 'overruns'
  | 'missedTicks'
  | 'policyAsks'
  | 'policyAnswers'
  | 'lateActions'
  | 'heldCommands'
  | 'restCommands'
  | 'staleActions'
  | 'clampedCommands'
  | 'unusedNotFinite'
  | 'overwrittenObservations'
  | 'overwrittenActions'
  | 'droppedAnswers'
  | 'emptyAnswers'
  | 'followedCommands'
  | 'chunks'
  | 'badChunks'
  | 'skippedActions'
  | 'starvedCycles'
  | 'seams'
  | 'gripperCommands'
  | 'gripperFailures'
  | 'droppedRecords'
  | 'unrecordedCycles'
  | 'droppedEvents'
  | 'boxViolations'
  | 'positionViolations'
  | 'velocityViolations'
  | 'accelerationViolations'
  | 'jerkViolations'
  | 'torqueViolations'
  | 'torqueRateViolations'
  | 'jointsViolations'
  | 'distanceViolations';

export const COUNTERS: readonly SessionCounter[] = [
  'iterations',
  'overruns',
  'missedTicks',
  'policyAsks',
  'policyAnswers',
  'lateActions',
  'heldCommands',
  'restCommands',
  'staleActions',
  'clampedCommands',
  'unusedNotFinite',
  'overwrittenObservations',
  'overwrittenActions',
  'droppedAnswers',
  'emptyAnswers',
  'followedCommands',
  'chunks',
  'badChunks',
  'skippedActions',
  'starvedCycles',
  'seams',
  'gripperCommands',
  'gripperFailures',
  'droppedRecords',
  'unrecordedCycles',
  'droppedEvents',
  'boxViolations',
  'positionViolations',
  'velocityViolations',
  'accelerationViolations',
  'jerkViolations',
  'torqueViolations',
  'torqueRateViolations',
  'jointsViolations',
  'distanceViolations',
];

/** How the command of a tick was made: from an action in time, by approaching one, by holding, by braking. */
export type CommandKind = 'fresh' | 'followed' | 'held' | 'rest';

export const COMMAND_KINDS: readonly CommandKind[] = ['fresh', 'followed', 'held', 'rest'];

/** The events that a session's loop reports. */
export type EventKind = 'held' | 'resting' | 'resumed' | 'behind' | 'late' | 'badChunk';

/** The fields of a tick's record that precede the action. */
export type RecordField =
  | 'tick'
  | 'timeS'
  | 'periodS'
  | 'sentS'
  | 'kind'
  | 'askedS'
  | 'tookS'
  | 'gaveS'
  | 'answeredS'
  | 'decidedS'
  | 'robotTimeS'
  | 'missedMs'
  | 'ageS';

export const RECORD_FIELDS: readonly RecordField[] = [
  'tick',
  'timeS',
  'periodS',
  'sentS',
  'kind',
  'askedS',
  'tookS',
  'gaveS',
  'answeredS',
  'decidedS',
  'robotTimeS',
  'missedMs',
  'ageS',
];

/** The phases of a cycle, in their order. */
export type CyclePhase =
  | 'wait'
  | 'wake'
  | 'handOver'
  | 'policy'
  | 'handBack'
  | 'judge'
  | 'decide'
  | 'send'
  | 'record';

export const PHASES: readonly CyclePhase[] = [
  'wait',
  'wake',
  'handOver',
  'policy',
  'handBack',
  'judge',
  'decide',
  'send',
  'record',
];

/** What kind of bad cycle it was. */
export type IncidentKind = 'longCycle' | 'lateAnswer';

/** How an episode of a recording ended. */
export type EpisodeOutcome = 'unknown' | 'success' | 'failure' | 'rerecorded';

export const OUTCOMES: readonly EpisodeOutcome[] = ['unknown', 'success', 'failure', 'rerecorded'];

/** How serious a note of a recorded cycle is. */
export type NoteLevel = 'info' | 'warning' | 'error';

/** The encoding of a pixel of a recorded image. */
export type PixelEncoding = 'mono8' | 'rgb8' | 'rgba8';

export const PIXEL_ENCODINGS: readonly PixelEncoding[] = ['mono8', 'rgb8', 'rgba8'];

/** The settings of an arm. */
export type SettingKind =
  | 'collisionBehavior'
  | 'jointImpedance'
  | 'cartesianImpedance'
  | 'guidingMode'
  | 'endEffector'
  | 'stiffnessFrame'
  | 'load'
  | 'filters';

/** The directions in which an arm is guided by hand. */
export type GuidingDirection = 'x' | 'y' | 'z' | 'roll' | 'pitch' | 'yaw' | 'elbow';

export const DIRECTIONS: readonly GuidingDirection[] = [
  'x',
  'y',
  'z',
  'roll',
  'pitch',
  'yaw',
  'elbow',
];

/** The filters of a FER. */
export type FilterName =
  | 'jointPositionHz'
  | 'jointVelocityHz'
  | 'cartesianPositionHz'
  | 'cartesianVelocityHz'
  | 'controllerHz';

export const FILTERS: readonly FilterName[] = [
  'jointPositionHz',
  'jointVelocityHz',
  'cartesianPositionHz',
  'cartesianVelocityHz',
  'controllerHz',
];

/** The faults that can be injected into a simulator. */
export type FaultName =
  | 'dropStates'
  | 'dropCommands'
  | 'delayStates'
  | 'delayCommands'
  | 'duplicateStates'
  | 'duplicateCommands'
  | 'reorderStates'
  | 'reorderCommands'
  | 'truncateStates'
  | 'truncateCommands'
  | 'oldStates'
  | 'corruptStates'
  | 'noiseDatagrams'
  | 'reflex'
  | 'userStop'
  | 'guide'
  | 'push'
  | 'rejectConnect'
  | 'slowConnect'
  | 'resetConnection'
  | 'die'
  | 'freeze'
  | 'handRejectConnect'
  | 'handFailNext'
  | 'handDeaf'
  | 'handDie'
  | 'handFreeze';

/** What a simulator counts. */
export type SimulatorCounter =
  | 'statesSent'
  | 'statesDropped'
  | 'statesDelayed'
  | 'commandsReceived'
  | 'commandsLate'
  | 'commandsLost'
  | 'longestLostRun'
  | 'commandsDropped'
  | 'commandsDelayed'
  | 'faultsAtCycles'
  | 'faultsMissed'
  | 'motionsStarted'
  | 'motionsFinished'
  | 'motionsAborted'
  | 'reflexes'
  | 'missedTicks'
  | 'clients';

export const SIMULATOR_COUNTERS: readonly SimulatorCounter[] = [
  'statesSent',
  'statesDropped',
  'statesDelayed',
  'commandsReceived',
  'commandsLate',
  'commandsLost',
  'longestLostRun',
  'commandsDropped',
  'commandsDelayed',
  'faultsAtCycles',
  'faultsMissed',
  'motionsStarted',
  'motionsFinished',
  'motionsAborted',
  'reflexes',
  'missedTicks',
  'clients',
];

/** The reasons for which the native side wakes JavaScript. Several reasons are added. */
export const NEWS = { observation: 1, events: 2, end: 4, begun: 8, over: 16 } as const;

/** How many numbers precede the rows of a chunk of actions, how many follow the observation of a policy that answers in chunks, and the number of rows that says that an answer is none, for the first of the codes in REFUSALS; the next code has the number below, and so on. */
export const CHUNK = { header: 3, context: 3, none: -1 } as const;

/** The defaults of options. */
export const DEFAULTS = {
  deadlineS: 0.0003,
  maxHeldTicks: 20,
  catchUpS: 3,
  maxDistanceRad: 0.1,
  softDistanceRad: 0.5,
  velocityShare: 0.5,
  accelerationShare: 0.5,
  jerkShare: 0.1,
  priority: 80,
  timerSlackS: 1e-9,
  keepAwakeCores: 2,
  connectTimeoutS: 5,
  handTimeoutS: 5,
  handCommandTimeoutS: 180,
  toleranceRad: 0.01,
  settleS: 1,
} as const;

/** The default share of the arm's jerk limit for motions to targets, by control mode. */
export const TARGET_JERK_SHARES = { jointTarget: 0.1, cartesianTarget: 0.03 } as const;

/** The quantities of the model with their lengths. Their order is that of their numbers on the native side. */
export const QUANTITIES = {
  pose: 16,
  bodyJacobian: 42,
  zeroJacobian: 42,
  mass: 49,
  coriolis: 7,
  gravity: 7,
} as const;

/** The fields of a posture, in their order, with their lengths. */
export const POSTURE = {
  q: 7,
  dq: 7,
  F_T_EE: 16,
  EE_T_K: 16,
  I_total: 9,
  m_total: 1,
  F_x_Ctotal: 3,
  O_ddP_O: 3,
} as const;

/** libfranka's ready pose, joint by joint [rad]. */
export const HOME: readonly number[] = [
  0, -0.7853981633974483, 0, -2.356194490192345, 0, 1.5707963267948966, 0.7853981633974483,
];

/** The kinds of calls over a line. */
export const CALL = {
  make: 0,
  call: 1,
  get: 2,
  set: 3,
  next: 4,
  return: 5,
  cancel: 6,
  runPolicy: 7,
} as const;

/** The kinds of answers over a line. */
export const ANSWER = { value: 0, error: 1, iterator: 2, logged: 3, collected: 4 } as const;

/** The tag with which a value in a message begins. */
export const TAG = {
  undefined: 0,
  null: 1,
  false: 2,
  true: 3,
  int: 4,
  float: 5,
  whole: 6,
  text: 7,
  list: 8,
  record: 9,
  array: 10,
  lentArray: 11,
  floats: 12,
  ints: 13,
  bigint: 14,
  date: 15,
  map: 16,
  set: 17,
  error: 18,
  clone: 19,
  state: 20,
} as const;

/** The kinds of arrays, in the order of their numbers in a message. */
export const ARRAY = {
  Int8Array: 0,
  Uint8Array: 1,
  Int16Array: 2,
  Uint16Array: 3,
  Int32Array: 4,
  Uint32Array: 5,
  BigInt64Array: 6,
  BigUint64Array: 7,
  Float32Array: 8,
  Float64Array: 9,
  Uint8ClampedArray: 10,
  DataView: 11,
  ArrayBuffer: 12,
} as const;

/** Sizes [bytes] and counts of what is sent over a line. */
export const PACKING = {
  largestWithin: 1024,
  smallestInPlace: 65536,
  deepest: 100,
  longestText: 1048576,
  mostCauses: 25,
} as const;

/** Bounds for what a policy in a process logs: bytes of a value, bytes on their way, values in a second, and channels. */
export const LOGGED = { largest: 8388608, most: 67108864, aSecond: 4000, channels: 1000 } as const;

/** What a policy's process tells of its garbage collections: how many at once, and the shortest [s]. */
export const COLLECTED = { most: 64, shortestS: 0.0005 } as const;

/** The exit codes of a child process. */
export const EXIT = { unfit: 97 } as const;

/** Bounds for the inputs of a policy: names, bytes of a name, dimensions; and the kind of a value that is no array, which is sent as JSON. */
export const INPUT = { names: 64, nameBytes: 64, dims: 32, plain: 255 } as const;
