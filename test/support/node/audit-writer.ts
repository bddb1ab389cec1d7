/** Writes records until it is killed: node audit-writer.ts FILE DIRECTORY (of node.crt, node.key). */
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { identityOf, parseCertificate } from '../../../src/core/credentials/certificate.ts';
import { openAuditLog } from '../../../src/daemon/audit/audit-log.ts';

const [file = '', directory = ''] = process.argv.slice(2);
const certificate = parseCertificate(readFileSync(join(directory, 'node.crt')));
const key = createPrivateKey(readFileSync(join(directory, 'node.key')));
const identity = identityOf(certificate);
if (identity === undefined) throw new Error('no identity');
const limits = { maxBytes: 100_000, maxAge: Number.POSITIVE_INFINITY, keep: {} };
const log = await openAuditLog(file, () => ({ identity, certificate, key }), Date.now, limits);
await log.append({ kind: 'started', version: '0.1.0', certificate: certificate.raw.toString('base64') }, true);
process.stdout.write('writing\n');
for (;;) {
  const event = { kind: 'recovered', torn_bytes: 1, torn: 'x'.repeat(5000) } as const;
  await Promise.all(Array.from({ length: 8 }, () => log.append(event, false)));
}
