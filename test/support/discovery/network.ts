import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);
const repository = join(import.meta.dirname, '../../..');

/** A host of a test's own network: a network namespace with one interface, `eth0`. */
export interface NetworkHost {
  readonly namespace: string;
  readonly address: string;
  /** Gives it another interface on the same bridge, set up but without an IPv4 address. */
  readonly plug: (name: string) => Promise<void>;
  /** Runs a program there and returns what it wrote. */
  readonly exec: (...argv: string[]) => Promise<string>;
  /** Starts one of the scripts beside this file there, under the project's own Node; it is ended with the network. */
  readonly start: (script: string, options: object) => Script;
}

/** A running script: it writes one JSON object a line. */
export interface Script {
  /** The next line, or undefined when it has ended. */
  readonly next: () => Promise<Record<string, unknown> | undefined>;
  /** Writes a line to its standard input. */
  readonly say: (line: string) => void;
  /** Ends its standard input, on which it stops; waits and returns its exit code. */
  readonly stop: () => Promise<number | null>;
  readonly kill: () => void;
  readonly stderr: () => string;
}

export interface Network {
  readonly hosts: readonly NetworkHost[];
  readonly remove: () => Promise<void>;
}

/** Makes a segment with so many hosts, 10.77.0.1 and up, on a bridge in its own namespace. Needs root. */
export async function createNetwork(hosts: number): Promise<Network> {
  const prefix = `mcod${randomBytes(3).toString('hex')}`;
  const bridge = `${prefix}-b`;
  const made: string[] = [];
  const children: ChildProcess[] = [];
  const remove = async () => {
    for (const child of children) child.kill('SIGKILL');
    for (const name of made) await run('ip', ['netns', 'delete', name]);
  };
  try {
    await run('ip', ['netns', 'add', bridge]);
    made.push(bridge);
    await run('ip', ['-n', bridge, 'link', 'add', 'br0', 'type', 'bridge', 'mcast_snooping', '0']);
    await run('ip', ['-n', bridge, 'link', 'set', 'br0', 'up']);
    const list: NetworkHost[] = [];
    for (let index = 0; index < hosts; index++) {
      const namespace = `${prefix}-${index}`;
      const address = `10.77.0.${index + 1}`;
      await run('ip', ['netns', 'add', namespace]);
      made.push(namespace);
      const ip = (...argv: string[]) => run('ip', ['-n', namespace, ...argv]);
      await ip('link', 'set', 'lo', 'up');
      await plug(namespace, 'eth0', bridge, `v${index}`);
      await ip('address', 'add', `${address}/24`, 'dev', 'eth0');
      await ip('route', 'add', 'default', 'dev', 'eth0');
      list.push({
        namespace,
        address,
        plug: (name) => plug(namespace, name, bridge, `v${index}${name}`),
        exec: async (...argv) => (await run('ip', ['netns', 'exec', namespace, ...argv])).stdout,
        start: (script, options) => startScript(namespace, script, options, children),
      });
    }
    return { hosts: list, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** Connects a host to the bridge. Its IPv6 address can be used at once: the kernel would look for a second owner for some seconds. */
async function plug(namespace: string, name: string, bridge: string, port: string): Promise<void> {
  const ip = (...argv: string[]) => run('ip', ['-n', namespace, ...argv]);
  await ip('link', 'add', name, 'type', 'veth', 'peer', 'name', port, 'netns', bridge);
  await run('ip', ['-n', bridge, 'link', 'set', port, 'master', 'br0', 'up']);
  const setting = `/proc/sys/net/ipv6/conf/${name}/accept_dad`;
  await run('ip', ['netns', 'exec', namespace, 'sh', '-c', 'echo 0 > "$1"', 'sh', setting]);
  await ip('link', 'set', name, 'up');
}

function startScript(namespace: string, script: string, options: object, children: ChildProcess[]): Script {
  const child = spawn(
    'ip',
    ['netns', 'exec', namespace, 'sh', join(repository, 'build/node24'), join(import.meta.dirname, script)],
    { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, OPTIONS: JSON.stringify(options) } },
  );
  children.push(child);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-10_000);
  });
  const exited = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async next() {
      const { value, done } = await lines.next();
      return done === true ? undefined : (JSON.parse(value) as Record<string, unknown>);
    },
    async stop() {
      child.stdin.end();
      const [code] = await exited;
      return code;
    },
    say: (line) => void child.stdin.write(`${line}\n`),
    kill: () => void child.kill('SIGKILL'),
    stderr: () => stderr,
  };
}
