import { isUtf8 } from 'node:buffer';

/**
 * The text of a file that a person wrote. Any other encoding would change its meaning without a word.
 * @throws Error with the reason for a message: it is UTF-16, or not UTF-8 from some line on
 */
export function decodeText(bytes: Buffer): string {
  if (isUtf16(bytes)) throw new Error('it is UTF-16 text: save it as UTF-8');
  if (!isUtf8(bytes)) throw new Error(`line ${firstBrokenLine(bytes)} is not UTF-8 text: save it as UTF-8`);
  return bytes.toString('utf8');
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
