import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { programInShell } from '../program/program.ts';

const program = programInShell;

/** A daemon that is started again whenever it ends, as a service manager does. */
export interface SupervisedDaemon extends AsyncDisposable {
  /** The process that runs now. */
  readonly pid: () => Promise<number>;
  /** The words that restart it, as helper.yaml has them. */
  readonly restart: readonly string[];
}

/** @param directory of node.yaml */
export async function superviseDaemon(directory: string): Promise<SupervisedDaemon> {
  const pidFile = join(directory, 'daemon.pid');
  const script = join(directory, 'supervise.sh');
  const lines = [
    '#!/bin/sh',
    'trap \'kill "$child"; wait "$child"; exit 0\' TERM',
    'while :; do',
    `  ${program} daemon --config "$1/node.yaml" </dev/null >>"$1/daemon.log" 2>&1 &`,
    '  child=$!',
    `  echo "$child" >"${pidFile}.new" && mv "${pidFile}.new" "${pidFile}"`,
    '  wait "$child"',
    '  sleep 0.2',
    'done',
  ];
  await writeFile(script, `${lines.join('\n')}\n`, { mode: 0o755 });
  const child = spawn('sh', [script, directory], { stdio: 'ignore' });
  return {
    pid: async () => Number(await readFile(pidFile, 'utf8')),
    restart: ['sh', '-c', `kill "$(cat ${pidFile})"`],
    [Symbol.asyncDispose]: async () => {
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}
