// Makes build/out/mco-deploy, the program with its runtime in one file, for this machine.
//   --target LIST   for each of these instead (linux-x64,linux-arm64), as mco-deploy-TARGET
//   --deb           Debian packages of them, too
//   --version V     what it says of itself, instead of the version of the sources
//   --out DIR       somewhere else
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { version } from '../src/version.ts';
import { repository } from './bundle.ts';
import { make } from './make.ts';
import { parseTargets } from './targets.ts';

const { values } = parseArgs({
  options: {
    target: { type: 'string' },
    deb: { type: 'boolean', default: false },
    version: { type: 'string', default: version },
    out: { type: 'string', default: join(repository, 'build/out') },
  },
});
const { out, target, deb: packages } = values;
await make({ out, targets: parseTargets(target), packages, version: values.version });
