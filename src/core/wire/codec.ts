import type { MessageTypeDefinition } from '@grpc/proto-loader';
import { protocol } from '#protocol';
import { Problem } from '../errors.ts';
import type {
  EncryptionKey,
  Envelope,
  EnvelopeReply,
  ForwardEvent,
  ForwardRequest,
  LocalEvent,
  LocalRequest,
  Query,
  QueryReply,
  Reply,
  Request,
  SignedKey,
  SignedTicket,
  Ticket,
} from './messages.ts';

export const protocolVersion = 1;

function codecOf<T extends object>(name: string): { encode(value: T): Buffer; decode(bytes: Buffer): T } {
  const definition = protocol[`mco.v1.${name}`] as unknown as MessageTypeDefinition<T, T>;
  return {
    encode: (value) => definition.serialize(value),
    decode: (bytes) => {
      try {
        return definition.deserialize(bytes);
      } catch (cause) {
        throw new Problem('malformed-message', `the ${name} cannot be decoded`, '', { cause });
      }
    },
  };
}

export const requestCodec = codecOf<Request>('Request');
export const replyCodec = codecOf<Reply>('Reply');
export const encryptionKeyCodec = codecOf<EncryptionKey>('EncryptionKey');
export const envelopeCodec = codecOf<Envelope>('Envelope');
export const envelopeReplyCodec = codecOf<EnvelopeReply>('EnvelopeReply');
export const queryCodec = codecOf<Query>('Query');
export const queryReplyCodec = codecOf<QueryReply>('QueryReply');
export const signedKeyCodec = codecOf<SignedKey>('SignedKey');
export const forwardRequestCodec = codecOf<ForwardRequest>('ForwardRequest');
export const forwardEventCodec = codecOf<ForwardEvent>('ForwardEvent');
export const localRequestCodec = codecOf<LocalRequest>('LocalRequest');
export const localEventCodec = codecOf<LocalEvent>('LocalEvent');
export const ticketCodec = codecOf<Ticket>('Ticket');
export const signedTicketCodec = codecOf<SignedTicket>('SignedTicket');
