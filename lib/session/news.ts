/** What a wake is about, as sums; the native side's `receive` and `news` return them. */
export const NEWS = { observation: 1, events: 2, end: 4, begun: 8 } as const;
