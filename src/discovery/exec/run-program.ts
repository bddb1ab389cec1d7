import { explainErrno, Problem } from '../../core/errors.ts';
import { startProgram } from '../../core/host/start-program.ts';
import { printableLine } from '../../core/text.ts';
import type { SettingsPlace } from '../sections/place.ts';

/** The maximum bytes of standard output. */
const largest = 16 * 1024 * 1024;
const largestComplaint = 4096;

/**
 * Runs a program without a shell and in its own process group, with a line on its standard input.
 * @param limit milliseconds; the whole group is killed then
 * @returns its standard output
 * @throws Problem `source-failed`: it cannot be started, exits with another code than 0, writes too much or takes too
 * long
 */
export function runProgram(
  [program = '', ...args]: readonly string[],
  input: string,
  limit: number,
  place: SettingsPlace,
  signal: AbortSignal,
): Promise<string> {
  signal.throwIfAborted();
  const { PATH = '/usr/bin:/bin', HOME = '/' } = process.env;
  const child = startProgram(program, args, { env: { PATH, HOME }, stdio: ['pipe', 'pipe', 'pipe'] });
  const failed = (why: string, cause?: unknown) => {
    const hint = `run it by hand; it is ${place('exec.command')}`;
    return new Problem('source-failed', `the discovery program ${program} ${why}`, hint, { cause });
  };
  const notStarted = (error: Error) => failed(`can't be started: ${explainErrno(error)}`, error);
  if (child instanceof Error) return Promise.reject(notStarted(child));
  return new Promise((resolve, reject) => {
    const fail = (why: string) => {
      end();
      reject(failed(why));
    };
    const cancel = () => {
      end();
      reject(new Problem('cancelled', `the discovery program ${program} was stopped`));
    };
    const timer = setTimeout(() => fail(`did not end within ${limit / 1000} s`), limit);
    signal.addEventListener('abort', cancel);
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', cancel);
      killGroup(child.pid);
    };
    const [out, complaints]: [Buffer[], Buffer[]] = [[], []];
    let [size, complained] = [0, 0];
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > largest) fail(`wrote more than ${largest} bytes`);
      else out.push(chunk);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (complained < largestComplaint) complaints.push(chunk);
      complained += chunk.length;
    });
    child.on('error', (error) => {
      end();
      reject(notStarted(error));
    });
    child.on('close', (code, killedBy) => {
      if (code !== 0) return fail(`ended with ${killedBy ?? `exit code ${code}`}${firstLine(complaints)}`);
      end();
      resolve(Buffer.concat(out).toString('utf8'));
    });
    // A program may ignore its request.
    child.stdin.on('error', () => {});
    child.stdin.end(input);
  });
}

function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/** For the end of a message: the first line of standard error, if there is one. */
function firstLine(complaints: readonly Buffer[]): string {
  const [complaint = ''] = Buffer.concat(complaints).toString().split('\n');
  return complaint === '' ? '' : `: ${printableLine(complaint).slice(0, 200)}`;
}
