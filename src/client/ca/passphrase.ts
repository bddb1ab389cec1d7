import { stat } from 'node:fs/promises';
import type { ReadStream } from 'node:tty';
import { explainErrno, Problem } from '../../core/errors.ts';
import { decodeText } from '../../core/files/decode.ts';
import { readInput } from '../../core/files/read-input.ts';
import type { CliContext } from '../cli/context.ts';
import type { CaOptions } from './options.ts';

const variable = 'MCO_DEPLOY_CA_PASSPHRASE';
const longest = 1024;

/**
 * The passphrase from a file or the environment; undefined without either.
 * @throws Problem `unreadable-file`, `bad-passphrase`
 */
export async function readPassphrase(options: CaOptions, context: CliContext): Promise<string | undefined> {
  if (options.passphraseFile !== undefined) return fromFile(options.passphraseFile, context);
  const known = context.env[variable];
  return known === undefined || known === '' ? undefined : known;
}

/** The passphrase of a key that is encrypted. @throws Problem `passphrase-needed`, `cancelled`, as {@link readPassphrase} */
export async function neededPassphrase(options: CaOptions, context: CliContext): Promise<string> {
  return (await readPassphrase(options, context)) ?? ask('passphrase of the CA key: ', context);
}

/**
 * Empty, for a key that is not encrypted. Who names a file takes the key for encrypted: the file is read all the same,
 * so that a name that is wrong shows now, and not when the key is encrypted one day.
 * @throws Problem as {@link readPassphrase}
 */
export async function noPassphrase(options: CaOptions, context: CliContext): Promise<string> {
  if (options.passphraseFile === undefined) return '';
  await fromFile(options.passphraseFile, context);
  context.err('warning: the CA key is not encrypted: anyone who can read it can use it, without the passphrase');
  return '';
}

/** A new passphrase, asked for twice. @throws Problem `bad-passphrase` when they differ or there is none */
export async function newPassphrase(options: CaOptions, context: CliContext): Promise<string> {
  const known = await readPassphrase(options, context);
  if (known !== undefined) return known;
  const first = await ask('new passphrase for the CA key: ', context);
  if (first === '') throw new Problem('bad-passphrase', 'an empty passphrase protects nothing');
  if ((await ask('type it again: ', context)) !== first) {
    throw new Problem('bad-passphrase', 'the two passphrases differ', 'begin again');
  }
  return first;
}

async function fromFile(file: string, context: CliContext): Promise<string> {
  let text: string;
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) context.err(`warning: other users can read the passphrase file ${file}: chmod 600 it`);
    text = decodeText(await readInput(file));
  } catch (cause) {
    throw new Problem('unreadable-file', `the passphrase file ${file} cannot be read: ${explainErrno(cause)}`, '', {
      cause,
    });
  }
  const [line = ''] = text.split(/\r?\n/, 1);
  if (line !== '' && line.length <= longest) return line;
  throw new Problem(
    'bad-passphrase',
    `the first line of ${file} is not a passphrase`,
    'put the passphrase in its first line',
  );
}

async function ask(prompt: string, { stdin, err, signal }: CliContext): Promise<string> {
  if (!stdin.isTTY) {
    const hint = `pass it with --passphrase-file or in ${variable}`;
    throw new Problem('passphrase-needed', 'the CA key needs a passphrase, and there is no terminal to ask on', hint);
  }
  return readHidden(stdin as ReadStream, signal, () => err(prompt));
}

/** Reads one line from a terminal without echo. */
function readHidden(terminal: ReadStream, signal: AbortSignal, prompt: () => void): Promise<string> {
  return new Promise((resolve, reject) => {
    let line = '';
    const finish = (settle: () => void) => {
      terminal.off('data', onData);
      signal.removeEventListener('abort', interrupt);
      terminal.setRawMode(false);
      terminal.pause();
      settle();
    };
    const interrupt = () => finish(() => reject(new Problem('cancelled', 'no passphrase was given')));
    const onData = (chunk: Buffer | string) => {
      for (const key of String(chunk)) {
        if (key === '\r' || key === '\n') return finish(() => resolve(line));
        if (key === '\x04') return interrupt();
        // A raw terminal sends no signal; the program receives it as if it had, and the signal ends this too.
        if (key === '\x03') return void process.kill(process.pid, 'SIGINT');
        line = key === '\x7f' || key === '\b' ? [...line].slice(0, -1).join('') : `${line}${key}`.slice(0, longest);
      }
    };
    terminal.setRawMode(true);
    terminal.on('data', onData);
    terminal.resume();
    signal.addEventListener('abort', interrupt);
    if (signal.aborted) interrupt();
    else prompt();
  });
}
