/** The tokens of a script. */
export type TokenKind =
  | 'name'
  | 'reference'
  | 'variable'
  | 'number'
  | 'string'
  | 'interpolated'
  | 'regex'
  | 'keyword'
  | 'operator'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  /** Of a name, reference or keyword: itself; of a variable: its name; of a string or regex: its content. */
  readonly text: string;
  /** Offset of its first character. */
  readonly at: number;
  /** Whether a blank or comment comes before it. */
  readonly gap: boolean;
  /** Of an interpolated string. */
  readonly parts?: readonly StringPart[];
}

/** Text, a variable by its bare name, or the tokens of an expression in `${ }`. */
export type StringPart =
  | { readonly text: string }
  | { readonly variable: string; readonly at: number }
  | { readonly tokens: readonly Token[]; readonly at: number };

/** Words that cannot be names (Puppet language reference, reserved words), and that this subset reads. */
export const keywords: ReadonlySet<string> = new Set([
  'and',
  'case',
  'class',
  'default',
  'define',
  'else',
  'elsif',
  'false',
  'if',
  'in',
  'inherits',
  'node',
  'or',
  'true',
  'undef',
  'unless',
]);

/** Longest first, so that the first match is the right one. */
export const operators = [
  '<<|',
  '|>>',
  '->',
  '~>',
  '<-',
  '<~',
  '=>',
  '+>',
  '==',
  '!=',
  '=~',
  '!~',
  '<=',
  '>=',
  '<|',
  '|>',
  '<<',
  '>>',
  '@@',
  '<',
  '>',
  '+',
  '-',
  '*',
  '/',
  '%',
  '!',
  '=',
  '?',
  '(',
  ')',
  '[',
  ']',
  '{',
  '}',
  ',',
  ';',
  ':',
  '@',
  '.',
  '|',
] as const;
