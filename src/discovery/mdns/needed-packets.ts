import { isAnswered } from './wire/answered.ts';
import { mentions, parseHeader } from './wire/header.ts';
import { dropOthersAnswers } from './wire/known-answers.ts';
import { isListed } from './wire/known-digests.ts';

/** In every packet that a node has to answer, or that disputes its name: the service, its host name, or the list of services. */
const ours = ['mco-', '_dns-sd'];

const truncatedFlag = 0x0200;
/** Milliseconds for which the responder waits for the rest of a truncated query (RFC 6762, 7.2). */
const waitsForRest = 500;

/**
 * Starts a choice of the packets that the responder has to read, to answer them or to defend the name: it takes far
 * longer for each than this choice.
 *
 * @param instance this node's own, one label
 * @returns what to read of a packet, or undefined
 */
export function chooseNeeded(
  instance: string,
  now: () => number = () => performance.now(),
): (packet: Buffer) => Buffer | undefined {
  let restUntil = -1;
  return (packet) => {
    const header = parseHeader(packet);
    // Without this, ciao takes up to 40 ms for one packet of pointers to pointers.
    if (header === undefined || !mentions(packet, ours)) return undefined;
    if (header.kind === 'response') return packet;
    // Known answers that belong to a question before, which needed none.
    if (header.questions === 0 && header.authorities === 0 && now() >= restUntil) return undefined;
    if (isListed(packet, instance)) return undefined;
    const kept = dropOthersAnswers(packet, instance);
    if (isAnswered(kept, instance)) return undefined;
    if ((packet.readUInt16BE(2) & truncatedFlag) !== 0) restUntil = now() + waitsForRest;
    return kept;
  };
}
