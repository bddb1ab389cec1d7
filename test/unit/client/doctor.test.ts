import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { doctorClient, nodeFindings } from '../../../src/client/doctor/client.ts';
import { type Findings, noFindings } from '../../../src/discovery/directory.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { makeHome } from '../../support/program/home.ts';
import { quietContext } from '../../support/program/quiet-context.ts';

describe('doctor on the nodes', () => {
  test('names nodes whose clocks are off, that warn, fail or are silent', () => {
    const at = (name: string, time: number, warnings: string[] = []) => ({
      name,
      elapsed: 5,
      description: { time, warnings },
    });
    const findings = {
      nodes: [
        at('a', 100_000),
        at('b', 0),
        at('c', 100_000, ['it ends soon']),
        // The time that the reply took does not count.
        at('just', 110_005),
        at('late', 89_994),
        at('early', 110_006),
      ],
      broken: [{ name: 'd', problem: { message: 'is strange', hint: 'fix it' } }],
      silent: [{ name: 'e', lastSeen: undefined, by: 'the list' }],
    } as unknown as Findings;
    const found = nodeFindings(findings, 100_000).map(({ status, what }) => `${status} ${what}`);
    assert.deepEqual(found, [
      'ok 6 nodes answer',
      'broken b says that it is 1970-01-01T00:00:00.000Z',
      'broken late says that it is 1970-01-01T00:01:29.994Z',
      'broken early says that it is 1970-01-01T00:01:50.006Z',
      'warning c: it ends soon',
      'broken d: is strange',
      'broken e is silent, never seen, known from the list',
    ]);
    assert.deepEqual(
      nodeFindings(noFindings).map(({ status, what }) => `${status} ${what}`),
      ['broken none answers'],
    );
  });
});

describe('what doctor reports about a client', () => {
  let fleet: Fleet;
  let home: string;
  before(async () => {
    fleet = await makeFleet();
    home = await makeHome(fleet.dir, await fleet.operator('rip@devco.net'), []);
  });
  after(() => fleet.remove());
  const config = () => join(home, '.config/mco-deploy/client.yaml');
  const report = async (file?: string) =>
    (await doctorClient(file, quietContext({ HOME: home }).context)).map(({ check, status, what }) => [
      check,
      status,
      what,
    ]);

  test('is its configuration, its certificate, how it finds nodes and whether any answers', async () => {
    const found = await report();
    const of = (check: string) =>
      found.filter(([one]) => one === check).map(([, status, what]) => `${status}: ${what}`);
    assert.deepEqual(of('configuration'), [`ok: ${config()}`]);
    assert.deepEqual(of('discovery'), ['ok: by file']);
    assert.deepEqual(of('nodes'), ['broken: none answers']);
    assert.ok(
      found.some(([check]) => /certificate/.test(check ?? '')),
      JSON.stringify(found),
    );
  });

  test('is only the configuration if that cannot be read, and nothing of nodes without a certificate', async () => {
    const wrong = join(home, 'wrong.yaml');
    writeFileSync(wrong, 'discovery: 7\n');
    const found = await report(wrong);
    assert.deepEqual(
      found.map(([check, status]) => [check, status]),
      [['configuration', 'broken']],
    );
    const without = join(home, 'without.yaml');
    writeFileSync(
      without,
      `tls: { certificate: ${home}/no.crt, key: ${home}/no.key, ca: ${home}/no.crt }\ndiscovery: { method: file, file: ${home}/nodes.json }\n`,
    );
    const checks = (await report(without)).map(([check]) => check);
    assert.ok(!checks.includes('nodes'), checks.join());
    assert.ok(checks.includes('discovery'));
  });
});
