import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import type { Outcome } from '../../../src/core/request/reply.ts';
import { loadPlaybook } from '../../../src/playbook/compile/load.ts';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import type { JournalEntry } from '../../../src/playbook/journal/entries.ts';
import { readHistory, resumeFrom } from '../../../src/playbook/journal/history.ts';
import type { Playbook } from '../../../src/playbook/model.ts';
import type { PlaybookPorts } from '../../../src/playbook/ports.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import { alfa, bravo, createEstate, type Estate, type EstateOptions } from '../../support/fleet/estate.ts';
import { somePoints } from '../../support/points.ts';
import { testProblem } from '../../support/test-problem.ts';

const catalogue = agents.map(({ ddl }) => ddl);
const upgrade = { cluster: 'bravo', revision: '20', recipient: 'mailto:ops@devco.net' };
const runId = 'a'.repeat(32);

/** An estate whose nodes remember what became of a change, as real ones do; the journal outlives the runs. */
function lasting(options: EstateOptions = {}) {
  const servers = Object.fromEntries([...alfa, ...bravo].map((name) => [name, true]));
  const estate = createEstate({ balancers: { 'lb1.devco.net': { app: servers } }, ...options });
  const memory = new Map<string, Outcome>();
  const call: PlaybookPorts['call'] = async (asked, onOutcome, signal) => {
    const key = (node: string) => `${node} ${asked.requestId} ${asked.try}`;
    const known = asked.nodes.flatMap((node) => memory.get(key(node)) ?? []);
    for (const outcome of known) onOutcome(outcome);
    const nodes = asked.nodes.filter((node) => !memory.has(key(node)));
    const outcomes = await estate.fabric.ports.call({ ...asked, nodes }, onOutcome, signal);
    for (const outcome of outcomes) memory.set(key(outcome.node), outcome);
    return [...known, ...outcomes];
  };
  return { estate, servers, ports: { ...estate.fabric.ports, call }, journal: [] as JournalEntry[] };
}

type Lasting = ReturnType<typeof lasting>;

/** Runs until the journal has so many entries; then nothing gets to it any more, nor to a node, as after SIGKILL. */
async function runUpTo(playbook: Playbook, { ports, journal }: Lasting, entries: number) {
  let isGone = false;
  const refuseIfGone = () => {
    if (isGone) throw testProblem('killed', 'the process is gone');
  };
  const dying: PlaybookPorts = {
    ...ports,
    journal: async (entry) => {
      isGone ||= journal.length >= entries;
      refuseIfGone();
      journal.push(entry);
    },
    call: async (...asked) => {
      refuseIfGone();
      return await ports.call(...asked);
    },
  };
  const options = journal.length === 0 ? { runId } : { runId, resumed: resumeFrom(readHistory([...journal])) };
  return await runPlaybook(playbook, bindInputs(playbook, upgrade), dying, options);
}

const switchedOnce = Object.fromEntries(bravo.map((name) => [name, 1]));

for (const name of ['app_cluster_upgrade', 'app_rolling_upgrade']) {
  describe(`${name}, interrupted and resumed`, () => {
    let playbook: Playbook;
    before(async () => {
      playbook = await loadPlaybook(`playbooks/${name}.yaml`, catalogue);
    });

    test('ends well wherever it was interrupted: each release is switched once, all servers are in traffic, one message is sent', async () => {
      const whole = lasting();
      await runUpTo(playbook, whole, Number.POSITIVE_INFINITY);
      for (const cut of somePoints(whole.journal.map((_, place) => place).slice(1))) {
        const run = lasting();
        await runUpTo(playbook, run, cut);
        const report = await runUpTo(playbook, run, Number.POSITIVE_INFINITY);
        const at = `cut after ${cut} entries, ${JSON.stringify(whole.journal[cut - 1])}`;
        assert.equal(report.state, 'done', at);
        assertUpgraded(run, at);
      }
    });

    test('ends well from what nodes certainly store of it: everything up to its last change, and nothing after', async () => {
      const whole = lasting();
      await runUpTo(playbook, whole, Number.POSITIVE_INFINITY);
      const changes = whole.journal.flatMap((entry, place) => (entry.type === 'call' && entry.changes ? [place] : []));
      // Cut off right after a change, at its end, and right before the next.
      const cuts = changes.flatMap((place, index) => [
        place + 1,
        place + 2,
        changes[index + 1] ?? whole.journal.length - 1,
      ]);
      for (const cut of somePoints([...new Set(cuts)])) {
        const run = lasting();
        await runUpTo(playbook, run, cut);
        const last = run.journal.findLastIndex((entry) => entry.type === 'call' && entry.changes);
        run.journal.splice(last + 1);
        const report = await runUpTo(playbook, run, Number.POSITIVE_INFINITY);
        const at = `cut after ${cut} entries, the nodes have ${last + 1}`;
        assert.equal(report.state, 'done', at);
        assertUpgraded(run, at);
      }
    });

    test('ends well if it is interrupted again and again before its end', async () => {
      // Going on writes down again which steps there were: it has to come beyond them to get any further.
      for (const step of somePoints([80, 95, 111])) {
        const run = lasting();
        let state = '';
        for (let entries = 2; state !== 'done' && entries < 3000; entries += step) {
          ({ state } = await runUpTo(playbook, run, entries));
        }
        assert.equal(state, 'done');
        assertUpgraded(run, `after every ${step} entries`);
      }
    });
  });
}

function assertUpgraded({ estate, servers }: { estate: Estate; servers: Record<string, boolean> }, at: string) {
  assert.deepEqual(estate.switches, switchedOnce, at);
  for (const name of alfa) assert.equal(estate.revisions[name], '10', at);
  assert.ok(
    Object.values(servers).every((up) => up),
    at,
  );
  assert.equal(estate.sent.length, 1, at);
}
