import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { allowRip, startTestNode, type TestNode, type TestNodeOptions } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { fleetOf } from '../../support/program/fleet-file.ts';
import { makeHome } from '../../support/program/home.ts';

const withAgents = (...names: string[]) => agents.filter(({ ddl }) => names.includes(ddl.name));
const shop = { root: '/srv/shop', artifacts: '/srv/artifacts', reload: ['/bin/true'] };
const web = { agents: withAgents('rpcutil', 'config', 'appmgr'), sections: { appmgr: { applications: { shop } } } };

describe('fleet import, of running nodes', () => {
  let fleet: Fleet;
  let home: string;
  const nodes: TestNode[] = [];
  const start = async (name: string, options: TestNodeOptions) =>
    void nodes.push(await startTestNode(fleet, { name, ...options }));

  before(async () => {
    fleet = await makeFleet();
    await start('lb1.devco.net', {
      agents: withAgents('rpcutil', 'config', 'haproxy'),
      sections: { haproxy: { sockets: ['/run/haproxy/admin.sock'], min_available: 2 } },
    });
    await start('web1.devco.net', web);
    await start('web2.devco.net', {
      ...web,
      policies: { default: allowRip, config: 'policy default deny\n' },
    });
    home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), nodes);
  });
  after(async () => {
    for (const node of nodes) await node[Symbol.asyncDispose]();
    await fleet.remove();
  });

  test('writes a fleet.yaml that the program accepts, from the files that each node returned', async () => {
    const file = join(fleet.dir, 'fleet.yaml');
    const { code, err, out } = await runInProcess(['fleet', 'import', '--out', file], home);
    assert.equal(code, 0, err.join('\n'));
    assert.deepEqual(out, [`wrote ${file} with 3 hosts`]);
    assert.match(err.join('\n'), /warning: web2\.devco\.net: the settings of agents are not known/);
    const checked = await runInProcess(['fleet', 'check', file], home);
    assert.equal(checked.code, 0, checked.err.join('\n'));
    const { fleet: imported } = await fleetOf(await readFile(file, 'utf8'));
    const places = nodes.map(({ name, daemon }) => [name, `127.0.0.1:${daemon.port}`]);
    assert.deepEqual(
      imported.hosts.map(({ name, address }) => [name, address]),
      places,
    );
    assert.deepEqual(
      imported.hosts.map(({ role, facts }) => [role.name, role.classes, facts.cluster]),
      ['balancer', 'web', 'web2'].map((role) => [role, ['webserver'], 'bravo']),
    );
    assert.deepEqual(imported.roles[0]?.agents, {
      haproxy: { sockets: ['/run/haproxy/admin.sock'], min_available: 2 },
    });
    const [application] = imported.applications;
    assert.deepEqual([application?.name, application?.role, application?.clusters], ['shop', 'web', ['bravo']]);
    assert.deepEqual({ ...shop, ...application?.settings }, application?.settings);
    const records = JSON.stringify(await nodes[2]?.records());
    assert.match(records, /"agent":"config","action":"files"/, 'the refusal is on record');
  });

  test('prints it if no file is named, and does not replace an existing one', async () => {
    const printed = await runInProcess(['fleet', 'import', '-I', 'lb1.devco.net', '--json'], home);
    assert.equal(printed.code, 0, printed.err.join('\n'));
    const { fleet: text, file } = JSON.parse(printed.out.join('\n')) as { fleet: string; file: null };
    assert.equal(file, null);
    assert.match(text, /^ {2}lb1\.devco\.net:$/m);
    assert.doesNotMatch(text, /web1/);
    const existing = join(home, 'nodes.json');
    const refused = await runInProcess(['fleet', 'import', '--out', existing], home);
    assert.notEqual(refused.code, 0);
    assert.match(refused.err.at(-1) ?? '', /nodes\.json exists already: move it away first$/);
    assert.match(await readFile(existing, 'utf8'), /^\[/);
  });
});
