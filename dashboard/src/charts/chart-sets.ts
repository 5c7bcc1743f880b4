// The charts of an arm, a set for each tab.

import { button, element } from '../dom.ts';
import { GRIPPER_WANTED, GRIPPER_WIDTH } from '../frames.ts';
import type { History } from '../history.ts';
import type { ArmInfo } from '../protocol.ts';
import { Chart, type ChartOptions, type Line } from './chart.ts';

/** A column of a chart: a field's value, by its place in the field, with a factor. */
interface Source {
  field: string;
  length: number;
  at: number;
  factor?: number;
}

interface Plotted {
  options: ChartOptions;
  sources: readonly Source[];
}

const MEASURED: Line = { label: 'measured', color: 'measured', width: 2 };
const COMMANDED: Line = { label: 'commanded', color: 'commanded', dash: [6, 4] };
const EXTERNAL: Line = { label: 'external', color: 'external', dash: [2, 3] };
const OTHER: Line = { label: 'other run, measured', color: 'other', width: 1.5 };
const AXES = ['x', 'y', 'z'] as const;

const joints = (make: (joint: number) => Plotted): Plotted[] =>
  Array.from({ length: 7 }, (_, joint) => make(joint));
const ofJoint = (field: string, joint: number): Source => ({ field, length: 7, at: joint });
const symmetric = (value: number | undefined) =>
  value === undefined ? undefined : { low: -value, high: value };

function positions({ limits }: ArmInfo): Plotted[] {
  return joints((joint) => {
    const [low, high] = [limits?.lower[joint], limits?.upper[joint]];
    return {
      options: {
        ...{ title: `joint ${joint + 1}`, unit: 'rad', digits: 3, leastSpan: 0.02 },
        lines: [MEASURED, COMMANDED],
        limits: low === undefined || high === undefined ? undefined : { low, high },
      },
      sources: [ofJoint('q', joint), ofJoint('q_d', joint)],
    };
  });
}

function speeds({ limits }: ArmInfo): Plotted[] {
  return joints((joint) => ({
    options: {
      ...{ title: `joint ${joint + 1}`, unit: 'rad/s', digits: 3, leastSpan: 0.1 },
      lines: [MEASURED, COMMANDED],
      limits: symmetric(limits?.velocity[joint]),
    },
    sources: [ofJoint('dq', joint), ofJoint('dq_d', joint)],
  }));
}

function torques({ limits }: ArmInfo): Plotted[] {
  return joints((joint) => ({
    options: {
      ...{ title: `joint ${joint + 1}`, unit: 'N m', digits: 1, leastSpan: 2 },
      lines: [MEASURED, COMMANDED, EXTERNAL],
      limits: symmetric(limits?.torque[joint]),
    },
    sources: ['tau_J', 'tau_J_d', 'tau_ext_hat_filtered'].map((field) => ofJoint(field, joint)),
  }));
}

function endEffector({ box, fields }: ArmInfo): Plotted[] {
  const places: Plotted[] = AXES.map((axis, nth) => {
    const [low, high] = [box?.min[nth], box?.max[nth]];
    return {
      options: {
        ...{ title: `${axis}`, unit: 'm', digits: 3, leastSpan: 0.02 },
        lines: [MEASURED],
        limits: low === undefined || high === undefined ? undefined : { low, high },
      },
      sources: [{ field: 'O_T_EE', length: 16, at: 12 + nth }],
    };
  });
  // The state has what the arm applies; drawn is what is applied to it.
  const applied = (first: number): Source[] =>
    AXES.map((_, nth) => ({ field: 'O_F_ext_hat_K', length: 6, at: first + nth, factor: -1 }));
  const lines: Line[] = AXES.map((axis, nth) => ({
    label: axis,
    color: `axis-${axis}`,
    width: 1.5,
    ...(nth === 0 ? {} : { dash: nth === 1 ? [6, 4] : [2, 3] }),
  }));
  return [
    ...places,
    {
      options: { title: 'force', unit: 'N', digits: 1, leastSpan: 5, lines },
      sources: applied(0),
    },
    {
      options: { title: 'torque', unit: 'N m', digits: 2, leastSpan: 1, lines },
      sources: applied(3),
    },
    gripper(fields),
  ];
}

/** A hand measures its width. A recording has only what the policy wanted of it. */
function gripper(fields: ArmInfo['fields']): Plotted {
  const isKnown = (field: string) => fields.some(({ name }) => name === field);
  const isWanted = isKnown(GRIPPER_WANTED);
  const isMeasured = isKnown(GRIPPER_WIDTH) || !isWanted;
  const source = (field: string): Source => ({ field, length: 1, at: 0, factor: 1000 });
  return {
    options: {
      ...{ title: 'gripper', unit: 'mm', digits: 1, leastSpan: 10 },
      lines: [...(isMeasured ? [MEASURED] : []), ...(isWanted ? [COMMANDED] : [])],
    },
    sources: [
      ...(isMeasured ? [source(GRIPPER_WIDTH)] : []),
      ...(isWanted ? [source(GRIPPER_WANTED)] : []),
    ],
  };
}

export const CHART_TABS = {
  position: { title: 'Position', make: positions },
  speed: { title: 'Speed', make: speeds },
  torque: { title: 'Torque', make: torques },
  hand: { title: 'End effector', make: endEffector },
} as const;
export type ChartTab = keyof typeof CHART_TABS;

/** The charts of a tab. */
export class ChartSet {
  readonly root: HTMLElement;
  readonly #charts: { chart: Chart; sources: readonly Source[]; hasOther: boolean }[];

  constructor(tab: ChartTab, arm: ArmInfo, hasOther: boolean) {
    const plotted = CHART_TABS[tab].make(arm);
    this.#charts = plotted.map(({ options, sources }) => {
      // A chart with several lines of its own has no room for those of another run.
      const overlays = hasOther && (sources.length === 1 || tab !== 'hand');
      const lines = overlays ? [...options.lines, OTHER] : options.lines;
      return { chart: new Chart({ ...options, lines }), sources, hasOther: overlays };
    });
    const lines = new Map(
      plotted.flatMap(({ options }) => options.lines.map((line) => [line.label, line])),
    );
    if (hasOther) lines.set(OTHER.label, OTHER);
    const keys = [...lines.values()].map((line) => {
      const key = element('i', line.dash ? 'key dashed' : 'key');
      key.style.setProperty('--key', `var(--${line.color})`);
      return element('li', '', key, line.label);
    });
    const legend = element('div', 'legend', element('ul', '', ...keys));
    if (plotted.some(({ options }) => options.limits !== undefined)) {
      const [what, where] =
        tab === 'hand' ? ['box', 'outside the box'] : ['limits', 'beyond the limits'];
      legend.firstElementChild?.append(element('li', '', element('i', 'key band'), where));
      legend.append(this.#makeScale(what));
    }
    this.root = element('div', 'charts', ...this.#charts.map(({ chart }) => chart.root), legend);
  }

  dispose(): void {
    for (const { chart } of this.#charts) chart.dispose();
  }

  draw(history: History, other: History | undefined): void {
    const times = history.timesS;
    const newest = times.at(-1) ?? 0;
    const beforeS = times.map((time) => time - newest);
    const places = other && nearest(beforeS, other);
    for (const { chart, sources, hasOther } of this.#charts) {
      const columns = sources.map((source) => column(history, source));
      const [first] = sources;
      if (hasOther && first !== undefined) {
        const theirs = other && column(other, first);
        columns.push(Float32Array.from(beforeS, (_, nth) => theirs?.[places?.[nth] ?? -1] ?? NaN));
      }
      chart.draw(beforeS, columns.map(withGaps));
    }
  }

  /** Makes the button that shows the charts up to their limits, and lets them fit their lines again. */
  #makeScale(what: string): HTMLElement {
    const toggle = button('scale', `show the ${what}`, () => {
      const reaches = toggle.getAttribute('aria-pressed') !== 'true';
      toggle.setAttribute('aria-pressed', String(reaches));
      for (const { chart } of this.#charts) chart.reachLimits(reaches);
    });
    toggle.setAttribute('aria-pressed', 'false');
    toggle.title = `Show the charts up to the ${what}, or their lines as large as possible`;
    return toggle;
  }
}

function column(history: History, { field, length, at, factor = 1 }: Source): ArrayLike<number> {
  const start = history.fields.start(field, length);
  if (start < 0) return new Float32Array(history.length).fill(NaN);
  const values = history.column(start + at);
  return factor === 1 ? values : values.map((value) => factor * value);
}

/** uPlot takes `null` for a gap; NaN would spoil its scale. */
function withGaps(values: ArrayLike<number>): ArrayLike<number> {
  const list = Array.from(values);
  if (list.every(Number.isFinite)) return values;
  return list.map((value) => (Number.isFinite(value) ? value : null)) as number[];
}

/** Returns for each time before now which of the other's frames is nearest to it; -1 where none is within a tenth. */
function nearest(beforeS: Float64Array, other: History): Int32Array {
  const times = other.timesS;
  const newest = times.at(-1) ?? 0;
  let at = 0;
  const distance = (nth: number, wanted: number) =>
    Math.abs((times[nth] ?? Number.POSITIVE_INFINITY) - newest - wanted);
  return Int32Array.from(beforeS, (wanted) => {
    while (at + 1 < times.length && distance(at + 1, wanted) <= distance(at, wanted)) at += 1;
    return distance(at, wanted) <= 0.1 ? at : -1;
  });
}
