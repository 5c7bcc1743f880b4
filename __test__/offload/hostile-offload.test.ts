// What a function in another thread or process throws or returns may be made to harm whoever looks at it: its call
// rejects, and the next one is answered.

import test, { type ExecutionContext } from 'ava';
import { asyncify, InferenceThread, mpify } from '../../index.ts';
import { describe } from '../../lib/errors/describe.ts';
import { RETURNED, THROWN } from '../fixtures/hostile.ts';
import { rejection } from '../fixtures/waiting.ts';

type Hostile = typeof import('../fixtures/hostile.ts');

const MODULE = new URL('../fixtures/hostile.ts', import.meta.url);

interface Work {
  throwIt(what: string): PromiseLike<unknown>;
  returnIt(what: string): PromiseLike<unknown>;
  talk(answer: number): PromiseLike<unknown>;
  slow(answer: number): PromiseLike<unknown>;
}

/** Each call is answered, and says what went wrong. */
async function isAnswered(t: ExecutionContext, work: Work): Promise<void> {
  for (const what of Object.keys(THROWN)) {
    const error = await rejection(Promise.resolve(work.throwIt(what)));
    t.true(error instanceof Error, `${what}: ${describe(error)}`);
    const { message, stack = '' } = error as Error;
    t.true(message.length < 2 ** 20 + 100, `${what}: ${message.length} characters`);
    t.true(stack.length < 2 ** 21, what);
    if (!/empty/.test(what)) t.not(message, '', what);
  }
  for (const what of Object.keys(RETURNED)) {
    const outcome = await Promise.resolve(work.returnIt(what)).then(
      () => 'answered',
      (error: unknown) => (error instanceof Error && error.message !== '' ? 'refused' : error),
    );
    t.true(outcome === 'answered' || outcome === 'refused', `${what}: ${describe(outcome)}`);
  }
  // Neither its own call nor another that is under way is lost for it.
  const others = work.slow(5);
  for (let nth = 0; nth < 5; nth += 1) t.is(await work.talk(nth), nth);
  t.is(await others, 5);
}

test('a pool answers each call, whatever a function throws, returns or posts', async (t) => {
  await isAnswered(t, {
    throwIt: asyncify<Hostile['throwIt']>(MODULE, 'throwIt'),
    returnIt: asyncify<Hostile['returnIt']>(MODULE, 'returnIt'),
    talk: asyncify<Hostile['talk']>(MODULE, 'talk'),
    slow: asyncify<Hostile['slow']>(MODULE, 'slow'),
  });
});

test('an inference thread answers each call, whatever a function throws, returns or posts', async (t) => {
  await using thread = new InferenceThread<Hostile>(MODULE);
  await thread.start();
  await isAnswered(t, {
    throwIt: (what) => thread.run('throwIt', what),
    returnIt: (what) => thread.run('returnIt', what),
    talk: (answer) => thread.run('talk', answer),
    slow: (answer) => thread.run('slow', answer),
  });
});

test('a process answers each call, whatever a method throws, returns or sends', async (t) => {
  await using remote = await mpify<Hostile['remote']>(MODULE, 'remote');
  await isAnswered(t, {
    throwIt: (what) => remote.throwIt(what),
    returnIt: (what) => remote.returnIt(what),
    talk: (answer) => remote.talk(answer),
    slow: (answer) => remote.slow(answer),
  });
});
