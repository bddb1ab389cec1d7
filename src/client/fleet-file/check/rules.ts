import { type Groups, type Policy, parsePolicy } from '../../../core/policy/parse.ts';

/**
 * A rule in the form of a policy: in fleet.yaml, two or more spaces also separate columns, since tabs are rare in YAML.
 */
export function ruleLine(rule: string): string {
  const columns = rule.trim().split(/\t+| {2,}/);
  if (columns.length > 1) return columns.join('\t');
  // allow|deny CALLERS ACTIONS FACTS CLASSES, each one word.
  const words = rule.trim().split(' ');
  return words.length === 4 || words.length === 5 ? words.join('\t') : rule.trim();
}

/** One rule, or the text of a whole policy. @throws Problem `bad-policy` */
export function parseRules(text: string, agent: string, groups: Groups): Policy {
  const lines = text.includes('\n') ? text : ruleLine(text);
  return parsePolicy(lines, `${agent}.policy`, groups);
}
