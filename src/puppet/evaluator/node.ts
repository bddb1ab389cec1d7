import type { Statement } from '../parser/ast.ts';
import { fits } from './match.ts';
import { type Evaluation, positionIn } from './state.ts';
import { isPattern, toText } from '../values/values.ts';

/**
 * A script runs on the machine of its caller: the node with that name, else one whose regex matches, else the default.
 */
export function chooseNode(evaluation: Evaluation, statements: readonly Statement[]): readonly Statement[] {
  const { facts, top } = evaluation;
  const nodes = statements.filter((statement) => statement.kind === 'node');
  const names = [facts.get('fqdn'), facts.get('hostname')].map((name) => toText(name).toLowerCase());
  const valuesOf = (node: (typeof nodes)[number]) =>
    node.names.flatMap((name) => (name.kind === 'default' ? [] : [evaluation.evaluate(name, top)]));
  const named = nodes.find((node) =>
    valuesOf(node).some((name) => !isPattern(name) && names.includes(toText(name).toLowerCase())),
  );
  const fitting = nodes.find((node) => {
    const comparison = { evaluation, scope: top, position: positionIn(top, node.at) };
    return valuesOf(node).some((name) => isPattern(name) && fits(comparison, names[0], name));
  });
  const fallback = nodes.find((node) => node.names.some(({ kind }) => kind === 'default'));
  return (named ?? fitting ?? fallback)?.body ?? [];
}
