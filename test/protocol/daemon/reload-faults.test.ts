import { watchFileCalls } from '../../support/faults/file-calls.ts';
import assert from 'node:assert/strict';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findExternal } from '../../../src/agents/index.ts';
import { defineReloading } from '../../../src/daemon/reload.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { allowRip, startTestNode, type TestNode } from '../../support/node/node.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';

const metadata = {
  name: 'outer',
  description: 'for tests',
  author: 'us',
  license: 'Apache-2.0',
  version: '1',
  timeout: 5,
};
const ddl = { metadata, actions: [{ action: 'go', description: 'goes', display: 'always', input: {}, output: {} }] };
const script = `#!/bin/sh
case $CHORIA_EXTERNAL_PROTOCOL in
  *activation*) echo '{"activate":true}' >"$2" ;;
  *) echo '{"statuscode":0,"statusmsg":"","data":{}}' >"$2" ;;
esac
`;

async function put(home: string, name: string): Promise<void> {
  const directory = join(home, 'agents.d');
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, `${name}.json`), JSON.stringify({ ...ddl, metadata: { ...metadata, name } }));
  await writeFile(join(directory, name), script);
  await chmod(join(directory, name), 0o755);
}

let fleet: Fleet;
let rip: Member;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
});
after(() => fleet.remove());

async function warningsOf(node: TestNode): Promise<string[]> {
  const connection = await node.dial(rip);
  try {
    const request = { filter: null, facts: [], full: false, peers: false };
    return (await connection.describe(request, new AbortController().signal)).warnings;
  } finally {
    connection.close();
  }
}

/** An operator relies on this: the policy allows calls, and agents of both kinds reply. */
async function serves(node: TestNode, where: string): Promise<void> {
  assert.equal((await node.call(rip, {})).outcome, 'ok', where);
  assert.equal((await node.call(rip, { agent: 'outer', action: 'go', input: {} })).outcome, 'ok', where);
}

describe('a reload', () => {
  test('takes up facts, classes and policies that have changed, before it ends', async () => {
    await using node = await startTestNode(fleet);
    const known = async () => {
      const connection = await node.dial(rip);
      try {
        const request = { filter: null, facts: ['rack'], full: true, peers: false };
        const { facts, classes } = await connection.describe(request, new AbortController().signal);
        return `${facts} ${classes.join()}`;
      } finally {
        connection.close();
      }
    };
    const before = await known();
    assert.ok(!/rack-a|role-b/.test(before), before);
    await writeFile(join(node.directory, 'facts.d/rack.yaml'), 'rack: rack-a\n');
    await writeFile(join(node.directory, 'classes.txt'), 'role-b\n');
    await writeFile(join(node.directory, 'policies/probe.policy'), 'policy default deny\n');
    await node.daemon.reload();
    const after = await known();
    assert.ok(/rack-a/.test(after) && /role-b/.test(after), after);
    assert.equal((await node.call(rip, {})).code, 'policy-denied');
  });

  test('keeps the old state if any call of the file system fails, and reports it until one succeeds', async () => {
    await using node = await startTestNode(fleet, { findExternal, prepare: (home) => put(home, 'outer') });
    const before = await warningsOf(node);
    let calls = 0;
    {
      using _watch = watchFileCalls(node.directory, (call, _args, real) => {
        if (!call.path.includes('/log/')) calls++;
        return real();
      });
      await node.daemon.reload();
    }
    assert.ok(calls >= 15, `${calls} calls`);
    let reported = 0;
    for (let failing = 0; failing < calls; failing++) {
      let seen = 0;
      let what = '';
      {
        using _watch = watchFileCalls(node.directory, (call, _args, real) => {
          // The audit log is synced at its own time.
          if (call.path.includes('/log/') || seen++ !== failing) return real();
          what = `${call.name} ${call.path}`;
          return Promise.reject(Object.assign(new Error('EIO: i/o error'), { code: 'EIO', errno: -5 }));
        });
        await node.daemon.reload();
      }
      await serves(node, what);
      const warnings = await warningsOf(node);
      if (warnings.length > before.length) reported++;
      for (const warning of warnings) assert.doesNotMatch(warning, /internal|undefined|\bat .*\.ts/, what);
    }
    assert.ok(reported >= calls / 2, `${reported} of ${calls} faults were reported`);
    await node.daemon.reload();
    assert.deepEqual(await warningsOf(node), before);
  });

  test('keeps the other agents if the state directory of a new one cannot be created, and reports it', async () => {
    await using node = await startTestNode(fleet, {
      name: 'dev3.devco.net',
      findExternal,
      policies: { default: allowRip },
      prepare: (home) => put(home, 'outer'),
    });
    await put(node.directory, 'fresh');
    const inTheWay = join(node.directory, 'state', 'fresh');
    await writeFile(inTheWay, '');
    await node.daemon.reload();
    assert.match((await warningsOf(node)).join(), /the agents in other languages could not be reloaded.*fresh/);
    await serves(node, 'with the file in the way');
    await rm(inTheWay);
    await node.daemon.reload();
    assert.deepEqual(await warningsOf(node), []);
    assert.equal((await node.call(rip, { agent: 'fresh', action: 'go', input: {} })).outcome, 'ok');
  });

  test('completes all parts, whichever throws, and two at once run one after the other', async () => {
    const names = ['a', 'b', 'c'];
    for (const failing of names) {
      const order: string[] = [];
      let broken = true;
      const parts = names.map((name) => ({
        name,
        reload: async () => {
          order.push(`${name} begins`);
          await Promise.resolve();
          if (name === failing && broken) throw new Error('injected');
          order.push(`${name} ends`);
        },
      }));
      const { reload, warnings } = defineReloading(parts, keepingLog());
      await Promise.all([reload(), reload()]);
      const once = names.flatMap((name) =>
        name === failing ? [`${name} begins`] : [`${name} begins`, `${name} ends`],
      );
      assert.deepEqual(order, [...once, ...once]);
      assert.deepEqual(warnings(), [`${failing} could not be reloaded, what was in force stays: injected`]);
      broken = false;
      await reload();
      assert.deepEqual(warnings(), []);
    }
  });
});
