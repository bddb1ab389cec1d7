/** One line of a run's journal as nodes store it: signed by the operator whose program wrote it. */
import { createHash } from 'node:crypto';
import { sign, chainOf, type Credentials } from '../credentials/signature.ts';
import { Problem } from '../errors.ts';
import { isObject, type JsonObject, parseJsonObject } from '../json.ts';

/** In the form that is sent and stored. */
export interface JournalLine {
  /** JSON of a {@link LineContent}: exactly these bytes (UTF-8) are signed. */
  readonly text: string;
  /** Base64, over the context `journal-line` and the text. */
  readonly signature: string;
}

export interface LineContent {
  /** 32 hex digits. */
  readonly run: string;
  /** From 1, without a gap. */
  readonly sequence: number;
  /** {@link hashText} of the line before; empty for the first. */
  readonly previous: string;
  /** Where the run stores its journal; only in the first line. */
  readonly stored?: StoredOn;
  /**
   * The certificate that signs from here on and its issuers (DER, Base64); omitted where the line before has the same
   * signer.
   */
  readonly chain?: readonly string[];
  readonly entry: JsonObject;
}

export interface StoredOn {
  /** The lease under which lines are appended. */
  readonly lease: string;
  /** The nodes that store it; a majority of them has each line before the run makes the change in it. */
  readonly holders: readonly string[];
}

/** A position in a chain of lines. */
export interface JournalEnd {
  /** Of the last line; 0 before the first. */
  readonly sequence: number;
  /** {@link hashText} of the last line; empty before the first. */
  readonly hash: string;
}

export const journalStart: JournalEnd = Object.freeze({ sequence: 0, hash: '' });

/** The maximum number of nodes that store a journal. */
export const mostHolders = 5;

/** SHA-256 (hex) of a line's text. */
export function hashText(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function sealLine(content: LineContent, { key }: Pick<Credentials, 'key'>): JournalLine {
  const text = JSON.stringify(content);
  return { text, signature: sign('journal-line', Buffer.from(text), key).toString('base64') };
}

/** The certificates of a signer, as its first line carries them. */
export function encodeChain(credentials: Credentials): string[] {
  return chainOf(credentials).map((raw) => raw.toString('base64'));
}

/** The content of a line; its signature is not checked. @throws Problem `bad-journal` */
export function readLine({ text }: Pick<JournalLine, 'text'>): LineContent {
  const value = parseText(text);
  const { run, sequence, previous, stored, chain, entry } = value;
  const isRight =
    typeof run === 'string' &&
    /^[0-9a-f]{32}$/.test(run) &&
    Number.isSafeInteger(sequence) &&
    (sequence as number) > 0 &&
    typeof previous === 'string' &&
    /^([0-9a-f]{64})?$/.test(previous) &&
    (stored === undefined) === (sequence as number) > 1 &&
    (stored === undefined || isStored(stored)) &&
    (chain === undefined || areTexts(chain)) &&
    isObject(entry) &&
    typeof entry.type === 'string' &&
    typeof entry.at === 'number';
  if (!isRight) throw new Problem('bad-journal', 'a line of the journal is not what a run writes');
  return value as unknown as LineContent;
}

function parseText(text: string): JsonObject {
  try {
    return parseJsonObject(text, 'the line');
  } catch (cause) {
    throw new Problem('bad-journal', 'a line of the journal is not JSON', '', { cause });
  }
}

function isStored(value: unknown): boolean {
  if (!isObject(value) || typeof value.lease !== 'string' || !areTexts(value.holders)) return false;
  const { length } = value.holders as readonly string[];
  return length > 0 && length <= mostHolders;
}

function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/**
 * Checks that lines continue a journal: numbers without a gap, each naming the one before. Signatures are not checked.
 * @returns the position after them @throws Problem `bad-journal`
 */
export function followLines(run: string, end: JournalEnd, lines: readonly Pick<JournalLine, 'text'>[]): JournalEnd {
  return lines.reduce((before, line) => {
    const content = readLine(line);
    if (content.run !== run) throw new Problem('bad-journal', `the line is of the run ${content.run}, not of ${run}`);
    if (content.sequence !== before.sequence + 1 || content.previous !== before.hash) {
      throw new Problem('bad-journal', `line ${content.sequence} does not continue line ${before.sequence}`);
    }
    return { sequence: content.sequence, hash: hashText(line.text) };
  }, end);
}
