import assert from 'node:assert/strict';
import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { JournalLine } from '../../../src/core/journal/line.ts';
import { journalFile } from '../../../src/library/runs/journal.ts';
import { type Asked, answeringAgents } from '../../support/agents/answering-agents.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { startTestNode, type TestNode } from '../../support/node/node.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';
import { run, writeLines } from '../../support/runs/journal-lines.ts';

let fleet: Fleet;
let rip: Member;
let home: string;
let node: TestNode;
let lines: readonly JournalLine[];
let leases: readonly object[] = [];
const asked: Asked[] = [];
const stamp = { at: 1_800_000_000_000, runId: run };
const started = { ...stamp, type: 'run-started', playbook: 'app', file: 'app', dryRun: false, inputs: {}, digest: '' };
const ended = (state: string) => ({ ...stamp, type: 'run-finished', state });
const resumed = { ...stamp, type: 'run-resumed', operator: 'rip@devco.net' };

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  const answers = () => ({
    'journal.list': { runs: [{ run, sequence: lines.length, bytes: 1, at: 1 }] },
    'journal.read': () => ({ lines: lines.map((line) => ({ ...line })), sequence: lines.length }),
    'lock.list': { leases: [...leases] as never[] },
  });
  node = await startTestNode(fleet, { agents: answeringAgents(['journal', 'lock'], answers, asked) });
});
after(async () => {
  await node[Symbol.asyncDispose]();
  await fleet.remove();
});

const begun = { ...started, operator: 'rip@devco.net' };
beforeEach(async () => {
  home = await makeHome(join(fleet.dir, 'home'), rip, [node]);
  lines = writeLines(rip, [begun], [], { nodes: [node.name] });
  leases = [];
  asked.length = 0;
});
afterEach(() => rm(home, { recursive: true }));

/** Writes the journal on this host. @param isStored whether it names the node that stores it, too */
const keep = async (entries: readonly object[], isStored = true) => {
  const file = journalFile(join(home, '.local/state/mco-deploy'), run);
  const stored = isStored ? [{ ...stamp, type: 'journal-stored', lease: 'app/bravo', holders: [node.name] }] : [];
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, [begun, ...stored, ...entries].map((entry) => `${JSON.stringify(entry)}\n`).join(''));
};

const show = async (...words: string[]) => {
  const { code, out, err } = await runInProcess(['runs', 'show', run, ...words], home);
  return { code, text: [...out, ...err].join('\n'), asks: asked.length > 0 };
};

describe('a run whose journal is here and on nodes', { timeout: 600_000 }, () => {
  test('is read from the nodes, too, if it may have been resumed elsewhere', async () => {
    for (const [entries, asks] of [
      [[], true],
      [[ended('failed')], true],
      [[ended('failed'), resumed], true],
      [[ended('done'), resumed], true],
      [[ended('done')], false],
      [[ended('nothing-to-do')], false],
    ] as const) {
      asked.length = 0;
      await keep(entries);
      const shown = await show();
      assert.deepEqual([shown.code, shown.asks], [0, asks], JSON.stringify(entries));
    }
  });

  test('is read from the nodes with --fleet even if it has ended, and never with --offline', async () => {
    for (const isStored of [true, false]) {
      asked.length = 0;
      await keep([ended('done')], isStored);
      assert.equal((await show('--fleet')).asks, true);
    }
    asked.length = 0;
    await keep([ended('failed')]);
    const { code, asks } = await show('--offline');
    assert.deepEqual([code, asks], [0, false]);
  });
});

describe('a run whose journal is only on nodes', { timeout: 600_000 }, () => {
  test('is still running while a node keeps a lease of it', async () => {
    assert.match((await show()).text, /it was killed/);
    leases = [{ name: 'app/bravo', run, caller: 'cert=rip@devco.net', from: '', since: 1, left: 9, fence: 1 }];
    const { code, text } = await show();
    assert.equal(code, 0);
    assert.match(text, /it is still running/);
  });

  test('is unknown with --offline, and where journals are not stored on nodes unless --fleet is given', async () => {
    const offline = await show('--offline');
    assert.deepEqual([offline.code, offline.asks], [64, false], offline.text);
    await appendFile(join(home, '.config/mco-deploy/client.yaml'), 'journal: local\n');
    const local = await show();
    assert.deepEqual([local.code, local.asks], [64, false], local.text);
    const everywhere = await show('--fleet');
    assert.deepEqual([everywhere.code, everywhere.asks], [0, true], everywhere.text);
  });
});
