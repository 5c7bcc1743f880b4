// A picture of what was measured: for each load, which share of the wakes was later than a time.

import type { BenchReport, BenchRow } from './bench.ts';

/** The measures of a panel, and of the margins around it. */
const PANEL = { width: 640, height: 180 } as const;
const MARGIN = { left: 60, right: 190, top: 40, bottom: 40 } as const;
/** The times and the shares that are shown, as powers of ten. */
const TIMES = { from: -7, to: -1 } as const;
const SHARES = { from: -5, to: 0 } as const;
/** The colours of the methods: Okabe and Ito's, which most people can tell apart. */
const COLORS: readonly string[] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'];
const NAMES = ['100 ns', '1 us', '10 us', '100 us', '1 ms', '10 ms', '100 ms'];

/** Returns the picture, as the text of an SVG file. */
export function drawn({ rateHz, durationS, rows }: BenchReport): string {
  const loads = [...new Set(rows.map(({ load }) => load))];
  const panelHeight = PANEL.height + MARGIN.top + MARGIN.bottom;
  const width = PANEL.width + MARGIN.left + MARGIN.right;
  const height = loads.length * panelHeight;
  const panels = loads.map((load, index) => {
    const own = rows.filter((row) => row.load === load);
    const y = index * panelHeight + MARGIN.top;
    return `<g transform="translate(${MARGIN.left} ${y})">${panel(load, own)}</g>`;
  });
  const title = `How late threads wake, ${rateHz} times a second for ${durationS} s`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">
<title>${title}</title>
<style>
  svg { background: #ffffff; color: #202020; }
  @media (prefers-color-scheme: dark) { svg { background: #16181c; color: #e0e0e0; } }
  text { fill: currentColor; }
  .grid { stroke: currentColor; stroke-opacity: 0.2; }
  .line { fill: none; stroke-width: 2; }
</style>
${panels.join('\n')}
</svg>
`;
}

function panel(load: string, rows: readonly BenchRow[]): string {
  const grid = NAMES.map((name, index) => {
    const x = place(TIMES.from + index, TIMES, PANEL.width);
    const line = `<line class="grid" x1="${x}" x2="${x}" y1="0" y2="${PANEL.height}"/>`;
    return `${line}<text x="${x}" y="${PANEL.height + 18}" text-anchor="middle">${name}</text>`;
  });
  const shares = Array.from({ length: SHARES.to - SHARES.from + 1 }, (_, index) => {
    const power = SHARES.from + index;
    const y = round(PANEL.height - place(power, SHARES, PANEL.height));
    const name = power === 0 ? '1' : `1e${power}`;
    const line = `<line class="grid" x1="0" x2="${PANEL.width}" y1="${y}" y2="${y}"/>`;
    return `${line}<text x="-8" y="${y + 4}" text-anchor="end">${name}</text>`;
  });
  const lines = rows.map((row, index) => {
    const color = COLORS[index % COLORS.length];
    const at = `x="${PANEL.width + 12}" y="${16 + index * 20}"`;
    const name = `<text ${at} style="fill: ${color}">${row.method}</text>`;
    return `<path class="line" stroke="${color}" d="${stepsOf(row)}"/>${name}`;
  });
  const title = `<text x="0" y="-14" font-weight="bold">${load}: the share of wakes that were later</text>`;
  return [title, ...grid, ...shares, ...lines].join('');
}

/** Returns the steps of the share of wakes that were later than a time, as a path. */
function stepsOf({ histogram, cycles }: BenchRow): string {
  let left = cycles;
  let y = yOf(1);
  const parts = [`M0 ${y}`];
  for (const [index, upper] of histogram.upperS.entries()) {
    const x = place(Math.log10(upper), TIMES, PANEL.width);
    left -= histogram.counts[index] ?? 0;
    y = yOf(Math.max(left, 0) / cycles);
    parts.push(`H${x}V${y}`);
  }
  return parts.join('');
}

function yOf(share: number): number {
  const power = share > 0 ? Math.log10(share) : SHARES.from;
  return round(PANEL.height - place(power, SHARES, PANEL.height));
}

/** Returns where a power of ten is on an axis; outside of it at its end. */
function place(power: number, { from, to }: { from: number; to: number }, length: number): number {
  return round(((Math.min(Math.max(power, from), to) - from) / (to - from)) * length);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
