import assert from 'node:assert/strict';
import { Resolver } from 'node:dns/promises';
import { describe, test } from 'node:test';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import type { Candidate } from '../../../../src/core/node.ts';
import { dnsSource } from '../../../../src/discovery/dns/source.ts';

const service = '_mco-deploy._tcp.devco.net';

describe('a node that DNS lists', () => {
  test('has no address at port 0, which no node has', async (t) => {
    const instance = `web1.devco.net.${service}`;
    const at = (port: number, priority: number) => ({ name: `port${port}.devco.net`, port, priority, weight: 0 });
    let records = [at(0, 1), at(5810, 2)];
    t.mock.method(Resolver.prototype, 'resolvePtr', async () => [instance]);
    t.mock.method(Resolver.prototype, 'resolveSrv', async () => records);
    t.mock.method(Resolver.prototype, 'resolveTxt', async () => []);
    t.mock.method(Resolver.prototype, 'resolve4', async (host: string) => [
      host === 'port0.devco.net' ? '10.0.0.1' : '10.0.0.2',
    ]);
    t.mock.method(Resolver.prototype, 'resolve6', async () => []);
    const look = async () => {
      const found: Candidate[] = [];
      const { signal } = new AbortController();
      for await (const one of dnsSource({ domain: 'devco.net', timeout: 1000 }).discover(noFilter, signal))
        found.push(one as Candidate);
      return found;
    };
    const node = { name: 'web1.devco.net', source: 'dns' };
    assert.deepEqual(await look(), [{ ...node, addresses: [{ host: '10.0.0.2', port: 5810 }] }]);
    records = [at(0, 1)];
    assert.deepEqual(await look(), [{ ...node, addresses: [] }], 'it is named as silent');
  });
});
