import type { Command } from 'commander';
import { replay } from '../record/replay.ts';
import { followRecording } from '../record/replay-motion.ts';
import { type ArmWords, armOptions, atArm, withArm } from './arm.ts';
import { timing } from './moving.ts';
import { number } from './numbers.ts';
import type { Output } from './output.ts';
import { lostLines, recordedResult } from './recorded.ts';
import { endLine, endResult } from './run-end.ts';
import { counted, fixed } from './text.ts';
import { checkTimes, type Times } from './times.ts';

/** What commander makes of the words. */
interface Words extends ArmWords, Times {
  readonly speed: number;
  readonly approachSpeed: number;
  readonly record?: string;
}

/** Adds `kilohertz replay`. */
export function addReplay(program: Command, output: Output): void {
  const command = program
    .command('replay')
    .description('Moves the arm along the joints of a recording, at its pace.')
    .argument('<recording>', 'a recording, for example run.mcap')
    .option('--speed <share>', 'how fast, as a share of the recorded speed, 0.05 to 2', number, 1)
    .option('--approach-speed <share>', 'the move to its beginning, 0.01 to 1', number, 0.2)
    .option('--from <seconds>', "the robot's time at which the motion begins", number)
    .option('--to <seconds>', "the robot's time at which the motion ends", number)
    .option('--record <file>', 'record the motion into a new file');
  armOptions(command, { moves: true }).action((file: string, words: Words) => {
    checkTimes(words, command);
    return atArm(words, output, (here) =>
      withArm(
        here,
        async (robot) => {
          const { speed, approachSpeed, from, to, record } = words;
          const end = await replay(file).end();
          await here.confirm([
            `This moves the REAL ARM at ${here.address} to the beginning of ${file},`,
            `and along its joints at ${speed} times the recorded speed.`,
            `It was recorded so: ${endLine(file, end)}.`,
            'Whatever stood around the arm then has to stand there now.',
          ]);
          using live = output.live();
          const sinceMs = performance.now();
          const show = (): void => {
            const seconds = (performance.now() - sinceMs) / 1e3;
            live.show(`replaying ${file} on ${here.name}: ${fixed(seconds, 1)} s`);
          };
          const shown = setInterval(show, 100);
          const { stats, recording } = await followRecording(file, {
            robot,
            speed,
            approachSpeed,
            signal: here.signal,
            ...(from === undefined ? {} : { fromS: from }),
            ...(to === undefined ? {} : { toS: to }),
            ...(record === undefined ? {} : { record }),
          }).finally(() => clearInterval(shown));
          live.clear();
          const seconds = fixed(stats.iterations * stats.targetPeriodS, 1);
          const written =
            record === undefined ? {} : { path: record, recording: recordedResult(recording) };
          output.done({ stats, end: endResult(end), ...written }, [
            `${here.name} went along ${file} in ${seconds} s; it is at rest`,
            endLine(file, end),
            timing(stats),
            ...(recording ? [`${recording.path}: ${counted(recording.cycles, 'cycle')}`] : []),
            ...lostLines(recording, stats),
          ]);
        },
        'jointPosition',
      ),
    );
  });
}
