import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActionContext, AgentSetup } from '../../../src/core/agent.ts';
import { Problem } from '../../../src/core/errors.ts';
import type { Log, NodeView } from '../../../src/core/ports.ts';
import type { SignedRequest } from '../../../src/core/wire/messages.ts';
import { runCommand } from '../../../src/daemon/exec/run-command.ts';

/** A log that says nothing. */
export const silentLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A node that is always the same. */
export const fixedNode: NodeView = {
  identity: 'dev2.devco.net',
  facts: async () => ({ cluster: 'bravo' }),
  classes: async () => ['webserver'],
  may: async ({ agent }) => agent === 'appmgr',
  info: async () => ({
    version: '0.1.0',
    startedAt: 1_700_000_000_000,
    pid: 4242,
    configFile: '/etc/mco-deploy/node.yaml',
    agents: [],
    counters: {},
    warnings: [],
  }),
  reload: async () => {},
  configItem: () => undefined,
  crl: { status: () => [], install: async () => ({ changed: false, lists: [] }) },
  audit: {
    file: '/nowhere/audit.jsonl',
    trust: () => ({ realm: 'devco.net', authorities: [], isRevoked: () => false }),
    acknowledge: async () => 0,
    served: async () => {},
  },
  openArtifactPeer: async (name) => {
    throw new Problem('unreachable', `no address of ${name} is known`);
  },
  clockGrace: 10_000,
};

/** The setup that a daemon passes to an agent; the state directory is new, and removed when the test process ends. */
export function agentSetup<Config>(config: Config, overrides: Partial<AgentSetup<Config>> = {}): AgentSetup<Config> {
  return {
    config,
    node: fixedNode,
    stateDirectory: overrides.stateDirectory ?? temporaryDirectory(),
    run: runCommand,
    log: silentLog,
    ...overrides,
  };
}

/** For handlers that do not look at it. */
export const unsigned: SignedRequest = {
  request: Buffer.alloc(0),
  signature: Buffer.alloc(0),
  chain: [],
  sensitive: {},
};

/** A call's context; `said` gathers its progress messages. */
export function actionContext(overrides: Partial<ActionContext> = {}): ActionContext & { readonly said: string[] } {
  const said: string[] = [];
  return {
    requestId: 'f765badda50053d29025b28094342ecf',
    runId: '',
    caller: 'cert=rip@devco.net',
    lease: '',
    signed: unsigned,
    dryRun: false,
    signal: new AbortController().signal,
    progress: (message) => said.push(message),
    log: silentLog,
    ...overrides,
    said,
  };
}

const temporary: string[] = [];
process.once('exit', () => {
  for (const directory of temporary) rmSync(directory, { recursive: true, force: true });
});

/** A directory that is removed when the test process ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mco-deploy-test-'));
  temporary.push(directory);
  return directory;
}
