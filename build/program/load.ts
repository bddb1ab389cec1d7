import { Script } from 'node:vm';

/** A part of the program: its source (see `wrap`), and V8's code for it where there is some. */
export interface Part {
  readonly source: string;
  readonly code: Buffer | undefined;
}

type Require = (name: string) => unknown;
/** What the source of a part is, run: see `wrap`. */
export type Wrapped = (exports: object, require: Require, module: { exports: object }) => void;

/** The part that holds all others that every start loads: one script is read and checked faster than a hundred. */
export const startPart = 'start';

/** The source of {@link startPart}: an object with the functions of its parts, by their file names. @param parts wrapped sources */
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
  read: (name: string) => Part | undefined,
  requireBuiltIn: Require,
  compiled: (name: string, script: Script) => void = () => {},
): Require {
  const modules = new Map<string, { exports: object }>();
  let together: Readonly<Record<string, Wrapped>> | undefined;
  const compile = (name: string, part: Part): unknown => {
    const cachedData = part.code === undefined ? {} : { cachedData: part.code };
    const script = new Script(part.source, { filename: `mco-deploy/${name}`, ...cachedData });
    compiled(name, script);
    return script.runInThisContext();
  };
  const find = (name: string): Wrapped | undefined => {
    if (together === undefined) {
      const start = read(startPart);
      together = start === undefined ? {} : (compile(startPart, start) as Record<string, Wrapped>);
    }
    if (Object.hasOwn(together, name)) return together[name];
    const part = read(name);
    return part === undefined ? undefined : (compile(name, part) as Wrapped);
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
