import { explainErrno } from '../../core/errors.ts';
import { broken, doubtful, type Finding, fine } from '../../core/finding.ts';
import { count } from '../../core/text.ts';
import type { NodeConfig } from '../config/config.ts';

/** Milliseconds that a record may wait before it is reported. */
const recent = 10 * 60_000;

/** The progress of each receiver of the audit log, from the daemon's notes. Nothing if there are none. */
export async function checkShipping({ audit, state }: NodeConfig): Promise<readonly Finding[]> {
  const names = Object.keys(audit.ship ?? {});
  if (names.length === 0) return [];
  const [{ readCursor }, { bytesAfter, readRecords }, { fullSpool }] = await Promise.all([
    import('../shipping/cursor.ts'),
    import('../shipping/read-records.ts'),
    import('../shipping/shipping.ts'),
  ]);
  const each = names.map(async (name) => {
    try {
      const { sequence } = await readCursor(state, name);
      const bytes = await bytesAfter(audit.file, sequence);
      const title = `audit log to “${name}”`;
      const has = `it has received ${count(sequence, 'record')}`;
      if (bytes === 0) return fine(title, has);
      if (bytes > audit.spool_bytes) {
        return broken(
          title,
          fullSpool(name, `${bytes} bytes`, audit.spool_bytes),
          '“mco-deploy ping” shows the reason',
        );
      }
      const [oldest] = await readRecords(audit.file, sequence, sequence + 1);
      const since = oldest?.record.time ?? '';
      if (Date.now() - Date.parse(since) < recent)
        return fine(title, `${has}, and the last ${bytes} bytes are on their way`);
      return doubtful(
        title,
        `${has}, and ${bytes} bytes have waited since ${since}`,
        '“mco-deploy ping” shows the reason',
      );
    } catch (error) {
      return broken(
        'audit log',
        `the progress of “${name}” cannot be read: ${explainErrno(error)}`,
        'run this as the daemon’s user',
      );
    }
  });
  return await Promise.all(each);
}
