import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { signHead } from '../../../../src/core/audit/head.ts';
import type { AuditHead, HeadCheck } from '../../../../src/core/wire/messages.ts';
import { type Heads, openHeads, parseHeads } from '../../../../src/library/fleet/heads.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { codeOf, codeOfAsync } from '../../../support/thrown.ts';

const hashOf = (text: string) => createHash('sha256').update(text).digest('hex');

describe('the ends of the nodes’ audit logs that a client keeps', () => {
  let fleet: Fleet;
  let dev2: Member;
  let dev4: Member;
  before(async () => {
    fleet = await makeFleet();
    [dev2, dev4] = await Promise.all([fleet.node('dev2'), fleet.node('dev4')]);
  });
  after(() => fleet.remove());

  const newFile = () => join(temporaryDirectory(), 'heads.json');
  const open = (file = newFile()) => openHeads(file, () => 1_000_000);
  const head = (sequence: number, log = 'own', by = dev2): AuditHead =>
    signHead({ sequence, hash: hashOf(`${log} ${sequence}`) }, by.credentials);
  /** Takes the end of dev2's log as a reply brings it: the one that was known when the request was sent is asked about. */
  const take = (heads: Heads, given: AuditHead, check: HeadCheck = 'UNCHECKED', asOf = heads.known('dev2')) =>
    heads.take('dev2', given, dev2.certificate, asOf, check)?.code;

  test('are replaced by later ones that continue them', () => {
    const heads = open();
    for (const sequence of [5, 6, 9]) assert.equal(take(heads, head(sequence), 'CONTINUES' as HeadCheck), undefined);
    assert.equal(heads.known('dev2')?.sequence, 9);
    assert.equal(take(heads, head(9)), undefined, 'the same one');
    assert.equal(heads.known('dev4'), undefined);
  });

  test('are not replaced by what is older, another log, or not signed by the node, and distrust it from then on', () => {
    for (const [what, given, check, code] of [
      ['a log that ends earlier', head(4), 'UNCHECKED', 'audit-back'],
      ['another record with that number', head(5, 'other'), 'UNCHECKED', 'audit-forked'],
      ['one record more that does not continue it', head(6, 'other'), 'BROKEN', 'audit-forked'],
      ['many records more that do not continue it', head(500, 'other'), 'BROKEN', 'audit-forked'],
      ['a head that another node signed', head(6, 'own', dev4), 'UNCHECKED', 'bad-head'],
    ] as const) {
      const heads = open();
      take(heads, head(5));
      assert.equal(take(heads, given, check), code, what);
      assert.equal(heads.known('dev2')?.sequence, 5, what);
      assert.equal(heads.distrust('dev2')?.code, code, what);
      assert.match(heads.distrust('dev2')?.hint ?? '', /audit heads --forget dev2/, what);
      assert.equal(take(heads, head(7)), code, `${what}: a good head does not end the distrust`);
      assert.equal(heads.known('dev2')?.sequence, 5, what);
    }
  });

  test('may be overtaken by replies to earlier requests, but not go back behind what the request knew', () => {
    const heads = open();
    take(heads, head(5));
    const asOf = heads.known('dev2');
    assert.equal(take(heads, head(8), 'UNCHECKED', asOf), undefined);
    assert.equal(take(heads, head(7), 'UNCHECKED', asOf), undefined, 'the reply that was overtaken');
    assert.equal(heads.known('dev2')?.sequence, 8);
    assert.equal(take(heads, head(8, 'other'), 'UNCHECKED', asOf), 'audit-forked');
    assert.equal(take(open(), head(3, 'any')), undefined, 'the first of a node');
  });

  test('are forgotten for good, also if the file still has them, and only by that', async () => {
    const file = newFile();
    const heads = open(file);
    take(heads, head(5));
    take(heads, head(4));
    await heads.save();
    assert.equal(open(file).distrust('dev2')?.code, 'audit-back', 'distrust outlives the process');
    const later = open(file);
    assert.equal(later.forget('dev2')?.sequence, 5);
    await later.save();
    assert.deepEqual([open(file).known('dev2'), open(file).distrust('dev2')], [undefined, undefined]);
    assert.equal(later.forget('dev4'), undefined);
  });

  test('of several clients become one: the later of each, and distrust before any other', async () => {
    for (const [what, mine, theirs, sequence, isDistrusted] of [
      ['theirs is later', [5], [5, 9], 9, false],
      ['mine is later', [5, 9], [5], 9, false],
      ['they distrust it', [5, 9], [5, 4], 5, true],
      ['I distrust it', [5, 4], [5, 9], 5, true],
    ] as const) {
      const file = newFile();
      const [one, other] = [open(file), open(file)];
      for (const at of mine) take(one, head(at));
      for (const at of theirs) take(other, head(at));
      await other.save();
      await one.save();
      const found = open(file);
      assert.equal(found.known('dev2')?.sequence, sequence, what);
      assert.equal(found.distrust('dev2') !== undefined, isDistrusted, what);
    }
  });

  test('that are taken while others are written are written next', async () => {
    const file = newFile();
    const heads = open(file);
    take(heads, head(5));
    const writing = heads.save();
    // The disk is waited for by then.
    await Promise.resolve();
    await Promise.resolve();
    take(heads, head(6), 'CONTINUES' as HeadCheck);
    await Promise.all([writing, heads.save()]);
    assert.equal(open(file).known('dev2')?.sequence, 6);
  });

  test('are readable only by their owner, and are not taken as none because the file is damaged', async () => {
    const file = newFile();
    const heads = open(file);
    take(heads, head(5));
    await heads.save();
    assert.equal(statSync(file).mode & 0o777, 0o600);
    const whole = readFileSync(file, 'utf8');
    let last = 5;
    for (const text of [
      '',
      '{',
      '[]',
      '{"version":1}',
      whole.slice(0, -20),
      whole.replace(/"sequence": \d+/, '"sequence": "5"'),
      whole.replace(/"hash": "../, '"hash": "'),
      whole.replace('"signature"', '"sign"'),
    ]) {
      writeFileSync(file, text);
      assert.equal(
        codeOf(() => open(file)),
        'bad-heads',
        JSON.stringify(text.slice(0, 40)),
      );
      take(heads, head(++last));
      assert.equal(await codeOfAsync(() => heads.save()), 'bad-heads');
      assert.equal(readFileSync(file, 'utf8'), text, 'it stays as evidence');
    }
    assert.equal(parseHeads(whole, file).size, 1);
  });
});
