// A JavaScript user's program, in an ES module package.
import { run, SessionStats } from 'kilohertz';

const targets = [];
const arm = { observe: () => targets.length, act: (action) => targets.push(action), reset() {} };

const stats = await run(arm, (seen) => seen + 1, { rateHz: 100, durationS: 0.2, warmupS: 0 });

console.log(
  JSON.stringify({
    moved: targets.length > 0,
    iterations: stats.iterations,
    targetPeriodS: stats.targetPeriodS,
    sameClass: stats instanceof SessionStats,
  }),
);
