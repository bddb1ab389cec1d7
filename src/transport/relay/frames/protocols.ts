/** What may carry messages in frames (`frames.ts`) instead of gRPC: their names in the handshake (ALPN, RFC 7301). */

/** Sealed requests from a relay to a node. */
export const sealedProtocol = 'mco-sealed/1';
/** Requests of an operator to a relay. */
export const relayProtocol = 'mco-relay/1';
