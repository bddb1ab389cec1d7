import { failEachCall } from '../../support/faults/each-error.ts';
import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { explain, Problem } from '../../../src/core/errors.ts';
import { fileProblem } from '../../../src/core/files/file-problem.ts';
import { agents } from '../../../src/agents/index.ts';
import { startDaemon } from '../../../src/daemon/daemon.ts';
import { release, testApplication } from '../../support/agents/appmgr/application.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { prepareNode, startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';

const chosen = (...names: string[]) => agents.filter(({ ddl }) => names.includes(ddl.name));

const playbook = `
name: look
nodes: { all: { agents: [rpcutil] } }
steps:
  - { id: ask, call: rpcutil.ping, on: all }
`;

let fleet: Fleet;
let rip: Member;
let node: TestNode;
let directory: string;
let made: string;
const home = () => join(directory, 'home');

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  node = await startTestNode(fleet, { agents: chosen('rpcutil', 'lock') });
  directory = mkdtempSync('/dev/shm/mco-file-errors-');
  made = join(directory, 'made');
  await makeHome(made, rip, [node]);
  writeFileSync(join(made, 'look.yaml'), playbook);
  const config = join(made, '.config/mco-deploy/client.yaml');
  writeFileSync(config, readFileSync(config, 'utf8').replace(made, home()));
});
after(async () => {
  await node[Symbol.asyncDispose]();
  await fleet.remove();
  rmSync(directory, { recursive: true });
});

const restore = async (from = made) => {
  rmSync(home(), { recursive: true, force: true });
  cpSync(from, home(), { recursive: true });
};

/** Nothing that a person reads calls a disk's error a fault of the program, or shows its parts. */
function assertReadable(text: string, where: string): void {
  assert.doesNotMatch(
    text,
    /internal|please report|undefined|\[object|injected|\bE(ROFS|ACCES|NOSPC|DQUOT|MFILE|IO)\b|^\s+at /m,
    where,
  );
}

describe('a command whose disk fails at any call', () => {
  const commands: Readonly<Record<string, readonly string[]>> = {
    ping: ['ping'],
    rpc: ['rpc', 'rpcutil', 'ping'],
    'audit heads': ['audit', 'heads'],
    runs: ['runs'],
    'ca init': ['ca', 'init', '--realm', 'devco.net', '--dir', 'HOME/ca'],
    'ca init --intermediate': ['ca', 'init', '--intermediate', '--realm', 'devco.net', '--dir', 'HOME/ca'],
  };
  for (const [name, words] of Object.entries(commands)) {
    test(`names what could not be written or read: ${name}`, async () => {
      const argv = words.map((word) => word.replace('HOME', home()));
      const tried = await failEachCall(
        home(),
        restore,
        () => runInProcess(argv, home()),
        ({ value, error }, { where }) => {
          assert.equal(error, undefined, where);
          const { code, out, err } = value as Awaited<ReturnType<typeof runInProcess>>;
          assert.notEqual(code, 70, `${where}: ${err.join('; ')}`);
          assertReadable([...out, ...err].join('\n'), where);
        },
        name === 'rpc' || name.startsWith('ca init') ? 5 : 1,
        { sync: true },
      );
      assert.ok(tried >= 2, `${tried} calls`);
    });
  }

  test('reports it, for a run with its journal and the commands that read it', async () => {
    const argv = ['run', `${home()}/look.yaml`, '--yes'];
    const tried = await failEachCall(
      join(home(), '.local'),
      restore,
      () => runInProcess(argv, home()),
      ({ value }, { where }) => {
        const { code, out, err } = value as Awaited<ReturnType<typeof runInProcess>>;
        assert.notEqual(code, 70, `${where}: ${err.join('; ')}`);
        assertReadable([...out, ...err].join('\n'), where);
        if (where === 'no call') assert.equal(code, 0, err.join('\n'));
      },
    );
    assert.ok(tried >= 5, `${tried} calls`);
  });
});

describe('a daemon whose disk fails at any call', () => {
  test('starts with a warning, or names what it could not write or read', { timeout: 600_000 }, async () => {
    const some = chosen('rpcutil', 'lock', 'audit', 'crl');
    const prepared = await prepareNode(fleet, { name: 'dev7.devco.net', agents: some });
    let started = 0;
    const tried = await failEachCall(
      prepared.directory,
      async () => {
        for (const name of ['state', 'log']) rmSync(join(prepared.directory, name), { recursive: true, force: true });
      },
      () => startDaemon({ configFile: prepared.configFile, agents: some, version: '0.1.0' }),
      async ({ value, error }, { where }) => {
        if (value !== undefined) {
          started++;
          await (value as Awaited<ReturnType<typeof startDaemon>>).stop();
          return;
        }
        const shown = fileProblem(error) ?? error;
        assert.ok(shown instanceof Problem, `${where}: ${error instanceof Error ? error.stack : error}`);
        assert.notEqual(shown.code, 'internal', where);
        assertReadable(explain(shown), where);
      },
      5,
    );
    assert.ok(tried >= 30 && started < tried, `${started} of ${tried}`);
  });

  test('replies to a call with what it could not write or read', { timeout: 600_000 }, async () => {
    const application = testApplication();
    for (const revision of ['10', '20']) application.publish(revision, release(revision));
    const name = 'dev8.devco.net';
    await using served = await startTestNode(fleet, {
      name,
      agents: chosen('lock', 'audit', 'appmgr'),
      sections: { appmgr: application.config() },
    });
    const calls: Readonly<Record<string, { agent: string; action: string; input: object }>> = {
      'lock.take': { agent: 'lock', action: 'take', input: { name: 'app/bravo', ttl: 30 } },
      'audit.acknowledge': { agent: 'audit', action: 'acknowledge', input: {} },
    };
    const check = ({ value, error }: { value?: unknown; error?: unknown }, { where }: { where: string }) => {
      assert.equal(error, undefined, where);
      const { outcome, code, message, hint } = value as Awaited<ReturnType<TestNode['call']>>;
      assert.notEqual(code, 'internal', where);
      if (outcome !== 'ok') assertReadable(`${code} ${message} ${hint}`, where);
    };
    for (const { agent, action, input } of Object.values(calls)) {
      const options = { agent, action, input: input as never, runId: 'a'.repeat(32) };
      await failEachCall(
        served.directory,
        async () => {},
        () => served.call(rip, options),
        check,
      );
    }
    const upgrade = { agent: 'appmgr', action: 'upgrade', input: { revision: '20' } };
    await failEachCall(
      application.root,
      async () => {
        for (const entry of ['releases', 'current', '.staging', '.state.json']) {
          rmSync(join(application.root, entry), { recursive: true, force: true });
        }
      },
      () => served.call(rip, upgrade),
      check,
      5,
    );
  });
});
