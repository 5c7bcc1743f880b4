import { quotaOf } from '../offload/processors.ts';
import { Check, type DoctorFinding } from './findings.ts';
import { fieldIn, type Machine, numbersIn } from './machine.ts';

const CPUS = 'sys/devices/system/cpu';
/** A container with fewer processors keeps no cores awake. */
const ENOUGH_CPUS = 3;

/** Looks at the processors that this process may use. */
export function processorFindings(machine: Machine): DoctorFinding[] {
  return [usable(machine), quota(machine), governor(machine), isolated(machine)];
}

function usable(machine: Machine): DoctorFinding {
  const check = new Check(
    'cpuset',
    'processors of this process (cpuset)',
    'The loop and the policy each need a processor while they work.',
  );
  const list = fieldIn(machine.read('proc/self/status'), 'Cpus_allowed_list');
  if (list === undefined) return check.unknown('the system does not tell');
  const count = numbersIn(list).length;
  const online = machine.read(`${CPUS}/online`) ?? list;
  const found = `${list} of ${online}`;
  if (count >= 2) return check.good(found);
  const mend =
    numbersIn(online).length < 2
      ? 'a computer with two processors or more'
      : 'give the container or the control group more: docker run --cpuset-cpus=0-3, or no taskset';
  return check.usable(`${found}: one`, mend);
}

function quota(machine: Machine): DoctorFinding {
  const check = new Check(
    'cpu-max',
    'quota of the control group (cpu.max)',
    'A group that has used its quota does not run for the rest of a tenth of a second: the arm stops by its reflex.',
  );
  const cpus = quotaOf((path) => machine.read(path));
  if (cpus === Number.POSITIVE_INFINITY) return check.good('none');
  const found = `${cpus} processors`;
  const mend = 'run without one: docker run without --cpus, systemctl set-property UNIT CPUQuota=';
  if (cpus < 1) return check.unfit(found, mend);
  return cpus < ENOUGH_CPUS ? check.usable(found, mend) : check.good(found);
}

function governor(machine: Machine): DoctorFinding {
  const check = new Check(
    'governor',
    "governor of the processors' frequency",
    'A processor that was slowed down takes many cycles of the loop to become fast again.',
  );
  const governors = machine
    .list(CPUS)
    .filter((name) => /^cpu\d+$/.test(name))
    .flatMap((name) => machine.read(`${CPUS}/${name}/cpufreq/scaling_governor`) ?? []);
  const found = [...new Set(governors)];
  if (found.length === 0) {
    return check.unknown('the system does not tell, as in virtual machines: the host decides');
  }
  if (found.every((name) => name === 'performance')) return check.good('performance');
  return check.usable(found.join(', '), 'sudo cpupower frequency-set -g performance');
}

function isolated(machine: Machine): DoctorFinding {
  const check = new Check(
    'isolated-cores',
    'isolated cores',
    'Nothing else runs on an isolated core. Only a computer that does much beside the loop needs one.',
  );
  const list = machine.read(`${CPUS}/isolated`);
  if (list === undefined) return check.unknown('the system does not tell');
  if (list === '') {
    return check.good('none; if other programs keep all cores busy: isolcpus=3 on the kernel line');
  }
  const [first] = numbersIn(list);
  return check.good(`${list}; use one with \`realtime: { cpu: ${first} }\``);
}
