const widest = 60;

/** A cow that says a text, as in the seed’s transcript. Long text is broken at spaces. */
export function drawCow(text: string): string[] {
  const lines = text.split('\n').flatMap(wrap);
  const width = Math.max(...lines.map((line) => line.length));
  const bubble = lines.map((line, index) => {
    const [left, right] = bordersOf(index, lines.length);
    return `${left} ${line.padEnd(width)} ${right}`;
  });
  return [
    ` ${'_'.repeat(width + 2)}`,
    ...bubble,
    ` ${'-'.repeat(width + 2)}`,
    '        \\   ,__,',
    '         \\  (oo)____',
    '            (__)    )\\',
    '               ||--|| *',
  ];
}

function bordersOf(index: number, lines: number): readonly [string, string] {
  if (lines === 1) return ['<', '>'];
  if (index === 0) return ['/', '\\'];
  return index === lines - 1 ? ['\\', '/'] : ['|', '|'];
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > widest) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
