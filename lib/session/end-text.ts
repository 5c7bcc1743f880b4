// Why a run ended that no error has ended, in words.

import { numberText } from '../errors/number.ts';
import type { NativePlace } from '../native/binding.ts';

/** Says why a run ended. `asked` says who has asked this thread for it first; `durationS` is how long it was to run. */
export function endText(
  place: NativePlace,
  asked: string | undefined,
  durationS: number | undefined,
): string {
  switch (place.askedBy) {
    case 'page':
      return 'a stop was pressed on a page';
    case 'interrupt':
      return 'Ctrl+C was pressed, which ends a run without durationS';
    default:
      if (asked !== undefined) return asked;
      if (durationS === undefined || place.isToEnd) return 'the session was asked to end';
      return `its time was over: durationS is ${numberText(durationS)}`;
  }
}
