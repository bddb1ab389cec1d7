import { parseActions, parseCallers, parseClasses, parseFacts } from './columns.ts';
import { faultIn, type Line, linesOf } from './lines.ts';
import type { Groups, Policy, Rule } from './policy.ts';

export { parseGroups } from './groups.ts';
export type { Groups, Policy, Rule } from './policy.ts';

const mostRules = 2000;

/**
 * An actionpolicy file: `policy default allow|deny` on any one line, and rules `allow|deny  CALLERS  ACTIONS  FACTS
 * [CLASSES]` with tabs between the columns; `#` comments on their own lines. Without a default line, a call without a
 * matching rule is denied.
 * @param file its name in messages and decisions
 * @throws Problem `bad-policy` with file and line, for any line that does not parse: skipping a `deny` would allow too
 * much
 */
export function parsePolicy(text: string, file: string, groups: Groups): Policy {
  const rules: Rule[] = [];
  let byDefault: boolean | undefined;
  for (const line of linesOf(text, file)) {
    const [first] = line.text.split(/\s/, 1);
    if (first === 'policy') {
      if (byDefault !== undefined) throw faultIn(line, 'the default is set twice');
      byDefault = parseDefault(line);
    } else if (rules.push(parseRule(line, groups)) > mostRules) {
      throw faultIn(line, `the file has more than ${mostRules} rules`);
    }
  }
  return { file, rules, allowsByDefault: byDefault ?? false };
}

function parseDefault(line: Line): boolean {
  const [, word] = /^policy\s+default\s+(allow|deny)$/.exec(line.text) ?? [];
  if (word === undefined)
    throw faultIn(line, 'this is not a valid default', 'write “policy default deny” or “policy default allow”');
  return word === 'allow';
}

function parseRule(line: Line, groups: Groups): Rule {
  const [effect = '', callers, actions, facts, classes = '*', ...more] = line.text
    .split(/\t+/)
    .map((part) => part.trim());
  if (effect !== 'allow' && effect !== 'deny') {
    const known = 'lines begin with “allow”, “deny”, “policy default” or “#”, with tabs between the columns';
    throw faultIn(line, 'this is not a valid rule', known);
  }
  if (!callers || !actions || !facts || !classes || more.length > 0) {
    throw faultIn(
      line,
      'a rule has four or five columns, separated by tabs',
      'allow|deny CALLERS ACTIONS FACTS CLASSES',
    );
  }
  return {
    allows: effect === 'allow',
    callers: parseCallers(callers, groups, line),
    actions: parseActions(actions, line),
    node: [...parseFacts(facts, line), ...parseClasses(classes, line)],
    line: line.number,
    text: line.text,
  };
}
