import { promises } from 'node:fs';
import { join } from 'node:path';
import type { BuildOptions, Plugin } from 'esbuild';

/** The functions of node:fs/promises. Loading that brings some ten modules of Node, such as readline, into each start. */
const functions = Object.entries(promises).flatMap(([name, value]) => (typeof value === 'function' ? [name] : []));

/** Loads node:fs/promises, for the program's own sources, when a function of it is first called. */
export const filesLater: Plugin = {
  name: 'files-later',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^node:fs\/promises$/ }, ({ importer }) =>
      importer.includes('/node_modules/') ? undefined : { path: 'files', namespace: 'later', sideEffects: false },
    );
    onLoad({ filter: /./, namespace: 'later' }, () => ({
      contents: [
        "import { constants, promises } from 'node:fs';",
        ...functions.map((name) => `export const ${name} = (...given) => promises.${name}(...given);`),
        'export { constants };',
      ].join('\n'),
    }));
  },
};

/** Reads the clock of `performance.now()` without node:perf_hooks, which Node loads for its first use of `performance`. */
export const clock = {
  define: { 'performance.now': 'monotonicNow' },
  inject: [join(import.meta.dirname, '../program/clock.ts')],
} as const satisfies BuildOptions;
