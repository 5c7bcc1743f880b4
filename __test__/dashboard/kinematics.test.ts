import test from 'ava';
import { endEffectorPose, flangePose, isHand } from '../../dashboard/src/kinematics.ts';
import { Franka, FrankaModel, FrankaSimulator } from '../../index.ts';
import { distance } from '../fixtures/arms.ts';
import { HAND } from '../fixtures/page-server.ts';
import { jointsAt } from '../fixtures/scripted-arms.ts';

for (const generation of ['fr3', 'fer'] as const) {
  test(`the page draws the flange of the ${generation} where its model has it`, (t) => {
    const model = new FrankaModel(generation);
    for (let timeS = 0; timeS < 20; timeS += 1) {
      const q = jointsAt(timeS, timeS / 3);
      t.true(distance(model.pose('flange', q), flangePose(q)) < 1e-9, `${q}`);
    }
  });
}

test('the page draws the end effector where the state of an arm has it', async (t) => {
  await using simulator = await FrankaSimulator.start();
  await using robot = await Franka.connect(simulator.address);
  const { q, F_T_EE, O_T_EE } = await robot.state();
  t.true(distance(O_T_EE, endEffectorPose(q, F_T_EE)) < 1e-3);
});

test('knows a Franka Hand by the frame of its end effector', (t) => {
  t.true(isHand(HAND));
  t.false(isHand([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1]));
  t.false(isHand(HAND.map((value, nth) => (nth === 14 ? 0.2 : value))));
});
