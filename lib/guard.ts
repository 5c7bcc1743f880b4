// However the process ends, the robots of running sessions are stopped first.

/** A running session, as the end of the process sees it. */
export interface Guarded {
  /** Asks for the end; returns at once. */
  requestStop(): void;
  /** Blocks until the robot is stopped, but no longer than this. */
  stopNow(limitS: number): void;
  /** Resolves when the robot is stopped and the loop has ended. */
  readonly ended: Promise<unknown>;
  /** Ctrl+C is how this session is meant to end: the process goes on after it. */
  readonly endsOnInterrupt: boolean;
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const EXIT_LIMIT_S = 5;

const guarded = new Set<Guarded>();

/** Guards a session until {@link unguard}. */
export function guard(session: Guarded): void {
  if (guarded.size === 0) {
    process.on('exit', stopAllNow);
    for (const signal of SIGNALS) process.on(signal, onSignal);
  }
  guarded.add(session);
}

/** The session has ended. */
export function unguard(session: Guarded): void {
  if (!guarded.delete(session) || guarded.size > 0) return;
  process.off('exit', stopAllNow);
  for (const signal of SIGNALS) process.off(signal, onSignal);
}

function stopAllNow(): void {
  // All are asked first, so that they stop side by side.
  for (const session of guarded) session.requestStop();
  for (const session of guarded) session.stopNow(EXIT_LIMIT_S);
}

function onSignal(signal: NodeJS.Signals): void {
  const sessions = [...guarded];
  // Who listens for the signal too has plans of its own; otherwise it ends the process as usual.
  const othersListen = process.listenerCount(signal) > 1;
  const expected = signal === 'SIGINT' && sessions.every((session) => session.endsOnInterrupt);
  for (const session of sessions) session.requestStop();
  if (expected || othersListen) return;
  void Promise.allSettled(sessions.map((session) => session.ended)).then(() => {
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
  });
}
