import { watch } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { controlHost } from '../estate.ts';
import { homeOf } from '../files/control.ts';
import { deployer } from '../files/node.ts';
import type { Lab } from '../lab.ts';
import { type LogLine, logOf, waitForLines } from '../log.ts';
import type { ExecResult } from '../network/enter.ts';

const directory = `${homeOf(deployer)}/.local/state/mco-deploy/runs`;

/** A run under way on the control host, which a test stops at an exact place of its journal. */
export interface LabRun {
  readonly id: string;
  /** The first entry of its journal that is meant, once it is written. */
  readonly until: (find: (entry: LogLine) => boolean) => Promise<LogLine>;
  /** The entries of its journal so far. */
  readonly entries: () => Promise<LogLine[]>;
  /** SIGKILL. */
  readonly kill: () => void;
  /** SIGINT, as Ctrl-C sends it; resolves when the client says that it stops. */
  readonly interrupt: () => Promise<void>;
  /** A second one: of two that come before the first was heeded, the kernel makes one. */
  readonly interruptAgain: () => void;
  readonly ended: Promise<ExecResult>;
}

/** Begins a run; resolves when its journal is there. */
export async function startRun(lab: Lab, argv: readonly string[]): Promise<LabRun> {
  const place = lab.path(controlHost.name, directory);
  await mkdir(place, { recursive: true });
  const before = await readdir(place);
  const command = startCommand(lab, argv);
  const file = await Promise.race([newFile(place, before), command.ended.then(failed)]);
  return runOf(lab, file.replace('.jsonl', ''), command);
}

/** Resumes a run, whose journal is there. */
export function startResume(lab: Lab, id: string): LabRun {
  return runOf(lab, id, startCommand(lab, ['resume', id]));
}

type Command = Pick<LabRun, 'kill' | 'interrupt' | 'interruptAgain' | 'ended'>;

function startCommand(lab: Lab, argv: readonly string[]): Command {
  const kill = new AbortController();
  const [first, second] = [new AbortController(), new AbortController()];
  const stopping = Promise.withResolvers<void>();
  let said = '';
  const onStderr = (text: string) => {
    said += text;
    if (said.includes('stopping after the current batch')) stopping.resolve();
  };
  const ended = lab.client(argv, { kill: kill.signal, signals: [first.signal, second.signal], onStderr });
  return {
    kill: () => kill.abort(),
    interrupt: async () => {
      first.abort();
      await Promise.race([stopping.promise, ended]);
    },
    interruptAgain: () => second.abort(),
    ended,
  };
}

function runOf(lab: Lab, id: string, command: Command): LabRun {
  const log = logOf(lab.state, controlHost.name, join(directory, `${id}.jsonl`));
  return {
    id,
    until: (find) => waitForLines(log, (lines) => lines.find(find)),
    entries: () => log.lines(0),
    ...command,
  };
}

function failed({ stdout, stderr }: ExecResult): never {
  throw new Error(`the run ended before it began: ${stdout}${stderr}`);
}

async function newFile(place: string, before: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const look = () => {
    readdir(place).then((files) => {
      const found = files.find((file) => !before.includes(file));
      if (found !== undefined) resolve(found);
    }, reject);
  };
  const watcher = watch(place, look);
  look();
  return await promise.finally(() => watcher.close());
}
