import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { FileChange, HostPlan } from '../../../../src/client/apply/host-plan.ts';
import { planJson } from '../../../../src/client/apply/json.ts';
import { planOverFabric } from '../../../../src/client/apply/over-fabric.ts';
import { planOverSsh, type SshTransport, targetOf } from '../../../../src/client/apply/over-ssh.ts';
import { diffLines, formatPlans, summaryLine } from '../../../../src/client/apply/show.ts';
import { confirmChange } from '../../../../src/client/apply/confirm.ts';
import { configFiles } from '../../../../src/client/fleet-file/desired.ts';
import type { Host } from '../../../../src/client/fleet-file/model.ts';
import { configDdl } from '../../../../src/agents/config/ddl.ts';
import type { AgentEntry } from '../../../../src/core/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import { sumOf } from '../../../../src/core/node-files/list.ts';
import { formatManifest } from '../../../../src/core/node-files/manifest.ts';
import { okReply } from '../../../../src/core/request/reply.ts';
import type { Session } from '../../../../src/library/fleet/session.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { type Answers, type Asked, answeringAgents } from '../../../support/agents/answering-agents.ts';
import { connectionsTo } from '../../../support/connections-to.ts';
import { type Fleet, makeFleet } from '../../../support/fleet/fleet.ts';
import { signingNode, unwell } from '../../../support/fleet/signing-node.ts';
import { startTestNode } from '../../../support/node/node.ts';
import { rejection } from '../../../support/thrown.ts';
import { until } from '../../../support/until.ts';
import { fleetOf, shopFleet } from '../../../support/program/fleet-file.ts';

const node: FileChange = { path: '/etc/x/node.yaml', before: 'a: 1\nb: 2\n', after: 'a: 1\nb: 3\n' };
const plan = (name: string, more: Partial<HostPlan> = {}): HostPlan => ({
  ...{ host: { name } as Host, node: name, way: 'fabric', others: [], files: [node], kept: [], warnings: [] },
  ...{ effect: 'reload', carryOut: async () => ({ warnings: [] }), close: async () => {} },
  ...more,
});
const diff = ['--- /etc/x/node.yaml', '+++ /etc/x/node.yaml', '@@ -1,2 +1,2 @@', ' a: 1', '-b: 2', '+b: 3'];

describe('the plan of a change, for a person', () => {
  test('shows every change once, for all the hosts that have the same', () => {
    const lines = formatPlans([
      plan('web1'),
      plan('lb1', { way: 'ssh', others: ['directory /etc/x'], files: [], effect: 'restart' }),
      plan('web2'),
      plan('same', { files: [], effect: 'nothing' }),
    ]);
    assert.deepEqual(lines, [
      'web1, web2:',
      '  over the fabric; the daemon reloads its files',
      ...diff.map((line) => `  ${line}`),
      'lb1:',
      '  over ssh; the daemon restarts',
      '  + directory /etc/x',
    ]);
    assert.equal(formatPlans([plan('web1', { effect: 'nothing' })])[1], '  over the fabric; the daemon keeps running');
  });

  test('shows what is kept because others changed it, also where nothing else changes', () => {
    const kept = 'kept, because others changed it (--replace would make this change):';
    assert.deepEqual(formatPlans([plan('web1', { files: [], kept: [node] })]), [
      'web1:',
      `  ${kept}`,
      ...diff.map((line) => `  ${line}`),
    ]);
  });

  test('shows a new file and a removed one as such', () => {
    const made = diffLines({ path: '/x', before: undefined, after: 'a\n' });
    assert.deepEqual(made, ['--- /dev/null', '+++ /x', '@@ -0,0 +1,1 @@', '+a']);
    const removed = diffLines({ path: '/x', before: 'a\n', after: undefined });
    assert.deepEqual(removed, ['--- /x', '+++ /dev/null', '@@ -1,1 +0,0 @@', '-a']);
  });

  test('counts the hosts to change, and those that are as declared', () => {
    const same = plan('web2', { files: [] });
    assert.equal(
      summaryLine([plan('web1'), same, plan('lb1', { files: [], others: ['x'] })]),
      '2 hosts to change, 1 as fleet.yaml says',
    );
    assert.equal(summaryLine([plan('web1')]), '1 host to change');
    assert.equal(summaryLine([same]), '0 hosts to change, 1 as fleet.yaml says');
  });

  test('has the same as JSON, with hosts that could not be read', () => {
    const target = (name: string) => ({ target: { node: name } });
    const endings = [
      { ...target('web1'), result: plan('web1', { kept: [node], warnings: ['w'] }) },
      { ...target('web2'), result: plan('web2', { files: [], others: ['the start'], effect: 'restart', way: 'ssh' }) },
      { ...target('web3'), result: plan('web3', { files: [], kept: [{ ...node, before: undefined }] }) },
      { ...target('web4'), result: plan('web4', { files: [], effect: 'nothing' }) },
      { ...target('web5'), problem: new Problem('ssh-failed', 'nothing answers', 'look') },
    ];
    const common = { others: [], files: [], kept: [], warnings: [], way: 'fabric' };
    assert.deepEqual(JSON.parse(planJson(endings)), {
      hosts: [
        { ...common, host: 'web1', state: 'planned', files: [node], kept: [node], effect: 'reload', warnings: ['w'] },
        { ...common, host: 'web2', state: 'planned', others: ['the start'], effect: 'restart', way: 'ssh' },
        { ...common, host: 'web3', state: 'incomplete', kept: [{ ...node, before: null }], effect: 'reload' },
        { ...common, host: 'web4', state: 'unchanged', effect: 'nothing' },
        { host: 'web5', state: 'failed', code: 'ssh-failed', message: 'nothing answers', hint: 'look' },
      ],
    });
  });
});

describe('the place where ssh reaches a host', () => {
  test('is the declared one, else the address of its node without its port, else its name', () => {
    const of = (host: Partial<Host>, user?: string) => targetOf({ name: 'web1', ...host } as Host, user);
    assert.deepEqual(of({ ssh: 'deploy@10.0.0.3:2222', address: '10.0.0.1' }), {
      ...{ node: 'web1', host: '10.0.0.3', user: 'deploy', port: 2222 },
    });
    assert.deepEqual(of({ address: '10.0.0.1:5811' }), { node: 'web1', host: '10.0.0.1' });
    assert.deepEqual(of({ address: '[fe80::1]:5811' }), { node: 'web1', host: 'fe80::1' });
    assert.deepEqual(of({}), { node: 'web1', host: 'web1' });
    assert.deepEqual(of({}, 'root'), { node: 'web1', host: 'web1', user: 'root' });
    assert.deepEqual(of({ ssh: 'deploy@jump' }, 'root'), { node: 'web1', host: 'jump', user: 'deploy' });
    assert.deepEqual(of({ ssh: 'jump' }, 'root'), { node: 'web1', host: 'jump', user: 'root' });
  });
});

test('a plan over ssh that fails ends the connection to its host', async () => {
  const directory = temporaryDirectory();
  const calls = join(directory, 'calls');
  const script = `#!/bin/sh\necho "$1 $2" >>${calls}\n[ "$1" = -O ] || exit 255\n`;
  writeFileSync(join(directory, 'ssh'), script, { mode: 0o755 });
  const { fleet, parts } = await fleetOf(shopFleet);
  const env = { PATH: `${directory}:/usr/bin:/bin` };
  const way = {
    options: { service: 'none', ssh: { env, signal: new AbortController().signal } },
    paths: { program: '/usr/local/bin/mco-deploy', directory: '/etc/mco-deploy', staging: '/usr/local/bin' },
    trust: { ca: '' },
  } as unknown as SshTransport;
  await assert.rejects(planOverSsh(fleet.hosts[0] as Host, fleet, parts, way), { code: 'ssh-failed' });
  assert.equal(readFileSync(calls, 'utf8').trimEnd().split('\n').at(-1), '-O exit');
});

describe('a plan over the fabric', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await makeFleet();
  });
  after(() => fleet.remove());
  const directory = '/etc/mco-deploy';

  interface Given {
    /** The files of the node by their kind and name; `null` takes one of the declared ones away. */
    readonly found?: Readonly<Record<string, string | null>>;
    /** Those that were applied, of the declared ones. */
    readonly applied?: readonly string[];
    readonly replace?: boolean;
    readonly extra?: readonly object[];
    /** More of its manifest: the content of each file that was applied and is not declared, by its path. */
    readonly old?: Readonly<Record<string, string>>;
    readonly onApply?: () => ReturnType<typeof okReply>;
  }

  /** The plan for web1 of the fleet, whose node has all declared files but for what is given. */
  async function planFor({ found = {}, applied = [], replace = false, extra = [], old = {}, onApply }: Given) {
    const { fleet: declared, parts } = await fleetOf(shopFleet);
    const host = declared.hosts.find(({ name }) => name === 'web1.devco.net') as Host;
    const desired = configFiles(host, declared, parts, directory).files;
    const texts = {
      ...Object.fromEntries(desired.map(({ kind, name, content }) => [`${kind}/${name}`, content])),
      ...found,
    };
    const files = Object.entries(texts).flatMap(([key, content]) => {
      const [kind, name] = key.split('/');
      return content === null ? [] : [{ kind, name, content }];
    });
    const sums = desired
      .filter(({ kind, name }) => applied.includes(`${kind}/${name}`))
      .map(({ kind, name, path }) => [path, sumOf(texts[`${kind}/${name}`] ?? '')]);
    const oldSums = Object.entries(old).map(([path, content]) => [`${directory}/${path}`, sumOf(content)]);
    const manifest = formatManifest(Object.fromEntries([...sums, ...oldSums]));
    const abort = new AbortController();
    const answer = ({ action }: { action: string }) => {
      if (action === 'files') return okReply({ directory, digest: 'd1', manifest, files: [...files, ...extra] });
      const reply = onApply?.();
      abort.abort();
      return reply ?? okReply({ change: 'c1', until: new Date().toISOString() });
    };
    const { found: one, calls } = signingNode(await fleet.node('web1.devco.net'), ['config'], { answer });
    const rip = await fleet.operator('rip@devco.net');
    const session = { config: { timeout: 5 }, caller: { credentials: rip.credentials, trust: fleet.trust } };
    const way = { ddl: configDdl, session: session as unknown as Session, replace, signal: abort.signal };
    const planned = await planOverFabric(host, one, declared, parts, way);
    const short = (changes: readonly FileChange[]) => changes.map(({ path }) => path.slice(directory.length + 1));
    return { planned, calls, desired, files: short(planned.files), kept: short(planned.kept) };
  }

  test('has nothing to do for a node that is as declared', async () => {
    const { planned, files, kept } = await planFor({});
    assert.deepEqual([files, kept, planned.effect, planned.way, planned.others], [[], [], 'nothing', 'fabric', []]);
  });

  test('writes what is missing or differs, and what it takes effect by', async () => {
    const missing = await planFor({ found: { 'classes/classes.txt': null } });
    assert.deepEqual([missing.files, missing.planned.effect], [['classes.txt'], 'reload']);
    assert.deepEqual(missing.planned.files, [{ path: `${directory}/classes.txt`, before: undefined, after: 'web\n' }]);
    const settings = await planFor({ found: { 'settings/node.yaml': 'old' }, applied: ['settings/node.yaml'] });
    assert.deepEqual([settings.files, settings.planned.effect], [['node.yaml'], 'restart']);
    assert.equal(settings.planned.files[0]?.before, 'old');
  });

  test('removes what was applied and is declared no more, for which the daemon reads its files', async () => {
    const extra = [{ kind: 'hooks', name: 'old', content: 'x' }];
    const { files, planned } = await planFor({ extra, old: { 'hooks/old': 'x' } });
    assert.deepEqual([files, planned.effect], [['hooks/old'], 'reload']);
    assert.equal(planned.files[0]?.after, undefined);
  });

  test('keeps a file that others changed, unless it is to be replaced', async () => {
    const found = { 'classes/classes.txt': 'theirs\n' };
    const kept = await planFor({ found });
    assert.deepEqual([kept.files, kept.kept, kept.planned.effect], [[], ['classes.txt'], 'nothing']);
    const replaced = await planFor({ found, replace: true });
    assert.deepEqual([replaced.files, replaced.kept], [['classes.txt'], []]);
  });

  test('takes nothing from a node that is not one of its files', async () => {
    const odd = [{ kind: 'keys', name: 'key.pem', content: 'x' }, { kind: 'hooks', name: '../x', content: 'x' }, 7];
    assert.deepEqual((await planFor({ extra: odd as object[] })).files, []);
  });

  test('sends the contents with their sums and the digest that the operator saw, sealed', async () => {
    const { planned, calls } = await planFor({ found: { 'classes/classes.txt': null } });
    const phases: string[] = [];
    await assert.rejects(
      planned.carryOut((phase) => phases.push(phase)),
      { code: 'cancelled', hint: 'apply it again' },
    );
    assert.deepEqual(phases, ['changing', 'waiting']);
    const { given, input, action } = calls[1] ?? assert.fail('nothing was sent');
    const file = { kind: 'classes', name: 'classes.txt' };
    assert.deepEqual(
      [action, given],
      [
        'apply',
        {
          previous: 'd1',
          sums: [{ ...file, sha256: sumOf('web\n') }],
          files: [{ ...file, content: 'web\n' }],
        },
      ],
    );
    assert.doesNotMatch(JSON.stringify(input.files), /web/, 'the contents are only commitments in the request');
  });

  test('reports what the node refuses', async () => {
    const no = new Problem('policy-denied', 'no right', 'ask');
    const { planned } = await planFor({
      found: { 'classes/classes.txt': null },
      onApply: () => unwell('refused', no),
    });
    await assert.rejects(
      planned.carryOut(() => {}),
      { code: 'policy-denied', message: 'no right', hint: 'ask' },
    );
  });
});

test('a change is confirmed over its own connection, which is closed then', async () => {
  await using fleet = await makeFleet();
  const change = 'c'.repeat(32);
  const asked: unknown[] = [];
  const config: AgentEntry = {
    ddl: configDdl,
    config: { type: 'object', additionalProperties: false, properties: {} },
    load: async () => async () => ({
      handlers: {
        status: () => assert.fail('it is not asked'),
        apply: () => assert.fail('it is applied already'),
        confirm: async (input) => {
          asked.push(input);
          return { change, confirmed: true };
        },
      },
    }),
  };
  await using running = await startTestNode(fleet, { agents: [config] });
  const { port } = running.daemon;
  const { credentials } = await fleet.operator('rip@devco.net');
  const session = { config: { timeout: 5 }, caller: { credentials, trust: fleet.trust } } as unknown as Session;
  const place = { name: running.name, addresses: [{ host: '127.0.0.1', port }] };
  await confirmChange(
    { name: running.name } as Host,
    place as unknown as Parameters<typeof confirmChange>[1],
    { change, until: Date.now() + 60_000 },
    { ddl: configDdl, session, replace: false, signal: new AbortController().signal },
  );
  assert.deepEqual(asked, [{ change }]);
  await until('the connection is closed', () => connectionsTo(port) === 0);
});

describe('a change that is to be confirmed', () => {
  const change = 'c'.repeat(32);
  const pending = new Problem('nothing-pending', 'no change waits', '');

  /** Confirms it at a node with these answers. @returns the actions that were called */
  async function confirm(answers: Answers) {
    await using fleet = await makeFleet();
    const asked: Asked[] = [];
    await using running = await startTestNode(fleet, { agents: answeringAgents(['config'], () => answers, asked) });
    const { credentials } = await fleet.operator('rip@devco.net');
    const session = { config: { timeout: 5 }, caller: { credentials, trust: fleet.trust } } as unknown as Session;
    const place = { name: running.name, addresses: [{ host: '127.0.0.1', port: running.daemon.port }] };
    const way = { ddl: configDdl, session, replace: false, signal: new AbortController().signal };
    const waiting = { change, until: Date.now() + 60_000 };
    const found = place as unknown as Parameters<typeof confirmChange>[1];
    await confirmChange({ name: running.name } as Host, found, waiting, way);
    return asked.map(({ action }) => action);
  }

  test('is reported as undone by the node, with its reason if it is this change', async () => {
    const status = { instance: '', digest: '', pending: '', files: [], why: 'it does not start' };
    const begin = /^dev2\.devco\.net went back to its last good configuration: /;
    for (const [returned, why] of [
      [change, /: it does not start$/],
      ['d'.repeat(32), /: no change waits$/],
    ] as const) {
      const answers = { 'config.confirm': pending, 'config.status': { ...status, returned } };
      const { code, message } = await rejection(confirm(answers));
      assert.equal(code, 'returned');
      assert.match(message, begin);
      assert.match(message, why);
    }
  });

  test('is confirmed at a later try if the daemon has not started again yet', async () => {
    const answers: (JsonObject | Problem)[] = [new Problem('not-restarted', 'it is the old one', '')];
    const confirmed = { change, confirmed: true };
    const asked = await confirm({ 'config.confirm': () => answers.shift() ?? confirmed });
    assert.deepEqual(asked, ['config.confirm', 'config.confirm']);
  });
});
