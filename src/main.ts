import { agents, findExternal } from './agents/index.ts';
import { runCli } from './client/cli.ts';
import { daemonCommand } from './client/commands/daemon/index.ts';
import { doctorCommand } from './client/commands/doctor/index.ts';
import { commands } from './client/commands/index.ts';
import { installCommand, uninstallCommand } from './client/commands/install/index.ts';
import { policyCommand } from './client/commands/policy/index.ts';
import { startContext } from './client/process.ts';
import { describeVersion, version } from './version.ts';

const catalogue = agents.map(({ ddl }) => ddl);

const daemon = daemonCommand(async () => {
  const { serveUntilSignalled } = await import('./daemon/daemon.ts');
  return (configFile) => serveUntilSignalled({ configFile, agents, findExternal, version });
});

const policy = policyCommand(catalogue, async (configFile) => {
  const { readPolicyPlace } = await import('./daemon/policy-place.ts');
  return readPolicyPlace(configFile, agents);
});

const doctor = doctorCommand(async (configFile, signal) => {
  const { examineNode } = await import('./daemon/examine/node.ts');
  return examineNode(configFile, agents, signal);
});

/** A configuration that is to stand on another host, read as a daemon there would read it. */
const checkNodeConfig = async (text: string, file: string) => {
  const { describePlaces } = await import('./daemon/places.ts');
  return describePlaces(text, file, agents);
};
const onHosts = [installCommand(checkNodeConfig, process.execPath), uninstallCommand(checkNodeConfig)];

const cli = { version: describeVersion(), commands: [...commands(catalogue), policy, doctor, ...onHosts, daemon] };
void runCli(process.argv.slice(2), cli, startContext());
