import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { appmgrDdl } from '../../../../src/agents/appmgr/ddl.ts';
import type { ProvenCertificate, Trust } from '../../../../src/core/credentials/proof.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { defineIdentity } from '../../../../src/core/identity.ts';
import type { JsonObject } from '../../../../src/core/json.ts';
import type { NodeFacts } from '../../../../src/core/node.ts';
import { okReply } from '../../../../src/core/request/reply.ts';
import { hideSensitive } from '../../../../src/core/request/sensitive.ts';
import type { Policies } from '../../../../src/daemon/agents/policies.ts';
import { answer, type IncomingCall, type Stage } from '../../../../src/daemon/incoming-call.ts';
import {
  authorize,
  confine,
  continuity,
  lease,
  uniqueName,
  verify,
} from '../../../../src/daemon/stages/authorization.ts';
import { match, validate } from '../../../../src/daemon/stages/fits.ts';
import { handover } from '../../../../src/daemon/stages/replay.ts';
import { makeFleet } from '../../../support/fleet/fleet.ts';
import { incomingCall } from '../../../support/node/incoming-call.ts';

const self = 'dev2.devco.net';

/** The reply of a stage to a call, and the call that it passes on: undefined if it replies itself. */
async function meet(stage: Stage, call: IncomingCall) {
  let passed: IncomingCall | undefined;
  const { content } = await stage(async (handed) => {
    passed = handed;
    return answer(okReply({}));
  })(call);
  return { passed, content, said: [content.outcome, content.code, content.status] };
}

describe('verify', () => {
  test('passes a proven caller, and refuses any other with the reason', async () => {
    assert.ok((await meet(verify(), incomingCall())).passed);
    const problem = new Problem('bad-signature', 'the signature of the request is not valid');
    const { passed, said } = await meet(verify(), incomingCall({ verification: { problem } }));
    assert.deepEqual([passed, said], [undefined, ['refused', 'bad-signature', 5]]);
  });
});

describe('authorize', () => {
  const nobody: Trust = { realm: 'devco.net', authorities: [], isRevoked: () => false };
  const trust = () => nobody;
  const policies = (asked: object[], allowed: boolean): Policies => ({
    allows: async (question) => {
      asked.push(question);
      return allowed;
    },
    reload: async () => {},
    warnings: () => [],
    remarks: () => [],
  });

  test('passes the caller, the agent’s own name and the action to the policy, and refuses what it does not allow', async () => {
    for (const agent of ['probe', 'sonde', 'other']) {
      const asked: object[] = [];
      const call = { ...incomingCall({ agent }), entry: agent === 'other' ? undefined : incomingCall().entry };
      const { passed, content, said } = await meet(authorize(policies(asked, false), self, trust, Date.now), call);
      const name = agent === 'other' ? 'other' : 'probe';
      const question = { caller: 'cert=rip@devco.net', agent: name, action: 'count', limited: false };
      assert.deepEqual([passed, said, asked], [undefined, ['refused', 'policy-denied', 5], [question]]);
      assert.equal(content.message, `cert=rip@devco.net may not ${name}.count on ${self}`);
      assert.equal(content.hint, `a policy on the node must allow it (policies/${name}.policy)`);
    }
    assert.ok((await meet(authorize(policies([], true), self, trust, Date.now), incomingCall())).passed);
  });

  test('passes on how to ask again: whether the certificate and the policy still allow it', async () => {
    await using fleet = await makeFleet();
    const { certificate, credentials } = await fleet.operator('rip@devco.net');
    const now = Date.now();
    const state = { trust: { ...fleet.trust, isRevoked: () => false }, allowed: true, now };
    const allows = async () => state.allowed;
    const stage = authorize(
      { allows },
      self,
      () => state.trust,
      () => state.now,
    );
    const caller = { identity: credentials.identity, certificate };
    const { passed } = await meet(stage, incomingCall({ verification: { caller } }));
    const again = async () => (await passed?.reauthorize?.())?.code;
    assert.equal(await again(), undefined);
    state.allowed = false;
    assert.equal(await again(), 'policy-denied');
    state.trust = { ...fleet.trust, isRevoked: () => true };
    assert.equal(await again(), 'revoked-certificate');
    state.now = Date.parse(certificate.validTo) + 1000;
    assert.equal(await again(), 'expired-certificate');
    const problem = new Problem('bad-signature', 'the signature of the request is not valid');
    const unproven = await meet(
      authorize({ allows: async () => true }, self, trust, Date.now),
      incomingCall({ verification: { problem } }),
    );
    assert.equal(await unproven.passed?.reauthorize?.(), problem);
  });

  test('informs the policy that a certificate is limited to applications', async () => {
    const asked: object[] = [];
    const identity = { ...defineIdentity('operator', 'devco.net', 'job'), applications: [] as string[] };
    const verification = { caller: { identity } as unknown as ProvenCertificate };
    const { content } = await meet(
      authorize(policies(asked, false), self, trust, Date.now),
      incomingCall({ verification, caller: 'cert=job' }),
    );
    assert.deepEqual(asked, [{ caller: 'cert=job', agent: 'probe', action: 'count', limited: true }]);
    assert.match(content.hint, /its certificate is limited/);
  });
});

describe('confine', () => {
  const identity = { ...defineIdentity('operator', 'devco.net', 'job'), applications: ['app', 'shop'] };
  const limited = { caller: { identity } as unknown as ProvenCertificate };
  const upgradeOf = (input: JsonObject, verification?: IncomingCall['verification']): IncomingCall => ({
    ...incomingCall({ caller: 'cert=job', ...(verification === undefined ? {} : { verification }) }),
    action: appmgrDdl.actions.upgrade,
    input: { revision: '20', ...input },
  });

  test('refuses a limited certificate for another application, or if none is named', async () => {
    for (const application of ['app', 'shop']) {
      assert.ok((await meet(confine(), upgradeOf({ application }, limited))).passed, application);
    }
    for (const [input, words, hint] of [
      ...['mail', 'app2', 'ap', 'APP', 'app, shop'].map((application) => {
        const words = new RegExp(`is for app, shop, not for ${application}$`);
        return [{ application }, words, /^ask the administrator of the CA/] as const;
      }),
      [{}, /is for app, shop: name the application$/, /^give application=app$/],
    ] as const) {
      const { passed, content, said } = await meet(confine(), upgradeOf(input, limited));
      assert.deepEqual([passed, said], [undefined, ['refused', 'not-for-application', 5]]);
      assert.match(content.message, words);
      assert.match(content.hint, hint);
    }
  });

  test('ignores other certificates, and actions without an application', async () => {
    assert.ok((await meet(confine(), upgradeOf({ application: 'mail' }))).passed);
    assert.ok((await meet(confine(), incomingCall({ verification: limited }))).passed);
    assert.ok((await meet(confine(), incomingCall({ verification: limited, agent: 'other' }))).passed);
  });
});

describe('handover', () => {
  test('replies with the outcome of an earlier operator of the run, and otherwise passes the request on', async () => {
    const earlier = answer(okReply({ count: 1 }));
    let acted = 0;
    const next = async () => {
      acted++;
      return answer(okReply({}));
    };
    assert.equal(
      await handover({ outcomeInSameRun: () => Promise.resolve(earlier) } as never)(next)(incomingCall()),
      earlier,
    );
    assert.equal(acted, 0);
    await handover({ outcomeInSameRun: () => undefined } as never)(next)(incomingCall());
    assert.equal(acted, 1);
  });
});

describe('continuity', () => {
  test('refuses only a change whose caller knows an end of the log that the log does not continue', async () => {
    for (const [action, headCheck, refused] of [
      ['count', 'BROKEN', true],
      ['echo', 'BROKEN', false],
      ['count', 'CONTINUES', false],
      ['count', 'UNCHECKED', false],
    ] as const) {
      const { passed, said } = await meet(continuity(), incomingCall({ action, headCheck }));
      assert.equal(passed === undefined, refused, `${action} ${headCheck}`);
      if (refused) assert.deepEqual(said, ['refused', 'audit-broken', 5]);
    }
    const unknown = await meet(continuity(), incomingCall({ agent: 'other', headCheck: 'BROKEN' }));
    assert.equal(unknown.passed, undefined, 'what is not known to read only');
  });
});

describe('uniqueName', () => {
  const duplicates = [{ identity: self, addresses: ['10.0.0.2', '10.0.0.9'], since: 0 }];

  test('refuses only a change on a node whose name two machines have', async () => {
    assert.deepEqual(
      (
        await meet(
          uniqueName(() => duplicates, self),
          incomingCall(),
        )
      ).said.slice(0, 2),
      ['refused', 'duplicate-identity'],
    );
    assert.ok(
      (
        await meet(
          uniqueName(() => duplicates, self),
          incomingCall({ action: 'echo' }),
        )
      ).passed,
    );
    assert.ok(
      (
        await meet(
          uniqueName(() => duplicates, 'dev4.devco.net'),
          incomingCall(),
        )
      ).passed,
    );
    assert.ok(
      (
        await meet(
          uniqueName(() => [], self),
          incomingCall(),
        )
      ).passed,
    );
  });
});

describe('lease', () => {
  test('passes the lease, its number, the run and the caller to the keeper of leases', async () => {
    const claims: object[] = [];
    const keeper = (problem?: Problem) => ({
      check: (claim: object) => {
        claims.push(claim);
        return problem;
      },
    });
    const under = { lease: 'app/bravo', fence: 7, runId: 'r' };
    assert.ok(
      (
        await meet(
          lease(() => [keeper()], self),
          incomingCall(under),
        )
      ).passed,
    );
    assert.deepEqual(claims, [{ lease: 'app/bravo', fence: 7, runId: 'r', caller: 'cert=rip@devco.net' }]);
    const stale = new Problem('stale-lease', 'it has passed');
    const refused = await meet(
      lease(() => [keeper(stale)], self),
      incomingCall(under),
    );
    assert.deepEqual([refused.passed, refused.said], [undefined, ['refused', 'stale-lease', 5]]);
    const without = await meet(
      lease(() => [], self),
      incomingCall(under),
    );
    assert.deepEqual([without.passed, without.said], [undefined, ['refused', 'stale-lease', 5]]);
    assert.match(without.content.message, /does not keep leases/);
    assert.ok(
      (
        await meet(
          lease(() => [keeper(stale)], self),
          incomingCall(),
        )
      ).passed,
      'a request under no lease',
    );
  });
});

describe('match', () => {
  const node: NodeFacts = { name: self, agents: ['probe'], classes: ['web'], facts: { cluster: 'bravo' } };
  const none = { facts: [], classes: [], agents: [], identities: [], with: [], select: '' };
  const meetMatch = (call: IncomingCall) =>
    meet(
      match(() => node),
      call,
    );

  test('passes requests for this node, for an agent and an action that it has', async () => {
    assert.ok((await meetMatch(incomingCall())).passed);
    assert.ok((await meetMatch(incomingCall({ filter: { ...none, facts: ['cluster=bravo'] } }))).passed);
  });

  for (const [what, changes, code, status] of [
    ['another node', { target: 'dev4.devco.net' }, 'wrong-target', 5],
    ['other nodes', { filter: { ...none, facts: ['cluster=alfa'] } }, 'not-matched', 5],
    ['a filter that is not valid', { filter: { ...none, select: '(' } }, 'bad-filter', 5],
    ['an agent that is not here', { agent: 'prob' }, 'unknown-agent', 2],
    ['an action that is not there', { action: 'cont' }, 'unknown-action', 2],
    ['a key of every object', { action: 'constructor' }, 'unknown-action', 2],
  ] as const) {
    test(`refuses a request for ${what}`, async () => {
      const { passed, said } = await meetMatch(incomingCall(changes as Parameters<typeof incomingCall>[0]));
      assert.deepEqual([passed, said], [undefined, ['refused', code, status]]);
    });
  }
});

describe('match with a bug', () => {
  test('is an error, and not a refusal', async () => {
    const node = { name: self } as NodeFacts;
    const stage = match(() => node);
    await assert.rejects(meet(stage, incomingCall({ filter: { facts: 7 } as never })), TypeError);
  });
});

describe('validate', () => {
  test('passes what the description allows', async () => {
    const { passed } = await meet(validate(), incomingCall({ action: 'echo', input: { text: 'hello' } }));
    assert.deepEqual(passed?.input, { text: 'hello' });
  });

  for (const [what, action, input, status, message] of [
    ['an input that is missing', 'echo', {}, 3, /^probe\.echo: “text” is missing$/],
    ['an input of another type', 'echo', { text: 7 }, 4, /^probe\.echo: text must be text/],
    ['an input that is too long', 'echo', { text: 'x'.repeat(1001) }, 4, /^probe\.echo: text /],
    ['an input that nobody knows', 'count', { more: 1 }, 4, /^probe\.count: unknown key “more”/],
  ] as const) {
    test(`refuses ${what}`, async () => {
      const { passed, content, said } = await meet(validate(), incomingCall({ action, input }));
      assert.deepEqual([passed, said], [undefined, ['refused', 'invalid-input', status]]);
      assert.match(content.message, message);
    });
  }

  test('fills in sensitive values, and refuses one that its caller did not sign', async () => {
    const input = { text: 'x', secret: 'hidden' };
    const { shown, sensitive } = hideSensitive(input, ['secret']);
    const call = incomingCall({ action: 'echo', input: shown as JsonObject });
    const beside = (values: typeof sensitive): IncomingCall => ({
      ...call,
      opened: { ...call.opened, signed: { ...call.opened.signed, sensitive: values } },
    });
    assert.deepEqual((await meet(validate(), beside(sensitive))).passed?.input, input);
    const { sensitive: other } = hideSensitive({ secret: 'another' }, ['secret']);
    for (const values of [other, {}]) {
      const { passed, said, content } = await meet(validate(), beside(values));
      assert.deepEqual([passed, said], [undefined, ['refused', 'bad-commitment', 4]]);
      assert.match(content.message, /“secret” does not fit what was signed/);
    }
    const broken = beside({});
    const bug = { ...broken, opened: { ...broken.opened, signed: undefined as never } };
    await assert.rejects(meet(validate(), bug), TypeError);
  });

  test('refuses an input that is hidden and not sensitive: the audit log would not show it', async () => {
    const { shown, sensitive } = hideSensitive({ text: 'x' }, ['text']);
    const call = incomingCall({ action: 'echo', input: shown as JsonObject });
    const hidden = { ...call, opened: { ...call.opened, signed: { ...call.opened.signed, sensitive } } };
    const { passed, said, content } = await meet(validate(), hidden);
    assert.deepEqual([passed, said], [undefined, ['refused', 'bad-commitment', 4]]);
    assert.match(content.message, /^the input “text” is hidden from the audit log/);
  });

  test('accepts the longest input', async () => {
    assert.ok((await meet(validate(), incomingCall({ action: 'echo', input: { text: 'x'.repeat(1000) } }))).passed);
  });

  test('refuses a dry run only of a change that cannot show what it would do', async () => {
    const dry = await meet(validate(), incomingCall({ action: 'count', dryRun: true }));
    assert.deepEqual([dry.passed, dry.said], [undefined, ['refused', 'no-dry-run', 5]]);
    const read = incomingCall({ action: 'echo', dryRun: true, input: { text: 'x' } });
    assert.ok((await meet(validate(), read)).passed);
    const call = incomingCall({ action: 'count', dryRun: true });
    assert.ok(call.action);
    assert.ok((await meet(validate(), { ...call, action: { ...call.action, dryRun: true } })).passed);
  });

  test('throws if it runs before match', async () => {
    await assert.rejects(meet(validate(), incomingCall({ agent: 'other' })), { code: 'internal' });
    await assert.rejects(meet(validate(), incomingCall({ action: 'nothing' })), { code: 'internal' });
    await assert.rejects(meet(validate(), { ...incomingCall(), entry: undefined }), { code: 'internal' });
  });

  test('passes on errors of later stages', async () => {
    const bug = new Problem('bad-commitment', 'of a later stage');
    const handle = validate()(async () => Promise.reject(bug));
    await assert.rejects(handle(incomingCall()), bug);
  });
});
