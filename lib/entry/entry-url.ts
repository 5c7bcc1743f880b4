/** The modules of this folder with which a thread or a process starts. */
type Entry =
  | 'bench-load'
  | 'bench-worker'
  | 'inference-worker'
  | 'node-child'
  | 'policy-worker'
  | 'pool-worker'
  | 'server-worker';

/** Returns the URL of such a module: the source file if this module runs from source, else the compiled file. */
export function entryUrl(entry: Entry): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./${entry}.${extension}`, import.meta.url);
}
