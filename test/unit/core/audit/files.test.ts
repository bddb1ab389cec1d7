import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { archivePath, listAuditFiles, readFileLines } from '../../../../src/core/audit/files.ts';
import { verifyAuditLog } from '../../../../src/core/audit/verify-log.ts';
import type { Trust } from '../../../../src/core/credentials/proof.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { outcome, rotated, started, writeLog } from '../../../support/node/audit-lines.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync('/dev/shm/mco-audit-files-');
  file = join(directory, 'audit.jsonl');
});
afterEach(() => rmSync(directory, { recursive: true }));
const place = (name: string, text = '') => writeFileSync(join(directory, name), text);

describe('the files of an audit log', () => {
  test('include the full ones by the numbers in their names, and the one that is written to', async () => {
    assert.equal(archivePath('/var/log/mco/audit.jsonl', 4711), '/var/log/mco/audit-000000004711.jsonl');
    // By their letters, the last two are the other way round.
    const archives = ['audit-000000000002.jsonl', 'audit-999999999999.jsonl', 'audit-1000000000000.jsonl'];
    const others = [
      'audit-1.jsonl',
      'audit-00000000000.jsonl',
      'audit-0000000000000001.jsonl',
      'audit-00000000000a.jsonl',
      'audit-000000000003.jsonl.gz',
      'audit-000000000003.txt',
      'audit-000000000003.jsonx',
      'other-000000000003.jsonl',
      'audit.jsonl.next',
      'xaudit-000000000003.jsonl',
    ];
    for (const name of [...archives, ...others]) place(name);
    const expected = [2, 999_999_999_999, 1_000_000_000_000].map((first, at) => ({
      path: join(directory, archives[at] ?? ''),
      first,
    }));
    assert.deepEqual(await listAuditFiles(file), expected);
    place('audit.jsonl');
    assert.deepEqual(await listAuditFiles(file), [...expected, { path: file, first: undefined }]);
  });

  test('cannot be found if their directory cannot be read', async () => {
    const missing = join(directory, 'nothing');
    await assert.rejects(listAuditFiles(join(missing, 'audit.jsonl')), {
      code: 'unreadable-file',
      message: new RegExp(`^${missing} cannot be read: `),
    });
  });
});

describe('the lines of a file', () => {
  const read = async (path = file, signal?: AbortSignal) => {
    const lines: unknown[] = [];
    for await (const { text, number, torn } of readFileLines(path, signal)) lines.push([text, number, torn]);
    return lines;
  };

  test('end at a newline and at nothing else; the last may be incomplete', async () => {
    place('audit.jsonl', '');
    assert.deepEqual(await read(), []);
    place('audit.jsonl', 'a\u2028b\rc\n\nd\n');
    const whole = [
      ['a\u2028b\rc', 1, false],
      ['', 2, false],
      ['d', 3, false],
    ];
    assert.deepEqual(await read(), whole);
    appendFileSync(file, 'e');
    assert.deepEqual(await read(), [...whole, ['e', 4, true]]);
    assert.deepEqual(await read(file, new AbortController().signal), [...whole, ['e', 4, true]]);
  });

  test('may be longer than the read buffer', async () => {
    // 64 KiB are: characters of three bytes lie over the border.
    const [long, last] = ['€'.repeat(60_000), 'x'.repeat(70_000)];
    place('audit.jsonl', `a\n${long}\nb\n${last}`);
    assert.deepEqual(await read(), [
      ['a', 1, false],
      [long, 2, false],
      ['b', 3, false],
      [last, 4, true],
    ]);
  });

  test('are no longer than 16 MiB, each by itself', async () => {
    const most = 16 * 1024 * 1024;
    const half = Buffer.alloc(most / 2, 'x');
    writeFileSync(file, Buffer.concat([Buffer.from('a\n'), half, half]));
    assert.deepEqual(
      (await read()).map((line) => (line as [string])[0].length),
      [1, most],
    );
    const [newline, lines] = [Buffer.from('\n'), [half, half, half]];
    writeFileSync(file, Buffer.concat(lines.flatMap((line) => [line, newline])));
    assert.equal((await read()).length, 3);
    writeFileSync(file, Buffer.concat([half, newline, half, half, Buffer.from('x')]));
    await assert.rejects(read(), { code: 'malformed', message: `${file}:2: the line is too long for a record` });
  });

  test('are empty if the file is gone, and a problem if it cannot be read', async () => {
    assert.deepEqual(await read(join(directory, 'gone')), []);
    mkdirSync(file);
    await assert.rejects(read(), { code: 'unreadable-file', message: new RegExp(`^${file} cannot be read: `) });
  });

  test('are no longer read once the read is aborted', async () => {
    place('audit.jsonl', 'a\n');
    await assert.rejects(read(file, AbortSignal.abort()), { name: 'AbortError' });
  });
});

describe('a log that is verified while its daemon writes', () => {
  let fleet: Fleet;
  let node: Member;
  let records: string[];
  let later: string[];
  before(async () => {
    fleet = await makeFleet();
    node = await fleet.node('dev2.devco.net');
    records = writeLog([started(node), outcome(1), outcome(1), rotated(node, 3), outcome(1)], node.credentials);
    later = records.slice(3);
  });
  after(() => fleet.remove());
  const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');

  /** Verifies the log; before each look at its files, after they were listed, something may happen to them. */
  const verify = async (happens: (look: number) => void = () => {}) => {
    let looks = 0;
    const trust: Trust = Object.defineProperty({ ...fleet.trust }, 'realm', {
      enumerable: true,
      get: () => {
        happens(++looks);
        return fleet.trust.realm;
      },
    });
    const verdict = await verifyAuditLog(file, trust);
    return { ...verdict, looks };
  };
  const first = 'audit-000000000001.jsonl';

  test('is read once if nothing is wrong, over all of its files', async () => {
    place(first, text(records.slice(0, 3)));
    place('audit.jsonl', text(later));
    const { fault, files, looks, records: count } = await verify();
    assert.deepEqual([fault, files, looks, count], [undefined, [first, 'audit.jsonl'], 1, 5]);
  });

  test('is read once if a fault is found and its files stay', async () => {
    place(first, text(records.slice(0, 2)));
    place('audit.jsonl', text(later));
    const { fault, looks } = await verify();
    assert.deepEqual([fault?.code, fault?.file, fault?.line, looks], ['removed', 'audit.jsonl', 1, 1]);
  });

  test('is read again if its files have changed meanwhile', async () => {
    // A file is rotated, and its lines are in another one.
    place('audit.jsonl', text(records.slice(0, 3)));
    const rotates = (look: number) => {
      if (look > 1) return;
      renameSync(file, join(directory, first));
      place('audit.jsonl', text(later));
    };
    const grown = await verify(rotates);
    assert.deepEqual([grown.fault, grown.looks, grown.files], [undefined, 2, [first, 'audit.jsonl']]);
    // The same number of files, under other names.
    rmSync(join(directory, first));
    place('audit-000000000009.jsonl', text(records.slice(0, 3)));
    const renamed = await verify((look) => {
      if (look === 1) renameSync(join(directory, 'audit-000000000009.jsonl'), join(directory, first));
    });
    assert.deepEqual([renamed.fault, renamed.looks, renamed.files], [undefined, 2, [first, 'audit.jsonl']]);
    // One file less.
    place(first, text(records.slice(1, 3)));
    const fewer = await verify((look) => {
      if (look === 1) rmSync(file);
    });
    assert.deepEqual([fewer.fault?.code, fewer.looks, fewer.files], ['removed', 2, [first]]);
  });

  test('is read again if its last line is partial, three times at most', async () => {
    const [whole = '', half = ''] = [text(records), records[4]?.slice(0, 20)];
    place('audit.jsonl', text(records.slice(0, 4)) + half);
    const written = await verify((look) => {
      if (look === 3) place('audit.jsonl', whole);
    });
    assert.deepEqual([written.fault, written.looks, written.records], [undefined, 3, 5]);
    place('audit.jsonl', text(records.slice(0, 4)) + half);
    const { fault, looks } = await verify();
    assert.deepEqual([fault?.code, fault?.line, fault?.file, looks], ['torn', 5, 'audit.jsonl', 4]);
  });

  test('fails if its files keep changing during verification', async () => {
    place('audit.jsonl', text(later.slice(1)));
    const { fault, looks } = await verify((look) => place(`audit-00000000009${look}.jsonl`));
    assert.deepEqual([fault?.code, looks, readdirSync(directory).length], ['removed', 4, 5]);
  });

  test('ends at its last line, in its last file', async () => {
    place(first, text(records.slice(0, 3)));
    place('audit.jsonl', text(later));
    const heads = [{ sequence: 9, hash: '' }];
    const { fault } = await verifyAuditLog(file, fleet.trust, { heads });
    assert.deepEqual([fault?.code, fault?.file, fault?.line], ['truncated', 'audit.jsonl', 2]);
    place('audit.jsonl', '');
    const empty = await verifyAuditLog(file, fleet.trust, { heads });
    assert.deepEqual([empty.fault?.file, empty.fault?.line], ['audit.jsonl', 0]);
    rmSync(file);
    rmSync(join(directory, first));
    const nothing = await verifyAuditLog(file, fleet.trust, { heads });
    assert.deepEqual([nothing.files, nothing.fault?.file, nothing.fault?.line], [[], '', 0]);
    place('audit.jsonl', text(later));
    const missing = await verifyAuditLog(file, fleet.trust);
    assert.deepEqual([missing.fault?.code, missing.fault?.file], ['removed', 'audit.jsonl']);
  });
});
