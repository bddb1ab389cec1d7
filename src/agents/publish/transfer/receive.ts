import { type Address, parseAddress } from '../../../core/node.ts';
import { explain, Problem } from '../../../core/errors.ts';
import { fileProblem } from '../../../core/files/file-problem.ts';
import type { ArtifactPeer, OpenArtifactPeer } from '../../../core/publish/holder.ts';
import type { FetchEvent } from '../../../core/wire/messages.ts';
import type { Accepted } from './tickets.ts';

/** Where to ask. */
export interface Source {
  readonly node: string;
  /** As HOST:PORT. */
  readonly addresses: readonly string[];
}

/** What came of it. */
export interface Received {
  bytes: number;
  readonly sources: string[];
  readonly rejected: { readonly node: string; readonly code: string; readonly message: string }[];
}

export interface ReceiveOptions {
  readonly open: OpenArtifactPeer;
  readonly signal: AbortSignal;
  readonly progress: (message: string) => void;
}

/** Milliseconds without a chunk after which a source is given up. */
const stall = 30_000;

/** Asks one source after the other for what is still missing. A source that fails, or sends what it should not, is left. */
export async function receive(
  { proven, partial }: Accepted,
  sources: readonly Source[],
  { open, signal, progress }: ReceiveOptions,
): Promise<Received> {
  const received: Received = { bytes: 0, sources: [], rejected: [] };
  const percent = startPercent(partial.size, progress);
  for (const { node, addresses } of sources) {
    if (partial.missing() === 0) break;
    signal.throwIfAborted();
    const before = received.bytes;
    const quiet = startQuiet(signal);
    let peer: ArtifactPeer | undefined;
    try {
      if (!proven.ticket.nodes.includes(node)) throw new Problem('bad-ticket', `the ticket is not for ${node}`);
      peer = await open(node, addressesOf(addresses), quiet.signal);
      const request = { ticket: proven.signed, manifest: !partial.hasManifest(), wanted: partial.ranges() };
      const take = async ({ manifest, chunk }: FetchEvent) => {
        quiet.heard();
        if (manifest) await partial.takeManifest(manifest, node);
        if (!chunk) return;
        await partial.takeChunk(chunk.index, chunk.data, node);
        received.bytes += chunk.data.length;
        percent(partial.size - partial.needed());
      };
      await peer.fetch(request, take, quiet.signal);
    } catch (error) {
      signal.throwIfAborted();
      // The node's own disk: another source would not help.
      const own = error instanceof Problem && error.code === 'no-space' ? error : fileProblem(error);
      if (own !== undefined) throw own;
      received.rejected.push({ node, ...faultOf(error, quiet.isOver()) });
    } finally {
      quiet.end();
      peer?.close();
      if (received.bytes > before) received.sources.push(node);
    }
  }
  return received;
}

function addressesOf(texts: readonly string[]): Address[] {
  return texts.flatMap((text) => parseAddress(text) ?? []);
}

function faultOf(error: unknown, stalled: boolean): { readonly code: string; readonly message: string } {
  if (stalled) return { code: 'no-response', message: `nothing arrived for ${stall / 1000} s` };
  if (error instanceof Problem) return { code: error.code, message: error.message };
  return { code: 'internal', message: explain(error) };
}

/** Aborts when nothing was heard for long enough. */
function startQuiet(signal: AbortSignal) {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(), stall);
  return {
    signal: AbortSignal.any([signal, over.signal]),
    heard: () => void timer.refresh(),
    isOver: () => over.signal.aborted,
    end: () => clearTimeout(timer),
  };
}

/** Milliseconds between two reports: who waits for the node sees by them that it works. */
const reportInterval = 2000;

function startPercent(size: number, progress: (message: string) => void): (have: number) => void {
  let last = 0;
  return (have) => {
    const now = performance.now();
    if (now - last < reportInterval) return;
    last = now;
    progress(`received ${Math.floor((have * 100) / size)} %`);
  };
}
