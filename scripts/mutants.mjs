// Changes limits, late rule and judge in small ways, one at a time, and looks whether a test notices
// (cargo-mutants). What no test notices has to be listed in docs/checks.md with the reason why not.
//
//   node scripts/mutants.mjs                     late rule, judge and limits of the core: some 50 minutes
//   node scripts/mutants.mjs late judge          only these
//   node scripts/mutants.mjs franka-limits       limits/ of kilohertz-franka: some two hours
//   node scripts/mutants.mjs franka-joints       of them only those of joints; franka-cartesian and franka-lookahead likewise

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cargoTool } from './cargo-tools.mjs';
import { Missing, orExplain, root } from './toolchain.mjs';

const core = (...files) => ({
  crate: 'kilohertz-core',
  files: files.map((file) => `crates/kilohertz-core/src/${file}.rs`),
  targets: ['--lib', '--test=proofs'],
  tests: [],
});
const frankaLimits = (files) => ({
  crate: 'kilohertz-franka',
  files: [`crates/kilohertz-franka/src/limits/${files}.rs`],
  // Those of the seam would notice more, but each run of them takes a minute.
  targets: ['--lib'],
  tests: ['limits'],
});
const subjects = {
  late: core('command/late'),
  judge: core('command/judge'),
  limits: core(
    ...['mod', 'comparing', 'joint_motion', 'judgement', 'rules', 'violation'].map(
      (file) => `limits/${file}`,
    ),
  ),
  'franka-limits': frankaLimits('**/*'),
  'franka-joints': frankaLimits('joints'),
  'franka-cartesian': frankaLimits('cartesian/mod'),
  'franka-lookahead': frankaLimits('cartesian/lookahead'),
};

/** The mutants of `name` that no test noticed, without the places where they are. */
function survivors(name) {
  const { crate, files, targets, tests } = subjects[name];
  const folder = join(root, 'target', 'mutants', name);
  mkdirSync(folder, { recursive: true });
  const chosen = files.flatMap((file) => ['-f', file]);
  // Other test programs of the crate are not even built: that takes longer than the tests.
  const built = targets.map((target) => `--cargo-arg=${target}`);
  const what = ['-p', crate, ...chosen, '-o', folder, '-j', '1', '--no-shuffle'];
  const limits = ['--timeout', '300', '--build-timeout', '1200'];
  const ran = spawnSync(
    cargoTool('cargo-mutants'),
    ['mutants', ...what, ...limits, ...built, '--', ...tests],
    {
      cwd: root,
      stdio: ['ignore', 2, 2],
    },
  );
  // 2: some were missed; 3: some took too long, which counts as noticed.
  if (![0, 2, 3].includes(ran.status))
    throw new Missing(`cargo mutants failed with ${ran.status}.`);
  return readFileSync(join(folder, 'mutants.out', 'missed.txt'), 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => line.replace(/:\d+:\d+: /, ': '));
}

await orExplain(() => {
  const chosen = process.argv.slice(2);
  const unknown = chosen.find((name) => !subjects[name]);
  if (unknown) throw new Missing(`${unknown} is unknown; expected ${Object.keys(subjects)}.`);
  // A bar within a table is escaped there.
  const argued = readFileSync(join(root, 'docs', 'checks.md'), 'utf8').replaceAll('\\|', '|');
  const names = chosen.length > 0 ? chosen : ['late', 'judge', 'limits'];
  const missed = names.flatMap(survivors);
  const news = missed.filter((survivor) => !argued.includes(`\`${survivor}\``));
  console.error(`${missed.length} not noticed, ${missed.length - news.length} of them listed`);
  if (news.length > 0) {
    throw new Missing(`write a test for, or list in docs/checks.md:\n${news.join('\n')}`);
  }
});
