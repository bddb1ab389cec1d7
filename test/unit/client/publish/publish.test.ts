import assert from 'node:assert/strict';
import { generateKeyPairSync, verify } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../../src/agents/index.ts';
import { addressesOf, definePublishCall } from '../../../../src/client/publish/fleet.ts';
import { publish } from '../../../../src/client/publish/publish.ts';
import { printPublished, publishJson, type Report } from '../../../../src/client/publish/report.ts';
import type { NodeResult } from '../../../../src/client/publish/spread.ts';
import { assertNames, type Publication, readSigningKey } from '../../../../src/client/publish/ticket.ts';
import { Problem } from '../../../../src/core/errors.ts';
import type { Address } from '../../../../src/core/node.ts';
import { chunkAt, chunksOf, sha256 } from '../../../../src/core/publish/chunks.ts';
import { chunkSize } from '../../../../src/core/publish/limits.ts';
import { openTicket } from '../../../../src/core/publish/ticket.ts';
import { okReply, type ReplyContent } from '../../../../src/core/request/reply.ts';
import { signedTicketCodec } from '../../../../src/core/wire/codec.ts';
import type { FoundNode } from '../../../../src/discovery/findings.ts';
import type { Session } from '../../../../src/library/fleet/session.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { type ArrivedRequest, signingNode, unwell } from '../../../support/fleet/signing-node.ts';
import { testProblem } from '../../../support/test-problem.ts';

const ddls = agents.map(({ ddl }) => ddl);
const data = Buffer.concat([Buffer.alloc(chunkSize, 1), Buffer.alloc(chunkSize, 2), Buffer.alloc(100, 3)]);
const whole = [{ first: 0, count: 3 }];

let fleet: Fleet;
let rip: Member;
let members: Member[];
before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
  members = await Promise.all(['a', 'b', 'c', 'd'].map((name) => fleet.node(name)));
});
after(() => fleet.remove());

const publication = (): Publication => {
  const chunk = async (index: number) => {
    const { at, length } = chunkAt(index, data.length);
    return data.subarray(at, at + length);
  };
  const digests = Array.from({ length: chunksOf(data.length) }, (_, index) =>
    sha256(data.subarray(index * chunkSize, (index + 1) * chunkSize)),
  );
  const artifact = { size: data.length, sha256: sha256(data), manifest: Buffer.concat(digests), chunk };
  return { application: 'shop', revision: '20', artifact: { ...artifact, close: async () => {} }, validity: 60_000 };
};

/** The reply of a node to an action; that of a node that takes the application and has nothing of it if omitted. */
type Answers = Readonly<Record<string, (request: ArrivedRequest) => ReplyContent | undefined>>;

/** Nodes with a fake agent for published artifacts, which notes what reaches it. */
function startNodes(answers: Answers = {}, names = 'abcd') {
  const stored = new Map<string, number[]>();
  const log: string[] = [];
  const nodes = [...names].map((name) => {
    const member = members.find((one) => one.identity.name === name) as Member;
    const answer = (request: ArrivedRequest) => {
      log.push(`${name} ${request.action}${request.dryRun ? ' (dry)' : ''}`);
      const own = answers[name]?.(request);
      if (own !== undefined) return own;
      if (request.action === 'list') return okReply({ takes: ['blog', 'shop'], published: [] });
      if (request.action === 'prepare') return okReply({ published: false, missing: 3, ranges: whole });
      const sources = request.input.sources as { node: string }[];
      return okReply({ sources: sources.slice(0, 1).map(({ node }) => node), received: data.length });
    };
    const { found } = signingNode(member, ['publish'], { answer });
    const store: FoundNode['connection']['store'] = async (sent) => {
      if (sent.chunk != null) stored.set(name, [...(stored.get(name) ?? []), sent.chunk.index]);
      return {} as never;
    };
    return { ...found, connection: { ...found.connection, store } };
  });
  return { nodes, stored, log };
}

const { signal } = new AbortController();
const session = () => {
  const caller = { credentials: rip.credentials, trust: fleet.trust };
  return { config: { timeout: 5, concurrency: 1 }, caller } as unknown as Session;
};

async function run(answers: Answers = {}, { names = 'abcd', dryRun = false } = {}) {
  const { nodes, stored, log } = startNodes(answers, names);
  const progress: string[] = [];
  const results: NodeResult[] = [];
  const options = {
    dryRun,
    signal,
    onResult: (result: NodeResult) => void results.push(result),
    onProgress: (node: string, message: string) => void progress.push(`${node} ${message}`),
  };
  const published = await publish(publication(), nodes, ddls, session(), options);
  assert.deepEqual(results, published.results, 'each result is reported as it comes');
  const short = published.results.map(({ node, outcome, way, code }) =>
    [node, outcome, way, code].filter(Boolean).join(' '),
  );
  return { ...published, short: short.sort(), stored, log, progress };
}

const refused = (code: string) => unwell('refused', testProblem(code, code));

describe('an artifact that is published', () => {
  test('is sent to one node from here, and to the others from node to node', async () => {
    const { short, stored, sent, others, progress, elapsed } = await run();
    assert.deepEqual(short, ['a ok uploaded', 'b ok copied', 'c ok copied', 'd ok copied']);
    assert.deepEqual([[...stored.keys()], stored.get('a')?.toSorted()], [['a'], [0, 1, 2]]);
    // The list of chunks is sent, too: 32 bytes for each.
    assert.equal(sent, data.length + 96);
    assert.deepEqual([others, progress[0], progress.at(-1)], [[], 'a sent 0 %', 'a sent 100 %']);
    assert.ok(elapsed > 0);
  });

  test('reaches only the nodes that take its application; those that cannot be asked count as failed', async () => {
    const { short, others, log } = await run({
      b: ({ action }) => (action === 'list' ? okReply({ takes: ['blog'], published: [] }) : undefined),
      c: ({ action }) => (action === 'list' ? refused('policy-denied') : undefined),
    });
    assert.deepEqual(short, ['a ok uploaded', 'c refused none policy-denied', 'd ok copied']);
    assert.deepEqual(others, ['b']);
    assert.ok(!log.some((line) => /^[bc] (prepare|fetch)/.test(line)), log.join(', '));
  });

  test('is refused here if no node takes it, unless there is a node that could not be asked', async () => {
    const none: Answers[string] = () => okReply({ takes: [], published: [] });
    const unknown = { code: 'unknown-application', message: 'no node takes the application “shop”' };
    await assert.rejects(run({ a: none, b: none }, { names: 'ab' }), unknown);
    const partly = await run({ a: none, b: () => refused('policy-denied') }, { names: 'ab' });
    assert.deepEqual([partly.short, partly.others, partly.sent], [['b refused none policy-denied'], ['a'], 0]);
    assert.deepEqual((await run({}, { names: '' })).short, []);
  });

  test('is not sent in a dry run, which asks each node whether it would take it', async () => {
    const answers = { b: ({ action }: ArrivedRequest) => (action === 'prepare' ? refused('no-space') : undefined) };
    const { short, log, stored, sent } = await run(answers, { names: 'ab', dryRun: true });
    assert.deepEqual(short, ['a ok none', 'b refused none no-space']);
    assert.deepEqual(log, ['a list', 'b list', 'a prepare (dry)', 'b prepare (dry)']);
    assert.deepEqual([stored.size, sent], [0, 0]);
  });

  test('is not sent again to nodes that have it; one that has all its chunks only checks them', async () => {
    const { short, stored, sent, log } = await run({
      b: ({ action }) => (action === 'prepare' ? okReply({ published: true, missing: 0, ranges: [] }) : undefined),
      c: ({ action }) => (action === 'prepare' ? okReply({ published: false, missing: 0, ranges: [] }) : undefined),
    });
    assert.deepEqual(short, ['a ok copied', 'b ok present', 'c ok present', 'd ok copied']);
    assert.deepEqual([stored.size, sent], [0, 0]);
    assert.deepEqual(
      log.filter((line) => /^[bc] fetch/.test(line)),
      ['c fetch'],
    );
  });

  test('goes first to the node that lacks least', async () => {
    const part = [{ first: 1, count: 1 }];
    const less = [{ first: 1, count: 2 }];
    const { short, stored } = await run({
      b: ({ action }) => (action === 'prepare' ? okReply({ published: false, missing: 2, ranges: less }) : undefined),
      c: ({ action }) => (action === 'prepare' ? okReply({ published: false, missing: 1, ranges: part }) : undefined),
    });
    assert.deepEqual(short, ['a ok copied', 'b ok copied', 'c ok uploaded', 'd ok copied']);
    assert.deepEqual([...stored], [['c', [1]]]);
  });

  test('takes the nodes in the order of their names, in whichever order they were found', async () => {
    const none: Answers[string] = ({ action }) =>
      action === 'list' ? okReply({ takes: [], published: [] }) : undefined;
    const { log, others, stored } = await run({ b: none, c: none }, { names: 'dcab' });
    assert.deepEqual(log.filter((line) => line.endsWith('prepare')).slice(0, 2), ['a prepare', 'd prepare']);
    assert.deepEqual([others, [...stored.keys()]], [['b', 'c'], ['a']]);
  });

  test('is not sent anywhere if every node refuses the ticket', async () => {
    const no: Answers[string] = ({ action }) => (action === 'prepare' ? refused('no-space') : undefined);
    const { short, sent, stored, log } = await run({ a: no, b: no }, { names: 'ab' });
    assert.deepEqual(short, ['a refused none no-space', 'b refused none no-space']);
    assert.deepEqual([sent, stored.size, log.some((line) => line.includes('fetch'))], [0, 0, false]);
  });

  test('does not come from a node whose chunks turn out to be wrong', async () => {
    const { short, stored } = await run({
      a: ({ action }) => {
        if (action === 'prepare') return okReply({ published: false, missing: 0, ranges: [] });
        return action === 'fetch' ? refused('bad-checksum') : undefined;
      },
    });
    assert.deepEqual(short, ['a refused none bad-checksum', 'b ok uploaded', 'c ok copied', 'd ok copied']);
    assert.deepEqual([...stored.keys()], ['b']);
  });

  test('has a result for a node that refuses the ticket, and one that keeps nothing is not a source', async () => {
    const { short } = await run({
      a: ({ action }) => (action === 'prepare' ? refused('no-space') : undefined),
      b: ({ action }) => (action === 'fetch' ? refused('bad-checksum') : undefined),
    });
    assert.deepEqual(
      short.filter((line) => line.includes('refused')),
      ['a refused none no-space', 'b refused none bad-checksum'],
    );
    assert.equal(short.filter((line) => /^[cd] ok/.test(line)).length, 2);
  });

  test('comes with a ticket for exactly these nodes, from now to its end, and a signature of its file of sums', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const tickets: string[] = [];
    const since = Date.now();
    const { nodes } = startNodes({
      b: () => okReply({ takes: [], published: [] }),
      a: ({ action, input }) => {
        if (action === 'prepare') tickets.push(String(input.ticket));
        return undefined;
      },
    });
    const order = { ...publication(), key: privateKey };
    await publish(order, nodes, ddls, session(), { dryRun: true, signal, onResult: () => {}, onProgress: () => {} });
    const signed = signedTicketCodec.decode(Buffer.from(tickets[0] ?? '', 'base64'));
    const { ticket } = openTicket(signed, 'a', fleet.trust, Date.now(), 0);
    assert.deepEqual(ticket.nodes, ['a', 'c', 'd']);
    assert.equal(ticket.expiresAt - ticket.issuedAt, 60_000);
    assert.ok(ticket.issuedAt >= since && ticket.issuedAt <= Date.now());
    const sums = Buffer.from(`${sha256(data).toString('hex')}  shop-20.tar.gz\n`);
    assert.ok(verify(null, sums, publicKey, ticket.sumsSignature));
  });
});

describe('the names and the key of a publication', () => {
  test('are refused here if the nodes would refuse them', () => {
    assert.doesNotThrow(() => assertNames('shop', '20~rc1+x'));
    assert.throws(() => assertNames('sh/op', '20'), {
      code: 'usage',
      message: '“sh/op” is not a valid name of an application',
    });
    assert.throws(() => assertNames('shop', '../20'), { code: 'usage', message: '“../20” is not a valid revision' });
  });

  test('are an Ed25519 key in PEM', async () => {
    const directory = temporaryDirectory();
    const write = (name: string, text: string) => {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    };
    const pem = { type: 'pkcs8', format: 'pem' } as const;
    const good = write('good.pem', generateKeyPairSync('ed25519').privateKey.export(pem).toString());
    assert.equal((await readSigningKey(good)).asymmetricKeyType, 'ed25519');
    const other = write('x25519.pem', generateKeyPairSync('x25519').privateKey.export(pem).toString());
    for (const [file, why] of [
      [other, 'it is not an Ed25519 key'],
      [write('text', 'no key'), 'it is not a private key in PEM'],
      [join(directory, 'none'), 'no such file or directory'],
    ] as const) {
      const hint = 'make one: openssl genpkey -algorithm ed25519';
      await assert.rejects(readSigningKey(file), {
        code: 'bad-key',
        message: `${file} cannot be used to sign: ${why}`,
        hint,
      });
    }
  });
});

describe('a call of a node that publishes', () => {
  test('counts as lost if the node reports nothing for a minute and the time of the client', async (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const begun = Promise.withResolvers<(message: string) => void>();
    const { found } = signingNode(members[0] as Member, ['publish'], {
      answer: (_request, _signal, onProgress) => {
        begun.resolve(onProgress);
        return new Promise(() => {});
      },
    });
    const heard: string[] = [];
    const ask = definePublishCall(ddls.find(({ name }) => name === 'publish') as never, session(), signal);
    const outcome = ask(found, 'fetch', {}, { onProgress: (message) => heard.push(message) });
    (await begun.promise)('half');
    context.mock.timers.tick(65_000);
    const { outcome: what, code, message } = await outcome;
    assert.deepEqual([what, code, message], ['no-response', 'no-response', 'a is silent']);
    await assert.rejects(ask(found, 'none', {}), { code: 'internal' });
  });
});

describe('the addresses at which nodes find each other', () => {
  const node = (name: string, addresses: readonly Address[], describePeers: () => Promise<object>) => {
    const asked = { count: 0 };
    const describe = async () => {
      asked.count++;
      return await describePeers();
    };
    return { asked, found: { name, addresses, connection: { describe } } as unknown as FoundNode };
  };
  const peers =
    (...list: readonly [string, string][]) =>
    async () => ({
      peers: list.map(([identity, address]) => ({ identity, address, port: 5810 })),
    });
  const at = (host: string): Address => ({ host, port: 5810 });

  test('are those that are known here; no node is asked if each has one', async () => {
    const one = node('a', [at('10.0.0.1'), at('fe80::1')], peers());
    assert.deepEqual([...(await addressesOf([one.found], signal))], [['a', ['10.0.0.1:5810', '[fe80::1]:5810']]]);
    assert.equal(one.asked.count, 0);
  });

  test('are also those that four of the nodes know, and otherwise the name', async () => {
    const heard = peers(['b', '10.0.0.2'], ['b', '10.0.0.2'], ['a', '10.0.0.9'], ['stranger', '10.0.0.66']);
    const fleetOf = [
      node('a', [at('10.0.0.1')], heard),
      node('b', [], async () => Promise.reject(new Problem('no-response', 'silent'))),
      node('c', [], peers()),
      node('d', [at('10.0.0.4')], peers()),
      node('e', [at('10.0.0.5')], peers()),
    ];
    const found = await addressesOf(
      fleetOf.map((one) => one.found),
      signal,
    );
    assert.deepEqual(Object.fromEntries(found), {
      a: ['10.0.0.1:5810', '10.0.0.9:5810'],
      b: ['10.0.0.2:5810'],
      c: ['c:5810'],
      d: ['10.0.0.4:5810'],
      e: ['10.0.0.5:5810'],
    });
    assert.deepEqual(
      fleetOf.map(({ asked }) => asked.count),
      [1, 1, 1, 1, 0],
    );
    const many = node(
      'a',
      Array.from({ length: 9 }, (_, index) => at(`10.0.1.${index}`)),
      peers(),
    );
    assert.equal((await addressesOf([many.found], signal)).get('a')?.length, 8);
  });
});

describe('the report of a publication', () => {
  const result = (node: string, more: Partial<NodeResult> = {}): NodeResult => ({
    ...{ node, outcome: 'ok', code: '', message: '', hint: '', way: 'copied', from: 'web1', round: 1, received: 5 },
    ...{ elapsed: 1234 },
    ...more,
  });
  const report = (results: readonly NodeResult[], more: Partial<Report> = {}): Report => ({
    ...{ application: 'shop', revision: '20', artifact: { sha256: Buffer.from('ab', 'hex'), size: 2048 } },
    ...{ results, others: ['mail1'], sent: 2048, elapsed: 2500.4, dryRun: false },
    ...more,
  });
  const print = (given: Report) => {
    const lines: string[] = [];
    const plain = { color: false } as never;
    printPublished(given, plain, { out: (line: string) => void lines.push(line), columns: 200 } as never);
    return lines.map((line) => line.trimEnd().replaceAll(/ {2,}/g, '  '));
  };
  const results = [
    result('web3', { round: 2 }),
    result('web4'),
    result('web1', { way: 'uploaded', from: '', round: 0 }),
    result('web2', { way: 'present', from: '', round: 0 }),
  ];

  test('has a line for each node in the order of their names, and what it took', () => {
    const lines = print(report(results));
    assert.deepEqual(lines.slice(1, 5), [
      'web1  ok  this host  1.2 s',
      'web2  had it',
      'web3  ok  web1  2  1.2 s',
      'web4  ok  web1  1  1.2 s',
    ]);
    const copied = 'published shop 20 (2.0 kB, SHA-256 ab) to 4 nodes in 2.5 s: 2.0 kB sent from this host';
    assert.equal(lines.at(-1), `${copied}, copied from node to node in 2 rounds`);
  });

  test('counts the nodes that do not have it', () => {
    const failed = result('web5', { outcome: 'failed', code: 'no-space', way: 'none', from: '', round: 0 });
    const lines = print(report([...results.slice(2), failed]));
    assert.ok(lines.includes('web5  failed (no-space)'), lines.join('\n'));
    assert.match(lines.at(-1) ?? '', / to 2 of 3 nodes in 2\.5 s: 2\.0 kB sent from this host$/);
    const dry = print(report([result('web1', { way: 'none', from: '', round: 0 })], { dryRun: true }));
    assert.deepEqual(dry.slice(1), [
      'web1  would receive it',
      '',
      'would publish shop 20 (2.0 kB, SHA-256 ab) to 1 node',
    ]);
  });

  test('has the same as JSON, in whole milliseconds', () => {
    const { nodes, ...rest } = publishJson(report(results)) as { nodes: NodeResult[] };
    assert.deepEqual(rest, {
      ...{ application: 'shop', revision: '20', sha256: 'ab', size: 2048, dry_run: false, sent: 2048, rounds: 2 },
      ...{ elapsed_ms: 2500, others: ['mail1'] },
    });
    assert.deepEqual(
      nodes.map(({ node }) => node),
      ['web1', 'web2', 'web3', 'web4'],
    );
    const { elapsed: elapsed_ms, ...first } = results[2] as NodeResult;
    assert.deepEqual(nodes[0], { ...first, elapsed_ms });
    assert.equal((publishJson(report([])) as { rounds: number }).rounds, 0);
  });
});
