import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A part of a file, from and to in characters, and how often it ran; those inside others follow them. */
type Part = readonly [start: number, end: number, count: number];

/** The parts of each file below src/ that a test ran, as V8 counts them; null if it may have run anything. */
export type Coverage = Readonly<Record<string, readonly Part[]>> | null;

interface V8Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      readonly ranges: readonly { readonly startOffset: number; readonly endOffset: number; readonly count: number }[];
    }[];
  }[];
}

/** The counts that NODE_V8_COVERAGE left in a folder. A file that several processes ran has its parts several times. */
export function readCoverage(folder: string, root: string): Coverage {
  const coverage: Record<string, Part[]> = {};
  for (const name of existsSync(folder) ? readdirSync(folder) : []) {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as V8Coverage;
    for (const { url, functions } of result) {
      if (!url.startsWith('file:') || !fileURLToPath(url).startsWith(join(root, 'src/'))) continue;
      const file = fileURLToPath(url).slice(root.length + 1);
      const parts = functions.flatMap(({ ranges }) => ranges);
      coverage[file] ??= [];
      coverage[file].push(...parts.map(({ startOffset, endOffset, count }): Part => [startOffset, endOffset, count]));
    }
  }
  return coverage;
}

/** Whether a test ran anything of a file beyond loading it: the first part is the whole module. */
export function touches(coverage: Coverage, file: string): boolean {
  if (coverage === null) return true;
  const [whole, ...parts] = coverage[file] ?? [];
  return parts.length === 0
    ? whole !== undefined
    : parts.some(([, end, count]) => count > 0 && end < (whole?.[1] ?? 0));
}

/** Whether a test ran the place in a file: the smallest part around it counts, of any process. */
export function ran(coverage: Coverage, file: string, offset: number): boolean {
  if (coverage === null) return true;
  const around = (coverage[file] ?? []).filter(([start, end]) => start <= offset && offset < end);
  const smallest = Math.min(...around.map(([start, end]) => end - start));
  return around.some(([start, end, count]) => end - start === smallest && count > 0);
}
