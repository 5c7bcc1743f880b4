import { checkSignal, throwIfAborted } from '../abort.ts';
import { ownOptions } from '../checks.ts';
import { checkArmAddress } from '../franka/address.ts';
import type { DoctorFinding, DoctorVerdict } from './findings.ts';
import { checkRoot, type DoctorFile, FIX_FILES } from './fix.ts';
import { kernelFindings } from './kernel.ts';
import { Machine } from './machine.ts';
import { networkFindings } from './network.ts';
import { permissionFindings } from './permissions.ts';
import { processorFindings } from './processor.ts';
import { robotFindings } from './robot.ts';
import { runtimeFindings } from './runtime.ts';

/** Options of {@link doctor}. */
export interface DoctorOptions {
  /** The address of an arm, as for `Franka.connect`. Default: only the machine is looked at. */
  readonly robot?: string;
  /**
   * A folder that has the files of a machine, in place of `/`: `proc/version`, `sys/devices/…`. What programs print there
   * is in files of its folder `commands`, for example `commands/ethtool_-c_eth0`.
   */
  readonly root?: string;
  /** Ends the call when it aborts; the call then rejects with an {@link AbortError}. */
  readonly signal?: AbortSignal;
}

/** What {@link doctor} found. */
export interface DoctorReport {
  /** The worst verdict of the findings. One that is `unknown` does not count. */
  readonly verdict: 'good' | 'usable' | 'unfit';
  readonly findings: readonly DoctorFinding[];
  /** The files that {@link fixMachine} writes. */
  readonly files: readonly DoctorFile[];
}

/** The name of what a signal aborts, for messages. */
const LOOKING = 'the look at the machine';

const BY_WORST: readonly DoctorVerdict[] = ['unfit', 'usable'];

/**
 * Looks at whether this machine can drive an arm, and says for each finding why it matters and what mends it. Nothing is
 * changed and nothing moves. A session with a robot in memory runs for a tenth of a second, to see what it is granted.
 *
 * @example
 * const { verdict, findings } = await doctor({ robot: '172.16.0.2' });
 * for (const { title, verdict, mend } of findings) console.log(verdict, title, mend);
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 * @throws {AbortError} if {@link DoctorOptions.signal} aborts
 */
export async function doctor(options: DoctorOptions = {}): Promise<DoctorReport> {
  const {
    robot,
    root = '/',
    signal,
  } = ownOptions('doctor()', options, ['robot', 'root', 'signal']);
  checkRoot(root);
  checkSignal(signal);
  throwIfAborted(signal, LOOKING);
  const address = robot === undefined ? undefined : checkArmAddress(robot);
  const machine = new Machine(root);
  const findings = [
    ...kernelFindings(machine),
    ...permissionFindings(machine),
    ...(await runtimeFindings(machine)),
    ...processorFindings(machine),
  ];
  if (address !== undefined) {
    throwIfAborted(signal, LOOKING);
    const host = address.replace(/:\d+$/, '');
    findings.push(...(await networkFindings(machine, host)));
    findings.push(...(await robotFindings(machine, address, host, signal)));
  }
  throwIfAborted(signal, LOOKING);
  const worst = BY_WORST.find((verdict) => findings.some((each) => each.verdict === verdict));
  return { verdict: (worst ?? 'good') as DoctorReport['verdict'], findings, files: FIX_FILES };
}
