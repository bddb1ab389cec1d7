import { constants } from 'node:fs';
import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { explainErrno, Problem } from '../../core/errors.ts';
import { type JsonObject, parseJsonObject } from '../../core/json.ts';
import type { Log, RunCommand } from '../../core/ports.ts';

/** An external agent on disk, and the settings of its process. */
export interface Program {
  readonly name: string;
  readonly file: string;
  /** Its own settings, which need not exist: plugin.d/NAME. */
  readonly settings: string;
  /** A directory (mode 0700) for the files of the calls. */
  readonly scratch: string;
  readonly facts: () => Promise<JsonObject>;
  readonly run: RunCommand;
  readonly log: Log;
}

export interface ExchangeOptions {
  readonly protocol: string;
  readonly request: JsonObject;
  /** Milliseconds. */
  readonly timeout: number;
  readonly signal?: AbortSignal;
}

const largestReply = 512 * 1024;
/** Bytes and lines of each of the two outputs that reach the log. */
const loggedBytes = 16 * 1024;
const loggedLines = 50;
const mostProcesses = 256;

const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Runs an external agent once, by Choria's contract: `FILE REQUEST REPLY PROTOCOL`, the same in its environment.
 * @returns what it wrote as its reply
 * @throws Problem `agent-failed`, `timeout`, `cancelled`, `bad-reply`
 */
export async function exchange(program: Program, options: ExchangeOptions): Promise<JsonObject> {
  const directory = await mkdtemp(join(program.scratch, `${program.name}-`));
  try {
    const file = (name: string) => join(directory, name);
    const private_ = { mode: 0o600, flag: 'wx' };
    await writeFile(file('request.json'), JSON.stringify(options.request), private_);
    await writeFile(file('facts.json'), JSON.stringify(await program.facts()), private_);
    await writeFile(file('reply.json'), '', private_);
    await runProgram(program, options, directory);
    return parseJsonObject(await readReply(file('reply.json'), program.name), `the reply of the agent ${program.name}`);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runProgram(program: Program, options: ExchangeOptions, directory: string): Promise<void> {
  const { name, run } = program;
  const [request, reply] = [join(directory, 'request.json'), join(directory, 'reply.json')];
  const result = await run([program.file, request, reply, options.protocol], {
    cwd: directory,
    env: {
      PATH: path,
      CHORIA_EXTERNAL_REQUEST: request,
      CHORIA_EXTERNAL_REPLY: reply,
      CHORIA_EXTERNAL_PROTOCOL: options.protocol,
      CHORIA_EXTERNAL_CONFIG: program.settings,
      CHORIA_EXTERNAL_FACTS: join(directory, 'facts.json'),
    },
    timeout: options.timeout,
    limit: loggedBytes,
    mark: `CHORIA_EXTERNAL_REQUEST=${request}`,
    mostProcesses,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
  logLines(result.stdout, (line) => program.log.info({ agent: name }, line));
  logLines(result.stderr, (line) => program.log.error({ agent: name }, line));
  if (result.ended === 'timeout') throw new Problem('timeout', `the agent ${name} did not end in time and was killed`);
  if (result.ended === 'cancelled') throw new Problem('cancelled', `the agent ${name} was cancelled`);
  if (result.ended === 'too-many-processes') {
    throw new Problem('agent-failed', `the agent ${name} had more than ${mostProcesses} processes and was killed`);
  }
  if (result.ended !== undefined) {
    const hint =
      result.ended === 'no-resources'
        ? 'too many files are open, or too many processes run'
        : 'is it executable, and does the interpreter in its first line exist?';
    throw new Problem('agent-failed', `the agent ${name} cannot be run (${result.ended})`, hint);
  }
  if (result.code === 0) return;
  const how = result.code === null ? `was ended by ${result.signal}` : `ended with exit code ${result.code}`;
  const [lastLine = ''] = result.stderr.trim().split('\n').slice(-1);
  throw new Problem('agent-failed', `the agent ${name} ${how}${lastLine === '' ? '' : `: ${lastLine.slice(0, 500)}`}`);
}

function logLines(text: string, log: (line: string) => void): void {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  for (const line of lines.slice(0, loggedLines)) log(line.slice(0, 1000));
  if (lines.length > loggedLines) log(`(${lines.length - loggedLines} more lines are left out)`);
}

/** Links and pipes that the agent may have put in its place are not read. */
async function readReply(file: string, name: string): Promise<Buffer> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const handle = await open(file, flags).catch((cause: unknown) => {
    throw new Problem('bad-reply', `the reply of the agent ${name} cannot be read: ${explainErrno(cause)}`, '', {
      cause,
    });
  });
  try {
    const found = await handle.stat();
    if (!found.isFile()) throw new Problem('bad-reply', `the agent ${name} left a reply that is not a regular file`);
    if (found.size === 0) throw new Problem('bad-reply', `the agent ${name} wrote no reply`);
    if (found.size > largestReply) {
      throw new Problem('bad-reply', `the reply of the agent ${name} is larger than ${largestReply} bytes`);
    }
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}
