// The packages as they are published together, installed from a registry by a user who has nothing but Node.

import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import type { DemoResult } from '../../lib/cli/demo/drive.ts';
import { consumer, type Place, Registry } from '../fixtures/registry.ts';

const ROOT = join(import.meta.dirname, '..', '..');
/** The lowest and the newest Node that the package is for. */
const VERSIONS = [20, 24];
/** How long installation and demo may take together [s], the ten seconds of the demo included. */
const LONGEST_S = 60;

let registry: Registry;
const places = new Map<number, Place>();

test.before('the registry has the packages', async () => {
  registry = await Registry.start();
});

test.after.always('the registry ends', () => registry?.[Symbol.asyncDispose]());

/** What the demo found. On a busy machine it fails, and tells its figures all the same. */
async function figuresOf(demo: Promise<string>): Promise<DemoResult> {
  const told = await demo.catch((error: Error & { readonly stdout?: string }) => {
    // Without figures it is told how it ended, and what it said.
    if (!error.stdout?.includes('"problems"')) throw error;
    return error.stdout;
  });
  return JSON.parse(told);
}

for (const major of VERSIONS) {
  test(`Node ${major}: installs without a script, a compiler or Python, and the demo drives the arm`, async (t) => {
    const since = performance.now();
    const place = registry.place(`node-${major}`, registry.nodeOf(major));
    consumer(place.folder);
    await place.npm('install', 'kilohertz', '--ignore-scripts');
    places.set(major, place);
    const installed = join(place.folder, 'node_modules', 'kilohertz');
    const { scripts } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    t.is(scripts, undefined, 'nothing of the package runs when it is installed');
    const version = await place.node(['--version']);
    t.regex(version, new RegExp(`^v${major}\\.`));
    const program = join(installed, 'dist', 'lib', 'cli', 'main.js');
    const said = await figuresOf(place.node([program, 'demo', '--json']));
    const tookS = (performance.now() - since) / 1000;
    t.true(said.stats.iterations > 9000, JSON.stringify(said));
    t.log(`installation and demo took ${tookS.toFixed(0)} s`);
    t.true(tookS < LONGEST_S, `${tookS} s`);
  });

  test(`Node ${major}: drives a robot from ES modules and from CommonJS`, async (t) => {
    const place = places.get(major);
    if (!place) return t.fail('it was not installed');
    for (const program of ['plain.js', 'common.cjs']) {
      const { moved, sameClass } = JSON.parse(await place.node([program]));
      t.true(moved && sameClass, program);
    }
    for (const program of ['offload.js', 'offload.cjs']) {
      t.deepEqual(JSON.parse(await place.node([program])), { solved: 8, here: 8 }, program);
    }
  });
}

for (const how of ['nodenext', 'bundler'] as const) {
  test(`strict TypeScript compiles with its declarations, modules resolved as ${how}`, async (t) => {
    const place = registry.place(`types-${how}`, process.execPath);
    consumer(place.folder);
    const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const types = `@types/node@${devDependencies['@types/node']}`;
    const compiler = `typescript@${devDependencies.typescript}`;
    await place.npm('install', 'kilohertz', types, compiler, '--ignore-scripts');
    const config = join(place.folder, 'tsconfig.json');
    const { compilerOptions, ...rest } = JSON.parse(readFileSync(config, 'utf8'));
    const modules =
      how === 'bundler' ? { module: 'preserve', moduleResolution: 'bundler' } : { module: how };
    const options = { ...compilerOptions, ...modules, noEmit: true };
    writeFileSync(config, JSON.stringify({ ...rest, compilerOptions: options }));
    const tsc = join(place.folder, 'node_modules', 'typescript', 'bin', 'tsc');
    await t.notThrowsAsync(place.node([tsc, '-p', '.']));
  });
}

test('where the binding was left out, the error names its package and says what to do', async (t) => {
  const place = registry.place('omitted', process.execPath);
  consumer(place.folder);
  await place.npm('install', 'kilohertz', '--omit=optional', '--ignore-scripts');
  const scope = join(place.folder, 'node_modules', '@kilohertz');
  t.false(existsSync(join(scope, 'linux-x64-gnu')));
  const failed = await t.throwsAsync(place.node(['plain.js']));
  t.regex(String(failed), /BINDING_MISSING|--omit=optional/);
});

test('an installation is copied to another folder as it is', async (t) => {
  const place = places.get(20);
  if (!place) return t.fail('it was not installed');
  const copy = registry.place('copied', process.execPath);
  cpSync(place.folder, copy.folder, { recursive: true });
  const { moved } = JSON.parse(await copy.node(['plain.js']));
  t.true(moved);
});
