// What the server and the page say to each other. Made from crates/kilohertz-dashboard/src/page/protocol.rs by
// `KILOHERTZ_UPDATE_PROTOCOL=1 cargo test -p kilohertz-dashboard protocol`; edit it there.

/** The version of the protocol. */
export const VERSION = 5;
/** The bytes before the fields of a frame. */
export const FRAME_HEADER = 64;
/** The kind of a binary message that is a frame. */
export const FRAME = 1;

/**
 * A field of a frame.
 */
export type FieldInfo = { 
/**
 * The name, as libfranka has it.
 */
name: string, 
/**
 * How many values it has.
 */
length: number, 
/**
 * The unit of the values.
 */
unit: string, };

/**
 * The limits of the joints, each for joints 1 to 7.
 */
export type JointLimits = { 
/**
 * The lowest positions [rad].
 */
lower: Array<number>, 
/**
 * The highest positions [rad].
 */
upper: Array<number>, 
/**
 * The highest speeds [rad/s].
 */
velocity: Array<number>, 
/**
 * The highest torques [N m].
 */
torque: Array<number>, };

/**
 * The box that the end effector stays in, in the base frame.
 */
export type BoxInfo = { 
/**
 * The lowest x, y and z [m].
 */
min: [number, number, number], 
/**
 * The highest x, y and z [m].
 */
max: [number, number, number], };

/**
 * An arm, or another robot, and its session.
 */
export type ArmInfo = { 
/**
 * Its number, which its frames and texts have. A new session of the same robot keeps it.
 */
id: number, 
/**
 * What people call it.
 */
name: string, 
/**
 * The model, `fr3` or `fer`; `None` for another robot, which has no picture and no fields.
 */
model: string | null, 
/**
 * How it is controlled, for example `jointPosition`.
 */
control: string, 
/**
 * The rate of its loop [Hz].
 */
rateHz: number, 
/**
 * The rate at which its policy is asked [Hz].
 */
policyRateHz: number, 
/**
 * True while its session runs.
 */
isRunning: boolean, 
/**
 * True if the page's controls can move it.
 */
hasControls: boolean, 
/**
 * True if its session was started by the controls, and not by the program.
 */
isControlled: boolean, 
/**
 * How many sessions it has had, this one included.
 */
session: number, 
/**
 * The fields of its frames.
 */
fields: Array<FieldInfo>, 
/**
 * What its joints can do; `None` for another robot.
 */
limits: JointLimits | null, 
/**
 * The box of its session, if it has one.
 */
box: BoxInfo | null, };

/**
 * The percentiles of some durations, and the longest [s].
 */
export type SpreadInfo = { 
/**
 * Half of them are no longer.
 */
p50: number, 
/**
 * 95 % of them are no longer.
 */
p95: number, 
/**
 * 99 % of them are no longer.
 */
p99: number, 
/**
 * The longest.
 */
max: number, };

/**
 * A histogram of durations.
 */
export type HistogramInfo = { 
/**
 * The upper edges of the buckets that are not empty [s].
 */
upperS: Array<number>, 
/**
 * How many durations each has.
 */
counts: Array<number>, };

/**
 * What a session has done so far.
 */
export type StatsInfo = { 
/**
 * The counters, by their names in `SessionStats`.
 */
counters: { [key in string]: number }, 
/**
 * The period that the loop aims for [s].
 */
targetPeriodS: number, 
/**
 * The mean period [s].
 */
avgPeriodS: number, 
/**
 * The longest period [s].
 */
longestPeriodS: number, 
/**
 * The jitter of the newest cycles; of a recorded run, of all.
 */
jitter: SpreadInfo, 
/**
 * The execution times of the newest cycles; of a recorded run, of all.
 */
execution: SpreadInfo, 
/**
 * The jitter of the whole run.
 */
jitterHistogram: HistogramInfo, };

/**
 * How serious an event is.
 */
export type LevelInfo = "info" | "warning" | "error";

/**
 * Something that happened in a session.
 */
export type EventInfo = { 
/**
 * How serious it is.
 */
level: LevelInfo, 
/**
 * The name of the event, or the code of the error.
 */
name: string, 
/**
 * What happened, in words. For an error also what to do.
 */
text: string, 
/**
 * The cycle, if there is one.
 */
tick: number | null, 
/**
 * The host's wall time [s].
 */
wallTimeS: number, };

/**
 * A chunk of actions that has come.
 */
export type ChunkInfo = { 
/**
 * The robot's time of its first action [s].
 */
timeS: number, 
/**
 * The time between two actions [s].
 */
stepS: number, 
/**
 * How many numbers an action has.
 */
width: number, 
/**
 * The actions, one after the other: joint positions, or poses as 16 numbers, column-major.
 */
actions: Array<number>, };

/**
 * A chunk of a recorded run, as in `run/0/chunks`.
 */
export type CameInfo = { 
/**
 * When it came, since the first cycle [s].
 */
atS: number, 
/**
 * The chunk.
 */
chunk: ChunkInfo, };

/**
 * What a cycle is one of the worst in.
 */
export type MeasureInfo = "jitter" | "execution" | "answer" | "missed" | "unrecorded";

/**
 * One of the worst cycles of a recorded run.
 */
export type WorstInfo = { 
/**
 * What it is one of the worst in.
 */
measure: MeasureInfo, 
/**
 * The value.
 */
value: number, 
/**
 * The robot's time since the first cycle [s].
 */
timeS: number, 
/**
 * The number of the cycle.
 */
tick: number, };

/**
 * A recorded run.
 */
export type RunInfo = { 
/**
 * Its number, as in `run/0/frames`.
 */
id: number, 
/**
 * The name of the file.
 */
name: string, 
/**
 * The robot, as it is told of a session that runs.
 */
arm: ArmInfo, 
/**
 * The robot's time from the first cycle to the last [s].
 */
durationS: number, 
/**
 * The wall time of the first cycle [s].
 */
wallTimeS: number, 
/**
 * The time between two frames of `run/0/frames` [s].
 */
stepS: number, 
/**
 * How many frames there are.
 */
frames: number, 
/**
 * What the run has done.
 */
stats: StatsInfo, 
/**
 * Its worst cycles, of each measure the worst first.
 */
worst: Array<WorstInfo>, 
/**
 * What happened. Of the times, those since the first cycle are in `tick`, in cycles.
 */
events: Array<EventInfo>, 
/**
 * Why the run ended, with the code of its error as the name, or `ended` if it was asked to or its time was over;
 * `None` if the file does not tell it.
 */
end: EventInfo | null, 
/**
 * What was missing when the file was read, in words.
 */
damage: string | null, };

/**
 * How long a phase of a session's cycles took.
 */
export type PhaseInfo = { 
/**
 * The name of the phase.
 */
phase: string, 
/**
 * How many times it was measured.
 */
count: number, 
/**
 * Half of the times it took no longer [s].
 */
p50S: number, 
/**
 * 99 % of the times it took no longer [s].
 */
p99S: number, 
/**
 * The longest [s].
 */
maxS: number, };

/**
 * A cycle that took too long, or cycles in a row for which an answer of the policy was late.
 */
export type BadCycleInfo = { 
/**
 * True if an answer was late; else it took too long until the next cycle began.
 */
isLateAnswer: boolean, 
/**
 * The cycle in which it began.
 */
tick: number, 
/**
 * When it began, since the first cycle [s].
 */
timeS: number, 
/**
 * Cycles without an answer in time, or ticks that were missed.
 */
cycles: number, 
/**
 * How long it lasted [s].
 */
lastedS: number, 
/**
 * How much of that was too long [s].
 */
excessS: number, 
/**
 * The phase that took the most too long.
 */
phase: string, 
/**
 * The name of the likeliest cause.
 */
cause: string, 
/**
 * The likeliest cause in words.
 */
causeText: string, 
/**
 * What speaks for it.
 */
evidence: string, 
/**
 * What to do.
 */
advice: string, 
/**
 * The check of `kilohertz doctor` that says more.
 */
check: string | null, };

/**
 * How the cycles of a session went, and why some of them went badly.
 */
export type ReportInfo = { 
/**
 * Which session of the arm it is about. The server sets it.
 */
session: number, 
/**
 * True if that session is over; else it goes on.
 */
isOver: boolean, 
/**
 * How many cycles there were.
 */
iterations: number, 
/**
 * How many ticks were missed.
 */
missedTicks: number, 
/**
 * How many answers of the policy were late.
 */
lateActions: number, 
/**
 * How many cycles were bad, with late answers in a row as one.
 */
badCycles: number, 
/**
 * How many of them nobody looked into, because there were too many at once.
 */
unexplained: number, 
/**
 * The phases that were measured, in their order.
 */
phases: Array<PhaseInfo>, 
/**
 * The worst bad cycles, worst first.
 */
worst: Array<BadCycleInfo>, };

/**
 * What may be asked of an arm beside a stop.
 */
export type PageCommand = "recover" | "home" | "openHand" | "closeHand";

/**
 * What the server says.
 */
export type Told = { "type": "hello", 
/**
 * The version of the protocol.
 */
version: number, 
/**
 * The version of the package.
 */
package: string, 
/**
 * True if this page may hold the controls.
 */
hasControls: boolean, 
/**
 * The arms.
 */
arms: Array<ArmInfo>, 
/**
 * The recorded runs.
 */
runs: Array<RunInfo>, 
/**
 * How many robots of earlier sessions are not shown any more.
 */
forgotten: number, } | { "type": "gone", 
/**
 * The arm.
 */
arm: number, 
/**
 * How many are not shown any more.
 */
forgotten: number, } | { "type": "arm", 
/**
 * The arm.
 */
arm: ArmInfo, } | { "type": "stats", 
/**
 * The arm.
 */
arm: number, 
/**
 * What it has done.
 */
stats: StatsInfo, } | { "type": "event", 
/**
 * The arm.
 */
arm: number, 
/**
 * What happened.
 */
event: EventInfo, } | { "type": "leftOut", 
/**
 * How many.
 */
events: number, } | { "type": "chunk", 
/**
 * The arm.
 */
arm: number, 
/**
 * The chunk.
 */
chunk: ChunkInfo, } | { "type": "report", 
/**
 * The arm.
 */
arm: number, 
/**
 * The report.
 */
report: ReportInfo, } | { "type": "holder", 
/**
 * True if it is the page that is told.
 */
isYou: boolean, 
/**
 * True if it is another page.
 */
isTaken: boolean, } | { "type": "beat", 
/**
 * The number that the page answers with.
 */
beat: number, } | { "type": "stopping", 
/**
 * The number of the stop.
 */
number: number, 
/**
 * How many sessions and moves were asked to end, those included that were about to begin.
 */
asked: number, } | { "type": "stopped", 
/**
 * The number of the stop.
 */
number: number, } | { "type": "refused", 
/**
 * Why, in words.
 */
text: string, };

/**
 * What the page says.
 */
export type Asked = { "type": "stop", 
/**
 * The arm.
 */
arm: number | null, 
/**
 * The number that `stopping` and `stopped` answer with. A stop that is not answered is asked for again.
 */
number: number, } | { "type": "hold" } | { "type": "release" } | { "type": "alive", 
/**
 * The number of the beat that is answered.
 */
beat: number, } | { "type": "do", 
/**
 * The arm.
 */
arm: number, 
/**
 * What is to be done.
 */
control: PageCommand, } | { "type": "jog", 
/**
 * The arm.
 */
arm: number, 
/**
 * The joint, from 0.
 */
joint: number, 
/**
 * The direction, -1 or 1; 0 ends it.
 */
direction: number, 
/**
 * The number of the newest beat.
 */
beat: number, };
