import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ReleaseTree } from '../../../../../src/agents/appmgr/artifact/release-tree.ts';
import type { TarHeader } from '../../../../../src/agents/appmgr/artifact/tar/header.ts';
import { Problem } from '../../../../../src/core/errors.ts';

function entry(path: string, type = '0', more: Partial<TarHeader> = {}): TarHeader {
  return { path, type, mode: 0o644, size: 0, target: '', ...more };
}

function refusalOf(...entries: TarHeader[]): string {
  try {
    const tree = new ReleaseTree({ maxEntries: 100, outsideLinks: ['/usr/bin', '/srv/media/'] });
    for (const one of entries) tree.add(one);
    tree.links();
    return 'accepted';
  } catch (error) {
    return error instanceof Problem ? error.code : String(error);
  }
}

describe('the content of a release', () => {
  const refused: [string, ...TarHeader[]][] = [
    ['an absolute path', entry('/etc/passwd')],
    ['a path that climbs out', entry('../x')],
    ['a path that climbs out further down', entry('a/../../x')],
    ['even a “..” that stays inside', entry('a/b/../x')],
    ['a newline in a name', entry('a\nb')],
    ['an escape sequence in a name', entry('a\u001b[2J')],
    ['a name of more than 255 bytes', entry('ü'.repeat(128))],
    ['a path of more than 2048 bytes', entry('abc/'.repeat(600))],
    ['a character device', entry('null', '3')],
    ['a block device', entry('disk', '4')],
    ['a named pipe', entry('pipe', '6')],
    ['an unknown type', entry('x', 'S')],
    ['a setuid file', entry('su', '0', { mode: 0o4755 })],
    ['a setgid file', entry('sg', '0', { mode: 0o2755 })],
    ['a link to an absolute path', entry('l', '2', { target: '/etc' })],
    ['a link to nothing', entry('l', '2')],
    ['a link out of the release', entry('l', '2', { target: '..' })],
    ['a link out from further down', entry('a/l', '2', { target: '../../x' })],
    [
      'a link that leaves by way of another',
      entry('deep/a/b/link', '2', { target: '../../..' }),
      entry('up', '2', { target: 'deep/a/b/link/../..' }),
    ],
    ['a link beside what is allowed', entry('l', '2', { target: '/usr/bin2/x' })],
    ['a link that leaves what is allowed', entry('l', '2', { target: '/usr/bin/../lib' })],
    [
      'a link that leaves what is allowed by way of another',
      entry('bin', '2', { target: '/usr/bin' }),
      entry('l', '2', { target: 'bin/../../etc/shadow' }),
    ],
    ['a file below a link to what is allowed', entry('l', '2', { target: '/usr/bin' }), entry('l/x')],
    ['links in a circle', entry('a', '2', { target: 'b' }), entry('b', '2', { target: 'a' })],
    ['a file below a link', entry('l', '2', { target: 'd' }), entry('l/x')],
    ['a file below a file', entry('f'), entry('f/x')],
    ['a file over a link', entry('l', '2', { target: 'd' }), entry('l')],
    ['a link over a directory', entry('d', '5'), entry('d', '2', { target: 'x' })],
    ['a file twice', entry('f'), entry('./f')],
    ['a hard link out of the release', entry('h', '1', { target: '../../etc/shadow' })],
    ['a hard link to an absolute path', entry('h', '1', { target: '/etc/shadow' })],
    ['a hard link to what is not there', entry('h', '1', { target: 'x' })],
    ['a hard link to a link', entry('l', '2', { target: 'x' }), entry('h', '1', { target: 'l' })],
    ['a directory with content', entry('d', '5', { size: 512 })],
    ['the release itself as a file', entry('.')],
  ];
  for (const [what, ...entries] of refused) {
    test(`refuses ${what}`, () => assert.equal(refusalOf(...entries), 'unsafe-archive'));
  }

  test('accepts links that stay inside, even dangling ones', () => {
    assert.equal(
      refusalOf(
        entry('shared/log', '2', { target: '../var/log' }),
        entry('lib', '5'),
        entry('lib/a.so.1'),
        entry('lib/a.so', '2', { target: 'a.so.1' }),
        entry('bin', '2', { target: 'lib/../lib/./a.so' }),
        entry('copy', '1', { target: 'lib/a.so.1' }),
      ),
      'accepted',
    );
  });

  test('accepts absolute links that the application allows', () => {
    const python = entry('venv/bin/python3', '2', { target: '/usr/bin/python3' });
    const alias = entry('venv/bin/python', '2', { target: 'python3' });
    const media = entry('media', '2', { target: '//srv/./media' });
    assert.equal(refusalOf(python, alias, media), 'accepted');
  });

  test('refuses too many entries', () => {
    const tree = new ReleaseTree({ maxEntries: 2, outsideLinks: [] });
    tree.add(entry('a'));
    tree.add(entry('b'));
    assert.throws(() => tree.add(entry('c')), { code: 'archive-too-large' });
  });

  test('removes write permission from group and others, and keeps a directory usable', () => {
    const tree = new ReleaseTree({ maxEntries: 9, outsideLinks: [] });
    assert.deepEqual(tree.add(entry('f', '0', { mode: 0o666 })), { kind: 'file', path: 'f', mode: 0o644 });
    assert.deepEqual(tree.add(entry('d/', '5', { mode: 0o2777 })), { kind: 'directory', path: 'd', mode: 0o755 });
    assert.deepEqual(tree.add(entry('x', '0', { mode: 0o111 })), { kind: 'file', path: 'x', mode: 0o511 });
  });
});
