/** The JSON Schemas of commands' output with --json, by their names in `mco-deploy schema`. */
import { playbookSchema } from '../../playbook/source/schema.ts';
import { auditSchemas } from './audit.ts';
import { hostSchemas, writingSchemas } from './hosts.ts';
import { publishSchemas } from './publish.ts';
import { nodeSchemas } from './nodes.ts';
import { jobSchema, jobsSchema } from './jobs.ts';
import { count, object, text } from './parts.ts';
import { reportSchema } from './report.ts';
import { runEventSchema } from './run-event.ts';
import { runSchema, runsSchema, statusSchema } from './runs.ts';
import { trustSchemas } from './trust.ts';

const schemas = {
  error: {
    description: 'What a command prints on standard error, as its last line, when it ends with an error.',
    ...object({ error: object({ code: text, message: text, hint: text }), exit_code: count }),
  },
  'run-event': runEventSchema,
  jobs: jobsSchema,
  job: jobSchema,
  runs: runsSchema,
  run: runSchema,
  'runs-report': reportSchema,
  status: statusSchema,
  ...nodeSchemas,
  ...auditSchemas,
  ...trustSchemas,
  ...hostSchemas,
  ...publishSchemas,
  ...writingSchemas,
  playbook: playbookSchema,
} as const;

export const outputSchemas: Readonly<Record<string, object>> = Object.fromEntries(
  Object.entries(schemas).map(([name, schema]) => [
    name,
    { $schema: 'http://json-schema.org/draft-07/schema#', title: `mco-deploy ${name}`, ...schema },
  ]),
);

/** By the words of a command: the schemas of its output, if their names differ. */
const others: Readonly<Record<string, readonly string[]>> = {
  run: ['run-event'],
  upgrade: ['run-event'],
  rollback: ['run-event'],
  resume: ['run-event'],
  orchestrate: ['run-event'],
  'runs list': ['runs'],
  'runs show': ['run'],
  rpc: ['rpc', 'rpc-detach'],
  'jobs list': ['jobs'],
  'jobs show': ['job'],
  'jobs wait': ['job'],
  'jobs cancel': ['job'],
  'locks list': ['locks'],
  'ca issue node': ['ca-issue'],
  'ca issue operator': ['ca-issue'],
  'ca sign': ['ca-issue'],
  'ca renew': ['ca-issue'],
  'ca rollover': ['ca-rollover', 'ca-init'],
  // It writes TypeScript.
  'agent types': [],
  doc: ['doc', 'doc-list'],
  explain: ['explain', 'explain-list'],
};

/** @param path the words of the command, such as `ca list` */
export function schemasOf(path: string): readonly string[] {
  return Object.hasOwn(others, path) ? (others[path] ?? []) : [path.replaceAll(' ', '-')];
}
