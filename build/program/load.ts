import { Script } from 'node:vm';

/** A part of the program: its source (see `wrap`), and V8's code for it where there is some. */
export interface Part {
  readonly source: string;
  readonly code: Buffer | undefined;
}

type Require = (name: string) => unknown;
/** What the source of a part is, run: see `wrap`. */
export type Wrapped = (exports: object, require: Require, module: { exports: object }) => void;

/** The source of a CommonJS file as the expression of a function, which is what a `Part` holds. */
export function wrap(source: string): string {
  return `(function (exports, require, module) {${source}\n})`;
}

/**
 * A `require` for a program in parts: a part is compiled and run when it is first asked for.
 * @param read finds a part by its file name; undefined for what is not one, which Node is asked for
 * @param compiled is told of each part that was compiled
 */
export function defineRequire(
  read: (name: string) => Part | undefined,
  requireBuiltIn: Require,
  compiled: (name: string, script: Script) => void = () => {},
): Require {
  const modules = new Map<string, { exports: object }>();
  return function requirePart(id) {
    const name = id.startsWith('./') ? id.slice(2) : id;
    const known = modules.get(name);
    if (known !== undefined) return known.exports;
    const part = read(name);
    if (part === undefined) return requireBuiltIn(id);
    const cachedData = part.code === undefined ? {} : { cachedData: part.code };
    const script = new Script(part.source, { filename: `mco-deploy/${name}`, ...cachedData });
    compiled(name, script);
    const module = { exports: {} };
    modules.set(name, module);
    (script.runInThisContext() as Wrapped)(module.exports, requirePart, module);
    return module.exports;
  };
}
