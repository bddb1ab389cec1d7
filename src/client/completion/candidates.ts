import type { Argument, Command, Option } from 'commander';
import { type AnnotatedSchema, actionOf, type Ddl, inputNames, inputSchema } from '../../core/ddl/ddl.ts';
import type { CachedNode } from '../../discovery/cache/content.ts';

/** A possible word, and its description. */
export interface Candidate {
  readonly value: string;
  readonly help?: string | undefined;
}

/** The sources of words. */
export interface Known {
  readonly program: Command;
  readonly catalogue: readonly Ddl[];
  readonly nodes: readonly CachedNode[];
  readonly playbooks: readonly string[];
  /** Shipped scripts, without their ending. */
  readonly scripts: readonly string[];
  /** The inputs of the script on the command line: descriptions by name. */
  readonly scriptInputs: Readonly<Record<string, string>>;
}

/** Makes the shell complete a file name. */
const files: Candidate = { value: ':files' };

/** @param words the command line without the program's name; the last is the one that is being typed, maybe empty */
export function candidatesOf(words: readonly string[], known: Known): Candidate[] {
  const typed = words.at(-1) ?? '';
  const { command, operands, option } = follow(words.slice(0, -1), known.program);
  const all = option === undefined ? wordsFor(command, operands, typed, known) : valuesOf(option, known);
  return all.filter(({ value }) => value === files.value || (plain.test(value) && value.startsWith(typed)));
}

/** A node's own values end up on a command line: there they must not mean anything to a shell. */
const plain = /^[A-Za-z0-9_.:=/@%+,-]+$/;

/** The meaning of the words so far: the command, its operands, and an option that waits for its value. */
function follow(words: readonly string[], program: Command) {
  let command = program;
  let operands: string[] = [];
  let option: Option | undefined;
  let onlyOperands = false;
  for (const word of words) {
    if (option !== undefined) option = undefined;
    else if (word === '--') onlyOperands = true;
    else if (word.startsWith('-') && !onlyOperands) option = waiting(word, command);
    else {
      const child = operands.length === 0 ? command.commands.find((one) => one.name() === word) : undefined;
      if (child === undefined) operands.push(word);
      else [command, operands] = [child, []];
    }
  }
  return { command, operands, option };
}

function waiting(word: string, command: Command): Option | undefined {
  const option = command.options.find(({ long, short }) => word === long || word === short);
  return option?.required === true ? option : undefined;
}

function wordsFor(command: Command, operands: readonly string[], typed: string, known: Known): Candidate[] {
  if (typed.startsWith('-')) return optionsOf(command);
  const children = operands.length === 0 ? childrenOf(command) : [];
  const position = Math.min(operands.length, command.registeredArguments.length - 1);
  const argument = command.registeredArguments[position];
  const isPast = operands.length > position && argument?.variadic !== true;
  return argument === undefined || isPast
    ? children
    : [...children, ...operandsFor(argument, command, operands, known)];
}

function childrenOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .map((child) => ({ value: child.name(), help: child.description() }));
}

function optionsOf(command: Command): Candidate[] {
  return command
    .createHelp()
    .visibleOptions(command)
    .map(({ long, short, description }) => ({ value: long ?? short ?? '', help: description }));
}

/** By the name of the command's argument, the same in all commands. */
function operandsFor(argument: Argument, command: Command, operands: readonly string[], known: Known): Candidate[] {
  switch (argument.name()) {
    case 'agent':
      return known.catalogue.map(({ name, description }) => ({ value: name, help: description }));
    case 'action':
      return actionsOf(known.catalogue, operands[0]);
    case 'inputs':
      return command.name() === 'rpc' ? inputsOf(known.catalogue, operands) : scriptInputsOf(known, operands);
    case 'node':
    case 'nodes':
      return namesOf(known.nodes);
    case 'playbook':
      return [...known.playbooks, ...known.scripts.map((name) => `${name}.mc`)]
        .map((value) => ({ value }))
        .concat(files);
    case 'script':
      return [...known.scripts.map((value) => ({ value })), files];
    case 'fact':
      return distinct(known.nodes.flatMap(({ facts }) => Object.keys(facts)));
    case 'command':
      return childrenOf(known.program);
    default:
      return /file|path|policies|dir/.test(argument.name()) ? [files] : [];
  }
}

function actionsOf(catalogue: readonly Ddl[], agent: string | undefined): Candidate[] {
  const ddl = catalogue.find(({ name, aliases }) => name === agent || aliases?.includes(agent ?? ''));
  return Object.entries(ddl?.actions ?? {}).map(([value, { description }]) => ({ value, help: description }));
}

/** The inputs that are not given yet, as `name=`. */
function inputsOf(catalogue: readonly Ddl[], [agent, action = '', ...typed]: readonly string[]): Candidate[] {
  const ddl = catalogue.find(({ name }) => name === agent);
  const description = ddl && actionOf(ddl, action);
  if (description === undefined) return [];
  return inputNames(description)
    .filter((name) => !typed.some((word) => word.startsWith(`${name}=`)))
    .map((name) => ({ value: `${name}=`, help: inputText(inputSchema(description, name)) }));
}

/** Those that are not given yet. */
function scriptInputsOf({ scriptInputs }: Known, typed: readonly string[]): Candidate[] {
  return Object.entries(scriptInputs)
    .filter(([name]) => !typed.some((word) => word.startsWith(`${name}=`)))
    .map(([name, help]) => ({ value: `${name}=`, help }));
}

function inputText(schema: AnnotatedSchema | undefined): string | undefined {
  return typeof schema === 'object' ? schema.description : undefined;
}

function valuesOf(option: Option, { catalogue, nodes }: Known): Candidate[] {
  if (option.argChoices !== undefined) return option.argChoices.map((value) => ({ value }));
  switch (option.long) {
    case '--wi':
      return namesOf(nodes);
    case '--wa':
    case '--agent':
      return catalogue.map(({ name, description }) => ({ value: name, help: description }));
    case '--wc':
      return distinct(nodes.flatMap(({ classes }) => classes));
    case '--wf':
      return distinct(nodes.flatMap(({ facts }) => Object.entries(facts).map(([name, value]) => `${name}=${value}`)));
    case '--cluster':
      return distinct(nodes.flatMap(({ facts }) => facts.cluster ?? []));
    default:
      return /<(file|path|dir|directory)>/.test(option.flags) ? [files] : [];
  }
}

function namesOf(nodes: readonly CachedNode[]): Candidate[] {
  return distinct(nodes.map(({ name }) => name));
}

function distinct(values: readonly string[]): Candidate[] {
  return [...new Set(values)].sort().map((value) => ({ value }));
}
