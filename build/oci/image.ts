import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { summary } from '../system/tree.ts';
import { type Image, writeLayout } from './layout.ts';
import { imageUser, layOutImageRoot } from './root.ts';

export interface ImageOptions {
  readonly binary: string;
  /** The name of the OCI: amd64 or arm64. Debian's packages in the image are those of the machine that builds. */
  readonly architecture: 'amd64' | 'arm64';
  readonly version: string;
  /** Seconds since the epoch. */
  readonly date: number;
  /** An empty directory to build in. */
  readonly work: string;
  /** Becomes the OCI image layout. */
  readonly directory: string;
}

/** Makes the image of the client for CI jobs, without a daemon: Debian's C library, a shell and the program. */
export async function makeImage(options: ImageOptions): Promise<void> {
  const { binary, architecture, version, date, work, directory } = options;
  const root = join(work, 'root');
  await mkdir(root);
  await layOutImageRoot(root, binary, work);
  const created = new Date(date * 1000).toISOString();
  await writeLayout(directory, {
    layer: await packLayer(root, date, join(work, 'layer.tar.gz')),
    tag: version,
    config: {
      created,
      architecture,
      os: 'linux',
      config: {
        User: String(imageUser.id),
        WorkingDir: imageUser.home,
        Env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin', `HOME=${imageUser.home}`],
        Cmd: ['mco-deploy', '--help'],
        Labels: {
          'org.opencontainers.image.title': 'mco-deploy',
          'org.opencontainers.image.description': summary,
          'org.opencontainers.image.version': version,
          'org.opencontainers.image.licenses': 'Apache-2.0',
        },
      },
      history: [{ created, created_by: 'mco-deploy build' }],
    },
  });
}

/** The same files give the same bytes. */
async function packLayer(root: string, date: number, file: string): Promise<Image['layer']> {
  const fixed = ['--sort=name', `--mtime=@${date}`, '--owner=0', '--group=0', '--numeric-owner', '--format=posix'];
  const times = '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime';
  const tar = spawn('tar', ['-C', root, ...fixed, times, '-c', '.'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [plain, packed] = [createHash('sha256'), createHash('sha256')];
  const inner = new PassThrough().on('data', (bytes) => plain.update(bytes));
  const outer = new PassThrough().on('data', (bytes) => packed.update(bytes));
  const ended = once(tar, 'close');
  await pipeline(tar.stdout, inner, createGzip({ level: 6 }), outer, createWriteStream(file));
  const [code] = await ended;
  if (code !== 0) throw new Error(`tar ended with exit code ${code}`);
  const { size } = await stat(file);
  return { file, size, digest: `sha256:${packed.digest('hex')}`, diffId: `sha256:${plain.digest('hex')}` };
}
