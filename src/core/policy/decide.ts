import { mayHold, mustHold, type PartlyKnownNode } from './certainty.ts';
import type { Policy, Rule } from './policy.ts';

/** The caller, the action and the node of a decision. */
export interface AccessRequest {
  /** `cert=NAME` or `node=NAME`. */
  readonly caller: string;
  readonly action: string;
  readonly node: PartlyKnownNode;
  /**
   * True for a caller whose certificate is limited: only rules that name it allow anything, neither * nor a regex nor a
   * default.
   */
  readonly limited?: boolean;
}

/** The decision of a policy, and the line that decides. */
export interface Decision {
  readonly allowed: boolean;
  readonly file: string;
  readonly line: number | 'default';
  /** The line as written; for the default, its meaning. */
  readonly text: string;
}

/**
 * The first matching rule decides; without one, the default. Where facts or classes are missing because a file cannot be
 * read, a rule that depends on them denies if it may match, and allows only if it must: a broken file opens nothing.
 */
export function decide(policy: Policy, request: AccessRequest): Decision {
  const { file, rules, allowsByDefault } = policy;
  const rule = rules.find((candidate) => fits(candidate, request));
  if (rule !== undefined) return { allowed: rule.allows, file, line: rule.line, text: rule.text };
  return {
    allowed: allowsByDefault && request.limited !== true,
    file,
    line: 'default',
    text: `policy default ${allowsByDefault ? 'allow' : 'deny'}`,
  };
}

function fits({ allows, callers, actions, node }: Rule, request: AccessRequest): boolean {
  if (request.limited === true && allows && (callers === '*' || !callers.ids.has(request.caller))) return false;
  return (
    (callers === '*' ||
      callers.ids.has(request.caller) ||
      callers.patterns.some((matches) => matches(request.caller))) &&
    (actions === '*' || actions.has(request.action)) &&
    node.every((expression) => (allows ? mustHold : mayHold)(expression, request.node))
  );
}
