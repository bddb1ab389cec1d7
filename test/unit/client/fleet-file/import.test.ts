import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { agents } from '../../../../src/agents/index.ts';
import { draftFromAnsible } from '../../../../src/client/fleet-file/import/ansible.ts';
import { formatDraft } from '../../../../src/client/fleet-file/import/draft.ts';
import { draftFromNode } from '../../../../src/client/fleet-file/import/nodes.ts';
import type { FoundNode } from '../../../../src/discovery/findings.ts';
import { fleetOf } from '../../../support/program/fleet-file.ts';

const known = agents.map(({ ddl }) => ddl.name);

const inventory = {
  _meta: {
    hostvars: {
      'web1.devco.net': { ansible_host: '10.0.0.11', ansible_user: 'deploy', ansible_port: 2222 },
      'Web2.devco.net': { ansible_host: '10.0.0.12' },
      'db1.devco.net': {},
    },
  },
  all: { children: ['ungrouped', 'web', 'db'] },
  web: { hosts: ['web1.devco.net', 'Web2.devco.net'] },
  db: { hosts: ['db1.devco.net', 'web1.devco.net'] },
  ungrouped: { hosts: [] },
};

describe('an inventory of Ansible', () => {
  test('becomes a valid fleet.yaml: each host has one role, of its groups', async () => {
    const hosts = draftFromAnsible(JSON.stringify(inventory), 'inventory.json');
    const text = formatDraft(hosts, ['rip@devco.net']);
    const { fleet } = await fleetOf(text);
    assert.deepEqual(
      fleet.hosts.map(({ name, role, address, ssh }) => [name, role.name, address, ssh]),
      [
        ['web1.devco.net', 'db_web', '10.0.0.11', 'deploy@10.0.0.11:2222'],
        ['web2.devco.net', 'web', '10.0.0.12', undefined],
        ['db1.devco.net', 'db', undefined, undefined],
      ],
    );
  });

  test('is refused in one line if it is not an inventory', () => {
    for (const text of ['', 'web1\n', '[]', '{}', '{"all":{}}']) {
      assert.throws(() => draftFromAnsible(text, 'inventory.json'), { code: 'bad-nodes' });
    }
    const bad = { web: { hosts: ['web_1'] } };
    assert.throws(() => draftFromAnsible(JSON.stringify(bad), 'i'), /“web_1” is not a valid node name/);
  });
});

function node(name: string, host: string, agents: readonly string[], classes: readonly string[] = []): FoundNode {
  const description = {
    agents: agents.map((one) => ({ name: one })),
    classes,
    facts: Buffer.from('{"cluster":"bravo"}'),
  };
  return { name, addresses: [{ host, port: 5810 }], description } as unknown as FoundNode;
}

describe('running nodes', () => {
  const appmgr = { applications: { shop: { root: '/srv/shop', artifacts: '/srv/artifacts', reload: ['/bin/true'] } } };
  const files = (agents: object) =>
    new Map([
      ['node.yaml', JSON.stringify({ discovery: { mdns: false }, agents })],
      ['install.yaml', 'cluster: bravo\n'],
    ]);

  test('become a valid fleet.yaml, with their settings, applications and facts', async () => {
    const web = ['rpcutil', 'lock', 'appmgr', 'config'];
    const balancer = files({ haproxy: { sockets: ['/run/a.sock'] } });
    const text = formatDraft(
      [
        draftFromNode(node('lb1.devco.net', '10.0.0.1', ['haproxy', 'config']), balancer, known),
        draftFromNode(node('web1.devco.net', '10.0.0.11', web, ['www']), files({ appmgr }), known),
        draftFromNode(node('web2.devco.net', '10.0.0.12', web, ['www']), files({ appmgr }), known),
        draftFromNode(node('web3.devco.net', '10.0.0.13', web), files({ appmgr }), known),
      ],
      ['rip@devco.net'],
    );
    const { fleet } = await fleetOf(text);
    assert.deepEqual(
      fleet.hosts.map(({ name, role, facts }) => [name, role.name, role.classes, facts.cluster]),
      [
        ['lb1.devco.net', 'balancer', [], 'bravo'],
        ['web1.devco.net', 'web', ['www'], 'bravo'],
        ['web2.devco.net', 'web', ['www'], 'bravo'],
        ['web3.devco.net', 'web2', [], 'bravo'],
      ],
    );
    assert.deepEqual(fleet.roles[0]?.agents, { haproxy: { sockets: ['/run/a.sock'] } });
    assert.deepEqual(fleet.applications[0]?.settings.root, '/srv/shop');
    assert.deepEqual((parse(text) as { roles: Record<string, object> }).roles.web, {
      settings: { discovery: { mdns: false } },
      classes: ['www'],
    });
  });

  test('give only agents, classes and cluster without their files', () => {
    const draft = draftFromNode(node('lb1.devco.net', '10.0.0.1', ['haproxy', 'nrpe', 'greeter']), undefined, known);
    assert.deepEqual(
      [draft.role, draft.content, draft.facts],
      ['balancer', { agents: { haproxy: {}, nrpe: {} } }, { cluster: 'bravo' }],
    );
  });
});
