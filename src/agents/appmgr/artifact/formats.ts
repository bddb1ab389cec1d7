import { Problem } from '../../../core/errors.ts';

/** The first bytes of formats that are often mistaken for a .tar.gz, and their names. */
const beginnings: readonly (readonly [hex: string, what: string])[] = [
  ['1f8b', 'a gzip file that is damaged'],
  ['fd377a585a00', 'compressed with xz'],
  ['28b52ffd', 'compressed with zstd'],
  ['425a68', 'compressed with bzip2'],
  ['504b0304', 'a zip file'],
  ['3c', 'text that begins with “<”, such as an error page'],
];

/** The error for an archive that gzip cannot read; names its real format if the first bytes show it. */
export function notGzip(first: Buffer, cause: unknown): Problem {
  const hex = first.toString('hex');
  const isTar = first.toString('latin1', 257, 262) === 'ustar';
  const known = beginnings.find(([beginning]) => hex.startsWith(beginning))?.[1];
  const what = isTar ? 'an archive that is not compressed' : (known ?? 'not a gzip file');
  const remedy = hex.startsWith('1f8b') ? 'build it and copy it again' : 'build it with: tar -czf';
  return new Problem('bad-archive', `the archive cannot be decompressed: it is ${what}`, remedy, { cause });
}
