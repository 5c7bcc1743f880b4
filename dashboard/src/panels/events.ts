// What happened in a session, in words, the newest first.

import { element } from '../dom.ts';
import type { EventInfo, LevelInfo } from '../protocol.ts';
import { count, wallClock, words } from '../units.ts';

/** So many are kept; older ones are left out. */
export const MOST_EVENTS = 200;

const SIGN: Record<LevelInfo, string> = { info: 'i', warning: '!', error: '✕' };
const LEVEL: Record<LevelInfo, string> = { info: 'note', warning: 'warning', error: 'error' };

/** Makes the element of an event; `time` is how it tells when. */
export function eventElement(event: EventInfo, time: string): HTMLElement {
  const sign = element('i', 'sign', SIGN[event.level]);
  sign.setAttribute('aria-label', LEVEL[event.level]);
  const tick = event.tick === null ? '' : `cycle ${count(event.tick)}`;
  const head = element(
    'span',
    'event-head',
    element('b', '', event.level === 'error' ? event.name : words(event.name)),
    element('time', 'number', time),
    element('span', 'number', tick),
  );
  return element(
    'li',
    `event ${event.level}`,
    sign,
    element('div', '', head, element('p', '', event.text)),
  );
}

export class Events {
  readonly root: HTMLElement;
  readonly #list = element('ol', 'events');
  readonly #empty = element('p', 'quiet', 'Nothing has happened.');

  constructor() {
    this.root = element('div', 'events-tab', this.#empty, this.#list);
  }

  /** Shows events, given in the order in which they happened. */
  show(
    events: readonly EventInfo[],
    time: (event: EventInfo) => string,
    onSeek?: (event: EventInfo) => void,
  ): void {
    this.#empty.hidden = events.length > 0;
    const items = events.slice(-MOST_EVENTS).map((event) => {
      const item = eventElement(event, time(event));
      if (onSeek !== undefined && event.tick !== null) {
        item.classList.add('seekable');
        item.tabIndex = 0;
        item.addEventListener('click', () => onSeek(event));
        item.addEventListener('keydown', ({ key }) => {
          if (key === 'Enter') onSeek(event);
        });
      }
      return item;
    });
    this.#list.replaceChildren(...items.reverse());
  }
}

/** Returns when an event happened by the clock of this computer. */
export const byWallClock = (event: EventInfo): string => wallClock(event.wallTimeS);
