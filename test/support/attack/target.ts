import type { Fleet, Member } from '../fleet/fleet.ts';

/** The daemon that is attacked, and who attacks it: an operator of the fleet, whose handshake is good. */
export interface Target {
  readonly name: string;
  readonly port: number;
  readonly fleet: Fleet;
  readonly attacker: Member;
}

/** One kind of attack: makes it once with the values of the seed, and ends by itself soon. */
export type Attack = (target: Target, seed: number) => Promise<void>;

/** The condition for an attacker to continue: the end of its connection, or this many milliseconds. */
export const patience = 60;

/** The parameters of a TLS connection that the node lets in. */
export function tlsOf({ name, port, fleet, attacker }: Target) {
  return {
    host: '127.0.0.1',
    port,
    servername: name,
    ca: fleet.caPem,
    key: attacker.keyPem,
    cert: attacker.certificatePem,
    ALPNProtocols: ['h2'],
  };
}
