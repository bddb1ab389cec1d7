import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { validatorOf } from '#validators';
import { haproxyConfigSchema } from '../../../../src/agents/haproxy/config.ts';
import { haproxyDdl } from '../../../../src/agents/haproxy/ddl.ts';

describe('the inputs of a caller', () => {
  const accepts = (value: object) =>
    validatorOf('agent/haproxy/disable/input', haproxyDdl.actions.disable.input)(value);

  test('may be names and commas', () => {
    assert.ok(accepts({ backend: 'app', server: 'dev2.devco.net,web_3,10.0.0.1:80', min_available: 0 }));
  });

  for (const server of ['a;b', 'a\nb', 'a b', '@1', 'a,', ',a', 'a,,b', '', 'a\\', 'a/b', 'ä', 'a\n']) {
    test(`are refused as a server: ${JSON.stringify(server)}`, () => assert.ok(!accepts({ backend: 'app', server })));
    test(`are refused as a backend: ${JSON.stringify(server)}`, () =>
      assert.ok(!accepts({ backend: server, server: 'a' })));
  }

  test('are refused if of another kind, and so is a minimum below 0', () => {
    assert.ok(!accepts({ backend: 'app', server: 'a', force: true }));
    assert.ok(!accepts({ backend: 'app', server: 'a', min_available: -1 }));
    assert.ok(!accepts({ backend: 'app' }));
    assert.ok(accepts({ server: 'a', backend: 'app,static', port: '80,8080' }));
    assert.ok(!accepts({ server: 'a', port: 'http' }));
  });
});

describe('the configuration', () => {
  const validate = validatorOf('agent/haproxy/config', haproxyConfigSchema);

  test('has defaults for everything', () => {
    const config = {};
    assert.ok(validate(config));
    assert.deepEqual(config, {
      sockets: ['/run/haproxy/admin.sock'],
      servers: {},
      ports: [],
      min_available: 1,
      drain_timeout: 5,
      replaced_timeout: 60,
      replaced_left: 'refuse',
      enable_timeout: 10,
      settle: 0.5,
      watch_interval: 1,
      timeout: 3,
    });
  });

  test('accepts paths and HOST:PORT for sockets, and names for servers', () => {
    assert.ok(validate({ servers: { a: 'web1', b: ['app/web2', 'web3'] }, ports: [80, 8001] }));
    assert.ok(validate({ sockets: ['/run/a.sock', '127.0.0.1:9999', '[::1]:9999'] }));
    for (const bad of [
      { sockets: [] },
      { sockets: ['admin.sock'] },
      { sockets: ['/a', '/a'] },
      { servers: { 'dev2.devco.net': 'a;b' } },
      { servers: { 'dev2.devco.net': ['app/web1', 'a/b/c'] } },
      { ports: [0] },
      { drain_timeout: 3600 },
      { replaced_timeout: 101 },
      { replaced_left: 'ignore' },
      { socket: '/run/a.sock' },
    ]) {
      assert.ok(!validate(bad), JSON.stringify(bad));
    }
  });
});
