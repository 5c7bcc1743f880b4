// What the cycles of the last seconds were: a lane for each kind, so that place tells them apart as colour does.

import { element, setText } from '../dom.ts';
import { KINDS, type Kind } from '../frames.ts';
import { type History, WINDOW_S } from '../history.ts';
import { color } from '../theme.ts';
import { count } from '../units.ts';
import { Sheet } from './canvas.ts';

const MEANING: Record<Kind, string> = {
  fresh: 'the policy’s action was used as it is',
  followed: 'the policy’s action was approached within the limits',
  held: 'no action had come: the arm went on as last commanded',
  rest: 'the arm was brought, or kept, at rest',
  lost: 'the loop missed the tick',
};

export class Strip {
  readonly root: HTMLElement;
  readonly #counts = new Map<Kind, HTMLElement>();
  readonly #sheet: Sheet;
  #history: History | undefined;

  constructor() {
    const lanes = KINDS.map((kind) => {
      const number = element('span', 'number', '–');
      this.#counts.set(kind, number);
      const key = element('i', 'key band');
      key.style.setProperty('--key', `var(--${kind})`);
      const lane = element('li', '', key, element('span', '', kind), number);
      lane.title = MEANING[kind];
      return lane;
    });
    this.#sheet = new Sheet(
      `cycles of the last ${WINDOW_S} seconds by kind`,
      (context, width, height) => this.#draw(context, width, height),
    );
    this.root = element('div', 'strip', element('ul', '', ...lanes), this.#sheet.canvas);
  }

  draw(history: History): void {
    this.#history = history;
    for (const kind of KINDS) {
      const number = this.#counts.get(kind);
      if (number !== undefined) setText(number, count(history.newest?.counts[kind]));
    }
    this.#sheet.draw();
  }

  #draw(context: CanvasRenderingContext2D, width: number, height: number): void {
    const lane = height / KINDS.length;
    context.fillStyle = color('grid');
    for (let nth = 1; nth < KINDS.length; nth += 1) context.fillRect(0, nth * lane, width, 1);
    for (let before = 1; before < WINDOW_S; before += 1) {
      context.fillRect(width * (1 - before / WINDOW_S), 0, 1, height);
    }
    const history = this.#history;
    if (history === undefined) return;
    const times = history.timesS;
    const newest = times.at(-1) ?? 0;
    const place = (nth: number) => width * (1 - (newest - (times[nth] ?? newest)) / WINDOW_S);
    const all = KINDS.map((kind) => history.kind(kind));
    for (const [row, kind] of KINDS.entries()) {
      const cycles = all[row];
      context.fillStyle = color(kind);
      for (let nth = 1; nth < times.length; nth += 1) {
        const some = cycles?.[nth] ?? 0;
        if (some === 0) continue;
        const sum = all.reduce((total, column) => total + (column[nth] ?? 0), 0);
        // A single cycle must be seen, too.
        const part = Math.max(0.3, some / sum);
        const from = place(nth - 1);
        const size = (lane - 2) * part;
        const wide = Math.max(1.5, place(nth) - from + 0.3);
        context.fillRect(from, (row + 1) * lane - size, wide, size);
      }
    }
  }
}
