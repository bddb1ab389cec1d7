import assert from 'node:assert/strict';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, before, describe, test } from 'node:test';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { Candidate } from '../../../src/core/node.ts';
import type { DiscoverySource } from '../../../src/core/ports.ts';
import { consulSource } from '../../../src/discovery/consul/source.ts';
import { execSource } from '../../../src/discovery/exec/source.ts';
import { puppetdbSource } from '../../../src/discovery/puppetdb/source.ts';
import { sqlSource } from '../../../src/discovery/sql/source.ts';
import { makeServerCertificate, type ServerCertificate } from '../../support/certificates.ts';
import { startFakeConsul } from '../../support/discovery/servers/fake-consul.ts';
import { startJsonServer } from '../../support/discovery/servers/json-server.ts';
import { freePort } from '../../support/free-port.ts';
import { mockDelays } from '../../support/mock-delays.ts';
import { until } from '../../support/until.ts';

let directory: string;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-databases-'));
});
after(() => rm(directory, { recursive: true }));

const bravo = { ...noFilter, facts: ['cluster=bravo'] };

async function listedBy(source: DiscoverySource, filter = noFilter, signal = AbortSignal.timeout(100_000)) {
  const listed: Candidate[] = [];
  for await (const candidate of source.discover(filter, signal)) listed.push(candidate);
  return listed;
}

async function isAlive(pid: number): Promise<boolean> {
  const state = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z ');
  return !state.includes(') Z ');
}

async function namesBy(source: DiscoverySource, filter = noFilter): Promise<string[]> {
  return (await listedBy(source, filter)).map(({ name }) => name).sort();
}

describe('discovery by a program', () => {
  async function program(body: string): Promise<DiscoverySource> {
    const file = join(await mkdtemp(join(directory, 'program-')), 'list');
    await writeFile(file, `#!/bin/sh\n${body}\n`);
    await chmod(file, 0o755);
    return execSource({ command: [file, '--all'], timeout: 10 });
  }

  test('passes the filter to the program as one line of JSON, and takes names, addresses and facts from its output', async () => {
    const request = join(directory, 'request');
    const nodes = [
      { name: 'dev1.devco.net', address: '10.0.0.1', facts: { cluster: 'alfa' } },
      { name: 'dev2.devco.net', address: '10.0.0.2', port: 5811, facts: { cluster: 'bravo' } },
      { name: 'dev3.devco.net' },
    ];
    const source = await program(`cat >${request}\necho '${JSON.stringify({ nodes })}'\ntest "$1" = --all`);
    assert.deepEqual(await listedBy(source, bravo), [
      { name: 'dev2.devco.net', addresses: [{ host: '10.0.0.2', port: 5811 }], source: 'exec' },
      // Nodes are asked for facts that it does not return.
      { name: 'dev3.devco.net', addresses: [], source: 'exec' },
    ]);
    const asked = JSON.parse(await readFile(request, 'utf8'));
    assert.deepEqual([asked.protocol, asked.filter.facts, asked.timeout], [1, ['cluster=bravo'], 10]);
  });

  test('passes neither the environment nor a shell to it', async () => {
    process.env.MCO_TEST_SECRET = 'secret';
    const seen = join(directory, 'seen');
    try {
      const source = await program(`env >${seen}\necho '{"nodes": ["x"]}'`);
      await assert.rejects(listedBy(source), { code: 'bad-nodes', message: /node 1 is not an object/ });
    } finally {
      delete process.env.MCO_TEST_SECRET;
    }
    assert.doesNotMatch(await readFile(seen, 'utf8'), /secret/);
    const [marker, plain] = [join(directory, 'marker'), join(directory, 'plain')];
    await writeFile(plain, '#!/bin/sh\necho \'{"nodes": [{"name": "dev1.devco.net"}]}\'\n', { mode: 0o755 });
    const odd = execSource({ command: [plain, `; touch ${marker}`], timeout: 10 });
    assert.deepEqual(await namesBy(odd), ['dev1.devco.net']);
    await assert.rejects(readFile(marker), { code: 'ENOENT' });
  });

  for (const [what, body, message] of [
    [
      'ends with another code, with its own words',
      'echo "no inventory: please log in" >&2\nexit 3',
      /exit code 3: no inventory: please log in/,
    ],
    ['prints what is not JSON', 'echo "web1 web2"', /not JSON \(it begins “web1 web2”\)/],
    ['prints JSON of another form', 'echo "[]"', /no list “nodes”/],
    ['lists nobody', `echo '{"nodes": []}'`, /lists no nodes/],
    ['names a node twice', `echo '{"nodes": [{"name": "a.b"}, {"name": "a.b"}]}'`, /a\.b .*twice/],
    [
      'lists facts that are not an object',
      `echo '{"nodes": [{"name": "a.b", "facts": 5}]}'`,
      /: node 1 is not an object/,
    ],
    ['is killed', 'kill -9 $$', /ended with SIGKILL/],
    ['writes more than 16 MiB', 'head -c 16777217 /dev/zero', /wrote more than 16777216 bytes/],
    ['lists what can’t be a name', `echo '{"nodes": [{"name": "../x"}]}'`, /“\.\.\/x”/],
  ] as const) {
    test(`stops and names the program when it ${what}`, async () => {
      await assert.rejects(listedBy(await program(body)), { message });
      await assert.rejects(listedBy(await program(body)), { message: /discovery program .*list/ });
    });
  }

  test('ends a program that takes too long, with all its processes', async () => {
    const pidFile = join(directory, 'pid');
    const file = join(directory, 'slow');
    await writeFile(file, `#!/bin/sh\nsleep 1000 &\necho $! >${pidFile}\nwait\n`, { mode: 0o755 });
    const read = async () => Number(await readFile(pidFile, 'utf8').catch(() => ''));
    {
      using delays = mockDelays();
      const late = assert.rejects(listedBy(execSource({ command: [file], timeout: 1 })), {
        message: /did not end within 1 s/,
      });
      await until('its child runs', async () => (await read()) > 0, 0);
      await delays.pass(1000);
      await late;
    }
    const pid = await read();
    // A killed process is gone a moment later, when its parent has seen its end.
    await until('its child has ended', async () => !(await isAlive(pid)));
  });
});

describe('discovery by Consul', () => {
  let certificate: ServerCertificate;
  before(async () => {
    certificate = await makeServerCertificate(directory, 'consul');
  });

  test('asks the catalogue by TLS with its token, and uses tags and metadata as facts', async () => {
    await using consul = await startFakeConsul({ token: 'let-me-in', certificate });
    const common = { ServicePort: 5810, Address: '10.0.0.9' };
    consul.register({ ...common, Node: 'dev1', ServiceAddress: '10.0.0.1', ServiceTags: ['cluster=alfa', 'web'] });
    consul.register({ ...common, Node: 'dev2', ServiceAddress: '', ServiceTags: ['cluster=bravo'] });
    consul.register({ ...common, Node: 'x', ServiceMeta: { identity: 'dev3.devco.net', cluster: 'bravo' } });
    consul.register({ ...common, Node: 'dev4.devco.net', NodeMeta: { cluster: 'alfa' } });
    const tokenFile = join(directory, 'token');
    await writeFile(tokenFile, 'let-me-in\n');
    const config = { url: consul.url, service: 'mco-deploy', domain: 'devco.net', datacenter: 'dc1', tag: 'a b' };
    const source = consulSource({ ...config, token_file: tokenFile, ca: certificate.ca }, 2000);
    assert.deepEqual(await listedBy(source, bravo), [
      { name: 'dev2.devco.net', addresses: [{ host: '10.0.0.9', port: 5810 }], source: 'consul' },
      { name: 'dev3.devco.net', addresses: [{ host: '10.0.0.9', port: 5810 }], source: 'consul' },
    ]);
    assert.deepEqual(consul.asked, ['/v1/catalog/service/mco-deploy?dc=dc1&tag=a+b']);
  });

  test('waits for the first node of an empty catalogue by a blocking query', async () => {
    let register = () => {};
    await using consul = await startFakeConsul({ token: undefined, onBlocked: () => register() });
    register = () => consul.register({ Node: 'dev1.devco.net', Address: '10.0.0.1', ServicePort: 5810 });
    const source = consulSource({ url: consul.url, service: 'mco-deploy' }, 30_000);
    assert.deepEqual(await namesBy(source), ['dev1.devco.net']);
    assert.equal(consul.asked[1], '/v1/catalog/service/mco-deploy?index=7&wait=30000ms');
  });

  test('names the server that refuses, is a stranger, is down or lists nobody', async () => {
    await using consul = await startFakeConsul({ token: 'other', certificate });
    const at = { url: consul.url, service: 'mco-deploy' };
    const named = new RegExp(`consul at ${consul.url}`);
    await assert.rejects(listedBy(consulSource({ ...at, ca: certificate.ca }, 500)), {
      code: 'source-failed',
      message: /403 \(Permission denied/,
    });
    await assert.rejects(listedBy(consulSource(at, 500)), { code: 'source-failed', message: named });
    await assert.rejects(listedBy(consulSource(at, 500)), { message: /certificate/ });
    const nobody = `http://127.0.0.1:${await freePort()}`;
    await assert.rejects(listedBy(consulSource({ ...at, url: nobody }, 500)), { message: /connection refused/ });
    await using empty = await startFakeConsul({ token: undefined });
    await assert.rejects(listedBy(consulSource({ ...at, url: empty.url }, 100)), { code: 'empty-source' });
    await assert.rejects(listedBy(consulSource({ ...at, url: empty.url, service: 'other' }, 100)), { message: /404/ });
  });
});

describe('a source that is a web server', () => {
  for (const [what, answer, status, message] of [
    ['rubbish', '<html>login</html>', 200, /not JSON \(it begins “<html>login/],
    ['an error', 'the database is starting', 503, /503 \(the database is starting\)/],
    ['a redirect', '', 302, /302/],
    ['an object', {}, 200, /not a list/],
    ['rows without a name', [{ name: 'dev1' }], 200, /no certname|no “Node”/],
    [
      'a node twice',
      [
        { certname: 'a.b', Node: 'a.b' },
        { certname: 'a.b', Node: 'a.b' },
      ],
      200,
      /twice/,
    ],
    ['nobody', [], 200, /lists no nodes/],
  ] as const) {
    test(`is named when it returns ${what}`, async () => {
      await using server = await startJsonServer(answer, status);
      for (const source of [
        puppetdbSource({ url: server.url, facts: [] }),
        consulSource({ url: server.url, service: 'mco-deploy' }, 200),
      ]) {
        await assert.rejects(listedBy(source), { message });
        await assert.rejects(listedBy(source), { message: new RegExp(server.url) });
      }
    });
  }
});

describe('discovery from an SQLite database', () => {
  const file = () => join(directory, 'fleet.sqlite');
  before(() => {
    const database = new DatabaseSync(file());
    database.exec(`create table hosts (fqdn text, ip text, port integer, cluster text, more text);
      insert into hosts values ('dev1.devco.net', '10.0.0.1', null, 'alfa', '{"cores": 4}');
      insert into hosts values ('dev2.devco.net', '10.0.0.2', 5811, 'bravo', '{"cores": 8}');
      insert into hosts values ('dev4.devco.net', null, null, 'bravo', null);`);
    database.close();
  });
  const source = (query: string) => sqlSource({ url: `sqlite:${file()}`, query, timeout: 5 });
  const whole = 'select fqdn as name, ip as address, port, cluster, more as facts from hosts order by fqdn';

  test('takes names, addresses and ports from their columns, and every other column as a fact', async () => {
    assert.deepEqual(await listedBy(source(whole), bravo), [
      { name: 'dev2.devco.net', addresses: [{ host: '10.0.0.2', port: 5811 }], source: 'sql' },
      { name: 'dev4.devco.net', addresses: [], source: 'sql' },
    ]);
    assert.deepEqual(await namesBy(source(whole), { ...noFilter, facts: ['cores=4'] }), [
      'dev1.devco.net',
      'dev4.devco.net',
    ]);
  });

  test('cannot change anything, and reports what is wrong with a query', async () => {
    const before = await readFile(file());
    await assert.rejects(listedBy(source('delete from hosts returning fqdn as name')), {
      code: 'source-failed',
      message: /readonly database/,
    });
    await assert.rejects(listedBy(source('select name from host')), { message: /no such table: host/ });
    await assert.rejects(listedBy(source('select ip from hosts')), { message: /row 1 has no column “name”/ });
    await assert.rejects(listedBy(source('select fqdn as name from hosts where 1 = 0')), { code: 'empty-source' });
    await assert.rejects(listedBy(sqlSource({ url: 'sqlite:/nonexistent', query: whole, timeout: 5 })), {
      message: /the database \/nonexistent gives no list/,
    });
    assert.deepEqual(await readFile(file()), before);
  });
});
