// The one rule for `signal`, at each place that takes one; docs/sessions.md tells it.

import { getEventListeners } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import test from 'ava';
import {
  AbortError,
  asyncify,
  Franka,
  FrankaHand,
  FrankaSimulator,
  InferenceThread,
  KilohertzError,
  mpify,
  OptionTypeError,
  run,
  Session,
} from '../../index.ts';
import { speed, turning, WALL } from '../fixtures/arms.ts';
import type * as model from '../fixtures/inference.ts';
import type * as offloaded from '../fixtures/offloaded.ts';
import type * as remote from '../fixtures/remote.ts';
import { Scribe } from '../fixtures/robots.ts';
import { abortReason, rejection, until } from '../fixtures/waiting.ts';

const PLACE = [0.4, -0.5, 0.2, -2.0, 0.1, 1.8, 0.5];
/** libfranka's ready pose [rad]. */
const HOME = [0, -Math.PI / 4, 0, (-3 * Math.PI) / 4, 0, Math.PI / 2, Math.PI / 4];
const MODEL = new URL('../fixtures/inference.ts', import.meta.url);
const OFFLOADED = new URL('../fixtures/offloaded.ts', import.meta.url);
const REMOTE = new URL('../fixtures/remote.ts', import.meta.url);

/** A place that takes a signal. */
interface Place extends AsyncDisposable {
  /** Begins what takes until it is aborted, or some seconds. */
  long(signal: AbortSignal): Promise<unknown>;
  /** Resolves once it is under way. */
  begun(): Promise<void>;
  /** The same, or the like, which is soon over. */
  short(signal: AbortSignal): Promise<unknown>;
  /** Whether nothing moves. */
  isAtRest(): boolean;
  /** How many motions have begun. */
  motions(): number;
}

async function onArm(
  calls: (arm: Franka) => Pick<Place, 'long' | 'short'>,
  isMotion = true,
  q: readonly number[] = HOME,
): Promise<Place> {
  const simulator = await FrankaSimulator.start({ ...WALL, q });
  const arm = await Franka.connect(simulator.address);
  return {
    ...calls(arm),
    begun: async () => {
      if (isMotion) await until(() => speed(simulator) > 0.01, 'it moves');
    },
    isAtRest: () => speed(simulator) < 0.02 && !arm.isDriven,
    motions: () => simulator.counters().motionsStarted,
    async [Symbol.asyncDispose](): Promise<void> {
      await arm.close();
      await simulator.stop();
    },
  };
}

async function onHand(calls: (hand: FrankaHand) => Pick<Place, 'long' | 'short'>): Promise<Place> {
  const simulator = await FrankaSimulator.start();
  const hand = await FrankaHand.connect(simulator.address);
  return {
    ...calls(hand),
    begun: () => until(() => simulator.fingers().isMoving, 'the fingers move'),
    isAtRest: () => !simulator.fingers().isMoving,
    motions: () => Number(simulator.fingers().isMoving),
    async [Symbol.asyncDispose](): Promise<void> {
      await hand.close();
      await simulator.stop();
    },
  };
}

/** Connecting to a server that never answers, and to a simulator. */
async function connecting(
  isHand: boolean,
  connect: (address: string, signal: AbortSignal) => Promise<Franka | FrankaHand>,
): Promise<Place> {
  const sockets = new Set<Socket>();
  const silent = createServer((socket) => {
    sockets.add(socket.resume().on('error', () => undefined));
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const { port } = silent.address() as AddressInfo;
  // A hand is on the port after that of its arm.
  const address = `127.0.0.1:${port - (isHand ? 1 : 0)}`;
  const simulator = await FrankaSimulator.start();
  return {
    long: (signal) => connect(address, signal),
    short: async (signal) => (await connect(simulator.address, signal)).close(),
    begun: () => until(() => sockets.size > 0, 'it has connected'),
    isAtRest: () => true,
    motions: () => simulator.counters().motionsStarted,
    async [Symbol.asyncDispose](): Promise<void> {
      silent.close();
      await simulator.stop();
    },
  };
}

/** Work elsewhere: nothing of it moves. */
function elsewhere(
  calls: Pick<Place, 'long' | 'short'>,
  dispose: () => Promise<void> = async () => undefined,
): Place {
  return {
    ...calls,
    begun: async () => undefined,
    isAtRest: () => true,
    motions: () => 0,
    [Symbol.asyncDispose]: dispose,
  };
}

const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  'run()': () =>
    onArm((arm) => ({
      long: (signal) => run(arm, turning, { warmupS: 0, signal }),
      short: (signal) => run(arm, turning, { warmupS: 0, durationS: 0.05, signal }),
    })),
  'session.run()': () =>
    onArm((arm) => {
      const session = new Session(arm, turning, { warmupS: 0 });
      return {
        long: (signal) => session.run({ signal }),
        short: (signal) => session.run({ durationS: 0.05, signal }),
      };
    }),
  'session.run() on a robot written in JavaScript': async () => {
    const robot = new Scribe();
    const session = new Session(robot, () => 1, { rateHz: 100, warmupS: 0 });
    return {
      long: (signal) => session.run({ signal }),
      short: (signal) => session.run({ durationS: 0.05, signal }),
      begun: () => until(() => robot.actions.length > 0, 'it acts'),
      isAtRest: () => robot.calls.at(-1) === 'stop',
      motions: () => robot.count('reset'),
      async [Symbol.asyncDispose](): Promise<void> {
        await session.stop();
      },
    };
  },
  'moveTo()': () =>
    onArm((arm) => ({
      long: (signal) => arm.moveTo(PLACE, { speed: 0.05, signal }),
      short: (signal) => arm.moveTo([0, 0, 0, 0, 0, 0, 0], { relative: true, signal }),
    })),
  'home()': () =>
    onArm(
      (arm) => ({
        long: (signal) => arm.home({ speed: 0.05, signal }),
        short: (signal) => arm.home({ speed: 1, signal }),
      }),
      true,
      PLACE,
    ),
  'states()': () =>
    onArm(
      (arm) => ({
        long: async (signal) => {
          for await (const _ of arm.states({ rateHz: 100, signal }));
        },
        short: async (signal) => {
          for await (const _ of arm.states({ rateHz: 100, signal })) break;
        },
      }),
      false,
    ),
  'Franka.connect()': () =>
    connecting(false, (address, signal) => Franka.connect(address, { signal, timeoutS: 600 })),
  'FrankaHand.connect()': () =>
    connecting(true, (address, signal) => FrankaHand.connect(address, { signal, timeoutS: 600 })),
  'hand.homing()': () =>
    onHand((hand) => ({
      long: (signal) => hand.homing({ signal }),
      short: (signal) => hand.homing({ signal }),
    })),
  'hand.move()': () =>
    onHand((hand) => ({
      long: (signal) => hand.move(0, { speedMPerS: 0.004, signal }),
      short: (signal) => hand.move(0.07, { signal }),
    })),
  'hand.grasp()': () =>
    onHand((hand) => ({
      long: (signal) => hand.grasp(0.02, { speedMPerS: 0.004, signal }),
      short: (signal) => hand.grasp(0.02, { signal }),
    })),
  'asyncify, with()': async () => {
    const blocking = asyncify<typeof offloaded.blocking>(OFFLOADED, 'blocking');
    return elsewhere({
      long: (signal) => blocking.with({ signal })(5000),
      short: (signal) => blocking.with({ signal })(0),
    });
  },
  'InferenceThread, with()': async () => {
    const thread = new InferenceThread<typeof model>(MODEL);
    await thread.start();
    return elsewhere(
      {
        long: (signal) => thread.wrap('alone').with({ signal })(2000),
        short: (signal) => thread.wrap('echo').with({ signal })(1),
      },
      () => thread.stop({ timeoutS: 0 }),
    );
  },
  'mpify.with()': async () => {
    const made: Disposable[] = [];
    return elsewhere(
      {
        long: (signal) => mpify.with({ signal })(REMOTE, 'makeNever'),
        short: async (signal) => {
          made.push(await mpify.with({ signal })(REMOTE, 'makePolicy'));
        },
      },
      async () => {
        for (const each of made) each[Symbol.dispose]();
      },
    );
  },
  'mpify, method.with()': async () => {
    const policy = await mpify<typeof remote.makePolicy>(REMOTE, 'makePolicy');
    return elsewhere(
      {
        long: (signal) => policy.never.with({ signal })(),
        short: (signal) => policy.scale.with({ signal })(1),
      },
      async () => policy.stop({ timeoutS: 0 }),
    );
  },
};

for (const [name, make] of Object.entries(PLACES)) {
  test(`${name}: a signal that has aborted lets nothing begin, and its reason is the cause`, async (t) => {
    await using place = await make();
    const reason = new Error('not any more');
    const signal = AbortSignal.abort(reason);
    t.is(await abortReason(place.long(signal)), reason);
    t.is(await abortReason(place.short(signal)), reason);
    t.is(place.motions(), 0);
    t.is(getEventListeners(signal, 'abort').length, 0);
  });

  test(`${name}: a signal that aborts ends it, and the call rejects once nothing moves`, async (t) => {
    await using place = await make();
    const controller = new AbortController();
    const { signal } = controller;
    const reason = { why: 'enough' };
    const call = rejection(place.long(signal));
    await place.begun();
    controller.abort(reason);
    const error = (await call) as AbortError;
    t.true(place.isAtRest());
    t.true(error instanceof AbortError, String(error));
    t.deepEqual([error.name, error.code], ['AbortError', 'ABORT_ERR']);
    t.is(error.cause, reason);
    t.regex(error.message, /was aborted by its signal: .*\(docs\/errors\.md#abort_err\)$/);
    t.is(getEventListeners(signal, 'abort').length, 0);
    await t.notThrowsAsync(place.short(new AbortController().signal), 'it can be called again');
  });

  test(`${name}: a signal that aborts behind it changes nothing`, async (t) => {
    await using place = await make();
    const controller = new AbortController();
    const { signal } = controller;
    await t.notThrowsAsync(place.short(signal));
    t.is(getEventListeners(signal, 'abort').length, 0);
    controller.abort(new Error('too late'));
    await t.notThrowsAsync(place.short(new AbortController().signal));
  });

  test(`${name}: what is no signal is refused, and nothing begins`, async (t) => {
    await using place = await make();
    for (const wrong of [null, {}, 'abort', { aborted: false }, new AbortController()]) {
      const error = await rejection((async () => place.long(wrong as AbortSignal))());
      t.true(error instanceof OptionTypeError, String(error));
      t.is((error as OptionTypeError).code, 'OPTION_SIGNAL');
    }
    t.is(place.motions(), 0);
  });
}

test('a signal of another realm is one', async (t) => {
  const target = new EventTarget();
  const foreign = Object.assign(target, { aborted: false, reason: undefined as unknown });
  const call = abortReason(
    run(new Scribe(), () => 1, { warmupS: 3600, signal: foreign as unknown as AbortSignal }),
  );
  Object.assign(foreign, { aborted: true, reason: 'enough' });
  target.dispatchEvent(new Event('abort'));
  t.is(await call, 'enough');
});

test('a robot that cannot be stopped is told in the place of the abort', async (t) => {
  const robot = new Scribe();
  robot.stop = () => {
    throw new Error('the brake is stuck');
  };
  const controller = new AbortController();
  const running = run(robot, () => 1, { rateHz: 100, warmupS: 0, signal: controller.signal });
  const thrown = rejection(running);
  await until(() => robot.actions.length > 0, 'it acts');
  controller.abort();
  t.is(((await thrown) as { code?: string }).code, 'ROBOT_THREW');
});

test('a robot that cannot be stopped is told before the first cycle too', async (t) => {
  const make = (): Scribe =>
    Object.assign(new Scribe(), {
      stop(): void {
        throw new Error('the brake is stuck');
      },
    });
  const stopped = new Session(make(), () => 1, { rateHz: 100, warmupS: 3600 });
  const ended = rejection(stopped.run());
  await stopped.stop();
  t.like(await ended, { code: 'ROBOT_THREW' });
  t.throws(() => stopped.checkHealth(), { code: 'ROBOT_THREW' });
  const signal = AbortSignal.timeout(50);
  t.like(await rejection(run(make(), () => 1, { warmupS: 3600, signal })), { code: 'ROBOT_THREW' });
});

/** Signals that a program has made, which read and call as they like; `ends` says whether they abort. */
const HOMEMADE: Readonly<Record<string, { readonly ends: boolean; make(): object }>> = {
  'calls its listeners without an event': {
    ends: true,
    make: () => homemade({ reason: 'enough' }),
  },
  'throws when its reason is read': {
    ends: true,
    make: () => Object.defineProperty(homemade({}), 'reason', { get: no }),
  },
  'throws when a listener is removed': {
    ends: true,
    make: () => homemade({ removeEventListener: no }),
  },
  'cannot be listened to': { ends: false, make: () => homemade({ addEventListener: no }) },
  'throws when it is looked at again': {
    ends: false,
    make: () => {
      let looks = 0;
      const get = (): boolean => {
        looks += 1;
        return looks > 2 ? no() : false;
      };
      return Object.defineProperty(homemade({ addEventListener: () => undefined }), 'aborted', {
        get,
      });
    },
  },
};

function no(): never {
  throw new Error('do not look');
}

/** A signal that aborts when its method `abort` is called. */
function homemade(others: object): object {
  const listeners = new Set<() => void>();
  return Object.assign(
    {
      aborted: false,
      addEventListener: (_name: string, listener: () => void) => void listeners.add(listener),
      removeEventListener: (_name: string, listener: () => void) => void listeners.delete(listener),
      abort(this: { aborted: boolean }): void {
        this.aborted = true;
        for (const listener of listeners) listener();
      },
    },
    others,
  );
}

for (const [what, { ends, make }] of Object.entries(HOMEMADE)) {
  test(`a signal of a program's own that ${what} leaves no session and no move hanging`, async (t) => {
    const simulator = await FrankaSimulator.start({ ...WALL, q: HOME });
    const arm = await Franka.connect(simulator.address);
    for (const call of [
      (signal: AbortSignal) =>
        new Session(arm, turning, { warmupS: 0 }).run(ends ? { signal } : { signal, durationS: 1 }),
      (signal: AbortSignal) => arm.moveTo(PLACE, { speed: 0.3, signal }),
    ]) {
      const signal = make() as AbortSignal & { abort(): void };
      const ended = call(signal).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (ends) {
        await until(() => speed(simulator) > 0.01, 'it moves');
        signal.abort();
      }
      const error = await ended;
      t.true(error === undefined || error instanceof KilohertzError, String(error));
      if (ends) t.true(error instanceof AbortError, String(error));
      t.false(arm.isDriven);
      t.true(speed(simulator) < 0.02);
    }
    await arm.close();
    await simulator.stop();
  });
}

test('a signal that aborts while the page of a run is opened lets no motion begin', async (t) => {
  const simulator = await FrankaSimulator.start({ ...WALL, q: HOME });
  const arm = await Franka.connect(simulator.address);
  const controller = new AbortController();
  const { signal } = controller;
  const running = abortReason(
    run(arm, turning, { warmupS: 0, durationS: 20, dashboard: { port: 0 }, signal }),
  );
  controller.abort('enough');
  t.is(await running, 'enough');
  t.is(simulator.counters().motionsStarted, 0);
  await arm.close();
  await simulator.stop();
});
