/** A text and the line that it begins on, from 1. */
export interface TextAt {
  readonly line: number;
  readonly text: string;
}

/** A comment, or a part of a literal. */
interface Part extends TextAt {
  readonly comment: boolean;
}

/** The texts of string and template literals in a TypeScript source, without the code within a template. */
export function textsIn(source: string): TextAt[] {
  return scan(source)
    .filter(({ comment }) => !comment)
    .map(({ line, text }) => ({ line, text }));
}

const commentMarks = /^\s*(?:\/\/|\/\*\*?|\*\/|\*)\s?|\s*\*\/$/g;

/** The comments in a TypeScript source, line by line, without their marks. */
export function commentsIn(source: string): TextAt[] {
  return scan(source)
    .filter(({ comment }) => comment)
    .flatMap(({ line, text }) =>
      text.split('\n').map((one, index) => ({ line: line + index, text: one.replace(commentMarks, '') })),
    );
}

/** A small scanner: it knows strings, templates, comments and, roughly, regular expressions. */
function scan(source: string): Part[] {
  const found: Part[] = [];
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
    const first = line;
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
    if (text !== '') found.push({ line: first, text, comment: false });
    before = 'x';
  };
  const comment = (mark: string) => {
    const [begin, first] = [at, line];
    const end = mark === '//' ? source.indexOf('\n', at) : source.indexOf('*/', at + 2) + 1;
    while (at < source.length && (end <= 0 || at < (mark === '//' ? end : end + 1))) step();
    found.push({ line: first, text: source.slice(begin, at), comment: true });
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
    if (two === '//' || two === '/*') comment(two);
    else if (one === "'" || one === '"' || one === '`') {
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
