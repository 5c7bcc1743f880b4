// The panel of an arm: its picture, the strip of its cycles, and the tabs.

import { CHART_TABS, ChartSet, type ChartTab } from '../charts/chart-sets.ts';
import { Strip } from '../charts/strip.ts';
import { Timing } from '../charts/timing.ts';
import { button, element, setText } from '../dom.ts';
import { gripperOf } from '../frames.ts';
import type { History } from '../history.ts';
import type {
  ArmInfo,
  ChunkInfo,
  EventInfo,
  ReportInfo,
  StatsInfo,
  WorstInfo,
} from '../protocol.ts';
import { ArmScene, PARTS } from '../scene/arm-scene.ts';
import { knownModel } from '../scene/meshes.ts';
import { withUnit, words } from '../units.ts';
import { byWallClock, Events, eventElement } from './events.ts';
import { Report } from './report.ts';

/** The tabs without charts. */
const PANELS = { timing: 'Timing', report: 'Report', events: 'Events' } as const;
type Panel = keyof typeof PANELS;
type Tab = ChartTab | Panel;

/** Charts are drawn so often [ms]; the picture as often as the screen. */
const CHART_MS = 60;

export interface ArmViewOptions {
  /** Stops this arm; left out where nothing is to be stopped. */
  onStop?: () => void;
  /** Whether a second run may be drawn over this one. */
  hasOther?: boolean;
  timeOf?: (event: EventInfo) => string;
  /** Goes to a time of the run [s]. */
  onSeek?: (timeS: number) => void;
}

export class ArmView {
  readonly root: HTMLElement;
  readonly scene: ArmScene | undefined;
  readonly #options: ArmViewOptions;
  readonly #name = element('h2');
  readonly #status = element('span', 'status');
  readonly #facts = element('span', 'facts quiet');
  readonly #stop: HTMLButtonElement | undefined;
  readonly #readout = element('dl', 'readout');
  readonly #age = element('p', 'age');
  readonly #strip = new Strip();
  readonly #latest = element('ol', 'latest');
  readonly #tabs = new Map<Tab, HTMLButtonElement>();
  readonly #panel = element('div', 'tab-panel');
  readonly #timing: Timing;
  readonly #report: Report;
  readonly #events = new Events();
  readonly #hasFields: boolean;
  #info: ArmInfo;
  #charts: ChartSet | undefined;
  #tab: Tab = 'timing';
  /** `null` before there is anything. */
  #latestEvent: EventInfo | undefined | null = null;
  #drawnAtMs = 0;
  #follow: HTMLButtonElement | undefined;
  #shown: { history: History; other: History | undefined } | undefined;
  #rate: { sinceMs: number; frames: number; perS: number } = { sinceMs: 0, frames: 0, perS: NaN };

  constructor(info: ArmInfo, options: ArmViewOptions = {}) {
    this.#info = info;
    this.#options = options;
    this.#hasFields = info.fields.length > 0;
    this.#timing = new Timing(options.timeOf !== undefined);
    this.#report = new Report(options.timeOf !== undefined);
    const head = element('header', 'arm-head', this.#name, this.#status, this.#facts);
    if (options.onStop !== undefined) {
      this.#stop = button('stop-one', `Stop ${info.name}`, () => {});
      this.#stop.addEventListener('pointerdown', options.onStop);
      this.#stop.addEventListener('click', (event) => {
        if (event.detail === 0) options.onStop?.();
      });
      head.append(this.#stop);
    }
    const left = element('div', 'left');
    this.scene = this.#makeScene(left);
    this.#latest.setAttribute('role', 'status');
    left.append(this.#strip.root, this.#latest);
    const right = element('div', 'right', this.#makeTabs(), this.#panel);
    this.root = element('section', 'arm', head, element('div', 'arm-body', left, right));
    this.root.classList.toggle('without-scene', this.scene === undefined);
    this.root.dataset['arm'] = String(info.id);
    this.#choose([...this.#tabs.keys()][0] ?? 'events');
    this.setInfo(info);
    this.setEvents([]);
    this.setStats(undefined);
  }

  get info(): ArmInfo {
    return this.#info;
  }

  /** Returns whether the same panel fits: its charts and its picture depend on what the arm is. */
  fits({ model, fields, limits, box }: ArmInfo): boolean {
    const of = (info: Pick<ArmInfo, 'model' | 'fields' | 'limits' | 'box'>) =>
      JSON.stringify([info.model, info.fields, info.limits, info.box]);
    return of(this.#info) === of({ model, fields, limits, box });
  }

  setInfo(info: ArmInfo): void {
    this.#info = info;
    setText(this.#name, info.name);
    const isRun = this.#options.timeOf !== undefined;
    const ended = info.session === 0 ? 'ready' : 'ended';
    setText(this.#status, isRun ? 'recorded' : info.isRunning ? 'running' : ended);
    this.#status.dataset['state'] = isRun ? 'recorded' : info.isRunning ? 'running' : 'ended';
    const facts = [info.model?.toUpperCase(), words(info.control), `${info.rateHz} Hz`];
    if (info.control !== '') facts.push(`policy ${info.policyRateHz} Hz`);
    if (!isRun && info.session > 0) facts.push(`session ${info.session}`);
    setText(this.#facts, facts.filter(Boolean).join(' · '));
    this.root.setAttribute('aria-label', info.name);
    this.scene?.setBox(info.box);
  }

  setStats(stats: StatsInfo | undefined): void {
    this.#timing.show(this.#info, stats);
  }

  /** Shows the worst cycles of a recorded run. */
  setWorst(worst: readonly WorstInfo[]): void {
    this.#timing.showWorst(worst, (timeS) => this.#options.onSeek?.(timeS));
  }

  /** Shows the newest report of a session; undefined if there is none. */
  setReport(report: ReportInfo | undefined): void {
    this.#report.show(report);
  }

  setEvents(events: readonly EventInfo[]): void {
    const time = this.#options.timeOf ?? byWallClock;
    const { onSeek } = this.#options;
    this.#events.show(
      events,
      time,
      onSeek && (({ tick }) => onSeek((tick ?? 0) / this.#info.rateHz)),
    );
    const tab = this.#tabs.get('events');
    if (tab !== undefined) setText(tab, events.length > 0 ? `Events (${events.length})` : 'Events');
    this.setLatest(events.at(-1));
  }

  /** Shows an event below the picture. */
  setLatest(event: EventInfo | undefined): void {
    if (event === this.#latestEvent) return;
    this.#latestEvent = event;
    const time = this.#options.timeOf ?? byWallClock;
    const item = event && eventElement(event, time(event));
    if (item !== undefined && event !== undefined) item.title = event.text;
    this.#latest.replaceChildren(item ?? element('li', 'quiet', 'No events.'));
  }

  setChunk(chunk: ChunkInfo | undefined, history: History): void {
    const { newest, fields } = history;
    this.scene?.setChunk(chunk, newest && fields.of(newest.values, 'F_T_EE', 16));
  }

  /** Shows how old the picture is; an empty text if it is that of now. */
  setAge(text: string): void {
    setText(this.#age, text);
    this.root.classList.toggle('stale', text !== '');
  }

  /** Takes over the newest frames; draws with the next picture. */
  update(history: History, other: History | undefined, frames: number, nowMs: number): void {
    this.#shown = { history, other };
    if (frames > 0) this.scene?.show(history, other);
    this.#countFrames(frames, nowMs);
    if (nowMs - this.#drawnAtMs < CHART_MS) return;
    this.#drawnAtMs = nowMs;
    this.#strip.draw(history);
    this.#charts?.draw(history, other);
    this.#tell(history);
  }

  render(): void {
    this.scene?.stage.render();
  }

  dispose(): void {
    this.scene?.dispose();
    this.#charts?.dispose();
    this.#strip.dispose();
    this.#timing.dispose();
    this.root.remove();
  }

  #makeScene(left: HTMLElement): ArmScene | undefined {
    const model = knownModel(this.#info.model);
    if (model === undefined) return undefined;
    const note = element('p', 'loading', 'loading the arm …');
    const stage = element('div', 'stage', this.#readout, this.#age, note);
    left.append(stage);
    try {
      const scene = new ArmScene(stage, model, (error) => {
        note.hidden = error === undefined;
        if (error !== undefined)
          note.textContent = 'The meshes could not be loaded. Load the page again.';
      });
      stage.append(this.#makeTools(scene));
      return scene;
    } catch {
      note.textContent = 'No 3D: this browser has no WebGL, or has it turned off.';
      return undefined;
    }
  }

  #makeTools(scene: ArmScene): HTMLElement {
    const parts = PARTS.map((part) => {
      const toggle = button('tool', part, () => {
        const isShown = !scene.shown.delete(part);
        if (isShown) scene.shown.add(part);
        toggle.setAttribute('aria-pressed', String(isShown));
        this.#redraw();
      });
      toggle.setAttribute('aria-pressed', 'true');
      const key = element('i', 'key band');
      key.style.setProperty('--key', `var(--${part === 'frames' ? 'axis-z' : part})`);
      toggle.prepend(key);
      return toggle;
    });
    const follow = button('tool', 'follow', () => this.toggleFollow());
    follow.setAttribute('aria-pressed', 'false');
    follow.title = 'Follow the end effector (F)';
    this.#follow = follow;
    const reset = button('tool', 'reset view', () => this.resetView());
    reset.title = 'Reset the view (R)';
    return element('div', 'tools', ...parts, follow, reset);
  }

  /** Shows the picture once more, as what is shown of it has changed. */
  #redraw(): void {
    if (this.#shown !== undefined) this.scene?.show(this.#shown.history, this.#shown.other);
  }

  toggleFollow(): void {
    const stage = this.scene?.stage;
    if (stage === undefined) return;
    stage.isFollowing = !stage.isFollowing;
    this.#follow?.setAttribute('aria-pressed', String(stage.isFollowing));
  }

  resetView(): void {
    this.scene?.stage.reset();
    this.#follow?.setAttribute('aria-pressed', 'false');
  }

  /** Shows the tab of this number, from 0. */
  chooseTab(nth: number): void {
    const tab = [...this.#tabs.keys()][nth];
    if (tab !== undefined) this.#choose(tab);
  }

  #makeTabs(): HTMLElement {
    const list = element('div', 'tabs');
    list.setAttribute('role', 'tablist');
    const charts = Object.entries(CHART_TABS).map(([tab, { title }]) => [tab, title]);
    const tabs = [...(this.#hasFields ? charts : []), ...Object.entries(PANELS)];
    for (const [tab, title] of tabs as [Tab, string][]) {
      const made = button('tab', title, () => this.#choose(tab));
      made.setAttribute('role', 'tab');
      made.dataset['tab'] = tab;
      this.#tabs.set(tab, made);
      list.append(made);
    }
    list.addEventListener('keydown', ({ key }) => {
      const all = [...this.#tabs.keys()];
      const step = key === 'ArrowRight' ? 1 : key === 'ArrowLeft' ? -1 : 0;
      const next = all[(all.indexOf(this.#tab) + step + all.length) % all.length];
      if (step === 0 || next === undefined) return;
      this.#choose(next);
      this.#tabs.get(next)?.focus();
    });
    this.#panel.setAttribute('role', 'tabpanel');
    // So that arrow keys scroll it.
    this.#panel.tabIndex = 0;
    return list;
  }

  #choose(tab: Tab): void {
    this.#tab = tab;
    for (const [name, made] of this.#tabs) {
      made.setAttribute('aria-selected', String(name === tab));
      made.tabIndex = name === tab ? 0 : -1;
    }
    this.#charts?.dispose();
    this.#charts = undefined;
    if (tab === 'timing') this.#panel.replaceChildren(this.#timing.root);
    else if (tab === 'report') this.#panel.replaceChildren(this.#report.root);
    else if (tab === 'events') this.#panel.replaceChildren(this.#events.root);
    else {
      this.#charts = new ChartSet(tab, this.#info, this.#options.hasOther ?? false);
      this.#panel.replaceChildren(this.#charts.root);
    }
    this.#drawnAtMs = 0;
  }

  #countFrames(frames: number, nowMs: number): void {
    const rate = this.#rate;
    rate.frames += frames;
    const passedMs = nowMs - rate.sinceMs;
    if (passedMs < 1000) return;
    const perS = (1000 * rate.frames) / passedMs;
    this.#rate = { sinceMs: nowMs, frames: 0, perS };
  }

  #tell(history: History): void {
    const frame = history.newest;
    if (this.scene === undefined || frame === undefined) return;
    const { fields } = history;
    const [x, y, z] = fields.of(frame.values, 'O_T_EE', 16)?.subarray(12, 15) ?? [];
    const wrench = fields.of(frame.values, 'O_F_ext_hat_K', 6);
    const force = wrench && Math.hypot(...wrench.subarray(0, 3));
    const { width, isMeasured } = gripperOf(fields, frame.values);
    const values = [
      ['x', withUnit(x, 3, 'm')],
      ['y', withUnit(y, 3, 'm')],
      ['z', withUnit(z, 3, 'm')],
      ['force', withUnit(force, 1, 'N')],
      [
        isMeasured || Number.isNaN(width) ? 'gripper' : 'gripper cmd',
        withUnit(1000 * width, 1, 'mm'),
      ],
      ['time', withUnit(frame.timeS, 2, 's')],
    ];
    if (this.#options.timeOf === undefined)
      values.push(['frames', withUnit(this.#rate.perS, 0, '/s')]);
    if (this.#readout.childElementCount !== values.length) {
      const made = values.map(([name = '']) =>
        element('div', '', element('dt', '', name), element('dd', 'number')),
      );
      this.#readout.replaceChildren(...made);
    }
    for (const [nth, [name = '', text = '']] of values.entries()) {
      const pair = this.#readout.children[nth]?.children ?? [];
      for (const [at, words] of [name, text].entries()) {
        const cell = pair[at];
        if (cell instanceof HTMLElement) setText(cell, words);
      }
    }
  }
}
