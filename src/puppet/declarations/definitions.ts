import type { Definition, Statement } from '../parser/ast.ts';
import { failAt, lineOf, type ScriptSource } from '../source.ts';
import type { KnownDefinition } from '../evaluator/state.ts';

/**
 * The defines and classes of a script, by name, in any order. They override built-in ones.
 * @throws Problem `bad-script` for two with one name, and for one within a block
 */
export function collectDefinitions(
  statements: readonly Statement[],
  source: ScriptSource,
  builtIn: ReadonlyMap<string, KnownDefinition>,
): Map<string, KnownDefinition> {
  const found = new Map(builtIn);
  for (const { definition } of definitionsIn(statements, '')) {
    const other = found.get(definition.name);
    if (other !== undefined && !other.builtIn) {
      const line = lineOf({ source, at: other.definition.at });
      failAt({ source, at: definition.at }, `“${definition.name}” is defined twice`, `the other is in line ${line}`);
    }
    found.set(definition.name, { definition, source, builtIn: false });
  }
  for (const hidden of hiddenIn(statements)) {
    failAt({ source, at: hidden.at }, `a ${hidden.kind} belongs at the top of a script or in a class, not in a block`);
  }
  return found;
}

function* definitionsIn(statements: readonly Statement[], prefix: string): Generator<{ definition: Definition }> {
  for (const statement of statements) {
    if (statement.kind !== 'define' && statement.kind !== 'class') continue;
    const name = `${prefix}${statement.name}`.toLowerCase();
    yield { definition: { ...statement, name } };
    if (statement.kind === 'class') yield* definitionsIn(statement.body, `${name}::`);
  }
}

/** Definitions at an invalid position. */
function* hiddenIn(
  statements: readonly Statement[],
  allowed = true,
): Generator<Extract<Statement, { kind: 'define' | 'class' | 'node' }>> {
  for (const statement of statements) {
    if ('name' in statement || statement.kind === 'node') {
      if (!allowed) yield statement;
      yield* hiddenIn(statement.body, statement.kind === 'class');
    } else yield* blocksOf(statement).flatMap((block) => [...hiddenIn(block, false)]);
  }
}

function blocksOf(statement: Statement): (readonly Statement[])[] {
  if (statement.kind === 'if') return [...statement.branches.map(({ body }) => body), statement.otherwise];
  return statement.kind === 'case' ? statement.options.map(({ body }) => body) : [];
}
