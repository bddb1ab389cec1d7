/** The service in DNS-SD (RFC 6763, 4). */
export const serviceType = 'mco-deploy';
export const serviceDomain = `_${serviceType}._tcp.local`;

/** The addresses of multicast DNS (RFC 6762, 3). */
export const mdnsPort = 5353;
export const mdnsGroup = { ipv4: '224.0.0.251', ipv6: 'ff02::fb' } as const;

/**
 * Facts by which a client narrows its question by default. A node that does not publish them all says so (see
 * `anyNodeSubtype`), so that no question skips it.
 */
export const usuallyPublished: readonly string[] = ['cluster'];
