import { Script } from 'node:vm';

/** A part of the program: its source (see `wrap`), and V8's code for it where there is some. */
export interface Part {
  readonly source: string;
  readonly code: Buffer | undefined;
}

type Require = (name: string) => unknown;
/** The function that a part's source evaluates to: see `wrap`. */
export type Wrapped = (exports: object, require: Require, module: { exports: object }) => void;

/** A part that lies in another one, together with those that are loaded at the same time: one script is read and checked faster than a hundred. */
export interface Member {
  readonly group: string;
}

/** The source of a group: an object with the functions of its parts, by their file names. @param parts wrapped sources */
export function joinParts(parts: ReadonlyMap<string, string>): string {
  return `({${[...parts].map(([name, source]) => `${JSON.stringify(name)}:${source}`).join(',\n')}})`;
}

/** The source of a CommonJS file as the expression of a function, which is what a `Part` holds. */
export function wrap(source: string): string {
  return `(function (exports, require, module) {${source}\n})`;
}

/**
 * A `require` for a program in parts: a part is compiled and run when it is first requested.
 * @param read finds a part by its file name; undefined for other modules, which Node loads
 * @param compiled called for each part that was compiled
 */
export function defineRequire(
  read: (name: string) => Part | Member | undefined,
  requireBuiltIn: Require,
  compiled: (name: string, script: Script) => void = () => {},
): Require {
  const modules = new Map<string, { exports: object }>();
  const groups = new Map<string, Readonly<Record<string, Wrapped>>>();
  const compile = (name: string, { source, code }: Part): unknown => {
    const cachedData = code === undefined ? {} : { cachedData: code };
    const script = new Script(source, { filename: `mco-deploy/${name}`, ...cachedData });
    compiled(name, script);
    return script.runInThisContext();
  };
  const groupOf = (name: string): Readonly<Record<string, Wrapped>> => {
    const known = groups.get(name);
    if (known !== undefined) return known;
    const group = compile(name, read(name) as Part) as Readonly<Record<string, Wrapped>>;
    groups.set(name, group);
    return group;
  };
  const find = (name: string): Wrapped | undefined => {
    const part = read(name);
    if (part === undefined) return undefined;
    return 'group' in part ? groupOf(part.group)[name] : (compile(name, part) as Wrapped);
  };
  return function requirePart(id) {
    const name = id.startsWith('./') ? id.slice(2) : id;
    const known = modules.get(name);
    if (known !== undefined) return known.exports;
    const run = find(name);
    if (run === undefined) return requireBuiltIn(id);
    const module = { exports: {} };
    modules.set(name, module);
    run(module.exports, requirePart, module);
    return module.exports;
  };
}
