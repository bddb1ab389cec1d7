/** Runs a playbook that was checked: nodes first, then steps as their needs allow, then what is for after a failure. */
import type { JsonObject } from '../core/json.ts';
import { attempt } from './attempt.ts';
import type { NodeFailure, RunReport, StepReport } from './events.ts';
import type { Playbook } from './playbook.ts';
import type { PlaybookPorts } from './ports.ts';
import { runSteps } from './run-steps.ts';
import { findNodes } from './sets.ts';
import { defineWorld, type RunOptions, type World } from './world.ts';

/**
 * @param inputs as bindInputs gives them
 * @returns how it ended; what goes wrong on the way is in the report, nothing is thrown for it
 */
export async function runPlaybook(
  playbook: Playbook,
  inputs: JsonObject,
  ports: PlaybookPorts,
  options: RunOptions = {},
): Promise<RunReport> {
  const startedAt = ports.now();
  const stepIds = [...playbook.steps, ...playbook.onFailure].map(({ id }) => id);
  const world = defineWorld(playbook, inputs, stepIds, ports, options);
  const { label } = world;
  const about = { runId: world.runId, playbook: playbook.name, label, dryRun: world.dryRun };
  const begun = await begin(playbook, inputs, world, about, options.allowMissing ?? false);
  const ended = begun === undefined ? await runAll(playbook, world) : neverBegun(playbook, begun);
  const report = { ...about, ...ended, elapsed: ports.now() - startedAt };
  const unwritten = await attempt(() => world.journal({ type: 'run-finished', state: report.state }));
  const whole = unwritten === undefined || report.state === 'failed' ? report : failWith(report, unwritten);
  ports.emit({ type: 'run-finished', report: whole });
  return whole;
}

type Ended = Pick<RunReport, 'state' | 'steps' | 'failure'>;

/** Finds the nodes. Gives back why the run can’t begin, or undefined. */
async function begin(
  { file, nodes, inputs: declared }: Playbook,
  inputs: JsonObject,
  world: World,
  about: Pick<RunReport, 'runId' | 'playbook' | 'label' | 'dryRun'>,
  allowMissing: boolean,
): Promise<readonly NodeFailure[] | undefined> {
  const shown = Object.fromEntries(Object.entries(inputs).filter(([name]) => declared[name]?.sensitive !== true));
  let missing: readonly NodeFailure[] = [];
  const failed = await attempt(async () => {
    const { playbook, dryRun } = about;
    await world.journal({ type: 'run-started', playbook, file, operator: world.ports.operator, dryRun, inputs: shown });
    world.ports.emit({ type: 'run-started', ...about, inputs: shown });
    const found = await findNodes(nodes, world, allowMissing);
    missing = found.missing;
    world.setNodes(found.sets);
    const sets = Object.fromEntries([...found.sets].map(([name, members]) => [name, members.map((node) => node.name)]));
    await world.journal({ type: 'nodes-found', sets });
    world.ports.emit({ type: 'nodes-found', sets });
  });
  if (failed !== undefined) return [failed];
  return missing.length > 0 ? missing : undefined;
}

async function runAll(playbook: Playbook, world: World): Promise<Ended> {
  const { reports, finished } = await runSteps(playbook.steps, world, false);
  const failure = firstFailure(reports);
  const interrupted = !finished && reports.some(({ state }) => state === 'interrupted' || state === 'not-run');
  if (failure === undefined && !interrupted) {
    return { state: finished && !world.changed() ? 'nothing-to-do' : 'done', steps: reports };
  }
  world.setFailure(failure?.step ?? '', failure?.reasons ?? []);
  // What is for after a failure is also for after an interruption: it must not be cut short by the same signal.
  const after = await runSteps(playbook.onFailure, { ...world, signal: world.kill }, true);
  const steps = [...reports, ...after.reports];
  return failure === undefined ? { state: 'interrupted', steps } : { state: 'failed', steps, failure };
}

function firstFailure(reports: readonly StepReport[]): RunReport['failure'] {
  const failed = reports.find(({ state }) => state === 'failed');
  return failed === undefined ? undefined : { step: failed.id, reasons: failed.failed };
}

function neverBegun({ steps }: Playbook, reasons: readonly NodeFailure[]): Ended {
  const reports = steps.map(({ id, kind, body: { title } }): StepReport => {
    const nothing = { ok: [], failed: [], untouched: [], tries: 0, elapsed: 0, lines: [], dryRun: false };
    return { id, title, kind, afterFailure: false, state: 'not-run', ...nothing };
  });
  return { state: 'failed', steps: reports, failure: { step: '', reasons } };
}

function failWith(report: RunReport, reason: NodeFailure): RunReport {
  return { ...report, state: 'failed', failure: { step: '', reasons: [reason] } };
}
