// Whether what a long run takes of the system grows.

/** What is sampled, each time when nothing runs: memory [MB], and numbers of descriptors, threads and processes. */
export const QUANTITIES = [
  'rssMb',
  'heapMb',
  'externalMb',
  'descriptors',
  'threads',
  'children',
  'zombies',
] as const;
export type Quantity = (typeof QUANTITIES)[number];

/** The time since the start of the run [h], and what the process had then. */
export type Sample = Readonly<Record<Quantity | 'hours', number>>;

/** How much a quantity may grow. */
export interface Bound {
  /** However long the run is: memory is given back late, and in pieces. */
  readonly slack: number;
  readonly perHour: number;
}

export const BOUNDS: Readonly<Record<Quantity, Bound>> = {
  // A session that is not given back holds 20 MB. Measured between the rounds of three minutes: 132 to 135 MB.
  rssMb: { slack: 16, perHour: 4 },
  heapMb: { slack: 1, perHour: 0.5 },
  externalMb: { slack: 1, perHour: 0.5 },
  descriptors: { slack: 1, perHour: 0 },
  threads: { slack: 1, perHour: 0 },
  children: { slack: 0, perHour: 0 },
  zombies: { slack: 0, perHour: 0 },
};

/** The fewest samples that are judged: three in each third. */
export const LEAST_SAMPLES = 9;

/** What became of one quantity between the first and the last third of the samples. */
export interface Growth {
  readonly quantity: Quantity;
  /** The median of the first third, and of the last. */
  readonly first: number;
  readonly last: number;
  readonly perHour: number;
  /** How much it may grow in that time. */
  readonly allowed: number;
  readonly isWithin: boolean;
}

/** The samples after the warm-up, in which everything that stays is made once. */
export function afterWarmup(samples: readonly Sample[], warmupHours: number): readonly Sample[] {
  return samples.filter(({ hours }) => hours >= warmupHours);
}

/**
 * Judges samples that were taken after the warm-up. The medians of the first and the last third are compared: a sample
 * that is off counts for nothing, and what grows in each round is found. A child that has ended and was not waited for is
 * a fault even if there is always the same number of them.
 *
 * @throws {RangeError} if there are fewer than {@link LEAST_SAMPLES}
 */
export function judged(samples: readonly Sample[]): Growth[] {
  const third = Math.floor(samples.length / 3);
  if (samples.length < LEAST_SAMPLES) {
    throw new RangeError(`${samples.length} samples; expected at least ${LEAST_SAMPLES}`);
  }
  const [begin, end] = [samples.slice(0, third), samples.slice(-third)];
  const hours = middle(end, 'hours') - middle(begin, 'hours');
  return QUANTITIES.map((quantity) => {
    const [first, last] = [middle(begin, quantity), middle(end, quantity)];
    const { slack, perHour } = BOUNDS[quantity];
    const allowed = slack + perHour * hours;
    const grown = quantity === 'zombies' ? last : last - first;
    const isWithin = grown <= allowed;
    return { quantity, first, last, perHour: (last - first) / hours, allowed, isWithin };
  });
}

function middle(samples: readonly Sample[], name: keyof Sample): number {
  const values = samples.map((sample) => sample[name]).sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)] ?? Number.NaN;
}
