/**
 * The content of a terminal after all this was written to it: its rows without trailing blanks, and without the empty
 * ones at the end. Supports as much of ECMA-48 as the program uses. @throws for anything else
 */
export function screenOf(text: string, columns = 80): string[] {
  const rows: string[][] = [[]];
  let row = 0;
  let column = 0;
  let wraps = true;
  const moveTo = (next: number) => {
    row = Math.max(0, next);
    while (rows.length <= row) rows.push([]);
  };
  const commands: Readonly<Record<string, (number: number) => void>> = {
    A: (number) => moveTo(row - number),
    J: () => {
      rows.length = row + 1;
      rows[row]?.splice(column);
    },
    K: () => void rows[row]?.splice(column),
    // Colours take no place.
    m: () => {},
  };
  for (const [piece, mode, number, letter] of text.matchAll(/\x1b\[(\?7[lh])|\x1b\[(\d*)([A-Za-z])|./gsu)) {
    if (mode !== undefined) wraps = mode === '?7h';
    else if (letter !== undefined) {
      const command = commands[letter];
      if (command === undefined) throw new Error(`what is ${JSON.stringify(piece)}?`);
      command(Number(number || 1));
    } else if (piece === '\r') column = 0;
    else if (piece === '\n') {
      // The default of a terminal driver (termios, ONLCR).
      column = 0;
      moveTo(row + 1);
    } else if (piece < ' ') throw new Error(`what is ${JSON.stringify(piece)}?`);
    else {
      if (column === columns && wraps) {
        column = 0;
        moveTo(row + 1);
      }
      column = Math.min(column, columns - 1);
      const line = rows[row] ?? [];
      while (line.length < column) line.push(' ');
      line[column] = piece;
      column++;
    }
  }
  const shown = rows.map((line) => line.join('').trimEnd());
  while (shown.at(-1) === '') shown.pop();
  return shown;
}
