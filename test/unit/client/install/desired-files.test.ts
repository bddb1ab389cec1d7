import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { agents } from '../../../../src/agents/index.ts';
import { describeDesiredFiles } from '../../../../src/client/install/desired-files.ts';
import { describePaths } from '../../../../src/daemon/config/config-paths.ts';

const paths = { program: '/usr/bin/mco-deploy', directory: '/etc/mco-deploy', staging: '/tmp/staging' };

test('install --relay makes a host a relay, in its certificate and in its configuration; without it, neither', async () => {
  const describe = (relay: boolean) =>
    describeDesiredFiles({ relay }, paths, { ca: 'CA' }, 'rip@devco.net', async (text, file) =>
      describePaths(text, file, agents),
    );
  for (const relay of [true, false]) {
    const wanted = await describe(relay);
    const config = wanted.files.find(({ path }) => path.endsWith('node.yaml'))?.content ?? '';
    assert.deepEqual((parse(config) as { relay?: object }).relay, relay ? {} : undefined);
    assert.equal(wanted.relay, relay);
  }
});
