import { oneOf } from '../points.ts';
import { type FileCall, watchFileCalls } from './file-calls.ts';

/** The errors of a disk, in turn. */
const diskErrors = ['EROFS', 'EACCES', 'ENOSPC', 'EDQUOT', 'EMFILE', 'EIO'] as const;

const syscalls: Readonly<Record<string, string>> = {
  writeFile: 'write',
  appendFile: 'write',
  readFile: 'open',
  readFileSync: 'open',
  openSync: 'open',
  renameSync: 'rename',
  rmSync: 'unlink',
  readdirSync: 'scandir',
  readdir: 'scandir',
  sync: 'fsync',
  datasync: 'fdatasync',
  truncate: 'ftruncate',
};

/** An error as Node makes it. */
function systemError(code: string, name: string, path: string): NodeJS.ErrnoException {
  const syscall = syscalls[name] ?? name;
  return Object.assign(new Error(`${code}: injected, ${syscall} '${path}'`), { code, syscall, path, errno: -5 });
}

export interface Injected {
  readonly code: string;
  /** The call that failed: its name and path. */
  readonly where: string;
}

/**
 * Runs a work once for its calls of the file system below a directory (each, or some of them), which fails then, and calls
 * after it do not. Over all runs, each error comes in turn. In the last run nothing fails.
 * @param prepare runs before each
 * @param every 1: each call; 5: each fifth one, where every point of a matrix is tried
 * @param sync whether calls that do not wait (`readFileSync`) fail, too
 */
export async function failEachCall(
  root: string,
  prepare: () => Promise<void>,
  work: () => Promise<unknown>,
  check: (outcome: { readonly error?: unknown; readonly value?: unknown }, injected: Injected) => void | Promise<void>,
  every = 1,
  { sync = false } = {},
): Promise<number> {
  let tried = 0;
  for (let runs = 0; ; runs++) {
    await prepare();
    let seen = 0;
    let injected: Injected | undefined;
    let outcome: { error?: unknown; value?: unknown };
    {
      const errorOf = (call: FileCall) => {
        if (seen++ !== tried) return undefined;
        const code = diskErrors[runs % diskErrors.length] ?? 'EIO';
        injected = { code, where: `${code} at ${call.name} ${call.path}` };
        return systemError(code, call.name, call.path);
      };
      using _watch = watchFileCalls(
        root,
        (call, _args, real) => {
          const error = errorOf(call);
          return error === undefined ? real() : Promise.reject(error);
        },
        (call) => {
          const error = sync ? errorOf(call) : undefined;
          if (error !== undefined) throw error;
        },
      );
      outcome = await work().then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
    }
    await check(outcome, injected ?? { code: '', where: 'no call' });
    if (injected === undefined) return tried;
    tried += every * oneOf;
  }
}
