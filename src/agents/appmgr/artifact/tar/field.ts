import { Problem } from '../../../../core/errors.ts';

export const blockSize = 512;

/** The error for an archive with invalid bytes. */
export function damaged(what: string): Problem {
  return new Problem('bad-archive', `the archive is damaged: ${what}`, 'build it and copy it again');
}

/** The bytes of a field up to its first zero. */
export function upToZero(field: Buffer): Buffer {
  const end = field.indexOf(0);
  return end === -1 ? field : field.subarray(0, end);
}

/** Octal digits, or GNU's base 256 where the first bit is set. @throws Problem `bad-archive` */
export function numberOf(field: Buffer): number {
  if (((field[0] ?? 0) & 0x80) !== 0) {
    const value = BigInt(`0x${field.toString('hex')}`) & ((1n << BigInt(field.length * 8 - 1)) - 1n);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged('a number in it is too large');
    return Number(value);
  }
  const digits = field
    .toString('latin1')
    .replace(/[\0 ]+$/, '')
    .replace(/^ +/, '');
  if (!/^[0-7]*$/.test(digits)) throw damaged('a number in it is not octal');
  return digits === '' ? 0 : Number.parseInt(digits, 8);
}

/** Decimal digits, as pax records have them. @throws Problem `bad-archive` */
export function decimalOf(text: string, what: string): number {
  if (!/^[0-9]{1,15}$/.test(text)) throw damaged(`${what} is not a number of bytes`);
  return Number(text);
}
