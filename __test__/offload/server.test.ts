// What the answering end of a line promises, with a line that is none.

import test from 'ava';
import { MORE, type NativeLine } from '../../lib/native/binding.ts';
import { CALL } from '../../lib/native/contract.ts';
import { Packer } from '../../lib/offload/codec/packer.ts';
import { serve } from '../../lib/offload/server.ts';

/** The calls of a script, as messages: the first makes the object. */
function messages(...names: readonly string[]): Uint8Array[] {
  const calls = [
    { kind: CALL.make, path: 'make' },
    ...names.map((path) => ({ kind: CALL.call, path })),
  ];
  return calls.map(({ kind, path }, id) => {
    const packer = new Packer({} as NativeLine, true);
    packer.begin(id, kind);
    packer.value(path, 'path');
    packer.value([], 'args');
    return packer.bytes.slice(0, packer.length);
  });
}

/** Answers these calls, made at once; `whenAsleep` is called where it would sleep, and then the line is closed. */
async function served(
  object: object,
  calls: readonly Uint8Array[],
  whenAsleep: () => void,
): Promise<number> {
  const left = [...calls];
  let sent = 0;
  let closed = false;
  const native = {
    get closed() {
      return closed;
    },
    heldBytes: 0,
    next(into: Uint8Array, _spinS: number, limitS: number) {
      const message = left.shift();
      if (message) {
        into.set(message);
        return message.length + (left.length > 0 ? MORE : 0);
      }
      if (limitS > 0) {
        whenAsleep();
        closed = true;
      }
      return -1;
    },
    take: () => -1,
    send() {
      sent += 1;
      return true;
    },
    listen: (woken: () => void) => void setImmediate(woken),
    hold() {},
    deafen() {},
  };
  await serve(native as unknown as NativeLine, {
    make: async () => object,
    ordered: true,
    revokes: false,
    // What the test runner keeps open.
    furniture: process.getActiveResourcesInfo(),
  });
  return sent;
}

test('a thread sleeps outside of its event loop only when what calls left behind has gone as far as it can', async (t) => {
  let steps = 0;
  const object = {
    async goesOn(): Promise<void> {},
    begins(): void {
      void (async () => {
        for (let nth = 0; nth < 10; nth += 1) {
          await undefined;
          steps += 1;
        }
      })();
    },
  };
  const seen: number[] = [];
  const sent = await served(object, messages('goesOn', 'begins', 'begins'), () => seen.push(steps));
  t.deepEqual({ sent, seen }, { sent: 4, seen: [20] });
});

test('a thread does not sleep outside of its event loop while a timer is pending', async (t) => {
  let fired = false;
  const object = {
    begins(): void {
      setTimeout(() => {
        fired = true;
      }, 20);
    },
  };
  const seen: boolean[] = [];
  await served(object, messages('begins'), () => seen.push(fired));
  t.deepEqual(seen, [true]);
});
