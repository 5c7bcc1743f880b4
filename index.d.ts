// Every public declaration of kilohertz. Made from lib/ by `npm run build`; edit it there.

import { EventEmitter } from 'node:events';

declare class NativeArm {
  /** Connects; rejects with the answer of the arm or the network. */
  static connect(
    address: string,
    connectWith: NativeConnectOptions,
    attempt: NativeAttempt,
  ): Promise<NativeArm>;
  /** True if this arm is a simulator of this process that waits for its commands. */
  get isInLockstep(): boolean;
  /** Returns true if it is on this machine, as only a simulated arm is. */
  get isLocal(): boolean;
  /** The arm's generation: fr3 or fer. */
  get generation(): string;
  /** The library that talks to the arm: franka-rs or libfranka-rs. */
  get client(): string;
  /** The FCI version that the arm speaks. */
  get serverVersion(): number;
  /** How many datagrams came from other senders than the arm; they were dropped. */
  get foreignDatagrams(): number;
  /** Returns how many numbers an action of a control interface has. */
  actionLength(control: string): number;
  /** True if a session drives the arm. */
  get isDriven(): boolean;
  /**
   * Resolves to the arm's present state; while a session drives it, to the newest state that its loop
   * has seen.
   */
  state(): Promise<Float64Array>;
  /** Clears the errors of a reflex. */
  recover(): Promise<void>;
  /** Closes the connection, once no session drives the arm any more. */
  close(): void;
  /**
   * Sends a setting to the arm: its kind and its values, in the order of `kilohertz_franka::Setting`.
   * With `unchecked` the values need not be plausible.
   */
  configure(kind: string, values: Float64Array, unchecked: boolean): Promise<void>;
  /**
   * Plans a move to joint positions, 7 numbers, or to a pose, 16 numbers; a relative goal counts from where
   * the arm stands. The arm has arrived when each joint is within the tolerance [rad]; it must be so before
   * the settling time [s] is over.
   */
  planMove(
    goal: Float64Array,
    relative: boolean,
    speed: number,
    tolerance: number,
    settlingS: number,
  ): Promise<NativeMove>;
}
declare class NativeAttempt {
  constructor();
  /** Ends the attempt. What it has opened is closed, then its promise rejects. */
  stop(): void;
}
declare class NativeControls {
  /** Takes what was asked for; null if there is nothing. `done` must be called when it is over. */
  take(): NativeAsked | null;
  /** Notes that what was taken is over, and whether it has failed. */
  done(hasFailed: boolean): void;
  /** Notes that the hand is commanded from now on: it is stopped when the controls are let go. */
  moves(hand: NativeHand): void;
  /** True if the page for which something is done still holds the controls. */
  get isHeld(): boolean;
}
declare class NativeFailure {
  /** Which class of errors it becomes. */
  readonly kind: NativeFailureKind;
  readonly message: string;
  /** The robot's own names of what is wrong. */
  readonly errors: Array<string>;
  /** The number of the signal that it is about. */
  readonly signal?: number;
  /** The code; that of a refused option is made of the option's name. */
  get code(): string;
  /** Of a refused option. */
  get refused(): NativeRefused | null;
  /** How the robot says that its motion ended. */
  get moveStatus(): string | null;
  /** The file or folder that it is about; the message may show it without its middle. */
  get path(): string | null;
  /** Of a move that did not arrive. */
  get notArrived(): NativeNotArrived | null;
}
declare class NativeHand {
  /** Connects to the hand of the arm at `host` or `host:port`. */
  static connect(
    address: string,
    wanted: NativeHandOptions,
    attempt: NativeAttempt,
  ): Promise<NativeHand>;
  /** The version of the hand's protocol. */
  get serverVersion(): number;
  /** How many datagrams came from other senders than the hand; they were dropped. */
  get foreignDatagrams(): number;
  /** True if a command is running. */
  get isBusy(): boolean;
  /** Finds out how far the fingers open. */
  homing(place: NativePlace): Promise<boolean>;
  /** Moves the fingers. */
  moveTo(width: number, speed: number, place: NativePlace): Promise<boolean>;
  /** Closes the fingers on an object. */
  grasp(wanted: NativeGrasp, place: NativePlace): Promise<boolean>;
  /** Ends the running command, and releases the object that is held. */
  stop(): Promise<void>;
  /** Resolves to the hand's present state. */
  state(): Promise<NativeHandState>;
  /** Stops a running command, and closes the connection. */
  close(): Promise<void>;
}
declare class NativeMove {
  /** How long the way takes [s]. */
  get durationS(): number;
  /** For how long the arm has moved [s]. */
  get elapsedS(): number;
  /** True if the measured arm stands at the goal. */
  get hasArrived(): boolean;
  /** Returns why the plan was given up; null if it was not given up. */
  trouble(): NativeFailure | null;
}
declare class NativePlace {
  /** Takes a place. `is_native`: it is driven natively. `ends_on_interrupt`: Ctrl+C is meant to end it. */
  static take(isNative: boolean, endsOnInterrupt: boolean, evenAfterSignal: boolean): NativePlace;
  /** The number of the signal that ended it; null if no signal did. */
  get signal(): number | null;
  /** Who has asked first for its end, if that is known: Ctrl+C that is meant to end it, or a page. */
  get askedBy(): 'interrupt' | 'page' | null;
  /** True if it is asked to end. */
  get isToEnd(): boolean;
  /** Asks it to end. */
  stop(): void;
  /** Blocks for at most `limit_s` until nothing moves. Returns true if nothing moves. */
  join(limitS: number): boolean;
  /** Gives the place back. */
  leave(): void;
}
declare class NativeSession {
  /** The robot's time since the first cycle, by the cycles until now [s]. */
  get robotTimeS(): number;
  /** The robot's time of the question that a policy on this thread took last [s]. */
  get askedS(): number;
  /** The robot's time at which the policy's own time begins [s]; 0 before that is known. */
  get firstS(): number;
  /** Returns what was recorded so far; null if the session is not recorded. */
  recording(): NativeRecorded | null;
  /** Returns why the recording cannot be written any further, once; null otherwise. */
  takeRecordingFailure(): NativeFailure | null;
  /** Returns what was shown so far; null if the session is not shown. */
  shown(): NativeShown | null;
  /** Records or shows a value. Returns false if it was dropped, or if the session is neither recorded nor shown. */
  log(channel: string, timeS: number, value: NativeValue): boolean;
  /** Counts values that a policy's process has dropped. */
  countDropped(values: number): void;
  /** Records or shows the beginning of an episode, or its end with how it ended. */
  mark(index: number, task: string, ended?: string | undefined | null): void;
  /** Says that the loop is known to have ended, and that `tellEnd` will be called. */
  expectEnd(): void;
  /**
   * Tells why the session ended, once the robot is stopped. The code is empty if the session was asked to end, or its
   * time was over.
   */
  tellEnd(code: string, text: string): void;
  /** Begins to keep the states and commands of a robot written in JavaScript, which have these fields. */
  describe(state: Array<NativeField>, action: Array<NativeField>): void;
  /**
   * Keeps the state of a robot written in JavaScript, and its command behind it. `note` says what is not
   * kept of it.
   */
  keep(tick: number, numbers: Float64Array, note?: string | undefined | null): void;
  /** Writes the newest cycles into a file. Rejects with a failure. */
  save(path: string): Promise<void>;
  /** Returns the file into which the newest cycles were written at the end; null if none was. */
  saved(): string | null;
  /**
   * Starts a session whose robot is in JavaScript. `wake` is called once a tick; it observes, decides
   * and acts.
   */
  static paced(options: NativeSessionOptions, place: NativePlace, wake: () => void): NativeSession;
  /** Starts a session that drives an arm; `port` is that of the worker in which the policy runs. */
  static arm(
    arm: NativeArm,
    control: string,
    options: NativeSessionOptions,
    place: NativePlace,
    wake: () => void,
    port?: number | undefined | null,
    hand?: NativeHand | undefined | null,
  ): NativeSession;
  /** Starts a session that drives an arm with the policy of the process that waits at `port`. */
  static armShared(
    arm: NativeArm,
    control: string,
    options: NativeSessionOptions,
    place: NativePlace,
    wake: () => void,
    port: NativeSharedPort,
    hand?: NativeHand | undefined | null,
  ): NativeSession;
  /**
   * Returns the reasons of a wake as a sum: 1 for a new observation, which is copied with its tick, time
   * [s] and period [s]; 2 for events; 4 for the end; 8 once the loop has begun; 16 once it has ended.
   */
  receive(observation: Float64Array, clock: Float64Array): number;
  /** Returns the reasons of a wake as `receive` does, without taking an observation. */
  news(): number;
  /** Answers the observation taken last. */
  answer(action: Float64Array): void;
  /** Answers the observation taken last with nothing new. */
  answerNothing(): void;
  /** Tells the loop that the policy failed and will not answer again. */
  fail(): void;
  /** Begins an episode of a policy that answers in chunks: what is played is thrown away. */
  beginEpisode(): void;
  /** Asks the loop to bring the robot to rest and to end. */
  requestStop(): void;
  /** Blocks for at most `limit_s` until the loop has ended. Returns true if it has. */
  join(limitS: number): boolean;
  /** True if the robot is stopped and the loop has ended. */
  get hasEnded(): boolean;
  /** Returns what the loop has done until now. */
  stats(): NativeStats;
  /** How many cycles have finished so far. */
  get stepCount(): number;
  /** Returns what is known of the bad cycles until now. */
  report(): NativeReport;
  /**
   * Notes that this thread, which runs the policy, collected garbage between two times of the monotonic
   * clock [s].
   */
  notePause(fromS: number, toS: number): void;
  /** Returns the histogram of the whole run's "jitter", "execution" or "period" times, or of a phase. */
  histogram(of: string): NativeHistogram;
  /** Returns what the loop thread asked of the system and got; null before it has run. */
  realtime(): NativeRealtime | null;
  /** Returns the state of the policy's priority; null if none was asked for, or while it is not known. */
  promotion(): NativePromotion | null;
  /** Returns how cores are kept awake; null before the loop thread has run. */
  awake(): NativeAwake | null;
  /** Returns how the session ended; null while it runs. */
  outcome(): NativeOutcome | null;
  /** Takes all waiting events. */
  takeEvents(): Array<NativeEvent>;
  /** How many numbers a tick record has. */
  get recordStride(): number;
  /** Takes all stored tick records. Each consists of the contract's fields and the action. */
  takeRecords(): Float64Array;
  /**
   * Starts a session that moves an arm as planned, and ends when the arm is there, or when the controls that
   * it is started with are let go.
   */
  static moving(
    arm: NativeArm,
    planned: NativeMove,
    options: NativeSessionOptions,
    place: NativePlace,
    wake: () => void,
    controls?: NativeControls | undefined | null,
  ): NativeSession;
  /** Starts a session that jogs an arm, and ends when the controls are let go, or nothing is jogged any more. */
  static jogging(
    arm: NativeArm,
    controls: NativeControls,
    options: NativeSessionOptions,
    place: NativePlace,
    wake: () => void,
  ): NativeSession;
}
declare class NativeSharedPort {
  /** Creates a port for one session, whose observations and actions have these numbers of slots. */
  constructor(observation: number, action: number);
  /** The descriptor for [`NativeJoinedPort::join`] in the child. */
  get memory(): number;
  /**
   * Sets the id of the process that runs the policy. It is also the number of its first thread, on which
   * the policy runs.
   */
  runsIn(pid: number): void;
  /**
   * Returns what the policy's process wrote that is not an answer, in words; null if it wrote only
   * answers.
   */
  trouble(): string | null;
  /** Ends the policy's exchange with the loop. */
  dismiss(): void;
  /**
   * Ends the policy's exchange with the loop, and frees the memory and its descriptor after the session
   * has ended.
   */
  release(): void;
}
interface NativeAsked {
  what: NativeControl;
  /** True if it was asked for too long ago, or if the page has let the controls go. */
  isLate: boolean;
}
interface NativeAwake {
  idleStates: NativeGrant;
  threads: number;
  reason: string;
  wakeS?: number;
}
type NativeCause =
  | 'stopped'
  | 'policyFailed'
  | 'invalidAction'
  | 'badChunk'
  | 'noAction'
  | 'tooLate'
  | 'nothingNew'
  | 'behind'
  | 'robotFailed'
  | 'panicked';
interface NativeChunkFault {
  kind: NativeChunkFaultKind;
  /** How many rows it has, the time between them [s], how far its time is off [s], or its distance. */
  received: number;
  /** For "seam": the largest distance, and its unit. */
  longest?: number;
  unit: string;
  /** For "notFinite": the row, and the place of the number in it. */
  row?: number;
  field: string;
  index: number;
}
type NativeChunkFaultKind =
  | 'empty'
  | 'malformed'
  | 'frame'
  | 'tooLong'
  | 'step'
  | 'notFinite'
  | 'future'
  | 'backwards'
  | 'seam';
interface NativeChunks {
  /** How many rows a chunk may have. */
  rows: number;
  /** True if actions begin with a pose. */
  isPose: boolean;
  /** When the next chunk is asked for: one of the three is given. */
  replanShare?: number;
  replanSteps?: number;
  replanEveryS?: number;
  /** True if a chunk takes over without a fade. */
  replaces: boolean;
  /** ACT's `m`, if chunks are averaged. */
  ensemble?: number;
  /** How far a chunk may be away when it takes over, for each coordinate of a displacement [rad, m]. */
  maxSeam: Array<number>;
  /** True if a chunk that cannot be played is left out. */
  skipsBad: boolean;
  /** True if rows are changes of the policy's last target. */
  isRelative: boolean;
  /** How a hand follows the last number of each row; absent if rows have no such number. */
  gripper?: NativeGripper;
}
interface NativeConnectOptions {
  timeoutS: number;
  generation?: string;
  client?: string;
  impedance?: string;
  elbow?: boolean;
  law?: NativeLaw;
}
type NativeControl = 'recover' | 'home' | 'openHand' | 'closeHand' | 'jog';
interface NativeDistance {
  field: string;
  index: number;
  unit: string;
  distance: number;
}
interface NativeEvent {
  /** One of `EventKind` in the contract. */
  kind: string;
  tick: number;
  /** For "behind": how far the robot is behind. */
  behind?: NativeDistance;
  /** For "late": how long late answers took, on average. */
  tookS?: number;
  /** For "badChunk": what is wrong with the chunk. */
  badChunk?: NativeChunkFault;
}
interface NativeEvidence {
  /** The time between the samples of the two threads, and between those of the rest. */
  windowS: number;
  fullWindowS: number;
  ofLoop?: NativeThreadShare;
  ofPolicy?: NativeThreadShare;
  wakerWaitedS?: number;
  ownRanS?: number;
  busiest: Array<NativeOwnShare>;
  idleS?: number;
  stolenS?: number;
  pressureS?: number;
  idleLatencyS?: number;
  /** How long the policy's thread collected garbage, within the stretch itself. */
  pausedS: number;
  cpus: number;
}
type NativeFailureKind = 'option' | 'robot' | 'interrupted' | 'policy' | 'offload' | 'other';
interface NativeField {
  name: string;
  len: number;
  unit: string;
}
interface NativeFoxglove {
  /** An IP address of this host. */
  host: string;
  port: number;
}
interface NativeGrant {
  status: NativeGrantStatus;
  reason?: string;
}
type NativeGrantStatus = 'granted' | 'refused' | 'notAsked';
interface NativeGrasp {
  width: number;
  speed: number;
  force: number;
  epsilonInner: number;
  epsilonOuter: number;
}
interface NativeGripper {
  /** What one unit of the number is [m]. */
  scale: number;
  /** True if a larger number means a smaller opening. */
  isInverted: boolean;
  /** By how much the opening has to change until the hand is commanded anew [m]. */
  margin: number;
  /** The speed of the fingers [m/s]. */
  speed: number;
  /** The force with which they close [N]. */
  force: number;
}
interface NativeHandOptions {
  timeoutS: number;
  commandTimeoutS: number;
  port?: number;
}
interface NativeHandState {
  width: number;
  max_width: number;
  is_grasped: boolean;
  temperature: number;
  time: number;
}
interface NativeHistogram {
  upperS: Float64Array;
  counts: Float64Array;
}
interface NativeIncident {
  /** One of the contract's kinds. */
  kind: string;
  tick: number;
  /** Ticks without a cycle; cycles without an answer in time. */
  cycles: number;
  /** When it began, since the first cycle [s]. */
  atS: number;
  lastedS: number;
  excessS: number;
  behindS: number;
  /** The phase that took the most too long, and how long that was. */
  phase: string;
  phaseS: number;
  /** The parts of it, in the order of the contract's phases [s]. */
  spansS: Array<number>;
  evidence: NativeEvidence;
}
interface NativeJointPlace {
  at: number;
  lower: number;
  upper: number;
  isOutOfReach: boolean;
  tooFar?: NativeTooFar;
}
type NativeKeepAwake = 'auto' | 'threads' | 'idleStates' | 'off';
interface NativeLaw {
  /** True if it follows the end effector. */
  cartesian: boolean;
  jointStiffness?: Array<number>;
  jointDamping?: Array<number>;
  cartesianStiffness?: Array<number>;
  cartesianDamping?: Array<number>;
}
interface NativeNotArrived {
  q: Array<number>;
  goal: Array<number>;
  joint: number;
  differenceRad: number;
}
interface NativeOutcome {
  cause: NativeCause;
  tick?: number;
  behind?: NativeDistance;
  withoutAction?: number;
  violation?: NativeViolation;
  /** The row of the chunk with the violation, if it was one. */
  row?: number;
  badChunk?: NativeChunkFault;
  /** The panic's message. */
  message?: string;
  /** The robot's own error. */
  robotError?: NativeFailure;
  /** The last states, each preceded by its tick and its time [s]. */
  lastStates: Float64Array;
}
interface NativeOwnShare {
  name: string;
  ranS: number;
}
interface NativePromotion {
  priority: number;
  grant: NativeGrant;
  /** How often the priority was taken back because the policy did not answer. */
  takenBack: number;
}
interface NativeRealtime {
  priority: NativeGrant;
  cpu: NativeGrant;
  memory: NativeGrant;
  timerSlack: NativeGrant;
  preemptRt: boolean;
}
interface NativeRecorded {
  path: string;
  /** Cycles that are in the file, and values and episodes that are. */
  cycles: number;
  others: number;
  /** Those that were handed over and are not in the file, because writing failed. */
  lostCycles: number;
  lostOthers: number;
  /** Values that were dropped because too many waited. */
  droppedValues: number;
  /** Fields of cycles that were no longer kept when they were to be written. */
  unkeptFields: number;
  bytes: number;
  /** Why writing ended early, if it did. */
  error?: NativeFailure;
}
interface NativeRefused {
  /** The option as it is written, which its code is made of. */
  option: string;
  /** What of it is wrong, where that is more than the option. */
  what: string;
  received: number | boolean | string;
  expected: string;
  /** What `received` is beyond, or not equal to. */
  limits: Array<number>;
}
interface NativeReport {
  /** How many there were, and how many were not looked into because there were too many. */
  incidents: number;
  lostIncidents: number;
  /** The worst, worst first. */
  worst: Array<NativeIncident>;
  /** The newest, oldest first. */
  newest: Array<NativeIncident>;
  /** What was counted in the whole run. */
  run: NativeEvidence;
  /** How often the policy's thread collected garbage. */
  pauses: number;
}
interface NativeSessionOptions {
  /** The loop's rate. */
  rateHz: number;
  /** The policy's rate. */
  policyRateHz: number;
  deadlineS: number;
  maxHeldTicks: number;
  stopOnLate: boolean;
  /** How long catching up with the policy's actions may take until it is reported. */
  catchUpS: number;
  /** The kinds of limits whose violations are clamped, with the names in `NativeViolation`. */
  clamped: Array<string>;
  maxDistanceRad: number;
  /** The cut-off frequency of a low-pass filter before the limits. */
  cutoffHz?: number;
  /** Lower corner, upper corner and margin of a box [m], 7 numbers. */
  boxM?: Array<number>;
  /** The shares of the arm's limits that a motion to a target may use. */
  velocityShare: number;
  accelerationShare: number;
  jerkShare: number;
  maxTimingSamples: number;
  recordTicks: number;
  /** The file that everything of the session is recorded in. */
  record?: string;
  /** Where the session is shown to Foxglove. */
  foxglove?: NativeFoxglove;
  /** What a recording keeps of options, robot and versions, as JSON. */
  runInfo?: string;
  /** How long the newest cycles are kept in memory [s]. */
  blackBoxS?: number;
  /** The folder that they are written into if the session ends with an error. */
  blackBoxFolder?: string;
  runForS?: number;
  /** True if only the arm's clock counts. */
  lockstep?: boolean;
  /** In lockstep: the shortest and the longest latency of the policy [s], and a seed. */
  latency?: Array<number>;
  /** If given, the policy answers in chunks of actions. */
  chunks?: NativeChunks;
  priority?: number;
  cpu?: number;
  lockMemory: boolean;
  timerSlackS?: number;
  /** The priority of the policy's thread, in a worker or a process. */
  policyPriority?: number;
  /** True if the policy, in a worker, spins. */
  policySpins?: boolean;
  keepAwake: NativeKeepAwake;
  keepAwakeCores: number;
  /** The longest acceptable wake from an idle state; null leaves idle states unchanged. */
  idleLatencyS?: number;
}
interface NativeShown {
  host: string;
  port: number;
  clients: number;
  /** Messages that were sent, and those that a client was too slow for, counted for each client. */
  sent: number;
  dropped: number;
  /** What was handed over and shown to nobody, because the thread was too slow. */
  lost: number;
}
interface NativeSpread {
  p50: number;
  p95: number;
  p99: number;
  max: number;
}
interface NativeStats {
  /** The counts, in the order of the contract's names. */
  counts: Array<number>;
  firstViolation?: NativeViolation;
  firstViolationTick?: number;
  targetPeriodS: number;
  avgPeriodS: number;
  longestPeriodS: number;
  jitter: NativeSpread;
  execution: NativeSpread;
  chunkLatency: NativeSpread;
  newestChunkLatencyS: number;
  chunkAgeS: number;
  /** The largest distances at seams, for each coordinate of a displacement [rad, m]. */
  largestSeams: Array<number>;
  /** True if the first three of these coordinates are a translation. */
  isPose: boolean;
}
interface NativeThreadShare {
  ranS: number;
  /** How long it waited for a processor although it could have run. */
  waitedS: number;
  minorFaults?: number;
  majorFaults?: number;
  /** How often it had to give up its processor. */
  involuntary?: number;
}
interface NativeTooFar {
  distance: number;
  longest: number;
}
interface NativeValue {
  numbers?: Float64Array;
  /** Bytes, and what they are. */
  bytes?: Uint8Array;
  mediaType?: string;
  /** Of pixels: their encoding, with the width and the height. */
  encoding?: string;
  width?: number;
  height?: number;
  /** The format of a compressed image. */
  format?: string;
}
interface NativeViolation {
  /** The limit's name, one of `LimitKind` in the contract. */
  kind: string;
  slot: number;
  field: string;
  index: number;
  unit: string;
  action: number;
  received: number;
  limit: number;
  joint?: NativeJointPlace;
  /** What is wrong with a matrix. */
  flaw?: string;
}
/** What the loop thread asks of the operating system. */
export interface RealtimeOptions {
  /** The `SCHED_FIFO` priority, 1 to 99. `null` leaves the thread to the ordinary scheduler. Default 80. */
  readonly priority?: number | null;
  /** The CPU on which the thread stays. `null` lets the scheduler choose. Default `null`. */
  readonly cpu?: number | null;
  /** Whether the loop's code and stack are locked into memory. Default true. */
  readonly lockMemory?: boolean;
  /** How late the kernel may wake the thread to save power [s]. `null` does not change it. Default 1e-9. */
  readonly timerSlackS?: number | null;
  /**
   * How the cores of the loop and of its policy are kept awake while the session runs. A core that has gone idle takes
   * 20 to 60 us to wake. `'idleStates'` prevents idle states (by `/dev/cpu_dma_latency`, which needs a permission).
   * `'threads'` keeps the cores busy with threads of the class `SCHED_IDLE`, which every other thread preempts.
   * `'auto'` (the default) does what helps on this machine, and nothing if the machine runs on battery. `false` does
   * nothing. `'idleStates'` and `'threads'` cost power. {@link Realtime.keepAwake} tells what is done and why.
   */
  readonly keepAwake?: 'auto' | 'threads' | 'idleStates' | false;
  /**
   * How many cores may be kept busy by threads, 0 to 64. Default 2. With `'auto'` it is never all CPUs of the process.
   */
  readonly keepAwakeCores?: number;
  /**
   * The longest acceptable wake from an idle state [us], 0 to 1,000,000. 0 (the default) allows no idle state at all.
   * `null` does not change the system's idle states.
   */
  readonly idleLatencyUs?: number | null;
}
/** The outcome of one request of the loop thread to the operating system. */
export interface Grant<T> {
  /** What was asked for; undefined if nothing was. */
  readonly asked: T | undefined;
  /** Whether the system granted it. */
  readonly granted: boolean;
  /** Why the request was not granted, and what to do; undefined if it was granted, or if nothing was asked for. */
  readonly reason: string | undefined;
}
/** The priority of a policy's thread. */
export interface PolicyGrant extends Grant<number> {
  /** How often the priority was taken back because the policy had not answered for `maxHeldTicks` cycles. */
  readonly takenBack: number;
}
/** What the loop thread asked of the operating system, and what it got. */
export interface Realtime {
  /** The `SCHED_FIFO` priority. */
  readonly priority: Grant<number>;
  /** The CPU on which the thread stays. */
  readonly cpu: Grant<number>;
  /** Whether the loop's code and stack are locked into memory. */
  readonly lockMemory: Grant<boolean>;
  /** How late the kernel may wake the thread to save power [s]. */
  readonly timerSlackS: Grant<number>;
  /** The longest wake from an idle state [us]. It is granted if deeper idle states are prevented. */
  readonly idleLatencyUs: Grant<number>;
  /** How cores are kept awake. */
  readonly keepAwake: AwakeCores;
  /**
   * The `SCHED_FIFO` priority of the policy's thread, in a worker or a process. For a policy on the main thread nothing
   * is asked for.
   */
  readonly policyPriority: PolicyGrant;
  /** Whether the kernel is a `PREEMPT_RT` one, which bounds how late it may wake a thread. */
  readonly preemptRt: boolean;
}
/** How the cores of the loop and of its policy are kept awake. */
export interface AwakeCores {
  /** What was asked for. */
  readonly asked: 'auto' | 'threads' | 'idleStates' | false;
  /** How many threads keep a core busy. */
  readonly threads: number;
  /** Why the cores are kept awake in this way, or not at all. */
  readonly reason: string;
  /**
   * How long a wake took before the session began [us], the median of nine. If idle states are prevented, they were
   * already prevented during the measurement. Undefined if it was not measured.
   */
  readonly wakeUs: number | undefined;
}
type NativeErrorCode =
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
/** The control mode of an arm: what the actions of a session command. */
export type FrankaControl =
  | 'jointVelocity'
  | 'jointPosition'
  | 'jointTarget'
  | 'cartesianVelocity'
  | 'cartesianPose'
  | 'cartesianTarget'
  | 'torque';
/** The generation of an arm: a Franka Research 3, or a Franka Emika Robot (FER), also called Panda. */
export type FrankaGeneration = 'fr3' | 'fer';
/** The library that talks to an arm. */
export type FrankaClient = 'franka-rs' | 'libfranka-rs';
/** The controller that makes the arm follow the commanded motion. */
export type FrankaImpedance = 'joint' | 'cartesian' | 'external';
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
/** The mode of an arm, as libfranka names it. */
export type RobotMode =
  | 'Other'
  | 'Idle'
  | 'Move'
  | 'Guiding'
  | 'Reflex'
  | 'UserStopped'
  | 'AutomaticErrorRecovery';
type SessionCounter =
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
/** How the command of a tick was made: from an action in time, by approaching one, by holding, by braking. */
export type CommandKind = 'fresh' | 'followed' | 'held' | 'rest';
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
/** What kind of bad cycle it was. */
export type IncidentKind = 'longCycle' | 'lateAnswer';
/** How an episode of a recording ended. */
export type EpisodeOutcome = 'unknown' | 'success' | 'failure' | 'rerecorded';
/** How serious a note of a recorded cycle is. */
export type NoteLevel = 'info' | 'warning' | 'error';
/** The encoding of a pixel of a recorded image. */
export type PixelEncoding = 'mono8' | 'rgb8' | 'rgba8';
/** One tick of a session. Times are the host's, in seconds since the start of the first cycle. */
export interface TickRecord {
  /** The number of the cycle. */
  readonly tick: number;
  /** When the cycle started [s]. */
  readonly timeS: number;
  /** The time since the start of the previous cycle [s]; NaN in the first cycle. */
  readonly periodS: number;
  /** When the action was handed to the robot [s]. */
  readonly sentS: number;
  /**
   * Where the command came from: the policy's action unchanged (`fresh`), the action as far as the limits allowed
   * (`followed`), the last motion continued (`held`), or the motion to rest (`rest`).
   */
  readonly kind: CommandKind;
  /** When the policy was asked [s]; NaN if it was not asked in this cycle. */
  readonly askedS: number;
  /**
   * When the policy was called for the answer that came in this cycle, and when it gave the answer [s]; NaN if that is not
   * known, as of a policy in a process.
   */
  readonly tookS: number;
  readonly gaveS: number;
  /** When an answer of the policy was there [s]; NaN if no answer came in this cycle. */
  readonly answeredS: number;
  /** When the command was decided [s]; NaN if that is not known. */
  readonly decidedS: number;
  /** The time on the robot's clock since the first cycle [s], cycles that were missed included. */
  readonly robotTimeS: number;
  /** How much of that time passed without a cycle just before this one [ms]. */
  readonly missedMs: number;
  /**
   * The time since the observation of the chunk that this command plays [s]; NaN if it plays none, and without
   * {@link chunked}.
   */
  readonly ageS: number;
  /** The command that was sent to the robot; empty for robots written in JavaScript. */
  readonly action: Float64Array;
}
/** A histogram over a whole run. */
export interface Histogram {
  /** The upper edges of the buckets that are not empty, in rising order [s]. */
  readonly upperS: Float64Array;
  /** How many cycles fell into each bucket. */
  readonly counts: Float64Array;
}
/** What keeps the machine busy while wakes are measured. */
export type BenchLoad = 'idle' | 'blocked' | 'garbage' | 'busy' | 'io';
/** What waits for the deadlines. `cyclictest` waits with `clock_nanosleep` too. */
export type BenchMethod = 'kilohertz' | 'clock_nanosleep' | 'spin' | 'cyclictest';
/** Options of {@link bench}. */
export interface BenchOptions {
  /** How often a thread wakes [Hz], 1 to 10,000. Default 1000. */
  readonly rateHz?: number;
  /** How long each measurement takes [s], 0.1 to 3600. Default 5. */
  readonly durationS?: number;
  /**
   * The loads, one after the other: `idle`, `blocked` (the event loop, for 300 ms again and again), `garbage` (much of it
   * is collected), `busy` (all cores), `io` (the disk and the loopback). Default: all.
   */
  readonly loads?: readonly BenchLoad[];
  /** What the session asks of the system, as in its options. */
  readonly realtime?: RealtimeOptions | false;
  /**
   * Whether the session is measured with each combination of scheduling, core and cores kept awake, instead of beside the
   * other methods. Default false.
   */
  readonly all?: boolean;
  /** Ends the measurements when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** Called when a measurement begins. */
  readonly onProgress?: (progress: BenchProgress) => void;
}
/** How far a bench has come. */
export interface BenchProgress {
  readonly method: BenchMethod;
  readonly load: BenchLoad;
  /** The number of the measurement, from 0, and how many there are. */
  readonly index: number;
  readonly count: number;
}
/** How late the wakes of one method were under one load. */
export interface BenchRow {
  readonly method: BenchMethod;
  readonly load: BenchLoad;
  /** What the session asked of the system; undefined of other methods. */
  readonly realtime: RealtimeOptions | false | undefined;
  readonly cycles: number;
  /** Deadlines that passed before the cycle before them was over. */
  readonly missed: number;
  /** How late a wake was [s]: at most half of them, 99 %, 99.9 %, and the latest. */
  readonly p50S: number;
  readonly p99S: number;
  readonly p999S: number;
  readonly maxS: number;
  readonly histogram: Histogram;
  /** How the thread was scheduled, in words. */
  readonly note: string;
}
/** What {@link bench} measured. */
export interface BenchReport {
  readonly rateHz: number;
  readonly durationS: number;
  /** The measurements in their order; with `all` the best first, by the worst 99 % of its loads. */
  readonly rows: readonly BenchRow[];
  /** Why cyclictest was not measured; undefined if it was, and with `all`. */
  readonly withoutCyclictest: string | undefined;
}
/**
 * Measures how late threads of this machine wake, under loads that it makes: the loop of a session with a robot in
 * memory, a thread that only sleeps with `clock_nanosleep`, scheduled as the loop is, one that only spins, scheduled
 * ordinarily, and cyclictest where it is installed. Other
 * things that run on the machine are measured too, so end them before.
 *
 * @example
 * const { rows } = await bench({ durationS: 10, loads: ['idle', 'busy'] });
 * for (const { method, load, p99S } of rows) console.log(method, load, p99S);
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 * @throws {AbortError} if {@link BenchOptions.signal} aborts
 * @throws {KilohertzError} `SYSTEM` if the system refuses what a load needs
 */
export declare function bench(options?: BenchOptions): Promise<BenchReport>;
/** How to connect to a hand. */
export interface FrankaHandOptions {
  /** How long connecting may take [s], above 0 to 600. Default 5. */
  readonly timeoutS?: number;
  /** The hand's TCP port. Default: the port after the arm's port, or 1338 if the address has no port. */
  readonly port?: number;
  /**
   * How long a command may take longer than its motion [s], above 0 to 3600. Default 180, because hands have been seen
   * to press for 100 s against an object that was in the way of a move.
   */
  readonly commandTimeoutS?: number;
  /**
   * Ends the attempt to connect when it aborts; the call then rejects with an {@link AbortError}. It has no effect on the
   * hand that is connected.
   */
  readonly signal?: AbortSignal;
}
/** Options of `homing`. */
export interface HandHomingOptions {
  /** Stops the hand when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** Whether the command may begin after a signal has told the process to end. Default false. */
  readonly evenAfterSignal?: boolean;
}
/** Options of `move`. */
export interface HandMoveOptions extends HandHomingOptions {
  /**
   * How fast the opening changes [m/s], above 0 to 0.1. At 0.1 m/s each finger moves at 50 mm/s (data sheet). Default
   * 0.1, as in libfranka's examples.
   */
  readonly speedMPerS?: number;
}
/** Options of `grasp`. */
export interface HandGraspOptions extends HandMoveOptions {
  /**
   * How hard the fingers press [N], above 0 to 140; up to 70 N is allowed continuously (data sheet). Default 20;
   * libfranka has no default. A hand has been reported to press with 30 N although it was told less.
   */
  readonly forceN?: number;
  /** How much narrower than `widthM` the object may be [m], 0 to 0.1. Default 0.005, as in libfranka. */
  readonly epsilonInnerM?: number;
  /** How much wider than `widthM` the object may be [m], 0 to 0.1. Default 0.005, as in libfranka. */
  readonly epsilonOuterM?: number;
}
/** The state of a hand. The widths are named as in the commands, all other fields as in libfranka. */
export interface HandState {
  /** The opening between the fingers [m]. */
  readonly widthM: number;
  /** The widest opening, as measured by homing [m]. A hand that was never homed reports 0. */
  readonly maxWidthM: number;
  /** Whether an object is grasped. */
  readonly is_grasped: boolean;
  /** The hand's temperature [°C]. */
  readonly temperature: number;
  /** The hand's time, increasing [s]. */
  readonly time: number;
  /**
   * Has the value of `widthM`. Not enumerable.
   *
   * @deprecated Read `widthM`.
   */
  readonly width: number;
  /**
   * Has the value of `maxWidthM`. Not enumerable.
   *
   * @deprecated Read `maxWidthM`.
   */
  readonly max_width: number;
}
/**
 * A Franka Hand, the gripper of both generations. The hand has its own server beside the arm's: it works without a
 * `Franka`, and also while a session drives the arm.
 *
 * One command runs at a time. Another command is refused with `FRANKA_INVALID_OPERATION` until the first has ended, so
 * `await` each command. `stop()`, `state()` and `close()` are possible at any time. If the hand does not answer any
 * more, calls end with `FRANKA_CONNECTION_LOST`: after 3 s of silence, `state()` after 1 s. The end of the program or
 * of a worker stops a running command, as `close()` does. A command that is ended by a signal of the operating system
 * rejects with a {@link SessionInterruptedError}.
 */
export declare class FrankaHand implements AsyncDisposable {
  #private;
  /** The address of the arm, as it was given to `connect`. */
  readonly address: string;
  private constructor();
  /**
   * Connects to the hand of the arm at `address`: the same host, or `host:port`, as for
   * `Franka.connect`. The hand is on the port after the arm's.
   *
   * @throws {RobotError} `FRANKA_CONNECT_REFUSED`, `FRANKA_CONNECT_FAILED`,
   * `FRANKA_CONNECT_TIMEOUT`, `FRANKA_INCOMPATIBLE_VERSION`
   * @throws {AbortError} if {@link FrankaHandOptions.signal} aborts
   * @throws {KilohertzError} `SYSTEM` if the system has no descriptors or threads left
   * @throws {OptionRangeError} {@link OptionTypeError} `OPTION_ADDRESS` if the address does not have the form of one, or
   * if an option is invalid; no connection is tried then
   */
  static connect(address: string, options?: FrankaHandOptions): Promise<FrankaHand>;
  /** The version of the hand's protocol: 3. */
  get serverVersion(): number;
  /**
   * How many datagrams from other senders than the hand have reached the socket for its states since connecting, 0 or
   * more. They are dropped before this package reads them. The count may be too low: if the hand was not used for
   * seconds, such datagrams cannot be told from states that found the queue full. The count stays readable after
   * `close()`.
   */
  get foreignDatagrams(): number;
  /** Whether a command is running. */
  get isBusy(): boolean;
  /**
   * Closes and opens the fingers as far as they go, to measure `maxWidthM`. Call it after the fingers were changed.
   * Resolves to true if it succeeded.
   *
   * @throws {RobotError} as {@link FrankaHand.grasp}
   */
  homing(options?: HandHomingOptions): Promise<boolean>;
  /**
   * Moves the fingers to an opening. Resolves to true if they reached it, and to `false` if something is in the way. To
   * hold something use {@link FrankaHand.grasp}.
   *
   * @param widthM the opening [m], from 0 to 0.1; the hand itself refuses more than its `maxWidthM`
   * @throws {RobotError} as {@link FrankaHand.grasp}
   */
  move(widthM: number, options?: HandMoveOptions): Promise<boolean>;
  /**
   * Closes the fingers until they meet something, and presses. Resolves to true if an object is held: if the opening is
   * more than `widthM - epsilonInnerM` and less than `widthM + epsilonOuterM`. Nothing else is checked: with bounds
   * around 0, fingers that touch each other count as an object too.
   *
   * @param widthM how wide the object is [m], from 0 to 0.1
   * @throws {RobotError} `FRANKA_COMMAND_REJECTED` if the hand refuses, `FRANKA_COMMAND_ABORTED` if the command was
   * stopped, `FRANKA_CONNECTION_LOST`, `FRANKA_COMMAND_TIMEOUT` if the hand does not answer, `FRANKA_INVALID_OPERATION`
   * while another command runs, or after `close()`
   * @throws {OptionRangeError} {@link OptionTypeError} if a number is invalid
   */
  grasp(widthM: number, options?: HandGraspOptions): Promise<boolean>;
  /**
   * Ends the running command, whose call then rejects with `FRANKA_COMMAND_ABORTED`, and releases the object that is
   * held. (Some hands have been reported to finish a move before they obey.)
   *
   * @throws {RobotError} `FRANKA_CONNECTION_LOST`, `FRANKA_COMMAND_REJECTED`,
   * `FRANKA_COMMAND_TIMEOUT`
   */
  stop(): Promise<void>;
  /**
   * Returns the state of the hand now: the next state that it sends. It sends about 60 a second.
   *
   * @throws {RobotError} `FRANKA_CONNECTION_LOST` if no state arrives within a second
   */
  state(): Promise<HandState>;
  /**
   * Stops a running command, then closes the connection. An object that is held stays held.
   *
   * @throws {RobotError} `FRANKA_COMMAND_TIMEOUT`, `FRANKA_COMMAND_REJECTED` or `FRANKA_CONNECTION_LOST` if the command
   * could not be stopped: the hand may still move. The connection is closed all the same
   */
  close(): Promise<void>;
  /** Closes the connection, as `close()` does. */
  [Symbol.asyncDispose](): Promise<void>;
}
/** Where a page is opened. */
export interface DashboardOptions {
  /** The port, 0 to 65535. 0 stands for any that is free. Default 0. */
  readonly port?: number;
  /**
   * The IP address of this host on which the page is opened. Default `'127.0.0.1'`: browsers on this host alone can
   * open it. The page comes over plain HTTP, so whoever can read the network can read the token in its address, and
   * stop the arm. Any address that is not a loopback address is therefore told as a warning of the process with code
   * `KILOHERTZ_DASHBOARD_HOST`.
   */
  readonly host?: string;
}
/** What the page may move, and who may ask for it. */
export interface ControlsOptions {
  /**
   * The hand that the page opens and closes. Default: the hand of the arm, to which it connects when it is first asked
   * to.
   */
  readonly hand?: FrankaHand;
  /**
   * Whether the arm may be moved from other devices, where `host` is not a loopback address. The page and its token
   * come over plain HTTP: whoever can read the network can move the arm then. Default false.
   */
  readonly onNetwork?: boolean;
}
/** Options of {@link Session.dashboard}. */
export interface ShownOptions extends DashboardOptions {
  /** The page on which the session is shown, beside others. Default: a page of its own. */
  readonly on?: Dashboard;
  /**
   * Whether the page can also recover the arm, move it to its start pose, jog its joints, and open and close its hand
   * while no session drives it. A second address, {@link Dashboard.controlsAddress}, is printed: who knows it can do
   * that, one page at a time. On loopback addresses alone, unless {@link ControlsOptions.onNetwork} is set. It is given
   * where the page is opened, and is for every Franka arm that is shown there. Default false.
   */
  readonly controls?: ControlsOptions | boolean;
  /**
   * The robot's name on the page, at most 200 characters. A name of another robot, or of another session that runs, is
   * refused with `OPTION_NAME`. Default: its model and its address, or `'robot'`, and a number behind it where that is
   * the name of another one.
   */
  readonly name?: string;
}
/**
 * A page in a browser that shows sessions while they run, and can stop them. A thread of its own serves it, so it also
 * works while JavaScript is blocked. {@link Session.dashboard} opens it.
 */
export declare class Dashboard implements AsyncDisposable {
  #private;
  /** The address of the page, with its token: whoever has it can look at the sessions and stop them. */
  readonly address: string;
  /** The address of the page with controls, if it has any: whoever has it can also move the arms. */
  readonly controlsAddress: string | undefined;
  private constructor();
  /**
   * Closes the page. The sessions go on; what its controls move is brought to rest. Resolves when the port is free and
   * nothing moves by the controls.
   */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
/** A file: its path, or a `file:` URL. */
export type RecordingFile = string | URL;
/**
 * Opens a page in a browser that plays a recording, or two, the second drawn over the first. The whole recordings are
 * read before, at most 60 frames a second of each are kept. The page is served until its `close()` or the end of the
 * process, also if nobody keeps what this resolves to; it does not keep the process alive.
 *
 * @param files one recording or two
 * @throws {KilohertzError} `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER` for a recording that
 *   cannot be played; `LISTEN_IN_USE` or `LISTEN_REFUSED` if the port cannot be opened
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 */
export declare function view(
  files: RecordingFile | readonly RecordingFile[],
  options?: DashboardOptions,
): Promise<Dashboard>;
/**
 * What a check found: `good`; `usable`, where an arm can be driven but something can be better; `unfit`, where no arm
 * should be driven; `unknown`, where the system does not tell.
 */
export type DoctorVerdict = 'good' | 'usable' | 'unfit' | 'unknown';
/** What one check found. */
export interface DoctorFinding {
  /** A stable name, for example `rtprio`. */
  readonly id: string;
  /** What was looked at. */
  readonly title: string;
  readonly verdict: DoctorVerdict;
  /** What was found, in words. */
  readonly found: string;
  /** Why it matters. */
  readonly why: string;
  /** The command, or the file and its line, that mends it. Undefined if there is nothing to mend. */
  readonly mend: string | undefined;
}
/** A file that gives permissions to the members of the group `realtime`. */
export interface DoctorFile {
  /** Its absolute path. */
  readonly path: string;
  readonly content: string;
  /** What it is for. */
  readonly why: string;
  /** The command after which it counts. */
  readonly afterwards: string;
}
/** What became of a file of {@link fixMachine}. */
export interface FixedFile {
  /** Where it is: its absolute path, below {@link FixOptions.root}. */
  readonly path: string;
  /** `'kept'` if a file with this content was there; `'different'` if another one is, which stays as it is. */
  readonly outcome: 'written' | 'kept' | 'different';
}
/** Options of {@link fixMachine}. */
export interface FixOptions {
  /** The folder in which the files are written, in place of `/`. It exists. */
  readonly root?: string;
}
/**
 * Writes the files that give realtime permissions to the group `realtime`: `/etc/security/limits.d/60-kilohertz.conf` and
 * `/etc/udev/rules.d/60-cpu-dma-latency.rules`. A file that is there is never changed. {@link DoctorReport.files} has
 * their contents. Writing below `/` needs root.
 *
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 * @throws the error of the file system, if a file cannot be written
 */
export declare function fixMachine(options?: FixOptions): FixedFile[];
/** Options of {@link doctor}. */
export interface DoctorOptions {
  /** The address of an arm, as for `Franka.connect`. Default: only the machine is looked at. */
  readonly robot?: string;
  /**
   * A folder that has the files of a machine, in place of `/`: `proc/version`, `sys/devices/…`. What programs print there
   * is in files of its folder `commands`, for example `commands/ethtool_-c_eth0`.
   */
  readonly root?: string;
  /** Ends the call when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}
/** What {@link doctor} found. */
export interface DoctorReport {
  /** The worst verdict of the findings. One that is `unknown` does not count. */
  readonly verdict: 'good' | 'usable' | 'unfit';
  readonly findings: readonly DoctorFinding[];
  /** The files that {@link fixMachine} writes. */
  readonly files: readonly DoctorFile[];
}
/**
 * Looks at whether this machine can drive an arm, and says for each finding why it matters and what mends it. Nothing is
 * changed and nothing moves. A session with a robot in memory runs for a tenth of a second, to see what it is granted.
 *
 * @example
 * const { verdict, findings } = await doctor({ robot: '172.16.0.2' });
 * for (const { title, verdict, mend } of findings) console.log(verdict, title, mend);
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 * @throws {AbortError} if {@link DoctorOptions.signal} aborts
 */
export declare function doctor(options?: DoctorOptions): Promise<DoctorReport>;
declare const OWN_ERROR_CODES: readonly [
  'ABORT_ERR',
  'ACTION_FRAME',
  'ACTION_LIMIT',
  'ACTION_NOT_FINITE',
  'ACTION_TYPE',
  'CHUNK_EMPTY',
  'CHUNK_LENGTH',
  'CHUNK_SEAM',
  'CHUNK_STEP',
  'CHUNK_TIME',
  'INTERNAL',
  'OFFLOAD_CRASHED',
  'OFFLOAD_ENTRY_POINT',
  'OFFLOAD_NOT_CLONEABLE',
  'OFFLOAD_NOT_FOUND',
  'OFFLOAD_NOT_STARTED',
  'OFFLOAD_NO_NODE',
  'OFFLOAD_PYTHON',
  'OFFLOAD_QUEUE_FULL',
  'OFFLOAD_SHAPE',
  'OFFLOAD_STOPPED',
  'OFFLOAD_TIMEOUT',
  'POLICY_BEHIND',
  'POLICY_CRASHED',
  'POLICY_DETACHED',
  'POLICY_LATE',
  'POLICY_THREW',
  'POLICY_UNSETTLED',
  'ROBOT_THREW',
  'ROBOT_UNSETTLED',
  'SERVER_ANSWER',
  'SERVER_CLOSED',
  'SERVER_FAILED',
  'SERVER_FRAME',
  'SERVER_TIMEOUT',
  'SERVER_UNREACHABLE',
  'SESSION_NOT_KEPT',
  'SESSION_RUNNING',
  'SESSION_STOPPED',
];
/** The code of a refused option: `OPTION_` and the option's name, for example `OPTION_RATE_HZ`. */
export type OptionErrorCode = `OPTION_${string}`;
/** The stable codes of errors, except those of options. */
export type ErrorCode = NativeErrorCode | (typeof OWN_ERROR_CODES)[number];
/** The stable codes of all errors of this package. */
export type KilohertzErrorCode = ErrorCode | OptionErrorCode;
/** A class of errors, with any constructor. */
export type ErrorClass = abstract new (...args: never[]) => Error;
/**
 * Registers a class of errors of your own: `instanceof` then holds for errors that were thrown in another thread or
 * process, by {@link asyncify}, an {@link InferenceThread}, {@link mpify} or a policy elsewhere. The class is found by
 * its name, also for an exception of Python with the same name. Call it where such errors are caught.
 *
 * The constructor is not called: the error gets the prototype of the class, and the own enumerable fields that it had.
 * Without registration it has these fields too, and the nearest class that is known: one of JavaScript's own, of this
 * package, or a registered one from which its class is derived. Registering a class twice has no effect.
 *
 * @example
 * // errors.ts, which both sides import
 * export class Unreachable extends Error { constructor(readonly joint: number) { super(`joint ${joint}`); } }
 * registerErrorClass(Unreachable);
 * @throws {OptionTypeError} `OPTION_ERROR_CLASS` if the value is not a class that is derived from `Error`
 * @throws {OptionRangeError} `OPTION_ERROR_CLASS` if it has no name, or another class has the same name
 */
export declare function registerErrorClass(errorClass: ErrorClass): void;
/**
 * The state of a Franka arm, with libfranka's field names.
 *
 * Inside a policy the arrays are views that the next cycle updates in place. Read them during the call, and keep a
 * {@link RobotState.copy} of a state that you need later. A policy that transfers their memory to another thread ends
 * its session with `POLICY_DETACHED`. Poses are 4x4 homogeneous transformations in column-major order. Twists and
 * wrenches have the linear part first, then the angular part. Frames are libfranka's: `O` is the base, `F` the flange,
 * `NE` the nominal end effector, `EE` the end effector, `K` the stiffness frame.
 */
export declare class RobotState {
  #private;
  /** The robot's time, strictly increasing, in steps of 1 ms [s]. */
  readonly time: number;
  /** Measured joint positions [rad], 7. */
  readonly q: Float64Array;
  /** Measured joint velocities [rad/s], 7. */
  readonly dq: Float64Array;
  /** Desired joint positions [rad], 7. Start a position motion from these, not from `q`. */
  readonly q_d: Float64Array;
  /** Desired joint velocities [rad/s], 7. */
  readonly dq_d: Float64Array;
  /** Desired joint accelerations [rad/s^2], 7. */
  readonly ddq_d: Float64Array;
  /** Measured link-side joint torques [N m], 7. */
  readonly tau_J: Float64Array;
  /** Desired link-side joint torques without gravity [N m], 7. */
  readonly tau_J_d: Float64Array;
  /** Derivative of the measured joint torques [N m/s], 7. */
  readonly dtau_J: Float64Array;
  /**
   * Low-pass filtered estimate of the joint torques that the arm applies to its surroundings [N m], 7: `tau_J` minus
   * the torques that the arm's model computes for its motion. If something pushes a joint forwards, the value is
   * negative.
   */
  readonly tau_ext_hat_filtered: Float64Array;
  /** Motor positions [rad], 7. */
  readonly theta: Float64Array;
  /** Motor velocities [rad/s], 7. */
  readonly dtheta: Float64Array;
  /** Measured end-effector pose in the base frame [m], 16. */
  readonly O_T_EE: Float64Array;
  /** Last desired end-effector pose in the base frame [m], 16. */
  readonly O_T_EE_d: Float64Array;
  /** Last commanded end-effector pose in the base frame [m], 16. */
  readonly O_T_EE_c: Float64Array;
  /** Desired end-effector twist in the base frame [m/s, rad/s], 6. */
  readonly O_dP_EE_d: Float64Array;
  /** Last commanded end-effector twist in the base frame [m/s, rad/s], 6. */
  readonly O_dP_EE_c: Float64Array;
  /** Last commanded end-effector acceleration in the base frame [m/s^2, rad/s^2], 6. */
  readonly O_ddP_EE_c: Float64Array;
  /**
   * Estimated wrench that the arm applies to its surroundings at the stiffness frame, along the axes of the base frame
   * [N, N m], 6. If something pulls the hand downwards, the force along z is positive. All values are zero close to a
   * singular pose.
   */
  readonly O_F_ext_hat_K: Float64Array;
  /** The wrench of `O_F_ext_hat_K`, with the same sign, along the axes of the stiffness frame [N, N m], 6. */
  readonly K_F_ext_hat_K: Float64Array;
  /** Acceleration of the unmoved base in the base frame, gravity included [m/s^2], 3. */
  readonly O_ddP_O: Float64Array;
  /**
   * Elbow, 2: the position of joint 3 [rad], and the side to which joint 4 bends. The arm is stretched if joint 4 is at
   * -0.467002423653011 rad. The second number is -1 below this position, 1 above it, and 0 at it.
   */
  readonly elbow: Float64Array;
  /** Desired elbow, 2, in the form of `elbow`. */
  readonly elbow_d: Float64Array;
  /** Commanded elbow, 2, in the form of `elbow`. */
  readonly elbow_c: Float64Array;
  /** Commanded elbow velocity [rad/s], 2. */
  readonly delbow_c: Float64Array;
  /** Commanded elbow acceleration [rad/s^2], 2. */
  readonly ddelbow_c: Float64Array;
  /** Contact level of each joint, 7: 1 while in contact, else 0. */
  readonly joint_contact: Float64Array;
  /** Contact level of each Cartesian direction, in the stiffness frame, 6, with the values of `joint_contact`. */
  readonly cartesian_contact: Float64Array;
  /** Collision level of each joint, 7: 1 from a collision until `recover()`, else 0. */
  readonly joint_collision: Float64Array;
  /** Collision level of each Cartesian direction, in the stiffness frame, 6, with the values of `joint_collision`. */
  readonly cartesian_collision: Float64Array;
  /** End effector in the flange frame [m], 16. */
  readonly F_T_EE: Float64Array;
  /** Nominal end effector in the flange frame [m], 16. */
  readonly F_T_NE: Float64Array;
  /** End effector in the nominal end-effector frame [m], 16. */
  readonly NE_T_EE: Float64Array;
  /** Stiffness frame in the end-effector frame [m], 16. */
  readonly EE_T_K: Float64Array;
  /** Mass of the end effector [kg]. */
  readonly m_ee: number;
  /** Inertia of the end effector about its centre of mass, column-major [kg m^2], 9. */
  readonly I_ee: Float64Array;
  /** Centre of mass of the end effector in the flange frame [m], 3. */
  readonly F_x_Cee: Float64Array;
  /** Mass of the load [kg]. */
  readonly m_load: number;
  /** Inertia of the load about its centre of mass, column-major [kg m^2], 9. */
  readonly I_load: Float64Array;
  /** Centre of mass of the load in the flange frame [m], 3. */
  readonly F_x_Cload: Float64Array;
  /** Mass of end effector and load [kg]. */
  readonly m_total: number;
  /** Inertia of end effector and load about their common centre of mass, column-major [kg m^2], 9. */
  readonly I_total: Float64Array;
  /** Common centre of mass of end effector and load in the flange frame [m], 3. */
  readonly F_x_Ctotal: Float64Array;
  /** Readings of the six upper accelerometers [m/s^2], 18. */
  readonly accelerometer_top: Float64Array;
  /** Readings of the six lower accelerometers [m/s^2], 18. */
  readonly accelerometer_bottom: Float64Array;
  /** The share of the last 100 commands that the robot received, 0 to 1. */
  readonly control_command_success_rate: number;
  /** The mode of the robot. */
  readonly robot_mode: RobotMode;
  /** The names of the errors that are present, for example `joint_velocity_violation`. */
  readonly current_errors: readonly string[];
  /** The names of the errors that ended the last motion. */
  readonly last_motion_errors: readonly string[];
  /** Makes a state that is a view of `slots`, in the layout that sessions on an arm use. */
  constructor(slots: Float64Array);
  /** Returns a copy of the state that later cycles do not change. */
  copy(): RobotState;
  /** Returns the state as a plain object with ordinary arrays, for `JSON.stringify`. */
  toJSON(): Record<string, number | string | readonly (number | string)[]>;
}
/** Any error of this package. All its error classes have a code. */
export type AnyKilohertzError = KilohertzError | OptionRangeError | OptionTypeError;
/**
 * Whether a value is an error of this package: a {@link KilohertzError}, an {@link OptionRangeError} or an
 * {@link OptionTypeError}. Unlike `instanceof` it also recognizes errors of another copy of this package, and of
 * another realm, as in tests under Jest and Vitest.
 *
 * @example
 * if (isKilohertzError(error)) console.error(error.code);
 */
export declare function isKilohertzError(value: unknown): value is AnyKilohertzError;
/**
 * The base class of all errors of this package except {@link OptionRangeError} and {@link OptionTypeError}.
 * {@link isKilohertzError} recognizes all of them. The message ends with a reference to the documentation that says
 * what to do next, for example `(docs/errors.md#policy_threw)`.
 */
export declare class KilohertzError extends Error {
  /** A stable name of what went wrong, for example `POLICY_THREW`. */
  readonly code: ErrorCode;
  /** The file that has the newest cycles before the error: see {@link BlackBoxOptions.folder}. */
  blackBox?: string;
  /** The file or folder that an error of a recording is about. The message shows a long path without its middle. */
  readonly path?: string;
  /** @param message what went wrong; an empty message is replaced, so that every error has a message */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions);
  /**
   * Writes the newest cycles of the session that ended with this error into a file: the last 10 s, or what
   * {@link SessionOptions.blackBox} says. The file is a recording, which every reader of recordings reads.
   *
   * @param path the path of a file that does not exist yet
   * @throws {SessionStateError} `SESSION_NOT_KEPT` if the error does not come from a session, or if its cycles were not
   * kept
   * @throws {KilohertzError} `RECORD_IO` if the file cannot be written
   */
  save(path: string): Promise<void>;
}
/** A value is out of range. Thrown before anything moves. */
export declare class OptionRangeError extends RangeError {
  /** `OPTION_` and the option's name, as in `OPTION_RATE_HZ`. */
  readonly code: OptionErrorCode;
  /** What was received. */
  readonly received: unknown;
  /** What is expected. */
  readonly expected: string;
  constructor(
    code: OptionErrorCode,
    option: string,
    received: unknown,
    expected: string,
    limits?: readonly number[],
  );
}
/** A value is of the wrong type, or an option has an unknown name. Thrown before anything moves. */
export declare class OptionTypeError extends TypeError {
  /** `OPTION_` and the option's name, as in `OPTION_RATE_HZ`. */
  readonly code: OptionErrorCode;
  /** What was received. */
  readonly received: unknown;
  /** What is expected. */
  readonly expected: string;
  constructor(code: OptionErrorCode, option: string, received: unknown, expected: string);
}
/** A session was asked for something that it cannot do in its present state. */
export declare class SessionStateError extends KilohertzError {}
/**
 * Work in another thread or process gave no result. If there is an original error, it is the `cause`. An error that the
 * work itself throws is not an `OffloadError`: it arrives as it was thrown. Codes:
 *
 * - `OFFLOAD_NOT_FOUND`: the module has no such function under that name
 * - `OFFLOAD_ENTRY_POINT`: the module is the program itself, which would run again in the other thread or process
 * - `OFFLOAD_NOT_CLONEABLE`: an argument or a result cannot be copied to the other side
 * - `OFFLOAD_TIMEOUT`: no answer within `timeoutS`
 * - `OFFLOAD_CRASHED`: the other side ended, or ran out of memory, before it answered
 * - `OFFLOAD_NOT_STARTED`, `OFFLOAD_STOPPED`: the thread or process was not started yet, or was stopped
 * - `OFFLOAD_QUEUE_FULL`: too many calls wait for their answer
 * - `OFFLOAD_SHAPE`: the shape of an array does not have the array's number of elements
 * - `OFFLOAD_NO_NODE`: there is no Node to start, or the program does not run with Node
 * - `OFFLOAD_PYTHON`: there is no Python interpreter, or it is too old
 * - `OFFLOAD_PROTOCOL`: a message of the other side cannot be read; the other side was closed
 * - `OFFLOAD_TOO_LARGE`: an answer had more bytes than `maxAnswerBytes`; the process was ended
 *
 * A call whose `signal` aborts rejects with an {@link AbortError} instead.
 */
export declare class OffloadError extends KilohertzError {}
/** One of the last states before an error, oldest first. */
export interface PastState {
  /** The cycle. */
  readonly tick: number;
  /** The time since the start of the first cycle [s]. */
  readonly timeS: number;
  /** A copy of the state. */
  readonly state: RobotState;
}
/** The details of an error that ended a session, beside its message. */
export interface SessionErrorDetails {
  /** The cycle in which the session began to end; absent if there was no cycle. */
  readonly tick?: number | undefined;
  /** The last states; empty for robots written in JavaScript. */
  readonly lastStates?: readonly PastState[];
  /** The original error. */
  readonly cause?: unknown;
}
/**
 * A session ended with an error that does not come from the robot. (Errors of the robot are {@link RobotError}s.) The
 * robot was stopped before this error was thrown.
 */
export declare class SessionError extends KilohertzError {
  /** The cycle in which the session began to end. */
  readonly tick: number | undefined;
  /**
   * The states that led to the error, oldest first, 50 at most; empty for robots written in
   * JavaScript. Not enumerable.
   */
  readonly lastStates: readonly PastState[];
  constructor(code: ErrorCode, message: string, details?: SessionErrorDetails);
}
/**
 * The policy threw or rejected, code `POLICY_THREW`; `cause` is what it threw. For an arm there are more codes.
 * `POLICY_DETACHED`: the policy transferred the memory of its state to another thread. `POLICY_CRASHED`: the policy's
 * worker or process ended, or violated the protocol. `ONNX_MODEL`, `ONNX_RUNTIME`: the model of {@link onnxPolicy} or its
 * runtime cannot be used. `POLICY_UNSETTLED`: for a robot written in JavaScript, the promise of the policy had not settled
 * 2 s after the end of a run that has a duration; of {@link rerun}, the policy took longer than `timeoutS`.
 */
export declare class PolicyError extends SessionError {}
/**
 * The policy gave an answer that must not be sent to the robot: not a number, the wrong length, not a rigid transform,
 * or beyond a limit. Or the policy answered only `undefined` in its first second. Codes `ACTION_NOT_FINITE`,
 * `ACTION_LENGTH`, `ACTION_TYPE`, `ACTION_FRAME` and `ACTION_LIMIT`; for chunks of actions also `CHUNK_EMPTY`,
 * `CHUNK_LENGTH`, `CHUNK_STEP`, `CHUNK_TIME` and `CHUNK_SEAM`.
 */
export declare class InvalidActionError extends SessionError {
  /** What was received: the value of the slot, or the whole answer. */
  readonly received: unknown;
  /** What is expected. */
  readonly expected: string;
  constructor(
    code: ErrorCode,
    message: string,
    received: unknown,
    expected: string,
    details?: SessionErrorDetails,
  );
}
/**
 * `onLate` is `'stop'`, and the policy gave no answer, or nothing new, for too long: code `POLICY_LATE`. Or the arm
 * could not catch up with the policy's actions within `catchUpS`: code `POLICY_BEHIND`.
 */
export declare class PolicyLateError extends SessionError {}
/** The end of a move that did not arrive at its goal. */
export interface NotArrived {
  /** Measured joint positions [rad], 7. */
  readonly q: readonly number[];
  /** The goal of the joints [rad], 7. */
  readonly goal: readonly number[];
  /** The joint that is furthest from its goal, 1 to 7. */
  readonly joint: number;
  /** How far this joint is away from its goal [rad]. */
  readonly differenceRad: number;
}
/**
 * The robot failed, or ended the motion of a session, or refused a call. Some calls, for example connecting, need no
 * session, so this class is not a {@link SessionError}. For an arm the codes are `FRANKA_REFLEX`,
 * `FRANKA_CONNECTION_LOST` and others. For a robot written in JavaScript they are `ROBOT_THREW` if it threw, and
 * `ROBOT_UNSETTLED` if a call to it did not settle.
 */
export declare class RobotError extends KilohertzError {
  /** The cycle in which a session began to end; undefined if there was no cycle. */
  readonly tick: number | undefined;
  /**
   * The states that led to the end of a session, oldest first, 50 at most; empty without a session, and for robots
   * written in JavaScript. Not enumerable.
   */
  readonly lastStates: readonly PastState[];
  /** The robot's own names of its errors, for example `joint_velocity_violation`. */
  readonly errors: readonly string[];
  /** The robot's own name for how its motion ended, for example `ReflexAborted`. */
  readonly moveStatus: string | undefined;
  /** The position of the arm, only for `FRANKA_NOT_ARRIVED`. */
  readonly notArrived: NotArrived | undefined;
  constructor(
    code: ErrorCode,
    message: string,
    details?: SessionErrorDetails & {
      readonly errors?: readonly string[] | undefined;
      readonly moveStatus?: string | undefined;
      readonly notArrived?: NotArrived | undefined;
    },
  );
}
/**
 * A policy server could not be used, in a session or when it was connected to. Codes:
 *
 * - `SERVER_UNREACHABLE`: it cannot be connected to, or the connection was lost
 * - `SERVER_TIMEOUT`: it did not answer within `timeoutS`
 * - `SERVER_FAILED`: it failed, and said why: see {@link ServerError.traceback}
 * - `SERVER_FRAME`: it sent bytes that cannot be read, or too many of them
 * - `SERVER_ANSWER`: its answer is not what it has to be: see {@link ServerError.received}
 * - `SERVER_CLOSED`: the policy was closed
 */
export declare class ServerError extends KilohertzError {
  /** The cycle in which a session began to end; undefined if there was no cycle. */
  readonly tick: number | undefined;
  /** The states that led to the end of a session, oldest first, 50 at most; empty without a session. Not enumerable. */
  readonly lastStates: readonly PastState[];
  /** What was received, where a value was wrong. */
  readonly received: string | undefined;
  /** What is expected instead. */
  readonly expected: string | undefined;
  /** What the server said of its own failure: in Python its traceback, or the end of it. The message has it, too. */
  readonly traceback: string | undefined;
  constructor(
    code: ErrorCode,
    message: string,
    details?: SessionErrorDetails & {
      readonly received?: string | undefined;
      readonly expected?: string | undefined;
      readonly traceback?: string | undefined;
    },
  );
}
/**
 * A signal of the operating system ended the session, the move or the hand's command, or prevented its start: code
 * `SESSION_INTERRUPTED`. A motion was brought to rest before.
 */
export declare class SessionInterruptedError extends SessionError {
  /** The name of the signal, for example `SIGTERM`. */
  readonly signal: string;
  constructor(signal: string, message: string, details?: SessionErrorDetails);
}
/**
 * An `AbortSignal` ended a call. The reason of the signal is the `cause`. The code is `ABORT_ERR` and the name
 * `AbortError`, as in Node's own calls. A motion was brought to rest before.
 */
export declare class AbortError extends KilohertzError {
  /** @param what the name of what was ended, for example `the move` */
  constructor(what: string, reason: unknown);
}
declare enum Length {
  three = 3,
  four = 4,
  six = 6,
  seven = 7,
  nine = 9,
  thirteen = 13,
  fourteen = 14,
  sixteen = 16,
  seventeen = 17,
  twentyThree = 23,
  twentyFour = 24,
}
type Tuple<N extends number, Items extends readonly number[] = []> = Items['length'] extends N
  ? readonly [...Items]
  : Tuple<N, [...Items, number]>;
/**
 * `N` numbers, in an array or a typed array. If the compiler knows the length of a list, for example of `[0, 0, 0]`,
 * the length has to be `N` to compile. The length of every other list is checked when it is passed in.
 */
export type Numbers<N extends 3 | 4 | 6 | 7 | 9 | 13 | 14 | 16 | 17 | 23 | 24> =
  | Tuple<N>
  | (ArrayLike<number> & {
      readonly length: Extract<Length, N>;
    });
/** Seven numbers, one for each joint, in an array or a typed array. */
export type JointVector = Numbers<7>;
/**
 * An impedance controller with torques, computed natively in each cycle. With it the arm follows its motion softly, and
 * yields when it is pushed: `tau = J'(Kx J e + Dx J de) + Kq e + Dq de + coriolis`, where `e` is `q_d - q` and `de` is
 * `dq_d - dq`. Polymetis' `HybridJointImpedanceControl`, which DROID uses, has the same structure.
 *
 * The default stiffness for joint motions is that of libfranka's example of joint impedance control (`jointStiffness`
 * 600, 600, 600, 600, 250, 150, 50). For motions of the end effector it is that of franka-rs (`cartesianStiffness` 750,
 * 750, 750, 15, 15, 15 together with `jointStiffness` 40, 30, 50, 25, 35, 25, 10). The default damping is the one that
 * belongs to these gains, scaled with the square root of the stiffness. With the highest stiffness the simulated arm
 * still comes to rest. The joints of a real arm are elastic: they may begin to oscillate at a lower stiffness.
 */
export interface ImpedanceLaw {
  /** The stiffness of each joint, 0 to 2000 [N m/rad], 7. */
  readonly jointStiffness?: JointVector;
  /** The damping of each joint, 0 to 100 [N m s/rad], 7. */
  readonly jointDamping?: JointVector;
  /** The end effector's stiffness along the axes of the base frame, 0 to 5000 [N/m], and about them, 0 to 300 [N m/rad], 6. */
  readonly cartesianStiffness?: Numbers<6>;
  /** The end effector's damping along these axes, 0 to 300 [N s/m], and about them, 0 to 30 [N m s/rad], 6. */
  readonly cartesianDamping?: Numbers<6>;
}
/** A pose as a position and an orientation. */
export interface Pose {
  /** The position [m]: x, y, z. */
  readonly xyz: Numbers<3>;
  /**
   * The orientation as a quaternion: x, y, z, w, the order of ROS and scipy. Its length must be 1 within 1e-3; it is
   * then scaled to exactly 1. A quaternion and its negative are the same orientation.
   */
  readonly quat: Numbers<4>;
}
/** A pose: a position and an orientation, or 16 numbers, the 4x4 matrix column by column [m], as in `state.O_T_EE`. */
export type PoseLike = Pose | Numbers<16>;
/**
 * Returns the position and the orientation of a pose, for a policy that computes with quaternions. The quaternion is x,
 * y, z, w. Its length is 1, and w is at least 0.
 *
 * @example
 * const { xyz, quat } = poseOf(state.O_T_EE);
 * @throws {OptionTypeError | OptionRangeError} `OPTION_POSE` if the argument is not a pose
 */
export declare function poseOf(pose: PoseLike): {
  xyz: number[];
  quat: number[];
};
/** The controller that makes the arm follow a commanded motion. */
export type AnyImpedance = FrankaImpedance | ImpedanceLaw;
/**
 * The action that a policy of an arm returns. It depends on the control mode: seven numbers, one for each joint; six
 * numbers, the velocity of the end effector; or a pose, as sixteen numbers or as `{ xyz, quat }`. With
 * {@link FrankaOptions.elbow} a number for the elbow follows, or the field `elbow` in a pose. With
 * `impedance: 'external'` seven torques follow at the end, or the field `tau_J` in a pose.
 */
export type FrankaAction<
  Control extends FrankaControl = FrankaControl,
  Elbow extends boolean = boolean,
  Impedance extends AnyImpedance = AnyImpedance,
> = Impedance extends 'external' ? WithTorques<Elbow>[Control] : Motion<Elbow>[Control];
interface Motion<Elbow extends boolean> {
  readonly jointVelocity: JointVector;
  readonly jointPosition: JointVector;
  readonly jointTarget: JointVector;
  readonly cartesianVelocity: Elbow extends true ? Numbers<7> : Numbers<6>;
  readonly cartesianPose: PoseAction<Elbow>;
  readonly cartesianTarget: PoseAction<Elbow>;
  readonly torque: JointVector;
}
interface WithTorques<Elbow extends boolean> {
  readonly jointVelocity: Numbers<14>;
  readonly jointPosition: Numbers<14>;
  readonly jointTarget: Numbers<14>;
  readonly cartesianVelocity: Elbow extends true ? Numbers<14> : Numbers<13>;
  readonly cartesianPose: PoseWithTorques<Elbow>;
  readonly cartesianTarget: PoseWithTorques<Elbow>;
  readonly torque: JointVector;
}
type PoseAction<Elbow extends boolean> = Elbow extends true
  ? Numbers<17> | (Pose & WithElbow)
  : Numbers<16> | (Pose & WithoutElbow);
type PoseWithTorques<Elbow extends boolean> = Elbow extends true
  ? Numbers<24> | (Pose & WithElbow & WithTorque)
  : Numbers<23> | (Pose & WithoutElbow & WithTorque);
interface WithElbow {
  /** The commanded position of joint 3 [rad]. */
  readonly elbow: number;
}
interface WithoutElbow {
  readonly elbow?: undefined;
}
interface WithTorque {
  /** The torques that follow the motion [N m], 7. */
  readonly tau_J: JointVector;
}
/**
 * Thresholds for external torques and forces. Above the lower threshold the arm reports a contact: the state shows it
 * in `joint_contact` and `cartesian_contact`. Above the upper threshold the arm reports a collision and stops by a
 * reflex (`joint_reflex`, `cartesian_reflex`).
 */
export interface CollisionThresholds {
  /** Joint torques for a contact, above 0 to 100 [N m], 7. */
  readonly lowerTorquesNm: JointVector;
  /** Joint torques for a collision, up to 100 [N m], 7. Each is at least the lower threshold. */
  readonly upperTorquesNm: JointVector;
  /** Forces, then torques, for a contact, on the stiffness frame and in its axes, above 0 to 100 [N, N m], 6. */
  readonly lowerForces: Numbers<6>;
  /** Forces, then torques, for a collision, up to 100 [N, N m], 6. Each is at least the lower threshold. */
  readonly upperForces: Numbers<6>;
}
/** Collision thresholds for motions at constant velocity, and optionally others for accelerated motions. */
export interface CollisionBehavior extends CollisionThresholds {
  /**
   * The thresholds while the arm accelerates. Default: the same as at constant velocity, as in libfranka's short form.
   */
  readonly acceleration?: CollisionThresholds;
}
/** The directions that are free when the arm is guided by hand. Directions that are left out are locked. */
export interface GuidingMode {
  readonly x?: boolean;
  readonly y?: boolean;
  readonly z?: boolean;
  readonly roll?: boolean;
  readonly pitch?: boolean;
  readonly yaw?: boolean;
  readonly elbow?: boolean;
}
/** What the arm carries beside its end effector, with libfranka's names. */
export interface Load {
  /**
   * The mass of the load [kg], at most the arm's payload (3 kg) minus the mass of the end effector. 0 means no load.
   */
  readonly m_load: number;
  /** The centre of mass of the load in the flange frame [m], 3, at most 1 m away. Default 0, 0, 0. */
  readonly F_x_Cload?: Numbers<3>;
  /**
   * The inertia of the load about its centre of mass [kg m^2]: 3x3, column-major, symmetric, positive definite. No
   * principal moment is larger than the sum of the others, nor larger than that of the mass `m_load` at a distance of 1
   * m. An arm refuses a mass without inertia. Default: the inertia of a ball of this mass with a radius of 5 cm.
   */
  readonly I_load?: Numbers<9>;
}
/** How a setting is checked. */
export interface SettingOptions {
  /**
   * Whether a setting is sent although it is not plausible: a load beyond the payload, a threshold that is never
   * reached, a frame or a centre of mass more than 1 m away. Settings that are never sent to an arm are refused even
   * then: a load of more than 100 kg, a place more than 10 m away along an axis, an entry of an inertia beyond 100 kg
   * m^2. Default false.
   */
  readonly unchecked?: boolean;
}
/** Cut-off frequencies of a FER's own filters [Hz], 1 to 1000 each. At 1000 Hz the filter has no effect. */
export interface FrankaFilters {
  /** The cut-off frequency of the filter of commanded joint positions. */
  readonly jointPositionHz: number;
  /** The cut-off frequency of the filter of commanded joint velocities. */
  readonly jointVelocityHz: number;
  /** The cut-off frequency of the filter of commanded poses. */
  readonly cartesianPositionHz: number;
  /** The cut-off frequency of the filter of commanded twists. */
  readonly cartesianVelocityHz: number;
  /** The cut-off frequency of the filter of commanded torques. */
  readonly controllerHz: number;
}
/** An input of a policy in a worker or a process, as the policy sees it. */
export interface Input<Value = unknown> {
  /**
   * The newest value. An array has the shape that it was given with, and is refreshed in place: copy what is needed after
   * the answer.
   */
  readonly value: Value;
  /** The time to which the value belongs, on the clock of {@link Tick.hostTimeS} [s]. */
  readonly hostTimeS: number;
}
/** What a policy receives beside the observation. `Inputs` are the types of its inputs by their names. */
export interface Tick<Inputs = Record<string, any>> {
  /** The number of the loop's cycle, from 0. A policy that is slower than its robot sees only some of the numbers. */
  readonly tick: number;
  /**
   * The time on the robot's clock from the first question that the policy took to this question [s]. It is a multiple
   * of the policy's period. A motion that is computed from it begins where the robot stands, even if the policy started
   * late. It is smooth even if the host receives ticks late.
   */
  readonly timeS: number;
  /**
   * The time on the robot's clock from the previous question to this question [s]; 0 in the first question that the
   * policy took.
   */
  readonly periodS: number;
  /**
   * When the state came, by the monotonic clock of the host [s]: `CLOCK_MONOTONIC` on Linux, as `process.hrtime()` and
   * Python's `time.monotonic()` have it, in every process of the host. For a robot written in JavaScript: when the cycle
   * began.
   */
  readonly hostTimeS: number;
  /** The same by the wall clock of the host, since 1970 [s]. */
  readonly wallTimeS: number;
  /**
   * What the program has given the policy by {@link ModulePolicy.set}, by name: the newest of each. Empty for a policy that
   * is not in a worker or a process.
   */
  readonly inputs: {
    readonly [Name in keyof Inputs]?: Input<Inputs[Name]>;
  };
  /** Only for a policy that {@link chunked} asks: what is known of its chunks. */
  readonly chunk?: ChunkTick;
}
interface ChunkTick {
  /**
   * How many steps the answer will probably take: nine of ten of the newest 20 answers took no longer. 0 before the
   * first.
   */
  readonly delaySteps: number;
  /**
   * The actions of the newest chunk whose time has not passed, as the policy answered them. The first `delaySteps` of
   * them will have been executed when the answer comes; the others are left over. Empty if there are none.
   */
  readonly prefix: readonly Float64Array[];
  /** How many actions of a chunk are to be executed until the next, {@link ChunkedOptions.executionHorizon}. */
  readonly executionHorizon: number;
}
/**
 * A robot written in JavaScript. Each method may return a promise. The robot has no clock of its own: the session's
 * loop thread wakes the main thread once in each cycle, to observe, decide and act.
 */
export interface Robot<Observation, Action> {
  /** Returns the observation on which the policy decides. */
  observe(): Observation | Promise<Observation>;
  /** Carries out an action. Never called with a number that is NaN or infinite. */
  act(action: Action): void | Promise<void>;
  /** Brings the robot to the start position of a session. */
  reset(): void | Promise<void>;
  /** Stops the robot. Called at every end of a session, before the end is reported. */
  stop?(): void | Promise<void>;
}
/**
 * A policy: a function that returns an action for an observation, or a promise of an action.
 *
 * A policy of an arm may answer `undefined`, in Python `None`, if it has nothing new. The session then goes on as if no
 * answer had come in time: the arm continues its motion for `maxHeldTicks` cycles and is then brought to rest, or the
 * session ends if `onLate` is `'stop'`. A policy that uses a slow model must answer each new result once, and
 * `undefined` until the next result. If it repeated the last action, the arm would go on with this action after the
 * model has died. A policy that answers only `undefined` in the first second ends the session with an
 * {@link InvalidActionError}, code `ACTION_TYPE`. Therefore load and warm up a model before its session starts.
 *
 * A policy may have a function `reset`, as in `Object.assign(policy, { reset() { … } })`, which may be async. It is called
 * at the start of each session, before the first question: an episode begins.
 */
export type Policy<Observation, Action> = (
  observation: Observation,
  tick: Tick,
) => Action | Promise<Action>;
/** A robot with a clock of its own that is driven natively, for example a `Franka`. */
export interface NativeRobot<Observation, Action> {
  /** How sessions drive the robot. Only for use inside this package. */
  readonly nativeLink: NativeLink<Observation, Action>;
}
/** A robot that a session can drive. */
export type AnyRobot<Observation, Action> =
  | Robot<Observation, Action>
  | NativeRobot<Observation, Action>;
/** The link between a native robot and the sessions that drive it. */
export interface NativeLink<Observation, Action> {
  /** The rate of the robot's clock [Hz]. */
  readonly rateHz: number;
  /** Never set. It tells the compiler what the robot observes and what its policy may answer. */
  readonly types?: (observation: Observation) => Action;
}
/** The values of a {@link SessionStats} as a plain object. */
export type SessionStatsDict = {
  readonly [Name in keyof SessionStats as SessionStats[Name] extends number ? Name : never]: number;
} & Pick<SessionStats, 'firstViolation'>;
type Counted = Readonly<Record<SessionCounter, number>>;
/**
 * The statistics of a session at one moment, as an immutable value. Times are in seconds.
 *
 * A *period* is the time from the start of one cycle to the start of the next. *Jitter* is the difference between a
 * period and the target. *Execution* is the time from the start of a cycle until its action was handed to the robot.
 * The first cycle has no period. Percentiles are computed from the newest `maxTimingSamples` cycles. Maxima and
 * counters cover the whole run.
 */
export declare class SessionStats implements Counted {
  /** Cycles of the loop that were finished. */
  readonly iterations: number;
  /** Cycles of the loop whose execution took longer than the target period. A late start alone is not an overrun. */
  readonly overruns: number;
  /** Cycle starts, or states of the robot, that were missed because the previous cycle had not finished. */
  readonly missedTicks: number;
  /** How often the policy was asked: in every cycle, or at its own rate if that is lower. */
  readonly policyAsks: number;
  /** Answers of the policy that arrived, including late and empty ones. */
  readonly policyAnswers: number;
  /** Answers of the policy that were `undefined`, in Python `None`: the policy had nothing new. */
  readonly emptyAnswers: number;
  /** Answers per second of the robot's time. */
  readonly policyRateHz: number;
  /** Questions that the policy had not answered in time, neither with an action nor with `undefined`. */
  readonly lateActions: number;
  /** Cycles in which the robot continued its last commanded motion because no action had come. */
  readonly heldCommands: number;
  /** Cycles in which the robot was brought, or kept, at rest. */
  readonly restCommands: number;
  /** Late actions that were too old to be used. */
  readonly staleActions: number;
  /**
   * Cycles in which the robot approached the policy's action within the limits: after a late answer, a rest, a lost
   * command or a clamped action, until it had caught up.
   */
  readonly followedCommands: number;
  /** Cycles from an action that was clamped until the robot had caught up with the policy. */
  readonly clampedCommands: number;
  /**
   * Values in the arm's states that were not finite. Only values that neither the loop nor the limits read are counted.
   */
  readonly unusedNotFinite: number;
  /**
   * Answers beyond a joint's range. In torque control, cycles in which a joint was beyond its range. Each kind of
   * violation counts at most once in a cycle.
   */
  readonly positionViolations: number;
  /**
   * Answers that asked for too high a velocity, and cycles in which the velocity was too high for the position, or too
   * high to brake in time.
   */
  readonly velocityViolations: number;
  /** Answers that, together with those before them, asked for too high an acceleration. */
  readonly accelerationViolations: number;
  /** Answers that, together with those before them, asked for too high a jerk. */
  readonly jerkViolations: number;
  /** Answers with too high a torque. */
  readonly torqueViolations: number;
  /** Answers that, together with the one before, asked for too high a torque rate. */
  readonly torqueRateViolations: number;
  /** Cycles in a Cartesian mode whose action asked for more than the joints can do. */
  readonly jointsViolations: number;
  /** Cycles whose action would have led the end effector out of its box. */
  readonly boxViolations: number;
  /** Cycles in which the arm was too far behind its command. */
  readonly distanceViolations: number;
  /** A description of the first action that broke a limit; `null` if no action has. */
  readonly firstViolation: string | null;
  /** Observations that a newer one replaced before the policy took them. */
  readonly overwrittenObservations: number;
  /** Actions that came together with a newer one, which was used instead. They were checked nevertheless. */
  readonly overwrittenActions: number;
  /** Answers for which the queue to the loop was full. They were neither used nor checked. */
  readonly droppedAnswers: number;
  /** Chunks of actions that came. */
  readonly chunks: number;
  /** Chunks that could not be played and were left out, with `onBadChunk: 'skip'`. */
  readonly badChunks: number;
  /** Actions of chunks whose time had passed when the chunk came. */
  readonly skippedActions: number;
  /** Cycles in which the chunk was over and no other had come. */
  readonly starvedCycles: number;
  /** Chunks that took over from another one. */
  readonly seams: number;
  /** Commands to the hand to which chunks led. */
  readonly gripperCommands: number;
  /** Such commands that failed. Fingers that close on nothing are no failure. */
  readonly gripperFailures: number;
  /** Half of the newest 64 chunks took no longer than this from the question to their arrival, by the arm's clock. */
  readonly p50ChunkLatencyS: number;
  /** 99 % of the newest 64 chunks took no longer than this. */
  readonly p99ChunkLatencyS: number;
  /** The longest time that a chunk took. */
  readonly maxChunkLatencyS: number;
  /** The time that the newest chunk took. */
  readonly newestChunkLatencyS: number;
  /** How long ago the newest chunk that is played was observed. */
  readonly chunkAgeS: number;
  /**
   * The largest distance of a chunk from what was commanded when it took over [rad, and for velocities rad/s]: of a
   * joint, of the rotation of a pose, or of the elbow.
   */
  readonly maxSeamRad: number;
  /** The largest such distance of the translation of a pose [m]. */
  readonly maxSeamM: number;
  /** Tick records that were dropped because the buffer was full. */
  readonly droppedRecords: number;
  /** Cycles that a recording had no room for, because its writing was too slow. */
  readonly unrecordedCycles: number;
  /** Events that were dropped because the queue was full. */
  readonly droppedEvents: number;
  /** The period that the loop aims for. For an arm it is the arm's own period, whatever the rate of the policy. */
  readonly targetPeriodS: number;
  /** The mean period. */
  readonly avgPeriodS: number;
  /** The longest period. */
  readonly longestPeriodS: number;
  /** Half of the cycles have no more jitter than this. */
  readonly p50JitterS: number;
  /** 95 % of the cycles have no more jitter than this. */
  readonly p95JitterS: number;
  /** 99 % of the cycles have no more jitter than this. */
  readonly p99JitterS: number;
  /** The largest jitter. */
  readonly maxJitterS: number;
  /** Half of the cycles took no longer than this. */
  readonly p50ExecutionS: number;
  /** 95 % of the cycles took no longer than this. */
  readonly p95ExecutionS: number;
  /** 99 % of the cycles took no longer than this. */
  readonly p99ExecutionS: number;
  /** The longest execution. */
  readonly maxExecutionS: number;
  constructor(values: SessionStatsDict);
  /**
   * Returns the stats as a plain object. The name is the one that Python programs use; {@link SessionStats.toJSON}
   * returns the same.
   */
  toDict(): SessionStatsDict;
  /** Returns what `JSON.stringify` writes: the same as {@link SessionStats.toDict}. */
  toJSON(): SessionStatsDict;
}
/**
 * The inputs of the model, with libfranka's names. A {@link RobotState} has all of them. Fields that are left out have
 * the values of an arm at rest on level ground, with nothing on its flange.
 */
export interface FrankaPosture {
  /** Joint positions [rad], 7. */
  readonly q: JointVector;
  /** Joint velocities [rad/s], 7. */
  readonly dq?: JointVector;
  /** End effector in the flange frame [m]. */
  readonly F_T_EE?: PoseLike;
  /** Stiffness frame in the end effector's frame [m]. */
  readonly EE_T_K?: PoseLike;
  /** Inertia of end effector and load about their centre of mass [kg m2]: 3x3, column-major. */
  readonly I_total?: Numbers<9>;
  /** Mass of end effector and load [kg]. */
  readonly m_total?: number;
  /** Centre of mass of end effector and load in the flange frame [m], 3. */
  readonly F_x_Ctotal?: Numbers<3>;
  /** Gravity in the base frame [m/s2], 3. Default [0, 0, -9.81]. */
  readonly O_ddP_O?: Numbers<3>;
}
/**
 * The kinematics and dynamics of a Franka arm, computed on this computer. Nothing is read from an arm, and no arm has
 * to be connected. The FR3's model comes from its URDF; the FER's model is fitted to the one that this arm serves.
 *
 * Each method takes the posture of the arm as joint positions [rad], as a {@link FrankaPosture}, or as a `RobotState`,
 * whose end effector and load are then included. Matrices are column-major. For use inside a policy, pass `into`, an
 * array of the right length, and no frames as `{ xyz, quat }`: then nothing is allocated. `robot.model` is the model of
 * the connected arm. In a worker make a model with `new FrankaModel('fr3')`.
 *
 * @example
 * const model = new FrankaModel('fr3');
 * const pose = model.pose('endEffector', [0, -0.785, 0, -2.356, 0, 1.571, 0.785]);
 * console.log(pose.slice(12, 15)); // the position of the flange, because there is no end effector [m]
 */
export declare class FrankaModel {
  #private;
  /** The generation of the arm. */
  readonly generation: FrankaGeneration;
  /** @throws {OptionRangeError} {@link OptionTypeError} `OPTION_GENERATION` */
  constructor(generation: FrankaGeneration);
  /**
   * Returns the pose of a frame in the base frame: 4x4.
   *
   * @throws {OptionTypeError | OptionRangeError} as all methods, if an argument is invalid
   */
  pose(frame: FrankaFrame, at: FrankaPosture | JointVector, into?: Float64Array): Float64Array;
  /** Returns the Jacobian of a frame in the axes of that frame: 6x7, linear velocity above angular. */
  bodyJacobian(
    frame: FrankaFrame,
    at: FrankaPosture | JointVector,
    into?: Float64Array,
  ): Float64Array;
  /** Returns the Jacobian of a frame in the axes of the base frame: 6x7, linear velocity above angular. */
  zeroJacobian(
    frame: FrankaFrame,
    at: FrankaPosture | JointVector,
    into?: Float64Array,
  ): Float64Array;
  /** Returns the mass matrix [kg m2]: 7x7. */
  mass(at: FrankaPosture | JointVector, into?: Float64Array): Float64Array;
  /** Returns the Coriolis and centrifugal torques [N m], 7. They are zero without `dq`. */
  coriolis(at: FrankaPosture | JointVector, into?: Float64Array): Float64Array;
  /** Returns the gravity torques [N m], 7. The arm itself adds them to a commanded torque. */
  gravity(at: FrankaPosture | JointVector, into?: Float64Array): Float64Array;
}
/** Where a session is shown to Foxglove and Lichtblick. */
export interface FoxgloveOptions {
  /** The port, 0 to 65535. 0 stands for any that is free. Default 8765. */
  readonly port?: number;
  /**
   * The IP address of this host on which the port is opened. Default `'127.0.0.1'`: programs on this host alone can
   * connect. Whoever can connect can read everything, so any other address is told as a warning of the process with
   * code `KILOHERTZ_FOXGLOVE_HOST`.
   */
  readonly host?: string;
}
/** What was shown of a session so far. */
export interface FoxgloveReport {
  /** The address to open, for example `ws://127.0.0.1:8765`. */
  readonly address: string;
  /** The port that is listened on. */
  readonly port: number;
  /** The clients that are connected. */
  readonly clients: number;
  /** Messages that were sent, counted for each client. */
  readonly sentMessages: number;
  /** Messages that a client was too slow for, counted for each client. */
  readonly droppedMessages: number;
  /** Cycles and logged values that nobody could be shown, because the thread that shows them did not run for seconds. */
  readonly lostEntries: number;
}
/** How long a policy takes for an answer, by the robot's clock: uniformly distributed between two durations. */
export interface LatencyRange {
  /** The shortest [s], 0 to 60. */
  readonly fromS: number;
  /** The longest [s], `fromS` to 60. */
  readonly toS: number;
  /** The seed of the latencies: the same seed gives the same latencies. An integer from 0. Default 0. */
  readonly seed?: number;
}
/** Options that decide which clock counts in a session that drives an arm. */
export interface LockstepOptions {
  /**
   * Whether only the arm's clock counts, for a simulated arm that waits for its commands. The loop then waits for each
   * answer of the policy, wherever the policy runs, up to 10 s of the wall clock. After that the policy counts as
   * silent until it answers. Durations, statistics and records are in the arm's time, so the same program gives the
   * same records, bit by bit. Default: true for a {@link FrankaSimulator} of this process with `lockstep: true`, else
   * false. Refused for an arm on another machine: a real arm does not wait for a command, but stops by its own reflex.
   */
  readonly lockstep?: boolean;
  /**
   * In lockstep: how late an answer comes by the arm's clock [s], 0 to 60; a number, or a range from which a seed
   * chooses. The policy then has one question at a time, like a policy on a thread of its own. Of the questions that
   * come meanwhile, only the newest is kept. Default 0: each answer comes in the cycle of its question.
   */
  readonly latencyS?: number | LatencyRange;
}
/** A folder for recordings, in which each start of a session has a file of its own. */
export interface RecordFolder {
  /** The folder. It must exist. */
  readonly folder: RecordingFile;
  /**
   * The name of a file. `{n}` becomes the first number from 1 on whose file does not exist yet, and `{time}` the time
   * of the start in UTC, for example `2026-11-27T09-30-00Z`. Default `'run-{time}-{n}.mcap'`.
   */
  readonly name?: string;
}
/** What a session keeps in memory of its newest cycles. */
export interface BlackBoxOptions {
  /**
   * How long the newest cycles are kept [s], from 0.1 to 600. Default 10, which takes 20 MB for an arm; each second more
   * takes 2 MB. Numbers are kept in single precision.
   */
  readonly seconds?: number;
  /**
   * A folder that exists. If a session ends with an error, the cycles are written there, and the error names the file.
   * Without a folder they are written by `error.save(path)` alone.
   */
  readonly folder?: RecordingFile;
}
/** An image as its pixels, in rows from the top without gaps between them. */
export interface PixelImage {
  readonly width: number;
  readonly height: number;
  /** The encoding of a pixel: `mono8`, `rgb8` or `rgba8`. */
  readonly encoding: PixelEncoding;
  readonly data: Uint8Array;
}
/** An image as the bytes of a file. */
export interface FileImage {
  /** The format, for example `png` or `jpeg`. */
  readonly format: string;
  readonly data: Uint8Array;
}
/**
 * A value that can be recorded: a number, numbers, bytes, a text, or an image. A `Uint8Array` counts as bytes; every other
 * typed array as numbers.
 */
export type LogValue = number | ArrayLike<number> | Uint8Array | string | PixelImage | FileImage;
/** Options of `session.log`. */
export interface LogOptions {
  /**
   * The time to which the value belongs, on the clock of `Tick.timeS` [s]. Default: inside the policy's call the time of
   * its question, anywhere else the time of the newest cycle.
   */
  readonly timeS?: number;
}
/** Options of `session.episode`. */
export interface EpisodeOptions {
  /**
   * Whether the episode begins for the policy too, if that is a {@link chunked} one: as {@link ChunkedPolicy.reset} says,
   * in this session. False only marks the recording. Default true.
   */
  readonly reset?: boolean;
  /** What is to be done in the episode, in words, for example `'put the cube into the box'`. Default: no words. */
  readonly task?: string;
}
/** What a session has recorded so far. */
export interface RecordingReport {
  /** The file. */
  readonly path: string;
  /** Cycles in the file. */
  readonly cycles: number;
  /** Values, and beginnings and ends of episodes, in the file. */
  readonly values: number;
  /** Cycles that were lost because writing failed. {@link SessionStats.unrecordedCycles} counts those that found no room. */
  readonly lostCycles: number;
  /**
   * Values that were lost because writing failed, because more than 256 MB waited to be written, or on their way from a
   * policy's process, and values of a process that cannot be recorded.
   */
  readonly lostValues: number;
  /**
   * Of a robot written in JavaScript: fields of cycles that could not be kept, because they were not of the form that they
   * have in the first cycle, or because writing came too late for them. Their numbers are NaN.
   */
  readonly unkeptFields: number;
  /** The size of the file. */
  readonly bytes: number;
  /** Why writing ended early, if it did. The robot goes on then. */
  readonly error: KilohertzError | undefined;
}
/** An episode of a run: an attempt at a task. */
export declare class Episode {
  #private;
  /** The number of the episode in its run, from 0. */
  readonly index: number;
  /** What is to be done. */
  readonly task: string;
  /** Begins an episode. Only for use inside this package. */
  constructor(native: NativeSession, index: number, task: string);
  /** Whether the episode has ended. */
  get isOver(): boolean;
  /**
   * Ends the episode. A second call changes nothing.
   *
   * @param outcome `'success'`, `'failure'`, `'unknown'` (default), or `'rerecorded'`: the episode is to be left out,
   * because it is recorded again
   */
  end(outcome?: EpisodeOutcome): void;
}
/** What happens to an action that breaks a limit. */
export type OnViolation = 'stop' | 'clamp';
/**
 * What happens to an action that breaks a limit of the arm, for each kind of limit. Velocity, acceleration and jerk of
 * an answer follow from it, the answers before it, and the times of their questions; the time at which an answer comes
 * does not matter. `'stop'` (the default of each kind) brings the arm to rest and ends the session with an
 * {@link InvalidActionError}. `'clamp'` follows the action as far as all limits allow, and goes on. An action that is a
 * step may break several limits at once; if one of them is set to `'stop'`, the session stops. A number that is not
 * finite, or a pose that is not a rigid transform, always stops the session.
 *
 * The limits are the arm's own data. Range and velocity come from the URDF that the arm serves; the velocity limit
 * falls towards the ends of the range. Acceleration, jerk and torque rate come from libfranka's `rate_limiting.h`,
 * torque from the data sheet. A clamped motion stays 5 % below the limits of acceleration and jerk, and is slower if
 * the arm lags behind it. In Cartesian modes velocity, acceleration and jerk are those of the end effector's
 * translation and rotation (libfranka's `rate_limiting.h`). A clamped motion then uses at most four fifths of the
 * joints' acceleration and jerk limits.
 */
export interface LimitOptions {
  /**
   * A position beyond a joint's range. In torque control the measured position counts, and the joint is then braked.
   */
  readonly position?: OnViolation;
  /**
   * A velocity that is higher than allowed at this position, or too high to brake before the end of the range within
   * the limits of acceleration and jerk. In torque control the measured velocity counts, and the joint is then braked.
   */
  readonly velocity?: OnViolation;
  /** A velocity that changes faster than allowed: of a joint, or of the end effector. */
  readonly acceleration?: OnViolation;
  /** An acceleration that changes faster than allowed. */
  readonly jerk?: OnViolation;
  /** A torque that is higher than allowed. */
  readonly torque?: OnViolation;
  /** A torque that changes faster than allowed. */
  readonly torqueRate?: OnViolation;
  /**
   * In Cartesian modes: a motion that the joints cannot do. A joint would go faster than it may, or would come too
   * close to the end of its range or to a singular pose to be braked in time. A pose out of reach counts too, once the
   * arm has stood still for 0.2 s on the way to it.
   */
  readonly joints?: OnViolation;
  /**
   * An end effector outside `boxM`, or too fast to be braked inside it. With `'clamp'` the arm stops at the wall in
   * joint modes, and slides along the wall in Cartesian modes. In torque control the policy itself commands the
   * torques, so `'clamp'` brakes the arm at the wall, but may not hold it there.
   */
  readonly box?: OnViolation;
  /** A box that the end effector stays in. Default: none. */
  readonly boxM?: CartesianBox;
  /** A joint further than `maxDistanceRad` from its command. With `'clamp'` the command waits for the joint. */
  readonly distance?: OnViolation;
  /**
   * How far a joint may be from its command, except in torque control [rad]. Default 0.1: with the arm's default joint
   * stiffness, a third of this distance already needs the highest torque. With an {@link ImpedanceLaw} or
   * `impedance: 'external'` the default is 0.5.
   */
  readonly maxDistanceRad?: number;
}
/**
 * A box along the axes of the base frame, for the origin of the end effector frame. In joint modes this origin is
 * computed from the commanded joint positions. An arm that is outside may stay there, and may come back in.
 */
export interface CartesianBox {
  /** The lowest x, y and z [m]. */
  readonly lower: Numbers<3>;
  /** The highest x, y and z [m]. */
  readonly upper: Numbers<3>;
  /**
   * How far inside the walls the commands stay [m]. The margin is needed because the arm deviates a little from its
   * command, and moves on for some cycles if commands get lost. Default 0.01.
   */
  readonly marginM?: number;
}
/**
 * The shares of the arm's own limits that a motion to a target may use, from 0.01 to 1. They apply to each joint, or to
 * the end effector. With the defaults joint 1 moves by 0.1 rad in 0.37 s and by 1 rad in 1.16 s, and the end effector
 * moves by 0.1 m in about 0.6 s.
 */
export interface TargetBudget {
  /** The share of the velocity limit. Default 0.5. */
  readonly velocityShare?: number;
  /** The share of the acceleration limit. Default 0.5. */
  readonly accelerationShare?: number;
  /** The share of the jerk limit. Default 0.1 for joints, 0.03 for the end effector. */
  readonly jerkShare?: number;
}
/** What happens when a policy is late for too long. */
export type OnLate = 'rest' | 'stop';
/**
 * The former name of `'rest'`.
 *
 * @deprecated Write `'rest'`: the robot does not hold its command forever, it comes to rest.
 */
export type OnLateHold = 'hold';
/** How a session runs. */
export interface SessionOptions extends LockstepOptions {
  /**
   * How often a second the policy is asked [Hz]; fractions are allowed. For a robot written in JavaScript the default
   * is 50, and the maximum 10,000. For a robot with a clock of its own (a Franka arm: 1000 Hz) the default and the
   * maximum are its own rate. Such a robot gets a command in every cycle, also at a lower rate. Questions are asked in
   * the cycle nearest to their time, and {@link FrankaOptions.control} says what is commanded between two answers.
   */
  readonly rateHz?: number;
  /** The wait between the robot's reset and the first cycle [s]. Default 0.5. */
  readonly warmupS?: number;
  /**
   * How long the policy may take, from the arrival of the robot's state [s]. Default 300e-6. For a policy slower than
   * the robot the default is half of the policy's period, and the maximum this period. With a deadline of up to nine
   * tenths of the robot's period the answer is used in the same cycle. With a longer deadline it is used from the first
   * cycle after the deadline on, even if it comes earlier, so that the motion is smooth however long each answer takes.
   * Only for robots with a clock of their own: a robot written in JavaScript waits for its policy.
   */
  readonly deadlineS?: number;
  /**
   * For how many cycles of the loop in a row the last command is held when no action comes. Default 20, or one
   * period of the policy if that is longer (below 50 Hz).
   */
  readonly maxHeldTicks?: number;
  /**
   * What happens after `maxHeldTicks` cycles: `'rest'` (default) brings the robot to rest, and goes on when actions
   * come again. `'stop'` ends the session with a {@link PolicyLateError}.
   */
  readonly onLate?: OnLate | OnLateHold;
  /**
   * How long the arm may need to catch up with the policy's actions within its limits [s], above 0 to 3600. After that
   * a `behind` event tells how far away the arm is. With `onLate: 'stop'` the session then ends with a
   * {@link PolicyLateError}, code `POLICY_BEHIND`. Default 3. It does not apply to actions that are targets or torques.
   * Only for arms.
   */
  readonly catchUpS?: number;
  /**
   * What happens to actions that break a limit: an object with a value for each kind, or one value for all kinds.
   * Default `'stop'`. {@link SessionOptions.limitRate} is a short form for some of the kinds. Only for arms: for a
   * robot written in JavaScript no limits are known.
   */
  readonly limits?: LimitOptions | OnViolation;
  /**
   * Short for `limits: { velocity: 'clamp', acceleration: 'clamp', jerk: 'clamp', torqueRate: 'clamp' }`, under
   * libfranka's name: an action that changes faster than the arm allows is slowed down instead of ending the session.
   * If {@link SessionOptions.limits} sets one of the four kinds, that value counts. With `limits: 'clamp'` this option
   * changes nothing, and with `limits: 'stop'` it is refused. Default false, as in libfranka 0.21. Only for arms.
   */
  readonly limitRate?: boolean;
  /**
   * The cut-off frequency of a low-pass filter before the limits [Hz], above 0 to 1000 (libfranka's default is 100).
   * Default `null`: no filter, because it delays the commands, by 1.6 ms at 100 Hz, and because the limits do not need
   * it. Only for arms. Targets are not filtered.
   */
  readonly cutoffHz?: number | null;
  /**
   * The shares of the arm's limits that motions to a target may use. Only with `control: 'jointTarget'` or
   * `'cartesianTarget'`.
   */
  readonly targetBudget?: TargetBudget;
  /** The number of newest cycles from which percentiles are computed. Default 10,000. */
  readonly maxTimingSamples?: number;
  /** How many ticks are kept for `takeRecords()`. 0 (default) keeps none. */
  readonly recordTicks?: number;
  /**
   * The file in which everything of the session is recorded, or a folder in which each start has a file of its own.
   * The file must not exist yet. Default: nothing is recorded.
   */
  readonly record?: RecordingFile | RecordFolder;
  /**
   * What is kept in memory of the newest cycles, for {@link KilohertzError.save}. `false` keeps nothing. Default: the
   * last 10 s.
   */
  readonly blackBox?: BlackBoxOptions | false;
  /**
   * Shows the session while it runs to Foxglove, Lichtblick and whatever else speaks their protocol: the channels that
   * a recording has. `true` stands for the defaults: port 8765, for programs of this host alone. Default: it is shown
   * to nobody.
   */
  readonly foxglove?: FoxgloveOptions | boolean;
  /** What the loop thread asks of the operating system. `false` asks for nothing. */
  readonly realtime?: RealtimeOptions | false;
  /**
   * How long the `reset()` of a robot written in JavaScript may take [s], above 0 to 3600. If it takes longer, the
   * session ends with `ROBOT_UNSETTLED`. Default 60. Not for arms, which are not reset.
   */
  readonly resetTimeoutS?: number;
  /**
   * Whether the session may begin after a signal has told the process to end. This is for a program that listens for
   * the signal and, for example, parks the robot then. Default false.
   */
  readonly evenAfterSignal?: boolean;
}
/** How far a move has come. */
export interface MoveProgress {
  /** How long the arm has moved, by the arm's own clock [s]. */
  readonly elapsedS: number;
  /** How long the whole move takes [s]. */
  readonly durationS: number;
  /** `elapsedS` as a share of `durationS`, 0 to 1. */
  readonly share: number;
}
/** Options of `home`. */
export interface HomeOptions {
  /**
   * The share of the arm's own velocity and acceleration limits that the move may use, 0.01 to 1. It uses a tenth of
   * this share of the jerk limits. Default 0.2: a joint of an FR3 then turns at 0.5 rad/s at most. 1 stands for 95 % of
   * the arm's limits.
   */
  readonly speed?: number;
  /**
   * How far each measured joint may be from the goal when the move counts as arrived, above 0 to 0.08 [rad]. Default
   * 0.01.
   */
  readonly toleranceRad?: number;
  /** How long the arm may take to stand at the goal once the commanded motion is over, 0 to 60 [s]. Default 1. */
  readonly settleS?: number;
  /** Stops the arm within its limits when it aborts; the move then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** What the loop thread asks of the operating system, as in the options of a session. `false` asks for nothing. */
  readonly realtime?: RealtimeOptions | false;
  /** Whether the move may begin after a signal has told the process to end. Default false. */
  readonly evenAfterSignal?: boolean;
  /** Called twenty times a second, and at the end, with the progress of the move. */
  readonly onProgress?: (progress: MoveProgress) => void;
}
/** Options of `moveTo`. */
export interface MoveOptions extends HomeOptions {
  /**
   * Whether the goal is relative to where the arm stands when the move is planned. Joint positions are then added to
   * the desired ones (`q_d`). A pose is then given in the frame of the end effector, along its axes:
   * `{ xyz: [0, 0, 0.05], quat: [0, 0, 0, 1] }` is 5 cm forwards from the hand, which is downwards if the hand points
   * down. Default false.
   */
  readonly relative?: boolean;
}
/** Options of `robot.states`. */
export interface StatesOptions {
  /** How many states a second [Hz], above 0 to 1000. Default 50. */
  readonly rateHz?: number;
  /** Ends the iteration when it aborts, with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}
/**
 * The states of an arm at a rate, for `for await`. The iteration goes on while sessions begin and end.
 *
 * Each state is a copy of the newest state at the time of its step, and newer than the previous one. A consumer that
 * takes longer than a period misses the states that were due meanwhile; {@link RobotStates.skipped} counts them.
 * Nothing happens between two steps of the iteration. A waiting step keeps the process alive until the arm is closed.
 * Reading the state of an idle arm takes 2 ms of the arm's time, so above about 300 Hz a few states are skipped.
 *
 * The iteration ends when the arm is closed. It throws if the signal aborts or the connection is lost.
 */
export interface RobotStates extends AsyncIterableIterator<RobotState>, AsyncDisposable {
  /** The number of states that were due but not asked for in time. */
  readonly skipped: number;
  /**
   * Returns the next state when it is due. Calls are answered one after the other: a second call waits for the first.
   */
  next(): Promise<IteratorResult<RobotState, void>>;
  /** Ends the iteration, as leaving `for await` does. A waiting step ends too. */
  return(): Promise<IteratorResult<RobotState, void>>;
  [Symbol.asyncIterator](): this;
}
/** How to connect to an arm. */
export interface FrankaOptions<
  Control extends FrankaControl = FrankaControl,
  Elbow extends boolean = boolean,
  Impedance extends AnyImpedance = AnyImpedance,
> {
  /**
   * What a policy's actions are. The mode also decides how late answers are handled, and what is commanded between the
   * answers of a policy that is slower than the arm ({@link SessionOptions.rateHz}):
   *
   * | control | action | between answers | held | rest |
   * | --- | --- | --- | --- | --- |
   * | `jointVelocity` (default) | `dq` [rad/s] | a line | the velocity is kept | braked to zero |
   * | `jointPosition` | `q` [rad], from `q_d` on | a spline | the velocity is kept | braked to zero |
   * | `jointTarget` | `q` [rad], in steps of any size | one bounded motion | it goes on | braked to zero |
   * | `cartesianVelocity` | `O_dP_EE` [m/s, rad/s] | a line | the velocity is kept | braked to zero |
   * | `cartesianPose` | `O_T_EE` [m], from `O_T_EE_c` on | a spline, turning the shorter way | the velocity is kept | braked to zero |
   * | `cartesianTarget` | `O_T_EE` [m], in steps of any size | one bounded motion | it goes on | braked to zero |
   * | `torque` | `tau_J` [N m] without gravity | approached at the limited rate | the torque is kept | damped, then held in place |
   *
   * `O_dP_EE` has six numbers: the velocity of the end effector along the axes of the base frame, then about these
   * axes. `O_T_EE` is the pose of the end effector in the base frame. It is `{ xyz, quat }` (a {@link Pose}) or sixteen
   * numbers: a 4x4 matrix, column by column, as in `state.O_T_EE`. A matrix that is not a pose ends the session. The
   * columns and rows of a pose have length 1 within 1e-5, and its last row is 0, 0, 0, 1, as libfranka demands. Its
   * columns are at right angles within 2e-5, and it does not mirror. The arm chooses where the elbow goes, unless
   * {@link FrankaOptions.elbow} is true.
   */
  readonly control?: Control;
  /**
   * Whether Cartesian sessions command the elbow too, with the number after those of the end effector. With a pose it
   * is the position of joint 3 (`elbow`, starting at `state.elbow_c[0]`) [rad]; with a velocity of the end effector it
   * is the velocity of joint 3 (`delbow`) [rad/s]. The side to which joint 4 bends does not change. The limits of the
   * elbow are libfranka's (`kMaxElbowVelocity` and its siblings). Default false.
   */
  readonly elbow?: Elbow;
  /**
   * The controller that makes the arm follow a motion, in every mode that commands one. `'joint'` (the default, as in
   * libfranka) is the arm's own spring and damper at each joint; `'cartesian'` is the one at the end effector. Control
   * mode `'torque'` uses no such controller.
   *
   * With `'external'` no controller of the arm follows the motion. An action then has seven torques `tau_J` [N m] after
   * its motion, as in `[...q, ...tau_J]`, and only these torques move the arm. The state reports the motion, bounded by
   * the limits of its mode, as the desired one (`q_d`, `dq_d`, `O_T_EE_d`); the torques are to follow it. The motion
   * and the torques each keep their limits, and each is held and brought to rest as in its own mode.
   *
   * An {@link ImpedanceLaw} (`{}` for its default gains) is this package's own controller. The loop computes its
   * torques in each cycle, however late the policy is. Motions that are followed by torques stay further from the ends
   * of the joints' ranges.
   *
   * With `'external'` or an `ImpedanceLaw`, `moveTo` and `home` still use the controller of `'joint'`: the arm then has
   * the stiffness that `setJointImpedance` has set.
   */
  readonly impedance?: Impedance;
  /** Which generation the arm must be. Default: either; the generation is detected. */
  readonly generation?: FrankaGeneration;
  /**
   * The library that talks to the arm. Default `franka-rs`, which serves both generations;
   * `libfranka-rs` serves a FER, on port 1337, on Linux. docs/clients.md compares them.
   */
  readonly client?: FrankaClient;
  /** How long connecting may take [s]. Default 5. */
  readonly timeoutS?: number;
  /**
   * Ends the attempt to connect when it aborts; the call then rejects with an {@link AbortError}. It has no effect on the
   * arm that is connected.
   */
  readonly signal?: AbortSignal;
}
/**
 * A Franka arm over FCI: an FR3 (version 10) or a FER, also called Panda (version 5). The arm is the clock of the
 * sessions that drive it: it sends a state every millisecond, and receives a command for each state.
 *
 * The type parameter tells what a policy's actions are: `Franka.connect(address, { control: 'cartesianPose' })` gives a
 * `Franka<'cartesianPose'>`, for which a policy that returns three numbers does not compile. `Franka` without a
 * parameter stands for any control mode.
 */
export declare class Franka<
  Control extends FrankaControl = FrankaControl,
  Action = FrankaAction<Control>,
> implements NativeRobot<RobotState, Action | undefined>, AsyncDisposable
{
  #private;
  /** The control mode: what the actions of a session are. */
  readonly control: Control;
  /** The address of the arm, as it was given to `connect`. */
  readonly address: string;
  /** How sessions drive the arm. Only for use inside this package. */
  readonly nativeLink: NativeLink<RobotState, Action | undefined>;
  private constructor();
  /**
   * Connects to the arm at `address`: a host, or `host:port` if the port is not 1337.
   *
   * @throws {RobotError} `FRANKA_CONNECT_REFUSED`, `FRANKA_CONNECT_FAILED`, `FRANKA_CONNECT_TIMEOUT`,
   * `FRANKA_INCOMPATIBLE_VERSION`, or `FRANKA_GENERATION` if the arm is not of the generation that was asked for;
   * `FRANKA_CLIENT` if the client cannot connect to this arm
   * @throws {AbortError} if {@link FrankaOptions.signal} aborts
   * @throws {KilohertzError} `SYSTEM` if the system has no descriptors or threads left
   * @throws {OptionRangeError} {@link OptionTypeError} `OPTION_ADDRESS` if the address does not have the form of one, or
   * if an option is invalid; no connection is tried then
   */
  static connect<
    const Control extends FrankaControl = 'jointVelocity',
    const Elbow extends boolean = false,
    const Impedance extends AnyImpedance = 'joint',
  >(
    address: string,
    options?: FrankaOptions<Control, Elbow, Impedance>,
  ): Promise<Franka<Control, FrankaAction<Control, Elbow, Impedance>>>;
  /** The generation of the arm. */
  get generation(): FrankaGeneration;
  /** The library that talks to the arm. */
  get client(): FrankaClient;
  /** The kinematics and dynamics of this arm, computed on this computer. */
  get model(): FrankaModel;
  /** The FCI version that the arm speaks: 10 or 5. */
  get serverVersion(): number;
  /**
   * How many datagrams from other senders than the arm have reached the socket for its states since connecting, 0 or
   * more. They are dropped before this package reads them, and no sender gets an answer. The count may be too low:
   * while no state is read, or if a loop is late by about 20 ms, such datagrams cannot be told from states that found
   * the queue full. The count stays readable after `close()`.
   */
  get foreignDatagrams(): number;
  /** Whether a session drives the arm. */
  get isDriven(): boolean;
  /**
   * Returns a copy of the arm's state now. While a session drives the arm, it is the newest state that the loop has
   * seen. The loop does not wait for the reader.
   *
   * @throws {RobotError} `FRANKA_INVALID_OPERATION` after `close()`; `FRANKA_CONNECTION_LOST` if the arm does not
   * answer any more
   */
  state(): Promise<RobotState>;
  /**
   * Returns the arm's states at a rate, until the arm is closed: while it is idle and while sessions drive it.
   *
   * @example
   * for await (const state of robot.states({ rateHz: 10 })) console.log(state.q);
   * @throws {OptionRangeError} {@link OptionTypeError} if an option is invalid
   * @throws {RobotError} from the iteration, if the connection is lost
   */
  states(options?: StatesOptions): RobotStates;
  /**
   * Clears the errors of a reflex, so that a session can be started again.
   *
   * @throws {RobotError} `FRANKA_COMMAND_REJECTED` if the error can only be cleared by hand
   */
  recover(): Promise<void>;
  /**
   * Sets the thresholds above which external torques and forces count as a contact, and those above which they count as
   * a collision. A collision stops the arm.
   *
   * Like every setting, it stays in force until any program sets it again. It can be set only while no session drives
   * the arm, because an arm refuses it during a motion. The promise resolves when the arm has accepted the setting.
   *
   * @throws {OptionRangeError} {@link OptionTypeError} if a value is invalid, or is not plausible and `unchecked` is
   * not set; nothing is sent then
   * @throws {RobotError} `FRANKA_INVALID_OPERATION` while a session drives the arm, or after `close()`;
   * `FRANKA_COMMAND_REJECTED` if the arm refuses, for example after a reflex; `FRANKA_CONNECTION_LOST` if the
   * connection is lost
   */
  setCollisionBehavior(behavior: CollisionBehavior, options?: SettingOptions): Promise<void>;
  /**
   * Sets the stiffness of the arm's joint impedance controller. It follows motions with `impedance: 'joint'`.
   *
   * @param K_theta one value for each joint, 0 to 14250 [N m/rad], 7: libfranka's range
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setJointImpedance(K_theta: JointVector): Promise<void>;
  /**
   * Sets the stiffness of the arm's Cartesian impedance controller.
   *
   * @param K_x x, y, z from 10 to 3000 [N/m], roll, pitch, yaw from 1 to 300 [N m/rad], 6: libfranka's
   * ranges
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setCartesianImpedance(K_x: Numbers<6>): Promise<void>;
  /**
   * Sets which directions are free when a person guides the arm by hand.
   *
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setGuidingMode(mode: GuidingMode): Promise<void>;
  /**
   * Sets what the arm carries beside its end effector. The arm then compensates the weight of the load, and the state
   * and the model include it. The masses of load and end effector together are at most the arm's payload, 3 kg.
   *
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setLoad(load: Load, options?: SettingOptions): Promise<void>;
  /**
   * Sets the end effector frame. `O_T_EE` of the state and commanded poses are poses of this frame.
   *
   * @param NE_T_EE the pose of the end effector frame in the frame of the nominal end effector [m]; the latter is set
   * in Desk
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setEE(NE_T_EE: PoseLike, options?: SettingOptions): Promise<void>;
  /**
   * Sets the stiffness frame. External forces are estimated in this frame, and the Cartesian stiffness is along its
   * axes.
   *
   * @param EE_T_K the pose of the stiffness frame in the end effector's frame [m]
   * @throws as {@link Franka.setCollisionBehavior}
   */
  setK(EE_T_K: PoseLike, options?: SettingOptions): Promise<void>;
  /**
   * Sets the cut-off frequencies of the arm's own filters. Only a FER has such filters.
   *
   * @throws {RobotError} `FRANKA_GENERATION` on an FR3; otherwise as {@link Franka.setCollisionBehavior}
   */
  setFilters(filters: FrankaFilters): Promise<void>;
  /**
   * Moves the arm to a goal, natively, in a session of its own. The motion is a straight line between joint positions:
   * all joints start together at rest and come to rest together. It takes the shortest time that `speed`, the arm's
   * limits, its torques with the load that is set, and a smooth start allow. Resolves to the session's stats when the
   * measured arm stands at the goal.
   *
   * The move stays within the joints' ranges. It does not know of the table, and does not check for collisions of the
   * arm with itself. Close to the end of a joint's range it is slower, as the arm demands.
   *
   * @param goal joint positions [rad], 7, or `O_T_EE`: a pose of the end effector in the base frame, as `{ xyz, quat }`
   * or 16 numbers [m]. If several joint positions reach a pose, the move takes those near to the present ones. With
   * {@link MoveOptions.relative} the goal is relative to where the arm stands
   * @throws {OptionRangeError} {@link OptionTypeError} if an argument is invalid
   * @throws {RobotError} `FRANKA_UNREACHABLE` if the arm cannot reach the goal, or cannot carry its load on the way;
   * nothing has moved then. `FRANKA_NOT_ARRIVED` if the arm does not stand at the goal when the motion is over, or fell
   * behind on the way; {@link RobotError.notArrived} has its position. `FRANKA_INVALID_OPERATION` while a session
   * drives the arm, or after `close()`; `FRANKA_REFLEX` and the other errors of a session
   * @throws {SessionInterruptedError} if a signal of the operating system ended the move, or has told the process to
   * end
   * @throws {AbortError} if the `AbortSignal` has aborted; the call rejects once the arm stands
   * @throws what `onProgress` threw, also once the arm stands
   */
  moveTo(goal: JointVector | PoseLike, options?: MoveOptions): Promise<SessionStats>;
  /**
   * Moves the arm to libfranka's ready pose, with the elbow bent and the hand pointing down.
   *
   * @throws as {@link Franka.moveTo}
   */
  home(options?: HomeOptions): Promise<SessionStats>;
  /**
   * Stops what drives the arm, then closes the connection. A session or a move that drives the arm is asked to stop, as
   * by {@link Session.stop}: the arm is braked within its limits, and its motion is finished. Then a `run()` resolves,
   * and a `moveTo` rejects with `FRANKA_MOTION_ABORTED`. If the session ended for another reason, its `run()` or
   * `moveTo` reports that one. `close()` resolves when the arm is at rest. No other session or move begins meanwhile.
   * It may be called more than once.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` if the session has not ended within 10 s: the arm may still move
   */
  close(): Promise<void>;
  /** Stops what drives the arm and closes the connection, as `close()` does. */
  [Symbol.asyncDispose](): Promise<void>;
}
/** Limits of one call of work in another thread or process. */
export interface CallLimits {
  /** Ends the call when the signal aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal | undefined;
  /** How long the call may take until its answer [s], including the wait for its turn. Default: no limit. */
  readonly timeoutS?: number | undefined;
}
type AnyFunction = (...args: any[]) => unknown;
/** The type of a function that is called in another thread: it takes the same arguments and returns a promise. */
export type AsyncCall<Work extends AnyFunction> = (
  ...args: Parameters<Work>
) => Promise<Awaited<ReturnType<Work>>>;
/** An export that runs in a pool of threads, made by {@link asyncify}. */
export interface AsyncifiedExport<Work extends AnyFunction> {
  /** Calls the function on a thread of the pool. */
  (...args: Parameters<Work>): Promise<Awaited<ReturnType<Work>>>;
  /** Returns the function with limits for its calls, for example `solve.with({ timeoutS: 0.5 })(x)`. */
  with(limits: CallLimits): AsyncCall<Work>;
}
/** A function that runs in a pool of threads, made by {@link asyncify}. */
export interface Asyncified<Work extends AnyFunction> extends AsyncifiedExport<Work> {
  /** The function itself, on the calling thread. */
  readonly sync: Work;
}
/**
 * Makes a blocking function asynchronous: each call runs on a thread of a pool, and the event loop goes on meanwhile.
 * The module with the given URL must export the function under the function's own name. A thread loads its own copy of
 * the module and finds the function by this name. The export may be the function itself, or what `asyncify` returned
 * for it.
 *
 * There is one pool for all functions, which {@link configurePool} configures. It has at most as many threads as the
 * process may use processors. A thread is started when a call finds no free thread, and ended when it was idle for 10
 * s. Further calls wait, in order. An idle pool does not keep the process alive. An asyncified function that is called
 * on a thread of the pool runs on that thread.
 *
 * Arguments and results are copied as by `postMessage`, when a thread takes the call; {@link transfer} moves them
 * instead. A {@link RobotState} arrives as one. If the function throws, the call rejects with an error of the same
 * name, message, stack, `code`, `cause`, `errors` and own fields. Errors of JavaScript's own classes and of this
 * package keep their class for `instanceof`, and those that {@link registerErrorClass} has registered. If a `signal`
 * aborts or `timeoutS` passes, the call rejects, and its thread is ended in the middle of its work; a new thread takes
 * its place. Between calls a thread does not run: timers and sockets that a function leaves behind wait for the next
 * call on that thread.
 *
 * @example
 * // solve.ts
 * export const solve = asyncify(import.meta.url, function solve(target: Float64Array) { ... });
 * // elsewhere
 * const q = await solve(target);
 * const sooner = await solve.with({ timeoutS: 0.5 })(target);
 * const here = solve.sync(target);
 *
 * @param module `import.meta.url` of the module that exports the function
 * @throws {OptionTypeError} `OPTION_MODULE`, `OPTION_WORK`
 * @throws {OffloadError} `OFFLOAD_ENTRY_POINT`, `OFFLOAD_NOT_FOUND` if the function has no name; calls reject with
 * `OFFLOAD_NOT_FOUND`, `OFFLOAD_NOT_CLONEABLE`, `OFFLOAD_TIMEOUT`, `OFFLOAD_CRASHED`, `SYSTEM`
 */
export declare function asyncify<Work extends AnyFunction>(
  module: string | URL,
  work: Work,
): Asyncified<Work>;
/**
 * Makes an existing export of a module asynchronous, without loading the module in this thread.
 *
 * @example
 * const solve = asyncify<typeof import('./solve.js').solve>(
 *   new URL('./solve.js', import.meta.url),
 *   'solve',
 * );
 * @param work the name of the export
 */
export declare function asyncify<Work extends AnyFunction = AnyFunction>(
  module: string | URL,
  work: string,
): AsyncifiedExport<Work>;
interface Shaped {
  readonly shape?: readonly number[];
}
/**
 * Sets the shape that a typed array has in Python, rows before columns. Returns the array itself.
 *
 * @example
 * await policy.getAction(shaped(image, [480, 640, 3]));
 * @throws {OptionTypeError} `OPTION_ARRAY` if the argument is not a typed array
 * @throws {OffloadError} `OFFLOAD_SHAPE` if the shape has another number of elements
 */
export declare function shaped<A extends ArrayBufferView>(
  array: A,
  shape: readonly number[],
): A & {
  readonly shape: readonly number[];
};
/** The names of what a module exports as functions. */
export type FunctionNames<Module> = {
  [Name in keyof Module & string]: Module[Name] extends AnyFunction ? Name : never;
}[keyof Module & string];
type Answer<F> = F extends (...args: never[]) => infer Result ? Awaited<Result> : never;
type Given<F> = F extends (...args: infer Args) => unknown ? Args : never;
/** An export of the module as a function, made by {@link InferenceThread.wrap}. */
export interface Wrapped<Work extends AnyFunction> {
  /** Calls the export on the thread. */
  (...args: Parameters<Work>): Promise<Awaited<ReturnType<Work>>>;
  /** Calls the export on the thread, and blocks the calling thread until the answer is there. */
  sync(...args: Parameters<Work>): Awaited<ReturnType<Work>>;
  /** Returns the function with limits for its calls, for example `infer.with({ timeoutS: 0.1 })(image)`. */
  with(limits: CallLimits): (...args: Parameters<Work>) => Promise<Awaited<ReturnType<Work>>>;
}
/** Options of an {@link InferenceThread}. */
export interface InferenceThreadOptions {
  /** How many calls may wait for their answer, 1 to 128. Further calls are refused. Default 64. */
  readonly maxQueued?: number;
  /**
   * The size of the shared memory for large arrays, in each direction [bytes]. Arrays that do not fit are still sent,
   * but slower. The system allocates only what is used. Default 64 MiB.
   */
  readonly sharedBytes?: number;
}
/**
 * A thread for the inference of a model. The thread loads a module once, so the state of the module stays warm, for
 * example a session of onnxruntime or a context of CUDA. Calls are answered in order, one at a time, also those of
 * asynchronous functions. A call costs one hand-over through shared memory and one wake.
 *
 * Arguments and results are copied once: the other side reads typed arrays from 64 kB on directly from shared memory. A
 * function may use the arrays that it receives until it has answered, a generator until it ends. After that the arrays
 * are empty, so copy what you want to keep. If a function throws, the call rejects with an error as with
 * {@link asyncify}. An idle thread uses no processor time and does not keep the process alive.
 *
 * @example
 * await using thread = new InferenceThread<typeof import('../franka/model.js')>(
 *   new URL('../franka/model.js', import.meta.url),
 * );
 * await thread.start();
 * const action = await thread.run('infer', image);
 */
export declare class InferenceThread<Module extends object = Record<string, AnyFunction>> {
  #private;
  /**
   * @param module the URL of the module
   * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
   * @throws {OffloadError} `OFFLOAD_ENTRY_POINT` if the module is the program itself
   */
  constructor(module: string | URL, options?: InferenceThreadOptions);
  /** How many calls wait for their answer, including the one that is being answered. */
  get queued(): number;
  /**
   * Starts the thread and loads the module. Rejects with the error that loading throws. A thread that was stopped can
   * be started again; it then loads the module again.
   */
  start(): Promise<void>;
  /**
   * Calls an export of the module on the thread.
   *
   * @throws {OffloadError} `OFFLOAD_NOT_STARTED`, `OFFLOAD_STOPPED`, `OFFLOAD_QUEUE_FULL`,
   * `OFFLOAD_NOT_FOUND`, `OFFLOAD_NOT_CLONEABLE`, `OFFLOAD_CRASHED`
   */
  run<Name extends FunctionNames<Module>>(
    name: Name,
    ...args: Given<Module[Name]>
  ): Promise<Answer<Module[Name]>>;
  /**
   * Returns an export of the module as a function. It may be called before the thread is started.
   *
   * @example
   * const infer = thread.wrap('infer');
   * await infer(image);
   * await infer.with({ timeoutS: 0.1 })(image);
   * infer.sync(image); // blocks
   */
  wrap<Name extends FunctionNames<Module>>(
    name: Name,
  ): Module[Name] extends AnyFunction ? Wrapped<Module[Name]> : never;
  /**
   * Ends the thread. Waiting calls are still answered, at most for `timeoutS` [s], default 1. Then the thread is
   * terminated, and the calls that are left reject with `OFFLOAD_STOPPED`.
   * A thread that is in a call into native code which does not return is left behind after 3 s, and a warning with code
   * `KILOHERTZ_LEFT_BEHIND` says so.
   */
  stop(options?: { readonly timeoutS?: number }): Promise<void>;
  /** Ends the thread, as {@link InferenceThread.stop} does. */
  [Symbol.asyncDispose](): Promise<void>;
}
/** The answer of a remote function. Iterating over it gives the values that a remote generator yields. */
export type RemoteAnswer<Result> = Promise<Awaited<Result>> &
  (Result extends AsyncIterable<infer Item> | Iterator<infer Item> ? AsyncIterable<Item> : unknown);
/** A method of an object in another process. */
export interface RemoteMethod<Args extends readonly unknown[], Result> {
  /** Calls the method in the other process. */
  (...args: Args): RemoteAnswer<Result>;
  /** Returns the method with limits for its calls, for example `policy.getAction.with({ timeoutS: 0.1 })(obs)`. */
  with(limits: CallLimits): (...args: Args) => RemoteAnswer<Result>;
}
type Whole =
  | string
  | number
  | bigint
  | boolean
  | symbol
  | null
  | undefined
  | readonly unknown[]
  | ArrayBuffer
  | ArrayBufferView
  | Date
  | Error
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | PromiseLike<unknown>;
type Attribute<Value> = PromiseLike<Awaited<Value>> &
  (Value extends Whole ? unknown : MembersOf<Value>);
type AnyMethod = (...args: never[]) => unknown;
type Member<Value> =
  | (Value extends (...args: infer Args) => infer Result ? RemoteMethod<Args, Result> : never)
  | ([Exclude<Value, AnyMethod>] extends [never] ? never : Attribute<Exclude<Value, AnyMethod>>);
type IsWritable<Made, Name extends keyof Made> =
  (<T>() => T extends {
    [Key in Name]: Made[Key];
  }
    ? 1
    : 2) extends <T>() => T extends {
    -readonly [Key in Name]: Made[Key];
  }
    ? 1
    : 2
    ? true
    : false;
type MembersOf<Made, Without = never> = {
  [Name in keyof Made as Exclude<Name, Without | LocalName | symbol>]: 0 extends 1 & Made[Name]
    ? any
    : Member<Made[Name]> | (IsWritable<Made, Name> extends true ? Sendable<Made[Name]> : never);
};
type Sendable<Value> = Value extends AnyMethod
  ? never
  : Value extends Whole
    ? Value
    : true extends {
          [Name in keyof Value]: Value[Name] extends AnyMethod ? true : false;
        }[keyof Value]
      ? never
      : Value;
/** The methods that a proxy itself has. */
export interface ProxyControl extends Disposable, AsyncDisposable {
  /**
   * Ends the process, and blocks until it has ended. The process is asked to end, finishes the calls that it has
   * received and closes the object (by `Symbol.asyncDispose` or `Symbol.dispose`, in Python by `close()`). If that
   * takes longer than `timeoutS` [s], default 1, the process is killed. Waiting calls reject with `OFFLOAD_STOPPED`.
   */
  stop(options?: { readonly timeoutS?: number }): void;
}
/**
 * An object in another process: `await policy.getAction(obs)` calls its method, `await policy.timing` reads its
 * attribute, `policy.gain = 2` sets an attribute, `await policy.limits.reach` reads an attribute of an attribute. Every
 * access goes to the process. If an assignment fails, the next call rejects with its error.
 *
 * Symbols, the names that every object has, such as `toString` and `constructor`, and `toJSON` are not asked for there.
 * So a proxy can be printed, compared and written as JSON, where it is left out as a function is.
 */
export type ProcessProxy<Made> = ProxyControl &
  (0 extends 1 & Made ? any : MembersOf<Made, keyof ProxyControl>) &
  (Made extends (...args: infer Args) => infer Result ? RemoteMethod<Args, Result> : unknown);
declare const LOCAL_NAMES: readonly [
  'constructor',
  'hasOwnProperty',
  'isPrototypeOf',
  'propertyIsEnumerable',
  'prototype',
  'toJSON',
  'toLocaleString',
  'toString',
  'valueOf',
  'asymmetricMatch',
  'inspect',
  'nodeType',
];
type LocalName = (typeof LOCAL_NAMES)[number];
/** Options of {@link mpify}. */
export interface MpifyOptions {
  /**
   * The Python interpreter, for a Python module. Default: the first that is found, of `VIRTUAL_ENV`, `CONDA_PREFIX`,
   * `UV_PROJECT_ENVIRONMENT`, a `.venv` beside the module or above it, and `PATH`.
   */
  readonly python?: string;
  /** Environment variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The Node that is started for a Node module, for a program whose own file does not start Node: a single executable,
   * an Electron without `runAsNode`. Default: `process.execPath`.
   */
  readonly execPath?: string;
  /**
   * Whether the process leads a process group. When it ends or is stopped, what it has started ends too: it gets
   * `SIGTERM`, and after `timeoutS` of `stop()`, or 1 s, `SIGKILL`. When this program ends, in whatever way, the group is
   * killed. Signals of the terminal, such as Ctrl+C, do not reach the group. Default false.
   */
  readonly processGroup?: boolean;
  /** How often the object is made again, with the same arguments, if its process dies. Default 0. */
  readonly restarts?: number;
  /** How long making the object may take [s]. After that the process is killed. Default: no limit. */
  readonly startTimeoutS?: number;
  /**
   * Kills the process if the signal aborts while the object is made; the promise then rejects with an
   * {@link AbortError}.
   */
  readonly signal?: AbortSignal;
  /**
   * The size of the shared memory for large arrays, in each direction [bytes]. Arrays that do not fit are still sent,
   * but slower. The system allocates only what is used. Default 64 MiB.
   */
  readonly sharedBytes?: number;
  /**
   * How large an answer may be, including its arrays [bytes], from 1 kB to 4 GB, and how much memory its other values
   * may take. A process that sends a larger answer is ended, and calls reject with `OFFLOAD_TOO_LARGE`. Default 1 GiB.
   */
  readonly maxAnswerBytes?: number;
}
type Made<Factory> = Factory extends (...args: never[]) => infer Result ? Awaited<Result> : never;
type Given$1<Factory> = Factory extends (...args: infer Args) => unknown ? Args : never;
/**
 * Starts a process that loads a module and calls one of its exports, a factory, to make an object. Resolves to a proxy
 * of this object. Every access to the proxy goes to the process and must be awaited. The factory may be asynchronous.
 *
 * If the URL ends in `.py`, the process is Python (3.9 or newer; the standard library is enough). If numpy is installed
 * there, typed arrays arrive as numpy arrays with the shape that {@link shaped} gave them. Arrays come back as typed
 * arrays, with a `shape` if they have more than one dimension. {@link MpifyOptions.python} says which interpreter
 * runs.
 *
 * Calls are made in order. Calls of asynchronous methods run at the same time in Node, and one after the other in
 * Python. Arguments and results are copied; arrays from 64 kB on are copied once, through shared memory, without
 * pickling. If a method throws, the call rejects with an error as with {@link asyncify}; in Python its
 * stack is the traceback. If the process dies, calls reject with `OFFLOAD_CRASHED`; the message says how the
 * process ended, and has the last lines that it wrote to stderr.
 *
 * The process ends when this process ends, in whatever way. An idle process uses no processor time and does not keep
 * this process alive.
 *
 * @example
 * const policy = await mpify<typeof import('./policy.js').makePolicy>(
 *   new URL('./policy.js', import.meta.url),
 *   'makePolicy',
 *   'checkpoint.onnx',
 * );
 * const action = await policy.getAction(observation);
 * const timing = await policy.timing;
 * policy.gain = 2;
 * for await (const step of policy.rollOut(10)) console.log(step);
 * policy.stop();
 * @param module the URL of the module
 * @param name the export that makes the object
 * @param args the arguments of this export
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {OffloadError} `OFFLOAD_ENTRY_POINT`, `OFFLOAD_NOT_FOUND`, `OFFLOAD_PYTHON`, `OFFLOAD_CRASHED`,
 * `OFFLOAD_TIMEOUT`
 */
export type MpifyCall = <Factory extends AnyFunction = (...args: any[]) => any>(
  module: string | URL,
  name: string,
  ...args: Given$1<Factory>
) => Promise<ProcessProxy<Made<Factory>>>;
/** The type of {@link mpify}. */
export interface Mpify extends MpifyCall {
  /** Returns `mpify` with options, for example `mpify.with({ restarts: 1 })(url, 'makePolicy')`. */
  with(options: MpifyOptions): MpifyCall;
}
/** Makes an object in another process, and a proxy of it in this process. */
export declare const mpify: Mpify;
/** Settings of the pool of threads on which asyncified functions run. */
export interface PoolOptions {
  /**
   * How many threads may run at the same time, 1 to 1024. Default: as many as this process may use processors. The
   * processors that `taskset` allows count, and the quota of the process's cgroup, rounded down.
   */
  readonly threads?: number;
  /** How long a thread waits for another call before it is ended [s], 0 to 2147483. Default 10. */
  readonly idleS?: number;
  /**
   * How large the heap of JavaScript may become in each thread [MiB], 16 to 65536. A call whose thread needs more rejects
   * with `OFFLOAD_CRASHED`, and the thread is ended. Default: Node's own limit.
   */
  readonly memoryMb?: number;
}
/** What the pool of threads does and has done. Counts are since the program's start. */
export interface PoolStats {
  /** How many threads may run at the same time. */
  readonly maxThreads: number;
  /** How many threads exist now. */
  readonly threads: number;
  /** How many calls run now. */
  readonly running: number;
  /** How many calls wait for a thread now. */
  readonly waiting: number;
  /** How many calls have been answered, also with what the function threw. */
  readonly answered: number;
  /** How many calls had no answer: their thread ended, could not be started, or their arguments could not be sent. */
  readonly failed: number;
  /** How many calls were ended by their `signal` or `timeoutS`. */
  readonly aborted: number;
}
/**
 * Sets how the pool of threads works on which asyncified functions run. Options that are left out have their defaults
 * again. Calls that run go on and are answered; later calls, also those that wait, run on threads with the new options.
 * Each thread of a program has a pool of its own, which it configures itself.
 *
 * @example
 * configurePool({ threads: 2, idleS: 60, memoryMb: 512 });
 * @throws {OptionRangeError} {@link OptionTypeError} if an option is invalid; nothing has changed then
 */
export declare function configurePool(options: PoolOptions): void;
/**
 * Returns what the pool of threads does and has done.
 *
 * @example
 * const { running, waiting, maxThreads } = poolStats();
 */
export declare function poolStats(): PoolStats;
/**
 * Marks a value, an argument or a result, to be moved to the other thread instead of copied. A large buffer is then
 * sent without delay, and is empty (detached) in this thread. Returns the value itself. The mark counts for one
 * sending.
 *
 * @example
 * const depth = await estimate(transfer(image)); // and in estimate: return transfer(map)
 * await fuse(transfer({ left, right }, [left.buffer, right.buffer]));
 * @param list the objects to move: array buffers, ports. Default: the value itself, or its buffer
 * @throws {OptionTypeError} `OPTION_VALUE`, `OPTION_LIST`
 */
export declare function transfer<T extends object>(value: T, list?: readonly object[]): T;
/** What a data set says of a feature: a number for each of its numbers. */
export interface FeatureStatistics {
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly min?: readonly number[];
  readonly max?: readonly number[];
  /** The 1st, 10th, 90th and 99th percentiles. */
  readonly q01?: readonly number[];
  readonly q10?: readonly number[];
  readonly q90?: readonly number[];
  readonly q99?: readonly number[];
}
/**
 * Which statistics are used, with the names of LeRobot: `'meanStd'` leads to a mean of 0 and a deviation of 1, `'minMax'`
 * leads the smallest and the largest number to -1 and 1, `'quantiles'` the 1st and the 99th percentile, `'quantile10'`
 * the 10th and the 90th.
 */
export type NormalizationMode = 'meanStd' | 'minMax' | 'quantiles' | 'quantile10';
/** A scaling of each number: `factor x + offset`. */
export interface Affine {
  readonly factor: Float64Array;
  readonly offset: Float64Array;
}
/** How the numbers of a feature become those of a model, and back, as LeRobot does it. Made by {@link normalization}. */
export declare class Normalization {
  /** How many numbers the feature has. */
  readonly length: number;
  /** From the robot's numbers to the model's. */
  readonly toModel: Affine;
  /** From the model's numbers to the robot's. */
  readonly fromModel: Affine;
  /** Makes one of two scalings. Only for use inside this package. */
  constructor(toModel: Affine, fromModel: Affine);
  /**
   * Returns the numbers of the model for those of the robot: a row, or several one after the other.
   *
   * @throws {OptionTypeError | OptionRangeError} `OPTION_VALUES` if they are no list, or if their number is no multiple of
   * `length`
   */
  normalize(values: ArrayLike<number>): Float64Array;
  /**
   * Returns the numbers of the robot for those of the model: a row, or several one after the other.
   *
   * @throws {OptionTypeError | OptionRangeError} `OPTION_VALUES` if they are no list, or if their number is no multiple of
   * `length`
   */
  unnormalize(values: ArrayLike<number>): Float64Array;
}
/**
 * Makes the normalization of a feature from the statistics of the data set that the model was trained with. It computes
 * what LeRobot computes: `(x - mean) / (std + 1e-8)` and back `y std + mean`, or `2 (x - low) / (high - low) - 1` and
 * back `(y + 1) / 2 (high - low) + low`, where a width of zero counts as 1e-8.
 *
 * @example
 * const statistics = await readStatistics('meta/stats.json');
 * const ofState = normalization(statistics['observation.state'], 'meanStd');
 * @throws {OptionTypeError | OptionRangeError} if a statistic is missing, or is no list of finite numbers
 */
export declare function normalization(
  statistics: FeatureStatistics | undefined,
  mode: NormalizationMode,
): Normalization;
/**
 * Reads the statistics of a data set: a JSON file whose members are features, each with `mean`, `std`, `min`, `max` and
 * percentiles, as LeRobot's `meta/stats.json`. Nested lists, as those of images, become flat.
 *
 * @throws {OptionTypeError} `OPTION_STATISTICS` if it is no such file
 */
export declare function readStatistics(
  file: RecordingFile,
): Promise<Readonly<Record<string, FeatureStatistics>>>;
/** The fields of a state that are numbers. */
export type StateField = {
  [Field in keyof RobotState]: RobotState[Field] extends number | Float64Array ? Field : never;
}[keyof RobotState];
/** What an input is fed: a field of the state, or numbers that do not change, such as a goal. */
export type OnnxPart = StateField | readonly number[];
/** An input of a model. */
export interface OnnxInput {
  /** What it is fed: a part, or several, one after the other. */
  readonly from: OnnxPart | readonly OnnxPart[];
  /** How the numbers become those of the model, all parts together. Default: as they are. */
  readonly normalization?: Normalization;
}
/** The output of a model that is the action. */
export interface OnnxOutput {
  /** The name that the model has for it. */
  readonly name: string;
  /** How its numbers become those of the robot, for the numbers of one action. Default: as they are. */
  readonly normalization?: Normalization;
}
/** Options of {@link onnxPolicy}. */
export interface OnnxPolicyOptions {
  /** What each input of the model is fed, by the names that the model has for them. */
  readonly inputs: Readonly<Record<string, OnnxInput | OnnxPart | readonly OnnxPart[]>>;
  /**
   * Which output of the model is the action: its name, or its name with a normalization. Its shape is `[n]` or `[1, n]`
   * for the `n` numbers of an action; for a {@link chunked} policy `[1, rows, n]`.
   */
  readonly outputs: {
    readonly action: string | OnnxOutput;
  };
  /** For a {@link chunked} policy, and only there: the time from one action of a chunk to the next [s], 0.0001 to 60. */
  readonly dtS?: number;
  /** How many threads compute, 1 to 64. Default 1, which spares the cores of the loop. */
  readonly threads?: number;
  /** The `SCHED_FIFO` priority of the thread, as of {@link workerPolicy}. Default 40; `null` for none. */
  readonly priority?: number | null;
  /** The library of ONNX Runtime, version 1.17 or later. Default: the one inside the package `onnxruntime-node`. */
  readonly library?: RecordingFile;
}
/** A policy that is an ONNX model, made by {@link onnxPolicy}. */
export interface OnnxPolicy<Observation, Action> {
  /** The file of the model. */
  readonly file: string;
  /** How many threads compute. */
  readonly threads: number;
  /** The realtime priority of the thread that computes; undefined for none. */
  readonly priority: number | undefined;
  /** Never set. It tells the compiler what the policy observes and what it answers. */
  readonly types?: (observation: Observation) => Action;
}
/**
 * Makes a policy out of an ONNX model, for a `Franka`. The model is computed on a thread beside the loop, without
 * JavaScript, by the ONNX Runtime inside the package `onnxruntime-node`, which has to be installed. It is loaded when a
 * session starts.
 *
 * @example
 * const policy = onnxPolicy('reach.onnx', {
 *   inputs: { observation: ['q', goal] },
 *   outputs: { action: 'action' },
 * });
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid. A session that starts throws
 * {@link PolicyError} `ONNX_MODEL` if the file is no such model, or `ONNX_RUNTIME` if ONNX Runtime cannot be loaded
 */
export declare function onnxPolicy(
  file: RecordingFile,
  given: OnnxPolicyOptions,
): OnnxPolicy<RobotState, any>;
/** An array that a policy is given, with its shape by {@link shaped}. */
export type InputArray = (
  | Int8Array
  | Uint8Array
  | Uint8ClampedArray
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array
) &
  Shaped;
/** What a policy is given that is no array: what JSON can express, at most 1 MiB of it. */
export type PlainInput =
  | number
  | string
  | boolean
  | null
  | readonly PlainInput[]
  | {
      readonly [name: string]: PlainInput | undefined;
    };
/** Inputs of a policy by their names. `undefined` or `null` removes an input. */
export type InputValues = Readonly<Record<string, InputArray | PlainInput | undefined>>;
/** Options of {@link ModulePolicy.set}. */
export interface SetInputsOptions {
  /**
   * The time to which the inputs belong, for example that of a camera's image, on the clock of {@link Tick.hostTimeS} [s].
   * Default: now.
   */
  readonly hostTimeS?: number;
}
/** The type of the numbers of an array, as numpy names it. */
export type InputDtype =
  | 'int8'
  | 'uint8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'uint64'
  | 'float32'
  | 'float64';
/** The form of an input that is an array. */
export interface InputForm {
  readonly dtype: InputDtype;
  /** How many elements there are in each dimension, as for {@link shaped}. */
  readonly shape: readonly number[];
}
/** What was counted of an input. */
export interface InputStats {
  /** How often it was set. */
  readonly set: number;
  /**
   * How many values a session's policy did not look at before they were overwritten or removed, those that came while it
   * was loaded among them. A value may be counted that the policy looked at in the same moment.
   */
  readonly overwritten: number;
}
type PolicyIn<Export, Args> = Args extends readonly unknown[]
  ? Export extends (...args: never[]) => infer Made
    ? Awaited<Made>
    : never
  : Export;
type FactoryArgs<Export> = Export extends (...args: infer Given) => infer Made
  ? Awaited<Made> extends (...args: never[]) => unknown
    ? Given
    : undefined
  : undefined;
type ObservationOf<P> = P extends (observation: infer Observation, ...rest: never[]) => unknown
  ? Observation
  : never;
type ActionOf<P> = P extends (...args: never[]) => infer Answer ? Awaited<Answer> : never;
interface ModulePolicy<Observation, Action> {
  /** The URL of the module. */
  readonly url: URL;
  /** The name under which the module exports the policy or its factory. */
  readonly exportName: string;
  /** The arguments of the factory; undefined if the export is the policy itself. */
  readonly args: readonly unknown[] | undefined;
  /** The realtime priority of the thread that runs the policy; undefined for none. */
  readonly priority: number | undefined;
  /**
   * Gives the policy inputs beside the robot's state, for example an image and a prompt: what {@link Tick.inputs} has. Of
   * each name the newest value counts. An array is copied into memory that the policy's thread or process shares.
   * `undefined` or `null` removes an input. All sessions that run the policy get the inputs, those that begin later too.
   * Returns at once.
   *
   * The type and the shape of an input are those of its first value; a later value that has others is refused. All values
   * are checked before one is set.
   *
   * @example
   * policy.set({ image: shaped(pixels, [480, 640, 3]), prompt: 'stack the cups' });
   * @throws {OptionTypeError | OptionRangeError} if a name, a value or an option is invalid
   */
  readonly set: (values: InputValues, options?: SetInputsOptions) => void;
  /** What was counted of each input. */
  readonly inputStats: Readonly<Record<string, InputStats>>;
  /** Never set. It tells the compiler what the policy observes and what it answers. */
  readonly types?: (observation: Observation) => Action;
}
interface ModulePolicyOptions<Name, Args> {
  /** The name of the export, in Python of the function. Default `'default'`; in Python there is no default. */
  readonly export?: Name;
  /**
   * The arguments of the export if it is a factory (sync or async) that makes the policy. They are copied to the worker
   * or the process. Without `args` the export is the policy itself.
   */
  readonly args?: Args;
  /**
   * The `SCHED_FIFO` priority of the policy's thread while it answers, 1 to 98, so that busy processes do not make it
   * late. In a process it is the priority of the first thread. `null` leaves the thread to the ordinary scheduler.
   * Default 40. It is lowered if it is not at least three below the loop's priority. A policy that has not answered for
   * `maxHeldTicks` cycles loses the priority until it answers. Threads that the policy starts, for example torch's,
   * have no such priority.
   */
  readonly priority?: number | null;
  /**
   * The types and shapes of inputs that are arrays, by name, as in `{ image: { dtype: 'uint8', shape: [480, 640, 3] } }`.
   * They are then fixed before the first value, and stay so when an input was removed. Default: those of the first value.
   */
  readonly inputs?: Readonly<Record<string, InputForm>>;
  /**
   * How many bytes all inputs may have together, 4096 to 4294967295. Default 64 MiB. What an input once had counts, also
   * after it was removed. A session takes up to three times as much memory as there are inputs.
   */
  readonly maxInputBytes?: number;
}
/** A policy that runs in another process, made by {@link processPolicy}. */
export interface ProcessPolicy<Observation, Action> extends ModulePolicy<Observation, Action> {
  /** The Python interpreter; undefined for the default. */
  readonly python: string | undefined;
  /** Environment variables beside this process's own. */
  readonly env: Readonly<Record<string, string>> | undefined;
  /** The Node that is started; undefined for this program's own. */
  readonly execPath: string | undefined;
  /** Whether the process leads a process group, which ends with it. */
  readonly processGroup: boolean;
}
/** Options of {@link processPolicy}. */
export interface ProcessPolicyOptions<Name extends PropertyKey, Args>
  extends ModulePolicyOptions<Name, Args> {
  /** The Python interpreter. Default: the first that is found, in the order of {@link MpifyOptions.python}. */
  readonly python?: string;
  /** Environment variables beside this process's own. */
  readonly env?: Readonly<Record<string, string>>;
  /**
   * The Node that is started for a Node module, for a program whose own file does not start Node: a single executable,
   * an Electron without `runAsNode`. Default: `process.execPath`.
   */
  readonly execPath?: string;
  /**
   * Whether the process leads a process group. When it ends or is stopped, what it has started ends too: it gets
   * `SIGTERM`, and after a second `SIGKILL`. When this program ends, in whatever way, the group is killed. Signals of the
   * terminal, such as Ctrl+C, do not reach the group. Default false.
   */
  readonly processGroup?: boolean;
}
/**
 * Makes a policy that runs in another process, Node or Python, for a robot that is driven natively, for example a
 * `Franka`. The process starts with the session and loads the module. The session's loop exchanges observations and
 * actions with the process through shared memory, so neither a blocked main thread nor its garbage collection delays
 * the policy. The process ends with the session. If the process dies, the arm is brought to rest and the session ends
 * with `POLICY_CRASHED`.
 *
 * In Python the policy is called as `policy(state, tick)`. `state` has `q` and the other fields of a robot state:
 * numbers and numpy arrays, or memoryviews without numpy. The next cycle updates the arrays in place. `tick` has
 * `tick`, `time_s`, `period_s`, `host_time_s`, `wall_time_s` and `inputs`. The policy returns numbers: a list, a numpy array or a tensor; or `None` if it has
 * nothing new.
 *
 * @example
 * const policy = processPolicy(new URL('./policy.py', import.meta.url), {
 *   export: 'make_policy',
 *   args: ['checkpoint.pt', 'cuda:0'],
 * });
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 */
export declare function processPolicy(
  url: URL,
  options?: ProcessPolicyOptions<string, readonly unknown[]>,
): ProcessPolicy<any, any>;
export declare function processPolicy<
  Module extends object,
  Name extends keyof Module = 'default' extends keyof Module ? 'default' : keyof Module,
  Args extends readonly unknown[] | undefined = FactoryArgs<Module[Name]>,
>(
  url: URL,
  options?: ProcessPolicyOptions<Name, Args>,
): ProcessPolicy<
  ObservationOf<PolicyIn<Module[Name], Args>>,
  ActionOf<PolicyIn<Module[Name], Args>>
>;
/** A policy that runs in a worker, made by {@link workerPolicy}. */
export interface WorkerPolicy<Observation, Action> extends ModulePolicy<Observation, Action> {
  /** Whether the worker keeps a core busy while it waits. */
  readonly spin: boolean;
}
/** Options of {@link workerPolicy}. */
export interface WorkerPolicyOptions<Name extends PropertyKey, Args>
  extends ModulePolicyOptions<Name, Args> {
  /**
   * Whether the worker spins instead of sleeping between ticks. The worker then needs a physical core of its own, which
   * the loop does not use. If there are not two such cores, the session is refused with `OPTION_SPIN`. Threads and
   * processes that the policy starts stay on the worker's core too. A worker that spins has no `priority`. Default
   * false.
   */
  readonly spin?: boolean;
}
/**
 * Makes a policy that runs in a worker thread, for a robot that is driven natively, for example a `Franka`. The module
 * is loaded when a session starts. The worker then waits for the loop inside the addon, so neither a blocked main
 * thread nor its garbage collection delays the policy. The worker ends with the session. The arguments of a factory are
 * copied as by `postMessage`.
 *
 * @example
 * const policy = workerPolicy<typeof import('./policy.js'), 'makePolicy'>(
 *   new URL('./policy.js', import.meta.url),
 *   { export: 'makePolicy', args: [0.5] },
 * );
 * @throws {OptionTypeError} if an option is invalid
 */
export declare function workerPolicy(
  url: URL,
  options?: WorkerPolicyOptions<string, readonly unknown[]>,
): WorkerPolicy<any, any>;
export declare function workerPolicy<
  Module extends object,
  Name extends keyof Module = 'default' extends keyof Module ? 'default' : keyof Module,
  Args extends readonly unknown[] | undefined = FactoryArgs<Module[Name]>,
>(
  url: URL,
  options?: WorkerPolicyOptions<Name, Args>,
): WorkerPolicy<
  ObservationOf<PolicyIn<Module[Name], Args>>,
  ActionOf<PolicyIn<Module[Name], Args>>
>;
type HostedPolicy<Observation, Action> =
  | WorkerPolicy<Observation, Action>
  | ProcessPolicy<Observation, Action>
  | OnnxPolicy<Observation, Action>;
/** A policy in this thread, in a worker, in another process, or an ONNX model. */
export type AnyPolicy<Observation, Action> =
  | Policy<Observation, Action>
  | HostedPolicy<Observation, Action>;
/** An array of numbers with a shape, as models return it: for example a tensor of onnxruntime. */
export interface ActionTensor {
  /** The numbers, row by row. */
  readonly data: ArrayLike<number>;
  /** How many rows there are, and how many numbers a row has. A leading 1 is left out. */
  readonly dims: readonly number[];
}
/** A chunk of actions: what a policy wants from the time of its observation on. */
export interface ActionChunk<Action> {
  /**
   * The actions, one after the other: a list of actions, a flat list of their numbers, or a tensor. The first belongs to
   * the time of the observation, each other one `dtS` after the one before.
   */
  readonly actions: readonly Action[] | ArrayLike<number> | ActionTensor;
  /** The time from one action to the next [s], 0.0001 to 60. */
  readonly dtS: number;
  /**
   * When the observation was made, on the clock of {@link Tick.timeS} [s]. Default: the time of the question. It may be
   * later, up to now, where the policy has observed something newer; it must not be before the observation of the chunk
   * before.
   */
  readonly observedAtS?: number;
}
/** How a chunk takes over from the one before it: temporal ensembling. Made by {@link ensemble}. */
export interface Ensemble {
  /** ACT's `m`. */
  readonly m: number;
}
/** When a policy is asked for the next chunk. */
export type ReplanAt =
  | number
  /** When at most this many actions are left. */
  | {
      readonly steps: number;
    }
  /** At this rate [Hz]. */
  | {
      readonly rateHz: number;
    };
/** Options of {@link chunked}. */
export interface ChunkedOptions {
  /**
   * When the policy is asked for the next chunk: when what is left of the newest one falls to this share of it, 0 to 1,
   * or to a number of actions (`{ steps }`), or at a rate (`{ rateHz }`). One question is open at a time, so a policy
   * that takes longer is asked as soon as it has answered. Default 0.9, which asks again nearly at once; a lower one
   * spares the model and reacts later.
   */
  readonly replanAt?: ReplanAt;
  /**
   * How a chunk takes over from the one before it. `'fade'` (default) fades from the old curve to the new one, over as
   * long as the difference needs to take at most a quarter of the arm's acceleration and jerk. `ensemble(m)` averages
   * the new chunk with what the older ones said about the same times, and fades to the average. `'replace'` takes the
   * new curve at once, and the arm approaches it within its limits.
   */
  readonly merge?: 'fade' | 'replace' | Ensemble;
  /** How many actions a chunk may have, 1 to 4096. Memory for them is kept. Default 256. */
  readonly maxRows?: number;
  /**
   * How far a chunk may be from what is commanded when it takes over: joints, the rotation of a pose and the elbow
   * [rad]. Above 0 to 6.3. A chunk that is further away is refused with `CHUNK_SEAM`. Default 0.1. It does not apply to
   * velocities.
   */
  readonly maxSeamRad?: number;
  /** The same for the translation of a pose [m], above 0 to 2. Default 0.1. */
  readonly maxSeamM?: number;
  /**
   * What happens to a chunk that cannot be played, for example an empty one: `'stop'` (default) ends the session with
   * an {@link InvalidActionError}; `'skip'` leaves it out, counts it as {@link SessionStats.badChunks} and emits
   * `badChunk`. The arm goes on with the chunk before, and the policy is asked again.
   */
  readonly onBadChunk?: 'stop' | 'skip';
  /**
   * Whether each row is a change of the row before it. The first row is a change of what the policy wanted one step
   * before its observation, not of where the arm is: an arm is always a little behind, and changes of its place add up
   * to less than was asked. The change of a pose is itself a pose: its translation is added in the base frame, and its
   * rotation, about the axes of the base frame, turns the pose on the spot. A number for the gripper is never a change.
   * Default false.
   */
  readonly relative?: boolean;
  /**
   * What the policy is told as {@link ChunkTick.executionHorizon}, for real-time chunking: how many actions are to be
   * executed until the next chunk. 1 to 4096. Default 10.
   */
  readonly executionHorizon?: number;
  /**
   * A hand that follows the chunks: each action then has one number more, at its end, for the gripper. In an action
   * that is an object it is the field `gripper`.
   */
  readonly gripper?: GripperOptions;
}
/** How a hand follows the last number of each action of a chunk. */
export interface GripperOptions {
  /** The hand. The loop never waits for it: a command under way is stopped first, and the newest number counts. */
  readonly hand: FrankaHand;
  /**
   * What the number is: `'widthM'`, the opening between the fingers [m], or `'openness'`, from 0 (closed) to 1 (open).
   * A number beyond what the hand can do counts as its end.
   */
  readonly unit: 'widthM' | 'openness';
  /** Whether 1 means closed and 0 open, for `'openness'`. Default false. */
  readonly inverted?: boolean;
  /** The opening at an openness of 1 [m], above 0 to 0.1. Default 0.08, the data sheet's. */
  readonly openWidthM?: number;
  /**
   * By how much the wanted opening has to change until the hand is commanded anew [m], 0 to 0.1. Default 0.005, so that
   * a number that trembles does not stop the hand again and again.
   */
  readonly hysteresisM?: number;
  /**
   * How hard the fingers press when they close [N], above 0 to 140; up to 70 N is allowed continuously (data sheet).
   * Fingers that close grasp whatever they meet. Default 20.
   */
  readonly forceN?: number;
  /** How fast the opening changes [m/s], above 0 to 0.1. Default 0.1. */
  readonly speedMPerS?: number;
}
/** A policy that answers in chunks, made by {@link chunked}. */
export interface ChunkedPolicy<Observation, Action> {
  /** The policy. */
  readonly policy: AnyPolicy<Observation, ActionChunk<Action> | undefined>;
  readonly options: CheckedChunkedOptions;
  /**
   * Begins a new episode in the sessions that run the policy: what is played and what is being computed is thrown away,
   * the arm comes to rest, the `reset()` of the policy inside is called before its next question, and the next chunk
   * begins as the first one did. Returns at once. At the start of a session this happens without a call.
   */
  readonly reset: () => void;
  /** Never set. It tells the compiler what the policy observes and which actions its chunks have. */
  readonly types?: (observation: Observation) => Action;
}
type KnownAction<Action> = unknown extends Action ? any : Action;
interface CheckedChunkedOptions {
  readonly replanAt: ReplanAt;
  readonly merge: 'fade' | 'replace' | Ensemble;
  readonly maxRows: number;
  readonly maxSeamRad: number;
  readonly maxSeamM: number;
  readonly skipsBad: boolean;
  readonly relative: boolean;
  readonly executionHorizon: number;
  readonly gripper: CheckedGripper | undefined;
}
interface CheckedGripper {
  readonly hand: NativeHand;
  readonly rule: NativeGripper;
}
/**
 * Makes a policy of an arm out of one that answers with chunks of actions: a function, or what {@link workerPolicy},
 * {@link processPolicy} or {@link onnxPolicy} returns. The loop plays the chunks at the rate of the arm, and asks for the next one in time.
 * Inference may take as long as it takes.
 *
 * Action `k` of a chunk belongs to the time of its observation and `k dtS`, by the arm's clock: what has passed while
 * the policy computed is left out. The first chunk, and any chunk that was observed at rest and comes at rest, begins
 * with its first action when it comes. When a chunk is over and no other has come, the loop goes on as with any policy
 * that is late ({@link SessionOptions.onLate}).
 *
 * Within a chunk the actions are checked as answers at intervals of `dtS` are.
 *
 * @example
 * const policy = chunked(
 *   async (state) => ({ actions: await model.infer(state.q), dtS: 1 / 30 }),
 *   { merge: ensemble(0.01) },
 * );
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 */
export declare function chunked<Observation = RobotState, Action = unknown>(
  policy: AnyPolicy<Observation, ActionChunk<Action> | undefined>,
  given?: ChunkedOptions,
): ChunkedPolicy<Observation, KnownAction<Action>>;
/**
 * Temporal ensembling, for {@link ChunkedOptions.merge}: the weights of ACT, `exp(-m i)` for the `i`-th chunk that says
 * something about a time, the oldest first (Zhao et al., "Learning Fine-Grained Bimanual Manipulation with Low-Cost
 * Hardware", 2023).
 *
 * @param m from 0 (the mean of all) to 100. Default 0.01, as in ACT
 * @throws {OptionTypeError | OptionRangeError} `OPTION_M`
 */
export declare function ensemble(m?: number): Ensemble;
/**
 * An image in RGB: a `Uint8Array` with the shape `[height, width, 3]`, in rows from the top, or `[3, height, width]`, by
 * {@link shaped}. A shape that may be both counts as the first one.
 */
export type RgbImage = Uint8Array & {
  readonly shape: readonly number[];
};
/** The type of the numbers of an image, as numpy names it. */
export type ImageDtype = 'uint8' | 'float32';
/** Options of {@link resizeImage}. */
export interface ResizeImageOptions<Dtype extends ImageDtype = ImageDtype> {
  /** How many columns the image is to have [px], 1 to 4096. */
  readonly widthPx: number;
  /** How many rows the image is to have [px], 1 to 4096. */
  readonly heightPx: number;
  /**
   * What becomes of an image whose ratio of width to height is another one: `'pad'` shows all of it, in the middle of
   * black; `'crop'` shows its middle; `'stretch'` changes its ratio. Default `'pad'`.
   */
  readonly fit?: 'pad' | 'crop' | 'stretch';
  /** The order of the numbers: `'hwc'` is `[height, width, 3]`, `'chw'` is `[3, height, width]`. Default `'hwc'`. */
  readonly layout?: 'hwc' | 'chw';
  /** The type of the numbers: `'uint8'` from 0 to 255, or `'float32'`, which are from 0 to 1. Default `'uint8'`. */
  readonly dtype?: Dtype;
  /**
   * For `'float32'`: the number becomes `(number - mean) / std`. One for all channels, or one for each, in the order red,
   * green, blue. Default 0. Black that was added is scaled too.
   */
  readonly mean?: number | Numbers<3>;
  /** What `mean` says of it, from 0.000001. Default 1. */
  readonly std?: number | Numbers<3>;
}
/** What {@link resizeImage} returns. */
export type ResizedImage<Dtype extends ImageDtype> = (Dtype extends 'float32'
  ? Float32Array
  : Uint8Array) & {
  readonly shape: readonly number[];
};
/**
 * Makes an image of another size, layout and type out of an image, as a model wants it. The filter is bilinear, and where
 * the image becomes smaller it takes every pixel into account, as Pillow's and torchvision's. With the defaults it does
 * what `resize_with_pad` of openpi's client does. Returns a new array with its shape. Can be called in any thread.
 *
 * @example
 * const seen = resizeImage(shaped(pixels, [480, 640, 3]), { widthPx: 224, heightPx: 224 });
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 */
export declare function resizeImage<Dtype extends ImageDtype = 'uint8'>(
  image: RgbImage,
  options: ResizeImageOptions<Dtype>,
): ResizedImage<Dtype>;
/**
 * Records a value from a policy in a worker or a process, beside the cycles of the session that it runs in, as
 * {@link Session.log} does on the main thread. It may also be called outside the policy's call, on the same thread. It
 * never waits.
 *
 * Returns false if nothing was recorded: the session is not recorded or does not run, too much waits, or this is no
 * thread of such a policy. What was dropped is counted in {@link RecordingReport.lostValues}.
 *
 * @param channel the name of the series, for example `'camera/wrist'`: 1 to 200 letters, digits and `_ - . /`, not
 * beginning with `/`, `.` or `kilohertz/`
 * @param options.timeS the time to which the value belongs, on the clock of {@link Tick.timeS} [s]. Default: the time of
 * the question that the policy is answering
 * @throws {OptionTypeError | OptionRangeError} if the value or the time cannot be recorded
 * @throws {KilohertzError} `RECORD_INVALID_ARGUMENT` if the name cannot be used, or the value is too large
 */
export declare function log(channel: string, value: LogValue, options?: LogOptions): boolean;
/** Options of a {@link StateHistory}. */
export interface StateHistoryOptions {
  /** How long a state is kept [s], above 0 to 60. Default 1. */
  readonly seconds?: number;
  /** How many states are kept at most, 1 to 60,000. Default 1,000 for each second. */
  readonly maxStates?: number;
}
/** A state that was kept. */
export interface AlignedState {
  readonly state: RobotState;
  /** When it came, as {@link Tick.hostTimeS} [s]. */
  readonly hostTimeS: number;
}
/**
 * The states that a policy has seen in the last second. A picture is of the time when the camera took it, and the arm has
 * moved since: {@link StateHistory.alignedTo} gives the state that was there then.
 *
 * @example
 * const history = new StateHistory();
 * const policy = (state: RobotState, tick: Tick) => {
 *   history.add(state, tick);
 *   const seen = history.alignedTo(frame.hostTimeS);
 *   return infer(frame.image, seen?.state ?? state);
 * };
 */
export declare class StateHistory {
  #private;
  /** @throws {OptionTypeError | OptionRangeError} if an option is invalid */
  constructor(given?: StateHistoryOptions);
  /**
   * Keeps a copy of the state of a question. Call it in each question.
   *
   * @throws {OptionTypeError | OptionRangeError} `OPTION_STATE` if it is no {@link RobotState}, `OPTION_TYPE` if the tick
   * is no object, `OPTION_HOST_TIME_S` if its time is no number
   */
  add(state: RobotState, tick: Pick<Tick, 'hostTimeS'>): void;
  /**
   * Returns the kept state that came nearest to a time, which is on the clock of {@link Tick.hostTimeS} [s]; undefined if
   * no state was kept in the last `seconds`. Compare its `hostTimeS` with yours where the difference matters.
   *
   * @throws {OptionTypeError | OptionRangeError} `OPTION_HOST_TIME_S` if the time is no number
   */
  alignedTo(hostTimeS: number): AlignedState | undefined;
}
/** One named range of numbers of a state or a command. */
export interface RecordedField {
  /** The name, for example `q`. */
  readonly name: string;
  /** How many numbers it has. */
  readonly length: number;
  /** The unit of each number, for example `rad`; empty for pure numbers and flags. */
  readonly unit: string;
}
/** What a recording knows of its run from the beginning on. */
export interface RecordedRun {
  /** The fields of a state, in the order of their numbers. */
  readonly state: readonly RecordedField[];
  /** The fields of a command, in the order of their numbers. */
  readonly action: readonly RecordedField[];
  /**
   * The fields of an action of an answer: those of a command, and behind them `gripper` if a hand follows the policy's
   * chunks.
   */
  readonly answer: readonly RecordedField[];
  /** The robot's period [s]. */
  readonly periodS: number;
  /** The clocks of the host when the run began: the monotonic clock, and the wall clock since 1970 [ns]. */
  readonly start: {
    readonly monotonicNs: bigint;
    readonly wallNs: bigint;
  };
  /** The options of the session, as they are in the file: values of JSON. */
  readonly options: unknown;
  /** The model of the robot and its settings, as they are in the file: values of JSON. */
  readonly robot: unknown;
  /** The versions of this package, of Node and of the robot's software, as they are in the file: values of JSON. */
  readonly versions: unknown;
}
/**
 * When the steps of a cycle were done, from the beginning of the cycle [s]. A step that was not done is undefined. A step
 * whose time is not known is undefined too: for a policy in a process it is not known when it took a question and when it
 * gave its answer, and files of older versions have no `behindS`, `tookS`, `gaveS` and `judgedS`.
 */
export interface RecordedPhases {
  /** How much later than at the robot's own time the cycle began [s]. */
  readonly behindS: number | undefined;
  /** The policy was asked. */
  readonly askedS: number | undefined;
  /** The policy took the question of the answer that was received. Negative if that was before this cycle. */
  readonly tookS: number | undefined;
  /** The policy gave that answer. Negative if that was before this cycle. */
  readonly gaveS: number | undefined;
  /** An answer of the policy was received. */
  readonly answeredS: number | undefined;
  /** That answer was judged. */
  readonly judgedS: number | undefined;
  /** The command was decided. */
  readonly decidedS: number | undefined;
  /** The command was handed to the robot. */
  readonly sentS: number | undefined;
}
/** A violation of a limit or an event of the session. */
export interface RecordedNote {
  readonly level: NoteLevel;
  /** A stable name, for example `jointVelocity` or `held`. */
  readonly name: string;
  /** A sentence for people. */
  readonly text: string;
}
/** What a policy that answers in chunks was told with its question. */
export interface RecordedTold {
  /** How long before the question the first action of the newest chunk belongs [s]; undefined if none was played. */
  readonly beganS: number | undefined;
  /** How long the answer would probably take [s]. */
  readonly latencyS: number;
  /** The number of the policy's episode, from 0. */
  readonly episode: number;
}
/** An answer of the policy, as it came and before any limit. */
export interface RecordedAnswer {
  /** The cycle of the question. */
  readonly tick: number;
  /** The robot's time to which the first action belongs [s]: of the question, or of a chunk's `observedAtS`. */
  readonly timeS: number;
  /** The time between two actions of a chunk [s]; 0 for a single action. */
  readonly stepS: number;
  /** The actions, each with the numbers of {@link RecordedRun.answer}: one, or those of a chunk. */
  readonly actions: readonly Float64Array[];
  /** What the policy was told with its question, if it answers in chunks. */
  readonly told: RecordedTold | undefined;
}
/** One cycle of a recorded run. Its arrays are its own: they stay as they are. */
export interface RecordedCycle<State = RobotState> {
  readonly type: 'cycle';
  /** The number of the cycle. */
  readonly tick: number;
  /** The robot's time since the first cycle [s]. */
  readonly robotTimeS: number;
  /** The host's monotonic clock when the cycle began [ns]. */
  readonly monotonicNs: bigint;
  /** The host's wall clock when the cycle began, since 1970 [ns]. */
  readonly wallNs: bigint;
  /** The milliseconds of the robot's clock without a cycle, directly before this one. */
  readonly missedMs: number;
  /** How many cycles directly before this one took place and could not be kept. */
  readonly lostBefore: number;
  /** How the command came about. */
  readonly kind: CommandKind;
  readonly phases: RecordedPhases;
  /** What the robot reported. */
  readonly state: State;
  /** What the robot was commanded: the numbers of {@link RecordedRun.action}. */
  readonly command: Float64Array;
  /** The answer of the policy that came in this cycle, if one did. */
  readonly answer: RecordedAnswer | undefined;
  readonly notes: readonly RecordedNote[];
}
/** What was logged on a channel. */
export type RecordedValue =
  | {
      readonly kind: 'numbers';
      readonly numbers: Float64Array;
    }
  | {
      readonly kind: 'bytes';
      readonly mediaType: string;
      readonly data: Uint8Array;
    }
  | {
      /** The pixels of an image, in rows from the top without gaps. */
      readonly kind: 'pixels';
      readonly width: number;
      readonly height: number;
      readonly encoding: PixelEncoding;
      readonly data: Uint8Array;
    }
  /** The bytes of an image's file; `format` is for example `png`. */
  | {
      readonly kind: 'image';
      readonly format: string;
      readonly data: Uint8Array;
    };
/** What a program logged beside the cycles. */
export interface RecordedSample {
  readonly type: 'sample';
  /** The channel, for example `camera/wrist`. It is a text of the file and not meant as a path. */
  readonly channel: string;
  /** The robot's time that the program gave [s]. */
  readonly timeS: number;
  /** The host's monotonic clock when it was logged [ns]. */
  readonly monotonicNs: bigint;
  readonly value: RecordedValue;
}
/** The beginning or the end of an episode. */
export interface RecordedMark {
  readonly type: 'episode';
  /** The number of the episode in the run, from 0. */
  readonly index: number;
  /** What is to be done in it. */
  readonly task: string;
  /** The robot's time [s]. */
  readonly robotTimeS: number;
  /** The host's monotonic clock [ns]. */
  readonly monotonicNs: bigint;
  /** How the episode ended; undefined at its beginning. */
  readonly ended: EpisodeOutcome | undefined;
}
/** Why the run ended. A file whose writing was cut off does not tell it. */
export interface RecordedEnd {
  readonly type: 'end';
  /** The number of the last cycle; 0 if there was none. */
  readonly tick: number;
  /** The robot's time of the last cycle [s]. */
  readonly robotTimeS: number;
  /** The host's monotonic clock when the last cycle began [ns]. */
  readonly monotonicNs: bigint;
  /**
   * The code of the error that ended the run, for example `ACTION_LIMIT`; undefined if the run was asked to end, or its
   * time was over.
   */
  readonly code: string | undefined;
  /** The message of the error; without an error, who has asked for the end, or that the time was over. */
  readonly message: string;
}
/** What is read from a recording, told apart by `type`. */
export type RecordedEntry<State = RobotState> =
  | RecordedCycle<State>
  | RecordedSample
  | RecordedMark
  | RecordedEnd;
/** An episode of a recording. */
export interface RecordedEpisode {
  /** The number of the episode in the run, from 0. */
  readonly index: number;
  /** What was to be done. */
  readonly task: string;
  /** The robot's time at its beginning [s]. */
  readonly beginS: number;
  /** The robot's time at its end, which does not belong to it [s]; infinite if the recording ends before. */
  readonly endS: number;
  /** How it ended. */
  readonly outcome: EpisodeOutcome;
}
/** Options of {@link plot}. */
export interface PlotOptions {
  /** The robot's time at which the picture begins [s]. Default: the first cycle. */
  readonly fromS?: number;
  /** The robot's time at which the picture ends [s]. Default: the last cycle. */
  readonly toS?: number;
  /** The colours: `'auto'` (default) are those that the reader prefers, `'light'` and `'dark'` are fixed. */
  readonly colors?: 'auto' | 'light' | 'dark';
  /** A file for the page. It must not exist. Default: the page is returned alone. */
  readonly path?: RecordingFile;
}
/**
 * Draws a recording: one page of SVG with joints against commands, torques, how each command came about, answers, the
 * jitter of the cycles, violations and events. Of a file that is still being written it draws what is there. Every
 * extreme of a long run is in the picture.
 *
 * @returns the page, a text of SVG of at most about 1 MB
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 * @throws {KilohertzError} `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER`, `RECORD_DAMAGED`;
 *   `RECORD_INVALID_ARGUMENT` if the picture would end before it begins, or if the recording has no cycle in its time
 */
export declare function plot(file: RecordingFile, options?: PlotOptions): Promise<string>;
/** Options of {@link exportRecording} for a table: a row for each cycle of one recording. */
export interface TableExportOptions {
  /** The format. In CSV numbers are written so that they are read as the same number, and absent values are empty. */
  readonly to: 'csv' | 'parquet';
  /** The file. It must not exist. */
  readonly path: RecordingFile;
  /**
   * The columns: the name of a column (`tick`, `robot_time_s`, `kind`, `state.q[3]`), of a field (`state.q`: all its
   * numbers) or of a group (`state`, `command`, `answer`). Default: all. Of a chunk, `answer` has the first action.
   */
  readonly fields?: readonly string[];
}
/** Options of {@link exportRecording} for a data set of LeRobot, format v3.0: an episode for each recorded one. */
export interface DataSetExportOptions {
  readonly to: 'lerobot';
  /** The folder of the data set. If there is one already, the episodes are added to it. */
  readonly path: RecordingFile;
  /** Frames a second of the robot's time, a whole number from 1 to 10,000. Default 30. */
  readonly fps?: number;
  /**
   * What a frame between two cycles has: what lies on the straight line between both, or what the nearest has. Poses and
   * fields without a unit are those of the nearest cycle in both cases. Default 'linear'.
   */
  readonly resampling?: 'linear' | 'nearest';
  /** What `action` is: what the robot was commanded, or what the policy answered. Default 'commanded'. */
  readonly actions?: 'commanded' | 'answered';
  /** The columns that make up `observation.state`, as in `fields` of a table. Default `['state.q']`. */
  readonly state?: readonly string[];
  /** Channels with numbers, which `observation.state` has after these, for example `gripper/width`. Default none. */
  readonly stateChannels?: readonly string[];
  /** Channels with numbers, which `action` has after the action. Default none. */
  readonly actionChannels?: readonly string[];
  /** The channels of images, for example `camera/wrist`: becomes `observation.images.camera.wrist`. Default none. */
  readonly cameras?: readonly string[];
  /**
   * How images are kept: as PNG in Parquet, exactly; or as videos in H.264, far smaller and not exact. Videos are made by
   * the program `ffmpeg`, which must be on PATH, and need an even width and height. Default 'png'.
   */
  readonly images?: 'png' | 'video';
  /** The task of a run without episodes, which becomes one episode, and of episodes whose task is empty. */
  readonly task?: string;
  /** The outcomes of episodes that are left out. Default `['rerecorded']`. */
  readonly leaveOut?: readonly EpisodeOutcome[];
  /** The type of the robot in the data set. Default: the model in the recording. */
  readonly robotType?: string;
  /**
   * The split that the episodes belong to, by letters, digits and `_ - .`. A split is one range of episodes: add all of
   * `train` before those of `val`. Default 'train'.
   */
  readonly split?: string;
}
/** How far an export has come. */
export interface ExportProgress {
  /** The cycles that were read. */
  readonly cycles: number;
  /** What was read of the files, 0 to 1. */
  readonly share: number;
}
/** What an export is watched and ended with. */
export interface ExportCallOptions {
  /** Called ten times a second, and at the end, with how far the export has come. */
  readonly onProgress?: (progress: ExportProgress) => void;
  /** Stops the export when it aborts. What was written of the recording under way is removed then. */
  readonly signal?: AbortSignal;
}
/** What was exported. */
export interface ExportedRecording {
  /** The rows of the table, or the frames of the data set that were added. */
  readonly rows: number;
  /** Of a data set: the episodes that were added. 0 for a table. */
  readonly episodes: number;
  /** Of a data set: the episodes that were left out, for their outcome or because they have no cycle. */
  readonly leftOutEpisodes: number;
  /** Of a data set: the frames that lie where cycles are missing. */
  readonly framesInGaps: number;
  /** Whether all recordings were finished. False if one was cut off or is still being written. */
  readonly isWhole: boolean;
}
/**
 * Exports recordings, in a thread of its own and a part at a time: an hour at 1 kHz needs no more memory than a minute.
 * A table is made of one recording. A data set is made of one or more, which are added in their order.
 *
 * What is exported gets its name when it is whole. No file is overwritten. If the export of a recording to a data set
 * fails, the data set has none of it; it keeps the recordings before. One export at a time adds to a data set: another
 * one is refused meanwhile.
 *
 * @example
 * await exportRecording('run.mcap', { to: 'parquet', path: 'run.parquet', fields: ['tick', 'state.q'] });
 * await exportRecording(['one.mcap', 'two.mcap'], { to: 'lerobot', path: 'data', fps: 30, task: 'pick' });
 *
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {AbortError} if `signal` aborts
 * @throws {KilohertzError} `RECORD_INVALID_ARGUMENT` if the recording has no such field or channel or does not fit the
 *   data set, `RECORD_BUSY` while another export adds to it, `RECORD_NO_ENCODER` for videos without `ffmpeg`,
 *   `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER`, `RECORD_DAMAGED`
 * @throws what `onProgress` threw
 */
export declare function exportRecording(
  files: RecordingFile | readonly RecordingFile[],
  options: TableExportOptions | DataSetExportOptions,
  call?: ExportCallOptions,
): Promise<ExportedRecording>;
/** What a repair found and did. */
export interface RepairedRecording {
  /** Whether the recording was finished already. It was left as it is then. */
  readonly wasFinished: boolean;
  /** How many cycles it has. */
  readonly cycles: number;
  /** How many bytes of half a record at its end were left out. */
  readonly leftOutBytes: number;
}
/**
 * Gives a recording whose writing was cut off its index and footer, so that readers which need an index open it. The new
 * file is written beside the old one and then takes its name: one of the two has it at any time.
 *
 * @throws {OptionTypeError | OptionRangeError} `OPTION_FILE`
 * @throws {KilohertzError} `RECORD_BUSY` if the file is still being written, `RECORD_DAMAGED` if a part of it is not
 *   what was written, `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER`; the file is left as it is then
 */
export declare function repairRecording(file: RecordingFile): Promise<RepairedRecording>;
/** Options of {@link replay}. */
export interface ReplayOptions {
  /**
   * Called with an error `RECORD_DAMAGED` for each part of the file that is damaged. The iteration then goes on behind
   * that part, or ends if nothing can be read there, as the message says. Without `onDamage` the iteration throws the
   * error. What is before a damaged part is read in both cases.
   */
  readonly onDamage?: (error: KilohertzError) => void;
  /** Ends an iteration when it aborts, with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}
/**
 * A recorded run, for `for await`: its cycles, in their order. Each iteration reads the file from its beginning, a part
 * at a time. The file may still be written: an iteration ends where the file ends at that time.
 */
export declare class Replay<State = RobotState> implements AsyncIterable<RecordedCycle<State>> {
  #private;
  /** {@link replay} calls it. */
  constructor(path: string, options: ReplayOptions);
  /** What the recording knows of its run. Each access reads it from the file. */
  get run(): Promise<RecordedRun>;
  /**
   * Whether the recording was finished, known after an iteration that came to the end. False if it is still being
   * written, or if its writing was cut off; see {@link repairRecording}.
   */
  get isWhole(): boolean | undefined;
  [Symbol.asyncIterator](): AsyncGenerator<RecordedCycle<State>, void, undefined>;
  /**
   * Returns everything that was recorded, in its order: cycles, what was logged, the marks of episodes, and at last why
   * the run ended.
   */
  entries(): AsyncGenerator<RecordedEntry<State>, void, undefined>;
  /** Returns the episodes of the run, in their order. An episode that begins ends the one before it. */
  episodes(): Promise<readonly RecordedEpisode[]>;
  /**
   * Returns why the run ended; undefined if the file does not tell it, because it is still being written, its process
   * was killed, or an older version has written it. Of a damaged file it is what is told behind the damaged part.
   */
  end(): Promise<RecordedEnd | undefined>;
}
/**
 * Reads a recorded run. Nothing is opened until the run or an entry is asked for.
 *
 * The state of a cycle is a {@link RobotState} if the run is one of an arm. For any other robot it is an object with the
 * fields that {@link RecordedRun.state} names: a number for a field of length 1, else a `Float64Array`; the type
 * parameter tells the compiler which. It is not checked.
 *
 * @example
 * for await (const { tick, state, command } of replay('run.mcap')) console.log(tick, state.q, command);
 *
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {KilohertzError} from its methods and the iteration: `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`,
 *   `RECORD_NEWER`, `RECORD_DAMAGED`
 */
export declare function replay<State = RobotState>(
  file: RecordingFile,
  options?: ReplayOptions,
): Replay<State>;
/** Options of {@link replayMotion}. */
export interface ReplayMotionOptions {
  /** The arm. Its `control` is `'jointPosition'`. */
  readonly robot: Franka;
  /** How fast the arm goes, as a share of the recorded speed, 0.05 to 2. Default 1. */
  readonly speed?: number;
  /** The recorded robot's time at which the motion begins [s]. Default: the first cycle. */
  readonly fromS?: number;
  /** The recorded robot's time at which the motion ends [s]. Default: the last cycle. */
  readonly toS?: number;
  /** The speed of the move to the beginning, as that of {@link MoveOptions}. Default 0.2. */
  readonly approachSpeed?: number;
  /** Stops the arm within its limits when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** A file in which the motion is recorded, as {@link SessionOptions.record}. It is checked before the arm moves. */
  readonly record?: RecordingFile;
}
/**
 * Moves an arm along the joints of a recorded run: to the beginning first, then along the way at its recorded pace, and
 * to rest at its end. The way is made smooth, also across cycles that are missing in the recording, and speeding up and
 * slowing down take half a second. A way that needs more than the arm's limits ends as every session does, with
 * `ACTION_LIMIT`; a lower `speed` needs less.
 *
 * The arm does not look where it goes: whatever stood there when the run was recorded has to stand there again.
 *
 * @returns the stats of the session that followed the way
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid; `OPTION_FILE` if the recording is not of an arm
 * with seven joints, or has fewer than two cycles between `fromS` and `toS`
 * @throws {KilohertzError} as {@link replay}, {@link Franka.moveTo} and {@link Session.run}
 */
export declare function replayMotion(
  file: RecordingFile,
  options: ReplayMotionOptions,
): Promise<SessionStats>;
/** What a policy that is run again receives beside the observation. */
export interface RerunTick extends Tick {
  /**
   * How long after the question the recorded answer came, by the robot's clock [s]. A policy in a worker or a process is
   * not told, and its `wallTimeS` counts from now.
   */
  readonly answeredAfterS: number;
}
/**
 * A policy that is run again: a function, what {@link workerPolicy}, {@link processPolicy} or {@link onnxPolicy} returns, or
 * {@link chunked} of one of them.
 */
export type RerunPolicy<Observation> =
  | ((observation: Observation, tick: RerunTick) => unknown)
  | HostedPolicy<Observation, unknown>
  | ChunkedPolicy<Observation, unknown>;
/** Options of {@link rerun}. */
export interface RerunOptions {
  /** Ends the call when it aborts, with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /**
   * How long the policy may take to load, and for each answer [s], above 0 to 3600. Default 60. A function that does not
   * return is not ended: it holds this thread.
   */
  readonly timeoutS?: number;
}
/** A number that differs. */
export interface RerunSlot {
  /** The field, with its index if it has several numbers, for example `q[3]`; of a chunk also `dtS` and `observedAtS`. */
  readonly name: string;
  /** The index of the action in a chunk; 0 for a single action. */
  readonly row: number;
  /** What the policy answered in the recorded run; undefined if it had no such action. */
  readonly recorded: number | undefined;
  /** What the policy answers now; undefined if it has no such action, or nothing new. */
  readonly received: number | undefined;
}
/** The first answer that differs. */
export interface RerunDifference {
  /** The cycle of the question. */
  readonly tick: number;
  /** The time of the question, as the policy is told it [s]. */
  readonly timeS: number;
  /** Every number that differs. */
  readonly slots: readonly RerunSlot[];
}
/** How a policy that was run again compares with the recorded one. */
export interface RerunReport {
  /** How many answers were compared. */
  readonly answers: number;
  /** How many of these differ in at least one bit. */
  readonly differing: number;
  /** How many recorded answers could not be compared, because the state of their question was not kept. */
  readonly withoutState: number;
  /** The first answer that differs; undefined if none does. */
  readonly firstDifference: RerunDifference | undefined;
}
/**
 * Asks a policy the questions of a recorded run again, and compares its answers bit by bit with the recorded ones. The
 * policy receives the recorded observations in their order, with the cycle, `timeS` and `periodS` that it had then, and
 * after how long its answer came. A policy in a worker or a process is loaded there and asked as in a session, one
 * question after the other; it ends with the call. Nothing moves.
 *
 * Only questions whose answer is in the recording are asked. So a policy that keeps something from question to question
 * must not have answered `undefined` in between, if its answers are to be the same. The policy's `reset()` is called
 * where an episode of it began. {@link Tick.chunk} is what it was in the run, with the policy's own last chunk.
 *
 * @example
 * const { firstDifference } = await rerun('run.mcap', policy);
 * if (firstDifference) console.log(firstDifference.tick, firstDifference.slots);
 *
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {PolicyError} `POLICY_THREW` if the policy throws, `POLICY_CRASHED` if its worker or process ends,
 *   `POLICY_UNSETTLED` if it takes longer than `timeoutS`
 * @throws {InvalidActionError} if an answer is not an action, or not a chunk
 * @throws {AbortError} if `signal` aborts
 * @throws {KilohertzError} `RECORD_IO`, `RECORD_EMPTY`, `RECORD_FOREIGN`, `RECORD_NEWER`, `RECORD_DAMAGED`
 */
export declare function rerun<Observation = RobotState>(
  file: RecordingFile,
  policy: RerunPolicy<Observation>,
  options?: RerunOptions,
): Promise<RerunReport>;
/** Options of {@link selftest}. */
export interface SelftestOptions {
  /** Whether the hand is tested too, if one answers. Default true. */
  readonly hand?: boolean;
  /** The speed of the moves between the modes, as that of {@link MoveOptions}, 0.01 to 0.3. Default 0.1. */
  readonly speed?: number;
  /** Brings the arm to rest when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** Called when a step begins and when it has ended. */
  readonly onProgress?: (progress: SelftestProgress) => void;
}
/** How far a selftest has come. */
export interface SelftestProgress {
  /** The name of the step. */
  readonly name: string;
  /** Its number, from 0, and how many steps there are. */
  readonly index: number;
  readonly count: number;
  /** What came of it; undefined while it lasts. */
  readonly step: SelftestStep | undefined;
}
/** What a session of a step measured. */
export interface SelftestFigures {
  readonly cycles: number;
  readonly lateActions: number;
  readonly heldCommands: number;
  readonly restCommands: number;
  /** How late the loop was [s], the median, 99 % and the longest. */
  readonly p50JitterS: number;
  readonly p99JitterS: number;
  readonly maxJitterS: number;
  /** How long the policy's answers and the loop took, 99 % [s]. */
  readonly p99ExecutionS: number;
  /** The smallest share of the last 100 commands that the arm received; undefined of a move. */
  readonly receivedShare: number | undefined;
  /** How far a joint went [rad], and the end effector [m]; undefined of a move. */
  readonly movedRad: number | undefined;
  readonly movedM: number | undefined;
  /** The largest distance of a joint from its command [rad]; undefined of a move. */
  readonly behindRad: number | undefined;
  /** How far from where it should the arm ended, the farthest joint [rad]; undefined of a move. */
  readonly endErrorRad: number | undefined;
}
/** A step of a selftest, and what came of it. */
export interface SelftestStep {
  /** The control mode, or `home`, `moveTo`, `impedance`, `hand homing`, `hand move`. */
  readonly name: string;
  readonly verdict: 'passed' | 'failed' | 'skipped';
  /** Why it failed or was skipped; undefined if it passed. */
  readonly reason: string | undefined;
  /** The code of the error with which it failed. */
  readonly code: string | undefined;
  readonly figures: SelftestFigures | undefined;
}
/** What {@link selftest} found. */
export interface SelftestReport {
  /** `'failed'` if a step failed, or if a step was skipped because of that. */
  readonly verdict: 'passed' | 'failed';
  readonly generation: FrankaGeneration | undefined;
  readonly client: FrankaClient | undefined;
  /** The FCI version. */
  readonly serverVersion: number | undefined;
  readonly steps: readonly SelftestStep[];
}
/**
 * Moves an arm through every control mode, slowly and by a few centimetres, and its hand, and tells what came of each:
 * first to its ready pose, then in each mode away from there and back. The arm needs the space of its way to the ready
 * pose, and 5 cm around it. After a step that failed the others are skipped if the arm is not idle any more.
 *
 * @param address the address of the arm, as for `Franka.connect`
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {AbortError} if {@link SelftestOptions.signal} aborts
 * @throws {SessionInterruptedError} if a signal of the operating system ended it
 */
export declare function selftest(
  address: string,
  options?: SelftestOptions,
): Promise<SelftestReport>;
/** The numbers of an array of numpy. */
export type ServerNumbers =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;
/** An array of a server's answer. */
export interface ServerArray {
  /** The type of its numbers, as numpy names it: for example `<f4`. Numbers of 16 bits are read as numbers of 32. */
  readonly dtype: string;
  /** How many numbers there are in each dimension. */
  readonly shape: readonly number[];
  /** The same as `shape`, so that the array is an {@link ActionTensor}. */
  readonly dims: readonly number[];
  /** The numbers, row by row. */
  readonly data: ServerNumbers;
}
/** An array of finite numbers in a server's answer: an {@link ActionTensor}. */
export interface NumberArray extends ServerArray {
  readonly data: Exclude<ServerArray['data'], BigInt64Array | BigUint64Array>;
}
/** What a policy server has answered. */
export declare class ServerAnswer {
  #private;
  /**
   * The whole answer: texts, numbers, lists, objects, and arrays of numpy as {@link ServerArray}. It comes from the
   * server as it is, and nothing in it was checked.
   */
  readonly value: unknown;
  /**
   * Returns an array of the answer, once it was checked: it must be there, be an array of numbers, have the shape, and all
   * of its numbers must be finite. An error that it throws does not end a session at once: see
   * {@link PolicyServerOptions.maxAwayS}.
   *
   * @param shape how many numbers there are in each dimension; `null` for any number. Leading dimensions of 1 in the
   * answer are left out where there are too many. Default: any shape
   * @example
   * answer.array('actions', [null, 8])
   * @throws {ServerError} `SERVER_ANSWER`
   */
  array(key: string, shape?: readonly (number | null)[]): NumberArray;
}
/** What has happened to a policy server since it was connected to. */
export interface ServerStats {
  /** Whether it is connected to. */
  readonly isConnected: boolean;
  /** How often it was connected to: 1, and 1 for each time that it came back. */
  readonly connects: number;
  /** How many attempts to connect have failed. */
  readonly failedConnects: number;
  /** How often the connection was lost, or was closed because of what came over it. */
  readonly losses: number;
  /** How many questions were sent. */
  readonly questions: number;
  /** How many answers could be used. */
  readonly answers: number;
  /** How many questions had no answer within `timeoutS`. */
  readonly timeouts: number;
  /** How many questions were open when the connection was lost. */
  readonly lostQuestions: number;
  /** How often the server said that it has failed. */
  readonly failures: number;
  /** How many messages could not be read. */
  readonly badFrames: number;
  /** How many answers could be read, and were not what they have to be. */
  readonly badAnswers: number;
}
/** A value that a policy server is told. A typed array becomes an array of numpy, an `ArrayBuffer` bytes. */
export type ServerValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | ArrayBufferView
  | ArrayBuffer
  | readonly ServerValue[]
  | {
      readonly [key: string]: ServerValue;
    };
/** What a policy server is told. */
export type ServerObservation = {
  readonly [key: string]: ServerValue;
};
/** The question that a server has answered. */
export interface ServerQuestion {
  /** The state of the arm at the question. */
  readonly state: RobotState;
  readonly tick: Tick;
}
/** Options of a policy that asks a server, beside those of {@link chunked}. */
export interface PolicyServerOptions<Action = unknown> extends ChunkedOptions {
  /**
   * Returns what the server is told, by its keys. A typed array becomes an array of numpy: `Uint8Array` `uint8`,
   * `Float32Array` `float32`, and so on; {@link shaped} gives it its shape. It is copied at once, so the memory may be
   * used again.
   */
  readonly observe: (
    state: RobotState,
    tick: Tick,
  ) => ServerObservation | Promise<ServerObservation>;
  /**
   * Returns the actions of a chunk for an answer, or `undefined` if there is nothing new. They are as in
   * {@link ActionChunk.actions}.
   */
  readonly actions: (
    answer: ServerAnswer,
    asked: ServerQuestion,
  ) => ActionChunk<Action>['actions'] | undefined;
  /** The time from one action to the next [s], 0.0001 to 60. Models are trained with one: 1/15 for DROID. */
  readonly dtS: number;
  /** Called at the start of each session and of each episode, before its first question. */
  readonly onReset?: () => void | Promise<void>;
  /**
   * How long the server may take for an answer [s], above 0 to 3600. Default 10. The arm is not kept waiting: it plays its
   * chunk to the end and comes to rest. A model that is compiled at its first answer may take longer then: see
   * {@link ServerPolicy.infer}.
   */
  readonly timeoutS?: number;
  /** How long the server may take to be connected to [s], above 0 to 3600. Default 10. */
  readonly connectTimeoutS?: number;
  /**
   * How long the server may be without an answer that can be used until the session ends with a {@link ServerError} [s],
   * from 0. Default 10. Meanwhile the policy has nothing new, so that the arm comes to rest, and the server is asked
   * again. Before the first answer of a session the first fault ends it.
   */
  readonly maxAwayS?: number;
  /** The largest message that is read [bytes], from 1024 to 1 GiB. Default 16 MiB. */
  readonly maxAnswerBytes?: number;
  /**
   * Called with each fault that does not end a session. Default: the first one since the last answer becomes a warning of
   * the process with code `KILOHERTZ_SERVER`.
   */
  readonly onFault?: (error: ServerError) => void;
  /** Ends the attempt to connect when it aborts. */
  readonly signal?: AbortSignal;
}
/** A policy that asks a server, made by {@link openpiPolicy} or {@link gr00tPolicy}. It may run in one session after the other. */
export interface ServerPolicy<Action = unknown>
  extends ChunkedPolicy<RobotState, Action>,
    AsyncDisposable {
  /** The URL of the server, without a user name, a password or a query. */
  readonly url: string;
  /** What the server has told of itself when it was connected to last. */
  readonly metadata: Readonly<Record<string, unknown>>;
  /** What has happened so far. */
  readonly stats: ServerStats;
  /**
   * Asks the server without a session: to warm a model up, or to see what it answers. `timeoutS` replaces that of the
   * policy.
   *
   * @throws {ServerError}
   * @throws {AbortError} if the signal aborts
   */
  infer(observation: ServerObservation, limits?: CallLimits): Promise<ServerAnswer>;
  /** Closes the connection. A session that runs the policy ends with `SERVER_CLOSED` when it asks the next time. */
  close(): Promise<void>;
}
/** Options of {@link droid}. */
export interface DroidOptions {
  /** What the arm is to do, in English. */
  readonly prompt: string | (() => string);
  /** Returns the newest picture of the camera that looks at the arm. The model wants 224 x 224, which it is resized to. */
  readonly exteriorImage: () => RgbImage;
  /** Returns the newest picture of the camera at the wrist, as the other one. */
  readonly wristImage: () => RgbImage;
  /** The hand that the policy sees and moves. Without it the policy is told that it is open. */
  readonly hand?: FrankaHand;
  /** The opening of the hand that counts as open [m], above 0 to 0.1. Default 0.08. */
  readonly openWidthM?: number;
}
/** The options of {@link openpiPolicy} that {@link droid} makes. */
export type DroidMapping = Pick<
  PolicyServerOptions<readonly number[]>,
  'observe' | 'actions' | 'dtS' | 'gripper'
>;
/**
 * Returns the options with which {@link openpiPolicy} speaks to a policy of DROID, as `pi05_droid`. The arm has to be
 * connected with `control: 'jointPosition'` or `'jointTarget'`.
 *
 * The answer, velocities of the joints from -1 to 1, becomes joint positions, from where the arm is commanded to be on.
 * The hand is opened or closed.
 *
 * @example
 * const policy = await openpiPolicy('ws://gpu:8000', droid({
 *   prompt: 'put the cup on the plate',
 *   exteriorImage: () => front,
 *   wristImage: () => wrist,
 *   hand,
 * }));
 * await run(robot, policy, { limits: 'clamp' });
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 */
export declare function droid(given: DroidOptions): DroidMapping;
/** Options of {@link gr00tPolicy}. */
export interface Gr00tOptions<Action = unknown> extends PolicyServerOptions<Action> {
  /** Is sent as `api_token`. Everybody on the way can read it. */
  readonly apiKey?: string;
}
/**
 * Connects to a policy server of GR00T over ZeroMQ's protocol, and makes a policy of it that answers in chunks, as
 * {@link openpiPolicy} does. The metadata is the server's modality configuration; the answer has the actions by their
 * names.
 *
 * @example
 * await using policy = await gr00tPolicy('tcp://gpu:5555', {
 *   observe: ({ q }) => ({
 *     video: { front: shaped(picture, [1, 1, 256, 256, 3]) },
 *     state: { arm: shaped(Float32Array.from(q), [1, 1, 7]) },
 *     language: { task: [['pick up the cube']] },
 *   }),
 *   actions: (answer) => answer.array('arm', [null, 7]),
 *   dtS: 1 / 15,
 * });
 * @param url the address of the server, `tcp://` with a port
 * @throws {ServerError} if it cannot be connected to within `connectTimeoutS`
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {AbortError} if the signal aborts
 */
export declare function gr00tPolicy<Action = unknown>(
  url: string | URL,
  given: Gr00tOptions<Action>,
): Promise<ServerPolicy<KnownAction<Action>>>;
/** Options of {@link openpiPolicy}. */
export interface OpenpiOptions<Action = unknown> extends PolicyServerOptions<Action> {
  /** Is sent as `Authorization: Api-Key …`. Use it with `wss://` only: over `ws://` everybody on the way can read it. */
  readonly apiKey?: string;
  /** Certificates of authorities (PEM) to trust for `wss://`, instead of those that Node knows. */
  readonly ca?: string | readonly string[];
}
/**
 * Connects to a policy server that speaks openpi's protocol, and makes a policy of it that answers in chunks, as
 * {@link chunked} does. A thread of its own keeps the connection and reads the answers. If the connection is lost, it is
 * made again.
 *
 * @example
 * await using policy = await openpiPolicy('ws://gpu:8000', {
 *   observe: ({ q }) => ({ 'observation/state': q, prompt: 'pick up the cube' }),
 *   actions: (answer) => answer.array('actions', [null, 7]),
 *   dtS: 1 / 30,
 * });
 * console.log(policy.metadata);
 * await run(robot, policy);
 * @param url the address of the server, `ws://` or `wss://`
 * @throws {ServerError} if it cannot be connected to within `connectTimeoutS`
 * @throws {OptionTypeError | OptionRangeError} if an argument is invalid
 * @throws {AbortError} if the signal aborts
 */
export declare function openpiPolicy<Action = unknown>(
  url: string | URL,
  given: OpenpiOptions<Action>,
): Promise<ServerPolicy<KnownAction<Action>>>;
/**
 * What most likely made a cycle bad:
 *
 * - `notScheduled`: other programs had the processor
 * - `ownThreads`: other threads of this program had the processor
 * - `garbageCollection`: the thread of the policy collected garbage
 * - `eventLoopBlocked`: something else than the policy kept the event loop of its thread
 * - `policySlow`: the policy itself took long
 * - `pageFault`: memory was used that was not there yet
 * - `networkLate`: the robot's state was late, or lost
 * - `idleState`: a processor woke from an idle state
 * - `steal`: the hypervisor had taken the processor
 * - `unknown`: none of them explains at least half of the time
 */
export type BlameCause =
  | 'notScheduled'
  | 'ownThreads'
  | 'garbageCollection'
  | 'eventLoopBlocked'
  | 'policySlow'
  | 'pageFault'
  | 'networkLate'
  | 'idleState'
  | 'steal'
  | 'unknown';
/** What is blamed for a bad cycle. */
export interface Blame {
  readonly cause: BlameCause;
  /** What speaks for it, in words. */
  readonly evidence: string;
  /** What to do. */
  readonly advice: string;
  /** The check of {@link doctor} that says more: the `id` of its finding. Undefined if there is none. */
  readonly check: string | undefined;
}
/** A cycle that took too long, or cycles in a row for which an answer of the policy was late. */
export interface BadCycle extends Blame {
  /** `'longCycle'`: too long until the next cycle began. `'lateAnswer'`: an answer did not come in time. */
  readonly kind: IncidentKind;
  /** The cycle in which it began. */
  readonly tick: number;
  /** When it began, since the first cycle [s]. */
  readonly timeS: number;
  /** Ticks that were missed, for a long cycle; cycles without an answer in time, for a late answer. */
  readonly cycles: number;
  /** How long it lasted, and how much of that was too long [s]. */
  readonly lastedS: number;
  readonly excessS: number;
  /** How far the next cycle began behind the robot's own time [s]. */
  readonly behindS: number;
  /** The phase that took the most too long. */
  readonly phase: CyclePhase;
  /** How long each phase of it took [s]. */
  readonly phasesS: Readonly<Record<CyclePhase, number>>;
}
/** How often a cause is blamed. */
export interface CauseCount {
  readonly cause: BlameCause;
  readonly count: number;
}
/** Something that happened at a tick. */
export interface TickEvent {
  /** The cycle. */
  readonly tick: number;
}
/** The event of an arm that has been catching up with the policy's actions for too long. */
export interface BehindEvent extends TickEvent {
  /** The largest distance between the arm and the action, in `unit`. */
  readonly distance: number;
  /** The unit of the distance, for example `rad`. */
  readonly unit: string;
  /** The field of the action with this distance, for example `q`. */
  readonly field: string;
  /** The index of the number in this field. */
  readonly index: number;
}
/** The event of a policy that is often late. */
export interface LateEvent extends TickEvent {
  /** The mean time that the late answers took, or the time without an answer if that is longer [s]. */
  readonly tookS: number;
  /** The period at which the policy is asked [s]. */
  readonly periodS: number;
}
/** The event of a chunk that could not be played. */
export interface BadChunkEvent extends TickEvent {
  /** The code of the error with which it would have ended the session. */
  readonly code: ErrorCode;
  /** What is wrong with it. */
  readonly message: string;
}
/** The events of a session, and what listeners receive. */
export interface SessionEvents {
  /** The loop runs. */
  start: [];
  /** The robot is stopped and the loop has ended. */
  stop: [stats: SessionStats];
  /** The loop ended with this error. Emitted after the robot was stopped. */
  error: [error: KilohertzError];
  /** No action came in time; the last command is held. On a busy machine this event is frequent. */
  held: [event: TickEvent];
  /** No action came for too long; the robot is brought to rest. */
  resting: [event: TickEvent];
  /** Actions are used again. */
  resumed: [event: TickEvent];
  /** The arm has been catching up with the policy's actions for `catchUpS`. Emitted once each time this happens. */
  behind: [event: BehindEvent];
  /**
   * More than a tenth of the answers, of at least 20 questions in 2 s, were late. Emitted once, and also as a warning
   * of the process with code `KILOHERTZ_LATE`.
   */
  late: [event: LateEvent];
  /** A chunk of a {@link chunked} policy could not be played, and was left out. Only with `onBadChunk: 'skip'`. */
  badChunk: [event: BadChunkEvent];
  /**
   * The recording could not be written any further, for example because the disk is full. The robot goes on.
   * {@link Session.recording} says what is in the file. Emitted once. If nobody listens, the error becomes a warning of
   * the process.
   */
  recordingFailed: [error: KilohertzError];
}
/** How long a phase took in the cycles that had it. Percentiles are 2 % wide. */
export interface PhaseReport {
  readonly phase: CyclePhase;
  /** How many times it was measured. */
  readonly count: number;
  readonly p50S: number;
  readonly p99S: number;
  readonly maxS: number;
}
/** What the machine did during the whole run. A value is undefined if the system does not tell it. */
export interface MachineReport {
  /** Whether the loop has the realtime priority that was asked for; undefined if none was. */
  readonly isRealtime: boolean | undefined;
  /** How long the loop could have run and waited for a processor [s]. */
  readonly loopWaitedS: number | undefined;
  /** The same of the policy's thread [s]. */
  readonly policyWaitedS: number | undefined;
  /** How often the loop had to give up its processor. */
  readonly loopPreempted: number | undefined;
  /** How long the hypervisor took processors away, all together [s]. */
  readonly stolenS: number | undefined;
  /** The longest wake from an idle state that the loop's processor was in, as the system tells it [s]. */
  readonly idleLatencyS: number | undefined;
  /** For how long some thread of the system waited for a processor [s]. */
  readonly pressureS: number | undefined;
  /** How long other threads of this program ran, and those that ran the longest [s]. */
  readonly ownRanS: number | undefined;
  readonly busiest: readonly {
    readonly name: string;
    readonly ranS: number;
  }[];
  /**
   * How often the policy's thread collected garbage, and for how long [s]. Of a policy in a worker or a process, only what
   * took longer than 0.5 ms.
   */
  readonly garbageCollections: number;
  readonly garbageS: number;
}
/** The values of a {@link SessionReport} as a plain object. */
export type SessionReportDict = Pick<
  SessionReport,
  'stats' | 'badCycles' | 'unexplained' | 'phases' | 'causes' | 'worst' | 'newest' | 'machine'
>;
/**
 * How the cycles of a session went, and why some of them went badly: an immutable value. Times are in seconds.
 * `console.log` prints a summary.
 */
export declare class SessionReport {
  #private;
  readonly stats: SessionStats;
  /** How many bad cycles there were, with late answers in a row as one. */
  readonly badCycles: number;
  /** How many of them nobody looked into, because there were too many at once. */
  readonly unexplained: number;
  /** The phases of a cycle, in their order; those that were never measured are left out. */
  readonly phases: readonly PhaseReport[];
  /** The causes of the bad cycles that are kept, the most frequent first. */
  readonly causes: readonly CauseCount[];
  /** The worst bad cycles, worst first: 16 at the most. */
  readonly worst: readonly BadCycle[];
  /** The newest bad cycles, oldest first: 16 at the most. */
  readonly newest: readonly BadCycle[];
  readonly machine: MachineReport;
  /** Returns all values as a plain object, for `JSON.stringify`. */
  toJSON(): SessionReportDict;
  /** Returns the report as text, on some lines. */
  toString(): string;
  /**
   * Returns the report as a page of SVG: the periods, the phases and the worst cycles. Its colours are those that the
   * reader prefers, light or dark.
   */
  toSvg(): string;
}
/** Options of `session.run` and `run`: how long a session runs. */
export interface RunOptions {
  /**
   * How long the session runs, from the first cycle [s]. Without it the session runs until Ctrl+C, `stop()` or the
   * signal.
   */
  readonly durationS?: number;
  /** Brings the robot to rest when it aborts; the run then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
  /** Shows the run on a page in a browser, whose address is printed. The page ends with the run. Default false. */
  readonly dashboard?: DashboardOptions | boolean;
}
/** A policy that answers with one action, or in chunks of actions. */
export type SessionPolicy<Observation, Action> =
  | AnyPolicy<Observation, Action>
  | ChunkedPolicy<Observation, Action>;
type AnyAction = {} | null | undefined | [] | Readonly<Record<string, []>>;
/**
 * Runs a policy on a robot at a fixed rate, on a thread of its own that JavaScript cannot delay.
 *
 * A session may be started again after it has ended; each start counts from zero. An error that ends the loop is thrown
 * by `run()`, `checkHealth()` and the end of an `await using` block, and emitted as an `error` event. If nothing has
 * received the error by then, it becomes a warning of the process.
 */
export declare class Session<Observation, Action extends AnyAction>
  extends EventEmitter<SessionEvents>
  implements AsyncDisposable
{
  #private;
  /**
   * @param robot a robot written in JavaScript, or a connected `Franka`
   * @param policy a function from an observation and a {@link Tick} to an action, or to a promise of one; or what
   * {@link workerPolicy}, {@link processPolicy}, {@link onnxPolicy}, {@link chunked}, {@link openpiPolicy} or
   * {@link gr00tPolicy} returns
   * @throws {OptionRangeError} if a value is out of range
   * @throws {OptionTypeError} if a value is of the wrong type
   */
  constructor(
    robot: AnyRobot<Observation, Action>,
    policy: SessionPolicy<NoInfer<Observation>, NoInfer<Action>>,
    options?: SessionOptions,
  );
  /** Whether the session is between the call of `start()` and its end. */
  get isRunning(): boolean;
  /** How many cycles were finished since the last start. */
  get stepCount(): number;
  /** The stats of the session since the last start. */
  get stats(): SessionStats;
  /** What the loop thread asked of the operating system, and what it got; undefined before the first cycle. */
  get realtime(): Realtime | undefined;
  /**
   * Returns how the cycles since the last start went, and why some of them went badly. It may be called at any time, and
   * costs more than {@link Session.stats}.
   */
  report(): SessionReport;
  /** Returns a histogram of the jitter, the execution time, the period, or a phase, of all cycles since the last start. */
  histogram(of?: 'jitter' | 'execution' | 'period' | CyclePhase): Histogram;
  /** Returns the records of the ticks since the last call, and removes them. `recordTicks` says how many are kept. */
  takeRecords(): TickRecord[];
  /** What was recorded since the last start; undefined if nothing is recorded. */
  get recording(): RecordingReport | undefined;
  /** What was shown since the last start, and at which address; undefined if the session is not shown. */
  get foxglove(): FoxgloveReport | undefined;
  /**
   * Shows the session on a page in a browser and prints the address of the page. Each start of the session is shown from
   * then on, and the one that runs. The page has a button that stops the arm, which also works while JavaScript is
   * blocked. With {@link ShownOptions.controls} it also moves the arm while no session drives it. A page that this call opens ends with `close()`, with the `await using` block of the session, or with the
   * process.
   *
   * @throws {KilohertzError} `LISTEN_IN_USE` or `LISTEN_REFUSED` if the port cannot be opened
   * @throws {OptionTypeError | OptionRangeError} if an option is invalid
   */
  dashboard(options?: ShownOptions): Promise<Dashboard>;
  /**
   * Records a value beside the cycles, for example an image of a camera, and shows it. Does nothing while the session
   * does not run, and if it is neither recorded nor shown. It never waits for the disk or for a client. Returns false
   * if nothing was taken. A policy in a worker or a process has {@link log}.
   *
   * @param channel the name of the series, for example `'camera/wrist'`: 1 to 200 letters, digits and `_ - . /`, not
   * beginning with `/`, `.` or `kilohertz/`
   * @throws {OptionTypeError | OptionRangeError} if the value or the time cannot be recorded
   * @throws {KilohertzError} `RECORD_INVALID_ARGUMENT` if the name cannot be used, or the value is too large
   */
  log(channel: string, value: LogValue, options?: LogOptions): boolean;
  /**
   * Begins an episode, and ends the one before it if that still goes on. A {@link chunked} policy begins it too: what is
   * played is thrown away, the arm comes to rest, and the policy is reset before its next question. Other policies are
   * reset at the start of a session alone.
   *
   * @throws {SessionStateError} `SESSION_STOPPED` if the session does not run
   */
  episode(options?: EpisodeOptions): Episode;
  /**
   * Resets the robot, waits for the warm-up time and starts the loop. Resolves when the first cycle has begun.
   *
   * @throws {SessionStateError} `SESSION_RUNNING` if the session is already running, `SESSION_STOPPED` if it was
   * stopped before the first cycle
   * @throws {SessionError | RobotError} if the robot cannot be started
   */
  start(): Promise<void>;
  /**
   * Brings the robot to rest and ends the loop. Resolves when the robot is stopped and the loop thread has ended. It
   * may be called in any state and more than once. It does not throw the error that ended the loop;
   * {@link Session.checkHealth} does.
   *
   * @throws {RobotError} `ROBOT_UNSETTLED` if the `stop()` of a robot written in JavaScript has not settled within 2 s:
   * the robot may still move
   */
  stop(): Promise<void>;
  /**
   * Starts the session, runs it, and stops it. Resolves to the final stats.
   *
   * Ctrl+C ends a run without `durationS`: the promise resolves, and the program goes on. In every other case a signal
   * of the operating system makes the run reject, and no motion begins afterwards: see
   * {@link SessionOptions.evenAfterSignal}.
   *
   * @throws {SessionInterruptedError} if a signal of the operating system ended the run
   * @throws {SessionError | RobotError} the first cause, if the loop ended with an error
   * @throws {AbortError} if {@link RunOptions.signal} aborted the run; {@link Session.stats} then has the stats until
   * its end
   */
  run(options?: RunOptions): Promise<SessionStats>;
  /** Throws the error that ended the loop since the last start, if there was one. */
  checkHealth(): void;
  /**
   * Yields the stats at an interval while the session runs, and once more at its end.
   *
   * @param options.intervalS the interval [s], default 1
   */
  snapshots(options?: { intervalS?: number }): AsyncGenerator<SessionStats, void, void>;
  /** Lets the process end while the session runs. The robot is stopped then. */
  unref(): this;
  /** Keeps the process alive while the session runs, which is the default. */
  ref(): this;
  /** Stops the session. Then throws the error that ended the loop, if there was one that `run()` has not thrown. */
  [Symbol.asyncDispose](): Promise<void>;
}
/**
 * Runs `policy` on `robot` and resolves to the stats: the short form of a {@link Session}. It takes the options of the
 * session and those of {@link Session.run}.
 *
 * @throws as the constructor of {@link Session} and {@link Session.run}
 */
export declare function run<Observation, Action extends AnyAction>(
  robot: AnyRobot<Observation, Action>,
  policy: SessionPolicy<NoInfer<Observation>, NoInfer<Action>>,
  options?: SessionOptions & RunOptions,
): Promise<SessionStats>;
/** The end effector at the arm's flange, as it is set in Desk, with libfranka's names. */
export interface SimulatedEndEffector {
  /** The mass of the end effector [kg], 0 to 10. 0 means no end effector. */
  readonly m_ee: number;
  /** The centre of mass of the end effector in the flange frame [m], 3, at most 1 m away. Default 0, 0, 0. */
  readonly F_x_Cee?: ArrayLike<number>;
  /**
   * The inertia of the end effector about its centre of mass [kg m^2]: 3x3, column-major, symmetric, positive definite.
   * No principal moment is larger than the sum of the others. Default: the inertia of a ball of this mass with a radius
   * of 5 cm.
   */
  readonly I_ee?: ArrayLike<number>;
  /** The nominal end effector in the flange frame [m]: 4x4, column-major; at most 1 m away. Default: the flange. */
  readonly F_T_NE?: ArrayLike<number>;
}
/**
 * The noise of the arm's sensors: standard deviations, one for all joints or 7. None has a default, so a sensor that is
 * not named is exact. The noise of two joints, two sensors and two states is independent and normally distributed, up
 * to 6 standard deviations. `theta`, `dtheta`, `dtau_J`, `O_T_EE`, `elbow` and the external wrenches follow from the
 * noisy values. The simulated arm itself, its contacts and its limits use the true values.
 *
 * Franka's data sheet of the Panda names 0.005 N m for torques (RMS); that of the FR3 names none. No source tells the
 * noise of positions and velocities.
 */
export interface SimulatedNoise {
  /** The seed, a whole number from 0: the same seed gives the same noise. Default 0. */
  readonly seed?: number;
  /** Of joint positions [rad], 0 to 0.01. Default 0. */
  readonly q?: number | JointVector;
  /** Of joint velocities [rad/s], 0 to 0.5. Default 0. */
  readonly dq?: number | JointVector;
  /** Of link-side joint torques [N m], 0 to 5. Default 0. */
  readonly tau_J?: number | JointVector;
  /** Of external torques [N m], 0 to 5. Default 0. */
  readonly tau_ext_hat_filtered?: number | JointVector;
}
/** Options of {@link FrankaSimulator.reset}. What is absent is as it was at the start of the simulator. */
export interface SimulatorResetOptions {
  /** Joint positions [rad], 7. */
  readonly q?: JointVector;
  /** The width of an object between the open fingers [m], above 0 to 0.08. */
  readonly objectWidthM?: number;
  /** The seed of the noise, a whole number from 0. */
  readonly seed?: number;
}
/** Options of {@link FrankaSimulator.start}. */
export interface FrankaSimulatorOptions {
  /** The generation of the arm. Default 'fr3'. */
  readonly generation?: FrankaGeneration;
  /** The address to listen on, a loopback address. Default 127.0.0.1. */
  readonly host?: string;
  /** The TCP port. 0 (default) takes a free port. The hand listens on the next port. */
  readonly port?: number;
  /** Whether there is a hand. Default true. */
  readonly hand?: boolean;
  /** The end effector at the arm's flange. Default: the Franka Hand if `hand` is true, else nothing. */
  readonly endEffector?: SimulatedEndEffector;
  /** The width of an object between the fingers of the open hand [m], above 0 to 0.08. Default: no object. */
  readonly objectWidthM?: number;
  /** Joint positions at the start [rad], 7. Default [0, -π/4, 0, -3π/4, 0, π/2, π/4]. */
  readonly q?: JointVector;
  /** Whether the joints have friction. Default true. */
  readonly friction?: boolean;
  /** The noise of the arm's sensors. Default: no noise. */
  readonly noise?: SimulatedNoise;
  /**
   * The model library that a FER serves to clients that ask for one: a path, or a `file:` URL, of a shared object (ELF)
   * for this type of machine, at most 32 MiB. It is read once, at the start. Default: the simulator's own, if it could
   * be built.
   */
  readonly modelLibrary?: string | URL;
  /**
   * Whether the simulator works in lockstep: during a motion it sends the next state when the command for the last
   * state has arrived, instead of by the wall clock. Default false.
   */
  readonly lockstep?: boolean;
  /** How many lost commands in a row end a motion. Default 20, as on a real arm. */
  readonly lostPacketLimit?: number;
}
/** The true motion of the simulated arm. */
export interface JointState {
  /** Joint positions [rad], 7. */
  readonly q: readonly number[];
  /** Joint velocities [rad/s], 7. */
  readonly dq: readonly number[];
  /** Joint accelerations [rad/s^2], 7. */
  readonly ddq: readonly number[];
  /** Link-side joint torques including gravity [N m], 7. */
  readonly tau: readonly number[];
  /** The arm's time since its start [s]. */
  readonly timeS: number;
}
/** The true state of the fingers of the simulated hand. */
export interface FingerState {
  /** The opening between the fingers [m]. */
  readonly widthM: number;
  /** Whether the fingers are moving. */
  readonly isMoving: boolean;
  /** Whether a grasp holds an object of the width that was given to it. */
  readonly isGrasped: boolean;
  /** The force of the fingers on the object that they hold [N]. */
  readonly forceN: number;
  /** The width of the object between the fingers [m]; absent without an object. */
  readonly objectWidthM?: number;
}
/** The counters of a simulator since its start. */
export interface SimulatorCounters {
  /** States that were sent. */
  readonly statesSent: number;
  /** States that a fault dropped. */
  readonly statesDropped: number;
  /** States that a fault delayed. */
  readonly statesDelayed: number;
  /** Commands that arrived. */
  readonly commandsReceived: number;
  /** Commands that arrived too late for their state. */
  readonly commandsLate: number;
  /** Milliseconds of a motion without a command. */
  readonly commandsLost: number;
  /** The largest number of lost commands in a row. */
  readonly longestLostRun: number;
  /** Commands that a fault dropped. */
  readonly commandsDropped: number;
  /** Commands that a fault delayed. */
  readonly commandsDelayed: number;
  /** Faults with `atCycle` that took effect. */
  readonly faultsAtCycles: number;
  /** Faults with `atCycle` that did not take effect, because the motion ended before, or by a reset. */
  readonly faultsMissed: number;
  /** Motions that started. */
  readonly motionsStarted: number;
  /** Motions that ended regularly. */
  readonly motionsFinished: number;
  /** Motions that ended in another way. */
  readonly motionsAborted: number;
  /** Reflexes. */
  readonly reflexes: number;
  /** Milliseconds that the simulator itself missed because it was late. */
  readonly missedTicks: number;
  /** Connections that were accepted. */
  readonly clients: number;
}
/** When a fault takes effect. */
export type FaultTime = {
  /**
   * The cycle of a motion in which the fault takes effect: of the motion that runs, or of the next one if none runs. A
   * motion's cycles are counted as `Tick.tick` and records count them: the first command answers cycle 0, and each cycle
   * is a millisecond of the arm. The state of this cycle is the first that shows the fault, and the command that answers
   * it the first that suffers it. A move of `moveTo` is a motion too. Default: the fault takes effect at once.
   */
  readonly atCycle?: number;
};
/** A fault that is injected into the simulator. */
export type SimulatorFault = (FaultTime & ArmFault) | ConnectionFault;
/** A fault of the arm, at once or in a cycle of a motion. */
export type ArmFault =
  /** The next `count` states, or commands, get lost. */
  | {
      readonly kind: 'dropStates' | 'dropCommands';
      readonly count: number;
    }
  /** The next `count` states, or commands, arrive twice. */
  | {
      readonly kind: 'duplicateStates' | 'duplicateCommands';
      readonly count: number;
    }
  /** Each of `count` states, or commands, is overtaken by the next one. */
  | {
      readonly kind: 'reorderStates' | 'reorderCommands';
      readonly count: number;
    }
  /** The second half of the next `count` states, or commands, is missing. */
  | {
      readonly kind: 'truncateStates' | 'truncateCommands';
      readonly count: number;
    }
  /** The next `count` states have the number of an earlier state, as if they had been delayed for long. */
  | {
      readonly kind: 'oldStates';
      readonly count: number;
    }
  /**
   * The next `count` states have `value` in `field[index]` instead of the true value, as if the arm itself reported it.
   * Fields have libfranka's names. For `time`, `value` is how far the clock is ahead [s]. For `robot_mode`, it is the
   * number of the mode, 0 to 255.
   */
  | {
      readonly kind: 'corruptStates';
      readonly count: number;
      readonly field: string;
      /** Default 0. */
      readonly index?: number;
      /** Any number, also NaN and infinities. */
      readonly value: number;
    }
  /** `count` meaningless datagrams are sent before the next state. */
  | {
      readonly kind: 'noiseDatagrams';
      readonly count: number;
    }
  /** The next `count` states, or commands, are delayed by `byS` [s]. */
  | {
      readonly kind: 'delayStates' | 'delayCommands';
      readonly count: number;
      readonly byS: number;
    }
  /** A reflex, with one of libfranka's error names. Default `joint_reflex`. */
  | {
      readonly kind: 'reflex';
      readonly error?: string;
    }
  /** The user stop is pressed, or released. */
  | {
      readonly kind: 'userStop';
      readonly pressed: boolean;
    }
  /**
   * The guiding buttons at the flange are pressed, or released. Pressing them ends a motion. Until they are released, a
   * `push` moves the arm in the directions that `setGuidingMode` has freed.
   */
  | {
      readonly kind: 'guide';
      readonly pressed: boolean;
    }
  /**
   * A person pushes the joints with these torques [N m], 7, until the next `push`. A positive torque turns its joint
   * forwards. `tau_ext_hat_filtered` shows it with the opposite sign, because it is the torque that the arm applies to
   * the person.
   */
  | {
      readonly kind: 'push';
      readonly torquesNm: JointVector;
    }
  /** The connection is reset. The next client finds the arm in order. */
  | {
      readonly kind: 'resetConnection';
    }
  /** The sockets close, and nothing more is sent. */
  | {
      readonly kind: 'die';
    }
  /** The sockets stay open, and nothing more is sent. */
  | {
      readonly kind: 'freeze';
    };
/** A fault of the next connection, or of the hand. It takes effect at once. */
export type ConnectionFault =
  /** The next connection is refused by a server of this FCI version. */
  | {
      readonly kind: 'rejectConnect';
      readonly version: number;
    }
  /** The answer to the next connection is delayed by `byS` [s]. */
  | {
      readonly kind: 'slowConnect';
      readonly byS: number;
    }
  /** The next connection to the hand is refused by a server of this version. */
  | {
      readonly kind: 'handRejectConnect';
      readonly version: number;
    }
  /** The next command of the hand fails. */
  | {
      readonly kind: 'handFailNext';
    }
  /** The hand obeys and answers no more commands, but goes on sending its states. */
  | {
      readonly kind: 'handDeaf';
    }
  /** The faults `die` and `freeze`, only for the hand. */
  | {
      readonly kind: 'handDie' | 'handFreeze';
    };
/**
 * A simulated Franka arm of either generation. It listens on a loopback address, speaks the arm's protocol over TCP and
 * UDP, and computes the motion of an arm of rigid bodies.
 */
export declare class FrankaSimulator implements AsyncDisposable {
  #private;
  /** `host:port`, for `Franka.connect` and `FrankaHand.connect`. */
  readonly address: string;
  /** The TCP port of the hand, which is the port after the arm's; undefined without a hand. */
  readonly handPort: number | undefined;
  private constructor();
  /**
   * Starts a simulated arm.
   *
   * @throws {KilohertzError} `SIM_ADDRESS`, `SIM_BIND`, `SIM_OPTION`, `SIM_MODEL_LIBRARY` or `SIM_SYSTEM`
   * @throws {OptionRangeError} {@link OptionTypeError} if an option is invalid
   */
  static start(options?: FrankaSimulatorOptions): Promise<FrankaSimulator>;
  /** Returns the true motion of the arm now. */
  joints(): JointState;
  /**
   * Returns the true state of the fingers of the hand now.
   *
   * @throws {KilohertzError} `SIM_OPTION` without a hand
   */
  fingers(): FingerState;
  /**
   * Puts an object between the fingers. It replaces the object that is there.
   *
   * @param widthM the width of the object [m], at most the opening between the fingers
   * @throws {KilohertzError} `SIM_OPTION` if the object does not fit between the fingers
   * @throws {OptionRangeError} {@link OptionTypeError} if the width is invalid
   */
  placeObject(widthM: number): void;
  /** Removes the object between the fingers. */
  removeObject(): void;
  /** Returns the counters since the start. */
  counters(): SimulatorCounters;
  /**
   * Injects a fault, which takes effect from now on, or in the cycle `atCycle` of a motion. Up to 10,000 faults may wait
   * for a cycle; those whose cycle does not come are counted as `faultsMissed`. In lockstep the same program has the
   * same faults in each run.
   *
   * @throws {KilohertzError} `SIM_FAULT`, also if the cycle has passed; or `SIM_STOPPED` after `stop()`
   * @throws {OptionRangeError} {@link OptionTypeError} if the fault is invalid
   */
  inject(fault: SimulatorFault): void;
  /**
   * Puts the arm and the hand back to where an episode begins, without a new connection. The arm stands at `q`; the
   * fingers are open around the object. Reflexes, the user stop, guiding, pushes and all faults are over, also those
   * that wait for a cycle. The noise begins anew. The arm's time and the counters go on, and what clients have set
   * (load, frames, stiffness, collision thresholds) stays.
   *
   * @throws {KilohertzError} `SIM_BUSY` if the arm or the hand is in a motion or the arm recovers; `SIM_OPTION` for
   * a posture or an object that cannot be; `SIM_STOPPED` after `stop()`. Nothing has changed then.
   * @throws {OptionRangeError} {@link OptionTypeError} if an option is invalid
   */
  reset(options?: SimulatorResetOptions): void;
  /**
   * Stops the simulator. Resolves when its threads have ended. It may be called more than once. A session that still
   * drives the simulated arm loses its connection and ends with `FRANKA_CONNECTION_LOST`, so close the arm first.
   */
  stop(): Promise<void>;
  /** Stops the simulator. */
  [Symbol.asyncDispose](): Promise<void>;
}
