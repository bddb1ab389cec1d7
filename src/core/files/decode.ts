import { isUtf8 } from 'node:buffer';

/**
 * The text of a file that a person wrote, without a byte order mark. Any other encoding, and ends of lines that only
 * some parsers know, would change its meaning without a word.
 * @throws Error with the reason for a message: it is UTF-16, or not plain UTF-8 from some line on
 */
export function decodeText(bytes: Buffer): string {
  refuseUtf16(bytes);
  if (!isUtf8(bytes)) throw new Error(`line ${firstBrokenLine(bytes)} is not UTF-8 text: save it as UTF-8`);
  const text = bytes.toString('utf8');
  refuseOddCharacters(text);
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}

/** @throws Error with the reason */
export function refuseUtf16(bytes: Buffer): void {
  if (isUtf16(bytes)) throw new Error('it is UTF-16 text: save it as UTF-8');
}

/** @throws Error with the reason: a NUL byte, or a carriage return that does not end a line */
export function refuseOddCharacters(text: string): void {
  const odd = /\0|\r(?!\n)/.exec(text);
  if (odd !== null) throw new Error(sayOdd(odd[0], text.slice(0, odd.index)));
}

function sayOdd(character: string, before: string): string {
  const line = before.split('\n').length;
  if (character === '\0') return `line ${line} has a NUL byte: it is damaged, or no text`;
  return `line ${line} has a carriage return that does not end it: save it with the line ends of Unix`;
}

/** With its byte order mark, or, for what begins with a plain character, without. */
function isUtf16([first, second]: Buffer): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff) || (first === 0) !== (second === 0);
}

/** No character of UTF-8 has a line feed in it. */
function firstBrokenLine(bytes: Buffer): number {
  let start = 0;
  for (let line = 1; ; line++) {
    const end = bytes.indexOf(0x0a, start);
    if (end < 0 || !isUtf8(bytes.subarray(start, end))) return line;
    start = end + 1;
  }
}
