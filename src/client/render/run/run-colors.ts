/** The lines of a run that are coloured on a terminal: failures, servers out of traffic, that nobody was notified, the next command. */
import { printable } from '../../../core/text.ts';
import type { RunEvent, RunReport } from '../../../playbook/events/events.ts';
import type { Color, Paint } from '../color.ts';

export function paintRun(event: RunEvent, lines: readonly string[], paint: Paint): string[] {
  if (event.type === 'step-finished' && event.report.state === 'failed') return lines.map((line) => paint('red', line));
  if (event.type !== 'run-finished') return [...lines];
  const { report } = event;
  return lines.map((line, index) => {
    if (namesNext(event, line)) return paint('bold', line);
    if (/^\s*out of traffic: (?!none)/.test(line) || line.startsWith('nobody was notified: ')) {
      return paint('yellow', line);
    }
    const isVerdict = /^(Finished|Failed|Interrupted|Nothing was) /.test(line) || /^(Failed|Interrupted):/.test(line);
    const isLastOfGood = report.state === 'done' && index === lines.length - 1;
    return isVerdict || isLastOfGood ? paint(colorOf(report), line) : line;
  });
}

/** Whether it is the line of the end of a run that names the next command. */
export function namesNext(event: RunEvent, line: string | undefined): boolean {
  if (event.type !== 'run-finished' || event.report.next === undefined) return false;
  return line === printable(event.report.next);
}

function colorOf({ state }: RunReport): Color {
  if (state === 'failed') return 'red';
  return state === 'interrupted' ? 'yellow' : 'green';
}
