import { shellWord } from '../cli/shell-word.ts';
import { translateOptions } from './options.ts';
import { agentHabits, commandHabits } from './table.ts';

/** The words of this program: only others are looked up. */
export interface KnownNames {
  readonly commands: ReadonlySet<string>;
  /** Names and aliases of agents. */
  readonly agents: ReadonlySet<string>;
  /** The options of a command, including those of its subcommands, and whether each needs a value. */
  readonly optionsOf: (command: string) => ReadonlyMap<string, boolean>;
}

/** Words to run, or a message instead. */
export interface Translation {
  readonly words: readonly string[];
  readonly answer?: string;
}

/** Translates a command line in the habit of another tool; a known one is returned unchanged. */
export function translate(words: readonly string[], known: KnownNames): Translation {
  const first = translateCommand(words, known);
  if (first.answer !== undefined) return first;
  const [command = '', ...rest] = first.words;
  if (!known.commands.has(command)) return first;
  const options = translateOptions(command, rest, () => known.optionsOf(command));
  if (options.answer !== undefined) return { words, answer: options.answer };
  return { words: command === 'rpc' ? ['rpc', ...namedCall(options.words)] : [command, ...options.words] };
}

function translateCommand(words: readonly string[], known: KnownNames): Translation {
  const { commands, agents } = known;
  const [first = ''] = words;
  if (first.startsWith('-')) return beforeCommand(words, known);
  const two = words.slice(0, 2).join(' ');
  const isKnown = commands.has(first) && !Object.hasOwn(commandHabits, two);
  for (const [length, key] of isKnown
    ? []
    : ([
        [2, two],
        [1, first],
      ] as const)) {
    const habit = Object.hasOwn(commandHabits, key) ? commandHabits[key] : undefined;
    if (habit === undefined || (length === 1 && commands.has(first))) continue;
    if ('answer' in habit) return { words, answer: habit.answer };
    return { words: [...habit.as, ...words.slice(length)] };
  }
  if (commands.has(first)) return { words };
  const call = asCall(words, agents);
  return call === undefined
    ? { words }
    : { words, answer: `“${first}” is an agent, not a command: mco-deploy ${call.map(shellWord).join(' ')}` };
}

/** `--json ping`: options come after the command that takes them. */
function beforeCommand(words: readonly string[], { commands, optionsOf }: KnownNames): Translation {
  const place = words.findIndex((word, at) => commands.has(word) && areOptions(words.slice(0, at), optionsOf(word)));
  const [flag = ''] = words[0]?.split('=') ?? [];
  const command = words[place];
  if (command === undefined) return { words };
  const rest = words.slice(place + 1);
  const end = rest.includes('--') ? rest.indexOf('--') : rest.length;
  // Behind the command's own words: a group of commands takes no options before the name of one.
  const moved = [...rest.slice(0, end), ...words.slice(0, place), ...rest.slice(end)];
  const line = ['mco-deploy', command, ...moved].map(shellWord).join(' ');
  return { words, answer: `the option ${flag} comes after the command: ${line}` };
}

/** Whether the words are options and their values: in `-I find ping`, “find” is the name of a node. */
function areOptions(words: readonly string[], options: ReadonlyMap<string, boolean>): boolean {
  for (let at = 0; at < words.length; at++) {
    const [flag = '', inline] = words[at]?.split('=') ?? [];
    const needsValue = options.get(flag);
    if (needsValue === undefined) return false;
    if (needsValue && inline === undefined && ++at === words.length) return false;
  }
  return true;
}

/** `service restart httpd` is a call of the agent service. */
function asCall([agent = '', ...rest]: readonly string[], agents: ReadonlySet<string>): string[] | undefined {
  const habit = Object.hasOwn(agentHabits, agent) ? agentHabits[agent] : undefined;
  if (habit === undefined) return agents.has(agent) ? ['rpc', agent, ...rest] : undefined;
  const end = rest.findIndex((word) => word.startsWith('-'));
  const positional = end === -1 ? rest : rest.slice(0, end);
  const options = rest.slice(positional.length);
  // Older applications have the object before the action.
  const action = positional.find((word) => habit.actions.includes(word)) ?? positional[0] ?? 'ACTION';
  const values = positional.filter((word) => word !== action);
  const inputs = values.map((value, at) =>
    value.includes('=') || !habit.inputs[at] ? value : `${habit.inputs[at]}=${value}`,
  );
  return ['rpc', agent, action, ...inputs, ...options];
}

/** `--agent A --action B --arg c=d` names what is otherwise positional. */
function namedCall(words: readonly string[]): string[] {
  const named: Record<string, string[]> = { agent: [], action: [], arg: [] };
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const [, flag, inline] = /^--(agent|action|arg)(?:ument)?(?:=(.*))?$/s.exec(words[at] ?? '') ?? [];
    if (flag === undefined) rest.push(words[at] as string);
    else named[flag]?.push(inline ?? words[++at] ?? '');
  }
  return [
    ...(named.agent ?? []),
    ...(named.action ?? []),
    ...rest.slice(0, firstOption(rest)),
    ...(named.arg ?? []),
    ...rest.slice(firstOption(rest)),
  ];
}

function firstOption(words: readonly string[]): number {
  const at = words.findIndex((word) => word.startsWith('-'));
  return at === -1 ? words.length : at;
}
