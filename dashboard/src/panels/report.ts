// The report of a session: how many cycles were bad, how long each phase took, and the worst cycles with what to do.

import { element, setText } from '../dom.ts';
import type { BadCycleInfo, ReportInfo } from '../protocol.ts';
import { clock, count, duration, words } from '../units.ts';

/** What a cycle spends its time with, phase by phase. */
const PHASES: Readonly<Record<string, string>> = {
  wait: 'for the next cycle',
  wake: 'behind the robot’s own time',
  handOver: 'until the policy is called',
  policy: 'the policy is at work',
  handBack: 'until the loop has the answer',
  judge: 'the answer is judged',
  decide: 'the command is decided',
  send: 'the command is handed over',
  record: 'the cycle is kept',
};
const COLUMNS = ['p50S', 'p99S', 'maxS'] as const;

const NONE =
  'No report yet. It comes at the end of the session. Before that it comes every few seconds, unless it would delay the policy.';
const RECORDED =
  'A recording has no report of why cycles were bad; the tab Timing lists the worst cycles of the run.';

export class Report {
  readonly root: HTMLElement;
  readonly #none: HTMLElement;
  readonly #body: HTMLElement;
  readonly #which = element('p', 'quiet');
  readonly #counts = element('dl', 'counters');
  readonly #phases = element('tbody');
  readonly #worst = element('div');
  /** The bad cycles that are shown, as text. */
  #shown = '';

  constructor(isRecorded: boolean) {
    this.#none = element('p', 'quiet', isRecorded ? RECORDED : NONE);
    const head = ['phase', '', 'p50', 'p99', 'max'].map((name) => element('th', '', name));
    const phases = element(
      'table',
      'spread phases',
      element('thead', '', element('tr', '', ...head)),
      this.#phases,
    );
    this.#body = element('div', '', this.#which, this.#counts, phases, this.#worst);
    this.root = element('div', 'report', this.#none, this.#body);
    this.show(undefined);
  }

  /** Shows a report; undefined if there is none. */
  show(report: ReportInfo | undefined): void {
    this.#none.hidden = report !== undefined;
    this.#body.hidden = report === undefined;
    if (report === undefined) return;
    const { session, isOver, worst } = report;
    setText(
      this.#which,
      isOver ? `The whole of session ${session}.` : `Session ${session} until now.`,
    );
    this.#showCounts(report);
    this.#showPhases(report);
    // Who reads it is not disturbed by the same again.
    const shown = JSON.stringify([report.badCycles > 0, worst]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#worst.replaceChildren(...(worst.length > 0 ? worstOf(worst) : [emptyOf(report)]));
  }

  #showCounts(report: ReportInfo): void {
    const { iterations, missedTicks, lateActions, badCycles, unexplained } = report;
    const counts = { cycles: iterations, 'ticks missed': missedTicks, 'late answers': lateActions };
    const all = { ...counts, 'bad cycles': badCycles, 'not looked into': unexplained };
    const pairs = Object.entries(all).map(([name, value]) =>
      element('div', '', element('dt', '', name), element('dd', 'number', count(value))),
    );
    this.#counts.replaceChildren(...pairs);
  }

  #showPhases({ phases }: ReportInfo): void {
    // A phase that was not measured keeps its row, so that nothing moves when it is.
    const names = new Set([...Object.keys(PHASES), ...phases.map(({ phase }) => phase)]);
    const rows = [...names].map((name) => {
      const measured = phases.find(({ phase }) => phase === name);
      const cells = COLUMNS.map((column) => element('td', 'number', duration(measured?.[column])));
      const [title, meaning] = [element('th', '', words(name)), PHASES[name] ?? ''];
      title.scope = 'row';
      return element('tr', '', title, element('td', 'quiet', meaning), ...cells);
    });
    this.#phases.replaceChildren(...rows);
  }
}

function emptyOf({ badCycles }: ReportInfo): HTMLElement {
  const text = badCycles > 0 ? 'No bad cycle was looked into.' : 'No cycle was bad.';
  return element('p', 'quiet', text);
}

/** Returns the worst cycles, those of a cause together: what to do about it stands above them. */
function worstOf(worst: readonly BadCycleInfo[]): HTMLElement[] {
  const causes = new Map<string, BadCycleInfo[]>();
  for (const cycle of worst) {
    const key = `${cycle.cause} ${cycle.advice}`;
    causes.set(key, [...(causes.get(key) ?? []), cycle]);
  }
  const head = ['when', 'late by', 'phase', 'what happened'].map((name) => element('th', '', name));
  const note = element(
    'p',
    'quiet',
    'The worst cycles, by their likeliest cause. In a bad cycle it took too long until the next one began, or an answer of the policy was late.',
  );
  const table = element(
    'table',
    'bad-cycles',
    element('thead', '', element('tr', '', ...head)),
    ...[...causes.values()].map(groupOf),
  );
  return [note, table];
}

function groupOf(cycles: readonly BadCycleInfo[]): HTMLElement {
  const [first] = cycles;
  const title = element(
    'th',
    '',
    element('b', '', first?.causeText ?? ''),
    ` (${first?.cause})`,
    element('p', '', toDo(first)),
  );
  title.colSpan = 4;
  title.scope = 'rowgroup';
  return element('tbody', '', element('tr', 'cause', title), ...cycles.map(rowOf));
}

function toDo(cycle: BadCycleInfo | undefined): string {
  if (cycle === undefined) return '';
  const { advice, check } = cycle;
  return check === null ? `${advice}.` : `${advice}. See ${check} in: npx kilohertz doctor`;
}

function rowOf(cycle: BadCycleInfo): HTMLElement {
  const { tick, timeS, excessS, phase, evidence } = cycle;
  return element(
    'tr',
    '',
    element('td', 'number', clock(timeS), element('small', 'quiet', `cycle ${count(tick)}`)),
    element('td', 'number', duration(excessS)),
    element('td', '', words(phase)),
    element('td', '', whatOf(cycle), element('small', 'quiet', evidence)),
  );
}

function whatOf({ isLateAnswer, cycles, lastedS }: BadCycleInfo): string {
  // A line does not end between a number and its unit.
  const time = duration(lastedS).replace(' ', '\u00a0');
  const many = (one: string) => `${count(cycles)}\u00a0${one}${cycles === 1 ? '' : 's'}`;
  if (isLateAnswer) return `no answer for ${time}, in ${many('cycle')}`;
  return `the cycle took ${time}, ${many('tick')} missed`;
}
