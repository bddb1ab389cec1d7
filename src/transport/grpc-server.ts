/**
 * The parts of grpc-js that a serving node imports, file by file: the package's index also loads its client, resolvers
 * and balancers, a megabyte that a node which calls nobody never uses.
 */
export { Status as status } from '@grpc/grpc-js/build/src/constants.js';
export { Metadata } from '@grpc/grpc-js/build/src/metadata.js';
export { Server } from '@grpc/grpc-js/build/src/server.js';
export { ServerCredentials } from '@grpc/grpc-js/build/src/server-credentials.js';
export { ServerInterceptingCall } from '@grpc/grpc-js/build/src/server-interceptors.js';
