// One chart against time: lines, and the limits as bands.

import uPlot from 'uplot';
import { element, setText } from '../dom.ts';
import { WINDOW_S } from '../history.ts';
import { color, onThemeChange } from '../theme.ts';
import { withUnit } from '../units.ts';

export interface Line {
  label: string;
  /** The name of its colour in page.css. */
  color: string;
  dash?: number[];
  width?: number;
}

export interface ChartOptions {
  title: string;
  unit: string;
  digits: number;
  lines: readonly Line[];
  /** Beyond these the arm must not go. */
  limits?: { low: number; high: number } | undefined;
  /** The smallest span of a scale that fits the lines. */
  leastSpan: number;
}

/** A limit that is farther away is drawn here, in any unit: no joint and no arm gets there. */
const FARTHEST = 1000;
const inReach = (limit: number): number => Math.max(-FARTHEST, Math.min(FARTHEST, limit));

type Column = ArrayLike<number>;

export class Chart {
  readonly root: HTMLElement;
  readonly #options: ChartOptions;
  readonly #plot: uPlot;
  readonly #numbers: HTMLElement[];
  readonly #forget: () => void;
  #reachesLimits = false;

  constructor(options: ChartOptions) {
    const { title, unit, lines, limits } = options;
    const near = limits && { low: inReach(limits.low), high: inReach(limits.high) };
    this.#options = { ...options, limits: near };
    this.#numbers = lines.map((line) => {
      const number = element('span', 'number');
      number.title = line.label;
      return number;
    });
    const items = this.#numbers.map((number, nth) => {
      const line = lines[nth];
      const key = element('i', line?.dash ? 'key dashed' : 'key');
      key.style.setProperty('--key', `var(--${line?.color})`);
      return element('span', 'value', key, number);
    });
    const head = element(
      'div',
      'chart-head',
      element('b', '', title),
      element('small', 'quiet', unit),
      ...items,
    );
    const body = element('div', 'chart-body');
    this.root = element('div', 'chart', head, body);
    this.root.setAttribute('role', 'img');
    this.root.setAttribute('aria-label', `${title} [${unit}], the last ${WINDOW_S} seconds`);
    this.#plot = new uPlot(this.#uplotOptions(), [[], ...lines.map(() => [])], body);
    new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = body;
      if (width > 0 && height > 0) this.#plot.setSize({ width, height });
    }).observe(body);
    this.#forget = onThemeChange(() => this.#plot.redraw());
  }

  dispose(): void {
    this.#forget();
    this.#plot.destroy();
  }

  /** Sets whether the scale reaches up to the limits; else it fits the lines. */
  reachLimits(reaches: boolean): void {
    this.#reachesLimits = reaches;
  }

  /** Draws columns over times before now [s], and tells their newest values. */
  draw(beforeS: Column, columns: readonly Column[]): void {
    const { digits } = this.#options;
    for (const [nth, number] of this.#numbers.entries()) {
      const column = columns[nth];
      setText(number, withUnit(column?.[column.length - 1], digits, ''));
    }
    this.#plot.setData([beforeS, ...columns] as unknown as uPlot.AlignedData);
  }

  #uplotOptions(): uPlot.Options {
    const { lines } = this.#options;
    const axis = {
      stroke: () => color('quiet'),
      grid: { stroke: () => color('grid'), width: 1 },
      ticks: { show: false },
      font: '11px system-ui, sans-serif',
    };
    return {
      width: 300,
      height: 100,
      padding: [8, 14, 0, 0],
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false, range: [-WINDOW_S, 0] },
        y: { range: (_plot, low, high) => this.#range(low, high) },
      },
      axes: [
        {
          ...axis,
          size: 16,
          gap: 1,
          splits: [-WINDOW_S, -WINDOW_S / 2, 0],
          // The oldest would stand below the other axis.
          values: (_plot, at) => at.map((s) => (s === -WINDOW_S ? '' : `${s} s`)),
        },
        { ...axis, size: 46, gap: 3, space: 18 },
      ],
      series: [
        {},
        ...lines.map((line) => ({
          label: line.label,
          stroke: () => color(line.color),
          width: line.width ?? 1.5,
          ...(line.dash ? { dash: line.dash } : {}),
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: { drawClear: [(plot) => this.#drawLimits(plot)] },
    };
  }

  #range(low: number | null, high: number | null): [number, number] {
    const { limits, leastSpan } = this.#options;
    if (this.#reachesLimits && limits !== undefined) {
      const room = 0.06 * (limits.high - limits.low);
      return [limits.low - room, limits.high + room];
    }
    const [from, to] = [low ?? 0, high ?? 0];
    const span = Math.max(leastSpan, 1.2 * (to - from));
    // Ends that are steps of the span: the scale stands still while the lines move a little.
    const step = 10 ** Math.floor(Math.log10(span)) / 2;
    const middle = (from + to) / 2;
    return [
      step * Math.floor((middle - span / 2) / step),
      step * Math.ceil((middle + span / 2) / step),
    ];
  }

  #drawLimits(plot: uPlot): void {
    const { limits } = this.#options;
    if (limits === undefined) return;
    const { ctx, bbox } = plot;
    const bottom = bbox.top + bbox.height;
    const inside = (value: number) =>
      Math.max(bbox.top, Math.min(bottom, plot.valToPos(value, 'y', true)));
    const [high, low] = [inside(limits.high), inside(limits.low)];
    ctx.save();
    ctx.fillStyle = color('limit-band');
    ctx.fillRect(bbox.left, bbox.top, bbox.width, high - bbox.top);
    ctx.fillRect(bbox.left, low, bbox.width, bottom - low);
    ctx.strokeStyle = color('limit');
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash([]);
    for (const [at, end] of [
      [high, bbox.top],
      [low, bottom],
    ] as const) {
      if (at === end) continue;
      ctx.beginPath();
      ctx.moveTo(bbox.left, at);
      ctx.lineTo(bbox.left + bbox.width, at);
      ctx.stroke();
    }
    ctx.restore();
  }
}
