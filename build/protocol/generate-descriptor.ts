// Writes the proto's descriptor as JSON, so that neither the program nor the binary reads a .proto at run time.
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

// proto-loader's own parser, so that what is written is what it reads.
const require = createRequire(createRequire(import.meta.url).resolve('@grpc/proto-loader'));
const protobuf = require('protobufjs') as {
  Root: new () => { resolvePath: unknown; loadSync(files: string[], options: object): { toJSON(): unknown } };
};

const repository = join(import.meta.dirname, '../..');
const protos = ['proto/mco/v1/node.proto', 'proto/grpc/health/v1/health.proto'].map((file) => join(repository, file));
export const descriptorFile = join(repository, 'src/core/wire/descriptor.json');

export function describeProto(): string {
  const root = new protobuf.Root().loadSync(protos, { keepCase: false });
  return `${JSON.stringify(root.toJSON(), null, 2)}\n`;
}

if (import.meta.main) writeFileSync(descriptorFile, describeProto());
