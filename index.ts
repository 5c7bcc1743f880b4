export {
  InvalidActionError,
  KilohertzError,
  OptionRangeError,
  OptionTypeError,
  type PastState,
  PolicyError,
  PolicyLateError,
  RobotError,
  SessionError,
  type SessionErrorDetails,
  SessionStateError,
} from './lib/errors.ts';
export { Franka, type FrankaControl, type FrankaOptions, type JointVector } from './lib/franka.ts';
export type {
  LimitOptions,
  RealtimeOptions,
  SessionOptions,
  TargetBudget,
} from './lib/options.ts';
export type { Grant, Realtime } from './lib/realtime.ts';
export type { CommandKind, Histogram, TickRecord } from './lib/records.ts';
export type { NativeLink, NativeRobot, Policy, Robot, Tick } from './lib/robot.ts';
export { type RobotMode, RobotState } from './lib/robot-state.ts';
export {
  type AnyPolicy,
  type AnyRobot,
  type RunOptions,
  run,
  Session,
  type SessionEvents,
  type TickEvent,
} from './lib/session.ts';
export {
  FrankaSimulator,
  type FrankaSimulatorOptions,
  type JointState,
  type SimulatorCounters,
  type SimulatorFault,
} from './lib/simulator.ts';
export { SessionStats, type SessionStatsDict } from './lib/stats.ts';
export type { OnViolation } from './lib/violation.ts';
export { type WorkerPolicy, type WorkerPolicyOptions, workerPolicy } from './lib/worker-policy.ts';
