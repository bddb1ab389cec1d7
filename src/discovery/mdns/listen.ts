import type { Socket } from 'node:dgram';
import { readFile } from 'node:fs/promises';
import { errnoOf, explain, explainErrno } from '../../core/errors.ts';
import type { HeardNode, Log } from '../../core/ports.ts';
import { rewriteFile } from '../rewrite.ts';
import { parseAnswers, parseProbe, type ServiceAnswer } from './wire/answer.ts';
import { addressesToDial } from './dial-order.ts';
import { multicastInterfaces } from './interfaces.ts';
import { isOwnAddress } from './networks.ts';
import { createPeerMemory, type PeerMemory } from './peer-memory.ts';
import { query } from './query/query.ts';
import { type AddressFamily, familiesOf, openListeningSocket, startMemberships } from './sockets.ts';

export interface ListenSetup {
  /** Names of interfaces; empty: all that multicast can be sent on. */
  readonly interfaces: readonly string[];
  /** The node's own name: it is left out, and whoever else claims it is a rival. */
  readonly identity: string;
  readonly log: Log;
  /** Where to keep what was heard over a restart. */
  readonly file?: string;
  readonly onRival?: (message: string) => void;
}

/** A node that remembers whom it heard of. */
export interface Listening {
  readonly heard: () => HeardNode[];
  /** What was last heard of another node that claims this one's name, within the last ten minutes. */
  readonly rival: () => string | undefined;
  readonly stop: () => Promise<void>;
}

/** Milliseconds. The more nodes there are, the more seldom each asks, so that the answers stay few a second. */
const askEvery = { atLeast: 600_000, perNode: 5000 };
const joinEvery = 30_000;
const saveAfter = 5000;
const rivalFor = 600_000;

/**
 * Listens to what nodes announce on port 5353 (shared with any other responder on this host), and asks the network at start
 * and from time to time, so that a daemon can tell of nodes that have fallen silent. Garbage costs a look at its header.
 */
export async function startListening(setup: ListenSetup): Promise<Listening> {
  const memory = createPeerMemory(setup.identity);
  const keeping = await startKeeping(memory, setup);
  const rivals = watchRivals(setup);
  const group = await joinGroups(setup, (bytes, { address }) => {
    for (const answer of parseProbe(bytes)) rivals.see(answer, address);
    for (const answer of parseAnswers(bytes)) {
      rivals.see(answer, address);
      // Link-local addresses are good on this host alone, and these are told to others.
      const hosts = addressesToDial({ addresses: answer.addresses, from: address, interface: '' });
      memory.hear(answer, answer.leaves ? [] : hosts.filter((host) => !host.includes('%')), Date.now());
      keeping.touch();
    }
  });
  const asking = startAsking(setup, memory, keeping.touch);
  return {
    heard: () => memory.heard(Date.now()),
    rival: rivals.last,
    async stop() {
      await Promise.all([asking.stop(), group.close()]);
      await keeping.stop();
    },
  };
}

/** Listens on port 5353, in the group on each interface, also on those that come up later. */
async function joinGroups({ interfaces, log }: ListenSetup, take: (bytes: Buffer, from: { address: string }) => void) {
  const sockets = new Map<AddressFamily, Socket>();
  for (const family of ['ipv4', 'ipv6'] as const) {
    try {
      const socket = await openListeningSocket(family);
      socket.on('error', (error) => log.warn({ reason: explainErrno(error) }, 'mDNS listener'));
      socket.on('message', take);
      sockets.set(family, socket);
    } catch (error) {
      // A host may well do without one of the two.
      log.debug({ family, reason: explainErrno(error) }, 'nothing is heard by this family');
    }
  }
  const memberships = startMemberships();
  const joined = new Set<string>();
  const join = async () => {
    for (const one of multicastInterfaces(interfaces)) {
      for (const family of familiesOf(one)) {
        const key = `${one.name} ${one[family]}`;
        if (!sockets.has(family) || joined.has(key)) continue;
        joined.add(key);
        try {
          await memberships.join(family, one);
        } catch (error) {
          joined.delete(key);
          log.warn({ interface: one.name, reason: explainErrno(error) }, 'no multicast on this interface');
        }
      }
    }
  };
  await join();
  let joining = Promise.resolve();
  const timer = setInterval(() => {
    joining = joining.then(join);
  }, joinEvery);
  timer.unref();
  return {
    close: async () => {
      clearInterval(timer);
      await joining;
      memberships.close();
      await Promise.all([...sockets.values()].map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
    },
  };
}

/** Asks now, and again every so often. */
function startAsking(setup: ListenSetup, memory: PeerMemory, touch: () => void) {
  const stopped = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let asked = ask();

  async function ask(): Promise<void> {
    try {
      const interfaces = multicastInterfaces(setup.interfaces);
      const inquiry = {
        interfaces,
        questions: [{ kind: 'all' } as const],
        timeout: 2000,
        window: 1000,
        log: setup.log,
      };
      for await (const heard of query({ ...inquiry, signal: stopped.signal })) {
        memory.hear(heard, addressesToDial(heard), Date.now());
        touch();
      }
    } catch (error) {
      setup.log.debug({ reason: explain(error) }, 'the network could not be asked for other nodes');
    }
    if (!stopped.signal.aborted) askLater(Date.now(), 0.8 + 0.4 * Math.random());
  }

  /** How long it waits is known in the end: a network that is just being switched on has more nodes by then. */
  function askLater(since: number, part: number): void {
    const now = Date.now();
    const every = Math.max(askEvery.atLeast, askEvery.perNode * memory.heard(now).length);
    const left = since + every * part - now;
    if (left <= 0) asked = ask();
    else timer = setTimeout(() => askLater(since, part), left).unref();
  }

  return {
    async stop() {
      stopped.abort();
      clearTimeout(timer);
      await asked;
    },
  };
}

/** Keeps the memory in a file, some seconds after a change and at the end. */
async function startKeeping(memory: PeerMemory, { file, log }: ListenSetup) {
  let timer: NodeJS.Timeout | undefined;
  let writing = Promise.resolve();
  if (file === undefined) return { touch: () => undefined, stop: async () => undefined };
  try {
    memory.restore(await readFile(file, 'utf8'));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') log.warn({ file, reason: explain(error) }, 'what was heard before is lost');
  }
  const save = () => {
    timer = undefined;
    writing = writing
      .then(() => rewriteFile(file, memory.toJson()))
      .catch((error) => log.warn({ file, reason: explainErrno(error) }, 'what was heard cannot be kept'));
  };
  return {
    touch: () => {
      timer ??= setTimeout(save, saveAfter).unref();
    },
    stop: async () => {
      if (timer !== undefined) {
        clearTimeout(timer);
        save();
      }
      await writing;
    },
  };
}

/** Looks for others who claim this node's name: the newcomer among two finds out by probing, the other only here. */
function watchRivals({ identity, log, onRival }: ListenSetup) {
  let last: { message: string; target: string; at: number } | undefined;
  return {
    see(answer: ServiceAnswer, from: string): void {
      if (answer.identity !== identity || answer.leaves || isOwnAddress(from)) return;
      const at = Date.now();
      const { target } = answer;
      // The same one is heard at each of its addresses.
      if (last !== undefined && at - last.at <= rivalFor && last.target === target) {
        last = { ...last, at };
        return;
      }
      const message = `another node, at ${from}, claims the name ${identity} on this network`;
      log.error({ identity, from }, message);
      onRival?.(message);
      last = { message, target, at };
    },
    last: () => (last !== undefined && Date.now() - last.at < rivalFor ? last.message : undefined),
  };
}
