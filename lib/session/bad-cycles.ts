import type { NativeIncident, NativeReport } from '../native/binding.ts';
import { type CyclePhase, type IncidentKind, PHASES } from '../native/contract.ts';
import { type Blame, type BlameCause, type BlameContext, blame } from './blame.ts';
import type { Realtime } from './realtime.ts';

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

/** Returns the bad cycles that are kept, each with what is blamed for it. */
export function blamed({
  native,
  realtime,
  hasNetwork,
}: {
  readonly native: NativeReport | undefined;
  readonly realtime: Realtime | undefined;
  readonly hasNetwork: boolean;
}): { readonly worst: readonly BadCycle[]; readonly newest: readonly BadCycle[] } {
  const { ofPolicy, windowS = 0 } = native?.run ?? {};
  const context: BlameContext = {
    hasNetwork,
    isRealtime: realtime?.priority.granted === true,
    policyShare: ofPolicy && windowS > 0 ? ofPolicy.ranS / windowS : 0,
  };
  const each = (incident: NativeIncident): BadCycle => badCycle(incident, context);
  return { worst: native?.worst.map(each) ?? [], newest: native?.newest.map(each) ?? [] };
}

/**
 * Returns a sentence that names the likeliest cause of the newest late answers, with a space behind it; empty if it is not
 * known.
 */
export function likeliestOf(native: NativeReport | undefined): string {
  const { newest } = blamed({ native, realtime: undefined, hasNetwork: true });
  const [first] = counted(newest);
  return likeliest(newest.findLast(({ cause }) => cause === first?.cause));
}

/** After so many missed commands in a row an arm ends the motion [cycles]. */
const MOST_MISSED = 20;

/** Returns such a sentence of the last long cycle, if an arm may have ended the motion for that in cycle `tick`. */
export function likeliestOfMissed(native: NativeReport | undefined, tick: number): string {
  const { newest } = blamed({ native, realtime: undefined, hasNetwork: true });
  const long = newest.findLast(({ kind }) => kind === 'longCycle');
  return likeliest(long && tick - long.tick <= MOST_MISSED ? long : undefined);
}

function likeliest(example: BadCycle | undefined): string {
  if (!example || example.cause === 'unknown') return '';
  return `The likeliest cause is ${example.cause}: ${example.evidence}. `;
}

function badCycle(native: NativeIncident, context: BlameContext): BadCycle {
  const phase = native.phase as CyclePhase;
  const phases = PHASES.map((name, nth) => [name, native.spansS[nth] ?? 0] as const);
  return {
    kind: native.kind as IncidentKind,
    tick: native.tick,
    timeS: native.atS,
    cycles: native.cycles,
    lastedS: native.lastedS,
    excessS: native.excessS,
    behindS: native.behindS,
    phase,
    phasesS: Object.fromEntries(phases) as Record<CyclePhase, number>,
    ...blame({ ...native, phase }, context),
  };
}

function keyOf({ kind, tick }: BadCycle): string {
  return `${kind} ${tick}`;
}

/** How often a cause is blamed. */
export interface CauseCount {
  readonly cause: BlameCause;
  readonly count: number;
}

/** Returns how often each cause is blamed, the most frequent first. A cycle that is given twice counts once. */
export function counted(cycles: readonly BadCycle[]): readonly CauseCount[] {
  const distinct = new Map(cycles.map((each) => [keyOf(each), each]));
  const counts = new Map<BlameCause, number>();
  for (const { cause } of distinct.values()) counts.set(cause, (counts.get(cause) ?? 0) + 1);
  return [...counts]
    .map(([cause, count]) => ({ cause, count }))
    .toSorted((one, other) => other.count - one.count);
}
