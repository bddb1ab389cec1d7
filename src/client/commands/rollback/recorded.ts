/** The run to undo, from a journal. */
import { Problem } from '../../../core/errors.ts';
import type { JournalLookup } from '../../runs/fleet/fetch-run.ts';
import {
  balancersCalled,
  inputsKept,
  revisionsBefore,
  revisionsBrought,
  upgraded,
} from '../../runs/recorded-releases.ts';
import { latestRuns, namedRun } from './known-runs.ts';
import type { RollbackOptions } from './options.ts';

/** The earlier release of each node, and those that it may serve now: any other was deployed by somebody else. */
export interface Known {
  readonly before: ReadonlyMap<string, string>;
  readonly deployed: readonly string[];
  /** The load balancers that the run called; undefined if no journal names them. */
  readonly balancers?: readonly string[];
  readonly recipient?: string;
  /** Inputs of the run that also apply to its undoing. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** True when the run was itself a rollback. */
  readonly isRollback: boolean;
}

/** Undefined if no known run upgraded servers of the cluster. @throws Problem `unknown-run`, `nothing-to-undo` */
export async function findRecorded(
  { cluster, run, application }: RollbackOptions,
  look: JournalLookup,
): Promise<Known | undefined> {
  const { err } = look.context;
  for await (const { id, entries } of run === undefined ? latestRuns(look) : namedRun(run, look)) {
    if (!upgraded(entries, cluster, application)) {
      if (run !== undefined)
        throw new Problem('nothing-to-undo', `the run ${id} upgraded no server of ${placeOf(cluster, application)}`);
      continue;
    }
    const started = entries.find((entry) => entry.type === 'run-started');
    const by = started?.operator === look.session.caller.credentials.identity.name ? '' : ` by ${started?.operator}`;
    err(`undoing the run ${id} of ${new Date(entries[0]?.at ?? 0).toISOString()}${by}`);
    const { recipient, notify } = started?.inputs ?? {};
    return {
      before: revisionsBefore(entries),
      deployed: revisionsBrought(entries),
      balancers: balancersCalled(entries),
      inputs: inputsKept(entries),
      isRollback: started?.playbook === 'rollback',
      ...(typeof recipient === 'string' && notify !== false ? { recipient } : {}),
    };
  }
  return undefined;
}

function placeOf(cluster: string, application: string | undefined): string {
  return `cluster “${cluster}”${application === undefined ? '' : ` with application “${application}”`}`;
}
