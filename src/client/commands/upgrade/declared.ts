import { Problem } from '../../../core/errors.ts';
import { type DeclaredOptions, readDeclared } from '../../fleet-file/declared.ts';
import type { LoadNodeParts, Upgrade } from '../../fleet-file/model.ts';
import { checksOf, clusterOf, isAmbiguous, recipientOf } from '../../fleet-file/upgrade-inputs.ts';
import type { UpgradeOptions } from './upgrade.ts';

/** The words after `upgrade`. */
interface Words {
  readonly application: string | undefined;
  readonly revision: string | undefined;
}

/** The typed options; the others are undefined. */
export type TypedUpgradeOptions = Omit<UpgradeOptions, 'cluster' | 'rev' | 'strategy' | 'onFailure'> &
  Partial<Pick<UpgradeOptions, 'cluster' | 'rev' | 'strategy' | 'onFailure'>> &
  DeclaredOptions;

/**
 * The options of an upgrade: typed ones, then those of the application in fleet.yaml, then the defaults.
 * @throws Problem `usage`, or as {@link readDeclared}
 */
export async function readUpgradeOptions(
  { application, revision }: Words,
  typed: TypedUpgradeOptions,
  load: LoadNodeParts,
): Promise<UpgradeOptions> {
  if (revision !== undefined && typed.rev !== undefined) {
    throw new Problem('usage', `two revisions are given, ${revision} and ${typed.rev}`, 'leave --rev out');
  }
  const rev = revision ?? typed.rev;
  if (application === undefined) {
    const { cluster } = typed;
    if (cluster === undefined) throw new Problem('usage', 'upgrade needs an application or a cluster', bothForms);
    if (rev === undefined) throw new Problem('usage', 'upgrade needs a revision', bothForms);
    return { ...defaults, ...typed, cluster, rev };
  }
  if (rev === undefined) {
    const { cluster } = typed;
    // Beside --cluster, the one word that is left is more likely the revision.
    const next = cluster === undefined ? `${application} REVISION` : `--cluster ${cluster} --rev ${application}`;
    throw new Problem('usage', 'upgrade needs a revision', `mco-deploy upgrade ${next}`);
  }
  return await fromFleet(application, rev, typed, load);
}

const bothForms = 'mco-deploy upgrade APPLICATION REVISION, or: mco-deploy upgrade --cluster NAME --rev REVISION';
const defaults = { strategy: 'auto', onFailure: 'stop' } as const;

async function fromFleet(
  name: string,
  rev: string,
  typed: TypedUpgradeOptions,
  load: LoadNodeParts,
): Promise<UpgradeOptions> {
  const { application, fleet, discovery } = await readDeclared(
    name,
    typed,
    load,
    `mco-deploy upgrade --cluster ${name} --rev ${rev}`,
  );
  const { upgrade } = application;
  const recipient = typed.recipient ?? (typed.notify ? recipientOf(application, fleet) : undefined);
  const checks = checksOf(application, fleet);
  return {
    ...defaults,
    ...(isAmbiguous(application, fleet) || typed.publish !== undefined ? { application: application.name } : {}),
    ...optionsOf(upgrade),
    ...defined({ ...typed, ...discovery }),
    cluster: clusterOf(application, typed.cluster),
    rev,
    // Undefined, or true: none was named.
    check: (typed.check ?? true) === true && checks !== undefined ? checks : typed.check,
    notify: typed.notify && recipient !== false,
    ...(typeof recipient === 'string' ? { recipient } : {}),
  };
}

/** The settings of fleet.yaml as options. */
function optionsOf({ strategy, batch, soak, on_failure, min_available, backend }: Upgrade): Partial<UpgradeOptions> {
  return defined({
    strategy,
    batch: batch === undefined ? undefined : String(batch),
    soak,
    onFailure: on_failure,
    minAvailable: min_available === undefined ? undefined : String(min_available),
    backend,
  }) as Partial<UpgradeOptions>;
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
