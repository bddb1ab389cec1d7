import descriptor from '../../src/core/wire/descriptor.json' with { type: 'json' };
import { writeMessage } from './message.ts';
import { type Enum, minimal, type Namespace, protobuf, type Service, type Type } from './protobuf.ts';

/**
 * The source of an ES module that stands in for src/core/wire/protocol.ts in the bundle: plain code that reads and writes the
 * messages as proto-loader does when it runs, so that a start builds no types and compiles nothing.
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
    ...enums.map((one) => `const ${names.get(one)} = ${JSON.stringify(byNumber(one))};`),
    ...types.map((one) => writeMessage(one, names)),
    'export const protocol = {',
    ...types.map((one) => `  ${nameOf(one)}: definition(${names.get(one)}),`),
    ...services.map((one) => `  ${nameOf(one)}: ${writeService(one, names)},`),
    '};',
    '',
  ].join('\n');
}

const head = `
import protobuf from ${JSON.stringify(minimal)};
const { Reader, Writer, util } = protobuf;
const noBytes = Buffer.alloc(0);

function definition(of) {
  return {
    serialize: (value) => of.write(value, Writer.create()).finish(),
    deserialize: (bytes) => of.read(Reader.create(bytes)),
  };
}
/** Reads a message in another, which must end where its length says. */
function readWithin(of, r) {
  const length = r.uint32();
  const end = r.pos + length;
  const outer = r.len;
  if (end > outer) throw new RangeError('index out of range');
  r.len = end;
  const value = of.read(r);
  if (r.pos !== end) throw new RangeError('index out of range');
  r.len = outer;
  return value;
}
/** An entry of a map is a message with the key and the value; without a value it cannot be read. */
function readEntry(map, r, readValue) {
  let [key, value] = ['', null];
  const read = () => {
    while (r.pos < r.len) {
      const tag = r.uint32();
      switch (tag >>> 3) {
        case 1: key = r.string(); break;
        case 2: value = readValue(r); break;
        default: r.skipType(tag & 7);
      }
    }
  };
  readWithin({ read }, r);
  if (value === null) throw new TypeError('an entry of a map has no value');
  if (key === '__proto__') util.makeProp(map, key);
  map[key] = value;
}
function numberIn(names, value) {
  return typeof value === 'number' ? value : names[value];
}
function nameIn(names, r) {
  const value = r.int32();
  return names[value] ?? value;
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

/** Both maps: numbers by names and names by numbers. */
function byNumber({ values }: Enum): object {
  return { ...values, ...Object.fromEntries(Object.entries(values).map(([name, value]) => [value, name])) };
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
