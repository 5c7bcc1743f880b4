import { Check, type DoctorFinding } from './findings.ts';
import { type DoctorFile, LIMITS_FILE, UDEV_FILE } from './fix.ts';
import { fieldIn, type Machine } from './machine.ts';

/** The priority that the loop asks for. */
const PRIORITY = 80;
/** How much memory the limit should allow to lock [bytes]. */
const LOCKED_BYTES = 64 * 2 ** 20;
/** Numbers of capabilities. */
const CAP = { ipcLock: 14, sysNice: 23 } as const;
/** How long a wake from an idle state may take [us]. */
const QUICK_WAKE_US = 10;

/** Looks at what this user may ask the kernel for. */
export function permissionFindings(machine: Machine): DoctorFinding[] {
  return [
    priorityLimit(machine),
    memoryLimit(machine),
    groupRealtime(machine),
    idleStates(machine),
  ];
}

function priorityLimit(machine: Machine): DoctorFinding {
  const check = new Check(
    'rtprio',
    'limit of realtime priority (rtprio)',
    'With a realtime priority the loop runs before everything else on this computer.',
  );
  if (hasCapability(machine, CAP.sysNice)) return check.good('CAP_SYS_NICE allows each priority');
  const limit = limitOf(machine, 'Max realtime priority');
  if (limit === undefined) return check.unknown('the system does not tell');
  if (limit >= PRIORITY) return check.good(`${limit}`);
  return check.usable(
    `${limit}, and the loop asks for ${PRIORITY}`,
    fileMend(machine, LIMITS_FILE),
  );
}

function memoryLimit(machine: Machine): DoctorFinding {
  const check = new Check(
    'memlock',
    'limit of locked memory (memlock)',
    'Locked memory is never paged out, so the loop does not wait for a disk.',
  );
  if (hasCapability(machine, CAP.ipcLock)) return check.good('CAP_IPC_LOCK allows all memory');
  const limit = limitOf(machine, 'Max locked memory');
  if (limit === undefined) return check.unknown('the system does not tell');
  const found = limit === Number.POSITIVE_INFINITY ? 'unlimited' : `${limit / 1024} kB`;
  return limit >= LOCKED_BYTES
    ? check.good(found)
    : check.usable(found, fileMend(machine, LIMITS_FILE));
}

/** In a container or with a cgroup of version 1 realtime threads may be forbidden, whatever the limits say. */
function groupRealtime(machine: Machine): DoctorFinding {
  const check = new Check(
    'cgroup-realtime',
    'realtime threads in this control group',
    'A control group of version 1 without realtime runtime refuses every realtime priority.',
  );
  const line = machine
    .read('proc/self/cgroup')
    ?.split('\n')
    .find((each) => /^\d+:([^:]*,)?cpu(,[^:]*)?:/.test(each));
  const place = line?.split(':')[2];
  if (place === undefined) return check.good('not restricted');
  for (const folder of ['sys/fs/cgroup/cpu', 'sys/fs/cgroup/cpu,cpuacct']) {
    const runtime = machine.read(`${folder}${place}/cpu.rt_runtime_us`);
    if (runtime === undefined) continue;
    if (Number(runtime) !== 0) return check.good(`${runtime} us`);
    const file = `/${folder}${place}/cpu.rt_runtime_us`;
    return check.usable('0 us', `echo 950000 | sudo tee ${file}`);
  }
  return check.good('not restricted');
}

function idleStates(machine: Machine): DoctorFinding {
  const check = new Check(
    'idle-states',
    'idle states of the processor',
    'A core that has gone idle takes 20 to 60 us to wake. A session holds idle states off while it runs, if it may.',
  );
  const folder = 'sys/devices/system/cpu/cpu0/cpuidle';
  const wakes = machine
    .list(folder)
    .filter((name) => machine.read(`${folder}/${name}/disable`) !== '1')
    .map((name) => Number(machine.read(`${folder}/${name}/latency`) ?? 0));
  const deepest = Math.max(0, ...wakes);
  const found =
    wakes.length === 0
      ? 'the kernel knows of none, as in many virtual machines'
      : `the deepest takes ${deepest} us to wake`;
  const device = '/dev/cpu_dma_latency';
  if (machine.mayWrite(device)) return check.good(`${found}; ${device} may be written`);
  if (wakes.length > 0 && deepest <= QUICK_WAKE_US) return check.good(found);
  if (!machine.has(device)) {
    const mend = 'nothing: a session keeps two cores busy instead (`keepAwake`)';
    return check.usable(`${found}; there is no ${device}, as in containers`, mend);
  }
  return check.usable(`${found}; ${device} may not be written`, fileMend(machine, UDEV_FILE));
}

/** Says how the file comes there that gives a permission, and after what it counts. */
function fileMend(machine: Machine, file: DoctorFile): string {
  const { path, content, afterwards } = file;
  if (machine.read(path) === content.trim()) return `${path} is there: ${afterwards}`;
  return `kilohertz doctor --fix writes ${path}; then ${afterwards}`;
}

/** Returns the soft limit that this process has; infinite where it is unlimited. */
function limitOf(machine: Machine, name: string): number | undefined {
  const line = machine
    .read('proc/self/limits')
    ?.split('\n')
    .find((each) => each.startsWith(name));
  const soft = line?.slice(name.length).trim().split(/\s+/)[0];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? Number.POSITIVE_INFINITY : Number(soft);
}

function hasCapability(machine: Machine, number: number): boolean {
  const effective = fieldIn(machine.read('proc/self/status'), 'CapEff') ?? '0';
  return ((BigInt(`0x${effective}`) >> BigInt(number)) & 1n) === 1n;
}
