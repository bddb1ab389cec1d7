import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { okReply } from '../../../src/core/request/reply.ts';
import { type Findings, noFindings } from '../../../src/discovery/directory.ts';
import type { FoundNode } from '../../../src/discovery/findings.ts';
import type { CallOptions } from '../../../src/library/api.ts';
import { startCall } from '../../../src/library/calls.ts';
import { cancelledBy, orCancelled } from '../../../src/library/cancelled.ts';
import { startFeed } from '../../../src/library/feed.ts';
import { unseen } from '../../../src/library/fleet/environment.ts';
import type { FindSettings, Session } from '../../../src/library/fleet/session.ts';
import type { TargetOptions } from '../../../src/library/fleet/targets.ts';
import { foundOf, missingOf } from '../../../src/library/found.ts';
import { targetsOf } from '../../../src/library/targets.ts';
import { agentsInterface, siteTypes } from '../../../src/library/types/agent-types.ts';
import { typeOf } from '../../../src/library/types/schema-type.ts';
import { type Fleet, makeFleet, type Member } from '../../support/fleet/fleet.ts';
import { labDdl } from '../../support/fleet/playbook.ts';
import { type Answer, signingNode, unwell } from '../../support/fleet/signing-node.ts';
import { testProblem } from '../../support/test-problem.ts';

describe('the nodes that a program names', () => {
  test('are the terms of a filter, with the agent that is called', () => {
    const filter = {
      facts: { cluster: 'bravo', rack: 3, live: true },
      classes: ['web'],
      agents: ['nrpe'],
      nodes: ['a'],
      select: 'x',
    };
    assert.deepEqual(targetsOf(filter, { method: 'file', file: 'nodes', limitSeed: 7 }, 'appmgr'), {
      filter: {
        ...{ facts: ['cluster=bravo', 'rack=3', 'live=true'], classes: ['web'], agents: ['nrpe', 'appmgr'] },
        ...{ identities: ['a'], with: [], select: 'x' },
      },
      ...{
        nodesFile: 'nodes',
        method: 'file',
        discoveryTimeout: undefined,
        timeout: undefined,
        limit: undefined,
        limitSeed: 7,
      },
    });
    const none = { facts: [], classes: [], agents: [], identities: [], with: [], select: '' };
    assert.deepEqual(targetsOf({}, {}).filter, none);
    assert.deepEqual(targetsOf({ facts: ['rack>3'] }, {}).filter.facts, ['rack>3']);
  });

  test('are not found by a value that would be read as something else', () => {
    for (const value of ['/x/', '>3', 'a=b', '~', '', ' x', 'x ', 'a<b']) {
      const usage = { code: 'usage', message: /the fact rack can't be compared/, hint: /^write facts: \['rack=…'\]/ };
      assert.throws(() => targetsOf({ facts: { rack: value } }, {}), usage, value);
    }
    assert.deepEqual(targetsOf({ facts: { rack: 'a/b c' } }, {}).filter.facts, ['rack=a/b c']);
  });

  test('are waited for in milliseconds, up to a day, and limited by a number or a percentage', () => {
    const { timeout, discoveryTimeout } = targetsOf({}, { timeout: 1500, discoveryTimeout: 86_400_000 });
    assert.deepEqual([timeout, discoveryTimeout], [1.5, 86_400]);
    for (const wrong of [0, -1, 86_400_001, Number.NaN]) {
      assert.throws(
        () => targetsOf({}, { timeout: wrong }),
        { code: 'usage', message: /^timeout must be/ },
        String(wrong),
      );
    }
    assert.deepEqual(
      [1, '3', '20%', '100%'].map((limit) => targetsOf({}, { limit }).limit),
      ['1', '3', '20%', '100%'],
    );
    for (const limit of [0, -1, 1.5, '0%', '101%', '', 'x', '1000000000']) {
      assert.throws(() => targetsOf({}, { limit }), { code: 'usage', message: /is not a valid limit/ }, String(limit));
    }
  });

  test('are plain values when they are found, and so are those that are missing', () => {
    const description = {
      version: '1',
      agents: [{ name: 'nrpe' }],
      classes: ['web'],
      warnings: ['w'],
      facts: Buffer.from('{"a": 1}'),
    };
    const node = { name: 'web1', elapsed: 5, connection: {}, description } as unknown as FoundNode;
    const broken = [{ name: 'web2', addresses: [], problem: new Problem('wrong-node', 'it is another') }];
    const silent = [
      { name: 'web3', lastSeen: 0, by: 'cache' },
      { name: 'web4', lastSeen: undefined, by: 'the list' },
    ];
    const findings = { ...noFindings, nodes: [node], broken, silent } as unknown as Findings;
    const { nodes, missing } = foundOf(findings);
    const plain = { name: 'web1', version: '1', agents: ['nrpe'], classes: ['web'], warnings: ['w'], elapsed: 5 };
    assert.deepEqual(nodes, [{ ...plain, facts: { a: 1 }, path: [] }]);
    assert.deepEqual(missing, [
      { node: 'web2', code: 'wrong-node', message: 'it is another' },
      {
        node: 'web3',
        code: 'silent',
        message: 'it does not answer: last seen at 1970-01-01T00:00:00.000Z, by this client',
      },
      { node: 'web4', code: 'silent', message: 'it does not answer: it was never seen, by the list' },
    ]);
    assert.deepEqual(missingOf(noFindings), []);
  });
});

describe('work whose parts a program iterates over', () => {
  test('gives every part to each reader, from the first, and its result', async () => {
    const go = Promise.withResolvers<void>();
    const feed = startFeed<number, string>(async (emit) => {
      emit(1);
      await go.promise;
      emit(2);
      emit(3);
      return 'done';
    });
    const read = async () => await Array.fromAsync(feed);
    const early = read();
    go.resolve();
    assert.deepEqual([await early, await read(), await feed], [[1, 2, 3], [1, 2, 3], 'done']);
  });

  test('gives its failure to each reader after the parts before it', async () => {
    const feed = startFeed<number, string>(async (emit) => {
      emit(1);
      throw new Error('no');
    });
    const seen: number[] = [];
    await assert.rejects(async () => {
      for await (const one of feed) seen.push(one);
    }, /^Error: no$/);
    assert.deepEqual(seen, [1]);
    await assert.rejects(feed, /no/);
  });

  test('fails with a Problem if a signal ends it, and with its own error otherwise', async () => {
    const [live, ended] = [new AbortController().signal, AbortSignal.abort()];
    const bug = new TypeError('a bug');
    const problem = new Problem('usage', 'x');
    assert.deepEqual([cancelledBy(live, bug), cancelledBy(ended, problem)], [bug, problem]);
    await assert.rejects(
      orCancelled(ended, () => Promise.reject(bug)),
      { code: 'cancelled', cause: bug },
    );
    await assert.rejects(
      orCancelled(live, () => Promise.reject(bug)),
      bug,
    );
    assert.equal(await orCancelled(ended, async () => 7), 7);
  });
});

describe('a call by a program', () => {
  let fleet: Fleet;
  let rip: Member;
  let members: Member[];
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
    members = await Promise.all(['web1', 'web2', 'web3'].map((name) => fleet.node(name)));
  });
  after(() => fleet.remove());

  function start(
    action: string,
    input: object,
    options: CallOptions = {},
    answer?: Answer,
    signal = new AbortController().signal,
  ) {
    const nodes = members.map((member) => signingNode(member, ['thing'], answer ? { answer } : {}));
    const targets: TargetOptions[] = [];
    const released: string[] = [];
    const session = {
      config: { timeout: 10, concurrency: 4, discovery: { method: 'mdns' } },
      caller: { credentials: rip.credentials, trust: fleet.trust },
      environment: { ...unseen, hasInput: false, onChange: () => {} },
      find: async (given: TargetOptions, settings: FindSettings): Promise<Findings> => {
        targets.push(given);
        signal.throwIfAborted();
        await Promise.all(nodes.map(({ found }) => settings.ask?.(found.name, found.connection)));
        return { ...noFindings, nodes: nodes.map(({ found }) => found) };
      },
      release: (some: readonly FoundNode[]) => void released.push(...some.map(({ name }) => name)),
    } as unknown as Session;
    const call = { agent: 'otherthing', action, input: input as Record<string, unknown>, options };
    const feed = startCall(call, session, [labDdl], signal);
    return { feed, nodes, targets, released };
  }

  test('has a reply of each node as it comes, and all of them at the end', async () => {
    const no = unwell('failed', testProblem('no-space', 'it is full'));
    const answer: Answer = ({ target }) => (target === 'web2' ? no : okReply({ number: 7 }));
    const { feed, nodes, targets, released } = start('change', { to: 'b' }, { on: { classes: ['web'] } }, answer);
    const seen = (await Array.fromAsync(feed)).map(({ node, outcome, code }) => `${node} ${outcome} ${code}`);
    const { replies, missing } = await feed;
    assert.deepEqual(seen.toSorted(), ['web1 ok ', 'web2 failed no-space', 'web3 ok ']);
    assert.deepEqual(replies.map(({ node, data }) => [node, data]).slice(0, 1), [['web1', { number: 7 }]]);
    assert.deepEqual([missing, released], [[], ['web1', 'web2', 'web3']]);
    const [one] = nodes[0]?.calls ?? [];
    assert.deepEqual([one?.agent, one?.action, one?.given, one?.dryRun], ['thing', 'change', { to: 'b' }, false]);
    assert.deepEqual([targets[0]?.filter.agents, targets[0]?.filter.classes], [['thing'], ['web']]);
  });

  test('is refused before any node is looked for if its input, its action or its batches are not valid', async () => {
    for (const [given, code] of [
      [start('change', { to: 'NO' }), 'invalid-input'],
      [start('lok', {}), 'usage'],
      [start('blind', {}, { dryRun: true }), 'usage'],
      [start('look', {}, { batch: '0%' }), 'usage'],
      [start('look', {}, { timeout: 0 }), 'usage'],
    ] as const) {
      await assert.rejects(given.feed, { code });
      assert.deepEqual(given.targets, []);
    }
  });

  test('is made as a dry run, or in batches, where that is asked', async () => {
    const dry = start('change', { to: 'b' }, { dryRun: true });
    await dry.feed;
    assert.equal(dry.nodes[0]?.calls[0]?.dryRun, true);
    let [open, most] = [0, 0];
    const answer: Answer = async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setImmediate(resolve));
      open--;
      return okReply({});
    };
    const { feed } = start('change', { to: 'b' }, { batch: 1 }, answer);
    assert.deepEqual([(await feed).replies.length, most], [3, 1]);
  });

  test('fails as cancelled if its signal ends it before any node replied', async () => {
    const { feed } = start('look', {}, {}, undefined, AbortSignal.abort(new Error('stop')));
    await assert.rejects(feed, { code: 'cancelled', message: 'this was cancelled before any node was called' });
  });
});

describe('the types of agents', () => {
  test('are those of their schemas', () => {
    for (const [schema, type] of [
      [true, 'unknown'],
      [false, 'never'],
      [{}, 'unknown'],
      [{ const: 'a' }, '"a"'],
      [{ enum: ['a', 1, 'a'] }, '"a" | 1'],
      [{ type: 'integer' }, 'number'],
      [{ type: 'number' }, 'number'],
      [{ type: 'string' }, 'string'],
      [{ type: 'boolean' }, 'boolean'],
      [{ type: 'null' }, 'null'],
      [{ type: ['string', 'null'] }, 'string | null'],
      [{ anyOf: [{ type: 'string' }, { type: 'integer' }] }, 'string | number'],
      [{ oneOf: [{ type: 'string' }, { type: 'string' }] }, 'string'],
      [{ type: 'array', items: { type: 'string' } }, 'readonly string[]'],
      [{ type: 'array', items: { enum: ['a', 'b'] } }, 'readonly ("a" | "b")[]'],
      [{ type: 'array' }, 'readonly unknown[]'],
      [{ type: 'object', additionalProperties: false }, 'Readonly<Record<string, never>>'],
      [{ type: 'object', additionalProperties: { type: 'integer' } }, 'Readonly<Record<string, number>>'],
      [{ type: 'object' }, 'Readonly<Record<string, unknown>>'],
      [{ type: 'other' }, 'unknown'],
    ] as const) {
      assert.equal(typeOf(schema, 'input'), type, JSON.stringify(schema));
    }
  });

  test('have optional members: those that are not required, and inputs with a default', () => {
    const schema = {
      type: 'object',
      required: ['a', 'b'],
      properties: {
        a: { type: 'string', 'x-prompt': 'The */ first\n one' },
        b: { type: 'integer', default: 1, description: 'The second' },
        'c-d': { type: 'array', items: { type: 'object', required: ['e'], properties: { e: { type: 'null' } } } },
      },
    };
    const lines = (side: 'input' | 'output') => typeOf(schema, side).split('\n');
    assert.deepEqual(lines('input'), [
      '{',
      '  /** The *\\/ first one */',
      '  readonly a: string;',
      '  /** The second */',
      '  readonly b?: number;',
      '  readonly "c-d"?: readonly {',
      '    readonly e: null;',
      '  }[];',
      '}',
    ]);
    assert.equal(lines('output')[4], '  readonly b: number;');
  });

  test('are in a module that adds to that of the library', () => {
    const action = { description: 'does it', input: { type: 'object' }, output: { type: 'null' } };
    const ddl = { name: 'my-agent', description: 'mine', actions: { act: action } } as never;
    const lines = agentsInterface([ddl]).split('\n');
    assert.deepEqual(lines, [
      'export interface Agents {',
      '  /** mine */',
      '  "my-agent": {',
      '    /** does it */',
      '    act: {',
      '      input: Readonly<Record<string, unknown>>;',
      '      output: null;',
      '    };',
      '  };',
      '}',
      '',
    ]);
    const site = siteTypes([ddl]);
    assert.match(
      site,
      /^\/\/ Written by “mco-deploy agent types”.*\nimport 'mco-deploy';\n\ndeclare module 'mco-deploy' \{\n {2}interface Agents \{\n/,
    );
    assert.match(site, /\n {2}\}\n\}\n$/);
  });
});
