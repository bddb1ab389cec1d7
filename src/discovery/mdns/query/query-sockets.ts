import type { Socket } from 'node:dgram';
import { explainErrno, Problem } from '../../../core/errors.ts';
import type { MulticastInterface } from '../interfaces.ts';
import type { QueryOptions } from './options.ts';
import { mdnsPort } from '../service.ts';
import { type AddressFamily, familiesOf, groupOn, openQuerySocket } from '../sockets.ts';
import { encodeQuestions } from '../wire/question.ts';

/** A socket that asks on one interface in one address family. */
export interface QuerySocket {
  readonly socket: Socket;
  readonly family: AddressFamily;
  readonly interface: MulticastInterface;
  /**
   * Asks only the second question, with the answers so far: on an interface with both families, most nodes have both
   * too, and would answer everything twice.
   */
  readonly second: boolean;
}

/** One asker for each interface and family that works. @throws Problem `no-multicast` if none does */
export async function openQuerySockets({ interfaces, buffer, log }: QueryOptions): Promise<QuerySocket[]> {
  const askers: QuerySocket[] = [];
  const failures: unknown[] = [];
  for (const one of interfaces) {
    for (const [index, family] of familiesOf(one).entries()) {
      try {
        const socket = await openQuerySocket(family, one, buffer);
        askers.push({ socket, family, interface: one, second: index > 0 });
      } catch (error) {
        failures.push(error);
        const logFields = { interface: one.name, family, reason: explainErrno(error) };
        log.warn(logFields, `no multicast by ${family} on this interface`);
      }
    }
  }
  if (askers.length > 0) return askers;
  const reason = failures.length > 0 ? explainErrno(failures[0]) : 'no interface is up and supports it';
  throw new Problem('no-multicast', `nodes cannot be discovered by multicast: ${reason}`, 'name them in a file');
}

/** @param known instances that need not answer again */
export function sendQuestions(
  askers: readonly QuerySocket[],
  id: number,
  { questions }: QueryOptions,
  known: readonly string[] = [],
): void {
  for (const packet of encodeQuestions(id, questions, known)) {
    for (const { socket, family, interface: one } of askers) {
      socket.send(packet, mdnsPort, groupOn(family, one), () => undefined);
    }
  }
}
