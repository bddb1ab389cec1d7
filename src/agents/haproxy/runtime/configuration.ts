/** The configuration files of a HAProxy process, as its command line names them. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';

/**
 * The text of a process's configuration files.
 * @param argv its command line
 * @throws Error if one of them cannot be read, or the command line names none
 */
export async function readConfiguration(pid: number, argv: readonly string[]): Promise<string> {
  const directory = `/proc/${pid}/cwd`;
  const named = configurationFiles(argv).map((file) => expand(resolveIn(directory, file)));
  const files = (await Promise.all(named)).flat();
  if (files.length === 0) throw new Error('its command line names no configuration');
  return (await Promise.all(files.map(readRegular))).join('\n');
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
