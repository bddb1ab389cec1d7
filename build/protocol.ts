import { createRequire } from 'node:module';
import descriptor from '../src/core/wire/descriptor.json' with { type: 'json' };

// The protobufjs of proto-loader, so that what is written here is what proto-loader makes at run time.
const require = createRequire(createRequire(import.meta.url).resolve('@grpc/proto-loader'));
const protobuf = require('protobufjs') as Protobuf;

interface Protobuf {
  readonly Root: { fromJSON(json: object): Namespace & { resolveAll(): void } };
  readonly Type: new () => Type;
  readonly Enum: new () => Enum;
  readonly Service: new () => Service;
  readonly encoder: (type: Type) => object;
  readonly decoder: (type: Type) => object;
  readonly converter: Readonly<Record<'fromObject' | 'toObject', (type: Type) => object>>;
}
interface Namespace {
  readonly name: string;
  readonly fullName: string;
  readonly nestedArray: readonly Namespace[];
}
interface Type extends Namespace {
  readonly fieldsArray: readonly Field[];
}
interface Enum extends Namespace {
  readonly values: Readonly<Record<string, number>>;
}
interface Service extends Namespace {
  readonly methodsArray: readonly Method[];
}
interface Field {
  readonly name: string;
  readonly repeated: boolean;
  readonly map: boolean;
  resolve(): { readonly resolvedType: Type | Enum | null };
}
interface Method {
  readonly name: string;
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
  readonly resolvedRequestType: Type;
  readonly resolvedResponseType: Type;
}

/**
 * The source of an ES module that stands in for src/core/wire/protocol.ts in the bundle: the functions that protobufjs would
 * generate when the program runs, as plain code, so that a start builds no types and compiles nothing.
 */
export function writeProtocol(): string {
  const root = protobuf.Root.fromJSON(descriptor);
  root.resolveAll();
  const all = [...within(root)];
  const types = all.filter((one): one is Type => one instanceof protobuf.Type);
  const enums = all.filter((one): one is Enum => one instanceof protobuf.Enum);
  const services = all.filter((one): one is Service => one instanceof protobuf.Service);
  const names = new Map<Namespace, string>([...types, ...enums].map((one, index) => [one, `t${index}`]));
  return [
    head,
    ...enums.map((one) => `const ${names.get(one)} = { values: ${JSON.stringify(byNumber(one))} };`),
    ...types.map((one) => `const ${names.get(one)} = ${writeType(one)};`),
    ...types.map((one) => writeFunctions(one, names)),
    'export const protocol = {',
    ...types.map((one) => `  ${nameOf(one)}: definition(${names.get(one)}),`),
    ...services.map((one) => `  ${nameOf(one)}: ${writeService(one, names)},`),
    '};',
    '',
  ].join('\n');
}

const head = `
import protobuf from ${JSON.stringify(require.resolve('protobufjs/minimal'))};
const { Reader, Writer, util } = protobuf;
const options = { longs: Number, enums: String, defaults: true, arrays: true, objects: true, oneofs: false };

function type(lists, maps) {
  function Message() {}
  for (const name of lists) Message.prototype[name] = util.emptyArray;
  for (const name of maps) Message.prototype[name] = util.emptyObject;
  return { ctor: Message };
}
function definition(of) {
  return {
    serialize: (value) => of.encode(of.fromObject(value)).finish(),
    deserialize: (bytes) => of.toObject(of.decode(bytes), options),
  };
}
function method(path, originalName, requestStream, responseStream, request, response) {
  const { serialize: requestSerialize, deserialize: requestDeserialize } = definition(request);
  const { serialize: responseSerialize, deserialize: responseDeserialize } = definition(response);
  const streams = { path, originalName, requestStream, responseStream };
  return { ...streams, requestSerialize, requestDeserialize, responseSerialize, responseDeserialize };
}
`;

function* within(namespace: Namespace): Generator<Namespace> {
  for (const one of namespace.nestedArray ?? []) {
    yield one;
    yield* within(one);
  }
}

function nameOf({ fullName }: Namespace): string {
  return JSON.stringify(fullName.replace(/^\./, ''));
}

/** Both maps, as in protobufjs: names by numbers and numbers by names. */
function byNumber({ values }: Enum): object {
  return { ...values, ...Object.fromEntries(Object.entries(values).map(([name, value]) => [value, name])) };
}

function writeType({ fieldsArray }: Type): string {
  const named = (fields: readonly Field[]) => JSON.stringify(fields.map(({ name }) => name));
  return `type(${named(fieldsArray.filter(({ repeated }) => repeated))}, ${named(fieldsArray.filter(({ map }) => map))})`;
}

/** The functions find the types of fields in the array \`types\`, by the place of the field. */
function writeFunctions(type: Type, names: ReadonlyMap<Namespace, string>): string {
  const resolved = type.fieldsArray.map((field) => field.resolve().resolvedType);
  const types = resolved.map((one) => (one === null ? 'null' : names.get(one)));
  const functions = {
    encode: protobuf.encoder(type),
    decode: protobuf.decoder(type),
    fromObject: protobuf.converter.fromObject(type),
    toObject: protobuf.converter.toObject(type),
  };
  const lines = Object.entries(functions).map(([name, code]) => `  ${names.get(type)}.${name} = ${code};`);
  return `{\n  const types = [${types.join(', ')}];\n${lines.join('\n')}\n}`;
}

function writeService({ fullName, methodsArray }: Service, names: ReadonlyMap<Namespace, string>): string {
  const lines = methodsArray.map(({ name, requestStream = false, responseStream = false, ...types }) => {
    const path = JSON.stringify(`/${fullName.replace(/^\./, '')}/${name}`);
    const original = JSON.stringify(name.charAt(0).toLowerCase() + name.slice(1));
    const [request, response] = [types.resolvedRequestType, types.resolvedResponseType].map((one) => names.get(one));
    return `    ${name}: method(${path}, ${original}, ${requestStream}, ${responseStream}, ${request}, ${response}),`;
  });
  return `{\n${lines.join('\n')}\n  }`;
}
