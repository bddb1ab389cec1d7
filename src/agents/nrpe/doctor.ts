import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import type { DoctorSetup } from '../../core/agent.ts';
import { explainErrno, Problem } from '../../core/errors.ts';
import { broken, runCheck, type Finding, fine } from '../../core/finding.ts';
import { count } from '../../core/text.ts';
import { parseArgumentRules } from './arguments.ts';
import { queryDaemon } from './remote/query.ts';
import type { NrpeConfig, NrpeDaemon } from './config.ts';
import { cacheDefinitions } from './local/definitions.ts';
import { sampleArgv } from './local/local.ts';
import { tlsOptions } from './remote/tls.ts';

/** Whether nrpe.cfg can be read and each command in it can run, or the configured NRPE daemon answers. */
export function doctorNrpe({ config, signal }: DoctorSetup<NrpeConfig>): Promise<readonly Finding[]> {
  const { daemon } = config;
  return daemon === undefined ? checkCommands(config) : checkDaemon(daemon, signal);
}

function checkCommands(config: NrpeConfig): Promise<readonly Finding[]> {
  return runCheck('nrpe', 'correct the file, or name another one with agents.nrpe.config', async () => {
    const rules = parseArgumentRules(config.arguments);
    const defined = await cacheDefinitions(config.config)();
    const each = [...defined.commands.keys()].map((name) =>
      runCheck('nrpe', `correct or remove command[${name}]`, async () => {
        await requireProgram(sampleArgv(name, defined, rules)[0], name);
        return [];
      }),
    );
    const faults = (await Promise.all(each)).flat();
    const good = count(defined.commands.size - faults.length, 'command');
    const unused = defined.faults.map((what) => broken('nrpe', what, 'correct the line, or remove it'));
    return [fine('nrpe', `${config.config} defines ${good} that can be run`), ...faults, ...unused];
  });
}

function checkDaemon(daemon: NrpeDaemon, signal: AbortSignal): Promise<readonly Finding[]> {
  return runCheck('nrpe', 'docs/monitoring.md explains agents.nrpe.daemon', async () => {
    // Every NRPE daemon answers this with its version, whatever commands it has.
    const { text } = await queryDaemon(daemon, await tlsOptions(daemon), '_NRPE_CHECK', signal);
    return fine('nrpe', `the NRPE daemon ${daemon.host}:${daemon.port} answers: ${text}`);
  });
}

/** @throws Problem `no-program` */
async function requireProgram(program: string, name: string): Promise<void> {
  if (!program.startsWith('/')) return;
  try {
    await access(program, constants.X_OK);
  } catch (cause) {
    throw new Problem('no-program', `command[${name}]: ${program} cannot be run: ${explainErrno(cause)}`);
  }
}
