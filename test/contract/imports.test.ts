import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';

const source = join(import.meta.dirname, '../../src');

/** One part of the source: what it may import of the others, and the packages that only it may know. */
interface Part {
  readonly imports: readonly string[];
  readonly packages: readonly string[];
}

const listOf = (cell = '') => cell.split(',').flatMap((word) => (word.trim() === '' ? [] : [word.trim()]));

/** The rows of the table in docs/architecture.md: `core` | purpose | may import | packages. */
function readParts(): ReadonlyMap<string, Part> {
  const text = readFileSync(join(source, '../docs/architecture.md'), 'utf8');
  const rows = text.matchAll(/^\| `(\w+)` \|[^|]*\|([^|]*)\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, name = '', imports, names]) => {
      return [name, { imports: listOf(imports), packages: listOf(names) }];
    }),
  );
}

const parts = readParts();
/** Files that the bundle replaces (package.json, `imports`). */
const standIns = new Set(['#playbooks', '#protocol', '#re2', '#validators']);

interface Import {
  readonly from: string;
  readonly to: string;
}

function files(): string[] {
  return readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(source, file), 'utf8');
  const found = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
  );
  return [...found].map(([, a, b, c]) => ({ from: file, to: a ?? b ?? c ?? '' }));
}

function resolveLocal({ from, to }: Import): string | undefined {
  return to.startsWith('.') ? relative(source, join(source, dirname(from), to)) : undefined;
}

function partOf(file: string): string {
  return file.split('/')[0] ?? '';
}

const all = files().flatMap(importsOf);

test('each part of the source imports only what it may', () => {
  const wrong = all.filter((one) => {
    const to = resolveLocal(one);
    const name = partOf(one.from);
    const part = parts.get(name);
    if (part === undefined) return false;
    if (to === undefined) return isForbiddenPackage(part, one.to);
    // Data from outside the source (profiles of certificates) belongs to the files that read it.
    if (to.startsWith('..')) return !to.endsWith('.json');
    const other = partOf(to);
    return other !== name && !part.imports.includes(other);
  });
  assert.deepEqual(wrong, []);
});

function isForbiddenPackage({ packages }: Part, name: string): boolean {
  if (name.startsWith('node:') || standIns.has(name)) return false;
  const root = name
    .split('/')
    .slice(0, name.startsWith('@') ? 2 : 1)
    .join('/');
  return !packages.includes(root);
}

test('docs/architecture.md has a row for every part of the source', () => {
  const folders = readdirSync(source, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  assert.deepEqual(folders.map(({ name }) => name).sort(), [...parts.keys()].sort());
});

test('no agent imports another', () => {
  const wrong = all.filter((one) => {
    const to = resolveLocal(one);
    const [part, agent] = one.from.split('/');
    if (part !== 'agents' || to === undefined || !to.startsWith('agents/') || one.from === 'agents/index.ts')
      return false;
    return to.split('/')[1] !== agent;
  });
  assert.deepEqual(wrong, []);
});

test('no file imports itself through others, not even for a type', () => {
  const graph = Map.groupBy(
    all.map((one) => ({ from: one.from, to: resolveLocal(one) })).filter(({ to }) => to !== undefined),
    ({ from }) => from,
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const walk = (file: string, trail: readonly string[]) => {
    if (trail.includes(file)) {
      cycles.push([...trail.slice(trail.indexOf(file)), file].join(' → '));
      return;
    }
    if (done.has(file)) return;
    for (const { to } of graph.get(file) ?? []) walk(to ?? '', [...trail, file]);
    done.add(file);
  };
  for (const file of graph.keys()) walk(file, []);
  assert.deepEqual(cycles, []);
});

test('the lists of agents, client commands and kinds of step are exact', () => {
  for (const place of ['agents', 'client/commands', 'playbook/steps']) {
    const entries = readdirSync(join(source, place), { withFileTypes: true });
    const names = entries.filter((one) => one.name !== 'index.ts').map((one) => one.name);
    const index = readFileSync(join(source, place, 'index.ts'), 'utf8');
    const unlisted = names.filter((name) => !index.includes(`'./${name}`));
    assert.deepEqual(
      unlisted.filter((name) => !isHelperOf(place, name)),
      [],
      place,
    );
  }
});

/** These are put in by the composition root: they need the daemon's code, which the client never loads, or all other commands. */
function isHelperOf(place: string, name: string): boolean {
  return (
    place === 'client/commands' &&
    ['agent', 'apply', 'daemon', 'policy', 'install', 'doctor', 'complete', 'completion'].includes(name)
  );
}
