import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { repository } from '../bundle/bundle.ts';

interface Release {
  readonly version: string;
  /** Seconds since the epoch. */
  readonly date: number;
  readonly maintainer: string;
}

/** The newest part of CHANGELOG.md in the form of deb-changelog(5). */
export async function debianChangelog({ version, date, maintainer }: Release): Promise<string> {
  const text = await readFile(join(repository, 'CHANGELOG.md'), 'utf8');
  const stamp = new Date(date * 1000).toUTCString().replace('GMT', '+0000');
  const lines = newestPoints(text).map(wrapped);
  return `mco-deploy (${version}) unstable; urgency=medium\n\n${lines.join('\n')}\n\n -- ${maintainer}  ${stamp}\n`;
}

/** The points of the newest part, each in one line, without what introduces or groups them. */
export function newestPoints(text: string): string[] {
  const [, newest = ''] = text.split(/^## .*$/m);
  const points = newest.replaceAll(/^#.*$/gm, '').split(/^- /m).slice(1);
  return points.map((point) => point.replaceAll(/\s+/g, ' ').trim());
}

function wrapped(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1) ?? '';
    if (last !== '' && last.length + word.length > 74) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((line, index) => (index === 0 ? `  * ${line}` : `    ${line}`)).join('\n');
}
