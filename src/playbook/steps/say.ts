import { hideSecrets } from '../call/reasons.ts';
import { drawCow } from '../events/cow.ts';
import { toText } from '../expressions/template.ts';
import type { StepKind } from './kind.ts';

/** Shows text; in a dry run, the text that would be shown. */
export const sayStep: StepKind = {
  key: 'say',
  keys: ['cow'],
  compile({ source, template }) {
    const text = template('say', source.say);
    return {
      title: 'say',
      once: true,
      async run(run) {
        // Before it is cut into lines: a secret may have several.
        const line = hideSecrets(toText(text(run.context())), run.taint);
        if (run.dryRun && run.changed()) return { state: 'done', ran: false, lines: [`would say: ${line}`] };
        return { state: 'done', ran: true, lines: source.cow === true ? drawCow(line) : line.split('\n') };
      },
    };
  },
};
