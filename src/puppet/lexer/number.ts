/** Numbers of the language: whole ones are 64 bits wide, the others are floating-point. */
const form = /^-?(?:0[xX][0-9A-Fa-f]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;

/** A bigint for a whole number (decimal, `0x…`, or octal with a leading 0), a number for a fraction; undefined for other text. */
export function parseNumber(text: string): bigint | number | undefined {
  if (!form.test(text) || text.length > 40) return undefined;
  const negative = text.startsWith('-');
  const digits = negative ? text.slice(1) : text;
  const value = parseDigits(digits);
  if (typeof value === 'bigint') return value > largest ? undefined : negative ? -value : value;
  return value === undefined || !Number.isFinite(value) ? undefined : negative ? -value : value;
}

const largest = 2n ** 63n - 1n;

function parseDigits(digits: string): bigint | number | undefined {
  if (/^0[xX]/.test(digits)) return BigInt(digits);
  if (/^\d+$/.test(digits)) {
    if (!/^0\d/.test(digits)) return BigInt(digits);
    return /^[0-7]+$/.test(digits) ? BigInt(`0o${digits}`) : undefined;
  }
  return Number(digits);
}
