/** The name of the protocol in the handshake (ALPN, RFC 7301): frames with sealed requests, without gRPC. */
export const sealedProtocol = 'mco-sealed/1';
