import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { HeldHost } from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import {
  maintenanceFile,
  readMaintenance,
  writeMaintenance,
} from '../../../../../src/agents/haproxy/maintenance/store.ts';
import { temporaryDirectory } from '../../../../support/agents/agent-setup.ts';

const line = { socket: '/run/a.sock', backend: 'app', server: 'web1', address: '10.0.0.1:80', agent: false, total: 0 };
const held: HeldHost = {
  ...{ host: 'dev1', addresses: ['10.0.0.1'], fqdns: ['dev1.net'], backends: ['app'], ports: [80], lines: [line] },
  ...{ stage: 'out', since: 1, caller: 'cert=rip', run: 'a', outSince: 2 },
  breaks: [{ at: 3, socket: '/run/a.sock', line: 'app/web1', cause: 'c', where: 'w' }],
  processes: { '/run/a.sock': { version: '3.0', pid: 7, uptime: 1, started: 5 } },
};

const file = () => maintenanceFile(temporaryDirectory());
const reading = (text: string) => {
  const place = file();
  writeFileSync(place, text);
  return readMaintenance(place);
};
const readingHost = (changes: object) => reading(JSON.stringify({ version: 2, hosts: [{ ...held, ...changes }] }));

describe('the file of held hosts', () => {
  test('returns what was written, and holds none if it is missing', async () => {
    const place = file();
    assert.deepEqual(await readMaintenance(place), []);
    const [least] = [{ ...held, host: 'dev2', lines: [], breaks: [], processes: {}, ports: [], addresses: [] }];
    await writeMaintenance(place, [held, least]);
    assert.deepEqual(await readMaintenance(place), [held, least]);
    await writeMaintenance(place, []);
    assert.deepEqual(await readMaintenance(place), []);
    assert.equal(readFileSync(place, 'utf8').endsWith('\n'), true);
  });

  test('is reported by its name when it cannot be read or written', async () => {
    const directory = temporaryDirectory();
    mkdirSync(join(directory, 'held.json'));
    const place = maintenanceFile(directory);
    await assert.rejects(readMaintenance(place), { code: 'unreadable-state', message: /held\.json cannot be read: / });
    await assert.rejects(writeMaintenance(join(directory, 'none/held.json'), []), {
      code: 'unwritable-state',
      message: /none\/held\.json cannot be written: /,
    });
  });

  for (const [what, text] of [
    ['is cut off', '{"version":2,"hosts":['],
    ['is empty', ''],
    ['is of a later form', '{"version":3,"hosts":[]}'],
    ['has no version and no servers', '{}'],
    ['has no list of hosts', '{"version":2,"hosts":{}}'],
  ] as const) {
    test(`is damaged if ${what}: the hosts that must stay out are unknown`, () =>
      assert.rejects(reading(text), {
        code: 'damaged-state',
        message: /held\.json is damaged, and which hosts it holds out is not known: ./,
        hint: /move \S+held\.json away/,
      }));
  }

  test('may omit when a host was disabled, and by whose call', async () => {
    const { since: _since, caller: _caller, run: _run, outSince: _out, backends: _backends, ...least } = held;
    assert.deepEqual(await reading(JSON.stringify({ version: 2, hosts: [least] })), [least]);
  });

  for (const changes of [
    { host: '' },
    { host: 'a b' },
    { host: 7 },
    { addresses: '10.0.0.1' },
    { addresses: [1] },
    { fqdns: undefined },
    { fqdns: [null] },
    { backends: 'app' },
    { backends: ['app', 'a;b'] },
    { ports: 80 },
    { ports: ['80'] },
    { lines: undefined },
    { lines: [line, null] },
    { lines: [{ ...line, socket: 7 }] },
    { lines: [{ ...line, address: undefined }] },
    { lines: [{ ...line, backend: 'a b' }] },
    { lines: [{ ...line, server: '' }] },
    { lines: [{ ...line, agent: 'yes' }] },
    { lines: [{ ...line, total: 0.5 }] },
    { stage: 'gone' },
    { breaks: undefined },
    { breaks: ['x'] },
    { processes: [] },
    { since: 'now' },
    { outSince: 1.5 },
  ]) {
    test(`is damaged with a host of ${JSON.stringify(changes)}`, () =>
      assert.rejects(readingHost(changes), { code: 'damaged-state', message: /one of its hosts is incomplete/ }));
  }

  for (const host of ['null', '7', '"dev1"']) {
    test(`is damaged with the host ${host}`, () =>
      assert.rejects(reading(`{"version":2,"hosts":[${host}]}`), {
        code: 'damaged-state',
        message: /one of its hosts is incomplete/,
      }));
  }

  for (const stage of ['leaving', 'out', 'entering'] as const) {
    test(`may hold a host at the stage “${stage}”`, async () => {
      assert.equal((await readingHost({ stage }))[0]?.stage, stage);
    });
  }
});

describe('the first version of the file', () => {
  const first = (servers: unknown) => reading(JSON.stringify({ servers }));

  test('has no version: with one, the hosts of the file count', async () => {
    const servers = [{ backend: 'app', server: 'web1' }];
    assert.deepEqual(await reading(JSON.stringify({ version: 2, servers, hosts: [held] })), [held]);
    await assert.rejects(reading(JSON.stringify({ servers: {} })), { message: /its form is undefined, not 2/ });
    await assert.rejects(reading(JSON.stringify({ version: 2 })), { message: /it has no list “hosts”/ });
  });

  test('holds each server out of its one backend', async () => {
    const servers = [
      { backend: 'app', server: 'web1', since: 5, caller: 'cert=rip', run: 'abc' },
      { backend: 'app', server: 'web2' },
      { backend: 'app', server: 'web3', since: 6 },
    ];
    const nothing = { addresses: [], fqdns: [], ports: [], lines: [], breaks: [], processes: {}, stage: 'out' };
    assert.deepEqual(await first(servers), [
      { host: 'web1', backends: ['app'], ...nothing, since: 5, caller: 'cert=rip', run: 'abc' },
      { host: 'web2', backends: ['app'], ...nothing },
      { host: 'web3', backends: ['app'], ...nothing, since: 6, caller: '', run: '' },
    ]);
  });

  for (const server of [null, {}, { backend: 'app' }, { server: 'web1' }, { backend: 'a b', server: 'web1' }]) {
    test(`is damaged with the server ${JSON.stringify(server)}`, () =>
      assert.rejects(first([server]), { code: 'damaged-state', message: /one of its servers is incomplete/ }));
  }
});
