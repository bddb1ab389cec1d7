/** “1 node”, “4 nodes”. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** “dev2, dev4 and 3 more”; “none” for none. */
export function listNames(names: readonly string[], most: number): string {
  if (names.length === 0) return 'none';
  const more = names.length > most ? ` and ${names.length - most} more` : '';
  return `${names.slice(0, most).join(', ')}${more}`;
}

/** Edit distance: insertions, deletions, replacements, and two neighbours that changed places (`tsl` for `tls`). */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const swapped =
        i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1] ? (before[j - 2] ?? 0) + 1 : replaced;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, replaced, swapped));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The known name that was probably intended, or undefined when none is near. */
export function nearest(name: string, known: Iterable<string>): string | undefined {
  let best: { name: string; away: number } | undefined;
  const typed = name.slice(0, 64).toLowerCase();
  for (const candidate of known) {
    const away = distance(typed, candidate.slice(0, 64).toLowerCase());
    if (best === undefined || away < best.away) best = { name: candidate, away };
  }
  return best !== undefined && best.away <= Math.max(1, Math.floor(name.length / 3)) ? best.name : undefined;
}

/** “did you mean X?”, or the known names where none is near. */
export function suggest(name: string, known: Iterable<string>): string {
  const names = [...known].sort();
  const near = nearest(name, names);
  if (near !== undefined) return `did you mean “${near}”?`;
  return names.length === 0 ? 'there are none' : `known: ${names.join(', ')}`;
}

/**
 * Characters that control a terminal (C0 except newline and tab, DEL, C1) or reverse the order of letters (Unicode's
 * bidirectional controls and separators).
 */
const steering = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text from elsewhere in a form that is safe on a terminal: control characters are escaped as `\x1b`, `\u202e`. */
export function printable(text: string): string {
  return text.replaceAll(steering, (character) => {
    const code = character.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** The same for output that may also be JSON: `\u001b` reads back as the original character. */
export function printableLine(text: string): string {
  return text.replaceAll(steering, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * A word from elsewhere in a line of `key=value`: unchanged when it is plain, else quoted, so that it can neither end
 * the line nor imitate another field.
 */
export function quoteWord(text: string): string {
  return /^[\w.@=:+/-]*$/.test(text) ? text : printable(JSON.stringify(text));
}
