import { startProgram } from '../../core/host/start-program.ts';
import { connect } from 'node:net';
import { isSea } from 'node:sea';
import { errnoOf, Problem } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { decodeReply, encodeMessage, type HelperMessage } from '../../core/node-files/message.ts';

export interface HelperLocation {
  /** Its socket. */
  readonly socket: string;
  /** The directory of the configuration. */
  readonly directory: string;
}

/** Milliseconds for the helper to reply: it writes some files. */
const patience = 30_000;
const largestReply = 64 * 1024;

/** Calls the helper. @throws Problem from its reply; `no-helper` if there is none */
export async function callHelper(message: HelperMessage, location: HelperLocation): Promise<JsonObject> {
  const text = encodeMessage(message);
  const line = (await overSocket(text, location.socket)) ?? (await asChild(text, location));
  return decodeReply(line);
}

/** @returns undefined if nothing listens there */
function overSocket(text: string, path: string): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    let reply = '';
    socket.setTimeout(patience, () => socket.destroy());
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(text));
    socket.on('data', (part: string) => {
      reply += part;
      if (reply.includes('\n') || reply.length > largestReply) socket.end();
    });
    socket.on('error', (error) => {
      if (['ENOENT', 'ECONNREFUSED'].includes(errnoOf(error))) resolve(undefined);
      else reject(unreachable(`${path} cannot be used`, error));
    });
    socket.on('close', () => resolve(reply));
  });
}

/** A daemon that runs as root needs no other rights: the helper is still a separate process, which outlives it. */
function asChild(text: string, { directory, socket }: HelperLocation): Promise<string> {
  if (process.getuid?.() !== 0) throw unreachable(`nothing listens on ${socket}`);
  const own = isSea() ? [] : [...process.execArgv, process.argv[1] ?? ''];
  const words = [...own, 'config-helper', '--directory', directory];
  const child = startProgram(process.execPath, words, { stdio: ['pipe', 'pipe', 'ignore'] });
  if (child instanceof Error) return Promise.reject(unreachable('the helper cannot be started', child));
  return new Promise((resolve, reject) => {
    let reply = '';
    const timer = setTimeout(() => child.stdout.destroy(), patience);
    child.on('error', (error) => reject(unreachable('the helper cannot be started', error)));
    child.stdin.on('error', () => {});
    child.stdin.end(text);
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (part: string) => {
      reply += part;
    });
    child.stdout.on('close', () => {
      clearTimeout(timer);
      child.unref();
      resolve(reply);
    });
  });
}

function unreachable(what: string, cause?: unknown): Problem {
  const hint = 'start it: systemctl start mco-deploy-config.socket; or apply over ssh: --ssh';
  return new Problem('no-helper', `the files cannot be changed: ${what}`, hint, { cause });
}
