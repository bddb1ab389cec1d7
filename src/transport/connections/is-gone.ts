import type { Socket } from 'node:net';

/** What Node keeps behind a socket, as far as it is used here. */
interface Inside {
  readonly _handle?: { readonly getpeername?: (out: object) => number } | null;
}

/**
 * Whether the other end of a connection is gone, by the kernel's word: a socket that was reset has no peer any more
 * (getpeername(2), ENOTCONN). Node alone does not notice when the reset comes while the handshake ends: HTTP/2 then
 * keeps the socket open for ever. Where the kernel can't be asked, a socket counts as alive until it is closed.
 */
export function isGone(socket: Socket): boolean {
  if (socket.destroyed) return true;
  const { _handle: handle } = socket as unknown as Inside;
  return typeof handle?.getpeername === 'function' && handle.getpeername({}) !== 0;
}
