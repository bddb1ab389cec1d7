import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Machine, type StoredFleet, startStoredFleet } from '../../support/runs/stored-fleet.ts';

let stored: StoredFleet;
let eve: Machine;

before(async () => {
  stored = await startStoredFleet();
  eve = await stored.machine('eve@devco.net');
});

after(() => stored[Symbol.asyncDispose]());

/** Begins a run that fails in its second step, on a machine of rip's. @returns its id */
const begin = async (rip: Machine, ...words: string[]) => {
  await stored.breakNode('dev2.devco.net', true);
  const begun = await rip.mco(['run', join(rip.home, 'two.yaml'), '--json', ...words]);
  await stored.breakNode('dev2.devco.net', false);
  assert.equal(begun.code, 2, begun.text);
  return String(JSON.parse(begun.out[0] ?? '{}').run_id);
};

const changes = () => Promise.all(stored.nodes.map(({ name }) => stored.changes(name)));
const onePerStep = (before: readonly string[][]) => before.map((calls) => [...calls, 'go', 'halt']);

describe('a run whose machine is gone', { timeout: 600_000 }, () => {
  test('is completed by another operator from another machine, without repeating completed steps', async () => {
    const before = await changes();
    const rip = await stored.machine('rip@devco.net');
    const run = await begin(rip);
    await rip.destroy();
    const asked = await eve.mco(['resume', run.slice(0, 8)]);
    assert.equal(asked.code, 64, asked.text);
    assert.match(
      asked.text,
      /started by rip@devco\.net on .*\n.* every signature is valid; stored on dev1\.devco\.net, dev2\.devco\.net, dev3\.devco\.net/,
    );
    assert.match(
      asked.text,
      /the run was started by rip@devco\.net, and there is no terminal to ask on: to take it over, add --yes/,
    );
    const { code, text } = await eve.mco(['resume', run, '--yes']);
    assert.equal(code, 0, text);
    assert.deepEqual(await changes(), onePerStep(before));
    const shown = await eve.mco(['runs', '--fleet', '--json']);
    const [record] = JSON.parse(shown.out.join('\n')) as { run: string; state: string; operator: string }[];
    assert.deepEqual([record?.run, record?.state, record?.operator], [run, 'done', 'rip@devco.net']);
  });

  test('is shown to and resumed by only operators that the policy allows to read journals', async () => {
    const rip = await stored.machine('rip@devco.net');
    const run = await begin(rip);
    const joe = await stored.machine('joe@devco.net');
    const resumed = await joe.mco(['resume', run, '--yes']);
    assert.equal(resumed.code, 64, resumed.text);
    assert.match(resumed.text, /cert=joe@devco\.net may not journal\.read on dev1\.devco\.net/);
    const listed = await joe.mco(['runs', '--fleet']);
    assert.equal(listed.code, 2, listed.text);
    assert.ok(!listed.text.includes(run.slice(0, 8)), listed.text);
    const records = (await stored.nodes[0]?.records()) ?? [];
    assert.ok(records.some((record) => record.kind === 'outcome' && record.code === 'policy-denied'));
    // An operator who may not resume the run does not damage it either.
    assert.equal((await rip.mco(['resume', run])).code, 0);
  });

  test('does not continue on a machine whose journal is behind: the newer entries elsewhere count', async () => {
    const before = await changes();
    const rip = await stored.machine('rip@devco.net');
    const run = await begin(rip);
    const taken = await eve.mco(['resume', run, '--yes']);
    assert.equal(taken.code, 0, taken.text);
    const late = await rip.mco(['resume', run]);
    assert.equal(late.code, 64, late.text);
    assert.match(late.text, /ended well: there is nothing left to do/);
    assert.deepEqual(await changes(), onePerStep(before));
  });

  test('is completed once if two operators resume it at the same moment', async () => {
    const before = await changes();
    const rip = await stored.machine('rip@devco.net');
    const run = await begin(rip);
    await rip.destroy();
    const [other, third] = [await stored.machine('eve@devco.net'), await stored.machine('rip@devco.net')];
    const resumed = await Promise.all([eve, other, third].map((one) => one.mco(['resume', run, '--yes'])));
    const texts = resumed.map(({ text }) => text).join('\n');
    assert.ok(resumed.filter(({ code }) => code === 0).length <= 1, texts);
    // If each kept the other from continuing, the next attempt succeeds.
    const last = await eve.mco(['resume', run, '--yes']);
    assert.match(last.text, /ended well: there is nothing left to do|stored on dev1/, texts);
    assert.deepEqual(await changes(), onePerStep(before), texts + last.text);
  });

  test('is not resumed from a forged, truncated or forked journal', async () => {
    const rip = await stored.machine('rip@devco.net');
    const run = await begin(rip);
    const files = stored.nodes.map((node) => stored.journalFile(node, run));
    const whole = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    const put = async (...texts: readonly string[]) => {
      for (const [index, text] of texts.entries()) await writeFile(files[index] ?? '', text);
      for (const node of stored.nodes) await node.restart();
      await stored.relocate();
    };
    const lines = (whole[0] ?? '').split('\n');
    const forged = (whole[0] ?? '').replaceAll('\\"done\\"', '\\"fine\\"');
    const refused = async (expected: RegExp, exit = 64) => {
      const { code, text } = await eve.mco(['resume', run, '--yes']);
      assert.equal(code, exit, text);
      assert.match(text, expected);
    };
    await put(forged, forged, forged);
    await refused(/warning: dev1\.devco\.net: line \d+ does not continue line \d+/);
    const resigned = lines.map((line) => line.replace(/"signature":"[^"]{8}/, '"signature":"AAAAAAAA')).join('\n');
    await put(resigned, resigned, resigned);
    await refused(/the signature of line 1 of the journal is not valid/);
    const cut = `${lines.slice(0, 6).join('\n')}\n`;
    await put(cut, resigned, resigned);
    await refused(/1 of the 3 nodes that store the journal of the run could be read, and 2 are needed/, 69);
    await put(cut, whole[1] ?? '', whole[2] ?? '');
    const { code, text } = await eve.mco(['resume', run, '--yes']);
    assert.equal(code, 0, text);
    const ends = await Promise.all(files.map((file) => readFile(file, 'utf8')));
    assert.equal(ends[0], ends[1], 'the one that was truncated has got what it lacked');
  });

  test('keeps sensitive values, and values computed from them, out of its journal', async () => {
    const rip = await stored.machine('rip@devco.net');
    const secret = 'hunter-twenty-two';
    const run = await begin(rip, `pin=${secret}`);
    const [text = ''] = await Promise.all(stored.nodes.map((node) => readFile(stored.journalFile(node, run), 'utf8')));
    assert.ok(text.includes('run-started') && !text.includes(secret));
    const resumed = await eve.mco(['resume', run, `pin=${secret}`, '--yes']);
    assert.equal(resumed.code, 0, resumed.text);
    for (const node of stored.nodes) {
      assert.ok(!(await readFile(stored.journalFile(node, run), 'utf8')).includes(secret));
      assert.ok(!(await readFile(node.auditFile, 'utf8')).includes(secret));
    }
  });
});
