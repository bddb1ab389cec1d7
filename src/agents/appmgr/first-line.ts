/** The first line with text, cleaned for a terminal. */
export function firstLine(text: string): string {
  const line = text.split(/[\r\n]+/).find((one) => one.trim() !== '');
  return (line ?? '').replace(/\p{C}/gu, ' ').trim().slice(0, 200);
}
