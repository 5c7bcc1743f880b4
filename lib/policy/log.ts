// What a policy in a worker or a process logs into the recording of its session.

import { checkLogged, type Logged, type LogOptions, type LogValue } from '../session/recording.ts';

/** Takes what is logged, which is `logged` as it was checked, and `value` as it was given. */
export type LogSink = (logged: Logged, value: LogValue) => boolean;

/** Where this thread logs to, while it runs the policy of a session. */
let sink: LogSink | undefined;

/** From now on {@link log} of this thread calls `to`. */
export function logTo(to: LogSink | undefined): void {
  sink = to;
}

/**
 * Records a value from a policy in a worker or a process, beside the cycles of the session that it runs in, as
 * {@link Session.log} does on the main thread. It may also be called outside the policy's call, on the same thread. It
 * never waits.
 *
 * Returns false if nothing was recorded: the session is not recorded or does not run, too much waits, or this is no
 * thread of such a policy. What was dropped is counted in {@link RecordingReport.lostValues}.
 *
 * @param channel the name of the series, for example `'camera/wrist'`: 1 to 200 letters, digits and `_ - . /`, not
 * beginning with `/`, `.` or `kilohertz/`
 * @param options.timeS the time to which the value belongs, on the clock of {@link Tick.timeS} [s]. Default: the time of
 * the question that the policy is answering
 * @throws {OptionTypeError | OptionRangeError} if the value or the time cannot be recorded
 * @throws {KilohertzError} `RECORD_INVALID_ARGUMENT` if the name cannot be used, or the value is too large
 */
export function log(channel: string, value: LogValue, options: LogOptions = {}): boolean {
  const logged = checkLogged(channel, value, options);
  return sink?.(logged, value) ?? false;
}
