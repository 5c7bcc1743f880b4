// A TypeScript user's program, compiled against the declarations in the package.
import { type Policy, type Robot, run, SessionStats, type Tick } from 'kilohertz';

class Arm implements Robot<number, { target: number }> {
  readonly targets: number[] = [];
  observe(): number {
    return this.targets.length;
  }
  act(action: { target: number }): void {
    this.targets.push(action.target);
  }
  reset(): void {}
}

const follow: Policy<number, { target: number }> = (seen, { timeS }: Tick) => ({
  target: seen + timeS,
});
// @ts-expect-error a policy whose action is not the robot's does not compile
const wrong: Policy<number, { target: number }> = () => 'up';

const arm = new Arm();
const stats = await run(arm, follow, { rateHz: 100, durationS: 0.2, warmupS: 0 });
// @ts-expect-error the count is a number: the declarations are not `any`
stats.iterations satisfies string;

console.log(
  JSON.stringify({
    moved: arm.targets.length > 0 && typeof wrong === 'function',
    iterations: stats.iterations,
    targetPeriodS: stats.targetPeriodS,
    sameClass: stats instanceof SessionStats,
  }),
);
