/** The modules of this folder that a thread or a process begins with. */
type Entry = 'child' | 'inference-worker' | 'policy-worker' | 'pool-worker';

/** Returns where such a module is: the source where this one runs as source, else what was compiled. */
export function entryUrl(entry: Entry): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${entry}.${extension}`, import.meta.url);
}
