import { dirname } from 'node:path';

/** Returns a folder and all folders above it, the nearest first. */
export function upwards(folder: string): string[] {
  const above = dirname(folder);
  return above === folder ? [folder] : [folder, ...upwards(above)];
}
