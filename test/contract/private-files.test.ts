import { watchFileCalls } from '../support/faults/file-calls.ts';
import assert from 'node:assert/strict';
import { constants, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openInterruptionNotices } from '../../src/agents/angelia/interruption-notices.ts';
import type { Message } from '../../src/agents/angelia/message.ts';
import { openSpool } from '../../src/agents/angelia/spool.ts';
import { verifyArtifact } from '../../src/agents/appmgr/artifact/artifact.ts';
import { layoutOf, prepareLayout } from '../../src/agents/appmgr/release/layout.ts';
import { writeState } from '../../src/agents/appmgr/release/state.ts';
import { exchange } from '../../src/agents/external/exchange.ts';
import { writeMaintenance } from '../../src/agents/haproxy/maintenance/store.ts';
import { openJobs } from '../../src/agents/jobs/store.ts';
import { appendStored } from '../../src/agents/journal/stored.ts';
import { writeLocks } from '../../src/agents/lock/state.ts';
import { placeEntry } from '../../src/agents/publish/store/entries.ts';
import { openStore as openArtifacts } from '../../src/agents/publish/store/store.ts';
import { openPartial } from '../../src/agents/publish/transfer/partial.ts';
import { deliver } from '../../src/ca/delivery.ts';
import { requestIntermediate } from '../../src/ca/ca-request.ts';
import { beginRollover } from '../../src/ca/rollover.ts';
import { issue, listRevoked } from '../../src/ca/store/ledger.ts';
import { createStore, openStore } from '../../src/ca/store/store.ts';
import { makeAuthority } from '../../src/ca/x509/authority.ts';
import { makeKeyPair } from '../../src/ca/x509/keys.ts';
import { chainStart } from '../../src/core/audit/record.ts';
import { replaceAtOnce } from '../../src/core/files/at-once.ts';
import { replaceFile } from '../../src/core/files/durable.ts';
import { okReply } from '../../src/core/request/reply.ts';
import { loadAgents } from '../../src/daemon/agents/load-agents.ts';
import { openAuditNotes } from '../../src/daemon/audit/notes.ts';
import { admitNonce } from '../../src/daemon/config-helper/nonces.ts';
import { openCursor } from '../../src/daemon/shipping/cursor.ts';
import { openJournal } from '../../src/library/runs/journal.ts';
import { silentLog } from '../support/agents/agent-setup.ts';
import { release, testApplication } from '../support/agents/appmgr/application.ts';
import { probeAgent } from '../support/agents/probe-agent.ts';
import { contentFor, makeArtifact } from '../support/publish/tickets.ts';

const signal = new AbortController().signal;
const message: Message = {
  id: 'a1',
  recipient: 'mailto:a@devco.net',
  subject: 's',
  message: 'the text',
  priority: 'normal',
  caller: 'cert=rip@devco.net',
  acceptedAt: 1,
  attempts: 0,
  nextAt: 1,
  lastError: '',
};
const run = 'a'.repeat(32);

/** What writes state or secrets, each into a directory that is its own. */
const writers: Readonly<Record<string, (directory: string) => Promise<unknown>>> = {
  'a file that is replaced': (at) => replaceFile(join(at, 'a'), 'text'),
  'a file that is replaced by several programs': (at) => replaceFile(join(at, 'a'), 'text', { shared: true }),
  'a small file of a command': (at) => replaceAtOnce(join(at, 'deep', 'a'), 'text'),
  'the journal of a run': async (at) => await (await openJournal(join(at, 'state'), run)).close(),
  'the notes about the audit log': async (at) => (await openAuditNotes(join(at, 'state', 'a'))).keepEnd(chainStart),
  'the progress of a receiver of the audit log': async (at) =>
    (await openCursor(join(at, 'state'), 'logs')).move({ sequence: 1, hash: 'a' }),
  'the state directories of agents': (at) => loadAgents([probeAgent], {}, {} as never, join(at, 'state'), silentLog),
  'the nonces of the helper': async (at) => {
    mkdirSync(join(at, '.apply'), 0o700);
    await admitNonce(at, Buffer.alloc(16), 1, 0);
  },
  'the queue of angelia': async (at) => {
    const spool = await openSpool(join(at, 'spool'), 0);
    await spool.put(message);
    await spool.settle(message, 1, 'no such user');
    await spool.revive(message);
    await spool.settle(message, 1, '');
  },
  'the messages that angelia holds': async (at) => {
    const options = { directory: join(at, 'held'), most: 1, send: async () => {}, log: silentLog };
    const held = await openInterruptionNotices(options);
    await held.keep(run, message, 60);
    held.stop();
  },
  'the copy of an artifact': async (at) => {
    const { artifacts, publish } = testApplication();
    publish('20', release('20'));
    const of = { application: 'app', artifacts, download: { timeout: 1, max_size: 1 }, signers: [] };
    await (await verifyArtifact(of, '20', join(at, 'copy'), signal)).handle.close();
  },
  'the state of an application': (at) => writeState(join(at, 'a'), { confirmed: '1', before: '', pending: '' }),
  'the exchange with a program': async (at) => {
    const program = {
      ...{ name: 'p', file: '/bin/true', settings: '', scratch: at, facts: async () => ({}), log: silentLog },
      run: async () => ({ code: 0, signal: null, stdout: '', stderr: '', truncated: false }),
    };
    await assert.rejects(exchange(program, { protocol: 'a', request: {}, timeout: 1 }), { code: 'bad-reply' });
  },
  'the hosts that haproxy holds': (at) => writeMaintenance(join(at, 'a'), []),
  'the outcomes of jobs': async (at) => {
    const config = { max_running: 1, max_jobs: 1, max_output: 100, keep: 60 };
    const jobs = await openJobs(at, config, () => 1);
    const job = { id: run, caller: 'cert=rip', agent: 'a', action: 'a', runId: '', dryRun: false };
    await (await jobs.begin(job)).end(okReply({}));
  },
  'the journals of runs': (at) => appendStored(join(at, 'a.jsonl'), at, 'a line\n', 0),
  'the leases': (at) => writeLocks(join(at, 'a'), { fence: 1, leases: [] }),
  'published artifacts': async (at) => {
    const artifact = makeArtifact(300_000);
    const ticket = {
      ...contentFor(artifact, ['dev1'], { sumsSignature: Buffer.alloc(64) }),
      ...{ protocol: 1, nonce: Buffer.alloc(16), operator: '' },
    };
    const store = await openArtifacts(join(at, 'publish'));
    const partial = await openPartial(store, ticket);
    await partial.takeManifest(artifact.manifest, 'a test');
    for (let index = 0; index < artifact.chunks; index++)
      await partial.takeChunk(index, artifact.chunk(index), 'a test');
    await partial.finish();
    const signed = { ticket: Buffer.alloc(0), signature: Buffer.alloc(0), chain: [] };
    await placeEntry(store, { ticket, signed, id: '', caller: 'cert=rip', limited: false }, 1);
  },
  'a CA, with what it issued, revoked and replaced': async (at) => {
    const directory = join(at, 'ca');
    const authority = await makeAuthority('devco.net', Date.now());
    await createStore(directory, authority, '');
    const store = await openStore(directory);
    const { publicKey } = makeKeyPair();
    await issue(store, authority, { kind: 'node', name: 'dev1', publicKey, now: Date.now() });
    await listRevoked(store, [authority], { now: Date.now() });
    await beginRollover(store, await makeAuthority('devco.net', Date.now()), '');
    await requestIntermediate(join(at, 'asked'), 'devco.net', '');
  },
  'a delivered certificate, in a directory and in an archive': async (at) => {
    const { certificate, key } = await makeAuthority('devco.net', Date.now());
    const delivery = {
      kind: 'node',
      name: 'dev1',
      certificate,
      issuers: '',
      key,
      ca: 'pem',
      crl: 'pem',
      starting: true,
    } as const;
    await deliver(delivery, { form: 'directory', path: join(at, 'etc'), replace: false }, 0);
    await deliver(delivery, { form: 'bundle', path: join(at, 'etc', 'dev1.tar.gz'), replace: false }, 0);
  },
};

/** What everybody may read: certificates, lists of revocations and requests, and the directory that they are delivered to. */
const isPublic = (path: string) => /^etc$|\.(crt|pem|csr)(\.\d+-\d*\.[0-9a-f]+\.new)?$/.test(path);
const makes = (flags: unknown) =>
  typeof flags === 'number' ? (flags & constants.O_CREAT) !== 0 : /^(w|a)/.test(String(flags ?? 'r'));

/** The mode with which a call makes a file or a directory, if it makes one. */
function modeOf(name: string, [, second, third]: readonly unknown[]): number | undefined {
  const options = (value: unknown) => (value ?? {}) as { mode?: number };
  if (name === 'open') return makes(second) ? ((third as number | undefined) ?? 0o666) : undefined;
  if (name === 'mkdir') return options(second).mode ?? 0o777;
  return name === 'writeFile' ? (options(third).mode ?? 0o666) : undefined;
}

describe('without a umask, nobody else may read or write', () => {
  let umask: number;
  before(() => {
    umask = process.umask(0);
  });
  after(() => process.umask(umask));

  for (const [what, write] of Object.entries(writers))
    test(`${what}, not even while it is written`, async () => {
      const directory = mkdtempSync('/dev/shm/mco-private-');
      let made = 0;
      const open: string[] = [];
      const check = (how: string, path: string, mode: number) => {
        made++;
        if ((mode & 0o077) !== 0 && !isPublic(path)) open.push(`${how} ${path} ${mode.toString(8)}`);
      };
      try {
        {
          using _watch = watchFileCalls(directory, (call, args, real) => {
            const mode = call.handle === undefined ? modeOf(call.name, args) : undefined;
            if (mode !== undefined) check(call.name, relative(directory, call.path), mode);
            return real();
          });
          await write(directory);
        }
        for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' }))
          check('left', name, lstatSync(join(directory, name)).mode & 0o777);
      } finally {
        rmSync(directory, { recursive: true });
      }
      assert.ok(made > 0, 'something was made');
      assert.deepEqual(open, []);
    });

  test('what an application does not serve: only its releases are for others', async () => {
    const directory = mkdtempSync('/dev/shm/mco-private-');
    try {
      const layout = layoutOf(directory);
      await prepareLayout(layout);
      writeFileSync(join(layout.staging, 'a'), '');
      const modes = readdirSync(directory).map((name) => [name, lstatSync(join(directory, name)).mode & 0o777]);
      assert.deepEqual(Object.fromEntries(modes), { '.staging': 0o700, releases: 0o755 });
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
});
