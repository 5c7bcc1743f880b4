// A CommonJS user's program.
const { run, SessionStats } = require('kilohertz');

const targets = [];
const arm = { observe: () => targets.length, act: (action) => targets.push(action), reset() {} };

run(arm, (seen) => seen + 1, { rateHz: 100, durationS: 0.2, warmupS: 0 }).then((stats) => {
  console.log(
    JSON.stringify({
      moved: targets.length > 0,
      iterations: stats.iterations,
      targetPeriodS: stats.targetPeriodS,
      sameClass: stats instanceof SessionStats,
    }),
  );
});
