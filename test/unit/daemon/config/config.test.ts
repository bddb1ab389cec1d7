import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseNodeConfig } from '../../../../src/daemon/config/config.ts';
import { configItem, configItems } from '../../../../src/daemon/config/items.ts';

const read = (text: string) => parseNodeConfig(text, '/etc/mco-deploy/node.yaml', []);

/** The texts in a value, each with its place: `tls.crl`. */
function textsIn(value: unknown, place = ''): [string, string][] {
  if (typeof value === 'string') return [[place.slice(1), value]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => textsIn(one, `${place}.${key}`));
}

const relative = `
agents: {}
tls: { certificate: x/a.crt, key: x/b.key, ca: x/c.crt, crl: x/d.pem }
facts: { directory: x/e, files: [x/f, x/g] }
classes: x/h
policies: x/i
state: x/j
external: { directory: x/k, plugins: x/l }
metrics: { port: 9000, token_file: x/m }
audit:
  file: x/n
  ship:
    one: { https: { url: 'https://logs.devco.net/', ca: x/o, token_file: x/p } }
    two: { syslog: { host: logs.devco.net, ca: x/q } }
relay: { socket: x/r, nodes: x/s }
`;

describe('the files that node.yaml names', () => {
  test('are looked up from its directory, not from where the daemon was started', () => {
    const found = textsIn(read(relative)).filter(([, text]) => text.includes('x/'));
    const letters = found.map(([, text]) => text.replace(/^\/etc\/mco-deploy\/x\//, '').slice(0, 1));
    assert.deepEqual(letters.sort(), [...'abcdefghijklmnopqrs']);
    for (const [place, text] of found) assert.match(text, /^\/etc\/mco-deploy\/x\//, place);
  });

  test('have names of their own where none is given', () => {
    const { tls, facts, classes, policies, external } = read('agents: {}\n');
    assert.deepEqual(
      [...Object.values(tls), facts.directory, classes, policies, ...Object.values(external)],
      ['node.crt', 'node.key', 'ca.crt', 'crl.pem', 'facts.d', 'classes.txt', 'policies', 'agents.d', 'plugin.d'].map(
        (name) => `/etc/mco-deploy/${name}`,
      ),
    );
  });
});

describe('metrics that others can reach', () => {
  const metrics = (section: string) => () => read(`agents: {}\nmetrics: { port: 9000, ${section} }\n`);

  test('are refused without a token, on every address but those of loopback', () => {
    for (const address of ['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::2']) {
      assert.throws(metrics(`address: '${address}'`), { code: 'bad-configuration', message: /need a token/ }, address);
      assert.equal(metrics(`address: '${address}', token_file: t`)().metrics?.token_file, '/etc/mco-deploy/t');
    }
    for (const address of ['127.0.0.1', '127.200.0.9', '::1']) metrics(`address: '${address}'`)();
  });
});

describe('an item that the node reveals', () => {
  const config = read(`${relative}\nclock_grace: 3\n`);

  test('is one of a list, and has the value that is in force', () => {
    assert.equal(configItem(config, 'clock_grace'), 3);
    assert.equal(configItem(config, 'audit.file'), '/etc/mco-deploy/x/n');
    const without = configItems.filter((item) => configItem(config, item) === undefined);
    assert.deepEqual(without, []);
  });

  test('is never a section of an agent, a key, a token or the address of a receiver', () => {
    const secret = [
      'agents',
      'tls',
      'tls.key',
      'metrics',
      'metrics.token_file',
      'audit',
      'audit.ship',
      'relay',
      'file',
    ];
    for (const item of [...secret, 'constructor', '__proto__', 'audit.keep.constructor', '']) {
      assert.equal(configItem(config, item), undefined, item);
    }
    const revealed = textsIn(configItems.map((item) => configItem(config, item))).map(([, text]) => text);
    assert.ok(revealed.length > 10);
    for (const text of revealed) assert.doesNotMatch(text, /b\.key|x\/[mp]|logs\.devco/);
  });
});
