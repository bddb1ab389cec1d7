import { setTimeout as sleep } from 'node:timers/promises';
import type { Ddl } from '../../core/ddl/ddl.ts';
import { Problem } from '../../core/errors.ts';
import { failure, type Outcome } from '../../core/request/reply.ts';
import type { ChunkRange } from '../../core/wire/messages.ts';
import type { FoundNode } from '../../discovery/findings.ts';
import { mapLimited } from '../../core/waiting/concurrency.ts';
import type { Session } from '../fleet/session.ts';
import { requireDdl } from '../../library/fleet/agents.ts';
import { addressesOf, type PublishCall, definePublishCall } from './fleet.ts';
import { type NodeResult, resultOf, spread } from './spread.ts';
import { makeTicket, type Publication } from './ticket.ts';
import { upload } from './upload.ts';
import { planWaves } from './waves.ts';

/** The result of publishing one artifact. */
export interface Published {
  readonly results: readonly NodeResult[];
  /** Nodes that run the agent and do not accept the application. */
  readonly others: readonly string[];
  /** Bytes of the artifact that this host sent. */
  readonly sent: number;
  /** Milliseconds from the first byte to the last. */
  readonly elapsed: number;
}

export interface PublishOptions {
  readonly dryRun: boolean;
  readonly onResult: (result: NodeResult) => void;
  /** The progress, for a person. */
  readonly onProgress: (what: string, message: string) => void;
  readonly signal: AbortSignal;
}

interface Prepared {
  readonly node: FoundNode;
  readonly published: boolean;
  readonly missing: number;
  readonly ranges: readonly ChunkRange[];
}

/**
 * Delivers an artifact to all nodes of its application: to one of them from here, and from there on from node to node.
 * @throws Problem `unknown-application` when none of the nodes accepts it
 */
export async function publish(
  publication: Publication,
  found: readonly FoundNode[],
  catalogue: readonly Ddl[],
  session: Session,
  options: PublishOptions,
): Promise<Published> {
  const { signal, dryRun } = options;
  const since = performance.now();
  const ask = definePublishCall(requireDdl(catalogue, 'publish'), session, signal);
  const results: NodeResult[] = [];
  const onResult = (result: NodeResult) => {
    results.push(result);
    options.onResult(result);
  };
  const { takers, others } = await findTakers(publication, found, ask, session, onResult, since);
  const addresses = await addressesOf(takers, signal);
  const names = takers.map(({ name }) => name);
  const ticket = makeTicket(publication, names, session.caller.credentials, Date.now());
  const prepareOne = (node: FoundNode) => ask(node, 'prepare', { ticket: ticket.encoded }, { dryRun });
  const prepared: Prepared[] = [];
  await mapLimited(takers, session.config.concurrency, async (node) => {
    const outcome = await prepareOne(node);
    if (outcome.outcome === 'ok') prepared.push({ node, ...(outcome.data as Omit<Prepared, 'node'>) });
    if (outcome.outcome !== 'ok' || dryRun) onResult(resultOf(node.name, 'none', outcome, since));
  });
  if (dryRun || prepared.length === 0) return { results, others, sent: 0, elapsed: performance.now() - since };
  const sent = await deliver(publication, prepared, {
    ...options,
    ask,
    ticket,
    prepareOne,
    addresses,
    since,
    onResult,
  });
  return { results, others, sent, elapsed: performance.now() - since };
}

/** The nodes of the application: those whose configuration names it. */
async function findTakers(
  { application }: Publication,
  found: readonly FoundNode[],
  ask: PublishCall,
  { config }: Session,
  onResult: (result: NodeResult) => void,
  since: number,
): Promise<{ readonly takers: FoundNode[]; readonly others: string[] }> {
  const takers: FoundNode[] = [];
  const others: string[] = [];
  let failed = 0;
  await mapLimited(found, config.concurrency, async (node) => {
    const outcome = await ask(node, 'list', { application });
    if (outcome.outcome !== 'ok') {
      failed++;
      onResult(resultOf(node.name, 'none', outcome, since));
    } else if ((outcome.data.takes as string[]).includes(application)) takers.push(node);
    else others.push(node.name);
  });
  if (takers.length === 0 && failed === 0 && found.length > 0) {
    const message = `no node takes the application “${application}”`;
    throw new Problem('unknown-application', message, 'name it under “publish.applications” in their node.yaml');
  }
  return { takers: takers.sort((a, b) => (a.name < b.name ? -1 : 1)), others: others.sort() };
}

interface Delivery extends PublishOptions {
  readonly ask: PublishCall;
  readonly ticket: { readonly id: Buffer };
  readonly prepareOne: (node: FoundNode) => Promise<Outcome>;
  readonly addresses: ReadonlyMap<string, readonly string[]>;
  readonly since: number;
}

/** @returns bytes that this host sent */
async function deliver(publication: Publication, prepared: readonly Prepared[], delivery: Delivery): Promise<number> {
  const { ask, ticket, prepareOne, since, signal, onResult } = delivery;
  const id = ticket.id.toString('hex');
  let sent = 0;
  const fetch = (node: FoundNode) => ask(node, 'fetch', { ticket: id, sources: [] });
  const sendTo = async ({ node, ranges }: Omit<Prepared, 'published' | 'missing'>): Promise<Outcome> => {
    const onSent = (bytes: number) => {
      sent += bytes;
      const percent = Math.min(100, Math.floor((sent * 100) / publication.artifact.size));
      delivery.onProgress(node.name, `sent ${percent} %`);
    };
    const prepare = async () => lackingIn(await prepareOne(node));
    try {
      await upload(node, publication.artifact, { ranges }, { ticket: ticket.id, prepare, onSent, signal });
      return await fetch(node);
    } catch (error) {
      return outcomeOf(node.name, error);
    }
  };
  const waiting: Prepared[] = [];
  const holders: string[] = [];
  for (const one of prepared) {
    if (one.published) {
      holders.push(one.node.name);
      onResult(resultOf(one.node.name, 'present', done(one.node.name), since));
    } else waiting.push(one);
  }
  // Nodes that have all of it, from a transfer that was cut off or under another revision, only need a check.
  for (const one of waiting.filter(({ missing }) => missing === 0)) {
    const outcome = await fetch(one.node);
    onResult(resultOf(one.node.name, 'present', outcome, since));
    if (outcome.outcome === 'ok') holders.push(one.node.name);
  }
  const rest = waiting.filter(({ missing }) => missing > 0).sort((a, b) => a.missing - b.missing);
  const waves = planWaves(
    holders,
    rest.map(({ node }) => node.name),
  );
  await spread(waves, {
    ...delivery,
    nodes: new Map(prepared.map(({ node }) => [node.name, node])),
    ticket: id,
    prepare: async (node) => {
      const outcome = await prepareOne(node);
      return outcome.outcome === 'ok' ? undefined : outcome;
    },
    reseed: async (candidates) => {
      const answered = await Promise.all(candidates.map(async (node) => ({ node, outcome: await prepareOne(node) })));
      const missing = ({ data }: Outcome) => (data as unknown as Prepared).missing;
      const [best] = answered
        .filter(({ outcome }) => outcome.outcome === 'ok')
        .sort((a, b) => missing(a.outcome) - missing(b.outcome));
      if (best !== undefined) return await sendTo({ node: best.node, ranges: lackingIn(best.outcome).ranges });
      // None can be asked: they may be back in a moment.
      await sleep(500, undefined, { signal }).catch(() => {});
      return (answered[0] as (typeof answered)[0]).outcome;
    },
  });
  return sent;
}

function lackingIn({ outcome, data, code, message, hint }: Outcome): Pick<Prepared, 'ranges'> {
  if (outcome !== 'ok') throw new Problem(code as Problem['code'], message, hint);
  return { ranges: (data as unknown as Prepared).ranges };
}

function done(node: string): Outcome {
  return { node, outcome: 'ok', status: 0, code: '', message: '', hint: '', data: {}, elapsed: 0 };
}

function outcomeOf(node: string, error: unknown): Outcome {
  if (!(error instanceof Problem)) throw error;
  const isLost = ['no-response', 'unreachable', 'not-serving'].includes(error.code);
  const outcome = error.code === 'cancelled' ? 'cancelled' : isLost ? 'no-response' : 'failed';
  return { ...failure(error), outcome, node, elapsed: 0 };
}
