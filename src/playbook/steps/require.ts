import { decide } from '../expressions/expression.ts';
import { toText } from '../expressions/template.ts';
import type { StepKind } from './kind.ts';

/** Fails the run where a condition does not hold. After a change that was not made, it reports that and continues. */
export const requireStep: StepKind = {
  key: 'require',
  keys: ['message', 'next'],
  compile({ source, condition, template }) {
    const required = condition('require', source.require ?? '');
    const message = source.message === undefined ? undefined : template('message', source.message);
    const next = source.next === undefined ? undefined : template('next', source.next);
    return {
      title: 'require',
      async run(run) {
        const context = run.context();
        if (decide(required, context)) return { state: 'done', ran: true };
        const reason = message === undefined ? `it requires ${required.source}` : toText(message(context));
        if (run.dryRun && run.changed()) return { state: 'done', ran: true, lines: [`not met yet: ${reason}`] };
        const failed = [{ node: '', code: 'required', reason }];
        return { state: 'failed', ran: true, failed, ...(next === undefined ? {} : { next: toText(next(context)) }) };
      },
    };
  },
};
