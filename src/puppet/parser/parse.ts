import { lex } from '../lexer/lex.ts';
import type { ScriptSource } from '../source.ts';
import type { Statement } from './ast.ts';
import { accept, type Cursor, fail, isOperator, peek } from './cursor.ts';
import { parseStatement } from './statement.ts';

/** @throws Problem `bad-script` with file, line and column */
export function parseScript(source: ScriptSource): readonly Statement[] {
  const cursor: Cursor = { source, tokens: lex(source), index: 0, depth: 0 };
  const statements: Statement[] = [];
  while (peek(cursor).kind !== 'end') {
    if (isOperator(peek(cursor), '}')) fail(cursor, 'no block is open that this “}” could end');
    statements.push(parseStatement(cursor));
    accept(cursor, ';');
  }
  return statements;
}
