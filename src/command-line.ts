import { agents, checkExternal, findExternal } from './agents/index.ts';
import { configDdl } from './agents/config/ddl.ts';
import { namesOf } from './core/ddl/ddl.ts';
import { applyCommand } from './client/commands/apply/index.ts';
import { completeCommand } from './client/commands/complete/index.ts';
import { completionCommand } from './client/commands/completion/index.ts';
import { agentCommand } from './client/commands/agent/index.ts';
import { configHelperCommand } from './client/commands/daemon/config-helper.ts';
import { daemonCommand } from './client/commands/daemon/index.ts';
import { doctorCommand } from './client/commands/doctor/index.ts';
import { commands } from './client/commands/index.ts';
import { installCommand, uninstallCommand } from './client/commands/install/index.ts';
import type { ReadPolicyContext } from './client/commands/policy/context.ts';
import { policyCommand } from './client/commands/policy/index.ts';
import { type Cli, defineProgram } from './client/cli/program.ts';
import { describeVersion, version } from './version.ts';

const catalogue = agents.map(({ ddl }) => ddl);

const agent = agentCommand(async (ddl, file) => {
  const { convertDdl } = await import('./agents/external/convert.ts');
  return convertDdl(ddl, file);
}, catalogue);

const daemon = daemonCommand(async () => {
  const { serveUntilSignalled } = await import('./daemon/serve.ts');
  return (configFile) => serveUntilSignalled({ configFile, agents, findExternal, version });
});

const configHelper = configHelperCommand(async () => {
  const { revertIfDue } = await import('./daemon/config-helper/revert.ts');
  const { serveHelper } = await import('./daemon/config-helper/serve.ts');
  return {
    serve: (directory, streams) => serveHelper(directory, agents, streams),
    takeBack: (directory) => revertIfDue(directory, false),
  };
});

const readPolicies: ReadPolicyContext = async (configFile) => {
  const { readPolicyContext } = await import('./daemon/agents/policy-files.ts');
  return readPolicyContext(configFile, agents);
};
const policy = policyCommand(catalogue, readPolicies, async (directory) => {
  const { ddls, refused } = await checkExternal({ directory, taken: namesOf(catalogue) });
  return { agents: ddls, refused };
});

const doctor = doctorCommand(async (configFile, signal) => {
  const { doctorNode } = await import('./daemon/doctor/node.ts');
  return doctorNode(configFile, { agents, checkExternal }, signal);
});

/** A configuration that is to stand on another host, read as a daemon there would read it. */
const checkNodeConfig = async (text: string, file: string) => {
  const { describePaths } = await import('./daemon/config/config-paths.ts');
  return describePaths(text, file, agents);
};
/** What a fleet's file is checked and rendered by. */
export const nodeParts = async () => {
  const { describePaths } = await import('./daemon/config/config-paths.ts');
  const { nodeConfigSchema } = await import('./daemon/config/schema.ts');
  return {
    agents: agents.map(({ ddl, config }) => ({ ...ddl, config })),
    settings: nodeConfigSchema,
    describe: (text: string, file: string) => describePaths(text, file, agents),
  };
};
const onHosts = [
  applyCommand(nodeParts, process.execPath, configDdl),
  installCommand(checkNodeConfig, process.execPath),
  uninstallCommand(checkNodeConfig),
];

const complete = completeCommand(catalogue, (context) => defineProgram(commandLine, context));
const others = [agent, policy, doctor, ...onHosts, daemon, configHelper, completionCommand, complete];

/** All that the program can do. With the entry point, this is the composition root: the only place that knows all parts. */
export const commandLine: Cli = {
  version: describeVersion(),
  commands: [...commands(catalogue, nodeParts), ...others],
  agents: namesOf(catalogue),
};
