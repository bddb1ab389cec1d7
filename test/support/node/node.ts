import type { X509Certificate } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AgentEntry, FindExternalAgents } from '../../../src/core/agent.ts';
import type { AuditRecord } from '../../../src/core/audit/record.ts';
import { type CallOptions, callDefaults, newId, sealRequest } from '../../../src/core/request/request.ts';
import type { NodeConnection } from '../../../src/core/ports.ts';
import { openReply } from '../../../src/core/request/reply.ts';
import type { NodeDescription, Reply, SignedRequest } from '../../../src/core/wire/messages.ts';
import { type Daemon, startDaemon } from '../../../src/daemon/daemon.ts';
import { createDial } from '../../../src/transport/dial.ts';
import type { Fleet, Member, MemberOptions } from '../fleet/fleet.ts';
import { probeAgent } from '../agents/probe-agent.ts';

/** A daemon in this process with a real listener on loopback, and what a test wants to do to it. */
export interface TestNode extends AsyncDisposable {
  readonly name: string;
  readonly daemon: Daemon;
  readonly directory: string;
  readonly certificate: X509Certificate;
  readonly auditFile: string;
  readonly dial: (operator: Member) => Promise<NodeConnection>;
  /** Seals, calls and opens the reply. */
  readonly call: (operator: Member, order: Partial<CallOptions>) => Promise<Reply>;
  readonly send: (operator: Member, signed: SignedRequest) => Promise<Reply>;
  readonly describe: (operator: Member) => Promise<NodeDescription>;
  readonly records: () => Promise<AuditRecord[]>;
  readonly restart: () => Promise<void>;
}

export interface TestNodeOptions {
  readonly name?: string;
  readonly policies?: Readonly<Record<string, string>>;
  readonly agents?: readonly AgentEntry[];
  /** The agents' own sections of node.yaml, by name. */
  readonly sections?: Readonly<Record<string, object>>;
  readonly findExternal?: FindExternalAgents;
  /** Called with the node's directory before the daemon starts. */
  readonly prepare?: (directory: string) => Promise<void>;
  /** More lines for node.yaml. */
  readonly config?: string;
  readonly auditFile?: string;
  /** More of the section `audit` of node.yaml. */
  readonly audit?: object;
  readonly certificate?: MemberOptions;
  /** The log level of the daemon on its standard output: "info" and so on; omitted: nothing. */
  readonly log?: string;
  /** Replaces the line that makes it listen on any free port of loopback. */
  readonly listen?: string;
}

export const allowRip = 'policy default deny\nallow\tcert=rip@devco.net\t*\t*\t*\n';

export interface PreparedNode {
  readonly name: string;
  readonly directory: string;
  readonly certificate: X509Certificate;
  readonly configFile: string;
  readonly auditFile: string;
}

/** Lays down all that a daemon starts from. */
export async function prepareNode(fleet: Pick<Fleet, 'node'>, options: TestNodeOptions = {}): Promise<PreparedNode> {
  const { name = 'dev2.devco.net', policies = { default: allowRip }, agents = [probeAgent] } = options;
  const { certificate, files } = await fleet.node(name, options.certificate);
  const { directory } = files;
  const auditFile = options.auditFile ?? join(directory, 'log', 'audit.jsonl');
  await mkdir(join(directory, 'policies'));
  for (const [file, text] of Object.entries(policies))
    await writeFile(join(directory, 'policies', `${file}.policy`), text);
  await writeFile(join(directory, 'classes.txt'), 'webserver\n');
  await mkdir(join(directory, 'facts.d'));
  await writeFile(join(directory, 'facts.d', 'site.yaml'), 'cluster: bravo\n');
  const configFile = join(directory, 'node.yaml');
  await writeFile(configFile, configText(agents, auditFile, options));
  await options.prepare?.(directory);
  return { name, directory, certificate, configFile, auditFile };
}

export async function startTestNode(fleet: Fleet, options: TestNodeOptions = {}): Promise<TestNode> {
  const { name, directory, certificate, configFile, auditFile } = await prepareNode(fleet, options);
  const { findExternal, agents = [probeAgent] } = options;
  const daemonOptions = {
    configFile,
    agents,
    version: '0.1.0',
    ...(findExternal === undefined ? {} : { findExternal }),
  };
  let daemon = await startDaemon(daemonOptions);

  const dial = (operator: Member) => {
    const tls = () => ({ credentials: operator.credentials, trust: fleet.trust });
    return createDial(tls, 5000)(name, [{ host: '127.0.0.1', port: daemon.port }], new AbortController().signal);
  };
  const send = async (operator: Member, signed: SignedRequest) => {
    const connection = await dial(operator);
    try {
      const reply = await connection.call(signed, () => {}, new AbortController().signal);
      return openReply(reply, signed.request, name, fleet.trust, Date.now());
    } finally {
      connection.close();
    }
  };
  return {
    name,
    get daemon() {
      return daemon;
    },
    directory,
    certificate,
    auditFile,
    dial,
    send,
    call: (operator, order) => send(operator, sealRequest(orderFor(name, order), operator.credentials, Date.now())),
    describe: async (operator) => {
      const connection = await dial(operator);
      try {
        const asked = { filter: null, facts: [], full: false, peers: false };
        return await connection.describe(asked, new AbortController().signal);
      } finally {
        connection.close();
      }
    },
    records: async () => {
      const text = await readFile(auditFile, 'utf8');
      return text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as AuditRecord);
    },
    restart: async () => {
      await daemon.stop();
      daemon = await startDaemon(daemonOptions);
    },
    [Symbol.asyncDispose]: () => daemon.stop(),
  };
}

/** The number of strangers that the node has counted. */
export async function strangersAt(node: Pick<TestNode, 'call'>, operator: Member): Promise<number> {
  const reply = await node.call(operator, { action: 'strangers', input: {} });
  return Number(JSON.parse(reply.data.toString()).strangers);
}

/** A request with everything in it, by default for `probe.echo`. */
export function orderFor(target: string, options: Partial<CallOptions> = {}): CallOptions {
  return {
    ...callDefaults,
    requestId: newId(),
    target,
    agent: 'probe',
    action: 'echo',
    input: { text: 'hello' },
    ...options,
  };
}

function configText(
  agents: readonly AgentEntry[],
  auditFile: string,
  {
    config = '',
    listen = 'listen: { address: 127.0.0.1, port: 0 }',
    sections = {},
    audit = {},
    log = process.env.MCO_TEST_LOG ?? 'silent',
  }: TestNodeOptions,
): string {
  return `
${listen}
discovery: { mdns: false }
audit: ${JSON.stringify({ ...audit, file: auditFile })}
state: state
log: { level: ${log} }
agents: ${JSON.stringify(Object.fromEntries(agents.map(({ ddl: { name } }) => [name, sections[name] ?? {}])))}
${config}`;
}
