import { experimental } from '@grpc/grpc-js';

const { registerResolver, splitHostPort, statusOrFromValue } = experimental;
type GrpcUri = experimental.GrpcUri;

/** The scheme of targets whose address has a zone (`fe80::1%eth0`, RFC 4007). */
const scheme = 'zoned';

/**
 * gRPC makes a URL of the target of every connection, and a URL cannot have a zone (RFC 6874 was never adopted): a
 * link-local address is dialled, and then “Invalid URL” ends the connection. So such an address has a separate scheme,
 * whose authority is the address without the zone; the node is still proven by its name.
 */
class ZonedResolver {
  readonly #target: GrpcUri;
  readonly #listener: experimental.ResolverListener;
  #reported = false;

  constructor(target: GrpcUri, listener: experimental.ResolverListener) {
    this.#target = target;
    this.#listener = listener;
  }

  /**
   * Reports the address once. gRPC asks again while a connection fails, and each report makes it check the connection
   * again: together they would block everything else.
   */
  updateResolution(): void {
    if (this.#reported) return;
    this.#reported = true;
    const { host = '', port = 0 } = splitHostPort(this.#target.path) ?? {};
    const found = statusOrFromValue([{ addresses: [{ host, port }] }]);
    process.nextTick(() => this.#listener(found, {}, null, ''));
  }

  /** An idle channel destroys its resolver, and asks it again when it is used again. */
  destroy(): void {
    this.#reported = false;
  }

  static getDefaultAuthority({ path }: GrpcUri): string {
    return path.replace(/%[^\]]*/, '');
  }
}

let registered = false;

/** The target of an address with a zone. @param text `[fe80::1%eth0]:5810` */
export function zonedTarget(text: string): string {
  if (!registered) registerResolver(scheme, ZonedResolver);
  registered = true;
  return `${scheme}:${text}`;
}
