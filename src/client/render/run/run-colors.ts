/** The lines of a run that are coloured on a terminal: failures, servers out of traffic, the next command. */
import type { RunEvent, RunReport } from '../../../playbook/events/events.ts';
import type { Color, Paint } from '../color.ts';

export function paintRun(event: RunEvent, lines: readonly string[], paint: Paint): string[] {
  if (event.type === 'step-finished' && event.report.state === 'failed') return lines.map((line) => paint('red', line));
  if (event.type !== 'run-finished') return [...lines];
  const { report } = event;
  return lines.map((line, index) => {
    if (line === report.next) return paint('bold', line);
    if (/^\s*out of traffic: (?!none)/.test(line)) return paint('yellow', line);
    const isVerdict = /^(Finished|Failed|Interrupted|Nothing was) /.test(line) || /^(Failed|Interrupted):/.test(line);
    const isLastOfGood = report.state === 'done' && index === lines.length - 1;
    return isVerdict || isLastOfGood ? paint(colorOf(report), line) : line;
  });
}

function colorOf({ state }: RunReport): Color {
  if (state === 'failed') return 'red';
  return state === 'interrupted' ? 'yellow' : 'green';
}
