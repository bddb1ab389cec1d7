import { equalityTerms } from '../../core/filter/terms.ts';
import { isNodeName } from '../../core/identity.ts';
import type { Address, Candidate } from '../../core/node.ts';
import type { DiscoverySource, Log } from '../../core/ports.ts';
import type { FilterTerms } from '../../core/wire/messages.ts';
import { addressesToDial } from './dial-order.ts';
import { instanceOf } from './wire/instance.ts';
import { findInterfaces, leftOutWarning } from './interfaces.ts';
import { query } from './query/query.ts';
import type { Question } from './wire/question.ts';
import { usuallyPublished } from './service.ts';
import { anyNodeSubtype, subtypeLabel } from './wire/subtype.ts';

export interface MdnsOptions {
  /** Names of interfaces to ask on; empty: all that support multicast. */
  readonly interfaces: readonly string[];
  /** Milliseconds to wait for the first answer (default 2,000). */
  readonly timeout?: number;
  /** Milliseconds without a new answer after which the query ends (default 60). */
  readonly window?: number;
  /** Bytes of the receive buffer (default 4 MiB, or what the kernel allows). */
  readonly buffer?: number;
  /** Names of facts that all nodes publish or say that they don't (default: cluster). */
  readonly published?: readonly string[];
  /** Names of nodes that need not answer; none if omitted. */
  readonly known?: readonly string[];
  readonly log: Log;
}

/** The maximum number of names in a question by name, so that it fits into a packet. */
const mostNames = 10;

/** Asks the network by multicast DNS. Ends when no more answers come. */
export function mdnsSource(options: MdnsOptions): DiscoverySource {
  return {
    name: 'mdns',
    async *discover(filter: FilterTerms, signal: AbortSignal): AsyncGenerator<Candidate> {
      const interfaces = findInterfaces(options.interfaces);
      const warning = leftOutWarning(interfaces);
      if (warning !== undefined) options.log.warn({}, warning);
      const inquiry = {
        interfaces: interfaces.used,
        questions: questionsFor(filter, options.published ?? usuallyPublished),
        timeout: options.timeout ?? 2000,
        window: options.window ?? 60,
        log: options.log,
        signal,
        known: (options.known ?? []).map(instanceOf),
        ...(options.buffer === undefined ? {} : { buffer: options.buffer }),
      };
      for await (const heard of query(inquiry)) {
        const addresses: Address[] = addressesToDial(heard).map((host) => ({ host, port: heard.port }));
        yield { name: heard.identity, addresses, source: 'mdns', origin: heard.target, from: heard.from };
      }
    },
  };
}

/**
 * The narrowest question that every matching node answers: for named nodes their names, else one subtype (and with it
 * the nodes that do not announce all of theirs), else everybody.
 */
export function questionsFor(filter: FilterTerms, published: readonly string[]): Question[] {
  const terms = equalityTerms(filter);
  const names = terms.filter(({ kind }) => kind === 'identity').map(({ value }) => value.toLowerCase());
  const allNamed = filter.identities.length > 0 && names.length === filter.identities.length;
  if (allNamed && names.length <= mostNames && names.every(isNodeName)) {
    return names.map((name) => ({ kind: 'instance', instance: instanceOf(name) }));
  }
  const narrowest =
    terms.find(({ kind, key }) => kind === 'fact' && published.includes(key)) ??
    terms.find(({ kind }) => kind === 'class') ??
    terms.find(({ kind }) => kind === 'agent');
  if (narrowest === undefined) return [{ kind: 'all' }];
  return [
    { kind: 'subtype', label: subtypeLabel(narrowest) },
    { kind: 'subtype', label: anyNodeSubtype },
  ];
}
