import { agents } from '../../../src/agents/index.ts';
import type { AgentEntry } from '../../../src/core/agent.ts';
import { Problem } from '../../../src/core/errors.ts';
import type { JsonObject } from '../../../src/core/json.ts';

/** What a node answers to a call of `agent.action`: its output, or the Problem with which it fails. */
export type Answers = Readonly<Record<string, JsonObject | Problem | ((input: JsonObject) => JsonObject | Problem)>>;

/** A call that arrived. */
export interface Asked {
  readonly node: string;
  readonly action: string;
  readonly input: JsonObject;
}

/**
 * Built-in agents by their descriptions alone: a test gives their answers. What it gives none for fails.
 * @param answersOf those of a node
 */
export function answeringAgents(
  names: readonly string[],
  answersOf: (node: string) => Answers,
  asked: Asked[] = [],
): AgentEntry[] {
  const answer = (node: string, action: string, input: JsonObject) => {
    asked.push({ node, action, input });
    const given = answersOf(node)[action];
    const found = typeof given === 'function' ? given(input) : given;
    return found ?? new Problem('internal', `the test has no answer to ${action}`);
  };
  return agents
    .filter(({ ddl }) => names.includes(ddl.name))
    .map((entry) => ({
      ddl: entry.ddl,
      config: { type: 'object', properties: {} },
      load:
        async () =>
        async ({ node }) => ({
          handlers: Object.fromEntries(
            Object.keys(entry.ddl.actions).map((action) => [
              action,
              async (input: JsonObject) => {
                const found = answer(node.identity, `${entry.ddl.name}.${action}`, input);
                if (found instanceof Problem) throw found;
                return found;
              },
            ]),
          ),
        }),
    }));
}
