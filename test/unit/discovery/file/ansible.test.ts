import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseNodesText } from '../../../../src/discovery/file/text.ts';

const parse = (text: string) => parseNodesText(text, 'inventory', 'file');

/** The output of `ansible-inventory --list`: hosts without variables are only in their groups. */
const inventory = {
  _meta: {
    hostvars: {
      'dev1.devco.net': { ansible_host: '10.0.0.1', ansible_port: 22, ansible_user: 'root', cluster: 'alfa' },
      'dev2.devco.net': { ansible_host: 'fd00::2', mco_deploy_port: 6000 },
      'dev3.devco.net': { mco_deploy_address: '10.1.0.3', ansible_host: '10.0.0.3', roles: { web: ['a', 'b'] } },
      'dev4.devco.net': { cluster: 'bravo' },
    },
  },
  all: { children: ['ungrouped', 'web', 'nodes'] },
  ungrouped: { hosts: ['lb1.devco.net'] },
  web: { hosts: ['dev1.devco.net', 'dev2.devco.net', 'dev3.devco.net', 'dev4.devco.net'], vars: { x: 1 } },
  nodes: { hosts: ['dev1.devco.net'] },
};

describe('an Ansible inventory as a list of nodes', () => {
  test('gives each host once, with its address and never the port of SSH', () => {
    for (const text of [JSON.stringify(inventory), JSON.stringify(inventory, null, 4)]) {
      assert.deepEqual(
        parse(text).map(({ name, addresses }) => [name, ...addresses.map(({ host, port }) => `${host} ${port}`)]),
        [
          ['dev1.devco.net', '10.0.0.1 5810'],
          ['dev2.devco.net', 'fd00::2 6000'],
          ['dev3.devco.net', '10.1.0.3 5810'],
          ['dev4.devco.net'],
          ['lb1.devco.net'],
        ],
      );
    }
  });

  test('may be one whose hosts have no variables, or that has no hosts', () => {
    const bare = { _meta: { hostvars: {} }, all: { children: ['web'] }, web: { hosts: ['dev1'] } };
    assert.deepEqual(parse(JSON.stringify(bare)), [{ name: 'dev1', addresses: [], source: 'file' }]);
    assert.deepEqual(parse('{"_meta": {"hostvars": {}}, "all": {"children": ["ungrouped"]}}'), []);
  });

  test('is refused with the line of the fault', () => {
    const refuses = (value: object, message: RegExp) =>
      assert.throws(() => parse(JSON.stringify(value, null, 1)), { code: 'bad-nodes', message });
    const withHost = (name: string, vars: object) => ({ _meta: { hostvars: { [name]: vars } } });
    refuses(withHost('../etc', {}), /^inventory:4: “\.\.\/etc” is not a valid node name/);
    refuses(withHost('dev1', { ansible_host: '{{ lookup("x") }}' }), /^inventory:4: .* is not a valid address/);
    refuses(withHost('dev1', { ansible_host: 7 }), /^inventory:4: 7 is not a valid address/);
    refuses(withHost('dev1', { ansible_host: 'h', mco_deploy_port: 0 }), /^inventory:4: “port” must be/);
    refuses({ _meta: { hostvars: { dev1: {} } }, web: { hosts: ['DEV1'] } }, /occurs twice/);
  });

  test('is distinguished from a list of nodes that mentions Ansible', () => {
    assert.throws(() => parse('{"_meta": {}}'), { code: 'bad-nodes', message: /expected a list of nodes/ });
    assert.deepEqual(parse('{"nodes": ["dev1"], "web": {"hosts": ["dev2"]}}').length, 1);
  });

  test('is read with 3,000 hosts, larger than 4 MiB', () => {
    const names = Array.from({ length: 3000 }, (_, index) => `web${index}.devco.net`);
    const hostvars = Object.fromEntries(
      names.map((name) => [name, { ansible_host: '10.0.0.1', note: 'x'.repeat(1400) }]),
    );
    const text = JSON.stringify({ _meta: { hostvars }, web: { hosts: names } }, null, 1);
    assert.ok(text.length > 4 * 1024 * 1024);
    assert.equal(parseNodesText(text, 'inventory.json', 'file').length, 3000);
  });
});
