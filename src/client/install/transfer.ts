import { createReadStream } from 'node:fs';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { packArchive } from '../../ca/tar.ts';
import { Problem } from '../../core/errors.ts';
import type { Program } from './program.ts';
import { discardScript, enrollScript, parseLines, placeScript, uploadScript } from './scripts.ts';
import { runOrThrow, type Remote } from './ssh.ts';
import type { DesiredFiles, DesiredFile } from './files/desired-files.ts';

/** The connection to a host. */
export interface HostAccess {
  readonly remote: Remote;
  readonly asRoot: boolean;
  readonly desired: DesiredFiles;
}

/** A staging directory on the host, and what it contains besides keys. */
export interface Staging {
  readonly directory: string;
  readonly form: Program['form'] | 'nothing';
}

/** Makes the staging directory, and copies the program into it when there is one. @throws Problem `copy-damaged` */
export async function upload(
  way: HostAccess,
  program: Program | undefined,
  onPart: (percent: number) => void,
): Promise<Staging> {
  const form = program?.form ?? 'nothing';
  const payload = program === undefined ? Readable.from([]) : readWithProgress(program, onPart);
  const values = [way.desired.paths.staging, form];
  const out = await runOrThrow(
    way.remote,
    { purpose: 'copy the program', text: uploadScript, values, payload },
    way.asRoot,
  );
  const [sum, directory] = ['sum', 'staging'].map((name) => parseLines(out)(name)[0] ?? '');
  if (program !== undefined && sum !== program.sha256) {
    throw new Problem('copy-damaged', 'the program arrived damaged', 'try again');
  }
  return { directory: directory ?? '', form };
}

function readWithProgress({ file, size }: Program, onPart: (percent: number) => void): Readable {
  const stream = createReadStream(file, { highWaterMark: 256 * 1024 });
  let [sent, reported] = [0, -1];
  // A second listener would start the flow too early: bytes are counted where chunks pass.
  return stream.map((chunk: Buffer) => {
    sent += chunk.length;
    const percent = Math.floor((sent / size) * 100);
    if (percent !== reported) onPart(percent);
    reported = percent;
    return chunk;
  });
}

/** Makes the host create its key, or keep the existing one. @returns the certificate request, in PEM */
export async function enroll(way: HostAccess, { directory, form }: Staging, node: string): Promise<string> {
  const { paths, places } = way.desired;
  const values = [directory, form, paths.program, node, places.key];
  const out = await runOrThrow(way.remote, { purpose: 'make the key', text: enrollScript, values }, way.asRoot);
  return Buffer.from(parseLines(out)('request')[0] ?? '', 'base64').toString('utf8');
}

/** What is moved into place, and what is removed. */
export interface FilesToPlace {
  readonly files: readonly DesiredFile[];
  /** Paths. */
  readonly remove: readonly string[];
  /** Directories to make, which the daemon writes. */
  readonly missing: readonly string[];
}

/** Moves program, key and files into place, or none of them. */
export async function placeFiles(
  way: HostAccess,
  { directory, form }: Staging,
  { files, remove, missing }: FilesToPlace,
): Promise<void> {
  const { paths, places } = way.desired;
  const entries = files.map(({ mode, content }, index) => ({ path: String(index), mode, content }));
  const payload = Readable.from([await packArchive(entries, Date.now())]);
  const targets = files.map(({ path }) => path);
  const directories = [
    paths.directory,
    places.facts,
    places.policies,
    dirname(places.auditFile),
    ...targets.map((path) => dirname(path)),
  ];
  const known = [directory, form, paths.program, places.key];
  const values = [...known, ...new Set(directories), '--', ...missing, '--', ...remove, '--', ...targets];
  await runOrThrow(
    way.remote,
    { purpose: 'move the files into place', text: placeScript, values, payload },
    way.asRoot,
  );
}

/** Removes what a failed installation has copied. */
export async function discard({ remote, asRoot }: HostAccess, { directory }: Staging): Promise<void> {
  await remote.run({ purpose: 'clean up', text: discardScript, values: [directory] }, asRoot).catch(() => {});
}
