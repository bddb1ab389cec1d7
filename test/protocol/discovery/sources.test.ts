import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { noFilter } from '../../../src/core/filter/filter.ts';
import { isNodeName } from '../../../src/core/identity.ts';
import type { Candidate } from '../../../src/core/node.ts';
import type { DiscoverySource } from '../../../src/core/ports.ts';
import { openCache } from '../../../src/discovery/cache/cache.ts';
import { type DiscoveryOptions, sourceByName, sources } from '../../../src/discovery/index.ts';
import { startFakeConsul } from '../../support/discovery/servers/fake-consul.ts';
import { startJsonServer } from '../../support/discovery/servers/json-server.ts';
import { startDnsServer } from '../../support/discovery/servers/dns-server.ts';
import { createNetwork, type Network } from '../../support/discovery/network.ts';
import { freePort } from '../../support/free-port.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';

const names = ['dev1.devco.net', 'dev2.devco.net'];

async function candidatesOf(source: DiscoverySource): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  for await (const candidate of source.discover(noFilter, AbortSignal.timeout(100_000))) candidates.push(candidate);
  return candidates.sort((a, b) => (a.name < b.name ? -1 : 1));
}

let directory: string;
let network: Network;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-sources-'));
  network = await createNetwork(3);
});

after(async () => {
  await network.remove();
  await rm(directory, { recursive: true });
});

async function optionsWith(more: Partial<DiscoveryOptions> = {}): Promise<DiscoveryOptions> {
  const log = keepingLog();
  const cache = openCache(join(directory, 'cache.json'), log);
  return { interfaces: [], timeout: 2000, list: async () => '', cache, log, ...more };
}

/** Each source with two nodes that it can candidatesOf of, by a stimulus of its own kind. */
const stimuli: Record<string, () => Promise<Candidate[]>> = {
  async mdns() {
    for (const [index, identity] of names.entries()) {
      const script = network.hosts[index]?.start('announce.ts', { identity });
      assert.ok((await script?.next())?.started);
      assert.equal((await script?.next())?.settled, 'announced');
    }
    const asking = network.hosts[2]?.start('ask.ts', {});
    const candidates: Candidate[] = [];
    for (let line = await asking?.next(); line?.name !== undefined; line = await asking?.next()) {
      const { after: _after, ...candidate } = line;
      candidates.push(candidate as unknown as Candidate);
    }
    return candidates.sort((a, b) => (a.name < b.name ? -1 : 1));
  },
  async file() {
    const file = join(directory, 'nodes.yaml');
    await writeFile(file, `nodes:\n${names.map((name) => `  - { name: ${name}, address: 10.77.0.1 }\n`).join('')}`);
    return candidatesOf(sourceByName('file', await optionsWith({ file })));
  },
  async stdin() {
    const list = async () => JSON.stringify(names.map((name) => ({ node: name, address: '10.77.0.1' })));
    return candidatesOf(sourceByName('stdin', await optionsWith({ list })));
  },
  async cache() {
    const options = await optionsWith();
    const addresses = [{ host: '10.77.0.1', port: 5810 }];
    options.cache.remember(
      names.map((name) => ({ name, addresses, agents: [], classes: [], facts: {} })),
      1,
    );
    return candidatesOf(sourceByName('cache', options));
  },
  async dns() {
    await using server = await startDnsServer('devco.net', Object.fromEntries(names.map((one) => [one, '10.77.0.1'])));
    return await candidatesOf(sourceByName('dns', await optionsWith({ domain: 'devco.net', server: server.address })));
  },
  async exec() {
    const nodes = names.map((name) => ({ name, address: '10.77.0.1' }));
    const command = [process.execPath, '-e', `console.log(${JSON.stringify(JSON.stringify({ nodes }))})`];
    return candidatesOf(sourceByName('exec', await optionsWith({ exec: { command, timeout: 20 } })));
  },
  async consul() {
    await using consul = await startFakeConsul({ token: undefined });
    for (const name of names) consul.register({ Node: name, Address: '10.77.0.1', ServicePort: 5810 });
    return await candidatesOf(
      sourceByName('consul', await optionsWith({ consul: { url: consul.url, service: 'mco-deploy' } })),
    );
  },
  async puppetdb() {
    await using server = await startJsonServer(names.map((certname) => ({ certname })));
    const puppetdb = { url: server.url, facts: [], port: 5810 };
    const candidates = await candidatesOf(sourceByName('puppetdb', await optionsWith({ puppetdb })));
    // PuppetDB knows names, which the network resolves.
    return candidates.map((one) => ({
      ...one,
      addresses: one.addresses.map(({ port }) => ({ host: '10.77.0.1', port })),
    }));
  },
  async relay() {
    // test/protocol/relay has the replies of real relays; this one also returns names that are not valid.
    const askRelays = async function* () {
      yield* [...names, 'not a name', '../up'];
    };
    return candidatesOf(sourceByName('relay', await optionsWith({ askRelays })));
  },
  async sql() {
    const file = join(directory, 'inventory.sqlite');
    const database = new DatabaseSync(file);
    database.exec('create table hosts (name text, address text)');
    for (const name of names) database.prepare("insert into hosts values (?, '10.77.0.1')").run(name);
    database.close();
    const sql = { url: `sqlite:${file}`, query: 'select name, address from hosts', timeout: 10 };
    return candidatesOf(sourceByName('sql', await optionsWith({ sql })));
  },
};

describe('the sources of discovery', () => {
  for (const { name } of sources) {
    test(`${name} reports its nodes and their addresses, and that it only lists candidates`, async () => {
      const stimulus = stimuli[name];
      assert.ok(stimulus, `no stimulus for ${name}`);
      const candidates = await stimulus();
      assert.deepEqual(
        candidates.map((one) => one.name),
        names,
      );
      for (const candidate of candidates) {
        assert.ok(isNodeName(candidate.name));
        assert.equal(candidate.source, name);
        // A relay says that it has a way to a node, not where the node is.
        if (name === 'relay') {
          assert.deepEqual(candidate.addresses, []);
          continue;
        }
        assert.match(candidate.addresses[0]?.host ?? '', /^10\.77\.0\.\d$/);
        assert.equal(candidate.addresses[0]?.port, 5810);
      }
    });
  }

  test('report when a DNS server is down, lists nothing, or does not exist', async () => {
    const nobody = await optionsWith({ domain: 'devco.net', server: `127.0.0.1:${await freePort()}`, timeout: 200 });
    await assert.rejects(candidatesOf(sourceByName('dns', nobody)), {
      code: 'unreachable-dns',
      message: /127\.0\.0\.1:\d+/,
    });
    await using server = await startDnsServer('devco.net', { 'dev1.devco.net': '10.77.0.1' });
    const elsewhere = await optionsWith({ domain: 'web.devco.net', server: server.address });
    await assert.rejects(candidatesOf(sourceByName('dns', elsewhere)), { code: 'no-such-service' });
    const wrong = await optionsWith({ domain: 'devco.net', server: 'dns.devco.net' });
    await assert.rejects(candidatesOf(sourceByName('dns', wrong)), { code: 'usage' });
  });

  test('report when no interface can carry the question', async () => {
    const source = sourceByName('mdns', await optionsWith({ interfaces: ['nosuch0'] }));
    await assert.rejects(candidatesOf(source), { code: 'no-multicast' });
  });
});
