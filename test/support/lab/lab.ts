import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { daemonOn, type LabDaemon } from './daemons.ts';
import { type ExecOptions, type ExecResult, execOnHost } from './network/enter.ts';
import { controlHost, type EstateSize, type Host, mailHost, planEstate } from './estate.ts';
import { homeOf } from './files/control.ts';
import { inbox } from './files/mail.ts';
import { deployer } from './files/node.ts';
import { hostOf } from './find.ts';
import { askHaproxy, readServers, type ServerState } from './traffic/haproxy.ts';
import { type Load, startLoad } from './traffic/load.ts';
import { type LogLine, logOf, waitForLines } from './log.ts';
import { limitLink, setLink } from './network/network.ts';
import { removeLab } from './remove.ts';
import { buildLab } from './start.ts';
import { type LabState, rootOf } from './state.ts';

export interface LabOptions extends Partial<EstateSize> {
  readonly lifetime?: LabState['lifetime'];
}

export interface ClientOptions extends ExecOptions {
  /** Whose certificate and home it runs with; the deployer's when left out. */
  readonly operator?: string;
  /** The host that runs it; omitted: the first control host. */
  readonly from?: string;
}

/** A running lab: what a test, the demo or a person does with it. Hosts go by full or short name. */
export interface Lab extends AsyncDisposable {
  readonly state: LabState;
  readonly hosts: readonly Host[];
  /** Runs the built program on the control host, as an operator. */
  readonly client: (argv: readonly string[], options?: ClientOptions) => Promise<ExecResult>;
  readonly exec: (host: string, argv: readonly string[], options?: ExecOptions) => Promise<ExecResult>;
  readonly daemon: (host: string) => LabDaemon;
  /** A file of a host, by its path there, as a path from outside. */
  readonly path: (host: string, path: string) => string;
  /** The revision that a web host serves. */
  readonly revision: (host: string) => Promise<string>;
  /** The records of a host's audit log. */
  readonly audit: (host: string) => Promise<Record<string, unknown>[]>;
  /** Waits until a host was asked for an action so many times. */
  readonly calls: (host: string, agent: string, action: string, atLeast: number) => Promise<void>;
  /** The servers of the backend as a load balancer has them. */
  readonly servers: (balancer?: string) => Promise<ServerState[]>;
  /** One command to a load balancer's runtime API. */
  readonly haproxy: (balancer: string, command: string) => Promise<string>;
  /** Puts another load average before a host's programs, as in /proc/loadavg: “0.10 0.08 0.05 1/100 1000”. */
  readonly setLoad: (host: string, loadavg: string) => Promise<void>;
  /** Limits a host's line in both directions. @param mbit Mbit/s */
  readonly limit: (host: string, mbit: number) => Promise<void>;
  /** Pulls a host's network cable. */
  readonly cut: (host: string) => Promise<void>;
  readonly heal: (host: string) => Promise<void>;
  /** Constant HTTP load through a load balancer. */
  readonly load: (options?: { readonly rate?: number; readonly balancer?: string }) => Promise<Load>;
  /** Mail that the mail host took; waits until there are at least that many. */
  readonly mail: (atLeast?: number) => Promise<LogLine[]>;
  /** Calls of webhooks that the mail host took; waits until there are at least that many. */
  readonly webhooks: (atLeast?: number) => Promise<LogLine[]>;
  readonly stop: () => Promise<void>;
}

/** Builds a lab and waits until every daemon listens and every load balancer has all its servers. */
export async function startLab(options: LabOptions = {}): Promise<Lab> {
  const { hosts = 9, lbs = 1, publishes = false, relief = false, breakable = false, lifetime = 'temporary' } = options;
  return openLab(await buildLab(planEstate({ hosts, lbs, relief, publishes, breakable }), lifetime));
}

/** A lab that stands already. */
function openLab(state: LabState): Lab {
  const path = (host: string, file: string) => join(rootOf(state, hostOf(state, host).name), file);
  const received = (file: string, atLeast: number) =>
    waitForLines(logOf(state, mailHost.name, file), (lines) => (lines.length >= atLeast ? lines : undefined));
  const stop = () => removeLab(state);
  return {
    state,
    hosts: state.hosts,
    client: (argv, { operator = deployer, from = controlHost.name, ...options } = {}) =>
      execOnHost(state, from, ['lab-clock', 'mco-deploy', ...argv], { home: `/${homeOf(operator)}`, ...options }),
    exec: (host, argv, options) => execOnHost(state, host, argv, options),
    daemon: (host) => daemonOn(state, host),
    path,
    revision: async (host) =>
      (await readFile(path(host, 'srv/app/current/index.html'), 'utf8')).replace(/^revision |\n/g, ''),
    audit: (host) => logOf(state, hostOf(state, host).name, 'var/log/mco-deploy/audit.jsonl').lines(0),
    calls: async (host, agent, action, atLeast) => {
      const isIt = (line: LogLine) => line.kind === 'outcome' || (line.agent === agent && line.action === action);
      await waitForLines(logOf(state, hostOf(state, host).name, 'var/log/mco-deploy/audit.jsonl'), (lines) => {
        const asked = lines.filter((line) => isIt(line) && line.kind === 'intent');
        const answered = lines.filter(
          ({ kind, intent }) => kind === 'outcome' && asked.some(({ sequence }) => sequence === intent),
        );
        return answered.length >= atLeast ? true : undefined;
      });
    },
    servers: (balancer = 'lb1') => readServers(state, balancer),
    haproxy: (balancer, command) => askHaproxy(state, balancer, command),
    // Written in place: the file stands over /proc/loadavg.
    setLoad: (host, loadavg) => writeFile(path(host, 'proc-loadavg'), `${loadavg}\n`),
    limit: (host, mbit) => limitLink(state, hostOf(state, host).name, mbit),
    cut: (host) => setLink(state, hostOf(state, host).name, 'down'),
    heal: (host) => setLink(state, hostOf(state, host).name, 'up'),
    load: ({ rate = 100, balancer = 'lb1' } = {}) =>
      startLoad(state, `http://${hostOf(state, balancer).address}/`, rate),
    mail: (atLeast = 0) => received(inbox.mail, atLeast),
    webhooks: (atLeast = 0) => received(inbox.webhooks, atLeast),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
