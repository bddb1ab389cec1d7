import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Agent } from '../../../src/core/agent.ts';
import type { AuditEvent } from '../../../src/core/audit/record.ts';
import type { ProvenCertificate } from '../../../src/core/credentials/proof.ts';
import { Problem } from '../../../src/core/errors.ts';
import { defineIdentity } from '../../../src/core/identity.ts';
import type { IncomingCall } from '../../../src/daemon/incoming-call.ts';
import { definePipeline } from '../../../src/daemon/pipeline.ts';
import { silentLog } from '../../support/agents/agent-setup.ts';
import { probeAgent } from '../../support/agents/probe-agent.ts';
import { incomingCall } from '../../support/node/incoming-call.ts';

const self = 'dev2.devco.net';
const now = Date.now();

/** Everything that a stage may find wrong, in the order in which it must be found. */
const faults = [
  'bad-signature',
  'audit-broken',
  'expired-request',
  'stale-lease',
  'wrong-target',
  'policy-denied',
  'duplicate-identity',
  'invalid-input',
  'not-for-application',
] as const;

/** An action on an application, so that all stages have something to say. */
const ddl = {
  ...probeAgent.ddl,
  actions: {
    ...probeAgent.ddl.actions,
    count: {
      ...probeAgent.ddl.actions.count,
      input: {
        type: 'object',
        additionalProperties: false,
        required: ['application'],
        properties: { application: { type: 'string', 'x-application': true } },
      },
    },
  },
};

/** A node on which the faults from a number on are there; `steps` has what it did, in its order. */
function startNode(from: number) {
  const steps: string[] = [];
  const has = (fault: (typeof faults)[number]) => faults.indexOf(fault) >= from;
  const agents = new Map([
    [
      'probe',
      {
        handlers: {
          count: async () => {
            steps.push('act');
            return { count: 1 };
          },
        },
        leases: { check: () => (has('stale-lease') ? new Problem('stale-lease', 'it has ended') : undefined) },
        jobs: {
          begin: async () => {
            steps.push('begin');
            return {
              cancelled: new AbortController().signal,
              progress: () => {},
              end: async () => void steps.push('end'),
            };
          },
        },
      } as unknown as Agent,
    ],
  ]);
  const handle = definePipeline({
    config: { clock_grace: 10 } as never,
    self: () => ({ name: self, agents: ['probe'], classes: [], facts: {} }),
    audit: {
      append: async (event: AuditEvent) => steps.push(event.kind),
    } as never,
    memory: {
      registerNonce: () => true,
      remembersSince: () => true,
      hasNonce: () => false,
      once: async (_call: unknown, run: () => Promise<unknown>) => {
        steps.push('once');
        return await run();
      },
      outcomeInSameRun: () => {
        steps.push('asked for the same run');
        return undefined;
      },
    } as never,
    policies: { allows: async () => !has('policy-denied'), warnings: () => [], remarks: () => [] } as never,
    trust: () => ({ realm: 'devco.net', authorities: [], isRevoked: () => false }),
    duplicates: () => (has('duplicate-identity') ? [{ identity: self, addresses: [], since: 0 }] : []),
    dispatching: {
      agents,
      concurrency: 1,
      stopping: new AbortController().signal,
      now: () => now,
      grace: 10_000,
      log: silentLog,
    },
    track: (call) => call(),
  });
  const identity = {
    ...defineIdentity('operator', 'devco.net', 'rip@devco.net'),
    ...(has('not-for-application') ? { applications: ['shop'] } : {}),
  };
  const input = has('invalid-input') ? { aplication: 'mail' } : { application: 'mail' };
  const proven = { caller: { identity } as unknown as ProvenCertificate };
  const call = (detach: boolean): IncomingCall => ({
    ...incomingCall({
      input,
      detach,
      lease: 'app/bravo',
      issuedAt: has('expired-request') ? now - 3_600_000 : now,
      target: has('wrong-target') ? 'dev3.devco.net' : self,
      headCheck: has('audit-broken') ? 'BROKEN' : 'CONTINUES',
      verification: has('bad-signature') ? { problem: new Problem('bad-signature', 'it does not hold') } : proven,
    }),
    entry: { ...probeAgent, ddl: ddl as never },
    action: ddl.actions.count as never,
  });
  return { steps, handle: async (detach = false) => (await handle(call(detach))).content };
}

describe('the pipeline of a node', () => {
  for (const detach of [false, true])
    for (const [index, fault] of faults.entries())
      test(`finds ${fault} before what comes later, records it, and does nothing${detach ? ', not even a job' : ''}`, async () => {
        const { steps, handle } = startNode(index);
        const { outcome, code } = await handle(detach);
        assert.deepEqual([outcome, code], ['refused', fault]);
        const isFresh = index > faults.indexOf('expired-request') ? ['once'] : [];
        assert.deepEqual(steps, ['intent', ...isFresh, 'outcome']);
      });

  test('asks for the outcome of a run that was taken over only once the call is allowed, then acts', async () => {
    const { steps, handle } = startNode(faults.length);
    assert.equal((await handle()).outcome, 'ok');
    assert.deepEqual(steps, ['intent', 'once', 'asked for the same run', 'act', 'outcome']);
  });

  test('asks for it before it begins a job, and replies when the job has begun', async () => {
    const { steps, handle } = startNode(faults.length);
    assert.equal((await handle(true)).code, 'detached');
    assert.deepEqual(steps.slice(0, 4), ['intent', 'once', 'asked for the same run', 'begin']);
  });
});
