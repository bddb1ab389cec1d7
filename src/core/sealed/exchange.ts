import { createHash, type KeyObject } from 'node:crypto';
import { Problem } from '../errors.ts';
import { envelopeCodec, envelopeReplyCodec } from '../wire/codec.ts';
import type { Envelope, EnvelopeReply, SealedEvent, SealedRequest } from '../wire/messages.ts';
import { decrypt, deriveKey, encrypt, isSalt, keyIdOf, makeSalt } from './box.ts';
import type { KeyPair } from './encryption-key.ts';

/** The caller's side of one sealed request. */
export interface CallerExchange {
  readonly request: SealedRequest;
  /**
   * Opens the next part of the reply.
   * @throws Problem `bad-seal` unless it is the next part, as the target sealed it
   */
  readonly open: (event: SealedEvent) => EnvelopeReply;
}

/** The target's side of one sealed request. */
export interface TargetExchange {
  readonly envelope: Envelope;
  readonly seal: (reply: EnvelopeReply, last: boolean) => SealedEvent;
}

/** Seals a request to a node. @param targetKey proven by {@link openKey} */
export function sealTo(target: string, targetKey: Uint8Array, own: KeyPair, envelope: Envelope): CallerExchange {
  const secret = own.secretWith(targetKey);
  const salt = makeSalt();
  const parties = [own.publicKey, targetKey];
  const header = { keyId: keyIdOf(targetKey), ephemeral: own.publicKey, salt };
  const key = deriveKey(secret, 'request', [salt], parties);
  const request = {
    ...header,
    ciphertext: encrypt(key, 0, requestContext(target, header), envelopeCodec.encode(envelope)),
  };
  const digest = digestOf(request);
  let replyKey: KeyObject | undefined;
  let expected = 0;
  return {
    request,
    open: (event) => {
      if (event.sequence !== expected) throw new Problem('bad-seal', 'a part of the reply is out of order');
      if (expected === 0 && !isSalt(event.salt)) throw new Problem('bad-seal', 'the reply has no salt');
      const using = replyKey ?? deriveKey(secret, 'reply', [salt, event.salt], parties);
      const plain = decrypt(using, expected, replyContext(digest, event.last), event.ciphertext);
      // Replaced only by a valid part: a forged one must not keep the real one from being opened.
      replyKey = using;
      expected++;
      return envelopeReplyCodec.decode(plain);
    },
  };
}

/**
 * Opens a request that was sealed to this node.
 * @throws Problem `unknown-key` when it is for a key that this daemon does not have, for example one from before a
 * restart; `bad-key`, `bad-seal`, `malformed-message`
 */
export function openSealed(node: string, own: KeyPair, request: SealedRequest): TargetExchange {
  if (!own.id.equals(request.keyId)) {
    throw new Problem('unknown-key', `${node} does not have the key that this is sealed to`, 'ask for its key again');
  }
  if (!isSalt(request.salt)) throw new Problem('bad-seal', 'the request has no salt');
  const secret = own.secretWith(request.ephemeral);
  const parties = [request.ephemeral, own.publicKey];
  const key = deriveKey(secret, 'request', [request.salt], parties);
  const envelope = envelopeCodec.decode(decrypt(key, 0, requestContext(node, request), request.ciphertext));
  const digest = digestOf(request);
  const salt = makeSalt();
  const replyKey = deriveKey(secret, 'reply', [request.salt, salt], parties);
  let sequence = 0;
  return {
    envelope,
    seal: (reply, last) => {
      const ciphertext = encrypt(replyKey, sequence, replyContext(digest, last), envelopeReplyCodec.encode(reply));
      const event = { sequence, last, salt: sequence === 0 ? salt : Buffer.alloc(0), ciphertext };
      sequence++;
      return event;
    },
  };
}

type Header = Omit<SealedRequest, 'ciphertext'>;

function requestContext(target: string, { keyId, ephemeral, salt }: Header): Buffer {
  return Buffer.concat([Buffer.from(`${target}\0`), keyId, ephemeral, salt]);
}

function replyContext(digest: Uint8Array, last: boolean): Buffer {
  return Buffer.concat([digest, Buffer.from([last ? 1 : 0])]);
}

/** Over the whole request: a reply opens only for this one. */
function digestOf({ keyId, ephemeral, salt, ciphertext }: SealedRequest): Buffer {
  return createHash('sha256').update(keyId).update(ephemeral).update(salt).update(ciphertext).digest();
}
