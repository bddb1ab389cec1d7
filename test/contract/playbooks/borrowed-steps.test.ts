// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { probe } from '../../../src/library/runs/probe.ts';
import { loadPlaybook } from '../../../src/playbook/compile/load.ts';
import { parseRange } from '../../../src/playbook/compile/versions.ts';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import type { PlaybookPorts } from '../../../src/playbook/ports.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import { createEstate } from '../../support/fleet/estate.ts';

const catalogue = agents.map(({ ddl }) => ddl);

async function run(text: string, more: (ports: PlaybookPorts) => Partial<PlaybookPorts> = () => ({})) {
  const playbook = await loadPlaybook({ text, name: 'test.yaml' }, catalogue);
  const { ports } = createEstate({ load: [2] }).fabric;
  return runPlaybook(playbook, bindInputs(playbook, {}), { ...ports, ...more(ports) });
}

const sets = "nodes:\n  web: { agents: [appmgr, nrpe], facts: ['cluster=bravo'] }\n";
const failing =
  '  - id: load\n    on: web\n    call: nrpe.runcommand\n    with: { command: check_load }\n    until: reply.data.exitcode == 0\n';

describe('fail_ok', () => {
  test('shows the failure and continues; without it the run stops', async () => {
    const after = '  - id: after\n    say: "ok is ${{ steps.load.ok }}"\n';
    const stopped = await run(`name: a\n${sets}steps:\n${failing}${after}`);
    assert.deepEqual([stopped.state, stopped.steps.at(-1)?.state], ['failed', 'not-run']);
    const ended = await run(`name: a\n${sets}steps:\n${failing}    fail_ok: true\n${after}`);
    assert.deepEqual([ended.state, ended.steps.at(-1)?.lines], ['done', ['ok is false']]);
    assert.match(ended.steps[0]?.lines.join() ?? '', /failed, and the run continues \(fail_ok\): dev2\.devco\.net/);
  });
});

describe('wait_for', () => {
  test('waits until a URL answers as required, and fails when it does not in time', async (t) => {
    let asked = 0;
    const server = createServer((_request, response) => response.writeHead(++asked < 3 ? 503 : 200).end('revision 20'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.after(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/health`;
    const step = (more: string) => `name: a\nsteps:\n  - wait_for: { url: "${url}", every: 10ms, ${more} }\n`;
    assert.equal((await run(step('body: revision 20, timeout: 60'), () => ({ probe }))).state, 'done');
    assert.equal(asked, 3);
    // Each look has time enough on a busy machine: what ends the wait is the step's own timeout.
    const patient: typeof probe = (target, _timeout, signal) => probe(target, 30_000, signal);
    const failed = await run(step('status: 404, timeout: 50ms'), () => ({ probe: patient }));
    assert.match(failed.failure?.reasons[0]?.reason ?? '', /did not come up within 0\.05 s: status 200/);
    const { port } = server.address() as AddressInfo;
    assert.equal(await probe({ tcp: `127.0.0.1:${port}` }, 5000, new AbortController().signal), undefined);
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
    assert.equal(await probe({ tcp: `127.0.0.1:${port}` }, 5000, new AbortController().signal), 'connection refused');
  });

  test('is checked before anything runs', async () => {
    await assert.rejects(run('name: a\nsteps:\n  - wait_for: { timeout: 1 }\n'), { message: /one of “url” and “tcp”/ });
    await assert.rejects(run('name: a\nsteps:\n  - wait_for: { tcp: "a:1", every: soon }\n'), { code: 'bad-playbook' });
  });
});

describe('uses', () => {
  const step = '  - id: ping\n    on: web\n    call: appmgr.status\n';
  const at = (version: string) => (ports: PlaybookPorts) => ({
    discover: async (query: Parameters<PlaybookPorts['discover']>[0]) => {
      const found = await ports.discover(query);
      return { ...found, nodes: found.nodes.map((node) => ({ ...node, versions: { appmgr: version } })) };
    },
  });

  test('refuses nodes whose agent has another version, by name', async () => {
    const text = `name: a\nuses: { appmgr: '>=0.2' }\n${sets}steps:\n${step}`;
    const refused = await run(text, at('0.1.0'));
    assert.equal(refused.state, 'failed');
    assert.match(
      refused.failure?.reasons[0]?.reason ?? '',
      /its agent appmgr is 0\.1\.0, and the playbook needs >=0\.2/,
    );
    assert.equal((await run(text, at('0.2.0'))).state, 'done');
  });

  test('is checked before anything runs', async () => {
    await assert.rejects(run(`name: a\nuses: { apmgr: '1' }\n${sets}steps:\n${step}`), { message: /no agent “apmgr”/ });
    await assert.rejects(run(`name: a\nuses: { appmgr: new }\n${sets}steps:\n${step}`), { code: 'bad-playbook' });
  });

  for (const [range, inside, outside] of [
    ['>=0.2', ['0.2.0', '1.0.0'], ['0.1.9']],
    ['>= 1 <2', ['1.9.9'], ['2.0.0', '0.9']],
    ['~1.2', ['1.2.9'], ['1.3.0', '1.1.9']],
    ['^1.2', ['1.9.0'], ['2.0.0', '1.1.0']],
    ['^0.2', ['0.2.5'], ['0.3.0']],
    ['1', ['1.5.0'], ['2.0.0']],
    ['1.2.3', ['1.2.3'], ['1.2.4']],
  ] as const) {
    test(`${range} takes ${inside.join(', ')} and not ${outside.join(', ')}`, () => {
      const fits = parseRange(range);
      assert.deepEqual([inside.every(fits), outside.some(fits)], [true, false]);
    });
  }
});
