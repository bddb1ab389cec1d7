/** What stands for a secret. */
export const hiddenText = '(hidden)';

/**
 * Replaces secrets in a text. The longest first, because one may be part of another; what stands for one is not searched
 * for the next, or a text could grow without end.
 */
export function hideTexts(text: string, secrets: Iterable<string>): string {
  let pieces = [text];
  for (const secret of [...new Set(secrets)].sort((a, b) => b.length - a.length)) {
    if (secret !== '' && text.includes(secret)) pieces = pieces.flatMap((piece) => piece.split(secret));
  }
  return pieces.join(hiddenText);
}
