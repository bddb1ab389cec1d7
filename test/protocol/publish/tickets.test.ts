import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import type { TicketContent } from '../../../src/core/publish/ticket.ts';
import type { FetchEvent, SignedTicket } from '../../../src/core/wire/messages.ts';
import { ticketCodec } from '../../../src/core/wire/codec.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import type { TestNode } from '../../support/node/node.ts';
import { nameOf, type PublishFleet, startPublishFleet } from '../../support/publish/publish-fleet.ts';
import {
  contentFor,
  dataOf,
  fetchAs,
  fetchOrder,
  idOf,
  makeArtifact,
  prepareOrder,
  publishTo,
  storeChunks,
  ticketBy,
} from '../../support/publish/tickets.ts';

const policy = 'policy default deny\nallow\tcert=rip@devco.net cert=ann@devco.net\t*\t*\t*\n';

let lab: PublishFleet;
let foreign: Fleet;
let [source, target]: TestNode[] = [];
let [rip, ann, eve]: Member[] = [];
let stranger: Member;
const artifact = makeArtifact();
const both = [nameOf(1), nameOf(2)];

const ticket = (changes: Partial<TicketContent> = {}, by = rip) =>
  ticketBy(by as Member, contentFor(artifact, both, changes));

const { signal } = new AbortController();

before(async () => {
  const applications = { shop: {}, till: { publishers: ['cert=ann@devco.net'] } };
  lab = await startPublishFleet(2, { publish: { applications }, node: () => ({ policies: { default: policy } }) });
  [source, target] = lab.nodes;
  rip = lab.rip;
  ann = await lab.fleet.operator('ann@devco.net');
  eve = await lab.fleet.operator('eve@devco.net');
  stranger = await lab.fleet.node('dev9.devco.net');
  foreign = await makeFleet();
  const published = await publishTo(source as TestNode, rip, ticket(), artifact);
  assert.equal(published.outcome, 'ok', published.message);
});

after(async () => {
  await lab[Symbol.asyncDispose]();
  await foreign.remove();
});

const altered = (signed: SignedTicket, change: Partial<TicketContent>): SignedTicket => ({
  ...signed,
  ticket: ticketCodec.encode({ ...ticketCodec.decode(signed.ticket), ...change }),
});

/** Asks the source for everything, as a node with this certificate. */
const askSource = async (member: Member, signed: SignedTicket, wanted = [{ first: 0, count: artifact.chunks }]) => {
  const peer = await fetchAs(member, lab.fleet, source as TestNode);
  const events: FetchEvent[] = [];
  try {
    await peer.fetch({ ticket: signed, manifest: true, wanted }, async (event) => void events.push(event), signal);
  } finally {
    peer.close();
  }
  return events;
};

const memberOf = async (name: string) => await lab.fleet.node(name);

describe('a ticket', () => {
  const long = 25 * 3_600_000;

  const refused: readonly [string, () => Promise<SignedTicket> | SignedTicket, string][] = [
    ['that was altered', () => altered(ticket(), { revision: '21' }), 'bad-ticket'],
    ['whose nodes were altered', () => altered(ticket({ nodes: [nameOf(1)] }), { nodes: both }), 'bad-ticket'],
    ['without a certificate', () => ({ ...ticket(), chain: [] }), 'bad-ticket'],
    ['that a node signed', () => ticketBy(stranger, contentFor(artifact, both)), 'wrong-kind'],
    [
      'of an operator of another CA',
      async () => ticketBy(await foreign.operator('rip@devco.net'), contentFor(artifact, both)),
      'foreign-certificate',
    ],
    ['of another operator than the caller', () => ticket({}, ann), 'bad-ticket'],
    ['for another node', () => ticket({ nodes: [nameOf(1)] }), 'bad-ticket'],
    [
      'that ended',
      () => ticket({ issuedAt: Date.now() - 7_200_000, expiresAt: Date.now() - 60_000 }),
      'expired-ticket',
    ],
    [
      'that begins in an hour',
      () => ticket({ issuedAt: Date.now() + 3_600_000, expiresAt: Date.now() + 7_200_000 }),
      'expired-ticket',
    ],
    ['that is valid for longer than a day', () => ticket({ expiresAt: Date.now() + long }), 'bad-ticket'],
    ['with a revision that is a path', () => ticket({ revision: '../20' }), 'bad-ticket'],
    ['with a size of zero', () => ticket({ size: 0 }), 'bad-ticket'],
    ['with a digest that is too short', () => ticket({ sha256: Buffer.alloc(31) }), 'bad-ticket'],
    ['for an application that the node does not take', () => ticket({ application: 'blog' }), 'unknown-application'],
    ['for an application that another operator publishes', () => ticket({ application: 'till' }), 'policy-denied'],
    ['for more bytes than the node takes', () => ticket({ size: 2 ** 31 }), 'artifact-too-large'],
  ];

  for (const [what, make, code] of refused) {
    test(`${what} is refused, and the audit log shows it`, async () => {
      const reply = await (target as TestNode).call(rip as Member, prepareOrder(await make()));
      assert.deepEqual([reply.outcome, reply.code], ['failed', code], reply.message);
      const last = (await (target as TestNode).records()).findLast(({ kind }) => kind === 'outcome');
      assert.ok(last?.kind === 'outcome' && last.code === code);
    });
  }

  test('is refused from an operator that no policy allows to publish', async () => {
    const reply = await (target as TestNode).call(eve as Member, prepareOrder(ticket({}, eve)));
    assert.deepEqual([reply.outcome, reply.code], ['refused', 'policy-denied']);
  });

  test('works only for its operator: another operator can neither store nor fetch with it', async () => {
    const given = ticket({ revision: '22' });
    assert.equal((await (target as TestNode).call(rip as Member, prepareOrder(given))).outcome, 'ok');
    await assert.rejects(storeChunks(target as TestNode, ann as Member, given, artifact, [0]), {
      code: 'unknown-ticket',
    });
    const reply = await (target as TestNode).call(ann as Member, fetchOrder(given, [source as TestNode]));
    assert.equal(reply.code, 'unknown-ticket');
  });

  test('allows nobody to store if it was not accepted', async () => {
    await assert.rejects(storeChunks(target as TestNode, rip as Member, ticket({ revision: '23' }), artifact, [0]), {
      code: 'unknown-ticket',
    });
  });
});

describe('a ticket at a node that has the artifact', () => {
  test('lets a node that it names copy the artifact from a node that has it', async () => {
    const events = await askSource(await memberOf('dev7.devco.net'), ticket({ nodes: [nameOf(1), 'dev7.devco.net'] }));
    assert.deepEqual(events[0]?.manifest, artifact.manifest);
    assert.deepEqual(Buffer.concat(events.flatMap(({ chunk }) => chunk?.data ?? [])), artifact.bytes);
  });

  const unserved: readonly [string, () => SignedTicket, string][] = [
    ['that does not name the node that asks', () => ticket(), 'bad-ticket'],
    ['that does not name the source', () => ticket({ nodes: ['dev9.devco.net'] }), 'bad-ticket'],
    ['that was altered', () => altered(ticket({ nodes: both }), { nodes: [...both, 'dev9.devco.net'] }), 'bad-ticket'],
    ['that ended', () => ticket({ nodes: [...both, 'dev9.devco.net'], issuedAt: 1, expiresAt: 2 }), 'expired-ticket'],
    [
      'of an operator that no policy allows to publish',
      () => ticket({ nodes: [...both, 'dev9.devco.net'] }, eve),
      'policy-denied',
    ],
    [
      'for another digest',
      () => ticket({ nodes: [...both, 'dev9.devco.net'], sha256: Buffer.alloc(32, 1) }),
      'not-published',
    ],
    [
      'with another list of chunks',
      () => ticket({ nodes: [...both, 'dev9.devco.net'], manifestSha256: Buffer.alloc(32, 1) }),
      'bad-chunk',
    ],
    [
      'for another application',
      () => ticket({ nodes: [...both, 'dev9.devco.net'], application: 'blog' }),
      'unknown-application',
    ],
  ];

  for (const [what, make, code] of unserved) {
    test(`${what} gets nothing from a node that has the artifact`, async () => {
      const events: FetchEvent[] = [];
      await assert.rejects(
        askSource(stranger, make()).then((got) => events.push(...got)),
        (error) => error instanceof Problem && error.code === code,
      );
      assert.deepEqual(events, []);
    });
  }

  test('gives access to chunks of its artifact, and no others', async () => {
    const signed = ticket({ nodes: [...both, 'dev9.devco.net'] });
    for (const wanted of [[{ first: artifact.chunks, count: 1 }], [{ first: 0, count: 4_000_000_000 }]]) {
      await assert.rejects(askSource(stranger, signed, wanted), { code: 'malformed-message' });
    }
  });

  test('gives no access once its operator is revoked', async () => {
    const bob = await lab.fleet.operator('ann@devco.net');
    const signed = ticket({ nodes: [...both, 'dev9.devco.net'] }, bob);
    assert.ok((await askSource(stranger, signed)).length > 0);
    lab.fleet.revoke(bob);
    const { writeFile } = await import('node:fs/promises');
    await writeFile(`${(source as TestNode).directory}/crl.pem`, await lab.fleet.crl());
    await (source as TestNode).daemon.reload();
    await assert.rejects(askSource(stranger, signed), { code: 'revoked-certificate' });
  });

  test('is refused from an operator if a node is required, and a chunk from a node', async () => {
    await assert.rejects(askSource(rip as Member, ticket()), { code: 'wrong-kind' });
    const connection = await (target as TestNode).dial(stranger);
    const request = { ticket: idOf(ticket()), manifest: artifact.manifest };
    await assert.rejects(connection.store(request, signal), { code: 'wrong-kind' });
    connection.close();
  });
});

describe('an accepted ticket', () => {
  test('enlarges only the upload’s connection window', async () => {
    const windows = new Map<string, number | undefined>();
    const note = (message: unknown) => {
      const { stream, headers } = message as { stream: ServerHttp2Stream; headers: IncomingHttpHeaders };
      windows.set(String(headers[':path']), stream.session?.state.effectiveLocalWindowSize);
    };
    // After the node's own listener, which was there first.
    subscribe('http2.server.stream.created', note);
    try {
      const signed = ticket({ revision: '28' });
      assert.equal((await (target as TestNode).call(rip as Member, prepareOrder(signed))).outcome, 'ok');
      await storeChunks(target as TestNode, rip as Member, signed, artifact, [0]);
    } finally {
      unsubscribe('http2.server.stream.created', note);
    }
    assert.deepEqual(
      [...windows],
      [
        ['/mco.v1.Node/Call', 65_535],
        ['/mco.v1.Node/Store', 1_048_576],
      ],
    );
  });

  test('is accepted in a dry run without effect', async () => {
    const signed = ticket({ revision: '29' });
    const reply = await (target as TestNode).call(rip as Member, prepareOrder(signed, { dryRun: true }));
    assert.deepEqual([reply.outcome, dataOf(reply).published], ['ok', false]);
    await assert.rejects(storeChunks(target as TestNode, rip as Member, signed, artifact, [0]), {
      code: 'unknown-ticket',
    });
  });
});
