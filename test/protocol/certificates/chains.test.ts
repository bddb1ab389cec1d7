import assert from 'node:assert/strict';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { readRevocations } from '../../../src/ca/revocation/revocations.ts';
import { certifyIntermediate } from '../../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../../src/ca/x509/keys.ts';
import { parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { proveCertificate } from '../../../src/core/credentials/proof.ts';
import { type LoadedCredentials, loadCredentials, pemBlocks } from '../../../src/core/credentials/credentials.ts';
import type { NodeService, TlsState } from '../../../src/core/ports.ts';
import { startMetricsServer } from '../../../src/daemon/metrics/server.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { startListening } from '../../../src/transport/listen.ts';
import { digestRequest, openReply, type ReplyEnvelope, sealReply } from '../../../src/core/request/reply.ts';
import { proveCaller, openRequest, sealRequest } from '../../../src/core/request/request.ts';
import { silentLog } from '../../support/agents/agent-setup.ts';
import { type ChainedFleet, makeChainedFleet } from '../../support/fleet/chain.ts';
import { roomyLimits } from '../../support/node/listen-limits.ts';
import { orderFor } from '../../support/node/node.ts';

const node = 'dev2.devco.net';

let directory: string;
let fleet: ChainedFleet;

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mco-chains-'));
  fleet = await makeChainedFleet(directory);
});

after(() => rm(directory, { recursive: true }));

const load = (kind: 'node' | 'operator', files: Awaited<ReturnType<ChainedFleet['holder']>>) =>
  loadCredentials(files, kind, readRevocations, Date.now());

/** Whether an operator gets a description of a node, or why not, by either side. */
async function meet(server: TlsState, client: TlsState): Promise<string> {
  const strangers: string[] = [];
  const description = { identity: node };
  const listener = await startListening({
    host: '127.0.0.1',
    port: 0,
    tls: () => server,
    service: {
      isServing: () => true,
      enter: () => () => {},
      turnAway: async () => {},
      describe: async () => description,
    } as unknown as NodeService,
    log: silentLog,
    onStranger: (_address, reason) => strangers.push(reason),
    limits: roomyLimits,
  });
  const { signal } = new AbortController();
  try {
    const connection = await createDial(() => client, 5000)(node, [{ host: '127.0.0.1', port: listener.port }], signal);
    const request = { filter: null, facts: [], full: false, peers: false };
    return await connection
      .describe(request, signal)
      .then(
        ({ identity }) => identity,
        (error) => `node: ${error.code}`,
      )
      .finally(() => connection.close());
  } catch (error) {
    return `caller: ${(error as { code: string }).code}`;
  } finally {
    await listener.stop(Promise.resolve(), 0);
  }
}

describe('certificates below intermediate CAs', () => {
  test('work with only the root in ca.crt, on both sides, also if the two have different issuers', async () => {
    const server = await load('node', await fleet.holder('node', node, fleet.first));
    const client = await load('operator', await fleet.holder('operator', 'rip', fleet.second));
    assert.equal(await meet(server, client), node);
    const signed = sealRequest(orderFor(node), client.credentials, Date.now());
    assert.equal(proveCaller(openRequest(signed), server.trust, Date.now()).identity.name, 'rip');
    const content = { outcome: 'ok', status: 0, code: '', message: '', hint: '', data: {} } as const;
    const envelope = {
      requestId: 'a'.repeat(32),
      try: 1,
      requestDigest: digestRequest(signed.request),
      startedAt: 0,
      finishedAt: 0,
      recorded: true,
      auditHead: null,
      headCheck: '',
    } as unknown as ReplyEnvelope;
    const reply = sealReply(content, envelope, server.credentials);
    assert.equal(openReply(reply, signed.request, node, client.trust, Date.now()).outcome, 'ok');
  });

  test('are presented as a whole chain by the metrics: a scraper needs only the root', async () => {
    const files = await fleet.holder('node', node, fleet.first);
    const state = await load('node', files);
    const server = await startMetricsServer({ port: 0, address: '0.0.0.0', tls: () => state, text: () => 'up 1\n' });
    try {
      const ca = fleet.root.certificate.toString();
      const socket = connect({ host: '127.0.0.1', port: server.port, ca, servername: node });
      await once(socket, 'secureConnect');
      assert.equal(socket.authorized, true, String(socket.authorizationError));
      socket.destroy();
    } finally {
      await server.stop();
    }
  });

  for (const trusts of ['root', 'root and intermediates'] as const) {
    const trusted = () => (trusts === 'root' ? [fleet.root] : [fleet.root, fleet.first, fleet.second]);
    const holders = async (crl: string) => {
      const server = await load('node', await fleet.holder('node', node, fleet.first, { trusted: trusted() }));
      const rip = await fleet.holder('operator', 'rip', fleet.second, { trusted: trusted() });
      return { server, rip, crl };
    };
    const withList = async ({ server, crl }: { server: LoadedCredentials; crl: string }): Promise<TlsState> => {
      const issuers = [...server.trust.authorities, ...(server.credentials.issuers ?? [])];
      const { isRevoked } = await readRevocations(crl, issuers);
      return { ...server, trust: { ...server.trust, isRevoked } };
    };

    test(`are refused if the root's list revokes their intermediate (${trusts} in ca.crt)`, async () => {
      const both = await holders(fleet.list(fleet.root, [fleet.second.certificate.serialNumber]));
      assert.equal(await meet(await withList(both), await load('operator', both.rip)), 'node: revoked-certificate');
      const client = await load('operator', both.rip);
      const list = fleet.list(fleet.root, [fleet.first.certificate.serialNumber]);
      const { isRevoked } = await readRevocations(list, client.trust.authorities);
      assert.equal(
        await meet(both.server, { ...client, trust: { ...client.trust, isRevoked } }),
        'caller: revoked-certificate',
      );
    });

    test(`are refused if a list of their intermediate names them, next to lists of other CAs (${trusts} in ca.crt)`, async () => {
      const both = await holders('');
      const lists = [
        fleet.list(fleet.root, []),
        fleet.list(fleet.first, []),
        fleet.list(fleet.second, [both.rip.serial]),
      ];
      const server = await withList({ ...both, crl: lists.join('') });
      assert.equal(await meet(server, await load('operator', both.rip)), 'node: revoked-certificate');
    });
  }
});

describe('certificates below intermediate CAs that need attention', () => {
  test('are refused at start, with a message that names what is missing', async () => {
    const cases: [string, Parameters<ChainedFleet['holder']>[3], RegExp][] = [
      ['an intermediate alone in ca.crt', { trusted: [fleet.first] }, /ca\.crt trusts an intermediate alone/],
      [
        'no intermediate anywhere',
        { withChain: false },
        /is in neither file: is it a certificate of this fleet\? If so, add the root to .*and an intermediate CA to/,
      ],
      [
        'another root',
        {
          trusted: [
            await import('../../../src/ca/x509/authority.ts').then(({ makeRoot }) => makeRoot('devco.net', Date.now())),
          ],
        },
        /is in neither file: is it a CA of this fleet\? If so, add it to .*ca\.crt/,
      ],
    ];
    for (const [title, more, message] of cases) {
      const files = await fleet.holder('node', node, fleet.first, more);
      await assert.rejects(load('node', files), { code: 'foreign-certificate', message }, title);
    }
  });

  test('warn before they expire, and name how to replace each of their CAs', async () => {
    const { warnings } = await load('node', await fleet.holder('node', 'dev8.devco.net', fleet.first));
    const shown = warnings(Date.parse(fleet.first.certificate.validTo) - 5 * 86_400_000).filter((line) =>
      line.startsWith('the CA’s certificate ends'),
    );
    assert.equal(shown.length, 1, shown.join('\n'));
    assert.match(shown[0] ?? '', /“mco-deploy ca rollover --intermediate”$/);
  });

  test('are refused if a CA above them may not have this many CAs below it', async () => {
    const { publicKey, privateKey: key } = makeKeyPair();
    // The first may have none below it, and signs one nevertheless.
    const certificate = await certifyIntermediate(fleet.first, publicKey, Date.now());
    const files = await fleet.holder('node', 'dev6.devco.net', { ...fleet.first, certificate, key });
    await appendFile(files.certificate, fleet.first.certificate.toString());
    const message = /the CA “CN=mco-deploy CA [0-9a-f]+” may have no more than 0 CAs below it/;
    await assert.rejects(load('node', files), { code: 'foreign-certificate', message });

    const [leaf = ''] = pemBlocks(await readFile(files.certificate, 'utf8'));
    const authorities = [fleet.root.certificate, fleet.first.certificate, certificate];
    const trust = { realm: 'devco.net', authorities, isRevoked: () => false };
    const prove = () => proveCertificate(parseCertificate(leaf), 'node', trust, Date.now());
    assert.throws(prove, { code: 'foreign-certificate', message });
  });

  test('are refused if anything but a CA is above them', async () => {
    const files = await fleet.holder('node', 'dev4.devco.net', fleet.first);
    const server = await load('node', files);
    const fake = { ...fleet.first, certificate: server.credentials.certificate, key: server.credentials.key };
    const forged = await fleet.holder('node', node, fake);
    await writeFile(forged.ca, fleet.root.certificate.toString());
    await assert.rejects(load('node', forged), { code: 'foreign-certificate' });
  });
});
