// A report as a page of SVG: how long the periods were, how long the phases took, and the worst cycles.

import { timeText } from '../errors/inspection.ts';
import type { CyclePhase } from '../native/contract.ts';
import type { BadCycle, CauseCount } from './bad-cycles.ts';
import type { PhaseReport } from './phase-report.ts';
import type { Histogram } from './records.ts';
import type { SessionStats } from './stats.ts';

/** The width of the page, and where its charts begin and how wide they are [pixels]. */
const WIDTH = 960;
const LEFT = 130;
const PLOT = 780;
/** How high the chart of the periods is, and the rows of the others. */
const PERIODS = 140;
const ROW = 24;
/** How far the rows of a list are apart, of which the second line is the advice. */
const LIST = 40;
/** The most cycles and characters that are listed. */
const LISTED = 8;
const LONGEST_TEXT = 150;

/** Colours of the phases: Okabe and Ito's, which most people can tell apart. Waiting is no work, and grey. */
const COLORS: Readonly<Record<CyclePhase, string>> = {
  wait: '#8c959f',
  wake: '#cc79a7',
  handOver: '#56b4e9',
  policy: '#0072b2',
  handBack: '#009e73',
  judge: '#e69f00',
  decide: '#d55e00',
  send: '#b8a800',
  record: '#a06bd6',
};

/** What is drawn of a report. */
interface Drawn {
  readonly stats: SessionStats;
  readonly badCycles: number;
  readonly phases: readonly PhaseReport[];
  readonly causes: readonly CauseCount[];
  readonly worst: readonly BadCycle[];
}

/** Returns the page. */
export function drawn(report: Drawn, periods: Histogram): string {
  const { stats, badCycles, worst, causes } = report;
  const parts: string[] = [];
  let y = 34;
  const heading = (text: string): void => {
    parts.push(`<text class="heading" x="20" y="${y}">${escaped(text)}</text>`);
    y += 14;
  };
  const title = `${stats.iterations} cycles, ${stats.missedTicks} ticks missed, ${badCycles} bad cycles`;
  const named = causes.map(({ cause, count }) => `${cause} ${count}`).join(', ');
  heading(title);
  parts.push(`<text class="quiet" x="20" y="${y + 4}">${escaped(named)}</text>`);
  y += 30;
  heading('How long the periods were, on logarithmic axes');
  parts.push(periodChart(periods, stats.targetPeriodS, y));
  y += PERIODS + 52;
  heading('How long the phases took: p50 (bar), p99 (line) and the longest (dot)');
  parts.push(phaseChart(report.phases, y));
  y += report.phases.length * ROW + 48;
  heading('The worst cycles, and what is blamed for them');
  parts.push(cycleChart(worst.slice(0, LISTED), y));
  y += Math.max(1, Math.min(worst.length, LISTED)) * LIST + 16;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" width="${WIDTH}" height="${y}" role="img" aria-labelledby="title" font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="12">
<title id="title">${escaped(title)}</title>
<style>
  svg { color-scheme: light dark; color: #1f2328; }
  .ground { fill: #ffffff; }
  text { fill: currentColor; }
  .quiet { fill-opacity: 0.7; font-size: 11px; }
  .heading { font-weight: bold; font-size: 13px; }
  .grid { stroke: currentColor; stroke-opacity: 0.15; }
  .bar { fill: #57718f; }
  .target { stroke: #cf222e; stroke-dasharray: 4 3; }
  @media (prefers-color-scheme: dark) {
    svg { color: #e6edf3; }
    .ground { fill: #0d1117; }
    .bar { fill: #8ba3c1; }
    .target { stroke: #ff7b72; }
  }
</style>
<rect class="ground" width="${WIDTH}" height="${y}"/>
${parts.join('\n')}
</svg>
`;
}

/** An axis of powers of ten. */
class Axis {
  readonly #from: number;
  readonly #to: number;

  constructor(lowS: number, highS: number) {
    this.#from = Math.floor(Math.log10(Math.max(lowS, 1e-8)));
    this.#to = Math.max(Math.ceil(Math.log10(Math.max(highS, 1e-8))), this.#from + 1);
  }

  /** Returns where a time is [pixels]. */
  at(seconds: number): number {
    const power = Math.log10(Math.max(seconds, 10 ** this.#from));
    return round(LEFT + (PLOT * (power - this.#from)) / (this.#to - this.#from));
  }

  /** Returns the lines at powers of ten, from `top` to `bottom`, with their times below. */
  grid(top: number, bottom: number): string {
    const powers = Array.from({ length: this.#to - this.#from + 1 }, (_, nth) => this.#from + nth);
    return powers
      .map((power) => {
        const x = this.at(10 ** power);
        const text = `<text class="quiet" x="${x}" y="${bottom + 14}" text-anchor="middle">${timeName(power)}</text>`;
        return `<line class="grid" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>${text}`;
      })
      .join('');
  }
}

/** Returns a power of ten of a second in words. */
function timeName(power: number): string {
  const units = ['ns', 'us', 'ms', 's'];
  const unit = Math.min(Math.max(Math.floor((power + 9) / 3), 0), units.length - 1);
  return `${Math.round(10 ** (power + 9 - 3 * unit))} ${units[unit]}`;
}

/** How many bars the periods are gathered in. */
const BARS = 130;

function periodChart({ upperS, counts }: Histogram, targetS: number, top: number): string {
  const bottom = top + PERIODS;
  if (upperS.length === 0) return quiet('there were no periods', top + 20);
  const axis = new Axis(
    Math.min(upperS[0] ?? targetS, targetS),
    Math.max(upperS.at(-1) ?? targetS, targetS),
  );
  const bars = new Float64Array(BARS);
  for (const [nth, upper] of upperS.entries()) {
    const place = Math.floor(((axis.at(upper) - LEFT) / PLOT) * BARS);
    const bar = Math.min(Math.max(place, 0), BARS - 1);
    bars[bar] = (bars[bar] ?? 0) + (counts[nth] ?? 0);
  }
  const decades = Math.max(1, Math.ceil(Math.log10(Math.max(...bars))));
  // A single cycle can be seen.
  const height = (count: number): number =>
    round((PERIODS * (Math.log10(count) + 0.3)) / (decades + 0.3));
  const width = PLOT / BARS;
  const drawnBars = [...bars].map((count, bar) => {
    if (count === 0) return '';
    const h = height(count);
    return `<rect class="bar" x="${round(LEFT + bar * width)}" y="${round(bottom - h)}" width="${round(width - 0.6)}" height="${h}"/>`;
  });
  const scale = Array.from({ length: decades + 1 }, (_, power) => {
    const y = round(bottom - height(10 ** power));
    const text = `<text class="quiet" x="${LEFT - 8}" y="${y + 4}" text-anchor="end">${10 ** power}</text>`;
    return `<line class="grid" x1="${LEFT}" x2="${LEFT + PLOT}" y1="${y}" y2="${y}"/>${text}`;
  });
  const x = axis.at(targetS);
  const target = `<line class="target" x1="${x}" x2="${x}" y1="${top}" y2="${bottom}"/>`;
  return [axis.grid(top, bottom), ...scale, ...drawnBars, target].join('');
}

function phaseChart(phases: readonly PhaseReport[], top: number): string {
  if (phases.length === 0) return quiet('no phase was measured', top + 20);
  const axis = new Axis(
    Math.min(...phases.map(({ p50S }) => p50S)),
    Math.max(...phases.map(({ maxS }) => maxS)),
  );
  const rows = phases.map(({ phase, p50S, p99S, maxS }, nth) => {
    const y = top + nth * ROW;
    const [middle, ninety, longest] = [axis.at(p50S), axis.at(p99S), axis.at(maxS)];
    const color = COLORS[phase];
    const told = `${timeText(p50S)} / ${timeText(p99S)} / ${timeText(maxS)}`;
    return (
      `<text x="${LEFT - 8}" y="${y + 15}" text-anchor="end">${phase}<title>${told}</title></text>` +
      `<rect fill="${color}" x="${LEFT}" y="${y + 5}" width="${round(Math.max(middle - LEFT, 1))}" height="12"><title>${told}</title></rect>` +
      `<line stroke="${color}" stroke-width="2" x1="${middle}" x2="${ninety}" y1="${y + 11}" y2="${y + 11}"/>` +
      `<circle fill="${color}" cx="${longest}" cy="${y + 11}" r="4"/>`
    );
  });
  return axis.grid(top, top + phases.length * ROW) + rows.join('');
}

/** Draws each cycle as a bar of its phases, with what is blamed for it below. */
function cycleChart(cycles: readonly BadCycle[], top: number): string {
  if (cycles.length === 0) return quiet('there were none', top + 20);
  const longest = Math.max(1e-9, ...cycles.map(({ lastedS }) => lastedS));
  return cycles
    .map((cycle, nth) => {
      const y = top + nth * LIST;
      let x = LEFT;
      const bars = Object.entries(cycle.phasesS).map(([phase, seconds]) => {
        const width = round((seconds / longest) * PLOT);
        const bar = `<rect fill="${COLORS[phase as CyclePhase]}" x="${round(x)}" y="${y + 2}" width="${width}" height="10"><title>${phase} ${timeText(seconds)}</title></rect>`;
        x += width;
        return width > 0 ? bar : '';
      });
      const name = `<text x="${LEFT - 8}" y="${y + 11}" text-anchor="end">cycle ${cycle.tick}</text>`;
      const words = `${cycle.cause}: ${cycle.evidence}`;
      const text = `<text class="quiet" x="${LEFT}" y="${y + 26}">${escaped(words)}</text>`;
      const lasted = `<text class="quiet" x="${LEFT - 8}" y="${y + 26}" text-anchor="end">${timeText(cycle.lastedS)}</text>`;
      return name + bars.join('') + lasted + text;
    })
    .join('');
}

function quiet(text: string, y: number): string {
  return `<text class="quiet" x="${LEFT}" y="${y}">${text}</text>`;
}

/** Returns a text that is no markup; names of threads come from the system. */
function escaped(text: string): string {
  const short = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT)}…` : text;
  const printable = short.replace(/\p{C}/gu, ' ');
  return printable.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
