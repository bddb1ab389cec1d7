import { Problem } from '../../../core/errors.ts';
import { type DeclaredOptions, readDeclared } from '../../fleet-file/declared.ts';
import type { LoadNodeParts } from '../../fleet-file/model.ts';
import { clusterOf, recipientOf } from '../../fleet-file/upgrade-inputs.ts';
import type { RollbackOptions } from './run.ts';

type TypedOptions = Omit<RollbackOptions, 'cluster'> & Partial<Pick<RollbackOptions, 'cluster'>> & DeclaredOptions;

/** The options of a rollback: what was typed, then what fleet.yaml says of the application. @throws Problem */
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
  const { application, fleet, discovery } = await readDeclared(name, typed, load);
  const recipient = typed.recipient ?? (typed.notify ? recipientOf(application, fleet) : undefined);
  const { backend, min_available: available } = application.upgrade;
  return {
    ...(backend === undefined ? {} : { backend }),
    ...(available === undefined ? {} : { minAvailable: String(available) }),
    ...typed,
    ...discovery,
    cluster: clusterOf(application, typed.cluster),
    notify: typed.notify && recipient !== false,
    ...(typeof recipient === 'string' ? { recipient } : {}),
  };
}
