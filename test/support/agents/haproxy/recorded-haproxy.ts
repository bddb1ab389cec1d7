import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Runtime } from '../../../../src/agents/haproxy/runtime/runtime.ts';

const fixtures = join(import.meta.dirname, '../../../fixtures/haproxy');

/** Answers as a HAProxy of that version did; `other` replaces what it says to some commands. */
export function recorded(version: string, other: Readonly<Record<string, string>> = {}): Runtime {
  const read = (name: string) => readFileSync(join(fixtures, version, `${name}.txt`), 'utf8').trim();
  const names: Record<string, string> = {
    'show info': 'show-info',
    'show stat app 6 -1': 'show-stat',
    'show stat -1 6 -1': 'show-stat',
    'show stat nosuch 6 -1': 'show-stat-none',
    'show servers state app': 'show-servers-state',
    'show servers state': 'show-servers-state',
    'show cli level': 'show-cli-level',
    help: 'help',
  };
  return {
    name: `/run/haproxy-${version}.sock`,
    ask: async (command) => {
      const known = names[command];
      if (other[command] !== undefined) return other[command];
      if (known === undefined) throw new Error(`nobody recorded “${command}”`);
      return read(known);
    },
  };
}

/** The same of the configuration `cases.cfg`. */
export function recordedCases(version: string): Runtime {
  const read = (name: string) => readFileSync(join(fixtures, version, `cases-${name}.txt`), 'utf8').trim();
  const answers = { 'show stat -1 6 -1': read('show-stat'), 'show servers state': read('show-servers-state') };
  return recorded(version, answers);
}
