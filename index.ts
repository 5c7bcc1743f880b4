export {
  type BenchMethod,
  type BenchOptions,
  type BenchProgress,
  type BenchReport,
  type BenchRow,
  bench,
} from './lib/bench/bench.ts';
export type { BenchLoad } from './lib/bench/loads.ts';
export type {
  ControlsOptions,
  Dashboard,
  DashboardOptions,
  ShownOptions,
} from './lib/dashboard/dashboard.ts';
export { view } from './lib/dashboard/view.ts';
export { type DoctorOptions, type DoctorReport, doctor } from './lib/doctor/doctor.ts';
export type { DoctorFinding, DoctorVerdict } from './lib/doctor/findings.ts';
export {
  type DoctorFile,
  type FixedFile,
  type FixOptions,
  fixMachine,
} from './lib/doctor/fix.ts';
export type { ErrorCode, KilohertzErrorCode, OptionErrorCode } from './lib/errors/codes.ts';
export { type ErrorClass, registerErrorClass } from './lib/errors/error-class.ts';
export {
  AbortError,
  type AnyKilohertzError,
  InvalidActionError,
  isKilohertzError,
  KilohertzError,
  type NotArrived,
  OffloadError,
  OptionRangeError,
  OptionTypeError,
  type PastState,
  PolicyError,
  PolicyLateError,
  RobotError,
  ServerError,
  SessionError,
  type SessionErrorDetails,
  SessionInterruptedError,
  SessionStateError,
} from './lib/errors/errors.ts';
export type { AnyImpedance, FrankaAction } from './lib/franka/action.ts';
export type {
  CollisionBehavior,
  CollisionThresholds,
  FrankaFilters,
  GuidingMode,
  Load,
  SettingOptions,
} from './lib/franka/configuration.ts';
export { Franka, type FrankaOptions } from './lib/franka/franka.ts';
export {
  FrankaHand,
  type FrankaHandOptions,
  type HandGraspOptions,
  type HandHomingOptions,
  type HandMoveOptions,
  type HandState,
} from './lib/franka/hand.ts';
export type { ImpedanceLaw } from './lib/franka/impedance.ts';
export { FrankaModel, type FrankaPosture } from './lib/franka/model.ts';
export type { HomeOptions, MoveOptions, MoveProgress } from './lib/franka/move-to.ts';
export { type Pose, type PoseLike, poseOf } from './lib/franka/pose.ts';
export type { RobotStates, StatesOptions } from './lib/franka/state-stream.ts';
export type {
  CommandKind,
  CyclePhase,
  EpisodeOutcome,
  FrankaClient,
  FrankaControl,
  FrankaFrame,
  FrankaGeneration,
  FrankaImpedance,
  IncidentKind,
  NoteLevel,
  PixelEncoding,
  RobotMode,
} from './lib/native/contract.ts';
export { RobotState } from './lib/native/robot-state.ts';
export type { JointVector, Numbers } from './lib/numbers.ts';
export {
  type AsyncCall,
  type Asyncified,
  type AsyncifiedExport,
  asyncify,
} from './lib/offload/asyncify.ts';
export type { CallLimits } from './lib/offload/call-limits.ts';
export { shaped } from './lib/offload/codec/shape.ts';
export {
  type FunctionNames,
  InferenceThread,
  type InferenceThreadOptions,
  type Wrapped,
} from './lib/offload/inference-thread.ts';
export { type Mpify, type MpifyCall, type MpifyOptions, mpify } from './lib/offload/mpify.ts';
export { configurePool, type PoolOptions, type PoolStats, poolStats } from './lib/offload/pool.ts';
export type {
  ProcessProxy,
  ProxyControl,
  RemoteAnswer,
  RemoteMethod,
} from './lib/offload/process-proxy.ts';
export { transfer } from './lib/offload/transfer.ts';
export type { AnyPolicy } from './lib/policy/any-policy.ts';
export {
  type ActionChunk,
  type ActionTensor,
  type ChunkedOptions,
  type ChunkedPolicy,
  chunked,
  type Ensemble,
  ensemble,
  type GripperOptions,
  type ReplanAt,
} from './lib/policy/chunked.ts';
export {
  type ImageDtype,
  type ResizedImage,
  type ResizeImageOptions,
  type RgbImage,
  resizeImage,
} from './lib/policy/image.ts';
export type {
  InputArray,
  InputDtype,
  InputForm,
  InputStats,
  InputValues,
  PlainInput,
  SetInputsOptions,
} from './lib/policy/inputs.ts';
export { log } from './lib/policy/log.ts';
export {
  type Affine,
  type FeatureStatistics,
  type Normalization,
  type NormalizationMode,
  normalization,
  readStatistics,
} from './lib/policy/normalization.ts';
export {
  type OnnxInput,
  type OnnxOutput,
  type OnnxPart,
  type OnnxPolicy,
  type OnnxPolicyOptions,
  onnxPolicy,
  type StateField,
} from './lib/policy/onnx-policy.ts';
export {
  type ProcessPolicy,
  type ProcessPolicyOptions,
  processPolicy,
} from './lib/policy/process-policy.ts';
export {
  type AlignedState,
  StateHistory,
  type StateHistoryOptions,
} from './lib/policy/state-history.ts';
export {
  type WorkerPolicy,
  type WorkerPolicyOptions,
  workerPolicy,
} from './lib/policy/worker-policy.ts';
export { type PlotOptions, plot } from './lib/record/drawing.ts';
export type {
  RecordedAnswer,
  RecordedCycle,
  RecordedEnd,
  RecordedEntry,
  RecordedEpisode,
  RecordedField,
  RecordedMark,
  RecordedNote,
  RecordedPhases,
  RecordedRun,
  RecordedSample,
  RecordedTold,
  RecordedValue,
} from './lib/record/entries.ts';
export {
  type DataSetExportOptions,
  type ExportCallOptions,
  type ExportedRecording,
  type ExportProgress,
  exportRecording,
  type TableExportOptions,
} from './lib/record/exporting.ts';
export type { RecordingFile } from './lib/record/file.ts';
export { type RepairedRecording, repairRecording } from './lib/record/repairing.ts';
export { type Replay, type ReplayOptions, replay } from './lib/record/replay.ts';
export { type ReplayMotionOptions, replayMotion } from './lib/record/replay-motion.ts';
export {
  type RerunDifference,
  type RerunOptions,
  type RerunPolicy,
  type RerunReport,
  type RerunSlot,
  type RerunTick,
  rerun,
} from './lib/record/rerun.ts';
export {
  type SelftestFigures,
  type SelftestOptions,
  type SelftestProgress,
  type SelftestReport,
  type SelftestStep,
  selftest,
} from './lib/selftest/selftest.ts';
export type { NumberArray, ServerAnswer } from './lib/servers/answer.ts';
export type { ServerArray, ServerNumbers } from './lib/servers/arrays.ts';
export type { ServerStats } from './lib/servers/connection.ts';
export { type DroidMapping, type DroidOptions, droid } from './lib/servers/droid.ts';
export { type Gr00tOptions, gr00tPolicy } from './lib/servers/gr00t.ts';
export { type OpenpiOptions, openpiPolicy } from './lib/servers/openpi.ts';
export type {
  PolicyServerOptions,
  ServerObservation,
  ServerPolicy,
  ServerQuestion,
  ServerValue,
} from './lib/servers/policy-server.ts';
export type { BadCycle, CauseCount } from './lib/session/bad-cycles.ts';
export type { Blame, BlameCause } from './lib/session/blame.ts';
export type {
  BadChunkEvent,
  BehindEvent,
  LateEvent,
  SessionEvents,
  TickEvent,
} from './lib/session/events.ts';
export type { FoxgloveOptions, FoxgloveReport } from './lib/session/foxglove.ts';
export type { LatencyRange, LockstepOptions } from './lib/session/lockstep.ts';
export type {
  CartesianBox,
  LimitOptions,
  OnLate,
  OnLateHold,
  SessionOptions,
  TargetBudget,
} from './lib/session/options.ts';
export type { PhaseReport } from './lib/session/phase-report.ts';
export type {
  AwakeCores,
  Grant,
  PolicyGrant,
  Realtime,
  RealtimeOptions,
} from './lib/session/realtime.ts';
export type {
  BlackBoxOptions,
  Episode,
  EpisodeOptions,
  FileImage,
  LogOptions,
  LogValue,
  PixelImage,
  RecordFolder,
  RecordingReport,
} from './lib/session/recording.ts';
export type { Histogram, TickRecord } from './lib/session/records.ts';
export {
  type MachineReport,
  SessionReport,
  type SessionReportDict,
} from './lib/session/report.ts';
export type {
  AnyRobot,
  Input,
  NativeLink,
  NativeRobot,
  Policy,
  Robot,
  Tick,
} from './lib/session/robot.ts';
export {
  type RunOptions,
  run,
  Session,
  type SessionPolicy,
} from './lib/session/session.ts';
export { SessionStats, type SessionStatsDict } from './lib/session/stats.ts';
export type { OnViolation } from './lib/session/violation.ts';
export {
  type ArmFault,
  type ConnectionFault,
  type FaultTime,
  type FingerState,
  FrankaSimulator,
  type FrankaSimulatorOptions,
  type JointState,
  type SimulatedEndEffector,
  type SimulatedNoise,
  type SimulatorCounters,
  type SimulatorFault,
  type SimulatorResetOptions,
} from './lib/simulator/simulator.ts';
