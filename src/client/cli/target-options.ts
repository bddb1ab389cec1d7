import { type Command, InvalidArgumentError, Option } from 'commander';
import type { Ddl } from '../../core/ddl/ddl.ts';
import type { TargetOptions } from '../../library/fleet/targets.ts';
import { collect } from './collect.ts';

export type { TargetOptions };

const nodesHeading = 'Which nodes (all kinds must match; -F, -C, -A, -I and -W can be repeated):';

export function parseSeconds(value: string): number {
  const seconds = Number(value);
  if (value.trim() === '' || !(seconds > 0 && seconds <= 86_400))
    throw new InvalidArgumentError('it must be a number of seconds.');
  return seconds;
}

function parseLimit(value: string): string {
  if (!/^([1-9]\d{0,8}|100%|[1-9]\d?%)$/.test(value))
    throw new InvalidArgumentError('it must be a number or a percentage, such as 3 or 20%; -I chooses nodes by name.');
  return value;
}

function parseSeed(value: string): number {
  if (!/^\d{1,15}$/.test(value)) throw new InvalidArgumentError('it must be a whole number.');
  return Number(value);
}

/** As a chat or a word processor writes them: no shell takes them for quotes. */
const otherQuotes = /(^|[=~<>])[“”„‘’‚«»]/;

/** An empty filter, as of a shell's variable that is not set, would choose every node. */
function filled(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('it must not be empty; leave it out for all nodes.');
  if (otherQuotes.test(value)) throw new InvalidArgumentError(`its quotes are not ' or ": type them again.`);
  return value;
}

const collectFilled = (value: string, before: string[] = []) => collect(filled(value), before);

/**
 * The filters and related options, the same on every command that addresses nodes.
 * @param catalogue whose aliases `-A` accepts as well: nodes announce agents, and are asked for them, by their names
 */
export function addTargetOptions(command: Command, catalogue: readonly Ddl[] = []): Command {
  takeList(command, true);
  command.optionsGroup(nodesHeading);
  const list = (flags: string, text: string) => command.addOption(new Option(flags, text).argParser(collectFilled));
  const hidden = (flags: string) => command.addOption(new Option(flags).argParser(collectFilled).hideHelp());
  const agent = (value: string, before: string[] = []) => [...before, agentName(filled(value), catalogue)];
  list('-F, --wf <fact>', 'fact name=value; also != < > <= >= =~');
  list('-C, --wc <class>', 'class, or /regex/');
  command.addOption(new Option('-A, --wa <agent>', 'agent that runs there').argParser(agent));
  list('-I, --wi <identity>', 'name, or /regex/: any of them');
  list('-W, --with <terms>', 'classes and facts: "class fact=value /regex/"');
  hidden('--with-fact <fact>');
  hidden('--with-class <class>');
  command.addOption(new Option('--with-agent <agent>').argParser(agent).hideHelp());
  hidden('--with-identity <identity>');
  command.option('-S, --select <expression>', 'filters combined with and, or, not and ( )', filled);
  return addDiscoveryOptions(command)
    .optionsGroup(nodesHeading)
    .option('-t, --timeout <seconds>', 'how long to wait for a reply', parseSeconds)
    .option('--limit <n>', 'call only this many of them, or N%', parseLimit)
    .option('--limit-seed <seed>', 'choose the same ones again', parseSeed)
    .option('-1, --one', 'call only one of them')
    .option('--np', 'show no progress on a terminal');
}

function agentName(name: string, catalogue: readonly Ddl[]): string {
  const alias = name.toLowerCase();
  return catalogue.find(({ aliases }) => aliases?.includes(alias))?.name ?? name;
}

/** Whether the command addresses nodes, so that a list of them may be piped into it. */
export function takeList(command: Command, takes: boolean): Command {
  return command.setOptionValueWithSource('takesList', takes, 'default');
}

/** The source of nodes. */
export function addDiscoveryOptions(command: Command): Command {
  return command
    .optionsGroup('How nodes are found:')
    .option('--nodes <file>', 'read the nodes from this file instead of discovering them')
    .option('--dm <method>', 'discovery method: mdns, file, stdin, dns, …')
    .option('--do <option>', 'option of that method, as name=value', collect)
    .option('--dt <seconds>', 'how long to wait for the first reply', parseSeconds);
}

interface Raw {
  wf?: string[];
  wc?: string[];
  wa?: string[];
  wi?: string[];
  with?: string[];
  withFact?: string[];
  withClass?: string[];
  withAgent?: string[];
  withIdentity?: string[];
  select?: string;
  nodes?: string;
  dm?: string;
  do?: string[];
  dt?: number;
  timeout?: number;
  limit?: string;
  limitSeed?: number;
  one?: boolean;
  takesList?: boolean;
}

/** @param agent the agent to call, which the nodes must run */
export function readTargetOptions(options: object, agent?: string): TargetOptions {
  const raw = options as Raw;
  const join = (...lists: (string[] | undefined)[]) => lists.flatMap((list) => list ?? []);
  return {
    filter: {
      facts: join(raw.wf, raw.withFact),
      classes: join(raw.wc, raw.withClass),
      agents: join(raw.wa, raw.withAgent, agent === undefined ? [] : [agent]),
      identities: join(raw.wi, raw.withIdentity),
      with: join(raw.with),
      select: raw.select ?? '',
    },
    nodesFile: raw.nodes,
    method: raw.dm,
    discoveryOptions: raw.do ?? [],
    discoveryTimeout: raw.dt,
    timeout: raw.timeout,
    limit: raw.one === true ? '1' : raw.limit,
    limitSeed: raw.limitSeed,
    takesList: raw.takesList === true,
  };
}
