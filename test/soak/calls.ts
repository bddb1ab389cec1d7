import assert from 'node:assert/strict';
import { join } from 'node:path';
import { sealRequest } from '../../src/core/request/request.ts';
import { openReply } from '../../src/core/request/reply.ts';
import type { AuditHead } from '../../src/core/wire/messages.ts';
import { createDial } from '../../src/transport/dial.ts';
import { startDaemonProcess } from '../support/node/daemon-process.ts';
import type { Fleet, Member } from '../support/fleet/fleet.ts';
import { orderFor, prepareNode } from '../support/node/node.ts';
import { runProgram } from '../support/program/run-program.ts';

export interface CallFigures {
  readonly calls: number;
  readonly callers: number;
  readonly daemons: number;
  readonly seconds: number;
  /** Milliseconds from sending to the opened reply. */
  readonly latency: { readonly median: number; readonly slowest: number; readonly of99: number };
  /** Bytes in use by each daemon after a collection of garbage, before and after. */
  readonly memory: readonly { readonly before: number; readonly after: number }[];
  readonly records: number;
}

const repository = join(import.meta.dirname, '../..');

/**
 * Callers call daemons at once, half reads and half changes; then the program verifies every log, and that each
 * holds every head that a caller was given.
 * @throws when one call fails, a record is missing or a log does not hold
 */
export async function callDaemons(
  fleet: Fleet,
  calls: number,
  callers: number,
  names: readonly string[],
): Promise<CallFigures> {
  const policies = { default: 'policy default deny\nallow\t/^cert=caller\\d+@devco\\.net$/\t*\t*\t*\n' };
  const nodes = await Promise.all(names.map((name) => prepareNode(fleet, { name, policies })));
  const daemons = await Promise.all(nodes.map(({ configFile }) => startDaemonProcess(configFile)));
  try {
    const operators = await Promise.all(
      Array.from({ length: callers }, (_, index) => fleet.operator(`caller${index}@devco.net`)),
    );
    const before = await Promise.all(daemons.map(({ memory }) => memory()));
    const heads: AuditHead[][] = names.map(() => []);
    const times: number[] = [];
    const began = performance.now();
    await Promise.all(
      operators.map(async (operator, index) => {
        const which = index % names.length;
        const share = Math.ceil((calls - index) / callers);
        for await (const { head, time } of callOften(
          fleet,
          operator,
          names[which] ?? '',
          daemons[which]?.port ?? 0,
          share,
        )) {
          heads[which]?.push(head);
          times.push(time);
        }
      }),
    );
    const seconds = (performance.now() - began) / 1000;
    const after = await Promise.all(daemons.map(({ memory }) => memory()));
    let records = 0;
    for (const [index, { auditFile }] of nodes.entries()) {
      const made = heads[index] ?? [];
      const held = await verify(auditFile, join(fleet.dir, 'ca.crt'), made);
      assert.equal(held, 2 * made.length + 1, 'two records a call, and one of the start');
      records += held;
    }
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    return {
      calls: times.length,
      callers,
      daemons: names.length,
      seconds,
      latency: { median: at(0.5), of99: at(0.99), slowest: at(1) },
      memory: before.map(({ used }, index) => ({ before: used, after: after[index]?.used ?? 0 })),
      records,
    };
  } finally {
    for (const daemon of daemons) await daemon[Symbol.asyncDispose]();
  }
}

async function* callOften(fleet: Fleet, operator: Member, name: string, port: number, times: number) {
  const { signal } = new AbortController();
  const tls = () => ({ credentials: operator.credentials, trust: fleet.trust });
  const connection = await createDial(tls, 20_000)(name, [{ host: '127.0.0.1', port }], signal);
  try {
    for (let call = 0; call < times; call++) {
      const change = call % 2 === 0 ? {} : { action: 'count', input: {} };
      const began = performance.now();
      const signed = sealRequest(orderFor(name, change), operator.credentials, Date.now());
      const reply = await connection.call(signed, () => {}, signal);
      const { outcome, code, auditHead } = openReply(reply, signed.request, name, fleet.trust, Date.now());
      assert.deepEqual([outcome, code], ['ok', '']);
      assert.ok(auditHead !== null);
      yield { head: auditHead, time: performance.now() - began };
    }
  } finally {
    connection.close();
  }
}

/** By the program, with some of the heads: as many as a command line holds. @returns how many records there are */
async function verify(auditFile: string, ca: string, heads: readonly AuditHead[]): Promise<number> {
  const step = Math.ceil(heads.length / 500);
  const given = heads.filter((_, index) => index % step === 0 || index === heads.length - 1);
  const options = given.flatMap(({ sequence, hash }) => ['--head', `${sequence}:${hash.toString('hex')}`]);
  const words = [
    'build/node24',
    'src/main.ts',
    'audit',
    'verify',
    '--file',
    auditFile,
    '--ca',
    ca,
    '--json',
    ...options,
  ];
  const { code, out, err } = await runProgram('sh', words, {
    cwd: repository,
    env: { HOME: '/nonexistent', PATH: process.env.PATH ?? '' },
  });
  assert.equal(code, 0, out + err);
  return (JSON.parse(out) as { records: number }).records;
}
