/** The blocks with one label in a PEM text (RFC 7468), decoded; text around and between them is skipped. */
export function decodePem(text: string, label: string): Buffer[] {
  const begin = `-----BEGIN ${label}-----`;
  const end = `-----END ${label}-----`;
  return text
    .split(begin)
    .slice(1)
    .filter((part) => part.includes(end))
    .map((part) => Buffer.from(part.slice(0, part.indexOf(end)), 'base64'));
}

export function encodePem(bytes: Uint8Array, label: string): string {
  const lines =
    Buffer.from(bytes)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
