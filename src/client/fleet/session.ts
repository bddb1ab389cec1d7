import { readInputList } from '../../discovery/stdin/read.ts';
import { openSession as openFleetSession, type Session, type SessionOptions } from '../../library/fleet/session.ts';
import type { Environment } from '../../library/fleet/environment.ts';
import type { CliContext } from '../cli/context.ts';
import { startLive } from '../render/live/live.ts';
import { startWaiting } from '../render/live/waiting.ts';
import { noticeMany } from './notice-many.ts';

export type { FindSettings, Session, SessionOptions } from '../../library/fleet/session.ts';

/**
 * A session of the library for a command. @throws Problem when the operator's configuration or certificate cannot be
 * used
 */
export function openSession(options: SessionOptions, context: CliContext): Promise<Session> {
  return openFleetSession(options, environmentOf(context));
}

/** A command's streams and signals in the form of the library. */
export function environmentOf(context: CliContext): Environment {
  return {
    env: context.env,
    get signal() {
      return context.signal;
    },
    get hasInput() {
      return context.hasInput === true;
    },
    warn: (message) => context.err(`warning: ${message}`),
    list: () => listOn(context)(),
    waiting: () => noticeMany(startWaiting(context), context.onMany),
    begin: (title, total) => startLive(context).begin(title, total),
    onChange: () => context.keepExitCode?.(),
  };
}

/** Standard input can be read once, and a run has several sets of nodes. */
const lists = new WeakMap<object, () => Promise<string>>();

function listOn({ stdin, err, signal }: CliContext): () => Promise<string> {
  const known = lists.get(stdin);
  if (known !== undefined) return known;
  let text: Promise<string> | undefined;
  const read = () => (text ??= readInputList(stdin, () => err(waiting), signal));
  lists.set(stdin, read);
  return read;
}

const waiting =
  'waiting for the end of the list of nodes on standard input (without a list, start the command with </dev/null)';
