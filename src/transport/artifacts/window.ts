import { subscribe } from 'node:diagnostics_channel';
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';

/** Bytes that a caller may send before the node has read them: 21 MB/s over a link with 50 ms delay (RFC 9113, 5.2). */
const window = 1024 * 1024;
/** The methods that upload artifacts: to the node itself, or through it. */
const methods: ReadonlySet<unknown> = new Set(['/mco.v1.Node/Store', '/mco.v1.Relay/Forward']);
let isWatching = false;

/**
 * Widens the windows of each connection that may upload an artifact. HTTP/2 begins with 64 KiB for a stream and for a
 * whole connection, and grpc-js has no setting for servers; other connections keep that.
 */
export function widenUploads(): void {
  if (isWatching) return;
  isWatching = true;
  subscribe('http2.server.stream.created', (message) => {
    const { stream, headers } = message as { stream: ServerHttp2Stream; headers: IncomingHttpHeaders };
    const { session } = stream;
    if (!methods.has(headers[':path']) || session === undefined) return;
    if ((session.state.effectiveLocalWindowSize ?? 0) >= window) return;
    session.setLocalWindowSize(window);
    session.settings({ initialWindowSize: window });
  });
}
