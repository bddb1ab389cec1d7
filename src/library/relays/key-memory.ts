import { createHmac, hkdfSync, type KeyObject, timingSafeEqual } from 'node:crypto';
import { once } from '../../core/waiting/concurrency.ts';
import { type ReadFile, readToMerge, replaceAtOnce } from '../../core/files/at-once.ts';
import type { SignedKey } from '../../core/wire/messages.ts';

/** A node's encryption key, as the node signed it, and as an earlier command received and proved it. */
export interface RememberedKey {
  readonly signed: SignedKey;
  /** SHA-256 fingerprints (hex) of the CA certificates whose signature on the node's certificate was checked. */
  readonly issuers: readonly string[];
  /** The relay of the client that the node replied over, and all relays on the way. */
  readonly relay: string;
  readonly path: readonly string[];
}

/**
 * The keys of nodes that replied to earlier commands over relays. It remembers that signatures were checked, and no
 * decision: dates, revocation, kind, realm and the trusted CAs are those of each command.
 */
export interface KeyMemory {
  readonly recall: (node: string) => RememberedKey | undefined;
  /** Whether this very key, with this signature and certificate, was proven before. */
  readonly holds: (node: string, signed: SignedKey) => RememberedKey | undefined;
  readonly learn: (node: string, key: RememberedKey) => void;
  /** Writes new keys, with those that other clients wrote meanwhile. A memory that cannot be written is not kept. */
  readonly save: () => Promise<void>;
}

/** Beyond these the oldest are dropped. */
const mostNodes = 20_000;
const heading = 'mco-deploy keys 1';

/**
 * Opens the memory. The file is authenticated with a key that only the holder of the operator's key can derive: what
 * was changed, damaged or written for another operator is ignored as a whole.
 * @param operatorKey the operator's private key
 */
export function openKeyMemory(file: string, operatorKey: () => KeyObject): KeyMemory {
  const known = once(() => readLines(file, operatorKey));
  const lines = () => known().lines;
  const fresh = new Map<string, string>();
  // Parsed again each time: of thousands of nodes, no more than their lines is kept.
  const recall = (node: string) => parseLine(fresh.get(node) ?? lines().get(node));
  return {
    recall,
    holds: (node, signed) => {
      const held = recall(node);
      return held !== undefined && isSameKey(held.signed, signed) ? held : undefined;
    },
    learn: (node, key) => {
      const line = formatLine(node, key);
      if (line !== lines().get(node)) fresh.set(node, line);
    },
    save: async () => {
      if (fresh.size === 0) return;
      // Read again only if another client has written meanwhile.
      const all = known().isCurrent() ? lines() : readLines(file, operatorKey).lines;
      for (const [node, line] of fresh) {
        // The newest last.
        all.delete(node);
        all.set(node, line);
      }
      const body = [...all.values()].slice(-mostNodes).join('\n');
      const text = `${heading} ${authenticate(body, operatorKey()).toString('hex')}\n${body}\n`;
      // What cannot be remembered is proven again by the next command.
      await replaceAtOnce(file, text, { sync: false }).catch(() => {});
    },
  };
}

/** Without a memory, every key is proven. */
export const noKeyMemory: KeyMemory = {
  recall: () => undefined,
  holds: () => undefined,
  learn: () => {},
  save: async () => {},
};

/** Whether both are the same bytes. */
function isSameKey(one: SignedKey, other: SignedKey): boolean {
  const isSame = (part: Buffer, index: number) => other.chain[index]?.equals(part) === true;
  if (!one.key.equals(other.key) || !one.signature.equals(other.signature)) return false;
  return one.chain.length === other.chain.length && one.chain.every(isSame);
}

/** The line of each node, which begins with its name. Lines are parsed only when a node is needed. */
function readLines(
  file: string,
  operatorKey: () => KeyObject,
): { lines: Map<string, string>; isCurrent: () => boolean } {
  const { text, isCurrent } = readIfPossible(file);
  const body = bodyOf(text, operatorKey);
  const lines = body === undefined || body === '' ? [] : body.split('\n');
  return { lines: new Map(lines.map((line) => [line.slice(0, line.indexOf(' ')), line])), isCurrent };
}

function readIfPossible(file: string): ReadFile {
  try {
    return readToMerge(file);
  } catch {
    return { text: undefined, isCurrent: () => false };
  }
}

function bodyOf(text: string | undefined, operatorKey: () => KeyObject): string | undefined {
  const end = text?.indexOf('\n') ?? -1;
  if (text === undefined || end < 0 || !text.startsWith(`${heading} `) || !text.endsWith('\n')) return undefined;
  const body = text.slice(end + 1, -1);
  const [claimed, own] = [text.slice(heading.length + 1, end), authenticate(body, operatorKey())];
  const given = Buffer.from(claimed, 'hex');
  return given.length === own.length && timingSafeEqual(given, own) ? body : undefined;
}

/**
 * HMAC with SHA-256 (RFC 2104), by a key that HKDF (RFC 5869) derives from the operator's private key: from its numbers
 * (RFC 7517), which OpenSSL gives sooner than the same in DER.
 */
function authenticate(body: string, operatorKey: KeyObject): Buffer {
  const secret = JSON.stringify(operatorKey.export({ format: 'jwk' }));
  const key = hkdfSync('sha256', secret, '', 'mco-deploy/1/remembered-keys', 32);
  return createHmac('sha256', Buffer.from(key)).update(body).digest();
}

/** The node's name, then what is remembered of it as JSON, with bytes in Base64. */
function formatLine(node: string, { signed, ...way }: RememberedKey): string {
  const bytes = (part: Uint8Array) => Buffer.from(part).toString('base64');
  const { key, signature, chain } = signed;
  return `${node} ${JSON.stringify({ ...way, key: bytes(key), signature: bytes(signature), chain: chain.map(bytes) })}`;
}

/** @param line as {@link formatLine} made it: the file is authenticated */
function parseLine(line: string | undefined): RememberedKey | undefined {
  if (line === undefined) return undefined;
  const { key, signature, chain, ...way } = JSON.parse(line.slice(line.indexOf(' ') + 1)) as Line;
  const bytes = (text: string) => Buffer.from(text, 'base64');
  return { ...way, signed: { key: bytes(key), signature: bytes(signature), chain: chain.map(bytes) } };
}

interface Line extends Omit<RememberedKey, 'signed'> {
  readonly key: string;
  readonly signature: string;
  readonly chain: readonly string[];
}
