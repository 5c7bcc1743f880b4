import { numberText } from '../errors/number.ts';

/**
 * Warns that a policy is often late. `likeliest` is a sentence about the likeliest cause, with a space behind it, or empty.
 */
export function warnOfLateness(
  tookS: number,
  periodS: number,
  deadlineS: number,
  likeliest: string,
): void {
  const ms = (seconds: number): string =>
    `${numberText(Number((seconds * 1e3).toPrecision(2)))} ms`;
  const message =
    `the policy took ${ms(tookS)} of its ${ms(periodS)} period: more than a tenth of its answers are later ` +
    `than deadlineS, ${ms(deadlineS)}, and the arm holds, rests and catches up in between. ${likeliest}Lower rateHz, ` +
    'allow more with deadlineS where it is shorter than the period, or let the policy answer undefined until ' +
    'a model that runs elsewhere (InferenceThread, workerPolicy, processPolicy) has something new';
  process.emitWarning(message, { code: 'KILOHERTZ_LATE' });
}
