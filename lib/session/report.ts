import { braces, inspectAs, timeText } from '../errors/inspection.ts';
import type { NativeEvidence, NativeReport } from '../native/binding.ts';
import { type CyclePhase, PHASES } from '../native/contract.ts';
import { type BadCycle, blamed, type CauseCount, counted } from './bad-cycles.ts';
import { type PhaseReport, spreadOf } from './phase-report.ts';
import type { Realtime } from './realtime.ts';
import type { Histogram } from './records.ts';
import { drawn } from './report-svg.ts';
import type { SessionStats } from './stats.ts';

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
  readonly busiest: readonly { readonly name: string; readonly ranS: number }[];
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
export class SessionReport {
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
  readonly #period: Histogram;

  /** @internal */
  constructor(values: SessionReportDict, period: Histogram) {
    this.stats = values.stats;
    this.badCycles = values.badCycles;
    this.unexplained = values.unexplained;
    this.phases = values.phases;
    this.causes = values.causes;
    this.worst = values.worst;
    this.newest = values.newest;
    this.machine = values.machine;
    this.#period = period;
    Object.freeze(this);
  }

  /** Returns all values as a plain object, for `JSON.stringify`. */
  toJSON(): SessionReportDict {
    return { ...this };
  }

  /** Returns the report as text, on some lines. */
  toString(): string {
    return lines(this).join('\n');
  }

  /**
   * Returns the report as a page of SVG: the periods, the phases and the worst cycles. Its colours are those that the
   * reader prefers, light or dark.
   */
  toSvg(): string {
    return drawn(this, this.#period);
  }
}

inspectAs(
  SessionReport,
  (report) => braces('SessionReport', lines(report)),
  (report) => `SessionReport of ${report.stats.iterations} cycles`,
);

/** What a report is made from. */
export interface Reported {
  readonly stats: SessionStats;
  readonly native: NativeReport | undefined;
  readonly realtime: Realtime | undefined;
  readonly hasNetwork: boolean;
  /** Returns the histogram of a phase, or of the periods. */
  readonly histogram: (of: CyclePhase | 'period') => Histogram;
}

/** Makes a report. */
export function reportOf(reported: Reported): SessionReport {
  const { stats, native, realtime, histogram } = reported;
  const phases = PHASES.map((phase) => spreadOf(phase, histogram(phase)));
  const bad = blamed(reported);
  const values = {
    stats,
    badCycles: native?.incidents ?? 0,
    unexplained: native?.lostIncidents ?? 0,
    phases: phases.filter(({ count }) => count > 0),
    causes: counted([...bad.worst, ...bad.newest]),
    ...bad,
    machine: machineOf(native, realtime),
  };
  return new SessionReport(values, histogram('period'));
}

function machineOf(
  native: NativeReport | undefined,
  realtime: Realtime | undefined,
): MachineReport {
  const run: Partial<NativeEvidence> = native?.run ?? {};
  const priority = realtime?.priority;
  return {
    isRealtime: priority?.asked === undefined ? undefined : priority.granted,
    loopWaitedS: run.ofLoop?.waitedS,
    policyWaitedS: run.ofPolicy?.waitedS,
    loopPreempted: run.ofLoop?.involuntary,
    stolenS: run.stolenS,
    idleLatencyS: run.idleLatencyS,
    pressureS: run.pressureS,
    ownRanS: run.ownRanS,
    busiest: run.busiest ?? [],
    garbageCollections: native?.pauses ?? 0,
    garbageS: run.pausedS ?? 0,
  };
}

/** How many of the worst cycles the text has. */
const TOLD = 5;

function lines(report: SessionReport): readonly string[] {
  const { stats, badCycles, unexplained, phases, causes, worst, machine } = report;
  const missed = `missedTicks ${stats.missedTicks}, lateActions ${stats.lateActions}`;
  const lost = unexplained > 0 ? `, ${unexplained} of them not looked into` : '';
  const spread = phases.map(
    ({ phase, p50S, p99S, maxS }) =>
      `${phase.padEnd(8)} p50 ${timeText(p50S)}, p99 ${timeText(p99S)}, max ${timeText(maxS)}`,
  );
  const named = causes.map(({ cause, count }) => `${cause} ${count}`).join(', ');
  return [
    `iterations ${stats.iterations}, ${missed}, badCycles ${badCycles}${lost}`,
    ...spread,
    `causes ${named || 'none'}`,
    ...worst.slice(0, TOLD).flatMap(told),
    ...machineLines(machine),
  ];
}

/** Returns a bad cycle as text. */
function told(cycle: BadCycle): readonly string[] {
  const { kind, tick, cycles, lastedS, phase, cause, evidence, advice, check } = cycle;
  const what =
    kind === 'lateAnswer'
      ? `cycle ${tick}: no answer for ${timeText(lastedS)}`
      : `cycle ${tick}: ${timeText(lastedS)}, ${cycles} ticks missed`;
  const see = check === undefined ? '' : ` (npx kilohertz doctor: ${check})`;
  return [`${what}, in ${phase}: ${cause}, ${evidence}`, `  ${advice}${see}`];
}

function machineLines(machine: MachineReport): readonly string[] {
  const { isRealtime, loopWaitedS, policyWaitedS, stolenS, idleLatencyS, ownRanS } = machine;
  const time = (seconds: number | undefined): string =>
    seconds === undefined ? 'not known' : timeText(seconds);
  const priority = { true: 'granted', false: 'refused' }[String(isRealtime)] ?? 'not asked';
  return [
    `realtime priority ${priority}; waited for a processor: loop ${time(loopWaitedS)}, policy ${time(policyWaitedS)}`,
    `stolen ${time(stolenS)}, wake from the deepest idle state ${time(idleLatencyS)}, other own threads ran ${time(ownRanS)}`,
    `garbage collections ${machine.garbageCollections}, ${timeText(machine.garbageS)} together`,
  ];
}
