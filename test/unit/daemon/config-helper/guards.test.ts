import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import { markProcess } from '../../../../src/core/files/process-mark.ts';
import { fileKinds } from '../../../../src/core/node-files/kinds.ts';
import { loadNodeConfig } from '../../../../src/daemon/config/config.ts';
import { handleRequest } from '../../../../src/daemon/config-helper/handle.ts';
import { withHelperLock } from '../../../../src/daemon/config-helper/lock.ts';
import { admitNonce } from '../../../../src/daemon/config-helper/nonces.ts';
import { requireSafePath } from '../../../../src/daemon/config-helper/tree.ts';
import { validateFiles } from '../../../../src/daemon/config-helper/validate.ts';
import type { SignedRequest } from '../../../../src/core/wire/messages.ts';
import { someTurns } from '../../../support/mock-delays.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { type FileRequest, makeHelperNode } from '../../../support/node/helper.ts';

let fleet: Fleet;
let rip: Member;
let root: string;
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
});
after(() => fleet.remove());
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-helper-');
});
afterEach(() => rmSync(root, { recursive: true }));

const facts: FileRequest = { kind: 'facts', name: 'install.yaml', content: 'rack: a\n' };
const handle = (signed: SignedRequest, directory: string) =>
  handleRequest({ type: 'request', signed, instance: 'test' }, directory, agents);

describe('the directories that the helper writes to', () => {
  test('are its own, and nobody else may write them', async () => {
    const [top, below] = [join(root, 'mco'), join(root, 'mco/hooks')];
    mkdirSync(below, { recursive: true });
    for (const [path, file] of [
      [top, 'node.yaml'],
      [below, 'hooks/a'],
    ] as const) {
      for (const mode of [0o775, 0o757, 0o722]) {
        chmodSync(path, mode);
        await assert.rejects(requireSafePath(top, file), { code: 'bad-permissions', message: /by others/ }, `${mode}`);
      }
      chmodSync(path, 0o755);
      await requireSafePath(top, file);
    }
    await requireSafePath(top, 'facts.d/a.yaml');
    assert.ok(existsSync(join(top, 'facts.d')));
  });

  test('belong to its user', async (t) => {
    mkdirSync(join(root, 'hooks'));
    const own = process.getuid?.() ?? 0;
    t.mock.method(process as { getuid: () => number }, 'getuid', () => own + 1);
    for (const file of ['node.yaml', 'hooks/a'])
      await assert.rejects(requireSafePath(root, file), { code: 'bad-permissions', message: /to another user/ });
  });
});

describe('a nonce that the helper has seen', () => {
  test('is refused until its time is over, and then forgotten', async () => {
    mkdirSync(join(root, '.apply'));
    const [one, two] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
    await admitNonce(root, one, 1000, 500);
    await admitNonce(root, two, 2000, 1000);
    const replayed = { code: 'replayed' };
    for (const nonce of [one, two]) await assert.rejects(admitNonce(root, nonce, 3000, 1000), replayed);
    await admitNonce(root, Buffer.alloc(16, 3), 3000, 1001);
    const known = Object.keys(JSON.parse(readFileSync(join(root, '.apply/nonces.json'), 'utf8')));
    assert.deepEqual(known, ['02'.repeat(16), '03'.repeat(16)]);
    await assert.rejects(admitNonce(root, two, 3000, 1500), replayed);
  });

  test('is never forgotten by a list that cannot be read: nothing is accepted then', async () => {
    mkdirSync(join(root, '.apply'));
    const file = join(root, '.apply/nonces.json');
    writeFileSync(file, '{"0');
    await assert.rejects(admitNonce(root, Buffer.alloc(16, 1), 1000, 500), SyntaxError);
    assert.equal(readFileSync(file, 'utf8'), '{"0');
  });

  test('is kept as long as clocks may differ beyond the life of its request', async () => {
    const { directory, order } = await makeHelperNode(fleet, { 'rip@devco.net': fileKinds });
    const now = Date.now();
    mkdirSync(join(directory, '.apply'), { recursive: true });
    await handle(await order(rip, [facts], { now, timeToLive: 60_000, dryRun: true }), directory);
    const ends = Object.values(JSON.parse(readFileSync(join(directory, '.apply/nonces.json'), 'utf8')));
    assert.deepEqual(ends, [now + 60_000 + 10_000]);
  });
});

describe('the lock of the helper', () => {
  const lock = () => join(root, '.apply/lock');
  const hold = async (changes: object) => {
    mkdirSync(join(root, '.apply'), { recursive: true });
    const { host, boot, pid, start } = { ...(await markProcess()), ...changes };
    writeFileSync(lock(), `${host} ${boot} ${pid} ${start}\n`);
  };

  test('is held by one that runs, on this machine and since its start', async () => {
    await hold({});
    await assert.rejects(
      withHelperLock(root, async () => {}),
      { code: 'busy' },
    );
    for (const changes of [{ start: '1' }, { boot: 'before' }, { host: 'a former name of this machine' }]) {
      await hold(changes);
      assert.equal(await withHelperLock(root, async () => existsSync(lock())), true, JSON.stringify(changes));
      assert.equal(existsSync(lock()), false);
    }
    writeFileSync(lock(), 'half');
    assert.equal(await withHelperLock(root, async () => 'done'), 'done');
  });

  test('lets one of many work at a time, also those that find the lock of one that was killed', async () => {
    await hold({ start: '1' });
    let [working, most, done] = [0, 0, 0];
    const work = async () => {
      working++;
      most = Math.max(most, working);
      await someTurns();
      working--;
      done++;
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => withHelperLock(root, work)));
    assert.equal(most, 1);
    assert.ok(done > 0);
    for (const outcome of outcomes) if (outcome.status === 'rejected') assert.equal(outcome.reason.code, 'busy');
    assert.equal(existsSync(lock()), false);
  });

  test('is free again after a failure', async () => {
    const fails = withHelperLock(root, () => Promise.reject(new Error('full')));
    await assert.rejects(fails, /full/);
    assert.equal(existsSync(lock()), false);
  });
});

describe('a request to the helper', () => {
  test('is refused with a certificate that a list has revoked, also one that only the daemon has received', async () => {
    const { directory, order } = await makeHelperNode(fleet, { 'tom@devco.net': fileKinds });
    const tom = await fleet.operator('tom@devco.net');
    const { state } = await loadNodeConfig(join(directory, 'node.yaml'), agents);
    mkdirSync(state, { recursive: true });
    mkdirSync(join(directory, '.apply'), { recursive: true });
    await handle(await order(tom, [facts], { dryRun: true }), directory);
    fleet.revoke(tom);
    writeFileSync(join(state, 'crl.pem'), await fleet.crl());
    await assert.rejects(async () => handle(await order(tom, [facts], { dryRun: true }), directory), {
      code: 'revoked-certificate',
    });
  });

  test('needs its right and the state that it saw also as a dry run, and a valid whole', async () => {
    const { directory, order } = await makeHelperNode(fleet, { 'rip@devco.net': ['policies', 'hooks'] });
    mkdirSync(join(directory, '.apply'), { recursive: true });
    const dry = { dryRun: true };
    const ask = async (files: readonly FileRequest[], more: object = {}) =>
      handle(await order(rip, files, { ...dry, ...more }), directory);
    await assert.rejects(ask([facts]), { code: 'policy-denied' });
    const using = { kind: 'policies', name: 'a.policy', content: 'allow\tcert=x\t*\t*\t*\n' };
    await ask([using]);
    await assert.rejects(ask([using], { previous: '0'.repeat(64) }), { code: 'changed-meanwhile' });
    // A group that another file of the node uses cannot be removed.
    writeFileSync(join(directory, 'policies/groups'), 'admins cert=rip@devco.net\n');
    writeFileSync(join(directory, 'policies/b.policy'), 'allow\tadmins\t*\t*\t*\n');
    await ask([using]);
    await assert.rejects(ask([{ kind: 'policies', name: 'groups', content: null }]), { code: 'bad-policy' });
    await ask([{ kind: 'hooks', name: 'groups', content: 'a hook with its name is another file' }]);
  });

  test('is for one of the two actions that the helper serves', async () => {
    const { directory, order } = await makeHelperNode(fleet, { 'rip@devco.net': fileKinds });
    mkdirSync(join(directory, '.apply'), { recursive: true });
    for (const [agent, action] of [
      ['config', 'status'],
      ['appmgr', 'apply'],
    ] as const) {
      const signed = await order(rip, [facts], { dryRun: true, agent, action });
      const message = `the helper does not serve ${agent}.${action}`;
      await assert.rejects(handle(signed, directory), { code: 'policy-denied', message });
    }
  });

  test('is refused where the daemon reads its files elsewhere than the helper writes them', async () => {
    const { directory, order } = await makeHelperNode(fleet, { 'rip@devco.net': fileKinds });
    mkdirSync(join(directory, '.apply'), { recursive: true });
    const file = join(directory, 'node.yaml');
    const own = readFileSync(file, 'utf8');
    for (const [key, line] of [
      ['policies', 'policies: other'],
      ['classes', 'classes: other.txt'],
      ['facts.directory', 'facts: { directory: other }'],
    ] as const) {
      const others = own.split('\n').filter((one) => !one.startsWith(`${line.split(':')[0]}:`));
      writeFileSync(file, [...others, line, ''].join('\n'));
      const signed = await order(rip, [facts], { dryRun: true });
      await assert.rejects(handle(signed, directory), { code: 'not-over-fabric', message: RegExp(`“${key}” at `) });
    }
  });

  test('changes none of the paths that decide what is trusted, run or read', async () => {
    const { directory } = await makeHelperNode(fleet, {});
    const inForce = await loadNodeConfig(join(directory, 'node.yaml'), agents);
    const own = readFileSync(join(directory, 'node.yaml'), 'utf8');
    const validate = (content: string) =>
      validateFiles([{ kind: 'settings', name: 'node.yaml', content }], directory, inForce, agents);
    validate(own);
    const changes: [string, string][] = [
      ['tls', 'tls: { key: other.key }'],
      ['policies', 'policies: facts.d'],
      ['classes', 'classes: other.txt'],
      ['facts.directory', 'facts: { directory: other }'],
      ['facts.files', 'facts: { files: [/etc/shadow] }'],
      ['external', 'external: { directory: other }'],
      ['state', 'state: /tmp/other'],
      ['audit.file', 'audit: { file: /tmp/other.log }'],
      ['agents.config', 'agents: { config: { socket: /tmp/other.sock } }'],
    ];
    for (const [key, line] of changes) {
      const top = line.split(':')[0];
      const others = own.split('\n').filter((one) => !one.startsWith(`${top}:`));
      assert.throws(
        () => validate([...others, line, ''].join('\n')),
        { code: 'not-over-fabric', message: RegExp(`“${key}”`) },
        key,
      );
    }
  });
});
