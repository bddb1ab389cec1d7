import { spawnSync } from 'node:child_process';

/** Milliseconds of a bare Node's start, the median of nine: runs on different days are compared by it. */
export function bareNode(): number {
  const times = Array.from({ length: 9 }, () => {
    const began = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    return performance.now() - began;
  });
  return times.sort((a, b) => a - b)[4] ?? 0;
}
