import { once } from '../../core/waiting/concurrency.ts';
import { type Deadline, startDeadline } from '../../core/waiting/deadline.ts';
import type { Log } from '../../core/ports.ts';
import { askOne, type OnNode } from './ask-one.ts';
import type { RelayLink } from './relay-link.ts';

/** Milliseconds without a report of any relay after which the nodes of the moment are reached without one. */
const patience = 3000;
/** Milliseconds that a connected relay may pause in its list before the rest of it counts for nothing. */
const pause = 10_000;

export interface LookOptions {
  readonly links: readonly RelayLink[];
  readonly onNode: OnNode;
  readonly signal: AbortSignal;
  readonly log: Log;
}

/**
 * Asks all relays, once, which nodes they are connected to. A relay that is slow is not given up: its nodes are called
 * over it from the moment at which it reports them, and only those whose turn comes meanwhile are reached directly.
 * @returns a function that begins it; resolves when no relay will report more, or when none has reported anything for
 * some time
 */
export function startLook({ links, onNode, signal, log }: LookOptions): () => Promise<void> {
  let quiet: { readonly deadline: Deadline; readonly over: Promise<void> } | undefined;
  const progress = () => quiet?.deadline.extend();
  const onReport: OnNode = (event, link) => {
    progress();
    onNode(event, link);
  };
  const warn = once(() => {
    if (!signal.aborted) log.warn({}, 'the relays take long to list their nodes: some are reached without relays');
  });
  const untilQuiet = () => {
    const deadline = startDeadline(patience, [signal], setImmediate);
    const over = new Promise<void>((resolve) => {
      deadline.signal.addEventListener('abort', () => {
        deadline.end();
        quiet = undefined;
        warn();
        resolve();
      });
    });
    return { deadline, over };
  };
  let isOver = false;
  const lists = once(async () => {
    for (const link of links) link.open().then(progress, () => undefined);
    await readLists({ links, onNode: onReport, signal, log });
    isOver = true;
    quiet?.deadline.end();
  });
  return async () => {
    const ended = lists();
    if (isOver) return;
    quiet ??= untilQuiet();
    await Promise.race([ended, quiet.over]);
  };
}

async function readLists({ links, onNode, signal, log }: LookOptions): Promise<void> {
  const all = { timeout: 0, names: [] };
  const faults = await Promise.all(links.map((link) => askOne(link, all, onNode, signal, pause)));
  if (signal.aborted) return;
  const broken = faults.flatMap((fault, index) => (fault === undefined ? [] : [{ fault, name: links[index]?.name }]));
  if (broken.length === links.length) {
    const why = broken.map(({ fault }) => fault.message).join('; ');
    log.warn({}, `nodes are reached without relays: no relay can be used: ${why}`);
  } else for (const { name, fault } of broken) log.warn({}, `the relay ${name} is not used: ${fault.message}`);
}
