export {
  type AsyncCall,
  type Asyncified,
  type AsyncifiedExport,
  asyncify,
} from './lib/asyncify.ts';
export type { CallLimits } from './lib/call-limits.ts';
export type {
  CollisionBehavior,
  CollisionThresholds,
  FrankaFilters,
  GuidingMode,
  Load,
  SettingOptions,
} from './lib/configuration.ts';
export type { FrankaControl } from './lib/control.ts';
export {
  InvalidActionError,
  KilohertzError,
  type NotArrived,
  OffloadError,
  OptionRangeError,
  OptionTypeError,
  type PastState,
  PolicyError,
  PolicyLateError,
  RobotError,
  SessionError,
  type SessionErrorDetails,
  SessionInterruptedError,
  SessionStateError,
} from './lib/errors.ts';
export {
  Franka,
  type FrankaClient,
  type FrankaOptions,
  type JointVector,
} from './lib/franka.ts';
export type { FrankaGeneration } from './lib/generation.ts';
export {
  FrankaHand,
  type FrankaHandOptions,
  type HandGraspOptions,
  type HandHomingOptions,
  type HandMoveOptions,
  type HandState,
} from './lib/hand.ts';
export type { FrankaImpedance, ImpedanceLaw } from './lib/impedance.ts';
export {
  type FunctionNames,
  InferenceThread,
  type InferenceThreadOptions,
  type Wrapped,
} from './lib/inference-thread.ts';
export { type FrankaFrame, FrankaModel, type FrankaPosture } from './lib/model.ts';
export type { MoveOptions, MoveProgress } from './lib/move-to.ts';
export { type Mpify, type MpifyCall, type MpifyOptions, mpify } from './lib/mpify.ts';
export type {
  CartesianBox,
  LimitOptions,
  SessionOptions,
  TargetBudget,
} from './lib/options.ts';
export {
  type ProcessPolicy,
  type ProcessPolicyOptions,
  processPolicy,
} from './lib/process-policy.ts';
export type {
  ProcessProxy,
  ProxyControl,
  RemoteAnswer,
  RemoteMethod,
} from './lib/process-proxy.ts';
export type { AwakeCores, Grant, PolicyGrant, Realtime, RealtimeOptions } from './lib/realtime.ts';
export type { CommandKind, Histogram, TickRecord } from './lib/records.ts';
export type { NativeLink, NativeRobot, Policy, Robot, Tick } from './lib/robot.ts';
export { type RobotMode, RobotState } from './lib/robot-state.ts';
export {
  type AnyPolicy,
  type AnyRobot,
  type BehindEvent,
  type LateEvent,
  type RunOptions,
  run,
  Session,
  type SessionEvents,
  type TickEvent,
} from './lib/session.ts';
export { shaped } from './lib/shape.ts';
export {
  type FingerState,
  FrankaSimulator,
  type FrankaSimulatorOptions,
  type JointState,
  type SimulatorCounters,
  type SimulatorFault,
} from './lib/simulator.ts';
export type { RobotStates, StatesOptions } from './lib/states.ts';
export { SessionStats, type SessionStatsDict } from './lib/stats.ts';
export { transfer } from './lib/transfer.ts';
export type { OnViolation } from './lib/violation.ts';
export { type WorkerPolicy, type WorkerPolicyOptions, workerPolicy } from './lib/worker-policy.ts';
