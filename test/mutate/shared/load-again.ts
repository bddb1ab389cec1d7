import { readFileSync } from 'node:fs';
import { registerHooks, stripTypeScriptTypes } from 'node:module';
import { fileURLToPath } from 'node:url';

const mark = '?again=';

/**
 * Makes the process load some files again whenever it is asked, though it has loaded them before, and the rest once.
 * @param standIn the URL of what is loaded for node:test
 */
export function startLoadingAgain(standIn: string): (files: ReadonlySet<string>) => void {
  let [again, times] = [new Set<string>() as ReadonlySet<string>, 0];
  const known = new Map<string, { readonly text: string; readonly code: string }>();
  registerHooks({
    resolve: (specifier, context, next) => {
      if (specifier === 'node:test' && context.parentURL !== standIn) return next(standIn, context);
      const found = next(specifier, context);
      const plain = found.url.split(mark)[0] ?? '';
      return again.has(plain) ? { ...found, url: `${plain}${mark}${times}` } : found;
    },
    load: (url, context, next) => {
      if (!url.includes(mark)) return next(url, context);
      const path = fileURLToPath(url.split(mark)[0] ?? '');
      const text = readFileSync(path, 'utf8');
      const before = known.get(path);
      const code = before?.text === text ? before.code : stripTypeScriptTypes(text);
      known.set(path, { text, code });
      return { format: 'module', source: code, shortCircuit: true };
    },
  });
  return (files) => {
    [again, times] = [files, times + 1];
  };
}
