// However many calls wait for one signal, it has one listener of this package, and none once they are over.

import { getEventListeners } from 'node:events';
import test from 'ava';
import { asyncify, Franka, FrankaSimulator, InferenceThread, mpify, Session } from '../../index.ts';
import type * as model from '../fixtures/inference.ts';
import type * as offloaded from '../fixtures/offloaded.ts';
import type * as remote from '../fixtures/remote.ts';
import { Scribe } from '../fixtures/robots.ts';
import { rejections, until, warningsDuring } from '../fixtures/waiting.ts';

const CALLS = 100;

/** Calls a hundred times with one signal: once until it aborts, and once until the calls are over. */
async function listened(
  t: import('ava').ExecutionContext,
  long: (signal: AbortSignal) => Promise<unknown>,
  short: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const warnings = await warningsDuring(async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const count = (): number => getEventListeners(signal, 'abort').length;
    const ended = rejections(Array.from({ length: CALLS }, async () => long(signal)));
    await until(() => count() > 0, 'it listens');
    t.is(count(), 1);
    controller.abort();
    await ended;
    t.is(count(), 0);

    const other = new AbortController();
    const calls = Array.from({ length: CALLS }, async () => short(other.signal));
    await Promise.all(calls);
    t.is(getEventListeners(other.signal, 'abort').length, 0);
  });
  t.deepEqual(
    warnings.filter(({ name }) => name === 'MaxListenersExceededWarning'),
    [],
  );
}

test.serial('asyncify', async (t) => {
  const url = new URL('../fixtures/offloaded.ts', import.meta.url);
  const blocking = asyncify<typeof offloaded.blocking>(url, 'blocking');
  await listened(
    t,
    (signal) => blocking.with({ signal })(60_000),
    (signal) => blocking.with({ signal })(0),
  );
});

test.serial('an InferenceThread', async (t) => {
  const url = new URL('../fixtures/inference.ts', import.meta.url);
  const thread = new InferenceThread<typeof model>(url, { maxQueued: 128 });
  await thread.start();
  await listened(
    t,
    (signal) => thread.wrap('never').with({ signal })(),
    () => Promise.resolve(),
  );
  await thread.stop({ timeoutS: 0 });
});

test.serial('mpify', async (t) => {
  const url = new URL('../fixtures/remote.ts', import.meta.url);
  const policy = await mpify<typeof remote.makePolicy>(url, 'makePolicy');
  await listened(
    t,
    (signal) => policy.never.with({ signal })(),
    (signal) => policy.scale.with({ signal })(1),
  );
  policy.stop({ timeoutS: 0 });
});

test.serial('sessions', async (t) => {
  const session = (): Session<number, number> =>
    new Session(new Scribe(), () => 1, { rateHz: 100, warmupS: 0 });
  await listened(
    t,
    (signal) => session().run({ signal }),
    (signal) => session().run({ durationS: 0.02, signal }),
  );
});

test.serial('the states of an arm, and connecting to one', async (t) => {
  const simulator = await FrankaSimulator.start();
  const arm = await Franka.connect(simulator.address);
  await listened(
    t,
    async (signal) => {
      for await (const _ of arm.states({ rateHz: 1, signal }));
    },
    async (signal) => {
      for await (const _ of arm.states({ rateHz: 100, signal })) break;
    },
  );
  await arm.close();
  await simulator.stop();
});

test.serial('one call that ends leaves the others waiting', async (t) => {
  const url = new URL('../fixtures/remote.ts', import.meta.url);
  const policy = await mpify<typeof remote.makePolicy>(url, 'makePolicy');
  const controller = new AbortController();
  const { signal } = controller;
  const waiting = rejections([policy.never.with({ signal })(), policy.never.with({ signal })()]);
  await policy.scale.with({ signal })(1);
  t.is(getEventListeners(signal, 'abort').length, 1);
  controller.abort();
  for (const error of await waiting) t.is((error as { code: string }).code, 'ABORT_ERR');
  policy.stop({ timeoutS: 0 });
});

test.serial('children share the listeners of the process', async (t) => {
  const url = new URL('../fixtures/remote.ts', import.meta.url);
  const events = ['SIGINT', 'SIGTERM', 'exit', 'beforeExit', 'warning', 'uncaughtException'];
  const counts = (): number[] => events.map((event) => process.listenerCount(event));
  const before = counts();
  const made = await Promise.all(
    Array.from({ length: 12 }, () => mpify<typeof remote.makePolicy>(url, 'makePolicy')),
  );
  t.deepEqual(counts(), before);
  for (const policy of made) policy.stop({ timeoutS: 0 });
  t.is(process.stderr.listenerCount('drain'), 0);
});
