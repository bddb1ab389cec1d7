import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { testApplication } from '../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../support/agents/appmgr/appmgr.ts';
import { type ArchiveEntry, makeTar, makeTarGz } from '../../support/agents/appmgr/tar-archive.ts';

const fixtures = join(import.meta.dirname, '../../fixtures/tar');

/** The content of a directory: size and sum of each file, target of each link. */
function contentOf(directory: string): Record<string, string> {
  const content: Record<string, string> = {};
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length + 1);
    if (entry.isSymbolicLink()) content[name] = `-> ${readlinkSync(path)}`;
    else if (entry.isFile()) content[name] = createHash('sha256').update(readFileSync(path)).digest('hex');
    else content[name] = 'directory';
  }
  return content;
}

/** The directory that GNU tar itself unpacks from an archive. */
function unpackedByTar(archive: Buffer): Record<string, string> {
  const directory = temporaryDirectory();
  execFileSync('tar', ['-C', directory, '-xzf', '-'], { input: archive, stdio: ['pipe', 'pipe', 'ignore'] });
  return contentOf(directory);
}

async function deploy(archive: Buffer | readonly ArchiveEntry[], more: object = {}): Promise<string> {
  const application = testApplication();
  application.publish('1', archive);
  const { upgrade } = await appmgrOn(application.config(more));
  await upgrade({ revision: '1' });
  return join(application.root, 'releases', '1');
}

test('an archive without a file is refused: a host would serve nothing', async () => {
  for (const content of [[], [{ path: './', type: '5' }], [{ path: 'app/', type: '5' }]])
    await assert.rejects(deploy(content), { code: 'bad-archive', message: /^the archive has no file in it$/ });
});

/** A tree with everything that archives keep in a special form. */
function sourceTree(): string {
  const directory = temporaryDirectory();
  const deep = join(directory, 'd'.repeat(90), 'e'.repeat(90), 'ü'.repeat(60));
  mkdirSync(deep, { recursive: true });
  writeFileSync(join(deep, 'deep.txt'), 'deep\n');
  const many = openSync(join(directory, 'many.img'), 'w');
  for (let part = 0; part < 60; part++) writeSync(many, `part ${part}`, part * 131_072);
  closeSync(many);
  writeFileSync(join(directory, 'hole-at-end.img'), 'head');
  truncateSync(join(directory, 'hole-at-end.img'), 3 << 20);
  writeFileSync(join(directory, 'only-hole.img'), '');
  truncateSync(join(directory, 'only-hole.img'), 1 << 20);
  writeFileSync(join(directory, 'attributes.txt'), 'with attributes\n');
  execFileSync('python3', ['-c', setAttributes, join(directory, 'attributes.txt')]);
  symlinkSync('attributes.txt', join(directory, 'link'));
  return directory;
}

const setAttributes = `
import os, sys
os.setxattr(sys.argv[1], 'user.raw', bytes(range(256)))
os.setxattr(sys.argv[1], 'user.newline', b'a\\n12 path=evil\\n')
`;

const packers: readonly (readonly [string, ...string[]])[] = [
  ['tar', '--format=gnu', '--sparse'],
  ['tar', '--format=oldgnu', '--sparse'],
  ['tar', '--format=pax', '--xattrs', '--sparse', '--sparse-version=0.0'],
  ['tar', '--format=pax', '--xattrs', '--sparse', '--sparse-version=0.1'],
  ['tar', '--format=pax', '--xattrs', '--sparse', '--sparse-version=1.0'],
  ['tar', '--format=gnu', '--label=release'],
  ['bsdtar'],
  ['bsdtar', '--format=pax', '--xattrs'],
  ['bsdtar', '--format=gnutar'],
];

describe('archives made by common tools', () => {
  const tree = sourceTree();
  for (const [program, ...options] of packers) {
    test(`unpacks what “${[program, ...options].join(' ')}” writes, byte for byte as GNU tar does`, async () => {
      const packed = gzipSync(execFileSync(program, [...options, '-C', tree, '-cf', '-', '.'], { maxBuffer: 1 << 28 }));
      const release = await deploy(packed);
      assert.deepEqual(contentOf(release), unpackedByTar(packed));
      assert.deepEqual(contentOf(release), contentOf(tree));
    });
  }

  test('leaves out extended attributes with raw bytes, and unpacks the rest', async () => {
    const packed = readFileSync(join(fixtures, 'binary-xattr.tar.gz'));
    assert.deepEqual(contentOf(await deploy(packed)), unpackedByTar(packed));
  });

  test('unpacks a sparse file whole, and keeps it sparse on the disk', async () => {
    const packed = readFileSync(join(fixtures, 'sparse-pax.tar.gz'));
    const release = await deploy(packed);
    assert.deepEqual(contentOf(release), unpackedByTar(packed));
    const { size, blocks } = statSync(join(release, 'big.img'));
    assert.equal(size, 2_097_157);
    assert.ok(blocks * 512 < size / 2, `${blocks} blocks`);
  });

  test('accepts a link to /usr/bin/python3 if the application allows it', async () => {
    const entries = [{ path: 'venv/bin/python3', type: '2', target: '/usr/bin/python3' }];
    const release = await deploy(entries, { outside_links: ['/usr/bin'] });
    assert.equal(readlinkSync(join(release, 'venv/bin/python3')), '/usr/bin/python3');
  });
});

describe('a refusal names the entry, what it is, and how to build the archive instead', () => {
  const huge = 'GNU.sparse.size=9999999999';
  const sparse = `${huge.length + 4} ${huge}\n19 GNU.sparse.map=\n`;
  const refused: [string, Buffer | ArchiveEntry[], RegExp, RegExp][] = [
    [
      'an absolute link',
      [{ path: 'bin/python3', type: '2', target: '/usr/bin/python3' }],
      /bin\/python3.*\/usr\/bin\/python3/,
      /outside_links/,
    ],
    [
      'a link out',
      [{ path: 'a/log', type: '2', target: '../../log' }],
      /"a\/log".*"..\/..\/log"/,
      /inside the release/,
    ],
    ['an absolute path', [{ path: '/srv/x', content: 'x' }], /"\/srv\/x" is an absolute path/, /tar -C/],
    ['a device', [{ path: 'dev/null', type: '3' }], /"dev\/null" is a character device/, /--exclude/],
    ['a setuid file', [{ path: 'su', mode: 0o4755 }], /"su" has the setuid/, /chmod u-s/],
    ['a hard link to elsewhere', [{ path: 'h', type: '1', target: 'x' }], /"h".*"x"/, /--hard-dereference/],
    ['an entry twice', [{ path: 'f' }, { path: 'f' }], /"f" is in the archive twice/, /build the archive again/],
    [
      'a hole beyond the limit',
      [{ path: 'pax', type: 'x', content: sparse }, { path: 'huge.img' }],
      /huge\.img/,
      /max_size/,
    ],
    [
      'an archive that ends in a file',
      gzipSync(makeTar([{ path: 'cut.js', content: 'x'.repeat(5000) }]).subarray(0, 2000)),
      /cut\.js/,
      /copy it again/,
    ],
    ['a tar that is not compressed', makeTar([{ path: 'a' }]), /an archive that is not compressed/, /tar -czf/],
    ['a zip file', Buffer.from('504b030414000000', 'hex'), /a zip file/, /tar -czf/],
    ['an xz file', Buffer.from('fd377a585a000004', 'hex'), /compressed with xz/, /tar -czf/],
  ];
  for (const [what, archive, message, hint] of refused) {
    test(what, async () => {
      const bytes = Buffer.isBuffer(archive) ? archive : makeTarGz(archive);
      await assert.rejects(deploy(bytes), (error: Error & { hint: string }) => {
        assert.match(error.message, message);
        assert.match(error.hint, hint);
        return true;
      });
    });
  }

  test('a name that is not UTF-8 is shown with its bytes', async () => {
    const directory = temporaryDirectory();
    writeFileSync(Buffer.concat([Buffer.from(`${directory}/caf`), Buffer.from([0xe9])]), '');
    const packed = gzipSync(execFileSync('tar', ['-C', directory, '-cf', '-', '.']));
    await assert.rejects(deploy(packed), { code: 'unsafe-archive', message: /caf\\xe9” is not a name in UTF-8/ });
  });
});
