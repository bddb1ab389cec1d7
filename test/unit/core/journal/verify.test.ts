import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { signCertificate } from '../../../../src/ca/issue.ts';
import { certifyIntermediate, makeRoot } from '../../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { identityOf } from '../../../../src/core/credentials/certificate.ts';
import { type JournalLine, readLine, sealLine } from '../../../../src/core/journal/line.ts';
import { verifyJournal } from '../../../../src/core/journal/verify.ts';
import { type Fleet, type Member, makeFleet } from '../../../support/fleet/fleet.ts';
import { run, writeLines } from '../../../support/runs/journal-lines.ts';
import { codeOf } from '../../../support/thrown.ts';

describe('a journal that comes from a node', () => {
  let fleet: Fleet;
  let rip: Member;
  let eve: Member;
  let lines: JournalLine[];
  const verify = (given: readonly JournalLine[], id = run) => verifyJournal(id, given, fleet.trust);
  const code = (given: readonly JournalLine[], id = run) => codeOf(() => verify(given, id));
  /** Line 2, changed after it was signed. */
  const changed = (change: (text: string) => string) =>
    lines.map((line, index) => (index === 1 ? { ...line, text: change(line.text) } : line));

  before(async () => {
    fleet = await makeFleet();
    [rip, eve] = [await fleet.operator('rip@devco.net'), await fleet.operator('eve@devco.net')];
    lines = writeLines(eve, ['run-resumed', 'call'], writeLines(rip, ['run-started', 'call', 'outcome']));
  });
  after(() => fleet.remove());

  test('is verified line by line, with the author of each', () => {
    const { authors, entries, stored } = verify(lines);
    assert.deepEqual(authors, ['rip@devco.net', 'rip@devco.net', 'rip@devco.net', 'eve@devco.net', 'eve@devco.net']);
    assert.deepEqual(
      entries.map(({ type }) => type),
      ['run-started', 'call', 'outcome', 'run-resumed', 'call'],
    );
    assert.deepEqual(stored.holders, ['dev1', 'dev2', 'dev3']);
  });

  test('is refused if a line was changed, left out, doubled, or moved', () => {
    assert.equal(code(changed((text) => text.replace('"call"', '"said"'))), 'bad-journal');
    const last = lines
      .slice(0, -1)
      .concat({ ...(lines.at(-1) as JournalLine), text: lines.at(-1)?.text.replace('"call"', '"said"') ?? '' });
    assert.equal(code(last), 'bad-signature');
    assert.equal(code(lines.toSpliced(1, 1)), 'bad-journal');
    assert.equal(code(lines.toSpliced(1, 0, lines[0] as JournalLine)), 'bad-journal');
    assert.equal(code(lines.toReversed()), 'bad-journal');
    assert.equal(code(lines.slice(1)), 'bad-journal');
    assert.equal(code([]), 'bad-journal');
    assert.equal(code([{ text: 'x', signature: '' }]), 'bad-journal');
  });

  test('is refused with the lines of another run, and with a signature for another purpose', async () => {
    assert.equal(code(lines, 'b'.repeat(32)), 'bad-journal');
    const other = lines.map(({ text }, index) => ({
      text,
      signature: lines[(index + 1) % lines.length]?.signature ?? '',
    }));
    assert.equal(code(other), 'bad-signature');
  });

  test('is refused if a signer of a line is not an operator of the fleet, or was not one then', async () => {
    await using foreign = await makeFleet();
    assert.equal(code(writeLines(await foreign.operator('rip@devco.net'), ['run-started'])), 'foreign-certificate');
    assert.equal(code(writeLines(await fleet.node('dev1.devco.net'), ['run-started'])), 'wrong-kind');
    const ended = await fleet.operator('old@devco.net', {
      notBefore: Date.now() - 7200_000,
      notAfter: Date.now() - 3600_000,
    });
    assert.equal(code(writeLines(ended, ['run-started'])), 'expired-certificate');
    const then = writeLines(ended, ['run-started'], [], { at: Date.now() - 5400_000 });
    assert.deepEqual(verify(then).authors, ['old@devco.net'], 'a certificate that has expired since was valid then');
  });

  test('is refused if its first line has no certificate', () => {
    const [line] = lines;
    assert.ok(line !== undefined);
    const { chain: _chain, ...content } = readLine(line);
    for (const [chain, expected] of [
      [undefined, 'bad-journal'],
      [[], 'bad-certificate'],
      [['AAAA'], 'bad-certificate'],
    ] as const) {
      const first = sealLine({ ...content, ...(chain === undefined ? {} : { chain }) }, rip.credentials);
      assert.equal(code([first]), expected, JSON.stringify(chain));
    }
  });

  test('is accepted from an operator whose intermediate CA is included', async () => {
    const root = await makeRoot('devco.net', Date.now() - 60_000);
    const [{ publicKey, privateKey }, holder] = [makeKeyPair(), makeKeyPair()];
    const certificate = await certifyIntermediate(root, publicKey, Date.now());
    const ann = { kind: 'operator', name: 'ann@devco.net', publicKey: holder.publicKey } as const;
    const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 60_000 };
    const leaf = await signCertificate(ann, validity, { realm: 'devco.net', certificate, key: privateKey });
    const identity = identityOf(leaf) ?? assert.fail();
    const trust = { ...fleet.trust, authorities: [root.certificate] };
    const signed = (issuers: (typeof leaf)[]) =>
      writeLines({ credentials: { identity, certificate: leaf, issuers, key: holder.privateKey } }, ['run-started']);
    assert.equal(
      codeOf(() => verifyJournal(run, signed([]), trust)),
      'foreign-certificate',
    );
    assert.deepEqual(verifyJournal(run, signed([certificate]), trust).authors, ['ann@devco.net']);
  });

  test('names the operators whose certificates were revoked since', async () => {
    const ann = await fleet.operator('ann@devco.net');
    const hers = writeLines(ann, ['run-resumed'], lines);
    assert.deepEqual(verify(hers).revoked, []);
    fleet.revoke(ann);
    assert.deepEqual(verify(hers).revoked, ['ann@devco.net']);
  });
});
