import { globSync } from 'node:fs';
import { join } from 'node:path';
import { alone } from './alone.ts';

/** What runs in one process: a test file, or several that share it. */
export interface Program {
  readonly file: string;
  /** The test files of a group. */
  readonly args: readonly string[];
}

/** Each subfolder of these is a group. Their tests start no program of ours, so that loading is most of their work. */
const shared: ReadonlySet<string> = new Set(['unit', 'contract', 'protocol']);
const tests = join(import.meta.dirname, '..');

/** The tests of a folder (all, or those that are chosen by their path below test/), in as many processes as they need. */
export function programsOf(folder: string, isChosen: (file: string) => boolean = () => true): Program[] {
  const files = globSync(`${folder}/**/*.test.ts`, { cwd: tests }).filter(isChosen).sort();
  if (files.length === 0) throw new Error(`test/${folder} holds no test: nothing was shown to work`);
  const isSingle = (file: string) => !shared.has(folder) || alone.has(file);
  const single = files.filter(isSingle);
  const together = files.filter((file) => !isSingle(file));
  const groups = Object.values(Object.groupBy(together, groupOf));
  return [
    ...groups.map((group = []) => ({ file: join(import.meta.dirname, 'group.ts'), args: group.map(pathOf) })),
    ...single.map((file) => ({ file: pathOf(file), args: [] })),
  ];
}

const pathOf = (file: string) => join(tests, file);
/** Its first two folders. */
const groupOf = (file: string) => file.split('/').slice(0, -1).slice(0, 2).join('/');
