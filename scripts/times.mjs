// How long tests take, read from what ava prints about it, and tables of it.

import { cpus, loadavg } from 'node:os';

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
