import { Problem } from '../../core/errors.ts';
import { hideSecrets } from '../call/reasons.ts';
import { toText } from '../expressions/template.ts';
import type { StepKind } from './kind.ts';

/** Asks a person before the next steps; in a dry run it only prints the question. */
export const confirmStep: StepKind = {
  key: 'confirm',
  keys: [],
  compile({ source, template }) {
    const compute = template('confirm', source.confirm);
    return {
      title: 'confirm',
      once: true,
      async run(run) {
        const question = hideSecrets(toText(compute(run.context())), run.taint);
        if (run.dryRun) return { state: 'done', ran: false, lines: [`would ask: ${question}`] };
        const { confirm, operator } = run.ports;
        if (confirm === undefined) {
          throw new Problem('no-terminal', `nobody can be asked: ${question}`, 'run it on a terminal, or with --yes');
        }
        if (await confirm(question, run.signal)) return { state: 'done', ran: true, lines: [`${question} yes`] };
        if (run.signal.aborted) return { state: 'interrupted', ran: true };
        const reason = `${operator} did not say yes to: ${question}`;
        return { state: 'failed', ran: true, failed: [{ node: '', code: 'not-confirmed', reason }] };
      },
    };
  },
};
