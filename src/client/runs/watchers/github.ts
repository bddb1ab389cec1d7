import { appendFile } from 'node:fs/promises';
import { explainErrno } from '../../../core/errors.ts';
import type { RunReport, StepReport } from '../../../playbook/events/events.ts';
import { formatReason } from '../../../playbook/events/summary.ts';
import type { RunWatcher } from './watcher.ts';

/**
 * Reports a run to GitHub Actions: annotations by workflow commands on standard error, and a summary of the job in the file that
 * GITHUB_STEP_SUMMARY names.
 */
export function startGithubReport(env: Readonly<NodeJS.ProcessEnv>, say: (line: string) => void): RunWatcher {
  let finished: RunReport | undefined;
  return {
    see: (event) => {
      if (event.type === 'step-finished') for (const line of annotationsOf(event.report)) say(line);
      if (event.type !== 'run-finished') return;
      finished = event.report;
      const { state, failure, playbook, next } = event.report;
      const reason = failure?.reasons[0]?.reason ?? '';
      if (state === 'failed' && failure?.step === '') say(command('error', playbook, reason));
      if (next !== undefined) say(command('notice', playbook, `next: ${next}`));
    },
    end: async () => {
      const file = env.GITHUB_STEP_SUMMARY ?? '';
      if (file === '' || finished === undefined) return;
      try {
        await appendFile(file, summaryOf(finished));
      } catch (cause) {
        say(`warning: the summary ${file} cannot be written: ${explainErrno(cause)}`);
      }
    },
  };
}

function annotationsOf({ name, state, failed }: StepReport): string[] {
  const level = state === 'failed' ? 'error' : 'warning';
  return failed.map(({ node, code, reason }) =>
    command(level, node === '' ? name : `${name} on ${node}`, `${reason} (${code})`),
  );
}

/**
 * A workflow command (docs.github.com, “Workflow commands for GitHub Actions”): its content cannot begin another one.
 */
function command(level: 'error' | 'warning' | 'notice', title: string, message: string): string {
  const data = (text: string) => text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
  const property = (text: string) => data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
  return `::${level} title=${property(title)}::${data(message)}`;
}

function summaryOf({ playbook, runId, state, dryRun, steps, elapsed }: RunReport): string {
  const rows = steps
    .filter(({ internal, state: how }) => !internal || how !== 'done')
    .map(({ name, state: how, ok, failed, elapsed: took }) => {
      const reasons = failed.map(formatReason).join('; ');
      return `| ${[name, how, String(ok.length), reasons, `${(took / 1000).toFixed(1)} s`].map(cell).join(' | ')} |\n`;
    });
  const title = `${playbook}${dryRun ? ' (dry run)' : ''}: ${state} in ${(elapsed / 1000).toFixed(1)} s`;
  const head = '| step | state | nodes | failures | time |\n|---|---|---|---|---|\n';
  return `### ${cell(title)}\n\n${head}${rows.join('')}\nRun \`${runId}\`\n\n`;
}

/** Text of a node must not end a cell, nor be read as HTML. */
function cell(text: string): string {
  return text.replaceAll(/\s+/g, ' ').replaceAll(/[|\\`*_[\]<>]/g, (character) => `\\${character}`);
}
