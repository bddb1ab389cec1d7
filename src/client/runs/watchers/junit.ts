import { open, rm } from 'node:fs/promises';
import { explainErrno, Problem } from '../../../core/errors.ts';
import type { RunReport, StepReport } from '../../../playbook/events/events.ts';
import type { RunWatcher } from './watcher.ts';

/**
 * Writes a run as a JUnit report, which CI systems show as test results: a test case for each node of a step, and one
 * for a step without nodes.
 * @throws Problem `unwritable-file`, before the run begins
 */
export async function startJunitReport(file: string, warn: (line: string) => void): Promise<RunWatcher> {
  const failed = (cause: unknown) => `${file} cannot be written: ${explainErrno(cause)}`;
  const handle = await open(file, 'w').catch((cause: unknown) => {
    throw new Problem('unwritable-file', failed(cause), 'name another file with --report junit=FILE', { cause });
  });
  let report: RunReport | undefined;
  return {
    see: (event) => {
      if (event.type === 'run-finished') report = event.report;
    },
    end: async () => {
      try {
        if (report !== undefined) await handle.writeFile(formatJunit(report));
      } catch (cause) {
        warn(`warning: the report ${failed(cause)}`);
      } finally {
        const isFile = await handle.stat().then(
          (found) => found.isFile(),
          () => false,
        );
        await handle.close().catch(() => {});
        // A run that never started has nothing to report: an empty file would look like a broken one. A device stays.
        if (report === undefined && isFile) await rm(file, { force: true }).catch(() => {});
      }
    },
  };
}

interface TestCase {
  readonly name: string;
  readonly step: string;
  /** Milliseconds. */
  readonly elapsed: number;
  readonly failure?: { readonly type: string; readonly reason: string };
  readonly skipped?: string;
}

export function formatJunit(report: RunReport): string {
  const cases = report.steps.flatMap(casesOf);
  const failures = cases.filter(({ failure }) => failure !== undefined).length;
  const skipped = cases.filter((one) => one.skipped !== undefined).length;
  const counts = attributes({ tests: cases.length, failures, skipped, errors: 0, time: seconds(report.elapsed) });
  const name = attributes({ name: report.playbook });
  const properties = Object.entries({ run: report.runId, state: report.state, dry_run: report.dryRun })
    .map(([key, value]) => `      <property${attributes({ name: key, value: String(value) })}/>\n`)
    .join('');
  return `<?xml version="1.0" encoding="UTF-8"?>
<testsuites${name}${counts}>
  <testsuite${name}${counts}>
    <properties>
${properties}    </properties>
${cases.map(formatCase).join('')}  </testsuite>
</testsuites>
`;
}

/** Hidden steps are only shown when they fail. */
function casesOf({ name, internal, state, ok, failed, untouched, elapsed, kind }: StepReport): TestCase[] {
  const base = { step: name, elapsed };
  const isDone = state === 'done';
  const nodes = [
    ...ok.map((node) => ({ ...base, name: node })),
    ...failed.map(({ node, code, reason }) => ({
      ...base,
      name: node === '' ? name : node,
      // A step may be done although a node failed: up to its threshold.
      ...(isDone ? { skipped: `${code}: ${reason}` } : { failure: { type: code, reason } }),
    })),
    ...untouched.map((node) => ({ ...base, name: node, elapsed: 0, skipped: 'it was not reached' })),
  ];
  if (internal && isDone) return [];
  if (nodes.length > 0) return nodes;
  if (state === 'failed') return [{ ...base, name, failure: { type: 'failed', reason: `the step ${name} failed` } }];
  return [{ ...base, name, ...(isDone ? {} : { skipped: `${kind}: ${state}` }) }];
}

function formatCase({ name, step, elapsed, failure, skipped }: TestCase): string {
  const open = `    <testcase${attributes({ classname: step, name, time: seconds(elapsed) })}`;
  if (failure !== undefined) {
    const failureAttributes = attributes({ type: failure.type, message: failure.reason });
    return `${open}>\n      <failure${failureAttributes}>${escaped(failure.reason)}</failure>\n    </testcase>\n`;
  }
  if (skipped !== undefined) return `${open}>\n      <skipped${attributes({ message: skipped })}/>\n    </testcase>\n`;
  return `${open}/>\n`;
}

function seconds(milliseconds: number): string {
  return (milliseconds / 1000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => ` ${name}="${escaped(String(value))}"`)
    .join('');
}

/** Characters that XML 1.0 cannot represent are omitted. */
function escaped(text: string): string {
  const written: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    '\n': '&#10;',
  };
  return text
    .toWellFormed()
    .replaceAll(/[^\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]/gu, '')
    .replaceAll(/[&<>"\n]/g, (character) => written[character] ?? character);
}
