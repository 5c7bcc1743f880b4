// The demo on a page in the browser: the arm goes out and back again and again, and every few seconds the event loop
// is blocked. It ends by the stop on the page, by Ctrl+C, or after a time.

import { spawn } from 'node:child_process';
import { type Franka, type RobotState, Session, type SessionStats, type Tick } from 'kilohertz';
import { Progress } from './terminal.ts';

/**
 * How often the policy is asked: as often as a learned one may be. It may take the whole period, so that the blocks are
 * what is late, also where the same cores draw the page.
 */
const POLICY_HZ = 50;

export interface ShowOptions {
  /** The policy. */
  readonly policy: (state: RobotState, tick: Tick) => ArrayLike<number>;
  /** For how long the arm moves [s]; undefined: until it is stopped. */
  readonly durationS: number | undefined;
  /** Opens a browser. */
  readonly open: boolean;
  /** Blocks the event loop, every `everyS` seconds. */
  readonly block: () => void;
  readonly everyS: number;
}

/** What came of it. */
export interface Shown {
  readonly stats: SessionStats;
  /** Whether it was stopped before its time. */
  readonly isStopped: boolean;
}

export async function show(robot: Franka, options: ShowOptions): Promise<Shown> {
  const { policy, durationS, open, block, everyS } = options;
  const session = new Session(robot, policy, {
    rateHz: POLICY_HZ,
    deadlineS: 1 / POLICY_HZ,
    // The cores are for the browser.
    realtime: { keepAwake: false },
  });
  const progress = new Progress(process.stdout);
  const page = await session.dashboard(); // it prints the address
  if (open) openBrowser(page.address);
  const blocking = setInterval(block, everyS * 1e3);
  const telling = setInterval(() => progress.update(line(session.stats)), 250);
  try {
    const stats = await session.run(durationS === undefined ? {} : { durationS });
    const lastedS = stats.iterations * stats.avgPeriodS;
    return { stats, isStopped: durationS === undefined || lastedS < durationS - 0.1 };
  } finally {
    clearInterval(blocking);
    clearInterval(telling);
    progress.end();
    await page.close();
  }
}

function line(stats: SessionStats): string {
  const seconds = (stats.iterations * stats.avgPeriodS).toFixed(1);
  const { heldCommands: held, restCommands: rest, followedCommands: followed } = stats;
  return `  ${seconds.padStart(5)} s  held ${held}, at rest ${rest}, followed ${followed}`;
}

/** Opens the address in a browser, if the desktop has one. The demo goes on either way. */
function openBrowser(address: string): void {
  const command = process.platform === 'darwin' ? 'open' : 'xdg-open';
  const isMissing = (): void => console.error(`  No browser could be opened. Open ${address}`);
  const child = spawn(command, [address], { stdio: 'ignore', detached: true });
  child.once('error', isMissing);
  child.once('exit', (code) => code !== 0 && isMissing());
  child.unref();
}
