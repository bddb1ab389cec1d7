import { resolve } from 'node:path';
import { noFilter, parseFilter } from '../../core/filter/filter.ts';
import type { NodeSetSource } from '../source/schema.ts';
import { type SourceLocation, locationOf, type SourceText } from '../source/locations.ts';
import type { NodeSet } from '../model.ts';
import type { Shape } from '../expressions/shapes.ts';
import { compileCondition, compileTemplate, isLiteral, type Template } from '../expressions/template.ts';

/** @throws Problem `bad-playbook` */
export function compileNodeSets(
  sets: Readonly<Record<string, NodeSetSource>>,
  roots: Shape,
  text: SourceText,
  directory: string,
): readonly NodeSet[] {
  return Object.entries(sets).map(([name, set]) => {
    const at = (path: readonly string[], value?: unknown) => locationOf(text, ['nodes', name, ...path], value);
    const template = (value: unknown, ...path: string[]) =>
      compileTemplate(value, roots, (inner, scalar) => at([...path, ...inner], scalar));
    checkTerms(set, at);
    if ((set.file !== undefined) !== (set.source === 'file')) at([]).fail('“file” requires “source: file”');
    return {
      name,
      filter: compileFilter(set, template),
      condition: set.if === undefined ? undefined : compileCondition(set.if, roots, at(['if'], set.if)),
      atLeast: set.at_least ?? 1,
      limit: set.limit ?? Number.MAX_SAFE_INTEGER,
      whenEmpty: set.when_empty === undefined ? undefined : template(set.when_empty, 'when_empty'),
      allowMissing: set.allow_missing ?? false,
      expected: set.expected === undefined ? undefined : template(set.expected, 'expected'),
      source: set.source === undefined ? undefined : { method: set.source, ...fileOf(set.file, directory) },
      // It is unknown what an expression does with members: it may read their facts.
      wantsFacts: /\bmembers\b/.test(text.text),
    };
  });
}

function fileOf(file: string | undefined, directory: string) {
  return file === undefined ? {} : { file: resolve(directory, file) };
}

/** Terms that do not depend on an expression are parsed at once. */
function checkTerms(set: NodeSetSource, at: (path: readonly string[]) => SourceLocation): void {
  const { facts = [], classes = [], agents = [], identities = [], select = '' } = set;
  for (const [kind, terms] of Object.entries({ facts, classes, agents, identities })) {
    for (const [index, term] of terms.entries()) {
      if (isLiteral(term)) at([kind, String(index)]).check(() => void parseFilter({ ...noFilter, [kind]: [term] }));
    }
  }
  if (select !== '' && isLiteral(select)) at(['select']).check(() => void parseFilter({ ...noFilter, select }));
}

function compileFilter(
  { facts = [], classes = [], agents = [], identities = [], select = '' }: NodeSetSource,
  template: (value: unknown, ...path: string[]) => Template,
): Template {
  const terms = Object.entries({ facts, classes, agents, identities, select }).map(
    ([kind, value]) => [kind, template(value, kind)] as const,
  );
  return (context) => ({ with: [], ...Object.fromEntries(terms.map(([kind, term]) => [kind, term(context)])) });
}
