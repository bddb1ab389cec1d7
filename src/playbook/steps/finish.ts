import { hideSecrets } from '../call/reasons.ts';
import { toText } from '../expressions/template.ts';
import type { StepKind } from './kind.ts';

/** Ends the run successfully: later steps do not run. */
export const finishStep: StepKind = {
  key: 'finish',
  keys: [],
  compile({ source, template }) {
    const message = template('finish', source.finish);
    return {
      title: 'finish',
      async run(run) {
        const lines = hideSecrets(toText(message(run.context())), run.taint).split('\n');
        return { state: 'done', ran: true, finish: true, lines };
      },
    };
  },
};
