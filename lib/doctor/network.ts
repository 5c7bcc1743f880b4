import { lookup } from 'node:dns/promises';
import { isIPv4 } from 'node:net';
import { inOneLine } from '../errors/describe.ts';
import { Check, type DoctorFinding } from './findings.ts';
import { type Machine, numbersIn } from './machine.ts';

/** A longer time until interrupts are told delays states [us]. */
const LATE_US = 10;
/** The slowest link that is no reason to worry [Mbit/s]. */
const GIGABIT = 1000;

/** How packets get to a host. */
interface Route {
  readonly card: string;
  readonly isDirect: boolean;
}

/** Looks at the way to the robot: the card, its interrupts, and what it does to save power. */
export async function networkFindings(machine: Machine, host: string): Promise<DoctorFinding[]> {
  const check = new Check(
    'card',
    'network card to the arm',
    'The way there and back is a part of each millisecond: a cable without anything between is the quickest.',
  );
  const ip = await ipOf(host);
  if (ip === undefined) {
    const mend = `ping ${host}; use the IP address of the control box`;
    return [check.unfit(`${host} has no IPv4 address`, mend)];
  }
  const route = routeTo(machine, ip);
  if (!route) {
    const mend =
      'give the card an address of that network: sudo ip addr add 172.16.0.1/24 dev CARD';
    return [check.unfit(`no card leads to ${ip}`, mend)];
  }
  if (route.card === 'lo') return [check.good('this computer itself: no card is used')];
  return [
    kind(machine, check, route),
    interrupts(machine, route.card),
    await coalescing(machine, route.card),
    await efficientEthernet(machine, route.card),
  ];
}

async function ipOf(host: string): Promise<string | undefined> {
  if (isIPv4(host)) return host;
  try {
    return (await lookup(host, { family: 4 })).address;
  } catch {
    return undefined;
  }
}

/** Returns the route with the longest prefix. */
function routeTo(machine: Machine, ip: string): Route | undefined {
  if (ip.startsWith('127.')) return { card: 'lo', isDirect: true };
  const wanted = numberOf(ip.split('.').map(Number));
  const rows = machine.read('proc/net/route')?.split('\n').slice(1) ?? [];
  const fitting = rows
    .map((row) => row.trim().split(/\s+/))
    .map(([card = '', place = '', gateway = '', , , , , mask = '']) => ({
      card,
      isDirect: fromHex(gateway) === 0,
      mask: fromHex(mask),
      place: fromHex(place),
    }))
    .filter(({ card, mask, place }) => card !== '' && (wanted & mask) >>> 0 === place)
    .sort((a, b) => b.mask - a.mask);
  return fitting[0];
}

function numberOf([a = 0, b = 0, c = 0, d = 0]: readonly number[]): number {
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}

/** Returns an address that the kernel writes with its lowest byte first. */
function fromHex(text: string): number {
  const bytes = text.match(/../g)?.map((byte) => Number.parseInt(byte, 16)) ?? [];
  return numberOf(bytes.reverse());
}

function kind(machine: Machine, check: Check, { card, isDirect }: Route): DoctorFinding {
  const folder = `sys/class/net/${card}`;
  const cable = 'one cable from this computer to the control box, without a switch';
  if (machine.has(`${folder}/wireless`)) return check.unfit(`${card} is wireless`, cable);
  if (!isDirect) return check.usable(`${card}, and behind it a router`, cable);
  if (machine.link(`${folder}/device`)?.includes('usb')) {
    return check.usable(`${card} is a USB adapter`, 'a card inside the computer');
  }
  const speed = Number(machine.read(`${folder}/speed`) ?? Number.NaN);
  if (speed > 0 && speed < GIGABIT) {
    return check.usable(`${card}, ${speed} Mbit/s`, 'another cable or port: 1000 Mbit/s');
  }
  return check.good(speed > 0 ? `${card}, ${speed} Mbit/s` : card);
}

function interrupts(machine: Machine, card: string): DoctorFinding {
  const check = new Check(
    'irq-affinity',
    "processors for the card's interrupts",
    'Interrupts on the core that is isolated for the loop interrupt the loop.',
  );
  const name = new RegExp(`(^|[\\s,])${escaped(card)}([-@:]\\S*)?(,|$)`);
  const lines = machine.read('proc/interrupts')?.split('\n') ?? [];
  const numbers = lines
    .filter((line) => name.test(line.trimEnd()))
    .map((line) => line.trim().split(':')[0] ?? '');
  if (numbers.length === 0) return check.unknown('the system does not tell');
  const isolated = numbersIn(machine.read('sys/devices/system/cpu/isolated') ?? '');
  const online = numbersIn(machine.read('sys/devices/system/cpu/online') ?? '');
  const places = numbers.map((irq) => ({
    irq,
    list: machine.read(`proc/irq/${irq}/smp_affinity_list`) ?? '',
  }));
  const found = places.map(({ irq, list }) => `${irq} on ${list}`).join(', ');
  const wrong = places.filter(({ list }) => numbersIn(list).some((cpu) => isolated.includes(cpu)));
  if (wrong.length === 0) return check.good(found);
  const others = online.filter((cpu) => !isolated.includes(cpu)).join(',');
  const mend = wrong.map(
    ({ irq }) => `echo ${others} | sudo tee /proc/irq/${irq}/smp_affinity_list`,
  );
  return check.usable(`${found}; isolated are ${isolated.join(',')}`, mend.join('; '));
}

async function coalescing(machine: Machine, card: string): Promise<DoctorFinding> {
  const check = new Check(
    'coalescing',
    "coalescing of the card's interrupts",
    'A card that waits for more packets before it interrupts delays each state of the arm.',
  );
  const told = await machine.run('ethtool', '-c', card);
  if (!told) return check.unknown('ethtool is not installed', 'sudo apt install ethtool');
  const waits = /^rx-usecs:\s*(\d+)/m.exec(told.text)?.[1];
  const isAdaptive = /Adaptive RX:\s*on/.test(told.text);
  if (waits === undefined && !isAdaptive) return check.good('the card has none');
  const found = `rx-usecs ${waits ?? 'unknown'}${isAdaptive ? ', adaptive' : ''}`;
  if (!isAdaptive && Number(waits) <= LATE_US) return check.good(found);
  return check.usable(found, `sudo ethtool -C ${card} adaptive-rx off rx-usecs 0`);
}

async function efficientEthernet(machine: Machine, card: string): Promise<DoctorFinding> {
  const check = new Check(
    'energy-efficient-ethernet',
    'energy-efficient Ethernet',
    'A link that has gone to sleep takes tens of microseconds to wake.',
  );
  const told = await machine.run('ethtool', '--show-eee', card);
  if (!told) return check.unknown('ethtool is not installed', 'sudo apt install ethtool');
  const status = /EEE status:\s*(.+)/.exec(told.text)?.[1] ?? 'not supported';
  const found = inOneLine(status);
  if (!/^enabled/.test(status)) return check.good(found);
  return check.usable(found, `sudo ethtool --set-eee ${card} eee off`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
