/** The texts that a person reads, in sources and in pages. */
import { scan } from './scan.ts';

/** A text and the line that it begins on, from 1. */
export interface TextAt {
  readonly line: number;
  readonly text: string;
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
