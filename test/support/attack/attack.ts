import assert from 'node:assert/strict';
import { sealRequest } from '../../../src/core/request/request.ts';
import { openReply } from '../../../src/core/request/reply.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { type DaemonProcess, startDaemonProcess } from '../node/daemon-process.ts';
import type { Fleet, Member } from '../fleet/fleet.ts';
import { allowRip, orderFor, prepareNode } from '../node/node.ts';
import { attackByBytes } from './bytes.ts';
import { attackByFrames } from './frames.ts';
import { attackByMessages } from './messages.ts';
import type { Attack, Target } from './target.ts';

const attacks = { bytes: attackByBytes, frames: attackByFrames, messages: attackByMessages } satisfies Record<
  string,
  Attack
>;

export interface AttackFigures {
  readonly seed: number;
  /** The number of each attack. */
  readonly rounds: Readonly<Record<keyof typeof attacks, number>>;
  /** Calls of a good caller meanwhile, all of which succeeded. */
  readonly goodCalls: number;
  /** Bytes in use by the daemon after a collection of garbage: before (once warm), and after. */
  readonly memory: { readonly before: number; readonly after: number };
  readonly resident: { readonly before: number; readonly after: number };
  readonly auditFile: string;
}

/** Memory that may stay in use: code that was compiled meanwhile, nonces that are remembered, caches that fill once. */
const allowance = 32 * 1024 * 1024;
const callsPerConnection = 5;

/**
 * Attacks a daemon in its own process in all ways at once, while a good caller goes on calling.
 * @throws when one good call fails, the daemon ends, or its memory does not come back to about where it was
 */
export async function attackDaemon(
  fleet: Fleet,
  seconds: number,
  seed = Math.floor(Math.random() * 2 ** 31),
): Promise<AttackFigures> {
  const { name, configFile, auditFile } = await prepareNode(fleet, {
    policies: { default: `${allowRip}allow\tcert=mallory@devco.net\techo\t*\t*\n` },
  });
  await using daemon = await startDaemonProcess(configFile);
  const attacker = await fleet.operator('mallory@devco.net');
  const rip = await fleet.operator('rip@devco.net');
  const target = { name, port: daemon.port, fleet, attacker };
  /** Each at least once, however busy the machine is. */
  const goOn = async (until: number, first: number) => {
    const call = startGoodCaller(target, rip);
    const made = { bytes: 0, frames: 0, messages: 0 };
    let goodCalls = 0;
    const loops = (Object.keys(attacks) as (keyof typeof attacks)[]).map(async (kind) => {
      do await attacks[kind](target, first + made[kind]++);
      while (Date.now() < until);
    });
    const good = (async () => {
      do {
        await call();
        goodCalls += callsPerConnection;
      } while (Date.now() < until);
    })();
    await Promise.all([...loops, good]);
    return { rounds: made, goodCalls };
  };
  try {
    await goOn(Date.now() + Math.min(5000, seconds * 250), seed ^ 1);
    const before = await daemon.memory();
    const { rounds, goodCalls } = await goOn(Date.now() + seconds * 1000, seed);
    const after = await settled(daemon, before.used + allowance);
    return {
      seed,
      rounds,
      goodCalls,
      memory: { before: before.used, after: after.used },
      resident: { before: before.resident, after: after.resident },
      auditFile,
    };
  } catch (cause) {
    throw new Error(`the daemon did not bear the attack with the seed ${seed}`, { cause });
  }
}

/** A caller that makes a new connection now and then, and whose every call must succeed. */
function startGoodCaller({ name, port, fleet }: Target, rip: Member): () => Promise<void> {
  const dial = createDial(() => ({ credentials: rip.credentials, trust: fleet.trust }), 20_000);
  const signal = AbortSignal.timeout(3_600_000);
  return async () => {
    const connection = await dial(name, [{ host: '127.0.0.1', port }], signal);
    try {
      for (let call = 0; call < callsPerConnection; call++) {
        const signed = sealRequest(orderFor(name, { input: { text: `call ${call}` } }), rip.credentials, Date.now());
        const reply = await connection.call(signed, () => {}, signal);
        const { outcome, code, data } = openReply(reply, signed.request, name, fleet.trust, Date.now());
        assert.deepEqual([outcome, code, data.toString()], ['ok', '', `{"text":"call ${call}"}`]);
      }
    } finally {
      connection.close();
    }
  };
}

/** The use of resources once the last connections are gone; it waits for that, for a limited time. */
async function settled(daemon: DaemonProcess, most: number): ReturnType<DaemonProcess['memory']> {
  for (let look = 0; ; look++) {
    const memory = await daemon.memory();
    if (memory.used <= most) return memory;
    assert.ok(look < 40, `${memory.used} bytes stay in use, ${most} at most were expected`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
