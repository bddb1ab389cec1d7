import { Problem } from '../../../core/errors.ts';
import { type DeclaredOptions, readDeclared } from '../../fleet-file/declared.ts';
import type { LoadNodeParts, Upgrade } from '../../fleet-file/model.ts';
import { checksOf, clusterOf, isAmbiguous, recipientOf } from '../../fleet-file/upgrade-inputs.ts';
import type { RollbackOptions } from './options.ts';

type TypedOptions = Omit<RollbackOptions, 'cluster'> & Partial<Pick<RollbackOptions, 'cluster'>> & DeclaredOptions;

/** The options of a rollback: typed ones, then those of the application in fleet.yaml. @throws Problem */
export async function readRollbackOptions(
  name: string | undefined,
  typed: TypedOptions,
  load: LoadNodeParts,
): Promise<RollbackOptions> {
  if (name === undefined) {
    const { cluster } = typed;
    if (cluster !== undefined) return { ...typed, cluster };
    const hint = 'mco-deploy rollback APPLICATION, or: mco-deploy rollback --cluster NAME';
    throw new Problem('usage', 'rollback needs an application or a cluster', hint);
  }
  const { application, fleet, discovery } = await readDeclared(
    name,
    typed,
    load,
    `mco-deploy rollback --cluster ${name}`,
  );
  const recipient = typed.recipient ?? (typed.notify ? recipientOf(application, fleet) : undefined);
  const { backend, min_available: available } = application.upgrade;
  const checks = checksOf(application, fleet);
  const batch = typed.batch ?? batchOf(application.upgrade);
  return {
    ...(isAmbiguous(application, fleet) ? { application: application.name } : {}),
    ...(backend === undefined ? {} : { backend }),
    ...(available === undefined ? {} : { minAvailable: String(available) }),
    ...typed,
    ...discovery,
    ...(batch === undefined ? {} : { batch }),
    // Undefined, or true: none was named.
    ...((typed.check ?? true) === true && checks !== undefined ? { check: checks } : {}),
    cluster: clusterOf(application, typed.cluster),
    notify: typed.notify && recipient !== false,
    ...(typeof recipient === 'string' ? { recipient } : {}),
  };
}

/**
 * How many servers an upgrade of the application takes out at a time; undefined if that depends on what can be spared.
 */
function batchOf({ strategy, batch }: Upgrade): string | undefined {
  if (batch !== undefined) return String(batch);
  return strategy === undefined || strategy === 'auto' ? undefined : batches[strategy];
}

/** As in the playbook of each strategy. A release that served before is known to work, so there is no soak. */
const batches = { parallel: '100%', rolling: '2', canary: '1,25%,50%' } as const;
