// What the doctor says of machines: trees of files, and this one.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { type DoctorFinding, doctor, FrankaSimulator, fixMachine } from '../../index.ts';
import { Machine } from '../../lib/doctor/machine.ts';
import { networkFindings } from '../../lib/doctor/network.ts';
import { atTerminal, kilohertz, onScreen, started } from '../fixtures/command-line.ts';
import { type Files, LIMITS, MachineTree, STATUS } from '../fixtures/machines.ts';
import { rejection } from '../fixtures/waiting.ts';

/** What is found on a machine under one name. */
async function found(id: string, changes: Files): Promise<DoctorFinding> {
  using machine = new MachineTree(changes);
  const { findings } = await doctor({ root: machine.path });
  const [finding] = findings.filter((each) => each.id === id);
  if (!finding) throw new Error(`nothing was found of ${id}`);
  return finding;
}

test('a machine that was set up is good, and nothing is to be mended', async (t) => {
  using machine = new MachineTree();
  const { verdict, findings } = await doctor({ root: machine.path });
  t.deepEqual(
    findings.filter((each) => each.verdict !== 'good'),
    [],
  );
  t.is(verdict, 'good');
  t.true(findings.every(({ mend }) => mend === undefined));
  t.true(findings.every(({ why, title, found }) => why !== '' && title !== '' && found !== ''));
});

/** What is changed of the good machine; what is then found, and a part of what mends it. */
const CHANGES: readonly (readonly [string, Files, DoctorFinding['verdict'], RegExp, RegExp])[] = [
  [
    'preempt-rt',
    {
      'sys/kernel/realtime': undefined,
      'proc/version': 'Linux version 6.12.48+deb13-amd64 #1 SMP PREEMPT_DYNAMIC Debian',
      'proc/sys/kernel/osrelease': '6.12.48+deb13-amd64',
    },
    'usable',
    /^6\.12\.48\+deb13-amd64 is none$/,
    /^sudo apt install linux-image-rt-/,
  ],
  [
    'preempt-rt',
    {
      'sys/kernel/realtime': undefined,
      'proc/version': 'Linux version 6.8.0-45-generic #45-Ubuntu SMP PREEMPT_DYNAMIC',
      'etc/os-release': 'ID=ubuntu\n',
    },
    'usable',
    /is none$/,
    /^sudo pro enable realtime-kernel/,
  ],
  [
    'rt-throttling',
    { 'proc/sys/kernel/sched_rt_runtime_us': '0' },
    'unfit',
    /^0 us of 1000000 us$/,
    /sysctl kernel\.sched_rt_runtime_us=950000/,
  ],
  [
    'clock-source',
    { 'sys/devices/system/clocksource/clocksource0/current_clocksource': 'hpet' },
    'usable',
    /^hpet/,
    /^echo tsc \| sudo tee \/sys\/devices\/system\/clocksource/,
  ],
  [
    'timer-slack',
    { 'proc/self/timerslack_ns': '50000000' },
    'usable',
    /^50000000 ns/,
    /timerslack_ns/,
  ],
  [
    'steal-time',
    { 'proc/stat': 'cpu  1000 0 500 90000 10 0 5 2000 0 0' },
    'unfit',
    /^2\.14 %/,
    /a computer of its own/,
  ],
  [
    'nvidia',
    {
      'proc/driver/nvidia/version': 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.120\nGCC',
    },
    'usable',
    /550\.120, with a PREEMPT_RT kernel$/,
    /IGNORE_PREEMPT_RT_PRESENCE=1/,
  ],
  [
    'nvidia',
    { 'sys/bus/pci/devices/0000:01:00.0/vendor': '0x10de' },
    'usable',
    /^a card without its driver/,
    /another computer/,
  ],
  [
    'rtprio',
    { 'proc/self/limits': LIMITS.none },
    'usable',
    /^0, and/,
    /limits\.d\/60-kilohertz\.conf/,
  ],
  [
    'rtprio',
    {
      'proc/self/limits': LIMITS.none,
      'etc/security/limits.d/60-kilohertz.conf':
        '@realtime - rtprio 99\n@realtime - memlock 512000\n',
    },
    'usable',
    /^0, and/,
    /60-kilohertz\.conf is there: sudo groupadd .+ log in again$/,
  ],
  ['memlock', { 'proc/self/limits': LIMITS.none }, 'usable', /^8192 kB$/, /60-kilohertz\.conf/],
  [
    'cgroup-realtime',
    {
      'proc/self/cgroup': '4:cpu,cpuacct:/docker/abc\n1:name=systemd:/docker/abc',
      'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.rt_runtime_us': '0',
    },
    'usable',
    /^0 us$/,
    /^echo 950000 \| sudo tee \/sys\/fs\/cgroup\/cpu,cpuacct\/docker\/abc\/cpu\.rt_runtime_us$/,
  ],
  [
    'idle-states',
    { 'dev/cpu_dma_latency': undefined },
    'usable',
    /there is no \/dev\/cpu_dma_latency/,
    /keeps two cores busy/,
  ],
  ['cpuset', { 'proc/self/status': STATUS.one }, 'usable', /^2 of 0-3: one$/, /--cpuset-cpus/],
  [
    'cpu-max',
    { 'sys/fs/cgroup/user.slice/cpu.max': '50000 100000' },
    'unfit',
    /^0\.5 processors$/,
    /without --cpus/,
  ],
  [
    'cpu-max',
    { 'proc/self/cgroup': '0::/', 'sys/fs/cgroup/cpu.max': '200000 100000' },
    'usable',
    /^2 processors$/,
    /without --cpus/,
  ],
  [
    'cpu-max',
    {
      'proc/self/cgroup': '4:cpu,cpuacct:/docker/abc',
      'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_quota_us': '150000',
      'sys/fs/cgroup/cpu,cpuacct/docker/abc/cpu.cfs_period_us': '100000',
    },
    'usable',
    /^1\.5 processors$/,
    /without --cpus/,
  ],
  [
    'governor',
    { 'sys/devices/system/cpu/cpu1/cpufreq/scaling_governor': 'powersave' },
    'usable',
    /^performance, powersave$/,
    /^sudo cpupower frequency-set -g performance$/,
  ],
  [
    'dev-shm',
    { 'proc/mounts': 'shm /dev/shm tmpfs rw,nosuid,nodev,noexec,relatime,size=65536k 0 0' },
    'usable',
    /^64 MB$/,
    /--shm-size/,
  ],
  ['dev-shm', { 'proc/mounts': '' }, 'usable', /not mounted/, /remount/],
  ['node', { 'commands/node_--version': 'v18.19.0' }, 'unfit', /^v18\.19\.0; expected/, /install/],
  ['node', { 'commands/node_--version': 'v21.7.0' }, 'unfit', /^v21/, /install/],
];

for (const [index, [id, changes, verdict, what, mend]] of CHANGES.entries()) {
  test(`${index}, ${id}: ${Object.keys(changes).join(', ')} is ${verdict}, with what mends it`, async (t) => {
    const finding = await found(id, changes);
    t.is(finding.verdict, verdict, finding.found);
    t.regex(finding.found, what);
    t.regex(finding.mend ?? '', mend);
  });
}

test('what a virtual machine does not tell is unknown, and does not make it worse', async (t) => {
  const governor = await found('governor', {
    'sys/devices/system/cpu/cpu0/cpufreq/scaling_governor': undefined,
    'sys/devices/system/cpu/cpu1/cpufreq/scaling_governor': undefined,
  });
  t.is(governor.verdict, 'unknown');
  using machine = new MachineTree({ 'proc/stat': undefined });
  const { verdict } = await doctor({ root: machine.path });
  t.is(verdict, 'good');
});

test('idle states may stay if nobody may hold them off and all are quick', async (t) => {
  using machine = new MachineTree();
  machine.lock('dev/cpu_dma_latency');
  const locked = await doctor({ root: machine.path });
  const [slow] = locked.findings.filter(({ id }) => id === 'idle-states');
  t.is(slow?.verdict, 'usable');
  t.regex(slow?.found ?? '', /890 us to wake; \/dev\/cpu_dma_latency may not be written/);
  t.regex(slow?.mend ?? '', /60-cpu-dma-latency\.rules/);
  using quick = new MachineTree({ 'sys/devices/system/cpu/cpu0/cpuidle/state3/latency': '2' });
  quick.lock('dev/cpu_dma_latency');
  t.is((await doctor({ root: quick.path })).verdict, 'good');
});

/** What is changed of the good machine on the way to an arm. */
const WAYS: readonly (readonly [string, Files, DoctorFinding['verdict'], RegExp, RegExp])[] = [
  ['card', { 'sys/class/net/enp3s0/wireless/x': '' }, 'unfit', /^enp3s0 is wireless$/, /one cable/],
  ['card', { 'sys/class/net/enp3s0/speed': '100' }, 'usable', /100 Mbit/, /1000 Mbit/],
  [
    'card',
    { 'proc/net/route': 'Iface\nenp3s0\t00000000\t0101A8C0\t0003\t0\t0\t600\t00000000' },
    'usable',
    /a router$/,
    /one cable/,
  ],
  [
    'card',
    { 'proc/net/route': 'Iface' },
    'unfit',
    /^no card leads to 172\.16\.0\.2$/,
    /ip addr add/,
  ],
  [
    'irq-affinity',
    { 'proc/irq/127/smp_affinity_list': '0-3' },
    'usable',
    /^127 on 0-3; isolated are 3$/,
    /^echo 0,1,2 \| sudo tee \/proc\/irq\/127\/smp_affinity_list$/,
  ],
  [
    'coalescing',
    { 'commands/ethtool_-c_enp3s0': 'Adaptive RX: on  TX: on\nrx-usecs:\t50\n' },
    'usable',
    /^rx-usecs 50, adaptive$/,
    /^sudo ethtool -C enp3s0 adaptive-rx off rx-usecs 0$/,
  ],
  ['coalescing', { 'commands/ethtool_-c_enp3s0': undefined }, 'unknown', /not installed/, /apt/],
  [
    'energy-efficient-ethernet',
    { 'commands/ethtool_--show-eee_enp3s0': 'EEE status: enabled - active\n' },
    'usable',
    /^enabled - active$/,
    /^sudo ethtool --set-eee enp3s0 eee off$/,
  ],
];

for (const [id, changes, verdict, what, mend] of WAYS) {
  test(`${id} to the arm: ${Object.keys(changes).join(', ')} is ${verdict}`, async (t) => {
    using tree = new MachineTree(changes);
    const findings = await networkFindings(new Machine(tree.path), '172.16.0.2');
    const [finding] = findings.filter((each) => each.id === id);
    t.is(finding?.verdict, verdict, finding?.found);
    t.regex(finding?.found ?? '', what);
    t.regex(finding?.mend ?? '', mend);
  });
}

test('a good way to the arm is good, and a USB adapter is not', async (t) => {
  using good = new MachineTree();
  const findings = await networkFindings(new Machine(good.path), '172.16.0.2');
  t.deepEqual(
    findings.map(({ id, verdict }) => [id, verdict]),
    [
      ['card', 'good'],
      ['irq-affinity', 'good'],
      ['coalescing', 'good'],
      ['energy-efficient-ethernet', 'good'],
    ],
  );
  using usb = new MachineTree();
  usb.link(
    'sys/class/net/enp3s0/device',
    '../../../devices/pci0000:00/0000:00:14.0/usb2/2-1/2-1:1.0',
  );
  const [card] = await networkFindings(new Machine(usb.path), '172.16.0.2');
  t.is(card?.verdict, 'usable');
  t.regex(card?.found ?? '', /USB adapter/);
});

test('with an address the arm says what it is: version, mode, errors, load and end effector', async (t) => {
  await using simulator = await FrankaSimulator.start();
  using machine = new MachineTree();
  const look = async () => {
    const { findings } = await doctor({ root: machine.path, robot: simulator.address });
    return new Map(findings.map((finding) => [finding.id, finding]));
  };
  const well = await look();
  t.is(well.get('fci')?.found, 'FR3, FCI version 10');
  t.is(well.get('mode')?.verdict, 'good');
  t.is(well.get('errors')?.found, 'none');
  t.regex(well.get('end-effector')?.found ?? '', /^0\.730 kg, frame at 0\.000, 0\.000, 0\.103 m$/);
  t.is(well.get('card')?.verdict, 'good');
  simulator.inject({ kind: 'reflex' });
  const ill = await look();
  t.is(ill.get('mode')?.verdict, 'unfit');
  t.regex(ill.get('errors')?.found ?? '', /joint_reflex/);
  t.regex(ill.get('errors')?.mend ?? '', /kilohertz recover/);
  t.is(simulator.counters().motionsStarted, 0);
});

test('an arm that does not answer is unfit, and an address that is none is refused', async (t) => {
  using machine = new MachineTree();
  const { verdict, findings } = await doctor({ root: machine.path, robot: '127.0.0.1:1' });
  t.is(verdict, 'unfit');
  t.regex(findings.find(({ id }) => id === 'fci')?.found ?? '', /^FRANKA_CONNECT_REFUSED/);
  t.like(await rejection(doctor({ robot: 'http://arm' })), { code: 'OPTION_ADDRESS' });
  for (const root of ['', `${machine.path}-nowhere`, join(machine.path, 'proc/version')]) {
    t.like(await rejection(doctor({ root })), { code: 'OPTION_ROOT' }, root);
    t.throws(() => fixMachine({ root }), { code: 'OPTION_ROOT' }, root);
  }
  t.like(await rejection(doctor({ signal: AbortSignal.abort('enough') })), { code: 'ABORT_ERR' });
});

test('a packet that got lost, and a slow round trip, are unfit', async (t) => {
  const ping = 'commands/ping_-n_-q_-i_0.01_-c_200_127.0.0.1';
  const rtt = (longest: string): string =>
    `200 packets transmitted, 200 received, 0% packet loss\nrtt min/avg/max/mdev = 0.1/0.2/${longest}/0.1 ms`;
  for (const [text, verdict] of [
    ['200 packets transmitted, 199 received, 0.5% packet loss, time 2ms', 'unfit'],
    [rtt('2.4'), 'unfit'],
    [rtt('0.5'), 'usable'],
    [rtt('0.2'), 'good'],
  ] as const) {
    using machine = new MachineTree({ [ping]: text });
    const { findings } = await doctor({ root: machine.path, robot: '127.0.0.1:1' });
    t.is(findings.find(({ id }) => id === 'round-trip')?.verdict, verdict, text);
  }
});

test('this machine is looked at as a whole, and a session says what it was granted', async (t) => {
  const { verdict, findings } = await doctor();
  t.true(['good', 'usable', 'unfit'].includes(verdict));
  t.true(findings.some(({ id }) => id === 'sched-fifo'));
  t.is(findings.find(({ id }) => id === 'node')?.verdict, 'good');
  t.is(new Set(findings.map(({ id }) => id)).size, findings.length);
  for (const { verdict, mend, title } of findings) {
    if (verdict === 'usable' || verdict === 'unfit') t.truthy(mend, title);
  }
});

test('the exit code is the verdict: 0 good, 1 usable, 2 unfit', async (t) => {
  const cases: readonly (readonly [Files, number, RegExp])[] = [
    [{}, 0, /\n\nThis machine is good\.\n$/],
    [{ 'proc/self/limits': LIMITS.none }, 1, /→ kilohertz doctor --fix writes .+usable/s],
    [{ 'commands/node_--version': 'v18.0.0' }, 2, /This machine is unfit/],
  ];
  for (const [changes, code, text] of cases) {
    using machine = new MachineTree(changes);
    const ended = await kilohertz('doctor', '--root', machine.path);
    t.is(ended.code, code, ended.stdout);
    t.regex(ended.stdout, text);
    t.false(ended.stdout.includes('\u001b'));
    t.is(ended.stderr, '');
  }
  using machine = new MachineTree();
  const json = await kilohertz('doctor', '--root', machine.path, '--json');
  t.like(JSON.parse(json.stdout), { verdict: 'good' });
  t.is((await kilohertz('doctor', '--robot', 'not an arm')).code, 2);
});

test('the page of a good machine is the same as ever, in a pipe and on a screen', async (t) => {
  using machine = new MachineTree();
  const golden = readFileSync(join(import.meta.dirname, 'doctor.golden.txt'), 'utf8');
  const { stdout } = await kilohertz('doctor', '--root', machine.path);
  t.is(stdout, golden);
  const screen = await onScreen(t, 'doctor', '--root', machine.path);
  if (screen === undefined) t.log('tmux is not installed: the screen was not looked at');
  else t.is(screen, golden.trimEnd());
});

test('a closed pipe ends the doctor quietly', async (t) => {
  using machine = new MachineTree();
  const running = started(t, 'doctor', '--root', machine.path);
  running.process.stdout?.destroy();
  t.is(await running.ended, 0);
  t.is(running.text, '');
});

test('--fix shows the files and writes them after they are confirmed; a file that is there stays', async (t) => {
  using machine = new MachineTree();
  const read = (path: string): string => readFileSync(join(machine.path, path), 'utf8');
  const rules = 'etc/udev/rules.d/60-cpu-dma-latency.rules';
  const limits = 'etc/security/limits.d/60-kilohertz.conf';
  const asked = await kilohertz('doctor', '--fix', '--root', machine.path);
  t.is(asked.code, 2);
  t.regex(asked.stderr, /@realtime - rtprio 99\n/);
  t.throws(() => read(rules));
  const terminal = atTerminal(t, 'doctor', '--fix', '--root', machine.path);
  await terminal.printed(/Type "write" to go on: /);
  terminal.type('write\n');
  t.is(await terminal.ended, 0, terminal.text);
  // What was written is told with where it is.
  for (const path of [rules, limits].map((file) => join(machine.path, file))) {
    t.true(terminal.text.includes(`${path}: written`), terminal.text);
  }
  t.is(read(rules), 'KERNEL=="cpu_dma_latency", GROUP="realtime", MODE="0660"\n');
  t.is(read(limits), '@realtime - rtprio 99\n@realtime - memlock 512000\n');
  using other = new MachineTree({ [limits]: '# mine\n' });
  const kept = await kilohertz('doctor', '--fix', '--yes', '--root', other.path, '--json');
  t.is(kept.code, 1);
  t.deepEqual(
    JSON.parse(kept.stdout).files.map(({ outcome }: { outcome: string }) => outcome),
    ['different', 'written'],
  );
  t.is(readFileSync(join(other.path, limits), 'utf8'), '# mine\n');
  t.deepEqual(
    fixMachine({ root: machine.path }).map(({ outcome }) => outcome),
    ['kept', 'kept'],
  );
});

test('a file that --fix cannot write is told as what it is', async (t) => {
  using machine = new MachineTree({ 'etc/security': 'a file where a folder should be' });
  const ended = await kilohertz('doctor', '--fix', '--yes', '--root', machine.path, '--json');
  t.is(ended.code, 1);
  const { error } = JSON.parse(ended.stdout);
  t.is(error.code, 'REPORT_IO');
  t.regex(error.message, /^ENOTDIR: .+limits\.d/);
});

test('a folder that does not exist is no machine, and nothing is written there', async (t) => {
  using machine = new MachineTree();
  const nowhere = join(machine.path, 'nowhere');
  for (const words of [[], ['--fix', '--yes'], ['--json']]) {
    const ended = await kilohertz('doctor', '--root', nowhere, ...words);
    t.is(ended.code, 2, words.join(' '));
    t.regex(ended.stdout + ended.stderr, /OPTION_ROOT.+a folder that exists/);
  }
  t.false(existsSync(nowhere));
});
