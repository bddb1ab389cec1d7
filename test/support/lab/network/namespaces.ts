import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Host } from '../estate.ts';
import { type LabState, markProcess, type ProcessMark, repository, rootOf } from '../state.ts';

/** A host whose namespaces are there. It is not attached to the switch yet. */
export interface Holder {
  readonly name: string;
  /** The host's first process: what is entered to get onto the host, and ended to end the host. */
  readonly mark: ProcessMark;
  /** Lets the host go on: its network is there. Resolves when its services were started. */
  readonly proceed: () => Promise<void>;
}

/** Starts the first process of a host. @throws Error with what it said when it fails */
export async function startHost(host: Host, lab: LabState): Promise<Holder> {
  // A host's processes die with its first one. Not so on the control host: what runs there is run from outside.
  const own = host.kind === 'control' ? [] : ['--pid', '--fork', '--kill-child'];
  const script = join(import.meta.dirname, '../host.sh');
  const argv = [
    ...['--net', '--mount', '--uts', '--ipc', ...own, 'sh', script],
    ...[rootOf(lab, host.name), host.name, lab.directory, repository, lab.lifetime],
  ];
  const logFile = join(lab.directory, 'hosts', `${host.name}.log`);
  const log = openSync(logFile, 'a');
  const child = spawn('unshare', argv, { stdio: ['pipe', 'pipe', log], detached: true });
  closeSync(log);
  const next = lineReader(child, host.name, logFile);
  const mark = markProcess(Number(await next()));
  return {
    name: host.name,
    mark,
    proceed: async () => {
      child.stdin?.write('go\n');
      await next();
      leave(child);
    },
  };
}

/** The network between the hosts: a namespace with nothing in it yet. */
export function startSwitch({ lifetime }: LabState): ProcessMark {
  const argv = ['--net', ...(lifetime === 'standing' ? ['sleep', 'infinity'] : ['cat'])];
  const child = spawn('unshare', argv, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
  leave(child);
  // unshare becomes what it runs, so its pid stays.
  return markProcess(child.pid ?? 0);
}

/** Lets this process end while the child goes on. */
function leave(child: ChildProcess): void {
  child.unref();
  child.stdout?.destroy();
  (child.stdin as Socket | null)?.unref();
}

/** Reads the lines that a host's first process prints, one after the other. */
function lineReader(child: ChildProcess, name: string, logFile: string): () => Promise<string> {
  if (child.stdout === null) throw new Error('the child has no standard output');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await lines.next();
    // The log goes with the lab, so what it says has to be said here.
    if (done === true) throw new Error(`the lab host ${name} did not come up:\n${readFileSync(logFile, 'utf8')}`);
    return value;
  };
}
