import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { appendFile, chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import type { AuditRecord } from '../../../src/core/audit/record.ts';
import { sealRequest } from '../../../src/core/request/request.ts';
import { openReply } from '../../../src/core/request/reply.ts';
import type { AuditHead, SignedRequest } from '../../../src/core/wire/messages.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { release, testApplication } from '../../support/agents/appmgr/application.ts';
import { runInProcess } from '../../support/program/cli.ts';
import { startDaemonProcess } from '../../support/node/daemon-process.ts';
import { startDaemonProgram } from '../../support/node/daemon-program.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { orderFor, type PreparedNode, prepareNode } from '../../support/node/node.ts';
import { until } from '../../support/until.ts';

const { signal } = new AbortController();

let fleet: Fleet;
let rip: Member;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
});

after(() => fleet.remove());

const dial = ({ name }: PreparedNode, port: number) =>
  createDial(() => ({ credentials: rip.credentials, trust: fleet.trust }), 20_000)(
    name,
    [{ host: '127.0.0.1', port }],
    signal,
  );

const open = (reply: Parameters<typeof openReply>[0], signed: SignedRequest, { name }: PreparedNode) =>
  openReply(reply, signed.request, name, fleet.trust, Date.now());

const verify = ({ auditFile }: PreparedNode, ...more: string[]) =>
  runInProcess(['audit', 'verify', '--file', auditFile, '--ca', join(fleet.dir, 'ca.crt'), ...more], fleet.dir);

const recordsOf = async ({ auditFile }: PreparedNode) =>
  (await readFile(auditFile, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as AuditRecord);

describe('a daemon that is killed', () => {
  test('reports after its restart that a change was interrupted, and does not repeat it', async (t) => {
    const application = testApplication();
    application.publish('20', release('20'));
    const hook = join(fleet.dir, 'hook');
    const begun = join(fleet.dir, 'begun');
    await writeFile(hook, `#!/bin/sh\necho $$ >> ${begun}\nexec sleep 600\n`);
    await chmod(hook, 0o755);
    t.after(async () => {
      for (const pid of (await readFile(begun, 'utf8')).trim().split('\n')) process.kill(Number(pid), 'SIGKILL');
    });
    const appmgr = agents.filter(({ ddl }) => ddl.name === 'appmgr');
    const node = await prepareNode(fleet, {
      agents: appmgr,
      sections: { appmgr: application.config({ hooks: { before: [hook] } }) },
      log: 'info',
    });
    const order = orderFor(node.name, { agent: 'appmgr', action: 'upgrade', input: { revision: '20' } });
    const signed = sealRequest(order, rip.credentials, Date.now());

    const first = await startDaemonProgram(node.configFile);
    const connection = await dial(node, first.port);
    const lost = assert.rejects(
      connection.call(signed, () => {}, signal),
      { code: 'no-response' },
    );
    await until('the hook has begun', () => existsSync(begun));
    await first.kill();
    await lost;
    connection.close();
    assert.equal((await recordsOf(node)).at(-1)?.kind, 'intent', 'what was begun is on record, and no outcome is');

    await using second = await startDaemonProgram(node.configFile);
    const again = await dial(node, second.port);
    const { state, reply } = await again.result(signed, signal);
    assert.ok(reply);
    const told = open(reply, signed, node);
    assert.deepEqual([state, told.outcome, told.code, told.recorded], ['REPLIED', 'failed', 'interrupted', true]);
    const replayed = open(await again.call(signed, () => {}, signal), signed, node);
    assert.equal(replayed.code, 'replayed');
    const fresh = sealRequest(order, rip.credentials, Date.now());
    const same = open(await again.call(fresh, () => {}, signal), fresh, node);
    assert.deepEqual([same.code, same.recorded], ['interrupted', true]);
    again.close();
    assert.equal((await readFile(begun, 'utf8')).trim().split('\n').length, 1, 'it was begun once');
    const outcomes = (await recordsOf(node)).filter((record) => record.kind === 'outcome');
    assert.deepEqual(
      outcomes.map(({ code, recorded }) => [code, recorded]),
      [
        ['replayed', false],
        ['interrupted', true],
      ],
    );
    assert.equal((await verify(node)).code, 0);
  });

  test('keeps every record whose head a caller has while twenty callers call, and repairs a partial line with a report', async () => {
    const node = await prepareNode(fleet, { name: 'dev4.devco.net' });
    const heads: AuditHead[] = [];
    let calls = 0;
    {
      await using daemon = await startDaemonProcess(node.configFile);
      let enough = () => {};
      const called = new Promise<void>((resolve) => (enough = resolve));
      const callers = Array.from({ length: 20 }, async () => {
        const connection = await dial(node, daemon.port);
        try {
          for (;;) {
            const order = orderFor(node.name, { action: 'count', input: {} });
            const signed = sealRequest(order, rip.credentials, Date.now());
            const { auditHead } = open(await connection.call(signed, () => {}, signal), signed, node);
            if (auditHead !== null) heads.push(auditHead);
            if (++calls === 100) enough();
          }
        } catch {
          connection.close();
        }
      });
      await called;
      await daemon[Symbol.asyncDispose]();
      await Promise.all(callers);
    }
    // A kill ends a process between two writes; half a line is what a machine leaves that goes down.
    await appendFile(node.auditFile, '{"v":1,"sequence":');
    const torn = await verify(node);
    assert.equal(torn.code, 2);
    assert.match(torn.out[0] ?? '', /:\d+: torn: /);

    await using _again = await startDaemonProcess(node.configFile);
    const furthest = heads.toSorted((a, b) => b.sequence - a.sequence)[0];
    assert.ok(furthest !== undefined);
    const kept = heads.flatMap(({ sequence, hash }) => ['--head', `${sequence}:${hash.toString('hex')}`]);
    const { code, out } = await verify(node, ...kept);
    assert.equal(code, 0, out.join());
    const recovered = (await recordsOf(node)).find((record) => record.kind === 'recovered');
    assert.equal(recovered?.torn_bytes, 18);
    assert.equal(Buffer.from(recovered?.torn ?? '', 'base64').toString(), '{"v":1,"sequence":');
    assert.ok((recovered?.sequence ?? 0) > furthest.sequence);
  });
});
