import {
  type ActionDdl,
  type AnnotatedSchema,
  type Ddl,
  inputNames,
  inputSchema,
  type ObjectSchema,
} from '../../core/ddl/ddl.ts';
import { printable } from '../../core/text.ts';

/** The information that a person needs to write or read one property. */
interface Property {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly text: string;
}

/** The description of an action for a terminal. */
export function actionLines(ddl: Ddl, name: string, action: ActionDdl): string[] {
  const inputs = inputsOf(action);
  const words = inputs.map(({ name: input, required }) => (required ? `${input}=…` : `[${input}=…]`)).join(' ');
  const part = (title: string, properties: readonly Property[]) =>
    properties.length === 0 ? [] : ['', `  ${title}:`, ...tableLines(properties)];
  return [
    `${ddl.name} ${name}${words === '' ? '' : ` ${words}`}`,
    `  ${action.description}`,
    `  ${describeActionKind(action)}`,
    ...part('Inputs', inputs),
    ...part('Outputs', outputsOf(action)),
  ].map(printable);
}

export function ddlLines(ddl: Ddl): string[] {
  const heading = `${ddl.name} ${ddl.version}: ${ddl.description}`;
  const aliases = ddl.aliases === undefined ? [] : [`Also called: ${ddl.aliases.join(', ')}`];
  const actions = Object.entries(ddl.actions).flatMap(([name, action]) => ['', ...actionLines(ddl, name, action)]);
  return [
    printable(heading),
    printable(`Author: ${ddl.author}  License: ${ddl.license}`),
    ...aliases.map(printable),
    ...actions,
  ];
}

/** The same as a page of Markdown. */
export function ddlMarkdown(ddl: Ddl): string {
  const actions = Object.entries(ddl.actions).flatMap(([name, action]) => [
    '',
    `## ${name}`,
    '',
    `${cell(action.description)}. ${describeActionKind(action)}`,
    ...markdownTable('Inputs', inputsOf(action)),
    ...markdownTable('Outputs', outputsOf(action)),
  ]);
  const aliases = ddl.aliases === undefined ? '' : ` Also called ${ddl.aliases.map((one) => `\`${one}\``).join(', ')}.`;
  return `${[`# ${ddl.name}`, '', `${cell(ddl.description)}.${aliases}`, '', `Version ${cell(ddl.version)}, by ${cell(ddl.author)}, ${cell(ddl.license)}.`, ...actions].join('\n')}\n`;
}

function describeActionKind({ kind, repeatable, dryRun, timeout, aggregate = [] }: ActionDdl): string {
  const changes =
    kind === 'read' ? 'Reads only' : `Changes the node${repeatable ? ', may be repeated' : ', not to be repeated'}`;
  const sums = aggregate.map(({ function: how, output }) => `${how} of ${output}`);
  const summed = sums.length === 0 ? '' : ` Summed up: ${sums.join(', ')}.`;
  return `${changes}${dryRun ? ', supports --dry-run' : ''}; ends within ${timeout} s.${summed}`;
}

function inputsOf(action: ActionDdl): Property[] {
  const { required = [] } = action.input as { required?: readonly string[] };
  return inputNames(action).map((name) => propertyOf(name, inputSchema(action, name), required.includes(name)));
}

function outputsOf({ output }: ActionDdl): Property[] {
  const { properties = {} } = output as ObjectSchema & { properties?: Record<string, AnnotatedSchema> };
  return Object.entries(properties).map(([name, schema]) => propertyOf(name, schema, false));
}

function propertyOf(name: string, described: AnnotatedSchema | undefined, required: boolean): Property {
  const schema = (typeof described === 'object' ? described : {}) as Readonly<Record<string, unknown>>;
  const type = Array.isArray(schema.type) ? schema.type.join(' or ') : String(schema.type ?? 'any');
  const text = String(schema.description ?? schema['x-prompt'] ?? schema['x-display-as'] ?? '');
  const limits = [
    Array.isArray(schema.enum) ? `one of ${schema.enum.map(String).join(', ')}` : '',
    schema.default === undefined ? '' : `default ${JSON.stringify(schema.default)}`,
    schema.minimum === undefined ? '' : `at least ${String(schema.minimum)}`,
    schema.maximum === undefined ? '' : `at most ${String(schema.maximum)}`,
    schema.maxLength === undefined ? '' : `at most ${String(schema.maxLength)} characters`,
    schema['x-sensitive'] === true ? 'sensitive: never logged' : '',
  ].filter((words) => words !== '');
  return { name, type, required, text: [text, ...limits].filter((words) => words !== '').join('; ') };
}

function tableLines(properties: readonly Property[]): string[] {
  const [name, type] = [widest(properties, 'name'), widest(properties, 'type')];
  return properties.map((one) => {
    const needed = one.required ? ' (required)' : '';
    return `    ${one.name.padEnd(name)}  ${one.type.padEnd(type)}  ${one.text}${needed}`.trimEnd();
  });
}

function widest(properties: readonly Property[], key: 'name' | 'type'): number {
  return Math.max(...properties.map((one) => one[key].length));
}

function markdownTable(title: string, properties: readonly Property[]): string[] {
  if (properties.length === 0) return [];
  const rows = properties.map(
    ({ name, type, required, text }) =>
      `| \`${name}\` | ${cell(type)} | ${cell(text)}${required ? ' (required)' : ''} |`,
  );
  return ['', `| ${title} | Type | Meaning |`, '|---|---|---|', ...rows];
}

/** Text that can neither end its cell nor become markup. */
function cell(text: string): string {
  return printable(text)
    .replaceAll('\n', ' ')
    .replaceAll(/[\\|<>`*_[\]]/g, '\\$&');
}
