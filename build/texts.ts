/** A text and the line that it begins on, from 1. */
export interface TextAt {
  readonly line: number;
  readonly text: string;
}

/**
 * The texts of string and template literals in a TypeScript source, without comments and without the code within a
 * template. A small scanner: it knows strings, templates, comments and, roughly, regular expressions.
 */
export function textsIn(source: string): TextAt[] {
  const found: TextAt[] = [];
  let at = 0;
  let line = 1;
  /** Braces that are open in each template that the scanner is within. */
  const depths: number[] = [];
  let before = '';

  const step = () => {
    if (source[at] === '\n') line++;
    at++;
  };
  const literal = (end: string) => {
    const begin = line;
    let text = '';
    while (at < source.length) {
      const one = source[at] as string;
      if (one === '\\') {
        text += source[at + 1] === 'n' ? '\n' : (source[at + 1] ?? '');
        step();
        step();
        continue;
      }
      if (end === '`' && one === '$' && source[at + 1] === '{') {
        step();
        step();
        depths.push(0);
        break;
      }
      step();
      if (one === end) break;
      text += one;
    }
    if (text !== '') found.push({ line: begin, text });
    before = 'x';
  };
  const skipRegExp = () => {
    let inClass = false;
    for (step(); at < source.length && source[at] !== '\n'; step()) {
      const one = source[at];
      if (one === '\\') step();
      else if (one === '[') inClass = true;
      else if (one === ']') inClass = false;
      else if (one === '/' && !inClass) break;
    }
    step();
    before = 'x';
  };

  while (at < source.length) {
    const one = source[at] as string;
    const two = source.slice(at, at + 2);
    if (two === '//') while (at < source.length && source[at] !== '\n') step();
    else if (two === '/*') {
      const end = source.indexOf('*/', at + 2);
      while (at < (end < 0 ? source.length : end + 2)) step();
    } else if (one === "'" || one === '"' || one === '`') {
      step();
      literal(one);
    } else if (one === '/' && /[(,=:[!&|?{};\n+>]|^$/.test(before)) skipRegExp();
    else {
      const depth = depths.at(-1);
      if (depth !== undefined && one === '{') depths[depths.length - 1] = depth + 1;
      if (depth !== undefined && one === '}') {
        if (depth === 0) {
          depths.pop();
          step();
          literal('`');
          continue;
        }
        depths[depths.length - 1] = depth - 1;
      }
      if (!/\s/.test(one)) before = one;
      step();
    }
  }
  return found;
}

/** The lines of a page (Markdown) outside of code blocks, without code in the line. */
export function proseOf(page: string): TextAt[] {
  let inCode = false;
  return page.split('\n').flatMap((text, index) => {
    if (/^\s*(```|~~~)/.test(text)) {
      inCode = !inCode;
      return [];
    }
    return inCode ? [] : [{ line: index + 1, text }];
  });
}
