import { existsSync } from 'node:fs';
import test from 'ava';
import { programBehind } from '../fixtures/programs.ts';

/** The package as it is built: a context of node:vm knows no TypeScript. */
const built = new URL('../../dist/index.js', import.meta.url);

for (const arrayBuffer of ['inner', 'outer']) {
  test(`the package works in a realm of its own, with the ${arrayBuffer} ArrayBuffer`, async (t) => {
    t.true(existsSync(built), 'run npm run build');
    const options = ['--experimental-vm-modules'];
    const running = programBehind([], options, 'realm', built.href, arrayBuffer);
    const { code, lines, stderr } = await running.ended;
    t.is(code, 0, stderr);
    t.deepEqual(JSON.parse(lines.at(-1) ?? 'null'), {
      isApart: true,
      poses: [16, 16, 16],
      foreign: [7, 49],
      cycles: true,
      borrowed: true,
      refused: ['InvalidActionError', 'ACTION_NOT_FINITE'],
      threw: ['PolicyError', 'POLICY_THREW'],
      cause: true,
      load: ['OptionRangeError', 'OPTION_M_LOAD'],
      unreachable: ['RobotError', 'FRANKA_UNREACHABLE'],
      fault: ['KilohertzError', 'SIM_FAULT'],
      reflex: ['RobotError', 'FRANKA_REFLEX'],
      lost: ['RobotError', 'FRANKA_CONNECTION_LOST'],
      connect: ['RobotError', 'FRANKA_CONNECT_REFUSED'],
      outside: { isError: false, isKnown: true },
    });
  });
}
