import { createRequire } from 'node:module';

// The protobufjs of proto-loader: what is written here reads and writes the same as proto-loader does at run time.
const require = createRequire(createRequire(import.meta.url).resolve('@grpc/proto-loader'));
export const protobuf = require('protobufjs') as Protobuf;
/** The file with the reader and the writer alone, which need no types. */
export const minimal = require.resolve('protobufjs/minimal');

interface Protobuf {
  readonly Root: { fromJSON(json: object): Namespace & { resolveAll(): void } };
  readonly Type: new () => Type;
  readonly Enum: new () => Enum;
  readonly Service: new () => Service;
}
export interface Namespace {
  readonly name: string;
  readonly fullName: string;
  readonly nestedArray: readonly Namespace[];
}
export interface Type extends Namespace {
  readonly fieldsArray: readonly Field[];
}
export interface Enum extends Namespace {
  readonly values: Readonly<Record<string, number>>;
}
export interface Service extends Namespace {
  readonly methodsArray: readonly Method[];
}
export interface Field {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly keyType?: string;
  readonly repeated: boolean;
  readonly map: boolean;
  /** The oneof that it is a member of. */
  readonly partOf: object | null;
  resolve(): { readonly resolvedType: Type | Enum | null };
}
interface Method {
  readonly name: string;
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
  readonly resolvedRequestType: Type;
  readonly resolvedResponseType: Type;
}
