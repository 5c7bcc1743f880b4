import { Check, type DoctorFinding } from './findings.ts';
import type { Machine } from './machine.ts';

/** The clock sources that are read without leaving the processor. */
const QUICK_CLOCKS = ['tsc', 'kvm-clock', 'arch_sys_counter', 'hyperv_clocksource_tsc_page'];
/** How much of the processors' time others may take: more is told, and much more is too much. */
const STOLEN_SHARE = { usable: 0.001, unfit: 0.01 } as const;
/** NVIDIA's number as a vendor of PCI devices. */
const NVIDIA = '0x10de';

/** Looks at the kernel and at what shares the processors with it. */
export function kernelFindings(machine: Machine): DoctorFinding[] {
  const isRealtime = hasRealtimeKernel(machine);
  return [
    preemption(machine, isRealtime),
    throttling(machine),
    clockSource(machine),
    timerSlack(machine),
    stolen(machine),
    graphics(machine, isRealtime),
  ];
}

function hasRealtimeKernel(machine: Machine): boolean {
  return (
    machine.read('sys/kernel/realtime') === '1' ||
    /PREEMPT[_ ]RT/.test(machine.read('proc/version') ?? '')
  );
}

function preemption(machine: Machine, isRealtime: boolean): DoctorFinding {
  const check = new Check(
    'preempt-rt',
    'PREEMPT_RT kernel',
    'Franka asks for it: other kernels may now and then wake the loop milliseconds late.',
  );
  const version = machine.read('proc/sys/kernel/osrelease') ?? 'unknown';
  if (machine.read('proc/version') === undefined) return check.unknown('/proc cannot be read');
  if (isRealtime) return check.good(`${version} is one`);
  return check.usable(`${version} is none`, realtimeKernel(machine));
}

/** How the kernel is installed on this system. */
function realtimeKernel(machine: Machine): string {
  const release = machine.read('etc/os-release') ?? '';
  const [, id = ''] = /^ID="?([^"\n]+)"?$/m.exec(release) ?? [];
  const isArm = machine.read('proc/version')?.includes('arm64') || process.arch === 'arm64';
  const known: Readonly<Record<string, string>> = {
    debian: `sudo apt install linux-image-rt-${isArm ? 'arm64' : 'amd64'}, then restart`,
    ubuntu: 'sudo pro enable realtime-kernel, then restart',
    fedora: 'sudo dnf install kernel-rt, then restart',
    rhel: 'sudo dnf install kernel-rt, then restart',
    arch: 'sudo pacman -S linux-rt, then restart',
  };
  return known[id] ?? "the distribution's PREEMPT_RT kernel, then restart";
}

function throttling(machine: Machine): DoctorFinding {
  const check = new Check(
    'rt-throttling',
    'throttling of realtime threads',
    'The kernel stops realtime threads that use more than this share of a second.',
  );
  const runtime = Number(machine.read('proc/sys/kernel/sched_rt_runtime_us') ?? Number.NaN);
  const period = Number(machine.read('proc/sys/kernel/sched_rt_period_us') ?? 1e6);
  if (Number.isNaN(runtime)) return check.unknown('the system does not tell');
  if (runtime < 0) return check.good('off');
  const share = runtime / period;
  const found = `${runtime} us of ${period} us`;
  if (share >= 0.9) return check.good(`${found}, more than the loop uses`);
  const mend = 'sudo sysctl kernel.sched_rt_runtime_us=950000';
  return share === 0 ? check.unfit(found, mend) : check.usable(found, mend);
}

function clockSource(machine: Machine): DoctorFinding {
  const check = new Check(
    'clock-source',
    'clock source',
    'The loop reads the clock several times a cycle: a slow clock delays each of its commands.',
  );
  const folder = 'sys/devices/system/clocksource/clocksource0';
  const source = machine.read(`${folder}/current_clocksource`);
  if (source === undefined) return check.unknown('the system does not tell');
  if (QUICK_CLOCKS.includes(source)) return check.good(source);
  const available = machine.read(`${folder}/available_clocksource`)?.split(/\s+/) ?? [];
  const better = available.find((name) => QUICK_CLOCKS.includes(name));
  const mend = better
    ? `echo ${better} | sudo tee /${folder}/current_clocksource`
    : 'find out in dmesg why the kernel does not trust the TSC; an update of the BIOS may help';
  return check.usable(`${source}, which is slow to read`, mend);
}

function timerSlack(machine: Machine): DoctorFinding {
  const check = new Check(
    'timer-slack',
    'timer slack',
    'The kernel may wake a thread so much later to save power. The loop asks for 1 ns for itself.',
  );
  const slack = machine.read('proc/self/timerslack_ns');
  if (slack === undefined) return check.unknown('the system does not tell');
  const found = `${slack} ns for other threads`;
  if (Number(slack) <= 1e6) return check.good(found);
  return check.usable(found, 'echo 50000 > /proc/self/timerslack_ns in the shell, before node');
}

function stolen(machine: Machine): DoctorFinding {
  const check = new Check(
    'steal-time',
    'time that other virtual machines take',
    'While a hypervisor runs others on this processor nothing here runs, not even the loop.',
  );
  const [, ...times] = machine.read('proc/stat')?.split('\n')[0]?.split(/\s+/).map(Number) ?? [];
  // user, nice, system, idle, iowait, irq, softirq, steal: guest times are part of the first two.
  const steal = times[7];
  if (steal === undefined) return check.unknown('the system does not tell');
  const all = times.slice(0, 8).reduce((sum, time) => sum + time, 0);
  const share = all > 0 ? steal / all : 0;
  const found = `${(share * 100).toFixed(2)} % since the start of the system`;
  if (share < STOLEN_SHARE.usable) return check.good(found);
  const mend = 'a computer of its own, or processors that the hypervisor gives to no one else';
  return share < STOLEN_SHARE.unfit ? check.usable(found, mend) : check.unfit(found, mend);
}

function graphics(machine: Machine, isRealtime: boolean): DoctorFinding {
  const check = new Check(
    'nvidia',
    'NVIDIA driver',
    'NVIDIA does not support PREEMPT_RT kernels: its driver refuses to be built for one, or may stall it.',
  );
  const version = machine.read('proc/driver/nvidia/version')?.split('\n')[0];
  const devices = 'sys/bus/pci/devices';
  const hasCard = machine
    .list(devices)
    .some((name) => machine.read(`${devices}/${name}/vendor`) === NVIDIA);
  if (version === undefined && !hasCard) return check.good('no card of NVIDIA');
  const found = version ?? 'a card without its driver';
  if (!isRealtime) return check.good(`${found}, and no PREEMPT_RT kernel`);
  const mend =
    'run the model on another computer or with another kernel; or build the driver with ' +
    'IGNORE_PREEMPT_RT_PRESENCE=1 and compare `kilohertz selftest` with and without load';
  return check.usable(`${found}, with a PREEMPT_RT kernel`, mend);
}
