import { type Command, Option } from 'commander';
import { type DoctorReport, doctor } from '../doctor/doctor.ts';
import type { DoctorFinding, DoctorVerdict } from '../doctor/findings.ts';
import { checkRoot, type FixedFile, filesBelow, fixMachine, writing } from '../doctor/fix.ts';
import { inOneLine } from '../errors/describe.ts';
import { addressWord } from './arm.ts';
import { confirm } from './confirm.ts';
import { EXIT, type Output, Refusal } from './output.ts';
import type { Paint } from './paint.ts';
import { untilSignal } from './signals.ts';

/** The exit code of each verdict. */
const CODES: Readonly<Record<DoctorReport['verdict'], number>> = { good: 0, usable: 1, unfit: 2 };

/** What commander makes of the words. */
interface Words {
  readonly robot?: string;
  readonly root?: string;
  readonly fix?: boolean;
  readonly yes?: boolean;
}

/** Adds `kilohertz doctor`. */
export function addDoctor(program: Command, output: Output): void {
  program
    .command('doctor')
    .description(
      'Looks at whether this machine can drive an arm, and says what to mend. Nothing is changed, nothing moves. ' +
        'Ends with 0 if it is good, 1 if it is usable, 2 if it is unfit.',
    )
    .option(
      '--robot <address>',
      'the address of an arm: the way to it and its state too',
      addressWord,
    )
    .option('--root <folder>', 'the folder that has the files of a machine (default: /)')
    .addOption(
      new Option(
        '--fix',
        'write the files that give realtime permissions, after they were shown',
      ).conflicts('robot'),
    )
    .option('-y, --yes', 'do not ask before files are written')
    .option('--json', 'print the result as JSON')
    .action((words: Words) =>
      untilSignal(
        async (signal) => {
          const { robot, root } = words;
          if (words.fix) return fix(words, output, signal);
          using live = output.live();
          live.show('looking at this machine …');
          const report = await doctor({
            signal,
            ...(robot === undefined ? {} : { robot }),
            ...(root === undefined ? {} : { root }),
          });
          live.clear();
          output.page(report, linesOf(report, output.paint));
          process.exitCode = CODES[report.verdict];
        },
        (error) => void output.failed(error),
      ),
    );
}

/** Returns the report as lines, with what is to be mended below each finding. */
export function linesOf({ verdict, findings }: DoctorReport, paint: Paint): string[] {
  const width = Math.max(...findings.map(({ title }) => title.length));
  const lines = findings.flatMap((finding) => textOf(finding, width, paint));
  return [...lines, '', said(verdict, paint)];
}

function textOf({ title, verdict, found, why, mend }: DoctorFinding, width: number, paint: Paint) {
  const first = `${mark(verdict, paint)} ${title.padEnd(width)}  ${inOneLine(found)}`;
  if (verdict === 'good' || (verdict === 'unknown' && mend === undefined)) return [first];
  const indent = ' '.repeat(8);
  const because = paint.faint(`${indent}${inOneLine(why)}`);
  return [first, because, ...(mend === undefined ? [] : [`${indent}→ ${inOneLine(mend)}`])];
}

/** How a verdict is called on the page, all equally long. */
function mark(verdict: DoctorVerdict, paint: Paint): string {
  if (verdict === 'good') return paint.good('good   ');
  if (verdict === 'usable') return paint.doubtful('usable ');
  return verdict === 'unfit' ? paint.bad('unfit  ') : paint.faint('unknown');
}

function said(verdict: DoctorReport['verdict'], paint: Paint): string {
  if (verdict === 'good') return paint.good('This machine is good.');
  if (verdict === 'unfit') return paint.bad('This machine is unfit: mend that first.');
  return paint.doubtful(
    'This machine is usable: an arm can be driven, and some things can be better.',
  );
}

/** Shows the files, asks, and writes them. */
async function fix({ yes, root = '/' }: Words, output: Output, signal: AbortSignal): Promise<void> {
  checkRoot(root);
  const files = filesBelow(root);
  const shown = files.flatMap(({ path, content, why }) => [
    `${path}: ${why}`,
    ...content
      .trimEnd()
      .split('\n')
      .map((line) => `    ${line}`),
  ]);
  const lines = ['This writes files of the system:', ...shown];
  await confirm(output, { yes, lines, word: 'write', signal });
  const fixed = written(root);
  output.done({ files: fixed }, [
    ...fixed.map(({ path, outcome }) => `${path}: ${OUTCOMES[outcome]}`),
    ...files.map(({ afterwards }) => `then: ${afterwards}`),
  ]);
  if (fixed.some(({ outcome }) => outcome === 'different')) process.exitCode = EXIT.failed;
}

const OUTCOMES: Readonly<Record<FixedFile['outcome'], string>> = {
  written: 'written',
  kept: 'was there already',
  different: 'another file is there, and was not changed: compare it with what is shown above',
};

function written(root: string): FixedFile[] {
  try {
    return fixMachine({ root });
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    if (code !== 'EACCES' && code !== 'EPERM' && code !== 'EROFS') {
      throw new Refusal('REPORT_IO', message, EXIT.failed);
    }
    const how = filesBelow(root).map(writing).join('; ');
    throw new Refusal('NOT_PERMITTED', `only root may write there. Run: ${how}`, EXIT.failed);
  }
}
