import { type CheckState, checkStates } from '../../core/check-state.ts';
import { Problem } from '../../core/errors.ts';
import type { CommandResult } from '../../core/ports.ts';

export type ExitCode = 0 | 1 | 2 | 3;

/** The result of a check. */
export interface Check {
  readonly command: string;
  readonly exitcode: ExitCode;
  readonly state: CheckState;
  readonly output: string;
  readonly perfdata: string;
}

export function toCheck(command: string, exitcode: ExitCode, output: string, perfdata = ''): Check {
  return { command, exitcode, state: checkStates[exitcode], output, perfdata };
}

/** A check that could not be made is UNKNOWN, with the reason as its output. */
export function unknownCheck(command: string, why: string): Check {
  return toCheck(command, 3, why);
}

/** In NRPE's own words. @param timeout seconds */
export function timedOut(command: string, timeout: number): Check {
  return unknownCheck(command, `NRPE: Command timed out after ${timeout} seconds`);
}

/**
 * Judges a plugin by its exit (Monitoring Plugins guidelines): exit codes above 3 are UNKNOWN.
 * @throws Problem `cancelled`
 */
export function judge(command: string, plugin: string, result: CommandResult, timeout: number): Check {
  switch (result.ended) {
    case 'cancelled':
      throw new Problem('cancelled', `the check ${command} was cancelled`);
    case 'timeout':
      return timedOut(command, timeout);
    case 'not-found':
      return unknownCheck(command, `The plugin ${plugin} does not exist`);
    case 'no-interpreter':
      return unknownCheck(command, `What the first line of the plugin ${plugin} names does not exist`);
    case 'not-permitted':
      return unknownCheck(command, `The plugin ${plugin} may not be run`);
    case 'no-resources':
      return unknownCheck(
        command,
        `The plugin ${plugin} cannot be run: too many files are open, or too many processes`,
      );
  }
  if (result.code === null) return unknownCheck(command, `The plugin was ended by ${result.signal ?? 'a signal'}`);
  const { output, perfdata } = splitOutput(result.stdout);
  return toCheck(command, toExitCode(result.code), output === '' ? describeNoOutput(result) : output, perfdata);
}

/** Anything above 3 counts as UNKNOWN. */
export function toExitCode(code: number): ExitCode {
  return code >= 0 && code <= 3 ? (code as ExitCode) : 3;
}

function describeNoOutput({ code, stderr }: CommandResult): string {
  const [complaint = ''] = stderr.trim().split('\n', 1);
  return `The plugin printed nothing (exit code ${code})${complaint === '' ? '' : `: ${complaint.slice(0, 500)}`}`;
}

/**
 * Splits the output of a plugin: `TEXT | PERFDATA` on the first line; then lines of long text, until a line with
 * another `|`, after which all is performance data.
 */
export function splitOutput(printed: string): { output: string; perfdata: string } {
  const end = printed.indexOf('\n');
  const first = end === -1 ? printed : printed.slice(0, end);
  const [text, data] = splitAtBar(first);
  const [longText, moreData] = splitAtBar(end === -1 ? '' : printed.slice(end + 1));
  return {
    output: [text.trim(), longText.trimEnd()].filter((part) => part !== '').join('\n'),
    perfdata: `${data} ${moreData}`.split(/\s+/).filter(Boolean).join(' '),
  };
}

function splitAtBar(text: string): [string, string] {
  const bar = text.indexOf('|');
  return bar === -1 ? [text, ''] : [text.slice(0, bar), text.slice(bar + 1)];
}
