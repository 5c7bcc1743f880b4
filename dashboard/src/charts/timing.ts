// How evenly the loop ran: the jitter's histogram and percentiles, and the session's counters.

import { button, element, setText } from '../dom.ts';
import type { ArmInfo, MeasureInfo, SpreadInfo, StatsInfo, WorstInfo } from '../protocol.ts';
import { color } from '../theme.ts';
import { clock, count, duration, words } from '../units.ts';
import { Sheet } from './canvas.ts';

/** The histogram's axis: decades of seconds. */
const FIRST_DECADE = -7;
const LAST_DECADE = -1;
/** Bars a decade. */
const BARS = 12;
const PERCENTILES = ['p50', 'p95', 'p99', 'max'] as const;
/** Heights below the bars, and above, where the percentiles are named. */
const BELOW = 18;
const ABOVE = 18;

/** What the worst cycles are the worst in, and how their values are told. */
const MEASURES: readonly [MeasureInfo, string, (value: number) => string][] = [
  ['jitter', 'jitter', duration],
  ['execution', 'execution', duration],
  ['answer', 'answer of the policy', duration],
  ['missed', 'ticks missed', count],
  ['unrecorded', 'cycles not recorded', count],
];

export class Timing {
  readonly root: HTMLElement;
  readonly #sheet: Sheet;
  readonly #cells = new Map<string, HTMLElement>();
  readonly #counters = element('dl', 'counters');
  readonly #worst = element('div', 'worst');
  #stats: StatsInfo | undefined;

  constructor(isRecorded: boolean) {
    this.#sheet = new Sheet('histogram of the jitter of the run', (context, width, height) =>
      this.#draw(context, width, height),
    );
    const head = element('tr', '', ...['', ...PERCENTILES].map((name) => element('th', '', name)));
    const rows = (['jitter', 'execution'] as const).map((row) => {
      const cells = PERCENTILES.map((name) => {
        const cell = element('td', 'number', '–');
        this.#cells.set(`${row} ${name}`, cell);
        return cell;
      });
      return element('tr', '', element('th', '', row), ...cells);
    });
    const table = element(
      'table',
      'spread',
      element('thead', '', head),
      element('tbody', '', ...rows),
    );
    const title =
      'jitter: how far a period is from its target; the whole run, logarithmic counts; ' +
      `percentiles of ${isRecorded ? 'all' : 'the newest'} cycles`;
    this.root = element(
      'div',
      'timing',
      element('p', 'quiet', title),
      element('div', 'histogram', this.#sheet.canvas),
      table,
      this.#worst,
      this.#counters,
    );
  }

  dispose(): void {
    this.#sheet.dispose();
  }

  show(arm: ArmInfo, stats: StatsInfo | undefined): void {
    this.#stats = stats;
    const spread = (row: string, values: SpreadInfo | undefined) => {
      for (const name of PERCENTILES) {
        const cell = this.#cells.get(`${row} ${name}`);
        if (cell !== undefined) setText(cell, duration(values?.[name]));
      }
    };
    spread('jitter', stats?.jitter);
    spread('execution', stats?.execution);
    const values: [string, string][] = [
      ['loop', `${arm.rateHz} Hz`],
      ['policy', `${arm.policyRateHz} Hz`],
      ['target period', duration(stats?.targetPeriodS)],
      ['mean period', duration(stats?.avgPeriodS)],
      ['longest period', duration(stats?.longestPeriodS)],
      ...Object.entries(stats?.counters ?? {}).map(([name, value]): [string, string] => [
        words(name),
        count(value),
      ]),
    ];
    this.#fill(values);
    this.#sheet.draw();
  }

  /** Lists the worst cycles of a run; a click on one goes there. */
  showWorst(worst: readonly WorstInfo[], onSeek: (timeS: number) => void): void {
    const rows = MEASURES.flatMap(([measure, title, told]) => {
      const cycles = worst.filter((one) => one.measure === measure);
      if (cycles.length === 0) return [];
      const places = cycles.map(({ value, timeS, tick }) => {
        const place = button('seek number', `${told(value)} at ${clock(timeS)}`, () =>
          onSeek(timeS),
        );
        place.title = `Go to cycle ${count(tick)}`;
        return place;
      });
      return [element('li', '', element('span', 'quiet', title), ...places)];
    });
    const list = element('ul', '', ...rows);
    this.#worst.replaceChildren(
      element('p', 'quiet', 'the worst cycles; a click goes there'),
      list,
    );
  }

  #fill(values: readonly [string, string][]): void {
    const known = [...this.#counters.children] as HTMLElement[];
    const isSame =
      known.length === values.length &&
      values.every(([name], nth) => known[nth]?.dataset['name'] === name);
    if (!isSame) {
      const made = values.map(([name]) => {
        const pair = element('div', '', element('dt', '', name), element('dd', 'number'));
        pair.dataset['name'] = name;
        return pair;
      });
      this.#counters.replaceChildren(...made);
    }
    for (const [nth, [, value]] of values.entries()) {
      const cell = this.#counters.children[nth]?.lastElementChild;
      if (cell instanceof HTMLElement) setText(cell, value);
    }
  }

  #draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    const bottom = height - BELOW;
    const decades = LAST_DECADE - FIRST_DECADE;
    const place = (seconds: number) => {
      const decade = Math.log10(Math.max(seconds, 10 ** FIRST_DECADE));
      return (width * Math.min(decades, decade - FIRST_DECADE)) / decades;
    };
    context.font = '11px system-ui, sans-serif';
    context.textAlign = 'center';
    for (let decade = FIRST_DECADE; decade <= LAST_DECADE; decade += 1) {
      const x = place(10 ** decade);
      context.fillStyle = color('grid');
      context.fillRect(x, ABOVE, 1, bottom - ABOVE);
      context.fillStyle = color('quiet');
      context.textAlign =
        decade === FIRST_DECADE ? 'left' : decade === LAST_DECADE ? 'right' : 'center';
      context.fillText(duration(10 ** decade).replace(/\.0+ /, ' '), x, height - 5);
    }
    context.fillStyle = color('grid-strong');
    context.fillRect(0, bottom, width, 1);
    if (this.#stats === undefined) return;
    const { jitterHistogram, jitter } = this.#stats;
    const bars = new Float64Array(BARS * decades);
    for (const [nth, upper] of jitterHistogram.upperS.entries()) {
      const bar = Math.ceil(BARS * (Math.log10(Math.max(upper, 1e-12)) - FIRST_DECADE)) - 1;
      const inside = Math.max(0, Math.min(bars.length - 1, bar));
      bars[inside] = (bars[inside] ?? 0) + (jitterHistogram.counts[nth] ?? 0);
    }
    const most = Math.log10(1 + Math.max(1, ...bars));
    const wide = width / bars.length;
    context.fillStyle = color('bar');
    for (const [nth, cycles] of bars.entries()) {
      if (cycles === 0) continue;
      const size = Math.max(2, ((bottom - ABOVE) * Math.log10(1 + cycles)) / most);
      context.fillRect(nth * wide + 0.5, bottom - size, wide - 1, size);
    }
    this.#drawPercentiles(context, place, width, bottom, jitter);
  }

  #drawPercentiles(
    context: CanvasRenderingContext2D,
    place: (seconds: number) => number,
    width: number,
    bottom: number,
    jitter: SpreadInfo,
  ): void {
    let free = 0;
    for (const name of PERCENTILES) {
      const x = Math.min(width - 1, place(jitter[name]));
      context.fillStyle = color('text');
      context.fillRect(x, ABOVE, 1, bottom - ABOVE);
      const half = context.measureText(name).width / 2;
      const at = Math.min(width - half, Math.max(x, free + half));
      context.textAlign = 'center';
      context.fillText(name, at, ABOVE - 5);
      free = at + half + 4;
    }
  }
}
