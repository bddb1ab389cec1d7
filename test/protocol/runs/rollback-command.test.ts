import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { makeHome } from '../../support/program/home.ts';

const id = '1'.repeat(32);

/** The journal of a run that took one server from 20 to 10. */
function journalOf(playbook: string, more: object = {}): string {
  const inputs = { cluster: 'bravo', ...more };
  const run = { playbook, file: playbook, operator: 'rip', dryRun: false, inputs, time: '', digest: '' };
  const call = { agent: 'appmgr', action: 'upgrade', dryRun: false, changes: true, requestId: 'r', try: 1, batch: 1 };
  const outcome = { outcome: 'ok', status: 0, code: '', message: '', data: { previous: '20', revision: '10' } };
  const entries = [
    { type: 'run-started', ...run },
    { type: 'call', step: 'update', ...call, input: { revision: '10' }, nodes: ['dev2.devco.net'] },
    { type: 'outcome', step: 'update', requestId: 'r', try: 1, node: 'dev2.devco.net', ...outcome },
    { type: 'run-finished', state: 'done' },
  ];
  return entries.map((entry) => `${JSON.stringify({ at: 1, runId: id, ...entry })}\n`).join('');
}

test('rollback of a rollback is refused without --redo if no node can be called', async () => {
  await using fleet = await makeFleet();
  const home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), []);
  await mkdir(join(home, '.local/state/mco-deploy/runs'), { recursive: true });
  const journal = join(home, '.local/state/mco-deploy/runs', `${id}.jsonl`);
  await writeFile(journal, journalOf('rollback'));
  const refused = await runInProcess(['rollback', '--cluster', 'bravo', '--yes'], home);
  assert.equal(refused.code, 64);
  assert.match(refused.err.at(-1) ?? '', /was a rollback: to undo it brings back 20: if you want that, add --redo$/);
  // The next failure is another one: there is no node.
  const meant = await runInProcess(['rollback', '--cluster', 'bravo', '--redo'], home);
  assert.ok(meant.err.includes('back to: dev2.devco.net=20'), meant.err.join('\n'));
  await writeFile(journal, journalOf('app_cluster_upgrade'));
  const other = await runInProcess(['rollback', '--cluster', 'bravo', '--yes'], home);
  assert.ok(other.err.includes('back to: dev2.devco.net=20'), other.err.join('\n'));
});

test('rollback --application undoes the last run of that application, and skips those of others', async () => {
  await using fleet = await makeFleet();
  const home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), []);
  await mkdir(join(home, '.local/state/mco-deploy/runs'), { recursive: true });
  const journal = join(home, '.local/state/mco-deploy/runs', `${id}.jsonl`);
  await writeFile(journal, journalOf('app_cluster_upgrade', { application: 'shop' }));
  const shop = await runInProcess(['rollback', '--cluster', 'bravo', '--application', 'shop', '--yes'], home);
  assert.ok(shop.err.includes('back to: dev2.devco.net=20'), shop.err.join('\n'));
  const named = ['rollback', '--cluster', 'bravo', '--application', 'api', '--run', id, '--yes'];
  const api = await runInProcess(named, home);
  assert.match(api.err.at(-2) ?? '', /the run 1{32} upgraded no server of cluster “bravo” with application “api”/);
  const passed = await runInProcess(
    named.filter((word) => word !== '--run' && word !== id),
    home,
  );
  assert.ok(!passed.err.some((line) => line.startsWith('back to:')), passed.err.join('\n'));
});
