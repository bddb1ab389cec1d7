import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import type { KnownAgent } from '../../../../src/core/policy/review.ts';
import type { Log } from '../../../../src/core/ports.ts';
import { type Policies, startPolicies } from '../../../../src/daemon/agents/policies.ts';
import { silentLog } from '../../../support/agents/agent-setup.ts';

const node = { name: 'dev2.devco.net', agents: [], classes: [], facts: { cluster: 'bravo' } };
const known: readonly KnownAgent[] = [
  { name: 'probe', aliases: ['sonde'], actions: { count: {}, echo: {} } },
  { name: 'other', actions: { look: {} } },
];
const rip = 'cert=rip@devco.net';
const allow = (callers: string, actions = '*') => `policy default deny\nallow\t${callers}\t${actions}\t*\n`;

let agents = known;
let root: string;
let directory: string;
let logged: string[];
let policies: Policies;
beforeEach(() => {
  root = mkdtempSync('/dev/shm/mco-policies-');
  directory = join(root, 'policies');
  mkdirSync(directory);
  logged = [];
  agents = known;
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (name: string, text: string | Buffer) => writeFileSync(join(directory, name), text);
const remove = (name: string) => rmSync(join(directory, name));
const start = async () => {
  const log: Log = { ...silentLog, error: (_fields, message) => logged.push(message) };
  policies = await startPolicies(
    directory,
    async () => node,
    log,
    () => agents,
  );
};
const allows = (agent = 'probe', action = 'count', more: { caller?: string; limited?: boolean } = {}) =>
  policies.allows({ caller: rip, agent, action, ...more });

/** Reloads, and checks that what is wrong is a warning and in the log, or that nothing is. */
async function reload(wrong?: RegExp): Promise<void> {
  logged.length = 0;
  await policies.reload();
  assert.deepEqual(logged, policies.warnings());
  if (wrong === undefined) return assert.deepEqual(logged, []);
  assert.equal(logged.length, 1);
  assert.match(logged[0] ?? '', wrong);
}

describe('the policy that decides about an agent', () => {
  test('is that of its name, then of its other name, then the default; with none, nobody is allowed', async () => {
    write('probe.policy', allow(rip, 'count'));
    write('sonde.policy', allow(rip, 'echo'));
    write('default.policy', allow(rip, 'look'));
    await start();
    const rights = async () => [
      await allows('probe', 'count'),
      await allows('probe', 'echo'),
      await allows('probe', 'look'),
    ];
    assert.deepEqual(await rights(), [true, false, false]);
    assert.equal(await allows('other', 'look'), true);
    remove('probe.policy');
    await policies.reload();
    assert.deepEqual(await rights(), [false, true, false]);
    remove('sonde.policy');
    await policies.reload();
    assert.deepEqual(await rights(), [false, false, true]);
    remove('default.policy');
    await policies.reload();
    assert.deepEqual(await rights(), [false, false, false]);
  });

  test('is asked with whether the certificate is limited', async () => {
    write('probe.policy', allow('*'));
    await start();
    assert.deepEqual([await allows(), await allows('probe', 'count', { limited: true })], [true, false]);
  });
});

describe('policies that are loaded again', () => {
  test('are those on the disk: a rule, a file and a group that were removed allow nothing any more', async () => {
    write('groups', `ops ${rip}\n`);
    write('probe.policy', allow('ops'));
    await start();
    assert.equal(await allows(), true);
    write('groups', 'ops cert=bob@devco.net\n');
    await reload();
    assert.equal(await allows(), false);
    assert.equal(await allows('probe', 'count', { caller: 'cert=bob@devco.net' }), true);
    // A rule for a group that is nowhere defined is a fault: the last good one stays.
    remove('groups');
    await reload(/probe\.policy.*the last good one stays in force|the last good one stays in force: .*probe\.policy/);
    write('probe.policy', allow(rip));
    await reload();
    assert.equal(await allows(), true);
    assert.equal(await allows('probe', 'count', { caller: 'cert=bob@devco.net' }), false);
    remove('probe.policy');
    await reload();
    assert.equal(await allows(), false);
  });

  test('stay as they were, each with a warning, if a file is damaged, and only its agent is affected', async () => {
    write('probe.policy', allow(rip));
    write('other.policy', allow(rip));
    await start();
    write('probe.policy', 'allow everybody\n');
    write('other.policy', allow('cert=bob@devco.net', 'look'));
    await reload(/^policy refused, the last good one stays in force: .*probe\.policy:1: /);
    assert.deepEqual([await allows(), await allows('other', 'look')], [true, false]);
    // And again, from what stayed.
    await reload(/^policy refused, the last good one stays in force: /);
    assert.equal(await allows(), true);
    write('probe.policy', allow('cert=bob@devco.net'));
    await reload();
    assert.equal(await allows(), false);
  });

  test('grant no rights as another encoding, in which a rule may not be what it seems, nor as a pipe', async () => {
    write('probe.policy', Buffer.from(`# Gr\xfc\xdfe\n${allow(rip)}`, 'latin1'));
    execFileSync('mkfifo', [join(directory, 'other.policy')]);
    await start();
    assert.match(logged.join('\n'), /probe\.policy: line 1 is not UTF-8 text: save it as UTF-8/);
    assert.match(logged.join('\n'), /other\.policy: it is a pipe, not a file/);
    assert.deepEqual([await allows(), await allows('other', 'look')], [false, false]);
  });

  test('stay as they were if the groups are damaged', async () => {
    write('groups', `ops ${rip}\n`);
    write('probe.policy', allow('ops'));
    await start();
    write('groups', 'ops nobody\n');
    await reload(/^policy refused, the last good one stays in force: .*groups:1: /);
    assert.equal(await allows(), true);
  });

  test('grant no rights if a file was damaged from the start, whatever the default policy allows', async () => {
    write('probe.policy', 'policy default alow\n');
    write('default.policy', allow(rip));
    await start();
    assert.match(logged.join('\n'), /^policy refused, it grants no rights: .*probe\.policy:1: /);
    assert.deepEqual([await allows(), await allows('other', 'look')], [false, true]);
  });

  test('stay as they were if the directory cannot be read, or is gone', async () => {
    write('probe.policy', allow(rip));
    await start();
    renameSync(directory, join(root, 'away'));
    await reload(/the policies in .* cannot be read: no such file or directory/);
    assert.equal(await allows(), true);
    writeFileSync(directory, '');
    await reload(/the policies in .* cannot be read: a part of the path is not a directory/);
    assert.equal(await allows(), true);
    rmSync(directory);
    renameSync(join(root, 'away'), directory);
    await reload();
  });

  test('are reviewed again when they or the agents have changed', async () => {
    write('probe.policy', allow(rip, 'cuont'));
    write('third.policy', allow(rip));
    await start();
    const unknownAction = /probe\.policy:2: the agent probe has no action “cuont”/;
    const unknownAgent = /third\.policy has no effect: no agent is called “third” here/;
    const matches = (...expected: RegExp[]) => {
      const remarks = policies.remarks();
      assert.equal(remarks.length, expected.length, remarks.join('\n'));
      for (const [index, text] of expected.entries()) assert.match(remarks[index] ?? '', text);
    };
    matches(unknownAction, unknownAgent);
    assert.equal(policies.remarks(), policies.remarks());
    agents = [...known, { name: 'third', actions: { look: {} } }];
    matches(unknownAction);
    agents = [{ name: 'probe', actions: { count: {}, cuont: {} } }, ...known.slice(1)];
    matches(unknownAgent);
    write('probe.policy', allow(rip, 'coutn'));
    await policies.reload();
    assert.equal(policies.remarks().length, 2);
  });

  test('allow nobody if the directory was never there, and say so', async () => {
    rmSync(directory, { recursive: true });
    await start();
    assert.equal(await allows(), false);
    assert.deepEqual(logged, [`${directory} is missing: nobody may do anything`]);
    assert.deepEqual(policies.warnings(), logged);
  });
});
