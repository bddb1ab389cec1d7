import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/**
 * Whether a HAProxy process is configured to load its servers' states from a file at its start (configuration manual,
 * “load-server-state-from-file”). The runtime API does not report that, so its command line and configuration files are
 * read.
 * @param pid from “show info”
 */
export async function restoresState(pid: number): Promise<'yes' | 'no' | 'unknown'> {
  try {
    const argv = (await readFile(`/proc/${pid}/cmdline`, 'utf8')).split('\0');
    const directory = `/proc/${pid}/cwd`;
    const files = (
      await Promise.all(configurationFiles(argv).map((file) => expand(resolveIn(directory, file))))
    ).flat();
    if (files.length === 0) return 'unknown';
    const text = (await Promise.all(files.map(readRegular))).join('\n');
    return isRestoring(text) ? 'yes' : 'no';
  } catch {
    return 'unknown';
  }
}

/** The arguments of `-f`: files or directories, and all that follow `--`. */
export function configurationFiles(argv: readonly string[]): string[] {
  const files: string[] = [];
  for (let at = 1; at < argv.length; at++) {
    const word = argv[at] ?? '';
    if (word === '--') return [...files, ...argv.slice(at + 1).filter((file) => file !== '')];
    if (word === '-f' && argv[at + 1] !== undefined) files.push(argv[++at] ?? '');
    else if (word.startsWith('-f') && !word.startsWith('--') && word.length > 2) files.push(word.slice(2));
  }
  return files;
}

/** Both settings are needed: where the state is, and that it is loaded; `none` in a single backend is ignored. */
export function isRestoring(configuration: string): boolean {
  const lines = configuration.split('\n').map((line) => line.trim().split(/\s+/));
  const has = (keyword: string, values: readonly string[] | undefined) =>
    lines.some(([word, value = '']) => word === keyword && (values?.includes(value) ?? value !== ''));
  const global = has('server-state-file', undefined) && has('load-server-state-from-file', ['global']);
  return global || has('load-server-state-from-file', ['local']);
}

function resolveIn(directory: string, file: string): string {
  return file.startsWith('/') ? file : resolve(directory, file);
}

/** Names of files that the reading process itself has open. */
const ownFile = /^\/(dev\/(fd|stdin|stdout|stderr)|proc\/(self|thread-self))(\/|$)/;

/** A pipe (`-f <(…)`) would keep the reader waiting forever, and `/dev/fd/…` names a file of the reading process. */
async function readRegular(file: string): Promise<string> {
  if (ownFile.test(file) || !(await stat(file)).isFile()) throw new Error(`${file} is not a regular file`);
  return readFile(file, 'utf8');
}

/** A directory stands for the files in it that end in `.cfg`. */
async function expand(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  return (await readdir(path)).filter((name) => name.endsWith('.cfg')).map((name) => join(path, name));
}
