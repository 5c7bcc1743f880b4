import test from 'ava';
import {
  type BlameCause,
  type BlameContext,
  type BlamedCycle,
  blame,
} from '../../lib/session/blame.ts';

const CONTEXT: BlameContext = { hasNetwork: true, isRealtime: true, policyShare: 0.05 };
/** A thread that has done nothing. */
const IDLE = { ranS: 0, waitedS: 0, minorFaults: 0, majorFaults: 0, involuntary: 0 };
/** A machine on which nothing happened. */
const CALM: BlamedCycle['evidence'] = {
  windowS: 0.04,
  fullWindowS: 0.12,
  ofLoop: IDLE,
  ofPolicy: IDLE,
  wakerWaitedS: 0,
  ownRanS: 0,
  busiest: [],
  idleS: 0.2,
  stolenS: 0,
  pressureS: 0,
  idleLatencyS: 0,
  pausedS: 0,
  cpus: 2,
};

type Evidence = Partial<BlamedCycle['evidence']>;

/** A cycle that was 10 ms too long in a phase. */
function cycle(phase: BlamedCycle['phase'], evidence: Evidence = {}): BlamedCycle {
  const known = { phase, phaseS: 0.01, excessS: 0.01, cycles: 10, behindS: 0.01 };
  return { ...known, evidence: { ...CALM, ...evidence } };
}

const CASES: readonly (readonly [string, BlamedCycle, BlameCause])[] = [
  [
    'the loop could have run, and others did',
    cycle('wait', { ofLoop: { ...IDLE, waitedS: 9e-3 }, idleS: 0.02 }),
    'notScheduled',
  ],
  [
    'the policy could have run, and others did',
    cycle('policy', { ofPolicy: { ...IDLE, waitedS: 8e-3 }, idleS: 0 }),
    'notScheduled',
  ],
  [
    'the thread that wakes JavaScript could have run',
    { ...cycle('handOver', { wakerWaitedS: 3e-3 }), phaseS: 4e-3 },
    'notScheduled',
  ],
  [
    'the loop could have run, and threads of this program did',
    cycle('wait', {
      ofLoop: { ...IDLE, waitedS: 9e-3 },
      ownRanS: 0.2,
      busiest: [{ name: 'infer', ranS: 0.2 }],
      idleS: 0.02,
    }),
    'ownThreads',
  ],
  [
    'garbage was collected before the policy was called',
    cycle('handOver', { pausedS: 6e-3 }),
    'garbageCollection',
  ],
  ['garbage was collected in the policy', cycle('policy', { pausedS: 9e-3 }), 'garbageCollection'],
  [
    'the thread of the policy did something else',
    cycle('handOver', { ofPolicy: { ...IDLE, ranS: 0.011 } }),
    'eventLoopBlocked',
  ],
  ['the thread of the policy waited in a synchronous call', cycle('handOver'), 'eventLoopBlocked'],
  ['the policy computed', cycle('policy', { ofPolicy: { ...IDLE, ranS: 0.011 } }), 'policySlow'],
  ['the policy waited for something', cycle('policy'), 'policySlow'],
  [
    'the policy used new memory',
    cycle('policy', { ofPolicy: { ...IDLE, ranS: 0.011, minorFaults: 20_000 } }),
    'pageFault',
  ],
  [
    "the loop's memory came from the disk",
    cycle('decide', { ofLoop: { ...IDLE, majorFaults: 40 } }),
    'pageFault',
  ],
  ['states were lost', { ...cycle('wait'), behindS: 0 }, 'networkLate'],
  ['a state was late', { ...cycle('wait'), cycles: 0 }, 'networkLate'],
  [
    'the processor was in an idle state that takes long to leave',
    { ...cycle('wait', { idleLatencyS: 400e-6 }), phaseS: 600e-6 },
    'idleState',
  ],
  ['the hypervisor had the processor of the loop', cycle('wait', { stolenS: 0.01 }), 'steal'],
  ['the hypervisor had the processor of the policy', cycle('policy', { stolenS: 0.01 }), 'steal'],
  ['the loop was slow, and nothing explains it', cycle('send'), 'unknown'],
  [
    'what was counted explains too little',
    cycle('judge', { ofLoop: { ...IDLE, waitedS: 4e-3 } }),
    'unknown',
  ],
  ['a question lay for a moment', { ...cycle('handOver'), phaseS: 1e-3 }, 'unknown'],
];

for (const [what, bad, cause] of CASES) {
  test(`${cause}: ${what}`, (t) => {
    const found = blame(bad, CONTEXT);
    t.is(found.cause, cause, found.evidence);
    t.true(found.evidence.length > 0 && found.advice.length > 0);
  });
}

test('on a machine that tells nothing, what the phases do not show is unknown', (t) => {
  const { windowS, fullWindowS, busiest, pausedS, cpus } = CALM;
  const evidence = { windowS, fullWindowS, busiest, pausedS, cpus };
  t.is(blame({ ...cycle('wait'), evidence }, CONTEXT).cause, 'unknown');
  t.is(blame({ ...cycle('decide'), evidence }, CONTEXT).cause, 'unknown');
  t.is(blame({ ...cycle('policy'), evidence }, CONTEXT).cause, 'policySlow');
});

test('a robot without a network is not blamed for one', (t) => {
  t.is(blame(cycle('wait'), { ...CONTEXT, hasNetwork: false }).cause, 'unknown');
});

test('a loop without its priority is told to get it', (t) => {
  const bad = cycle('wait', { ofLoop: { ...IDLE, waitedS: 9e-3 }, idleS: 0 });
  t.is(blame(bad, { ...CONTEXT, isRealtime: false }).check, 'rtprio');
  t.not(blame(bad, CONTEXT).check, 'rtprio');
});

test('how much the thread of the policy runs on average is no sign that something else kept it', (t) => {
  const evidence = { ofPolicy: { ...IDLE, ranS: 2e-3 } };
  const bad = { ...cycle('handOver', evidence), phaseS: 2e-3 };
  t.is(blame(bad, { ...CONTEXT, policyShare: 0.05 }).cause, 'unknown');
});
