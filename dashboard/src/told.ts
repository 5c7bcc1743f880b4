// Reads the server's texts. What is not as the protocol says is refused here, and hidden characters are made visible, so
// that nothing else has to look again.

import type {
  ArmInfo,
  BadCycleInfo,
  CameInfo,
  ChunkInfo,
  EventInfo,
  MeasureInfo,
  PhaseInfo,
  ReportInfo,
  RunInfo,
  StatsInfo,
  Told,
  WorstInfo,
} from './protocol.ts';

type Check = (value: unknown) => boolean;
type Shape = Record<string, Check>;

const isText: Check = (value) => typeof value === 'string';
const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const isCount: Check = (value) => Number.isInteger(value) && Number(value) >= 0;
const isBoolean: Check = (value) => typeof value === 'boolean';
const isAny: Check = () => true;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null || check(value);
const listOf =
  (check: Check, length?: number): Check =>
  (value) =>
    Array.isArray(value) && (length === undefined || value.length === length) && value.every(check);
const is =
  (shape: Shape): Check =>
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(shape).every(([name, check]) => check((value as Record<string, unknown>)[name]));
const mapOf =
  (check: Check): Check =>
  (value) =>
    typeof value === 'object' && value !== null && Object.values(value).every(check);

const joints = listOf(isNumber, 7);
const corner = listOf(isNumber, 3);

const isArm = is({
  id: isCount,
  name: isText,
  model: orNull(isText),
  control: isText,
  rateHz: isNumber,
  policyRateHz: isNumber,
  isRunning: isBoolean,
  hasControls: isBoolean,
  isControlled: isBoolean,
  session: isCount,
  fields: listOf(
    is({ name: isText, length: (value) => isCount(value) && Number(value) <= 1024, unit: isText }),
  ),
  limits: orNull(is({ lower: joints, upper: joints, velocity: joints, torque: joints })),
  box: orNull(is({ min: corner, max: corner })),
} satisfies Record<keyof ArmInfo, Check>);

const isEvent = is({
  level: (value) => value === 'info' || value === 'warning' || value === 'error',
  name: isText,
  text: isText,
  tick: orNull(isNumber),
  wallTimeS: isNumber,
} satisfies Record<keyof EventInfo, Check>);

const isSpread = is({ p50: isNumber, p95: isNumber, p99: isNumber, max: isNumber });

const isStats = is({
  counters: mapOf(isNumber),
  targetPeriodS: isNumber,
  avgPeriodS: isNumber,
  longestPeriodS: isNumber,
  jitter: isSpread,
  execution: isSpread,
  jitterHistogram: is({ upperS: listOf(isNumber), counts: listOf(isNumber) }),
} satisfies Record<keyof StatsInfo, Check>);

const MEASURES: Record<MeasureInfo, true> = {
  ...{ jitter: true, execution: true, answer: true, missed: true, unrecorded: true },
};

const isWorst = is({
  measure: (value) => isText(value) && Object.hasOwn(MEASURES, value as string),
  value: isNumber,
  timeS: isNumber,
  tick: isCount,
} satisfies Record<keyof WorstInfo, Check>);

const isRun = is({
  id: isCount,
  name: isText,
  arm: isArm,
  durationS: isNumber,
  wallTimeS: isNumber,
  stepS: (value) => isNumber(value) && Number(value) > 0,
  frames: isCount,
  stats: isStats,
  worst: listOf(isWorst),
  events: listOf(isEvent),
  end: orNull(isEvent),
  damage: orNull(isText),
} satisfies Record<keyof RunInfo, Check>);

const isPhase = is({
  phase: isText,
  count: isCount,
  p50S: isNumber,
  p99S: isNumber,
  maxS: isNumber,
} satisfies Record<keyof PhaseInfo, Check>);

const isBadCycle = is({
  isLateAnswer: isBoolean,
  tick: isCount,
  timeS: isNumber,
  cycles: isCount,
  lastedS: isNumber,
  excessS: isNumber,
  phase: isText,
  cause: isText,
  causeText: isText,
  evidence: isText,
  advice: isText,
  check: orNull(isText),
} satisfies Record<keyof BadCycleInfo, Check>);

const isReport = is({
  session: isCount,
  isOver: isBoolean,
  iterations: isCount,
  missedTicks: isCount,
  lateActions: isCount,
  badCycles: isCount,
  unexplained: isCount,
  phases: listOf(isPhase),
  worst: listOf(isBadCycle),
} satisfies Record<keyof ReportInfo, Check>);

const isChunk = is({
  timeS: isNumber,
  stepS: (value) => isNumber(value) && Number(value) > 0,
  width: (value) => isCount(value) && Number(value) > 0,
  actions: listOf(isNumber),
} satisfies Record<keyof ChunkInfo, Check>);

const isCame = is({ atS: isNumber, chunk: isChunk } satisfies Record<keyof CameInfo, Check>);

const SHAPES: Record<Told['type'], Shape> = {
  // Only the version is sure to be there in a hello of another version; `readTold` looks at the rest.
  hello: { version: isCount },
  arm: { arm: isArm },
  leftOut: { events: isCount },
  gone: { arm: isCount, forgotten: isCount },
  stats: { arm: isCount, stats: isStats },
  event: { arm: isCount, event: isEvent },
  chunk: { arm: isCount, chunk: isChunk },
  report: { arm: isCount, report: isReport },
  holder: { isYou: isBoolean, isTaken: isBoolean },
  beat: { beat: isCount },
  stopping: { number: isCount, asked: isCount },
  stopped: { number: isCount },
  refused: { text: isText },
};

const isHello = is({
  package: isText,
  hasControls: isBoolean,
  arms: listOf(isArm),
  runs: listOf(isRun),
  forgotten: isCount,
});

/**
 * Characters that are not seen, or that make others look different, as those that turn the direction of writing. Lines may
 * end and be indented, and an emoji may choose its look.
 */
const HIDDEN =
  /(?![\t\n\r]|\ufe0e|\ufe0f)[\p{Cc}\p{Default_Ignorable_Code_Point}\p{Zl}\p{Zp}\p{Cs}\ufff9-\ufffb]/gu;

/** Returns a text in which each hidden character is shown by its number, as `<U+202E>`. */
function visible(text: string): string {
  return text.replace(HIDDEN, (hidden) => {
    const number = (hidden.codePointAt(0) ?? 0).toString(16).toUpperCase();
    return `<U+${number.padStart(4, '0')}>`;
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text, (_, value) => (typeof value === 'string' ? visible(value) : value));
  } catch {
    return undefined;
  }
}

/** Returns the chunks of a recorded run; nothing if the text does not have them. */
export function readChunks(text: string): CameInfo[] | undefined {
  const value = parsed(text);
  return listOf(isCame)(value) ? (value as CameInfo[]) : undefined;
}

/** Returns what a text says; nothing if it is not as the protocol says. Of another version only the hello is read. */
export function readTold(text: string, version: number): Told | undefined {
  const value = parsed(text);
  if (!is({ type: isAny })(value)) return undefined;
  const told = value as Told;
  if (!Object.hasOwn(SHAPES, told.type) || !is(SHAPES[told.type])(told)) return undefined;
  if (told.type === 'hello' && told.version === version && !isHello(told)) return undefined;
  return told;
}
