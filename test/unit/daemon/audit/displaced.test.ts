import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { AuditEvent, AuditRecord } from '../../../../src/core/audit/record.ts';
import { verifyAuditLog } from '../../../../src/core/audit/verify-log.ts';
import { openAuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { endless } from '../../../../src/daemon/audit/files/rotate.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';

let fleet: Fleet;
let node: Member;
let directory: string;
let file: string;
let notes: string;

before(async () => {
  fleet = await makeFleet();
  node = await fleet.node('dev2.devco.net');
});
after(() => fleet.remove());
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-audit-');
  file = join(directory, 'log', 'audit.jsonl');
  notes = join(directory, 'state', 'audit.json');
});
afterEach(() => rmSync(directory, { recursive: true }));

const open = (limits = endless) => openAuditLog(file, () => node.credentials, Date.now, limits, notes);
const started = (): AuditEvent => ({
  kind: 'started',
  version: '0.1.0',
  certificate: node.certificate.raw.toString('base64'),
});
const records = () =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as AuditRecord);

describe('an audit log that another program moves, removes or changes while the daemon runs', () => {
  const cases: Readonly<Record<string, readonly [found: string, act: () => void]>> = {
    'is renamed, as logrotate does': ['missing', () => renameSync(file, `${file}.1`)],
    'is removed': ['missing', () => rmSync(file)],
    'loses its directory': ['missing', () => rmSync(dirname(file), { recursive: true })],
    'is renamed and an empty file is made': [
      'replaced',
      () => {
        renameSync(file, `${file}.1`);
        writeFileSync(file, '');
      },
    ],
    'is replaced by a copy': [
      'replaced',
      () => {
        const text = readFileSync(file);
        rmSync(file);
        writeFileSync(file, text);
      },
    ],
    'is copied and truncated': ['shortened', () => truncateSync(file)],
    'loses its end': ['shortened', () => truncateSync(file, 100)],
    'gets a line from somebody else': ['lengthened', () => appendFileSync(file, '{}\n')],
    'is replaced by a directory': [
      'replaced',
      () => {
        rmSync(file);
        mkdirSync(file);
      },
    ],
  };
  for (const [what, [found, act]] of Object.entries(cases)) {
    test(`continues the chain in a file with a record of that if another program ${what}, and warns until it is acknowledged`, async () => {
      const log = await open();
      for (let count = 0; count < 3; count++) await log.append(started(), true);
      const { hash } = log.head();
      act();
      assert.equal(await log.append(started(), true), 5);
      const [first, second, ...more] = records();
      assert.ok(first?.kind === 'displaced' && second?.kind === 'started' && more.length === 0);
      assert.deepEqual([first.found, first.sequence, first.previous], [found, 4, hash.toString('hex')]);
      assert.equal(first.kept === '', !existsSync(join(dirname(file), first.kept || '-')));
      assert.match(log.warnings().join(), /continues in a new file with record 4.*mco-deploy rpc audit acknowledge/);
      assert.equal(await log.append(started(), true), 6);
      const { fault } = await verifyAuditLog(file, fleet.trust);
      assert.equal(fault?.code, 'removed');
      assert.match(fault.message, /records 1 to 3 are missing before it, and record 4 says that the log was/);
      await log.close();

      const again = await open();
      assert.equal(again.warnings().length, 1);
      assert.equal(await again.acknowledge(), 1);
      assert.deepEqual(again.warnings(), []);
      await again.close();
      assert.deepEqual(await (await open()).warnings(), []);
    });
  }

  test('refuses changes while no new file can be made, and records what happened once it can', async () => {
    const log = await open();
    await log.append(started(), true);
    rmSync(dirname(file), { recursive: true });
    writeFileSync(dirname(file), 'in the way');
    await assert.rejects(log.append(started(), true), {
      code: 'audit-failed',
      message: /part of the path is not a directory|exists already/,
    });
    rmSync(dirname(file));
    await log.append(started(), true);
    assert.deepEqual(
      records().map(({ kind, sequence }) => [kind, sequence]),
      [
        ['displaced', 2],
        ['started', 3],
      ],
    );
    await log.close();
  });
});

describe('an audit log that is moved away or cut while the daemon does not run', () => {
  for (const [what, act] of [
    ['is removed', () => rmSync(file)],
    [
      'loses its last records',
      () => writeFileSync(file, `${readFileSync(file, 'utf8').split('\n').slice(0, 2).join('\n')}\n`),
    ],
  ] as const) {
    test(`continues after the daemon’s last record if another program ${what}, and warns`, async () => {
      const log = await open();
      for (let count = 0; count < 4; count++) await log.append(started(), true);
      await log.close();
      act();
      const again = await open();
      assert.equal(await again.append(started(), true), 6);
      assert.deepEqual(
        records().map(({ kind, sequence }) => [kind, sequence]),
        [
          ['displaced', 5],
          ['started', 6],
        ],
      );
      assert.match(again.warnings().join(), /was moved away or cut while the daemon did not run/);
      await again.close();
    });
  }
});
