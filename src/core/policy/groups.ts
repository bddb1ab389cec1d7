import { foreignCallerHint } from './foreign.ts';
import { faultIn, type Line, linesOf } from './lines.ts';
import type { Groups } from './policy.ts';

// Callers in the form of core/identity: an operator, or a node that relays.
const callerSyntax = /^(?:cert|node)=[A-Za-z0-9][A-Za-z0-9._@+-]{0,252}$/;
const groupSyntax = /^[A-Za-z_][\w.-]{0,127}$/;

export function isCallerId(word: string): boolean {
  return callerSyntax.test(word);
}

export function isGroupName(word: string): boolean {
  return groupSyntax.test(word);
}

/**
 * The file `groups`: a line for each, `NAME CALLER CALLER …`; groups don't nest. `#` comments.
 * @throws Problem `bad-policy` with file and line, for any line that does not parse
 */
export function parseGroups(text: string, file: string): Groups {
  const groups = new Map<string, readonly string[]>();
  for (const line of linesOf(text, file)) {
    const [name = '', ...callers] = line.text.split(/\s+/);
    if (groups.has(name)) throw faultIn(line, `the group “${name}” is defined twice`);
    groups.set(parseGroupName(name, line), callers);
    if (callers.length === 0) throw faultIn(line, `the group “${name}” has no members`, 'write NAME cert=SOMEBODY …');
    for (const caller of callers) checkMember(caller, line);
  }
  return groups;
}

function parseGroupName(name: string, line: Line): string {
  if (!isGroupName(name)) throw faultIn(line, `“${name.slice(0, 60)}” is not a valid group name`);
  return name;
}

function checkMember(caller: string, line: Line): void {
  if (isCallerId(caller)) return;
  const hint = isGroupName(caller)
    ? 'groups don’t nest'
    : (foreignCallerHint(caller) ?? 'write cert=NAME or node=NAME');
  throw faultIn(line, `“${caller.slice(0, 60)}” is not a valid caller`, hint);
}
