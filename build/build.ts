// Makes build/out/mco-deploy, the program with its runtime in one file, for this machine.
//   --target LIST   for each of these instead (linux-x64,linux-arm64), as mco-deploy-TARGET
//   --deb, --rpm    system packages of them, too
//   --npm           the npm package of the client
//   --image         an OCI image layout of the client, for this machine's architecture
//   --apt           a signed apt repository (MCO_APT_KEY names the file of an OpenPGP secret key)
//   --version V     the version that it reports, instead of that of the sources
//   --out DIR       somewhere else
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '../src/version.ts';
import { repository } from './bundle/bundle.ts';
import { make } from './make.ts';
import { packageKinds, parseTargets } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    deb: { type: 'boolean', default: false },
    rpm: { type: 'boolean', default: false },
    npm: { type: 'boolean', default: false },
    image: { type: 'boolean', default: false },
    apt: { type: 'boolean', default: false },
    version: { type: 'string', default: version },
    out: { type: 'string', default: join(repository, 'build/out') },
  },
});
const packages = new Set(packageKinds.filter((kind) => values[kind]));
// Programs of the build run in their own directories.
const out = resolve(values.out);
const made = await make({ out, targets: parseTargets(values.target), packages, version: values.version });
for (const name of made.files) process.stdout.write(`built ${relative('', join(out, name))}\n`);
for (const name of made.directories) process.stdout.write(`built ${relative('', join(out, name))}/\n`);
