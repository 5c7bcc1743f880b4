/**
 * What a check found: `good`; `usable`, where an arm can be driven but something can be better; `unfit`, where no arm
 * should be driven; `unknown`, where the system does not tell.
 */
export type DoctorVerdict = 'good' | 'usable' | 'unfit' | 'unknown';

/** What one check found. */
export interface DoctorFinding {
  /** A stable name, for example `rtprio`. */
  readonly id: string;
  /** What was looked at. */
  readonly title: string;
  readonly verdict: DoctorVerdict;
  /** What was found, in words. */
  readonly found: string;
  /** Why it matters. */
  readonly why: string;
  /** The command, or the file and its line, that mends it. Undefined if there is nothing to mend. */
  readonly mend: string | undefined;
}

/** A check that is always about the same thing. */
export class Check {
  readonly #id: string;
  readonly #title: string;
  readonly #why: string;

  constructor(id: string, title: string, why: string) {
    this.#id = id;
    this.#title = title;
    this.#why = why;
  }

  good(found: string): DoctorFinding {
    return this.#finding('good', found, undefined);
  }

  usable(found: string, mend: string): DoctorFinding {
    return this.#finding('usable', found, mend);
  }

  unfit(found: string, mend: string): DoctorFinding {
    return this.#finding('unfit', found, mend);
  }

  unknown(found: string, mend?: string): DoctorFinding {
    return this.#finding('unknown', found, mend);
  }

  #finding(verdict: DoctorVerdict, found: string, mend: string | undefined): DoctorFinding {
    return { id: this.#id, title: this.#title, verdict, found, why: this.#why, mend };
  }
}
