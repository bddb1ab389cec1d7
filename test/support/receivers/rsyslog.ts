import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Member } from '../fleet/fleet.ts';

/** Debian's rsyslog with a TLS listener on loopback, and what it has written. */
export interface Rsyslog extends AsyncDisposable {
  readonly port: number;
  readonly start: () => Promise<void>;
  /** SIGKILL: what it held is lost. */
  readonly kill: () => Promise<void>;
  readonly pause: () => void;
  readonly continue: () => void;
  readonly lines: () => Promise<readonly SyslogLine[]>;
}

export interface SyslogLine {
  readonly priority: number;
  readonly host: string;
  readonly kind: string;
  /** `node`, `sequence`, `hash` */
  readonly data: Readonly<Record<string, string>>;
  readonly message: string;
}

/** @param member whose certificate it presents @param peers names of nodes that it takes messages of */
export async function makeRsyslog(member: Member, port: number, peers: readonly string[]): Promise<Rsyslog> {
  const { directory, certificate, key, ca } = member.files;
  const [config, output] = [join(directory, 'rsyslog.conf'), join(directory, 'received.log')];
  await writeFile(
    config,
    `global(workDirectory="${directory}" maxMessageSize="256k" parser.escapeControlCharactersOnReceive="off"
  defaultNetstreamDriver="gtls" defaultNetstreamDriverCAFile="${ca}"
  defaultNetstreamDriverCertFile="${certificate}" defaultNetstreamDriverKeyFile="${key}")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="x509/name"
  permittedPeer=[${peers.map((peer) => `"${peer}"`).join()}])
template(name="line" type="string"
  string="%PRI%\\t%HOSTNAME%\\t%MSGID%\\t%STRUCTURED-DATA%\\t%msg%\\n")
input(type="imtcp" address="127.0.0.1" port="${port}")
action(type="omfile" file="${output}" template="line" asyncWriting="off" flushOnTXEnd="on")
`,
  );
  await writeFile(output, '');
  let child: ChildProcess | undefined;
  const kill = async () => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return {
    port,
    start: async () => {
      child = spawn('rsyslogd', ['-n', '-f', config, '-i', 'NONE'], { stdio: ['ignore', 'ignore', 'inherit'] });
      await listens(port);
    },
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    continue: () => void child?.kill('SIGCONT'),
    lines: async () =>
      (await readFile(output, 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map(parseLine),
    [Symbol.asyncDispose]: kill,
  };
}

function parseLine(line: string): SyslogLine {
  const [priority = '', host = '', kind = '', data = '', ...rest] = line.split('\t');
  const pairs = [...data.matchAll(/([a-z]+)="([^"]*)"/g)].map(([, name, value]) => [name, value]);
  return { priority: Number(priority), host, kind, data: Object.fromEntries(pairs), message: rest.join('\t').trim() };
}

async function listens(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect({ host: '127.0.0.1', port });
    const is = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (is) return;
    await sleep(20);
  }
  throw new Error('rsyslogd does not listen');
}
