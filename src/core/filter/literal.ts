/** The number in decimal notation that a text contains, or undefined: no hexadecimal, no infinity, no spaces. */
export function numberIn(text: string): number | undefined {
  if (!/^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d{1,3})?$/i.test(text)) return undefined;
  const number = Number(text);
  return Number.isFinite(number) ? number : undefined;
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
