// What a user's modules in Python are called is up to the user: nothing of this package stands in their way.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import test from 'ava';
import { mpify, processPolicy, Session } from '../../index.ts';
import { setUp } from '../fixtures/arms.ts';
import { rejection } from '../fixtures/waiting.ts';

/** What is asked of the module that each test writes. */
interface Modules {
  owners(): Record<string, string>;
  path(): string[];
  find(name: string): string;
  elsewhere(x: number): number;
}

const OURS = fileURLToPath(new URL('../../lib/offload/python', import.meta.url));
/** Every name of a module of this package, those that a user is likely to have among them. */
const NAMES: readonly string[] = [OURS, join(OURS, '_kilohertz')]
  .flatMap((place) => readdirSync(place))
  .filter((file) => /^[a-z]\w*\.py$/.test(file))
  .map((file) => file.replace('.py', ''));

const MAIN = `
import importlib
import multiprocessing
import sys

NAMES = ${JSON.stringify(NAMES)}


def owners():
    return {name: getattr(importlib.import_module(name), "OWNER", "someone else") for name in NAMES}


def twice(x):
    return 2 * x


class Modules:
    def owners(self):
        return owners()

    def path(self):
        return sys.path

    def find(self, name):
        return importlib.import_module(name).__file__

    def elsewhere(self, x):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(twice, (x,))


def still(state, tick):
    wrong = [name for name, owner in owners().items() if owner != "user"]
    if wrong:
        raise ImportError("not the user's: %s" % wrong)
    return [0.0] * 7
`;

/** A folder with a user's modules, each named as one of this package is; where `alone`, with the main one only. */
function folderOf(alone = false): { url: URL; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'kilohertz-modules-'));
  for (const name of alone ? [] : NAMES)
    writeFileSync(join(folder, `${name}.py`), 'OWNER = "user"\n');
  writeFileSync(join(folder, 'robot.py'), MAIN);
  return {
    url: pathToFileURL(join(folder, 'robot.py')),
    remove: () => rmSync(folder, { recursive: true }),
  };
}

const ALL_THE_USERS = Object.fromEntries(NAMES.map((name) => [name, 'user']));

test('the names looked at are those that could collide', (t) => {
  for (const name of ['policy', 'codec', 'server', 'layout', 'channel', 'arena', 'child']) {
    t.true(NAMES.includes(name), name);
  }
});

for (const [how, env] of Object.entries({
  'as Python is': {},
  'with PYTHONSAFEPATH': { PYTHONSAFEPATH: '1' },
})) {
  test(`modules of the user's with the names of ours are theirs in an object's process (${how})`, async (t) => {
    const { url, remove } = folderOf();
    t.teardown(remove);
    using modules = await mpify.with({ env })<() => Modules>(url, 'Modules');
    t.deepEqual(await modules.owners(), ALL_THE_USERS);
  });
}

test("a module of the user's that is named as one of ours can be the one that is loaded", async (t) => {
  const { url, remove } = folderOf(true);
  t.teardown(remove);
  for (const name of ['server', 'policy']) {
    writeFileSync(new URL(`${name}.py`, url), `OWNER = "user"\nfrom robot import Modules\n`);
    using modules = await mpify<() => Modules>(new URL(`${name}.py`, url), 'Modules');
    t.is(await modules.find(name), fileURLToPath(new URL(`${name}.py`, url)));
  }
});

test("modules of the user's with the names of ours are theirs in a policy's process", async (t) => {
  const { url, remove } = folderOf();
  t.teardown(remove);
  await using setup = await setUp();
  const policy = processPolicy(url, { export: 'still' });
  const session = new Session(setup.arm, policy, { warmupS: 0 });
  await t.notThrowsAsync(session.run({ durationS: 0.2 }));
});

test('our folder is not where Python looks for modules, and nothing is written into it', async (t) => {
  const { url, remove } = folderOf(true);
  t.teardown(remove);
  const env = { PYTHONDONTWRITEBYTECODE: '' };
  using modules = await mpify.with({ env })<() => Modules>(url, 'Modules');
  const path = await modules.path();
  t.is(path[0], fileURLToPath(new URL('.', url)).replace(/\/$/, ''));
  t.deepEqual(
    path.filter((place) => `${place}${sep}`.startsWith(`${OURS}${sep}`)),
    [],
  );
  for (const name of NAMES) {
    t.like(await rejection(modules.find(name)), { name: 'ModuleNotFoundError' }, name);
  }
  t.deepEqual(
    readdirSync(join(OURS, '_kilohertz')).filter((file) => !file.endsWith('.py')),
    [],
  );
});

test("a user's module may have processes of its own in Python, which do not begin as ours do", async (t) => {
  const { url, remove } = folderOf();
  t.teardown(remove);
  using modules = await mpify<() => Modules>(url, 'Modules');
  t.is(await modules.elsewhere.with({ timeoutS: 60 })(21), 42);
});
