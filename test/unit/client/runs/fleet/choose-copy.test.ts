import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { chooseCopy, type JournalCopy } from '../../../../../src/client/runs/fleet/choose-copy.ts';
import type { JournalLine } from '../../../../../src/core/journal/line.ts';
import { type Fleet, type Member, makeFleet } from '../../../../support/fleet/fleet.ts';
import { run, writeLines } from '../../../../support/runs/journal-lines.ts';
import { codeOf } from '../../../../support/thrown.ts';

describe('the copies of a journal on nodes', () => {
  let fleet: Fleet;
  let rip: Member;
  let eve: Member;
  let lines: JournalLine[];
  const choose = (copies: readonly (readonly JournalLine[])[], lenient = false) =>
    chooseCopy(
      run,
      copies.map((some, index): JournalCopy => ({ node: `dev${index + 1}`, lines: some })),
      fleet.trust,
      lenient,
    );
  const code = (copies: readonly (readonly JournalLine[])[], lenient = false) => codeOf(() => choose(copies, lenient));
  before(async () => {
    fleet = await makeFleet();
    [rip, eve] = [await fleet.operator('rip@devco.net'), await fleet.operator('eve@devco.net')];
    lines = writeLines(rip, ['run-started', 'call', 'outcome']);
  });
  after(() => fleet.remove());

  test('give the longest one if the others are its beginning', () => {
    const { journal, warnings } = choose([lines.slice(0, 1), lines, lines.slice(0, 2)]);
    assert.equal(journal.lines.length, 3);
    assert.deepEqual(warnings, []);
  });

  test('exclude and name a forged one; without a majority of others there is no journal', () => {
    const forged = lines.map(({ text }) => ({ text, signature: 'AAAA' }));
    const { journal, warnings } = choose([lines, forged, lines.slice(0, 2)]);
    assert.equal(journal.lines.length, 3);
    assert.match(
      warnings.join(),
      /the journal on dev2 is not accepted: the signature of line 1 of the journal is not valid/,
    );
    assert.equal(code([lines, forged]), 'journal-incomplete');
    assert.equal(code([forged, forged, forged]), 'bad-journal');
  });

  test('are refused if a newer program wrote one: they are not damaged', () => {
    const newer = writeLines(rip, [{ at: Date.now(), runId: run, type: 'process', form: 1000 }], lines);
    assert.equal(code([newer, lines, lines]), 'newer-journal');
    const forged = newer.map(({ text }) => ({ text, signature: 'AAAA' }));
    assert.equal(choose([lines, lines, forged]).journal.lines.length, 3, 'nobody signed it');
  });

  test('may lack the last lines if they are too few: they are refused unless the operator forces them', () => {
    assert.equal(code([lines.slice(0, 1)]), 'journal-incomplete');
    const five = writeLines(rip, ['run-started', 'call'], [], { nodes: ['dev1', 'dev2', 'dev3', 'dev4', 'dev5'] });
    assert.throws(() => choose([five, five]), {
      code: 'journal-incomplete',
      message:
        '2 of the 5 nodes that store the journal of the run could be read, and 3 are needed: dev3, dev4, dev5 could not',
    });
    assert.equal(choose([lines.slice(0, 1)], true).journal.lines.length, 1);
  });

  test('do not count on nodes that the run does not name', () => {
    const own = writeLines(eve, ['run-started'], [], { nodes: ['dev9'] });
    assert.equal(code([own]), 'bad-journal');
  });

  test('give the one that a majority stores if two wrote at once, and name the other', () => {
    const hers = writeLines(eve, ['run-resumed', 'call'], lines.slice(0, 2));
    const his = writeLines(rip, ['run-resumed'], lines.slice(0, 2));
    const { journal, warnings } = choose([his, hers, his]);
    assert.deepEqual(journal.authors, ['rip@devco.net', 'rip@devco.net', 'rip@devco.net']);
    const other = 'line 3 of the journal on dev2, by eve@devco.net, differs from the one that a majority stores';
    assert.deepEqual(warnings, [other]);
    const nodes = ['dev1', 'dev2', 'dev3', 'dev4', 'dev5'];
    const begun = writeLines(rip, ['run-started', 'call'], [], { nodes });
    const [one, two] = [eve, rip].map((operator) => writeLines(operator, ['run-resumed'], begun));
    assert.ok(one && two);
    const among = choose([two, one, two, begun, two]);
    assert.deepEqual([among.journal.lines.length, among.warnings], [3, [other]], 'a shorter one is its beginning');
    assert.equal(code([begun, begun, begun, one, two]), 'journal-forked', 'a majority of shorter ones decides nothing');
  });

  test('are refused if they fork without a majority, even by force', () => {
    const hers = writeLines(eve, ['run-resumed'], lines.slice(0, 2));
    const his = writeLines(rip, ['run-resumed'], lines.slice(0, 2));
    const forked = (copies: readonly (readonly JournalLine[])[], where: string) =>
      assert.throws(() => choose(copies, true), {
        code: 'journal-forked',
        message: `the journal of the run forks at ${where}`,
      });
    forked([his, hers], 'line 3: on dev1 by rip@devco.net; on dev2 by eve@devco.net');
    forked([lines.slice(0, 2), his, hers], 'line 3: on dev2 by rip@devco.net; on dev3 by eve@devco.net');
    const own = writeLines(eve, ['run-started']);
    forked([own, lines], 'line 1: on dev2 by rip@devco.net; on dev1 by eve@devco.net');
    const nodes = ['dev1', 'dev2', 'dev3', 'dev4', 'dev5'];
    const [one, two] = [rip, eve].map((operator) => writeLines(operator, ['run-started'], [], { nodes }));
    assert.ok(one && two);
    forked([one, one, two, two], 'line 1: on dev1, dev2 by rip@devco.net; on dev3, dev4 by eve@devco.net');
  });
});
