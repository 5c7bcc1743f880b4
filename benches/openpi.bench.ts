// What asking an openpi server costs beside the model: two pictures of 224 x 224 x 3, joints, gripper and a prompt, to a
// server on this machine that answers at once, and back. Ours and openpi's own client in Python ask the same server, in
// blocks that alternate.

import { type ChildProcess, spawn } from 'node:child_process';
import { once as happened } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { openpiPolicy, shaped } from 'kilohertz';
import { Lacking } from './peers/contender.ts';
import { environment } from './peers/python.ts';
import { keep, median, once, percentile, type Row, show } from './rows.ts';

const ROUNDS = once ? 1 : 24;
const CALLS = once ? 10 : 400;
const BAR = 0.7;

/** A Python program that answers lines. */
interface Program {
  readonly ask: (line: string) => Promise<string>;
  readonly line: () => Promise<string>;
  readonly stop: () => Promise<unknown>;
}

function program(python: string, ...words: readonly string[]): Program {
  const file = join(import.meta.dirname, 'peers', 'openpi.py');
  const child: ChildProcess = spawn(python, [file, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
  const iterator = lines[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await iterator.next();
    if (done) throw new Error(`openpi.py ${words[0]} has ended`);
    return value;
  };
  return {
    line,
    ask(text) {
      child.stdin?.write(`${text}\n`);
      return line();
    },
    stop() {
      child.stdin?.end();
      return happened(child, 'close');
    },
  };
}

async function measure(): Promise<void> {
  const { python, installed } = environment('peers-openpi', 'openpi-requirements.txt');
  await installed();
  const server = program(python, 'serve');
  const port = await server.line();
  const peer = program(python, 'ask', port);
  await peer.line();
  const policy = await openpiPolicy(`ws://127.0.0.1:${port}`, {
    observe: () => ({}),
    actions: () => undefined,
    dtS: 1 / 15,
  });
  const image = shaped(new Uint8Array(224 * 224 * 3), [224, 224, 3]);
  const observation = {
    'observation/exterior_image_1_left': image,
    'observation/wrist_image_left': image,
    'observation/joint_position': new Float64Array(7),
    'observation/gripper_position': new Float64Array(1),
    prompt: 'pick up the cube',
  };
  /** How long each call took [us]. */
  async function ours(calls: number): Promise<number[]> {
    const times: number[] = [];
    for (let call = 0; call < calls; call += 1) {
      const from = performance.now();
      (await policy.infer(observation)).array('actions', [50, 8]);
      times.push(1e3 * (performance.now() - from));
    }
    return times;
  }

  const rows: Row[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    await ours(CALLS / 10);
    await peer.ask(String(CALLS / 10));
    const mine = await ours(CALLS);
    const theirs = JSON.parse(await peer.ask(String(CALLS))) as number[];
    for (const [who, times] of [
      ['openpiPolicy', mine],
      ['openpi-client, Python', theirs],
    ] as const) {
      rows.push({ round, who, p50Us: percentile(times, 0.5), p99Us: percentile(times, 0.99) });
    }
  }
  await policy.close();
  await peer.stop();
  await server.stop();

  const of = (who: string, column: string): number =>
    median(rows.filter((row) => row['who'] === who).map((row) => Number(row[column])));
  const names = [...new Set(rows.map((row) => String(row['who'])))];
  show(
    'asking an openpi server that answers at once [us]; medians over the blocks',
    names.map((who) => ({
      who,
      p50Us: Math.round(of(who, 'p50Us')),
      p99Us: Math.round(of(who, 'p99Us')),
    })),
  );
  const ratio = of('openpiPolicy', 'p50Us') / of('openpi-client, Python', 'p50Us');
  const told = {
    ratio: Number(ratio.toFixed(2)),
    bar: `<= ${BAR}`,
    held: ratio <= BAR ? 'yes' : 'NO',
  };
  show('p50 of ours as a multiple of theirs', [told]);
  keep('openpi', rows);
}

try {
  await measure();
} catch (error) {
  if (!(error instanceof Lacking)) throw error;
  console.log(`left out: openpi; ${error.message}`);
}
