// What most likely made a cycle bad. Pure: all that is known of the cycle is passed in.

import { inOneLine, isBlank } from '../errors/describe.ts';
import { timeText } from '../errors/inspection.ts';
import type { NativeEvidence, NativeIncident, NativeThreadShare } from '../native/binding.ts';
import type { CyclePhase } from '../native/contract.ts';

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

/** What does not change from cycle to cycle. */
export interface BlameContext {
  /** Whether the robot tells its own time, in states that come over a network. */
  readonly hasNetwork: boolean;
  /** Whether the loop has a realtime priority. */
  readonly isRealtime: boolean;
  /** The share of the time that the thread of the policy runs in this session, on average. */
  readonly policyShare: number;
}

/** The part of the time that is too long which a cause has to explain. */
const SHARE = 0.5;
/** The least part of what all processors did that own threads are blamed for. */
const LEAST_OWN = 0.2;
/** How long a page fault takes, without and with the disk [s]: on a virtual machine the first one took 2 to 6 us. */
const FAULT_S = { minor: 3e-6, major: 200e-6 } as const;
/** A question that lies for so long although its thread is not kept from running waits for the event loop [s]. */
const BLOCKED_S = 5e-3;

/** Phases in which the thread of the policy is at work. */
const OF_POLICY: readonly CyclePhase[] = ['handOver', 'policy'];

/** What is known of a bad cycle. */
export type BlamedCycle = Pick<
  NativeIncident,
  'phaseS' | 'cycles' | 'behindS' | 'excessS' | 'evidence'
> & { readonly phase: CyclePhase };

/** Returns what most likely made a cycle bad. */
export function blame(cycle: BlamedCycle, context: BlameContext): Blame {
  const found = OF_POLICY.includes(cycle.phase) ? ofPolicy(cycle, context) : ofLoop(cycle, context);
  return found ?? made('unknown', unknownText(cycle), context);
}

/** What is found: a cause, and what speaks for it. */
type Found = Blame | undefined;

function ofPolicy(cycle: BlamedCycle, context: BlameContext): Found {
  const { evidence, phaseS, phase } = cycle;
  const { ofPolicy: thread, pausedS } = evidence;
  const needS = SHARE * phaseS;
  if (pausedS >= needS) {
    const text = `${timeText(pausedS)} of garbage collection in ${timeText(phaseS)}`;
    return made('garbageCollection', text, context);
  }
  const faults = faultsIn(thread, needS);
  if (faults) return made('pageFault', `the policy's thread had ${faults}`, context);
  const kept = keptWaiting(thread, evidence, needS, "the policy's thread", context);
  if (kept) return kept;
  const ranS = beyond(thread, evidence.windowS, context.policyShare);
  if (ranS < needS && (evidence.stolenS ?? 0) >= needS) return stolen(evidence, context);
  if (phase === 'policy') {
    const how =
      thread === undefined || thread.ranS >= needS ? 'at work' : 'at work, or waited for something';
    return made('policySlow', `the policy was ${how} for ${timeText(phaseS)}`, context);
  }
  if (ranS >= needS || (phaseS >= BLOCKED_S && (evidence.wakerWaitedS ?? 0) < needS)) {
    const text =
      `the question lay for ${timeText(phaseS)} before the policy was called` +
      (thread ? `, while its thread ran for ${timeText(thread.ranS)}` : '');
    return made('eventLoopBlocked', text, context);
  }
  if ((evidence.wakerWaitedS ?? 0) >= needS) {
    const text = `the thread that wakes JavaScript waited ${timeText(evidence.wakerWaitedS ?? 0)} for a processor`;
    return made('notScheduled', text, context);
  }
  return undefined;
}

function ofLoop(cycle: BlamedCycle, context: BlameContext): Found {
  const { evidence, phaseS, phase } = cycle;
  const { ofLoop: thread } = evidence;
  const needS = SHARE * phaseS;
  const kept = keptWaiting(thread, evidence, needS, 'the loop', context);
  if (kept) return kept;
  if ((evidence.stolenS ?? 0) >= needS) return stolen(evidence, context);
  if (phase !== 'wait') {
    const faults = faultsIn(thread, needS);
    if (faults) return made('pageFault', `the loop's thread had ${faults}`, context);
  }
  if (phase !== 'wait' && phase !== 'wake') return undefined;
  const latencyS = evidence.idleLatencyS ?? 0;
  if (latencyS >= needS) {
    const text = `the processor left an idle state from which a wake takes ${timeText(latencyS)}`;
    return made('idleState', text, context);
  }
  // What the kernel counts shows that the loop waited for the state all the time.
  if (phase === 'wait' && context.hasNetwork && thread !== undefined) {
    const wasLost = cycle.cycles > 0 && cycle.behindS < needS;
    const text = wasLost
      ? `${cycle.cycles === 1 ? 'a state' : `${cycle.cycles} states`} did not come`
      : `the state came ${timeText(cycle.behindS)} behind the robot's time`;
    return made('networkLate', `${text}, and the loop was waiting for it`, context);
  }
  return undefined;
}

/** Blames whoever had the processor, if a thread could have run and did not. */
function keptWaiting(
  thread: NativeThreadShare | undefined,
  evidence: NativeEvidence,
  needS: number,
  who: string,
  context: BlameContext,
): Found {
  const waitedS = thread?.waitedS ?? 0;
  if (!thread || waitedS < needS || waitedS === 0) return undefined;
  const text = `${who} waited ${timeText(waitedS)} for a processor`;
  const { ownRanS, busiest, cpus, fullWindowS, idleS = 0 } = evidence;
  if (ownRanS !== undefined) {
    const busyS = Math.max(0, cpus * fullWindowS - idleS);
    // The samples are of more time than the thread waited, and other programs may have run in the rest of it.
    if (ownRanS >= SHARE * cpus * waitedS && ownRanS >= LEAST_OWN * busyS) {
      const each = busiest.map(({ name, ranS }) => `${nameText(name)} ${timeText(ranS)}`);
      const names = each.join(', ');
      const mostly = `while other threads of this program ran for ${timeText(ownRanS)}: ${names}`;
      return made('ownThreads', `${text}, ${mostly}`, context);
    }
  }
  return made('notScheduled', text, context);
}

/** Returns the name of a thread, which may be anything, or nothing. */
function nameText(name: string): string {
  return isBlank(name) ? '(no name)' : inOneLine(name);
}

function stolen({ stolenS = 0 }: NativeEvidence, context: BlameContext): Blame {
  return made('steal', `the hypervisor had taken ${timeText(stolenS)}`, context);
}

/** Describes page faults that explain the time, if they do. */
function faultsIn(thread: NativeThreadShare | undefined, needS: number): string | undefined {
  const { minorFaults = 0, majorFaults = 0 } = thread ?? {};
  const costS = minorFaults * FAULT_S.minor + majorFaults * FAULT_S.major;
  if (costS === 0 || costS < needS) return undefined;
  return `${minorFaults + majorFaults} page faults, ${majorFaults} of them with the disk`;
}

/** Returns how much longer a thread ran than it does on average. */
function beyond(thread: NativeThreadShare | undefined, windowS: number, share: number): number {
  return thread ? Math.max(0, thread.ranS - share * windowS) : 0;
}

function unknownText({ phase, phaseS, evidence }: BlamedCycle): string {
  const isSeen = evidence.ofLoop !== undefined || evidence.ofPolicy !== undefined;
  const why = isSeen ? 'nothing that is counted explains it' : 'the system tells nothing of it';
  return `${timeText(phaseS)} in the phase ${phase}; ${why}`;
}

/** What is said of a cause. */
interface Advice {
  /** The cause in words. */
  readonly text: string;
  readonly advice: string;
  readonly check?: string;
}

/** What to do about each cause, and the check of the doctor that says more. */
const ADVICE: Readonly<Record<BlameCause, Advice>> = {
  notScheduled: {
    text: 'another program had the processor',
    advice:
      'End the other programs that keep the processors busy, or give the loop a processor of its own with ' +
      'realtime: { cpu }; run the policy with workerPolicy(), which has a realtime priority where it is permitted',
    check: 'isolated-cores',
  },
  ownThreads: {
    text: 'other threads of this program had the processor',
    advice:
      'Use fewer threads for inference and other work beside the session, or move that work to another process ' +
      'with a low priority',
    check: 'cpuset',
  },
  garbageCollection: {
    text: "the policy's thread collected garbage",
    advice:
      'Reuse arrays and objects in the policy, and keep less on its heap. A policy on the main thread shares its heap ' +
      'with the rest of the program; workerPolicy() has a heap of its own. In Python, gc.freeze() keeps what was ' +
      'made before it out of collections',
  },
  eventLoopBlocked: {
    text: 'something else than the policy kept the event loop busy',
    advice:
      'Move synchronous work off this thread, with asyncify() or an InferenceThread; or run the policy with ' +
      'workerPolicy()',
  },
  policySlow: {
    text: 'the policy itself took too long',
    advice:
      'Make the policy faster, ask it less often with rateHz, allow more with deadlineS, or let it answer in chunks',
  },
  pageFault: {
    text: 'memory was used that was not there yet',
    advice: 'Allocate memory before the session starts, and use it again instead of new memory',
    check: 'memlock',
  },
  networkLate: {
    text: "the robot's state came late, or was lost",
    advice:
      'Connect the arm by a cable directly to a network card of its own, without a switch, and see to the energy ' +
      'saving of the card',
    check: 'coalescing',
  },
  idleState: {
    text: 'the processor had to wake from an idle state',
    advice: "Permit that idle states are held off (realtime: { keepAwake: 'idleStates' })",
    check: 'idle-states',
  },
  steal: {
    text: 'the hypervisor had taken the processor',
    advice: 'Use a computer of its own, or processors that the hypervisor gives to no one else',
    check: 'steal-time',
  },
  unknown: {
    text: 'the cause is not known',
    advice:
      'Look at the machine with `npx kilohertz doctor`, and compare with `npx kilohertz bench`',
  },
};

/** Returns a cause in words. */
export function causeText(cause: BlameCause): string {
  return ADVICE[cause].text;
}

function made(cause: BlameCause, evidence: string, { isRealtime }: BlameContext): Blame {
  const { advice, check } = ADVICE[cause];
  if (cause === 'notScheduled' && !isRealtime) {
    const first = 'Permit realtime priorities, with which the loop runs before all other programs';
    return { cause, evidence, advice: `${first}. ${advice}`, check: 'rtprio' };
  }
  return { cause, evidence, advice, check };
}
