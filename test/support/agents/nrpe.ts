import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryDirectory } from './agent-setup.ts';
import { freePort } from '../free-port.ts';
import { type Ended, runProgram } from '../program/run-program.ts';

/** The real NRPE daemon (Debian's nagios-nrpe-server) on a free port of loopback, and the real check_nrpe to ask it. */
export interface RealNrpe extends AsyncDisposable {
  readonly port: number;
  readonly configFile: string;
  /** The packet of check_nrpe for a command and its arguments. */
  readonly check: (command: string, ...args: string[]) => Promise<Ended>;
}

/** @param lines of nrpe.cfg, beyond what makes it listen */
export async function startRealNrpe(lines: readonly string[], daemonArgs: readonly string[] = []): Promise<RealNrpe> {
  const directory = temporaryDirectory();
  const configFile = join(directory, 'nrpe.cfg');
  const port = await freePort();
  const own = [
    `pid_file=${directory}/nrpe.pid`,
    'server_address=127.0.0.1',
    `server_port=${port}`,
    'nrpe_user=nobody',
    'nrpe_group=nogroup',
    'allowed_hosts=127.0.0.1',
  ];
  writeFileSync(configFile, `${[...own, ...lines].join('\n')}\n`);
  const daemon = spawn('/usr/sbin/nrpe', ['-c', configFile, '-f', ...daemonArgs], { stdio: 'ignore' });
  const ended = once(daemon, 'exit');
  while (!(await answers(port))) {
    if (daemon.exitCode !== null) throw new Error('the NRPE daemon did not start');
    await sleep(20);
  }
  return {
    port,
    configFile,
    check: async (command, ...args) => {
      const more = args.length === 0 ? [] : ['-a', ...args];
      const plain = daemonArgs.includes('--no-ssl') ? ['-n'] : [];
      const where = ['-H', '127.0.0.1', '-p', String(port), '-t', '60', ...plain, '-c', command];
      return runProgram('/usr/lib/nagios/plugins/check_nrpe', [...where, ...more]);
    },
    [Symbol.asyncDispose]: async () => {
      daemon.kill('SIGTERM');
      await ended;
    },
  };
}

async function answers(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
