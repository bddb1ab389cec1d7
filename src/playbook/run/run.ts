/** Runs a playbook that was checked: nodes first, then steps as their needs allow, then what is for after a failure. */
import type { JsonObject } from '../../core/json.ts';
import { explain } from '../../core/errors.ts';
import { attempt } from './attempt.ts';
import { mayChange } from './may-change.ts';
import { digestPlaybook } from '../source/digest.ts';
import type { NodeFailure, RunReport, StepReport } from '../events/events.ts';
import { planRun } from './plan.ts';
import type { Playbook } from '../model.ts';
import type { PlaybookPorts } from '../ports.ts';
import { checkRights } from './rights.ts';
import { runSections } from './sections.ts';
import { findNodes, namesIn } from './find-nodes.ts';
import type { World } from '../context.ts';
import { defineWorld, type RunOptions } from './world.ts';

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
  const stepIds = [...playbook.steps, ...playbook.onFailure, ...playbook.always].map(({ id }) => id);
  const world = defineWorld(playbook, inputs, stepIds, ports, options);
  const { label } = world;
  const about = { runId: world.runId, playbook: playbook.name, label, dryRun: world.dryRun };
  const begun = await begin(playbook, inputs, world, about, options.origin);
  const ended = begun === undefined ? await runAll(playbook, world) : neverBegun(playbook, begun);
  const report = { ...about, ...ended, ...interruptionOf(ended, world), elapsed: ports.now() - startedAt };
  const { state } = report;
  const unwritten = await attempt(() =>
    world.journal({ type: 'run-finished', state, ...interruptionOf(ended, world) }),
  );
  const whole = unwritten === undefined || report.state === 'failed' ? report : failWith(report, unwritten);
  ports.emit({ type: 'run-finished', report: whole });
  return whole;
}

/** Why the run is not to begin although its nodes are there. */
async function preflight(playbook: Playbook, world: World): Promise<readonly NodeFailure[]> {
  const { ports } = world;
  if (world.dryRun) return await checkRights(playbook, world);
  if (ports.agree === undefined || (await ports.agree(await planRun(playbook, world)))) return [];
  return [{ node: '', code: 'not-agreed', reason: `${ports.operator} did not agree` }];
}

type Ended = Pick<RunReport, 'state' | 'steps' | 'failure'>;

/** Finds the nodes. Gives back why the run can’t begin, or undefined. */
async function begin(
  whole: Playbook,
  inputs: JsonObject,
  world: World,
  about: Pick<RunReport, 'runId' | 'playbook' | 'label' | 'dryRun'>,
  origin: string | undefined,
): Promise<readonly NodeFailure[] | undefined> {
  const { file, nodes, inputs: declared } = whole;
  const shown = Object.fromEntries(Object.entries(inputs).filter(([name]) => declared[name]?.sensitive !== true));
  let missing: readonly NodeFailure[] = [];
  const failed = await attempt(async () => {
    const { playbook, dryRun } = about;
    const { operator } = world.ports;
    const started = {
      playbook,
      file,
      operator,
      dryRun,
      inputs: shown,
      time: world.time,
      digest: digestPlaybook(whole),
    };
    await world.journal(
      world.resumed === undefined
        ? { type: 'run-started', ...started, ...(origin === undefined ? {} : { origin }) }
        : { type: 'run-resumed', operator },
    );
    world.ports.emit({ type: 'run-started', ...about, inputs: shown });
    const found = await findNodes(nodes, world, world.allowMissing, '');
    missing = found.missing;
    world.setNodes(found.sets);
    const sets = namesIn(found.sets);
    if (missing.length === 0) await world.journal({ type: 'nodes-found', sets });
    world.ports.emit({ type: 'nodes-found', sets });
    if (missing.length === 0) missing = await preflight(whole, world);
    if (missing.length === 0 && !dryRun && mayChange(whole)) await world.lock();
  });
  if (failed !== undefined) return [failed];
  return missing.length > 0 ? missing : undefined;
}

async function runAll(playbook: Playbook, world: World): Promise<Ended> {
  const { state, finished, reports: steps, failure } = await runSections(playbook, world);
  if (failure !== undefined) return { state, steps, failure };
  return { state: finished && !world.changed() ? 'nothing-to-do' : state, steps };
}

/** Whoever aborts the signal gives the reason. */
function interruptionOf({ state }: Ended, { signal }: World): Pick<RunReport, 'interruption'> {
  if (state !== 'interrupted' || !signal.aborted) return {};
  const reason: unknown = signal.reason;
  return { interruption: typeof reason === 'string' ? reason : explain(reason) };
}

function neverBegun({ steps }: Playbook, reasons: readonly NodeFailure[]): Ended {
  const reports = steps.map(({ id, kind, body: { title } }): StepReport => {
    const nothing = { ok: [], failed: [], untouched: [], tries: 0, elapsed: 0, lines: [], dryRun: false };
    return { id, title, kind, afterFailure: false, state: 'not-run', ...nothing };
  });
  const state = reasons.every(({ code }) => code === 'not-agreed') ? 'interrupted' : 'failed';
  return { state, steps: reports, failure: { step: '', reasons } };
}

function failWith(report: RunReport, reason: NodeFailure): RunReport {
  return { ...report, state: 'failed', failure: { step: '', reasons: [reason] } };
}
