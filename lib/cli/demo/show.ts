// The demo on a page in the browser: the arm goes out and back again and again, and every few seconds the event loop
// is blocked.

import { spawn } from 'node:child_process';
import { block } from '../../bench/loads.ts';
import type { Franka } from '../../franka/franka.ts';
import { Session } from '../../session/session.ts';
import type { SessionStats } from '../../session/stats.ts';
import { runUntilSignal } from '../signals.ts';
import { BLOCK_MS } from './drive.ts';
import { followPath } from './path.ts';

/** How often the event loop is blocked [s]. */
export const BLOCK_EVERY_S = 3;
/**
 * How often the policy is asked: as often as a learned one may be. It may take the whole period, so that the blocks are
 * what is late, also where the same cores draw the page.
 */
const POLICY_HZ = 50;
/** How often it is told how far the run is [ms]. */
const TOLD_EVERY_MS = 250;

/** How the demo is shown. */
export interface ShowOptions {
  /** For how long the arm moves [s]; undefined: until it is stopped. */
  readonly durationS: number | undefined;
  /** Whether a browser is opened. */
  readonly open: boolean;
  /** Is told how far the run is. */
  readonly onProgress: (stats: SessionStats) => void;
  /** Is told the address of the page if no browser can be opened. */
  readonly onNoBrowser: (address: string) => void;
}

/** What came of it. */
export interface Shown {
  readonly stats: SessionStats;
  /** Whether it was stopped before its time. */
  readonly isStopped: boolean;
}

/** Shows the arm on a page until its time is over, or it is stopped there or by a signal. */
export async function show(arm: Franka, options: ShowOptions): Promise<Shown> {
  const { durationS, open, onProgress, onNoBrowser } = options;
  const policy = followPath((await arm.state()).q_d.slice(), true);
  const session = new Session(arm, policy, {
    rateHz: POLICY_HZ,
    deadlineS: 1 / POLICY_HZ,
    // The cores are for the browser.
    realtime: { keepAwake: false },
  });
  const page = await session.dashboard(); // it prints the address
  if (open) openBrowser(page.address, onNoBrowser);
  const blocking = setInterval(() => block(BLOCK_MS), BLOCK_EVERY_S * 1e3);
  const telling = setInterval(() => onProgress(session.stats), TOLD_EVERY_MS);
  try {
    const stats = await runUntilSignal(session, durationS === undefined ? {} : { durationS });
    const lastedS = stats.iterations * stats.avgPeriodS;
    return { stats, isStopped: durationS === undefined || lastedS < durationS - 0.1 };
  } finally {
    clearInterval(blocking);
    clearInterval(telling);
    await page.close();
  }
}

/** Opens the address in a browser, if the desktop has one. The demo goes on either way. */
function openBrowser(address: string, onNoBrowser: (address: string) => void): void {
  const command = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const child = spawn(command, [address], { stdio: 'ignore', detached: true });
  child.once('error', () => onNoBrowser(address));
  child.once('exit', (code) => code !== 0 && onNoBrowser(address));
  child.unref();
}
