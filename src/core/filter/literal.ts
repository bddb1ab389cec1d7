/** The number in decimal notation that a text contains, or undefined: no hexadecimal, no infinity, no spaces. */
export function numberIn(text: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
}

/** A text in the form in which filters compare it with others: numbers as numbers, all else in any case. */
export function comparableText(text: string): string {
  const number = numberIn(text);
  return number === undefined ? text.toLowerCase() : String(number);
}

/** `true`, `t`, `1` and `false`, `f`, `0` in any case, as operators write booleans. */
export function booleanIn(text: string): boolean | undefined {
  switch (text.toLowerCase()) {
    case 'true':
    case 't':
    case '1':
      return true;
    case 'false':
    case 'f':
    case '0':
      return false;
    default:
      return undefined;
  }
}
