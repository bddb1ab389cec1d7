/** The inputs and steps of a playbook, for people: as plain lines, or as Markdown. */
import { printable } from '../../core/text.ts';
import type {
  GroupSource,
  InputSource,
  NodeSetSource,
  PlaybookSource,
  StepSource,
} from '../../playbook/source/schema.ts';
import { isRequired } from '../../playbook/inputs/inputs.ts';
import { rollingBatch } from '../../playbook/source/defaults.ts';

/** A heading and its lines, each in two parts. */
export interface Section {
  readonly title: string;
  readonly rows: readonly (readonly [string, string])[];
}

export function describePlaybook(source: PlaybookSource): string[] {
  return formatSections(source, sectionsOf(source));
}

export function describePlaybookInMarkdown(source: PlaybookSource): string[] {
  return formatSectionsInMarkdown(source, sectionsOf(source));
}

type Named = Pick<PlaybookSource, 'name' | 'description'>;

export function formatSections({ name, description = '' }: Named, sections: readonly Section[]): string[] {
  const heading = [`${name}: ${description}`.replace(/: $/, '')];
  const lines = sections.flatMap(({ title, rows }) => {
    const width = Math.max(...rows.map(([name]) => name.length));
    return ['', title, ...rows.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`.trimEnd())];
  });
  return [...heading, ...lines].map(printable);
}

export function formatSectionsInMarkdown({ name, description }: Named, sections: readonly Section[]): string[] {
  const heading = [`# ${name}`, ...(description === undefined ? [] : ['', plainMarkdown(description)])];
  const lines = sections.flatMap(({ title, rows }) => {
    const table = rows.map(([name, text]) => `| ${code(name)} | ${plainMarkdown(text)} |`);
    return ['', `## ${title}`, '', '| | |', '|---|---|', ...table];
  });
  return [...heading, ...lines].map(printable);
}

function sectionsOf({ inputs = {}, nodes = {}, steps, on_failure = [], always = [], lock }: PlaybookSource): Section[] {
  const list = (title: string, sources: readonly StepSource[]) => ({ title, rows: rowsOfSteps(sources, '') });
  const sections = [
    { title: 'Inputs', rows: Object.entries(inputs).map(([name, input]) => [name, describeInput(input)] as const) },
    { title: 'Nodes', rows: Object.entries(nodes).map(([name, set]) => [name, describeSet(set)] as const) },
    list('Steps', steps),
    list('After a failure', on_failure),
    list('At every end', always),
    { title: 'Lease', rows: lock === undefined ? [] : [[lock, 'keeps other runs out'] as const] },
  ];
  return sections.filter(({ rows }) => rows.length > 0);
}

/** The purpose of an input, and its possible values. */
export function describeInput(input: InputSource): string {
  const { type = 'string', enum: values, pattern, minimum, maximum, from, sensitive, description = '' } = input;
  const parts = [
    values === undefined ? type : `one of ${values.map(String).join(', ')}`,
    pattern === undefined ? '' : `like ${pattern}`,
    minimum === undefined ? '' : `at least ${minimum}`,
    maximum === undefined ? '' : `at most ${maximum}`,
    input.default === undefined ? (isRequired(input) ? 'required' : 'optional') : `default ${String(input.default)}`,
    from?.env === undefined ? '' : `or from the environment variable ${from.env}`,
    from?.file === undefined ? '' : `or from the file ${from.file}`,
    sensitive === true ? 'never shown' : '',
  ];
  return [description, `(${parts.filter((part) => part !== '').join('; ')})`].filter((part) => part !== '').join(' ');
}

function describeSet(set: NodeSetSource): string {
  const { description = '', agents, classes, facts, identities, select, source, file } = set;
  const terms = { agents, classes, facts, identities };
  const parts = [
    ...Object.entries(terms).flatMap(([kind, list]) => (list === undefined ? [] : [`${kind} ${list.join(', ')}`])),
    ...(select === undefined ? [] : [`select ${select}`]),
    ...(source === undefined ? [] : [`from ${source}${file === undefined ? '' : ` ${file}`}`]),
    ...(set.if === undefined ? [] : [`if ${plainCondition(set.if)}`]),
    ...(set.at_least === undefined ? [] : [`at least ${set.at_least}`]),
    ...(set.limit === undefined ? [] : [`at most ${set.limit}`]),
    ...(set.allow_missing === true ? ['silent ones are skipped'] : []),
  ];
  const filter = parts.length === 0 ? 'all nodes' : parts.join('; ');
  return description === '' ? filter : `${description} (${filter})`;
}

function rowsOfSteps(steps: readonly StepSource[], indent: string): (readonly [string, string])[] {
  return steps.flatMap((step, index) => [
    [`${indent}${step.id ?? index + 1}`, describeStep(step)] as const,
    ...rowsOfGroup(step.rolling ?? step.for_each, indent),
  ]);
}

function rowsOfGroup(group: GroupSource | undefined, indent: string): (readonly [string, string])[] {
  if (group === undefined) return [];
  const after = rowsOfSteps(group.on_failure ?? [], `${indent}  on failure `);
  return [...rowsOfSteps(group.steps, `${indent}  `), ...after];
}

function describeStep(step: StepSource): string {
  const what = step.name === undefined ? actOf(step) : `${step.name}: ${actOf(step)}`;
  return step.if === undefined ? what : `${what}, if ${plainCondition(step.if)}`;
}

function actOf(step: StepSource): string {
  const { call, rolling, for_each: loop, use, say, set, require: required, confirm, pause, finish } = step;
  if (call !== undefined) return describeCall(step);
  if (rolling !== undefined)
    return `for ${bare(rolling.over)}, ${[rolling.batch ?? rollingBatch].flat().map(bare).join(', ')} at a time`;
  if (loop !== undefined) return `for each of ${[loop.in].flat().map(bare).join(', ')}`;
  if (use !== undefined) return `the playbook ${use}`;
  if (confirm !== undefined) return `asks: ${confirm}`;
  if (pause !== undefined) return `waits ${bare(pause)}`;
  if (required !== undefined) return `requires ${plainCondition(required)}`;
  if (finish !== undefined) return `ends the run: ${finish}`;
  if (set !== undefined) return `sets ${Object.keys(set).join(', ')}`;
  return `says: ${say ?? ''}`;
}

function describeCall(step: StepSource): string {
  const { call = '', on = '', batch, tries, try_sleep, until, max_failures, limit, failover, dry_run } = step;
  const parts = [
    `${call} on ${bare(on)}`,
    batch === undefined ? '' : `${[batch].flat().map(bare).join(', ')} at a time`,
    tries === undefined
      ? ''
      : `up to ${bare(tries)} tries${try_sleep === undefined ? '' : `, ${bare(try_sleep)} apart`}`,
    until === undefined ? '' : `until ${plainCondition(until)}`,
    max_failures === undefined ? '' : `fails at ${bare(max_failures)} failed`,
    limit === undefined ? '' : `only ${bare(limit)} of them${failover === true ? ', another for each that fails' : ''}`,
    dry_run === true ? 'only asks' : '',
  ];
  return parts.filter((part) => part !== '').join('; ');
}

/** An expression without its braces. */
function bare(value: unknown): string {
  const text = String(value);
  const trimmed = text.trim();
  return trimmed.startsWith('${{') && trimmed.endsWith('}}') ? trimmed.slice(3, -2).trim() : text;
}

function plainCondition(text: string): string {
  return bare(text).replaceAll(/\s+/g, ' ');
}

function code(text: string): string {
  return text.includes('`') ? plainMarkdown(text) : `\`${text.replaceAll('|', '\\|')}\``;
}

function plainMarkdown(text: string): string {
  return text.replaceAll(/\s+/g, (blank) => (blank.includes('\n') ? ' ' : blank)).replaceAll(/[\\`*_[\]<>|#]/g, '\\$&');
}
