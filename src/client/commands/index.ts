import type { Ddl } from '../../core/ddl/ddl.ts';
import type { CommandEntry } from '../cli/context.ts';
import type { LoadNodeParts } from '../fleet-file/model.ts';
import { auditCommand } from './audit/index.ts';
import { caCommand } from './ca/index.ts';
import { docCommand } from './doc/index.ts';
import { enrollCommand } from './enroll.ts';
import { explainCommand } from './explain/index.ts';
import { factsCommand } from './facts/index.ts';
import { findCommand } from './find/index.ts';
import { fleetCommand } from './fleet/index.ts';
import { forgetCommand } from './forget/index.ts';
import { inventoryCommand } from './inventory/index.ts';
import { jobsCommand } from './jobs/index.ts';
import { locksCommand } from './locks/index.ts';
import { nrpeCommand } from './nrpe/index.ts';
import { orchestrateCommand } from './orchestrate/index.ts';
import { pingCommand } from './ping/index.ts';
import { playbookCommand } from './playbook/index.ts';
import { pruneCommand } from './prune/index.ts';
import { publishCommand } from './publish/index.ts';
import { publishedCommand } from './published/index.ts';
import { resumeCommand } from './resume/index.ts';
import { rollbackCommand } from './rollback/index.ts';
import { rpcCommand } from './rpc/index.ts';
import { runCommand } from './run/index.ts';
import { runsCommand } from './runs/index.ts';
import { schemaCommand } from './schema/index.ts';
import { statusCommand } from './status/index.ts';
import { upgradeCommand } from './upgrade/index.ts';
import { verifyCommand } from './verify/index.ts';

/**
 * The commands of an operator, in the order of help.
 * @param catalogue the known agents
 * @param load the functions that read a fleet's file
 */
export function commands(catalogue: readonly Ddl[], load: LoadNodeParts): readonly CommandEntry[] {
  return [
    pingCommand(catalogue),
    findCommand(catalogue),
    inventoryCommand(catalogue),
    factsCommand(catalogue),
    forgetCommand,
    rpcCommand(catalogue),
    jobsCommand(catalogue),
    nrpeCommand(catalogue),
    publishCommand(catalogue, load),
    publishedCommand(catalogue, load),
    pruneCommand(catalogue, load),
    upgradeCommand(catalogue, load),
    rollbackCommand(catalogue, load),
    runCommand(catalogue),
    orchestrateCommand(catalogue),
    runsCommand(catalogue),
    resumeCommand(catalogue),
    playbookCommand(catalogue),
    statusCommand(catalogue, load),
    fleetCommand(catalogue, load),
    locksCommand(catalogue),
    docCommand(catalogue),
    explainCommand,
    auditCommand(catalogue),
    caCommand(catalogue),
    enrollCommand,
    verifyCommand,
    schemaCommand(load),
  ];
}
