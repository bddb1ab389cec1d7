import { drawCow } from '../../playbook/events/cow.ts';
import type { StepBody } from '../../playbook/model.ts';
import type { ShownText } from '../types/exec.ts';

/** A step that shows text; in a dry run, the text that would be shown. */
export function showBody({ text, cow, shown }: ShownText): StepBody {
  return {
    title: 'say',
    once: true,
    run: async (run) => {
      if (run.dryRun && run.changed()) return { state: 'done', ran: false, lines: [`would say: ${text}`] };
      const lines = cow ? drawCow(text) : text.split('\n');
      return { state: 'done', ran: true, lines: shown ? lines : [] };
    },
  };
}
