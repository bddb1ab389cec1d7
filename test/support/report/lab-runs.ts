/** Runs of the lab as the report page has to show them: each on the real estate, each with the journal that it left. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { whileLoaded } from '../lab/upgrades/hold.ts';
import type { Lab } from '../lab/lab.ts';
import { startRun } from '../lab/upgrades/runs.ts';

export type RunName = 'good' | 'rolling' | 'failed' | 'resumed' | 'killed';
type Change = Readonly<Record<string, string>>;

/** The shipped playbook, with other waiting times, as a file on the control host. */
async function quickPlaybook(lab: Lab, changes: Change): Promise<string> {
  const shipped = join(import.meta.dirname, '../../../playbooks/app_cluster_upgrade.yaml');
  const text = Object.entries(changes).reduce(
    (all, [from, to]) => {
      if (!all.includes(from)) throw new Error(`the shipped playbook does not say “${from}”`);
      return all.replace(from, to);
    },
    await readFile(shipped, 'utf8'),
  );
  await writeFile(lab.path('control', 'tmp/quick.yaml'), text);
  return '/tmp/quick.yaml';
}

/** @returns the run's id */
async function runToEnd(lab: Lab, argv: readonly string[], code: number): Promise<string> {
  const run = await startRun(lab, argv);
  const ended = await run.ended;
  if (ended.code !== code) throw new Error(`exit code ${ended.code}: ${ended.stdout}${ended.stderr}`);
  return run.id;
}

const upgrade = (revision: string) => ['upgrade', '--cluster', 'bravo', '--rev', revision];
const overloaded = '99.00 99.00 99.00 1/100 1000';
const idle = '0.10 0.10 0.10 1/100 1000';

/**
 * Makes runs that go well, in batches, into a failed check, on after it, and into a SIGKILL.
 * @param lab with bravo at revision 10
 * @param record called as each ends
 */
export async function recordRuns(lab: Lab, record: (name: RunName, id: string) => Promise<void>): Promise<void> {
  await record('good', await runToEnd(lab, upgrade('20'), 0));
  await record('rolling', await runToEnd(lab, [...upgrade('10'), '--strategy', 'rolling'], 0));
  await lab.setLoad('dev4', overloaded);
  const playbook = await quickPlaybook(lab, { 'try_sleep: 10s': 'try_sleep: 200ms', 'tries: 10': 'tries: 4' });
  const failed = await runToEnd(lab, ['run', playbook, 'cluster=bravo', 'revision=20'], 2);
  await record('failed', failed);
  await lab.setLoad('dev4', idle);
  const { code, stdout, stderr } = await lab.client(['resume', failed]);
  if (code !== 0) throw new Error(`exit code ${code}: ${stdout}${stderr}`);
  await record('resumed', failed);
  const dying = await whileLoaded(lab, ['dev4'], async () => {
    const run = await startRun(lab, upgrade('10'));
    await run.until((entry) => entry.type === 'outcome' && entry.step === 'update');
    run.kill();
    await run.ended;
    return run;
  });
  await record('killed', dying.id);
}
