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
      /the journal on dev2 is not accepted: the signature of line 1 of the journal does not hold/,
    );
    assert.equal(code([lines, forged]), 'journal-incomplete');
    assert.equal(code([forged, forged, forged]), 'bad-journal');
  });

  test('may lack the last lines if they are too few: they are refused unless the operator forces them', () => {
    assert.equal(code([lines.slice(0, 1)]), 'journal-incomplete');
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
    assert.match(
      warnings.join(),
      /line 3 of the journal on dev2, by eve@devco\.net, differs from the one that a majority stores/,
    );
  });

  test('are refused if they fork without a majority, even by force', () => {
    const hers = writeLines(eve, ['run-resumed'], lines.slice(0, 2));
    const his = writeLines(rip, ['run-resumed'], lines.slice(0, 2));
    assert.equal(code([his, hers]), 'journal-forked');
    assert.equal(code([his, hers, lines.slice(0, 2)], true), 'journal-forked');
  });
});
