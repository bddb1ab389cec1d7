import type { Ddl } from '../../../core/ddl/ddl.ts';
import { writeOutput } from '../../../core/files/output.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { incidentToJson } from '../../runs/report/json.ts';
import { renderPage } from '../../runs/report/page.ts';
import { readIncident } from '../../runs/report/read/incident.ts';
import { type ReadRunOptions, readRecordedRun } from './read-run.ts';

/** Permission bits: like the journal's. */
const ownerOnly = 0o600;

interface ReportOptions extends ReadRunOptions {
  /** A file; true for standard output. */
  readonly html?: string | true;
}

/** Writes a run as a page, or its timeline as JSON. @throws Problem `usage`, `no-run`, `unwritable-file` */
export async function reportRun(
  id: string,
  options: ReportOptions,
  catalogue: readonly Ddl[],
  context: CliContext,
): Promise<number> {
  const { record, entries } = await readRecordedRun(id, options, catalogue, context);
  const incident = readIncident(record, entries);
  if (options.json === true) context.out(JSON.stringify(incidentToJson(incident), null, 2));
  else if (typeof options.html === 'string') await writeOutput(options.html, renderPage(incident), ownerOnly);
  else context.out(renderPage(incident).trimEnd());
  return exitCode.ok;
}
