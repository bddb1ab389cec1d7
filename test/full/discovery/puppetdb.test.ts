import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { noFilter } from '../../../src/core/filter/filter.ts';
import { puppetdbSource } from '../../../src/discovery/puppetdb/source.ts';
import { type PuppetdbServer, startPuppetdb } from '../../support/discovery/servers/puppetdb-server.ts';

describe('discovery from Debian’s PuppetDB', () => {
  let server: PuppetdbServer;
  before(async () => {
    server = await startPuppetdb();
    const producer_timestamp = '2026-01-02T03:04:05Z';
    for (const [certname, cluster] of [
      ['dev1', 'alfa'],
      ['dev2', 'bravo'],
      ['dev4', 'bravo'],
      ['old', 'bravo'],
    ]) {
      const values = { cluster, os: { name: 'Debian', release: { major: '12' } }, processors: { count: 4 } };
      const facts = {
        certname: `${certname}.devco.net`,
        environment: 'production',
        producer: null,
        producer_timestamp,
        values,
      };
      await server.command('replace_facts', 5, `${certname}.devco.net`, facts);
    }
    await server.command('deactivate_node', 3, 'old.devco.net', { certname: 'old.devco.net', producer_timestamp });
  });
  after(() => server[Symbol.asyncDispose]());

  async function namesBy(config: object, facts: string[] = []): Promise<string[]> {
    const { ca, certFile: certificate, keyFile: key } = server.tls;
    const source = puppetdbSource({ url: server.url, facts: [], ca, certificate, key, ...config });
    const names: string[] = [];
    for await (const one of source.discover({ ...noFilter, facts }, AbortSignal.timeout(60_000))) names.push(one.name);
    return names.sort();
  }

  test('lists the active nodes, and leaves out those whose facts exclude them', async () => {
    assert.deepEqual(await namesBy({}), ['dev1.devco.net', 'dev2.devco.net', 'dev4.devco.net']);
    assert.deepEqual(await namesBy({ facts: ['cluster', 'os.name'] }, ['cluster=bravo', 'os.name=debian']), [
      'dev2.devco.net',
      'dev4.devco.net',
    ]);
    // A fact that was not asked for rules nobody out: the nodes decide.
    assert.equal((await namesBy({}, ['cluster=bravo'])).length, 3);
  });

  test('accepts a custom query', async () => {
    const query = 'inventory[certname] { facts.cluster = "alfa" and facts.processors.count > 2 }';
    assert.deepEqual(await namesBy({ query }), ['dev1.devco.net']);
  });

  test('reports why PuppetDB rejects a query or a certificate', async () => {
    await assert.rejects(namesBy({ query: 'inventory[certname] {' }), {
      code: 'source-failed',
      message: /400 \(.*PQL/,
    });
    await assert.rejects(namesBy({ certificate: undefined, key: undefined }), { code: 'source-failed' });
    await assert.rejects(namesBy({ ca: undefined }), { code: 'source-failed', message: /certificate/ });
    await assert.rejects(namesBy({ query: 'inventory[certname] { facts.cluster = "none" }' }), {
      code: 'empty-source',
    });
  });
});
