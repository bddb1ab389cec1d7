import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import { parseNodeConfig } from '../../../../src/daemon/config/config.ts';

describe('the section relay of node.yaml', () => {
  const read = (relay: string) =>
    parseNodeConfig(`agents: {}\nrelay:\n${relay}`, '/etc/mco-deploy/node.yaml', []).relay;

  test('has the paths of its sources absolute, and the defaults of each', () => {
    const { refresh, sources } =
      read(`
  sources:
    dns: { domain: nodes.devco.net }
    consul: { token_file: consul.token }
    sql: { url: 'sqlite:inventory.db', query: 'select name from hosts' }
`) ?? {};
    assert.equal(refresh, 60);
    assert.deepEqual(sources, {
      dns: { domain: 'nodes.devco.net' },
      consul: {
        url: 'http://127.0.0.1:8500',
        service: 'mco-deploy',
        token_file: '/etc/mco-deploy/consul.token',
      },
      sql: { url: 'sqlite:/etc/mco-deploy/inventory.db', query: 'select name from hosts', timeout: 10 },
    });
  });

  for (const [what, lines, message] of [
    ['an unknown source', 'ldap: {}', /node\.yaml:4:\d+: .*ldap/],
    ['a source without what it needs', 'dns: {}', /node\.yaml:4:\d+: relay\.sources\.dns.*domain/],
    ['a setting of the wrong kind', 'exec: { command: ls }', /node\.yaml:4:\d+: relay\.sources\.exec\.command/],
  ] as const)
    test(`is refused with ${what}, with its line`, () => {
      assert.throws(
        () => read(`  sources:\n    ${lines}\n`),
        (error) => error instanceof Problem && error.code === 'bad-configuration' && message.test(error.message),
      );
    });
});
