import { agents, findExternal } from './agents/index.ts';
import { runCli } from './client/cli.ts';
import { daemonCommand } from './client/commands/daemon/index.ts';
import { commands } from './client/commands/index.ts';
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

const cli = { version: describeVersion(), commands: [...commands(catalogue), policy, daemon] };
void runCli(process.argv.slice(2), cli, startContext());
