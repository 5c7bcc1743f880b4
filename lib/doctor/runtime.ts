import { createRequire } from 'node:module';
import { Session } from '../session/session.ts';
import { Check, type DoctorFinding } from './findings.ts';
import type { Machine } from './machine.ts';

/** The size of /dev/shm that containers have unless they are told otherwise [bytes]. */
const SMALL_SHM = 64 * 2 ** 20;
/** How long the session runs that asks for permissions [s]. */
const PROBE_S = 0.1;

/** Looks at what programs of this package run with. */
export async function runtimeFindings(machine: Machine): Promise<DoctorFinding[]> {
  const findings = [await node(machine), sharedMemory(machine)];
  if (machine.isThis) findings.unshift(await granted());
  return findings;
}

/** Asks for what a session asks for, and looks at what it got. */
async function granted(): Promise<DoctorFinding> {
  const check = new Check(
    'sched-fifo',
    'SCHED_FIFO, as a session gets it',
    'Limits promise it, but a container or a security module may refuse it nevertheless.',
  );
  const still = { observe: () => 0, act: () => undefined, reset: () => undefined };
  const session = new Session(still, () => 0, { rateHz: 100, warmupS: 0, blackBox: false });
  await session.run({ durationS: PROBE_S });
  const { priority, lockMemory, keepAwake } = session.realtime ?? {};
  if (!priority) return check.unknown('the session did not tell');
  const others = [
    lockMemory?.granted ? 'memory is locked' : `memory is not locked: ${lockMemory?.reason}`,
    `cores kept awake: ${keepAwake?.reason}`,
  ];
  if (priority.granted) {
    return check.good(`priority ${priority.asked}; ${others.join('; ')}`);
  }
  return check.usable(
    `refused; ${others.join('; ')}`,
    priority.reason ?? 'raise the limit of realtime priority',
  );
}

async function node(machine: Machine): Promise<DoctorFinding> {
  const check = new Check('node', 'version of Node', 'Older versions miss what this package uses.');
  const range: string = createRequire(import.meta.url)('kilohertz/package.json').engines.node;
  const version = machine.isThis ? process.version : (await machine.run('node', '--version'))?.text;
  if (version === undefined) return check.unknown('the machine does not tell');
  const [major = 0, minor = 0] = version.replace('v', '').split('.').map(Number);
  if (isWithin(range, major, minor)) return check.good(version);
  return check.unfit(`${version}; expected ${range}`, 'install the newest Node of the 22 line');
}

/** Whether a version is one of `^20.19 || >=22.12`. */
function isWithin(range: string, major: number, minor: number): boolean {
  return range.split('||').some((part) => {
    const [, sign, wanted, least] = /(\^|>=)\s*(\d+)\.(\d+)/.exec(part) ?? [];
    const isAbove = major > Number(wanted) && sign === '>=';
    return isAbove || (major === Number(wanted) && minor >= Number(least));
  });
}

function sharedMemory(machine: Machine): DoctorFinding {
  const check = new Check(
    'dev-shm',
    'shared memory (/dev/shm)',
    "Not for this package, but PyTorch's loaders and other programs beside it share their arrays there.",
  );
  const line = machine
    .read('proc/mounts')
    ?.split('\n')
    .find((each) => each.split(' ')[1] === '/dev/shm');
  const mend = 'docker run --shm-size=1g, or: sudo mount -o remount,size=1g /dev/shm';
  if (line === undefined) return check.usable('it is not mounted', mend);
  const size = bytesIn(/\bsize=(\w+)/.exec(line)?.[1]);
  if (size === undefined) return check.good('as large as half of the memory');
  const found = `${Math.round(size / 2 ** 20)} MB`;
  return size > SMALL_SHM ? check.good(found) : check.usable(found, mend);
}

function bytesIn(size: string | undefined): number | undefined {
  const [, digits, unit = ''] = /^(\d+)([kmg%]?)/i.exec(size ?? '') ?? [];
  if (digits === undefined || unit === '%') return undefined;
  const factor = { k: 2 ** 10, m: 2 ** 20, g: 2 ** 30 }[unit.toLowerCase()] ?? 1;
  return Number(digits) * factor;
}
