import type { Socket } from 'node:net';

/** The private parts of a socket in Node that are used here. */
interface Inside {
  readonly _handle?: { readonly getpeername?: (out: object) => number } | null;
}

/**
 * Whether the other end of a connection is gone, according to the kernel: a socket that was reset no longer has a peer
 * (getpeername(2), ENOTCONN). Node alone does not notice a reset at the end of the handshake: HTTP/2 then keeps the
 * socket open forever. If the kernel cannot be asked, a socket counts as alive until it is closed.
 */
export function isGone(socket: Socket): boolean {
  if (socket.destroyed) return true;
  const { _handle: handle } = socket as unknown as Inside;
  return typeof handle?.getpeername === 'function' && handle.getpeername({}) !== 0;
}
