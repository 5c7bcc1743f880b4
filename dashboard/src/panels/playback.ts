// Plays a recorded run: a time line, a speed, and a second run drawn over the first.

import { Sheet } from '../charts/canvas.ts';
import { button, element, setText } from '../dom.ts';
import type { Frame } from '../frames.ts';
import { History, WINDOW_S } from '../history.ts';
import type { ChunkInfo, EventInfo, RunInfo } from '../protocol.ts';
import { color } from '../theme.ts';
import { clock } from '../units.ts';
import { ArmView } from './arm-view.ts';
import { RunFrames } from './run-frames.ts';

const SPEEDS = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10];
/** Frames are shown so far apart, at least [s]. */
const STEP_S = 1 / 60;
/** An arrow key goes so far [s]; with Shift further. */
const KEY_STEP_S = 0.1;
const KEY_LEAP_S = 1;

/** The newest seconds of a run before a place in it. */
class Reel {
  readonly frames: RunFrames;
  readonly history: History;
  #at = -1;

  constructor(info: RunInfo, onLoad: (error?: string) => void) {
    this.frames = new RunFrames(info, onLoad);
    this.history = new History(this.frames.fields);
  }

  /** Goes to a time since the first cycle [s]; returns how many frames were added, or nothing while they load. */
  seek(timeS: number): number | undefined {
    const { info } = this.frames;
    const stride = Math.max(1, Math.round(STEP_S / info.stepS));
    const wanted = Math.min(info.frames - 1, Math.floor(timeS / info.stepS));
    const last = stride * Math.floor(wanted / stride);
    if (last < 0 || last === this.#at) return 0;
    const oldest = Math.max(0, stride * Math.floor((last - WINDOW_S / info.stepS) / stride));
    const goesOn = this.#at >= oldest && this.#at < last;
    const first = goesOn ? this.#at + stride : oldest;
    const added: Frame[] = [];
    for (let nth = first; nth <= last; nth += stride) {
      const frame = this.frames.get(nth);
      if (frame === undefined) return undefined;
      added.push(frame);
    }
    if (!goesOn) this.history.clear();
    for (const frame of added) this.history.add(frame);
    this.#at = last;
    this.frames.prepare(last);
    return added.length;
  }

  /** The newest chunk that had come by then. */
  get chunk(): ChunkInfo | undefined {
    return this.frames.chunk(this.#at);
  }
}

export class Playback {
  readonly root: HTMLElement;
  readonly #runs: readonly RunInfo[];
  readonly #place: HTMLElement;
  readonly #play: HTMLButtonElement;
  readonly #line = element('input');
  readonly #time = element('span', 'number clock');
  readonly #speed = element('select');
  readonly #marks: Sheet;
  readonly #note = element('span', 'note');
  #view!: ArmView;
  #reel!: Reel;
  #other: Reel | undefined;
  #timeS = 0;
  #isPlaying = false;
  #lastMs = 0;
  #isLoading = false;

  constructor(runs: readonly RunInfo[], place: HTMLElement) {
    this.#runs = runs;
    this.#place = place;
    this.#play = button('play', '▶', () => this.toggle());
    this.#play.title = 'Play or pause (Space)';
    for (const speed of SPEEDS) this.#speed.append(new Option(`${speed}×`, String(speed)));
    this.#speed.value = '1';
    this.#speed.setAttribute('aria-label', 'speed');
    Object.assign(this.#line, { type: 'range', min: '0', step: '0.001', value: '0' });
    this.#line.setAttribute('aria-label', 'time in the run');
    this.#line.addEventListener('input', () => this.seek(Number(this.#line.value)));
    this.#marks = new Sheet('events of the run', (context, width, height) =>
      this.#drawMarks(context, width, height),
    );
    const line = element('div', 'line', this.#marks.canvas, this.#line);
    const bar = element('div', 'bar', this.#play, this.#speed, line, this.#time);
    const [first, second] = [this.#select('run', false), this.#select('over it', true)];
    this.root = element(
      'div',
      'playback',
      bar,
      element('div', 'choice', first.label, second.label, this.#note),
    );
    const change = () => this.#choose(first.select.value, second.select.value);
    for (const { select } of [first, second]) select.addEventListener('change', change);
    second.label.hidden = runs.length < 2;
    second.select.value = runs.length > 1 ? '1' : '';
    change();
  }

  get view(): ArmView {
    return this.#view;
  }

  toggle(): void {
    this.#isPlaying = !this.#isPlaying;
    if (this.#isPlaying && this.#timeS >= this.#durationS) this.seek(0);
    this.#tellPlay();
  }

  seek(timeS: number): void {
    this.#timeS = Math.max(0, Math.min(this.#durationS, timeS));
  }

  /** Takes a key; returns whether it was one of playback's. */
  onKey(event: KeyboardEvent): boolean {
    const step = event.shiftKey ? KEY_LEAP_S : KEY_STEP_S;
    if (event.key === ' ') this.toggle();
    else if (event.key === ',' || event.key === '<') this.seek(this.#timeS - step);
    else if (event.key === '.' || event.key === '>') this.seek(this.#timeS + step);
    else if (event.key === 'Home') this.seek(0);
    else if (event.key === 'End') this.seek(this.#durationS);
    else return false;
    return true;
  }

  /** Goes on with the picture of now. */
  update(nowMs: number): void {
    const passedS = (nowMs - this.#lastMs) / 1000;
    this.#lastMs = nowMs;
    // While frames load the time stands still, and a page that was hidden goes on where it was.
    if (this.#isPlaying && !this.#isLoading && passedS < 1) {
      this.seek(this.#timeS + passedS * Number(this.#speed.value));
      if (this.#timeS >= this.#durationS) {
        this.#isPlaying = false;
        this.#tellPlay();
      }
    }
    const added = this.#reel.seek(this.#timeS);
    const others = this.#other?.seek(this.#timeS) ?? 0;
    this.#isLoading = added === undefined;
    if ((added ?? 0) > 0) this.#view.setChunk(this.#reel.chunk, this.#reel.history);
    this.#view.update(this.#reel.history, this.#other?.history, (added ?? 0) + others, nowMs);
    this.#view.render();
    if (document.activeElement !== this.#line || this.#isPlaying)
      this.#line.value = String(this.#timeS);
    setText(this.#time, `${clock(this.#timeS)} / ${clock(this.#durationS)}`);
    if ((added ?? 0) > 0) this.#view.setLatest(this.#eventBefore(this.#timeS));
  }

  /** Returns the time in the run that is shown, and what is drawn. */
  drawn() {
    return { playedS: this.#timeS, ...this.#view.scene?.drawn() };
  }

  get #durationS(): number {
    return this.#reel.frames.info.durationS;
  }

  #select(title: string, canBeNone: boolean) {
    const select = element('select');
    if (canBeNone) select.append(new Option('none', ''));
    for (const [nth, { name }] of this.#runs.entries())
      select.append(new Option(name, String(nth)));
    return { select, label: element('label', '', title, select) };
  }

  #choose(first: string, second: string): void {
    const run = this.#runs[Number(first)];
    const over = second === '' || second === first ? undefined : this.#runs[Number(second)];
    if (run === undefined) return;
    const missing = [over, run].flatMap((one) => (one === undefined ? [] : missingIn(one)));
    const tell = (error?: string) => setText(this.#note, error ?? missing.join('. '));
    this.#reel = new Reel(run, tell);
    this.#other = over && new Reel(over, tell);
    this.#view?.dispose();
    this.#view = new ArmView(
      { ...run.arm, name: run.name },
      {
        hasOther: over !== undefined,
        timeOf: (event) => (event.tick === null ? '' : clock(event.tick / run.arm.rateHz)),
        onSeek: (timeS) => this.seek(timeS),
      },
    );
    this.#view.setEvents(this.#events);
    this.#view.setStats(run.stats);
    this.#view.setWorst(run.worst);
    this.#place.replaceChildren(this.#view.root);
    this.#line.max = String(run.durationS);
    this.seek(Math.min(this.#timeS, run.durationS));
    tell();
    this.#marks.draw();
    this.#tellPlay();
  }

  get #events(): EventInfo[] {
    const { events, end } = this.#reel.frames.info;
    return end === null ? events : [...events, end];
  }

  #eventBefore(timeS: number): EventInfo | undefined {
    // The last cycles may lie behind the last frame.
    if (timeS >= this.#durationS) return this.#events.at(-1);
    const { rateHz } = this.#reel.frames.info.arm;
    return this.#events.findLast(({ tick }) => tick !== null && tick / rateHz <= timeS);
  }

  #tellPlay(): void {
    setText(this.#play, this.#isPlaying ? '❚❚' : '▶');
    this.#play.setAttribute('aria-label', this.#isPlaying ? 'pause' : 'play');
  }

  #drawMarks(context: CanvasRenderingContext2D, width: number, height: number): void {
    const { rateHz } = this.#reel.frames.info.arm;
    for (const { tick, level } of this.#events) {
      if (tick === null) continue;
      context.fillStyle = color(level);
      const x = (width * tick) / rateHz / Math.max(1e-9, this.#durationS);
      context.fillRect(Math.min(width - 3, x - 1), level === 'info' ? height / 2 : 0, 3, height);
    }
  }
}

/** Returns what is missing in a run, in words. */
function missingIn({ name, damage, end }: RunInfo): string[] {
  const told = end === null ? [`${name} does not tell why the run ended`] : [];
  return damage === null ? told : [damage, ...told];
}
