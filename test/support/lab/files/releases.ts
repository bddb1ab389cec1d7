import { createHash } from 'node:crypto';
import { makeTarGz } from '../../agents/appmgr/tar-archive.ts';

export const firstRevision = '10';
/** The one whose health check fails. */
const brokenRevision = 'broken';
const revisions = [firstRevision, '20', brokenRevision];

/** The files of one release; the broken one lacks the page that the health check asks for. */
export function releaseFiles(revision: string): { path: string; content: string }[] {
  const pages = [
    { path: 'index.html', content: `revision ${revision}\n` },
    { path: 'about/index.html', content: `<h1>The application, revision ${revision}</h1>\n` },
  ];
  return revision === brokenRevision ? pages : [...pages, { path: 'health', content: `healthy ${revision}\n` }];
}

function archiveOf(revision: string): Buffer {
  return makeTarGz(releaseFiles(revision));
}

export function releaseSum(revision: string): string {
  return createHash('sha256').update(archiveOf(revision)).digest('hex');
}

/** The published releases: an archive and its sum for each revision. */
export function artifacts(): { name: string; content: Buffer | string }[] {
  return revisions.flatMap((revision) => {
    const name = `app-${revision}.tar.gz`;
    return [
      { name, content: archiveOf(revision) },
      { name: `${name}.sha256`, content: `${releaseSum(revision)}  ${name}\n` },
    ];
  });
}
