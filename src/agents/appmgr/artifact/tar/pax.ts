import { damaged } from './field.ts';

/** Records of a pax header by their keys; only those that describe the content, with their raw bytes. */
export type PaxRecords = ReadonlyMap<string, Buffer>;

/** GNU tar repeats these two keys, once for each part of a sparse file: they are kept in their order. */
const repeated = new Set(['GNU.sparse.offset', 'GNU.sparse.numbytes']);

/**
 * Reads the records of a pax header (POSIX.1-2001): `LENGTH key=value\n`. Times, owners and extended attributes
 * (`SCHILY.xattr.*`, `LIBARCHIVE.xattr.*`), whose values may be any bytes, are omitted.
 * @throws Problem `bad-archive`
 */
export function parsePaxRecords(bytes: Buffer): PaxRecords {
  const records = new Map<string, Buffer>();
  const map: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = endOfRecord(bytes, at);
    const equals = bytes.indexOf(0x3d, at);
    const space = bytes.indexOf(0x20, at);
    if (equals <= space + 1 || equals >= end) throw damaged('a pax record has no key');
    const key = bytes.toString('latin1', space + 1, equals);
    const value = bytes.subarray(equals + 1, end - 1);
    if (repeated.has(key)) map.push(value.toString('latin1'));
    else if (describesContent(key)) records.set(key, value);
    at = end;
  }
  if (map.length > 0) records.set('GNU.sparse.map', Buffer.from(map.join(',')));
  return records;
}

function describesContent(key: string): boolean {
  return key === 'path' || key === 'linkpath' || key === 'size' || key.startsWith('GNU.sparse.');
}

/** The record's length counts its own digits. */
function endOfRecord(bytes: Buffer, at: number): number {
  const space = bytes.indexOf(0x20, at);
  const digits = space === -1 || space - at > 9 ? '' : bytes.toString('latin1', at, space);
  const length = /^[1-9][0-9]*$/.test(digits) ? Number(digits) : 0;
  const end = at + length;
  if (length === 0 || end > bytes.length || end <= space || bytes[end - 1] !== 0x0a) {
    throw damaged('a pax record has a wrong length');
  }
  return end;
}
