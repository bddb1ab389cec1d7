import { checkStateOf, checkStates } from '../../core/check-state.ts';
import type { ActionDdl, Aggregate } from '../../core/ddl/ddl.ts';
import type { Outcome } from '../../core/request/reply.ts';

/** The summary that the DDL requests over the successful replies. */
export function aggregateLines(outcomes: readonly Outcome[], { aggregate = [] }: ActionDdl): string[] {
  const good = outcomes.filter(({ outcome }) => outcome === 'ok');
  if (good.length < 2) return [];
  return aggregate.flatMap((definition) => {
    const values = good.map(({ data }) => data[definition.output]).filter((value) => value !== undefined);
    return values.length === 0 ? [] : [`Summary of ${definition.output}:`, `  ${sumUp(definition, values)}`, ''];
  });
}

function sumUp({ function: how }: Aggregate, values: readonly unknown[]): string {
  const numbers = values.filter((value) => typeof value === 'number');
  const sum = numbers.reduce((total, value) => total + value, 0);
  switch (how) {
    case 'sum':
      return String(sum);
    case 'average':
      return numbers.length === 0 ? 'none' : (sum / numbers.length).toFixed(3);
    case 'nagios_states':
      return counts(values.map(checkStateOf), checkStates);
    case 'summary':
      return counts(values.map((value) => (typeof value === 'object' ? JSON.stringify(value) : String(value))));
  }
}

/** `OK: 8  WARNING: 1`, in the order given, else the most frequent first. */
function counts(words: readonly string[], order?: readonly string[]): string {
  const found = new Map<string, number>();
  for (const word of words) found.set(word, (found.get(word) ?? 0) + 1);
  const entries = [...found].sort((a, b) =>
    order ? order.indexOf(a[0]) - order.indexOf(b[0]) : b[1] - a[1] || (a[0] < b[0] ? -1 : 1),
  );
  return entries.map(([word, number]) => `${word}: ${number}`).join('  ');
}
