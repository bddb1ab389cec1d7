/** Records of a node's audit log, made one by one: what a daemon writes, and what it never would. */
import { type AuditEvent, type ChainState, chainStart, formatLine, hashLine } from '../../../src/core/audit/record.ts';
import type { Credentials } from '../../../src/core/credentials/signature.ts';
import { sealRequest } from '../../../src/core/request/request.ts';
import { requestCodec } from '../../../src/core/wire/codec.ts';
import type { Member } from '../fleet/fleet.ts';
import { orderFor } from './node.ts';

export const certificateOf = ({ certificate }: Pick<Member, 'certificate'>) => certificate.raw.toString('base64');

export const started = (member: Pick<Member, 'certificate'>): AuditEvent => ({
  kind: 'started',
  version: '0.1.0',
  certificate: certificateOf(member),
});

/** The records of `probe.echo` with this text by an operator. @param change fields that differ from the signed ones */
export function intent(operator: Member, text: string, change: object = {}): AuditEvent {
  const signed = sealRequest(orderFor('dev2.devco.net', { input: { text } }), operator.credentials, Date.now());
  const request = requestCodec.decode(signed.request);
  return {
    kind: 'intent',
    request_id: request.requestId,
    try: 1,
    run_id: '',
    step: '',
    caller: `cert=${operator.credentials.identity.name}`,
    agent: 'probe',
    action: 'echo',
    dry_run: false,
    arguments: { text },
    request_time: request.issuedAt,
    verdict: 'verified',
    request: signed.request.toString('base64'),
    request_signature: signed.signature.toString('base64'),
    caller_certificate: certificateOf(operator),
    ...change,
  };
}

export const outcome = (of: number, change: object = {}): AuditEvent => ({
  kind: 'outcome',
  intent: of,
  request_id: 'f'.repeat(32),
  try: 1,
  outcome: 'ok',
  status: 0,
  code: '',
  message: '',
  recorded: false,
  ...change,
});

/** The first record of a file after another. */
export const rotated = (member: Pick<Member, 'certificate'>, last: number): AuditEvent => ({
  kind: 'rotated',
  file: 'audit-000000000001.jsonl',
  first: 1,
  last,
  certificate: certificateOf(member),
});

/** Lines of a chain that goes on from there. */
export function writeLog(events: readonly AuditEvent[], by: Credentials, from: ChainState = chainStart): string[] {
  let state = from;
  return events.map((event) => {
    const line = formatLine(event, state, by, Date.now());
    state = { sequence: state.sequence + 1, hash: hashLine(line) };
    return line;
  });
}
