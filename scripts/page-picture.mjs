// Makes the pictures of the page, docs/pictures/page-light.webp, page-dark.webp and page.webp, from a run of
// `npm run demo -- --dashboard`, which blocks its event loop every few seconds. At the end the arm is stopped on the page.
//
//   npm run picture -- page
//
// A client keeps what the demo's server tells a page, with when it came. Then chromium is told the same by a clock that
// waits for each picture, so a software renderer draws them all. It needs chromium and ffmpeg.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { chromium as launcher } from 'playwright-core';
import { WebSocket } from 'ws';
import { chromium, program } from './chromium.mjs';
import { step } from './steps.mjs';
import { Missing, root } from './toolchain.mjs';

const VIEWPORT = { width: 1280, height: 720 };
/** The pictures are this wide [px], and the animation: it has to find room in the package. */
const WIDTH = 960;
const ANIMATION_WIDTH = 800;
/** The strip shows the last ten seconds: from then on pictures are taken [ms]. */
const FROM_MS = 11_000;
/** The arm is stopped then, and the animation ends [ms]. */
const STOP_MS = 18_000;
const TO_MS = 20_000;
/** From picture to picture of the animation, and the step of the page's clock [ms]. */
const FRAME_MS = 250;
const STEP_MS = 50;
const BUILT = join(root, 'dist', 'dashboard');
const ARGS = ['--no-sandbox', '--use-angle=swiftshader', '--enable-unsafe-swiftshader'];

/** Starts the demo; `address` resolves to that of its page. */
function demo() {
  const file = join(root, 'dist', 'lib', 'cli', 'main.js');
  const child = spawn(process.execPath, [file, 'demo', '--dashboard', '--seconds', '600'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout);
  const printed = [];
  const address = new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      printed.push(line);
      const [found] = line.match(/http:\S+/) ?? [];
      if (found) resolve(found);
    });
    child.once('exit', (code) => reject(new Missing(`the demo ended with ${code}.`)));
  });
  return { child, lines: printed, address };
}

/** Keeps what a page is told during the run, with when it came [ms], and stops the arm. */
async function told(address) {
  const url = new URL('live', address);
  const { origin } = url;
  url.protocol = 'ws:';
  const socket = new WebSocket(url, { origin });
  const messages = [];
  let from;
  socket.on('message', (data, isBinary) => {
    from ??= performance.now();
    messages.push({ atMs: performance.now() - from, data: isBinary ? data : String(data) });
  });
  await once(socket, 'open');
  await sleep(STOP_MS);
  socket.send(JSON.stringify({ type: 'stop', arm: null }));
  await once(socket, 'close');
  return messages;
}

/** The page in chromium, with a clock of its own, which is told the messages of a run. */
class Replay {
  static async open(browser, messages, colorScheme) {
    const page = await browser.newPage({ viewport: VIEWPORT, colorScheme });
    // A clock that stands: it goes on in `advance`.
    await page.clock.install();
    await page.clock.pauseAt(Date.now() + 60_000);
    await page.route('**/*', (route) => {
      const { pathname } = new URL(route.request().url());
      return route.fulfill({ path: join(BUILT, pathname === '/' ? 'index.html' : pathname) });
    });
    const replay = new Replay(page, messages);
    await page.routeWebSocket('**/live', (socket) => {
      replay.socket = socket;
    });
    await page.goto('http://page.test/');
    return replay;
  }

  #nextMessage = 0;
  #nowMs = 0;

  constructor(page, messages) {
    this.page = page;
    this.messages = messages;
  }

  /** Lets the page's clock go on, and tells what came until then. */
  async advance(ms) {
    this.#nowMs += ms;
    while ((this.messages[this.#nextMessage]?.atMs ?? Infinity) <= this.#nowMs) {
      this.socket.send(this.messages[this.#nextMessage].data);
      this.#nextMessage += 1;
    }
    await this.page.clock.runFor(ms);
  }

  async advanceTo(ms) {
    while (this.#nowMs < ms) await this.advance(Math.min(STEP_MS, ms - this.#nowMs));
  }

  /** Advances until the arm is told, then waits for its meshes while the page's clock hardly goes on. */
  async load() {
    while (this.socket === undefined) await sleep(20);
    while (!(await this.page.evaluate("document.querySelector('.arm') !== null"))) {
      await this.advance(STEP_MS);
    }
    const isLoaded = "[...document.querySelectorAll('.loading')].every((note) => note.hidden)";
    while (!(await this.page.evaluate(isLoaded))) {
      await this.page.clock.runFor(1);
      await sleep(20);
    }
  }
}

/** Makes the pictures of the page. */
export async function picturesOfPage() {
  const ffmpeg = program('ffmpeg');
  const browser = await launcher.launch({ executablePath: chromium(), args: ARGS });
  const folder = mkdtempSync(join(tmpdir(), 'kilohertz-picture-'));
  const pictures = join(root, 'docs', 'pictures');
  mkdirSync(pictures, { recursive: true });
  const { child, lines, address } = demo();
  try {
    const messages = await told(await address);
    if (child.exitCode === null) await once(child, 'exit');
    console.error(lines.slice(-5).join('\n'));
    for (const colours of ['dark', 'light']) {
      const replay = await Replay.open(browser, messages, colours);
      await replay.load();
      await replay.advanceTo(FROM_MS);
      const file = join(folder, `${colours}.png`);
      await replay.page.screenshot({ path: file });
      const still = ['-c:v', 'libwebp', '-quality', '80', join(pictures, `page-${colours}.webp`)];
      scale(ffmpeg, ['-i', file], still);
      if (colours === 'light') {
        await frames(replay, folder);
        const quality = ['-quality', '55', '-compression_level', '6'];
        const rate = ['-framerate', `${1000 / FRAME_MS}`];
        const to = ['-c:v', 'libwebp_anim', ...quality, '-loop', '0', join(pictures, 'page.webp')];
        scale(ffmpeg, [...rate, '-i', join(folder, '%d.png')], to, ANIMATION_WIDTH);
      }
      await replay.page.close();
    }
  } finally {
    child.kill();
    await browser.close();
    rmSync(folder, { recursive: true });
  }
  for (const name of ['page-light.webp', 'page-dark.webp', 'page.webp']) {
    console.error(`${name}: ${(statSync(join(pictures, name)).size / 1e3).toFixed(0)} kB`);
  }
}

/** Takes the pictures of the animation: the arm moves, is stopped on the page, and is at rest. */
async function frames(replay, folder) {
  let count = 0;
  for (let atMs = FROM_MS; atMs <= TO_MS; atMs += FRAME_MS) {
    if (atMs >= STOP_MS && atMs < STOP_MS + FRAME_MS) await replay.page.keyboard.press(' ');
    await replay.advanceTo(atMs);
    await replay.page.screenshot({ path: join(folder, `${count}.png`) });
    count += 1;
  }
}

function scale(ffmpeg, from, to, width = WIDTH) {
  step(`make ${basename(to.at(-1))}`, ffmpeg, [
    ...['-hide_banner', '-loglevel', 'error', '-y', ...from],
    ...['-vf', `scale=${width}:-1:flags=lanczos`, ...to],
  ]);
}
