// The page: takes what the server says to the panels, and what is pressed to the server.

import { Connection, type Link } from './connection.ts';
import { element, find, setText } from './dom.ts';
import { decodeFrame, Fields, type Frame } from './frames.ts';
import { History } from './history.ts';
import { ArmView } from './panels/arm-view.ts';
import { Controls } from './panels/controls.ts';
import { MOST_EVENTS } from './panels/events.ts';
import { Playback } from './panels/playback.ts';
import { Stop } from './panels/stop.ts';
import {
  type ArmInfo,
  type EventInfo,
  type ReportInfo,
  type RunInfo,
  type Told,
  VERSION,
} from './protocol.ts';
import { currentTheme, nextTheme } from './theme.ts';
import { readTold } from './told.ts';

interface Arm {
  info: ArmInfo;
  fields: Fields;
  history: History;
  view: ArmView;
  events: EventInfo[];
  /** The newest report of a session of the program. */
  report: ReportInfo | undefined;
  /** Frames that came since the last picture. */
  frames: number;
  heardAtMs: number;
}

/** A picture of a session that runs is told to be old after this [ms]. */
const STALE_MS = 700;

const place = find('arms');
const linkPill = find('link');
const linkText = find('link-text');
const notice = find('notice');
const arms = new Map<number, Arm>();
const layouts = new Map<number, Fields>();
let link: Link = { state: 'connecting' };
let playback: Playback | undefined;
let isKnown = false;
/** True once a hello has come over this connection. */
let isGreeted = false;
let isOtherVersion = false;
/** Messages that were not as the protocol says. */
let refused = 0;
/** How many robots of earlier sessions the server does not show any more. */
let forgotten = 0;
/** Events that were left out, because they came faster than this page has taken them. */
let leftOut = 0;

const controls = new Controls(
  (asked) => connection.ask(asked),
  () => [...arms.values()].map(({ info }) => info),
);

const connection = new Connection(address(), {
  onText: hear,
  onBytes(bytes) {
    if (isOtherVersion) return;
    const frame = decodeFrame(bytes, layouts);
    if (frame === undefined) refuse();
    else show(frame);
  },
  onLink(next) {
    link = next;
    isGreeted = false;
    if (next.state === 'open') stop.onOpen();
    controls.setLink(next.state === 'open');
    tellLink();
  },
  expectsNews: () => [...arms.values()].some(({ info }) => info.isRunning),
});
const stop = new Stop(
  (asked) => connection.ask(asked),
  () => [...arms.values()].map(({ info }) => info),
);

/** The server's WebSocket stands beside this page, below its token. */
function address(): URL {
  const url = new URL('live', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.hash = '';
  url.search = '';
  return url;
}

function refuse(): void {
  refused += 1;
  tellLink();
}

function hear(text: string): void {
  const told = readTold(text, VERSION);
  if (told === undefined) refuse();
  else if (told.type === 'hello') {
    isOtherVersion = told.version !== VERSION;
    if (isOtherVersion) tell('The program was updated. Load this page again.');
    else {
      greet(told.arms, told.runs);
      tellForgotten(told.forgotten);
      // Everything is told anew, because something was left out: an answer to a stop, perhaps.
      if (isGreeted) stop.onOpen();
      isGreeted = true;
      controls.setAllowed(told.hasControls);
    }
  } else if (!isOtherVersion) take(told);
}

function take(told: Exclude<Told, { type: 'hello' }>): void {
  if (told.type === 'arm') setArm(told.arm);
  else if (told.type === 'leftOut') {
    leftOut += told.events;
    tellLink();
  } else if (told.type === 'gone') {
    removeArm(told.arm);
    tellForgotten(told.forgotten);
  } else if (told.type === 'stopping') stop.onStopping(told.number, told.asked);
  else if (told.type === 'stopped') stop.onStopped(told.number);
  else if (told.type === 'beat') controls.answer(told.beat);
  else if (told.type === 'holder') controls.setHolder(told.isYou, told.isTaken);
  else if (told.type === 'refused') {
    controls.fail();
    tell(told.text);
  } else {
    const arm = arms.get(told.arm);
    if (arm === undefined) refuse();
    else if (told.type === 'stats') arm.view.setStats(told.stats);
    else if (told.type === 'chunk') arm.view.setChunk(told.chunk, arm.history);
    else if (told.type === 'report') setReport(arm, told.report);
    else {
      arm.events = [...arm.events, told.event].slice(-MOST_EVENTS);
      arm.view.setEvents(arm.events);
      if (told.event.level !== 'info') controls.fail();
    }
  }
}

function greet(infos: readonly ArmInfo[], runs: readonly RunInfo[]): void {
  isKnown = true;
  document.title = infos.length === 1 ? `${infos[0]?.name} · kilohertz` : 'kilohertz';
  for (const id of [...arms.keys()]) if (!infos.some((info) => info.id === id)) removeArm(id);
  for (const info of infos) {
    setArm(info);
    // The events and the report come again after a hello.
    const arm = arms.get(info.id);
    if (arm !== undefined) {
      arm.events = [];
      arm.view.setEvents([]);
      setReport(arm, undefined);
    }
  }
  stop.setVisible(arms.size > 0 || runs.length === 0);
  if (runs.length > 0 && playback === undefined) {
    const runPlace = element('div', 'run-place');
    place.append(runPlace);
    playback = new Playback(runs, runPlace);
    find('playback').replaceChildren(playback.root);
  }
  arrange();
}

function removeArm(id: number): void {
  const arm = arms.get(id);
  if (arm === undefined) return;
  arm.view.dispose();
  arms.delete(id);
  layouts.delete(id);
  arrange();
}

function setArm(info: ArmInfo): void {
  const known = arms.get(info.id);
  const isNew = known === undefined || known.info.session !== info.session;
  if (info.isRunning && isNew) stop.onBegin();
  // While the controls move the arm, the report of the program's session is still looked at.
  const report = isNew && !info.isControlled ? undefined : known?.report;
  if (known === undefined || !known.view.fits(info)) {
    const fields = new Fields(info.fields);
    const view = new ArmView(info, { onStop: () => stop.press(info.id) });
    if (known !== undefined) {
      known.view.root.replaceWith(view.root);
      known.view.dispose();
    } else place.append(view.root);
    const history = new History(fields);
    const events = known?.events ?? [];
    const frames = { frames: 0, heardAtMs: -Infinity };
    arms.set(info.id, { info, fields, history, view, events, report, ...frames });
    layouts.set(info.id, fields);
    view.setEvents(events);
    view.setReport(report);
    view.update(history, undefined, 0, performance.now());
  } else {
    if (known.info.session !== info.session) {
      known.history.clear();
      known.view.setChunk(undefined, known.history);
    }
    known.info = info;
    known.view.setInfo(info);
    setReport(known, report);
  }
  stop.setVisible(true);
  stop.update();
  controls.update();
  arrange();
}

function setReport(arm: Arm, report: ReportInfo | undefined): void {
  arm.report = report;
  arm.view.setReport(report);
}

function show(frame: Frame): void {
  const arm = arms.get(frame.arm);
  if (arm === undefined) return;
  arm.history.add(frame);
  arm.frames += 1;
  arm.heardAtMs = performance.now();
}

function arrange(): void {
  const panels = arms.size + (playback === undefined ? 0 : 1);
  place.dataset['panels'] = String(panels);
  document.body.classList.toggle('has-several', arms.size > 1);
  document.body.classList.toggle('has-playback', playback !== undefined);
  const empty = place.querySelector('.empty');
  if (panels > 0) empty?.remove();
  else if (isKnown && empty === null) {
    place.append(element('p', 'empty', 'No session yet. The page shows one when it begins.'));
  }
}

function tell(text: string): void {
  setText(notice, text);
  notice.hidden = false;
  if (!isOtherVersion) setTimeout(() => (notice.hidden = true), 6000);
}

function tellForgotten(count: number): void {
  forgotten = count;
  tellLink();
}

function tellLink(): void {
  const { state } = link;
  linkPill.dataset['state'] = state;
  let text = state === 'open' ? 'connected' : 'connecting …';
  if (link.state === 'lost') {
    const [lostS, waitS] = [
      (performance.now() - link.sinceMs) / 1000,
      Math.max(0, link.retryAtMs - performance.now()) / 1000,
    ];
    const next = waitS > 0.5 ? `next try in ${Math.ceil(waitS)} s` : 'trying again';
    text = `connection lost for ${lostS.toFixed(0)} s, ${next}`;
  }
  if (forgotten > 0) text += ` · ${forgotten} earlier not shown`;
  if (leftOut > 0) text += ` · slow link: ${leftOut} events left out`;
  if (refused > 0) text += ` · ${refused} messages not understood`;
  setText(linkText, text);
}

function tellAges(nowMs: number): void {
  for (const { info, view, heardAtMs } of arms.values()) {
    const ageMs = nowMs - heardAtMs;
    const isOld = (info.isRunning || link.state === 'lost') && ageMs > STALE_MS;
    const isNone = heardAtMs === -Infinity;
    view.setAge(isOld && !isNone ? `old picture: ${(ageMs / 1000).toFixed(1)} s ago` : '');
  }
}

function draw(nowMs: number): void {
  for (const arm of arms.values()) {
    const { frames } = arm;
    arm.frames = 0;
    arm.view.update(arm.history, undefined, frames, nowMs);
    arm.view.render();
  }
  playback?.update(nowMs);
  requestAnimationFrame(draw);
}

const views = () => [
  ...[...arms.values()].map(({ view }) => view),
  ...(playback === undefined ? [] : [playback.view]),
];

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.altKey || event.metaKey) return;
  if (event.key === 'Escape') controls.release();
  // Space stops wherever the focus is, a button, too.
  if (event.key === ' ' && stop.isVisible) {
    event.preventDefault();
    event.stopPropagation();
    if (!event.repeat) stop.press(null);
    return;
  }
  if (playback?.onKey(event) || onViewKey(event.key)) {
    event.preventDefault();
    event.stopPropagation();
  }
}

function onViewKey(key: string): boolean {
  if (key === 't' || key === 'T') changeTheme();
  else if (key === 'r' || key === 'R') for (const view of views()) view.resetView();
  else if (key === 'f' || key === 'F') for (const view of views()) view.toggleFollow();
  else if (/^[1-7]$/.test(key)) for (const view of views()) view.chooseTab(Number(key) - 1);
  else return false;
  return true;
}

const themeButton = find<HTMLButtonElement>('theme');
function tellTheme(): void {
  setText(themeButton, `colours: ${currentTheme()}`);
}
function changeTheme(): void {
  nextTheme();
  tellTheme();
}

window.addEventListener('keydown', onKey, { capture: true });
// A button acts when its Space is let go; the Space has been used.
window.addEventListener(
  'keyup',
  (event) => {
    if (event.key === ' ') event.preventDefault();
  },
  { capture: true },
);
themeButton.addEventListener('click', changeTheme);
tellTheme();
setInterval(() => {
  tellLink();
  tellAges(performance.now());
}, 200);
requestAnimationFrame(draw);

// What is drawn, for tests and for the console of the browser.
Object.assign(globalThis, {
  kilohertz: {
    drawn: (id: number) => arms.get(id)?.view.scene?.drawn(),
    newest: (id: number) => {
      const frame = arms.get(id)?.history.newest;
      return frame && { ...frame, values: [...frame.values] };
    },
    playback: () => playback?.drawn(),
    refused: () => refused,
  },
});
