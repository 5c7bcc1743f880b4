// How long tests take, read from what cargo and ava print about it.

import { cpus, loadavg } from 'node:os';

/**
 * A reader of the lines of `cargo test` that tells how long the build and each test binary took. Stable Rust does
 * not say it of each test.
 */
export function cargoTimes(tell) {
  const since = performance.now();
  const binaries = [];
  const results = [];
  let crate = '';
  let isBuilt = false;
  return (line, stream) => {
    if (stream === 'stderr') {
      const [, file, built] =
        line.match(/^ +Running (?:unittests )?(\S+) \(\S+\/(\w+)-\w+\)$/) ?? [];
      const [, documented] = line.match(/^ +Doc-tests (\w+)$/) ?? [];
      if (!file && !documented) return;
      if (!isBuilt) tell('cargo: build of the tests', (performance.now() - since) / 1000);
      isBuilt = true;
      if (file?.startsWith('src/')) crate = built.replaceAll('_', '-');
      binaries.push(documented ? `${documented}: examples` : `${crate}: ${file}`);
    } else {
      const [, seconds] = line.match(/^test result: .* finished in ([\d.]+)s$/) ?? [];
      if (seconds) results.push(Number(seconds));
    }
    // The two streams come apart, each in its own order.
    while (binaries.length > 0 && results.length > 0) tell(binaries.shift(), results.shift());
  };
}

const SECONDS = { ms: 1e-3, s: 1, m: 60, h: 3600 };

/** A reader of the lines of ava that tells how long each test took, of those that ava finds long. */
export function avaTimes(tell) {
  return (line) => {
    const [, title, lasted] = line.match(/^ +[✔✘] (.*) \(((?:[\d.]+(?:ms|s|m|h) ?)+)\)$/) ?? [];
    if (!lasted) return;
    const parts = [...lasted.matchAll(/([\d.]+)(ms|s|m|h)/g)];
    tell(
      title,
      parts.reduce((sum, [, value, unit]) => sum + Number(value) * SECONDS[unit], 0),
    );
  };
}

/** The machine, the day, and how busy it has been. */
export function machine() {
  const [processor] = cpus();
  const load = loadavg()[0].toFixed(1);
  const day = new Date().toISOString().slice(0, 10);
  return `${day}, Node ${process.versions.node}, ${cpus().length} cores of ${processor.model}, load ${load}`;
}

/** Rows of what took how long, in Markdown. */
export function table(title, rows) {
  const lines = rows.map(
    ({ what, seconds }) => `| ${what.replaceAll('|', '\\|')} | ${seconds.toFixed(1)} s |`,
  );
  return [`| ${title} | took |`, '| --- | ---: |', ...lines].join('\n');
}
