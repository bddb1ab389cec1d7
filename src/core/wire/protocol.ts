import { fromJSON, type PackageDefinition } from '@grpc/proto-loader';
import descriptor from './descriptor.json' with { type: 'json' };

type ProtoJson = Parameters<typeof fromJSON>[0];

/**
 * All messages and the services, from the built-in descriptor. Run from source, their code is generated when they are
 * first used; in the bundle this module is replaced by code that was written at build time (package.json, `imports`).
 */
export const protocol: PackageDefinition = fromJSON(descriptor as ProtoJson, {
  longs: Number,
  enums: String,
  defaults: true,
  arrays: true,
  objects: true,
  oneofs: false,
});
