// The demo on a page: `npx kilohertz demo --dashboard`.

import { execFile } from 'node:child_process';
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { decodeFrame, layoutsOf } from '../../dashboard/src/frames.ts';
import type { ArmInfo } from '../../dashboard/src/protocol.ts';
import { atTerminal, EXECUTABLE } from '../fixtures/command-line.ts';
import { PageClient, type Told } from '../fixtures/page-client.ts';
import { folderFor } from '../fixtures/recordings.ts';
import { until } from '../fixtures/waiting.ts';

const run = promisify(execFile);

interface Demo {
  /** What it prints until its end; rejects if it does not end well. */
  readonly ended: Promise<{ readonly stdout: string; readonly stderr: string }>;
  /** The address that it prints. */
  readonly address: string;
}

/** Starts the demo, which ends with the test. */
async function demo(t: ExecutionContext, words: readonly string[], path?: string): Promise<Demo> {
  const env = { ...process.env, NODE_OPTIONS: '', ...(path === undefined ? {} : { PATH: path }) };
  const ended = run(process.execPath, [EXECUTABLE, 'demo', '--dashboard', ...words], { env });
  t.teardown(() => ended.child.kill());
  let printed = '';
  ended.child.stdout?.on('data', (text) => {
    printed += text;
  });
  const address = (): string | undefined => printed.match(/http:\S+\//)?.[0];
  await Promise.race([until(() => address() !== undefined, 'the address is printed'), ended]);
  return { ended, address: address() ?? '' };
}

/** What the frames that came say of joint 1 [rad], and of the newest cycles. */
function seenIn(told: Told) {
  const arms = told.texts.filter(({ type }) => type === 'hello').flatMap((text) => text['arms']);
  const news = told.texts.filter(({ type }) => type === 'arm').map((text) => text['arm']);
  const layouts = layoutsOf([...arms, ...news] as ArmInfo[]);
  const frames = told.frames.flatMap(({ bytes }) => {
    const frame = decodeFrame(bytes.buffer as ArrayBuffer, layouts);
    return frame ? [frame] : [];
  });
  const joint1 = frames.flatMap(({ arm, values }) => {
    const [angle] = layouts.get(arm)?.of(values, 'q', 7) ?? [];
    return angle === undefined ? [] : [angle];
  });
  return { wayRad: Math.max(...joint1) - Math.min(...joint1), counts: frames.at(-1)?.counts };
}

test('the demo shows the arm move and its event loop blocked, and ends after its time', async (t) => {
  const { ended, address } = await demo(t, ['--seconds', '10']);
  await using client = await PageClient.connect(address);
  await until(async () => {
    const { wayRad, counts } = seenIn(await client.told());
    return wayRad > 0.02 && (counts?.held ?? 0) > 0 && (counts?.rest ?? 0) > 0;
  }, 'the arm moves, and a block is seen');
  const { stdout } = await ended;
  t.regex(stdout, /The time is over: the arm is at rest\./);
  await until(async () => (await client.told()).isClosed, 'the page has ended with the demo');
});

test('the stop on the page ends the demo, which says so', async (t) => {
  const { ended, address } = await demo(t, ['--seconds', '100']);
  await using client = await PageClient.connect(address);
  await until(async () => seenIn(await client.told()).wayRad > 0.02, 'the arm moves');
  client.send('{"type":"stop","arm":null}');
  const { stdout } = await ended;
  t.regex(stdout, /Stopped: the arm is at rest\./);
});

test('--open hands the address to the browser of the desktop, and the demo goes on where there is none', async (t) => {
  const folder = folderFor(t);
  const [browser, opened] = [join(folder, 'xdg-open'), join(folder, 'opened')];
  writeFileSync(browser, `#!/bin/sh\nprintf %s "$1" > '${opened}'\n`);
  chmodSync(browser, 0o755);
  const path = [folder, process.env['PATH']].join(delimiter);
  const there = await demo(t, ['--open', '--seconds', '1'], path);
  await until(() => existsSync(opened) && readFileSync(opened, 'utf8') !== '', 'it is opened');
  t.is(readFileSync(opened, 'utf8'), there.address);
  await there.ended;
  const none = await demo(t, ['--open', '--seconds', '1'], join(folder, 'nothing'));
  const { stderr } = await none.ended;
  t.true(stderr.includes(`No browser could be opened. Open ${none.address}`), stderr);
});

test('at a terminal the demo on a page goes on until Ctrl+C, and tells what was counted', async (t) => {
  const shown = atTerminal(t, 'demo', '--dashboard');
  await shown.printed(/http:\S+\//);
  const [address = ''] = shown.text.match(/http:\S+\//) ?? [];
  await using client = await PageClient.connect(address);
  await until(async () => seenIn(await client.told()).wayRad > 0.02, 'the arm moves');
  shown.type('\u0003');
  t.is(await shown.ended, 130, shown.text);
  t.regex(shown.text, /Stopped: the arm is at rest\./);
  t.regex(shown.text, /\ncommands lost +\d+/);
});
