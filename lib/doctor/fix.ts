import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { checkText, ownOptions } from '../checks.ts';
import { OptionRangeError } from '../errors/errors.ts';

/** A file that gives permissions to the members of the group `realtime`. */
export interface DoctorFile {
  /** Its absolute path. */
  readonly path: string;
  readonly content: string;
  /** What it is for. */
  readonly why: string;
  /** The command after which it counts. */
  readonly afterwards: string;
}

/** What became of a file of {@link fixMachine}. */
export interface FixedFile {
  /** Where it is: its absolute path, below {@link FixOptions.root}. */
  readonly path: string;
  /** `'kept'` if a file with this content was there; `'different'` if another one is, which stays as it is. */
  readonly outcome: 'written' | 'kept' | 'different';
}

/** Options of {@link fixMachine}. */
export interface FixOptions {
  /** The folder in which the files are written, in place of `/`. It exists. */
  readonly root?: string;
}

export const LIMITS_FILE: DoctorFile = {
  path: '/etc/security/limits.d/60-kilohertz.conf',
  content: '@realtime - rtprio 99\n@realtime - memlock 512000\n',
  why: 'members of the group realtime may have realtime priorities and lock memory',
  afterwards: 'sudo groupadd -f realtime && sudo usermod -aG realtime $USER, then log in again',
};

export const UDEV_FILE: DoctorFile = {
  path: '/etc/udev/rules.d/60-cpu-dma-latency.rules',
  content: 'KERNEL=="cpu_dma_latency", GROUP="realtime", MODE="0660"\n',
  why: 'members of the group realtime may hold idle states off',
  afterwards: 'sudo udevadm control --reload && sudo udevadm trigger --name-match=cpu_dma_latency',
};

/** Returns the command that writes a file as root, for a person to run. */
export function writing({ path, content }: DoctorFile): string {
  const lines = content
    .trimEnd()
    .split('\n')
    .map((line) => `'${line}'`);
  return `printf '%s\\n' ${lines.join(' ')} | sudo tee ${path}`;
}

/** The files that {@link fixMachine} writes. */
export const FIX_FILES: readonly DoctorFile[] = [LIMITS_FILE, UDEV_FILE];

/**
 * Writes the files that give realtime permissions to the group `realtime`: `/etc/security/limits.d/60-kilohertz.conf` and
 * `/etc/udev/rules.d/60-cpu-dma-latency.rules`. A file that is there is never changed. {@link DoctorReport.files} has
 * their contents. Writing below `/` needs root.
 *
 * @throws {OptionTypeError | OptionRangeError} if an option is invalid
 * @throws the error of the file system, if a file cannot be written
 */
export function fixMachine(options: FixOptions = {}): FixedFile[] {
  const { root = '/' } = ownOptions('fixMachine()', options, ['root']);
  checkRoot(root);
  return filesBelow(root).map(({ path, content }) => {
    mkdirSync(dirname(path), { recursive: true });
    try {
      // Only a new file: a person may have written the one that is there.
      writeFileSync(path, content, { flag: 'wx' });
      return { path, outcome: 'written' };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const isSame = readFileSync(path, 'utf8') === content;
      return { path, outcome: isSame ? 'kept' : 'different' };
    }
  });
}

/** Returns the files that are written below a folder, in place of `/`. */
export function filesBelow(root: string): DoctorFile[] {
  return FIX_FILES.map((file) => ({ ...file, path: resolve(join(root, file.path)) }));
}

/** @throws {OptionTypeError | OptionRangeError} `OPTION_ROOT` if there is no such folder */
export function checkRoot(root: unknown): void {
  const expected = 'the path of a folder that exists';
  const path = checkText('root', root, expected);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new OptionRangeError('OPTION_ROOT', 'root', root, expected);
}
