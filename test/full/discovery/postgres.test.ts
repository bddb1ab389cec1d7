import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { noFilter } from '../../../src/core/filter/filter.ts';
import type { Candidate } from '../../../src/core/node.ts';
import { sqlSource } from '../../../src/discovery/sql/source.ts';
import { type PostgresServer, startPostgres } from '../../support/discovery/servers/postgres-server.ts';

describe('discovery from a PostgreSQL database over TLS', () => {
  let server: PostgresServer;
  let directory: string;
  let passwordFile: string;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-sql-'));
    passwordFile = join(directory, 'password');
    await writeFile(passwordFile, 'sesame\n');
    server = await startPostgres();
    await server.execute('postgres', "create role reader login password 'sesame'");
    await server.execute('postgres', 'create database fleet owner reader');
    await server.execute(
      'fleet',
      `create table hosts (name text, address inet, port int, cluster text, facts jsonb);
       alter table hosts owner to reader;
       insert into hosts values ('dev1.devco.net', '10.0.0.1', null, 'alfa', '{"cores": 4}'),
         ('dev2.devco.net', '10.0.0.2', 5811, 'bravo', '{"cores": 8}'), ('dev4.devco.net', null, null, 'bravo', null)`,
    );
  });
  after(async () => {
    await server[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const source = (query: string, changed: object = {}) =>
    sqlSource({
      url: `postgres://reader@127.0.0.1:${server.port}/fleet`,
      query,
      password_file: passwordFile,
      ca: server.ca,
      timeout: 10,
      ...changed,
    });
  async function listedBy(from: ReturnType<typeof source>, facts: string[] = []): Promise<Candidate[]> {
    const listed: Candidate[] = [];
    for await (const one of from.discover({ ...noFilter, facts }, AbortSignal.timeout(20_000))) listed.push(one);
    return listed;
  }
  const whole = 'select name, host(address) as address, port, cluster, facts from hosts order by name';

  test('takes names, addresses, ports and facts from the query’s columns', async () => {
    assert.deepEqual(await listedBy(source(whole), ['cluster=bravo']), [
      { name: 'dev2.devco.net', addresses: [{ host: '10.0.0.2', port: 5811 }], source: 'sql' },
      { name: 'dev4.devco.net', addresses: [], source: 'sql' },
    ]);
    assert.deepEqual(
      (await listedBy(source(whole), ['cores=8'])).map(({ name }) => name),
      ['dev2.devco.net', 'dev4.devco.net'],
    );
  });

  test('cannot change anything, not even by a second statement', async () => {
    await assert.rejects(listedBy(source('delete from hosts returning name')), {
      code: 'source-failed',
      message: /read-only transaction/,
    });
    await assert.rejects(listedBy(source('rollback; delete from hosts; select name from hosts')), {
      message: /multiple commands/,
    });
    assert.equal((await listedBy(source(whole))).length, 3);
  });

  test('names the server that refuses, is a stranger, is slow or lacks the table, and never shows the password', async () => {
    const named = new RegExp(`the database at 127\\.0\\.0\\.1:${server.port} gives no list of nodes`);
    const wrong = join(directory, 'wrong');
    await writeFile(wrong, 'other');
    await assert.rejects(listedBy(source(whole, { password_file: wrong })), {
      message: /password authentication failed/,
    });
    const stranger = join(directory, 'ca.pem');
    await writeFile(stranger, '');
    await assert.rejects(listedBy(source(whole, { ca: stranger })), { message: /certificate/ });
    await assert.rejects(listedBy(source('select pg_sleep(60)', { timeout: 0.2 })), { message: /timeout/ });
    await assert.rejects(listedBy(source('select name from host')), { message: named });
    await assert.rejects(
      listedBy(source('select name from host')),
      (error: Error) => !error.message.includes('sesame'),
    );
  });
});
