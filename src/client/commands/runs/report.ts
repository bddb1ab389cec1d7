import { writeFile } from 'node:fs/promises';
import type { Ddl } from '../../../core/ddl/ddl.ts';
import { explainErrno, Problem } from '../../../core/errors.ts';
import { type CliContext, exitCode } from '../../cli/context.ts';
import { incidentToJson } from '../../runs/report/json.ts';
import { renderPage } from '../../runs/report/page.ts';
import { readIncident } from '../../runs/report/read/incident.ts';
import { recordRun } from '../../runs/record.ts';
import { type ReadRunOptions, readRun } from './read-run.ts';

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
  const { run, entries, isHeld } = await readRun(id, options, catalogue, context);
  const record = await recordRun(entries, isHeld);
  if (record === undefined) throw new Problem('no-run', `the run ${run} never began`);
  const incident = readIncident(record, entries);
  if (options.json === true) context.out(JSON.stringify(incidentToJson(incident), null, 2));
  else if (typeof options.html === 'string') await write(options.html, renderPage(incident));
  else context.out(renderPage(incident).trimEnd());
  return exitCode.ok;
}

/** Only for its owner, like the journal. */
async function write(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { mode: 0o600 });
  } catch (cause) {
    throw new Problem('unwritable-file', `${file} cannot be written: ${explainErrno(cause)}`, '', { cause });
  }
}
