import { type Enum, type Field, type Namespace, protobuf, type Type } from './protobuf.ts';

/**
 * The two functions of a message: one writes a plain object with protobufjs's writer, the other reads one with its reader. The
 * functions that protobufjs generates make an object of a class in between, and look at every option again for each field.
 */
export function writeMessage(type: Type, names: ReadonlyMap<Namespace, string>): string {
  requireFinite(type, []);
  const fields = type.fieldsArray.map((field) => describe(field, names)).sort((a, b) => a.id - b.id);
  return [
    `const ${names.get(type)} = {`,
    '  write(value, w) {',
    ...fields.map((field) => `    ${writeField(field)}`),
    '    return w;',
    '  },',
    '  read(r) {',
    `    const value = { ${startValues(fields).join(', ')} };`,
    '    while (r.pos < r.len) {',
    '      const tag = r.uint32();',
    '      switch (tag >>> 3) {',
    ...fields.map((field) => `        case ${field.id}: ${readField(field)} break;`),
    '        default: r.skipType(tag & 7);',
    '      }',
    '    }',
    '    return value;',
    '  },',
    '};',
  ].join('\n');
}

/** Broken bytes cannot nest deeper than the types do, so the functions count no depth. */
function requireFinite(type: Type, above: readonly Type[]): void {
  if (above.includes(type)) throw new Error(`${type.fullName} contains itself: its reader would need a limit`);
  for (const field of type.fieldsArray) {
    const { resolvedType } = field.resolve();
    if (resolvedType instanceof protobuf.Type) requireFinite(resolvedType, [...above, type]);
  }
}

/** How a value is written and read, and what a message has without it. */
interface Kind {
  /** Of the bytes that follow the number of the field: 0 is a number, 2 has a length before it. */
  readonly wire: 0 | 2;
  readonly write: (value: string) => string;
  readonly read: string;
  readonly initial: string;
}

interface Described {
  readonly id: number;
  readonly name: string;
  readonly shape: 'one' | 'member' | 'list' | 'map';
  readonly kind: Kind;
}

/** The types whose values need no other. */
const scalars: Readonly<Record<string, Pick<Kind, 'wire' | 'initial'>>> = {
  string: { wire: 2, initial: "''" },
  bytes: { wire: 2, initial: 'noBytes' },
  bool: { wire: 0, initial: 'false' },
  uint32: { wire: 0, initial: '0' },
  int64: { wire: 0, initial: '0' },
  uint64: { wire: 0, initial: '0' },
};

function describe(field: Field, names: ReadonlyMap<Namespace, string>): Described {
  const { id, name, repeated, map, keyType, partOf } = field;
  const kind = kindOf(field, names);
  // Lists of numbers have their own form, and an entry of a map that has no number in it counts as 0.
  const isWritable = map ? keyType === 'string' && kind.initial === 'null' : !repeated || kind.wire === 2;
  if (!isWritable) throw unwritable(field);
  return { id, name, kind, shape: map ? 'map' : repeated ? 'list' : partOf ? 'member' : 'one' };
}

function kindOf(field: Field, names: ReadonlyMap<Namespace, string>): Kind {
  const { type } = field;
  const { resolvedType } = field.resolve();
  const name = resolvedType === null ? undefined : names.get(resolvedType);
  if (resolvedType instanceof protobuf.Enum) {
    const initial = JSON.stringify(nameOfZero(resolvedType));
    return { wire: 0, initial, write: (value) => `int32(numberIn(${name}, ${value}))`, read: `nameIn(${name}, r)` };
  }
  if (name !== undefined) {
    const write = (value: string) => `fork(), ${name}.write(${value}, w).ldelim()`;
    return { wire: 2, initial: 'null', write, read: `readWithin(${name}, r)` };
  }
  const scalar = scalars[type];
  if (scalar === undefined) throw unwritable(field);
  return { ...scalar, write: (value) => `${type}(${value})`, read: `r.${type}()` };
}

function unwritable({ name, type }: Field): Error {
  return new Error(`no code can be written for the field ${name} of type ${type}`);
}

function nameOfZero({ values }: Enum): string | undefined {
  return Object.keys(values).find((name) => values[name] === 0);
}

/** A message without a field has its initial value; of a oneof only the member that was sent. */
function startValues(fields: readonly Described[]): string[] {
  const initial = { list: () => '[]', map: () => '{}', one: ({ kind }: Described) => kind.initial };
  // In the order of proto-loader.
  return (['list', 'map', 'one'] as const).flatMap((shape) =>
    fields.filter((field) => field.shape === shape).map((field) => `${field.name}: ${initial[shape](field)}`),
  );
}

function writeField({ id, name, shape, kind }: Described): string {
  const [tag, field] = [`w.uint32(${(id << 3) | kind.wire})`, `value.${name}`];
  if (shape === 'list') return `for (const one of ${field} ?? []) ${tag}.${kind.write('one')};`;
  if (shape === 'map') {
    const entry = `w.fork().uint32(10).string(key).uint32(${16 | kind.wire}).${kind.write('one')}`;
    return `for (const [key, one] of Object.entries(${field} ?? {})) w.uint32(${(id << 3) | 2}), ${entry}, w.ldelim();`;
  }
  return `if (${field} != null) ${tag}.${kind.write(field)};`;
}

function readField({ name, shape, kind }: Described): string {
  if (shape === 'list') return `value.${name}.push(${kind.read});`;
  if (shape === 'map') return `readEntry(value.${name}, r, (r) => ${kind.read});`;
  return `value.${name} = ${kind.read};`;
}
