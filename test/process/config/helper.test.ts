import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileKinds } from '../../../src/core/node-files/kinds.ts';
import { pendingFile, readPending, readReturned } from '../../../src/core/node-files/pending.ts';
import { revertIfDue } from '../../../src/daemon/config-helper/revert.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { type FileRequest, type HelperNode, makeHelperNode } from '../../support/node/helper.ts';
import { isProblem } from '../../support/thrown.ts';

let fleet: Fleet;
let rip: Member;
let eve: Member;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  eve = await fleet.operator('eve@devco.net');
});
after(() => fleet?.[Symbol.asyncDispose]());

const facts: FileRequest = { kind: 'facts', name: 'install.yaml', content: 'rack: a\n' };
const rights = { 'rip@devco.net': fileKinds, 'eve@devco.net': ['facts'] };

/** All of a node’s files but what the helper keeps for itself. */
function snapshot({ directory }: HelperNode): string {
  return execFileSync('sh', ['-c', 'find . -path ./.apply -prune -o -type f -exec sha256sum {} + | sort'], {
    cwd: directory,
    encoding: 'utf8',
  });
}

/** The helper refuses it, and the node is as before. */
async function refuses(node: HelperNode, work: () => Promise<unknown>, code: string, message?: RegExp): Promise<void> {
  const files = snapshot(node);
  await assert.rejects(work, isProblem(code, message));
  assert.equal(snapshot(node), files, 'nothing was written');
  assert.equal(await readPending(node.directory), undefined, 'nothing waits');
}

describe('the helper that writes a configuration', () => {
  test('writes what an operator signed, and keeps it once they confirm it', async () => {
    const node = await makeHelperNode(fleet, rights);
    const policy = { kind: 'policies', name: 'appmgr.policy', content: 'policy default deny\n' };
    const { change, effect } = await node.send(await node.order(rip, [facts, policy]));
    assert.equal(effect, 'reload');
    assert.equal(await node.read('facts.d/install.yaml'), 'rack: a\n');
    assert.equal((await stat(join(node.directory, 'policies/appmgr.policy'))).mode & 0o777, 0o644);
    assert.deepEqual(await node.send(await node.confirm(rip, change)), { change, confirmed: true });
    await node.ended();
    assert.equal(await readPending(node.directory), undefined);
    assert.equal(await node.read('facts.d/install.yaml'), 'rack: a\n');
    const manifest = JSON.parse(await node.read('applied.json')) as { files: object };
    assert.deepEqual(Object.keys(manifest.files), [
      join(node.directory, 'facts.d/install.yaml'),
      join(node.directory, 'policies/appmgr.policy'),
    ]);
  });

  test('restores the previous state if nobody confirms', async () => {
    const node = await makeHelperNode(fleet, rights, 3);
    const files = snapshot(node);
    const removed = { kind: 'classes', name: 'classes.txt', content: null };
    const { change } = await node.send(await node.order(rip, [facts, removed]));
    assert.notEqual(snapshot(node), files);
    await node.ended();
    assert.equal(snapshot(node), files);
    assert.equal((await readReturned(node.directory))?.change, change);
    await assert.rejects(async () => node.send(await node.confirm(rip, change)), isProblem('nothing-pending'));
  });

  test('accepts a confirmation only from the operator of the change, and makes no other change meanwhile', async () => {
    const node = await makeHelperNode(fleet, { ...rights, 'eve@devco.net': fileKinds });
    const { change } = await node.send(await node.order(rip, [facts]));
    await assert.rejects(async () => node.send(await node.confirm(eve, change)), isProblem('policy-denied'));
    await assert.rejects(
      async () => node.send(await node.order(eve, [{ ...facts, content: 'rack: b\n' }])),
      isProblem('busy'),
    );
    await node.send(await node.confirm(rip, change));
    await node.ended();
  });

  test('a dry run changes nothing', async () => {
    const node = await makeHelperNode(fleet, rights);
    const files = snapshot(node);
    assert.equal((await node.send(await node.order(rip, [facts], { dryRun: true }))).effect, 'reload');
    assert.equal(snapshot(node), files);
  });

  test('refuses what a daemon would refuse, before it writes anything', async () => {
    const node = await makeHelperNode(fleet, rights);
    const bad: [FileRequest, string, RegExp][] = [
      [{ kind: 'policies', name: 'a.policy', content: 'alow * * *\n' }, 'bad-policy', /a\.policy:1/],
      [
        { kind: 'settings', name: 'node.yaml', content: 'agents: { haproxi: {} }\n' },
        'bad-configuration',
        /did you mean “haproxy”/,
      ],
      [{ kind: 'facts', name: 'a.yaml', content: '- a\n' }, 'bad-configuration', /not a map/],
      [{ kind: 'checks', name: 'nrpe.cfg', content: 'rm -rf /\n' }, 'bad-configuration', /nrpe\.cfg:1/],
    ];
    for (const [file, code, message] of bad) {
      await refuses(node, async () => node.send(await node.order(rip, [facts, file])), code, message);
    }
  });

  test('refuses a change of files that others changed since the operator saw them', async () => {
    const node = await makeHelperNode(fleet, rights);
    const order = await node.order(rip, [facts]);
    await writeFile(join(node.directory, 'classes.txt'), 'other\n');
    await refuses(node, () => node.send(order), 'changed-meanwhile');
  });
});

describe('an attack on the helper', () => {
  test('cannot name a path outside the directory, or one without a kind', async () => {
    const node = await makeHelperNode(fleet, rights);
    const names: [string, string][] = [
      ['policies', '../node.key'],
      ['policies', '../../x.policy'],
      ['policies', '/etc/passwd'],
      ['policies', 'a/b.policy'],
      ['policies', '..'],
      ['policies', 'x.policy\0'],
      ['policies', 'x.policy\n'],
      ['facts', '../helper.yaml'],
      ['facts', 'run.sh'],
      ['facts', 'program'],
      ['hooks', '.ssh'],
      ['hooks', '../ca.crt'],
      ['hooks', ''],
      ['checks', 'ca.crt'],
      ['settings', 'helper.yaml'],
      ['settings', 'ca.crt'],
      ['settings', 'node.key'],
      ['settings', 'applied.json'],
      ['classes', 'crl.pem'],
    ];
    for (const [kind, name] of names) {
      const order = async () => node.send(await node.order(rip, [{ kind, name, content: 'x\n' }]));
      await refuses(node, order, 'invalid-input', /is not a valid name/);
    }
  });

  test('cannot name keys, trust, programs or the helper’s own settings as a kind of files', async () => {
    const node = await makeHelperNode(fleet, rights);
    for (const kind of [
      'keys',
      'tls',
      'ca',
      'helper',
      'programs',
      'external',
      '',
      '__proto__',
      'constructor',
      'toString',
    ]) {
      const order = async () => node.send(await node.order(rip, [{ kind, name: 'ca.crt', content: 'x\n' }]));
      await refuses(node, order, 'invalid-input', /is not a kind of files/);
    }
  });

  test('cannot point trust, keys, policies, programs or the helper elsewhere by node.yaml', async () => {
    const node = await makeHelperNode(fleet, rights);
    const own = await node.read('node.yaml');
    const lines = [
      'tls: { ca: hooks/my-ca }',
      'tls: { crl: hooks/none }',
      'tls: { key: hooks/key }',
      'policies: facts.d',
      'classes: hooks/classes',
      'facts: { directory: hooks }',
      'facts: { files: [/etc/shadow] }',
      'external: { directory: hooks }',
      'state: /tmp/state',
      'agents: { config: { socket: /tmp/mine.sock } }',
    ];
    for (const line of lines) {
      const key = line.split(':')[0] ?? '';
      const others = own.split('\n').filter((one) => !one.startsWith(`${key}:`));
      const content = [...others, line, ''].join('\n');
      const order = async () => node.send(await node.order(rip, [{ kind: 'settings', name: 'node.yaml', content }]));
      await refuses(node, order, 'not-over-fabric', new RegExp(`“${key}`));
    }
  });

  test('cannot use a right for one kind of files for another', async () => {
    const node = await makeHelperNode(fleet, rights);
    const policy = { kind: 'policies', name: 'a.policy', content: 'policy default allow\n' };
    await refuses(
      node,
      async () => node.send(await node.order(eve, [policy])),
      'policy-denied',
      /no right to write policies/,
    );
    await refuses(node, async () => node.send(await node.order(eve, [facts, policy])), 'policy-denied', /policies/);
    const { change } = await node.send(await node.order(eve, [facts]));
    await node.send(await node.confirm(eve, change));
    const mallory = await fleet.operator('mallory@devco.net');
    await refuses(node, async () => node.send(await node.order(mallory, [facts])), 'policy-denied');
    await node.ended();
  });
});

describe('an attack on the helper with a wrong signature', () => {
  test('is refused with a signature of another CA, of a node, of nobody, or over something else', async () => {
    const node = await makeHelperNode(fleet, rights);
    await using other = await makeFleet();
    const impostor = await other.operator('rip@devco.net');
    await refuses(node, async () => node.send(await node.order(impostor, [facts])), 'foreign-certificate');
    const relay = await fleet.node('web9.devco.net');
    await refuses(node, async () => node.send(await node.order(relay, [facts])), 'wrong-kind');
    const signed = await node.order(rip, [facts]);
    await refuses(node, () => node.send({ ...signed, chain: [] }), 'bad-signature');
    await refuses(node, () => node.send({ ...signed, signature: Buffer.alloc(64, 1) }), 'bad-signature');
    const of = async (operator: Member) => (await node.order(operator, [facts])).chain;
    await refuses(node, async () => node.send({ ...signed, chain: await of(eve) }), 'bad-signature');
    const changed = { ...signed, request: Buffer.concat([signed.request, Buffer.from([0x08, 0x01])]) };
    await refuses(node, () => node.send(changed), 'bad-signature');
  });

  test('is refused with files that the signature does not cover', async () => {
    const node = await makeHelperNode(fleet, rights);
    const signed = await node.order(rip, [facts]);
    const { salt } = signed.sensitive.files ?? { salt: Buffer.alloc(32) };
    const value = Buffer.from(JSON.stringify([{ ...facts, content: 'rack: evil\n' }]));
    await refuses(node, () => node.send({ ...signed, sensitive: { files: { salt, value } } }), 'bad-commitment');
    await refuses(node, () => node.send({ ...signed, sensitive: {} }), 'bad-commitment');
    const sums = [{ kind: 'facts', name: 'install.yaml', sha256: '0'.repeat(64) }];
    await refuses(node, async () => node.send(await node.order(rip, [facts], { sums })), 'invalid-input', /“sums”/);
  });

  test('cannot use a request twice, after its time, or on another node', async () => {
    const node = await makeHelperNode(fleet, rights);
    const signed = await node.order(rip, [facts]);
    const { change } = await node.send(signed);
    await node.send(await node.confirm(rip, change));
    await node.ended();
    await refuses(node, () => node.send(signed), 'replayed');
    // Also if the record of its earlier state is restored.
    await rm(join(node.directory, 'facts.d/install.yaml'));
    await refuses(node, () => node.send(signed), 'replayed');
    const old = { now: Date.now() - 10 * 60_000 };
    await refuses(node, async () => node.send(await node.order(rip, [facts], old)), 'expired-request');
    const early = { now: Date.now() + 10 * 60_000 };
    await refuses(node, async () => node.send(await node.order(rip, [facts], early)), 'clock-skew');
    const long = { timeToLive: 3_600_000 };
    await refuses(node, async () => node.send(await node.order(rip, [facts], long)), 'bad-time');
    await refuses(
      node,
      async () => node.send(await node.order(rip, [facts], { target: 'web2.devco.net' })),
      'wrong-node',
    );
    await refuses(node, async () => node.send(await node.order(rip, [facts], { agent: 'appmgr' })), 'policy-denied');
  });

  test('is refused with the certificate of a revoked operator', async () => {
    const node = await makeHelperNode(fleet, { 'tom@devco.net': fileKinds });
    const tom = await fleet.operator('tom@devco.net');
    fleet.revoke(tom);
    await writeFile(join(node.directory, 'crl.pem'), await fleet.crl());
    await refuses(node, async () => node.send(await node.order(tom, [facts])), 'revoked-certificate');
  });
});

describe('an attack on the helper from its own machine', () => {
  test('cannot make it follow links or directories that others own', async () => {
    const node = await makeHelperNode(fleet, rights);
    const outside = join(fleet.dir, 'outside');
    await mkdir(outside, { recursive: true });
    await writeFile(join(outside, 'target'), 'untouched\n');
    const hook = { kind: 'hooks', name: 'a', content: 'evil\n' };
    await symlink(outside, join(node.directory, 'hooks'));
    await refuses(
      node,
      async () => node.send(await node.order(rip, [hook])),
      'bad-permissions',
      /is not a directory of its own/,
    );
    await rm(join(node.directory, 'hooks'));
    await mkdir(join(node.directory, 'hooks'));
    await symlink(join(outside, 'target'), join(node.directory, 'hooks/a'));
    await refuses(
      node,
      async () => node.send(await node.order(rip, [hook])),
      'bad-permissions',
      /is not a regular file/,
    );
    assert.equal(await readFile(join(outside, 'target'), 'utf8'), 'untouched\n');
    await rm(join(node.directory, 'hooks/a'));
    execFileSync('mkfifo', [join(node.directory, 'hooks/a')]);
    await refuses(
      node,
      async () => node.send(await node.order(rip, [hook])),
      'bad-permissions',
      /is not a regular file/,
    );
    execFileSync('chmod', ['777', join(node.directory, 'hooks')]);
    await refuses(
      node,
      async () => node.send(await node.order(rip, [{ ...hook, name: 'b' }])),
      'bad-permissions',
      /by others/,
    );
  });

  test('is refused with too large, duplicate or missing messages', async () => {
    const node = await makeHelperNode(fleet, rights);
    const large = { ...facts, content: `a: ${'x'.repeat(600 * 1024)}\n` };
    await refuses(node, async () => node.send(await node.order(rip, [large])), 'invalid-input', /larger than/);
    const many = Array.from({ length: 501 }, (_, index) => ({ ...facts, name: `f${index}.yaml` }));
    await refuses(node, async () => node.send(await node.order(rip, many)), 'invalid-input', /more than 500/);
    await refuses(node, async () => node.send(await node.order(rip, [facts, facts])), 'invalid-input', /twice/);
    await refuses(node, async () => node.send(await node.order(rip, [])), 'invalid-input', /no files/);
    for (const line of ['', '{', '[]', '{"type":"request"}', '\0\0\0']) {
      await refuses(node, () => node.raw(`${line}\n`), 'malformed-message');
    }
    await refuses(node, () => node.raw('x'.repeat(5 * 1024 * 1024)), 'too-large');
  });

  test('cannot revert a change before its time from a process that reaches the socket', async () => {
    const node = await makeHelperNode(fleet, rights);
    const { change } = await node.send(await node.order(rip, [facts]));
    assert.deepEqual(await node.raw('{"type":"return"}\n'), { returned: false });
    assert.equal((await readPending(node.directory))?.change, change);
    await node.send(await node.confirm(rip, change));
    assert.deepEqual(await node.raw('{"type":"return"}\n'), { returned: false });
    await node.ended();
  });
});

describe('a change that was interrupted', () => {
  /** Makes the record look as if everything had ended right then. */
  async function interrupted(node: HelperNode, change: (pending: object) => object): Promise<void> {
    const file = pendingFile(node.directory);
    const pending = JSON.parse(await readFile(file, 'utf8')) as object;
    await writeFile(`${file}.x`, JSON.stringify(change(pending)));
    await rename(`${file}.x`, file);
  }

  test('is reverted at the next start: after a kill half-way, and after a restart of the machine', async () => {
    for (const change of [
      (pending: object) => ({ ...pending, state: 'switching' }),
      (pending: object) => ({ ...pending, boot: '00000000-0000-0000-0000-000000000000' }),
    ]) {
      const node = await makeHelperNode(fleet, rights);
      const files = snapshot(node);
      await node.send(await node.order(rip, [facts]));
      await interrupted(node, change);
      // Half of it was written.
      await writeFile(join(node.directory, 'facts.d/install.yaml'), 'ra');
      assert.equal(await revertIfDue(node.directory, false), true);
      assert.equal(snapshot(node), files);
      assert.equal(await revertIfDue(node.directory, false), false, 'and that is the end of it');
      await node.ended();
      assert.deepEqual((await readdir(join(node.directory, '.apply'))).sort(), ['nonces.json', 'returned.json']);
    }
  });
});
