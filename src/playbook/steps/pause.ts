import { Problem } from '../../core/errors.ts';
import { parseDuration } from '../expressions/duration.ts';
import { sleep } from '../call/sleep.ts';
import { isLiteral, toText } from '../expressions/template.ts';
import type { StepKind } from './kind.ts';

const expected = 'must be seconds, or like 500ms, 10s, 2m, 1h, up to 24h';

/** Waits; an interruption ends it. In a dry run it only prints that. */
export const pauseStep: StepKind = {
  key: 'pause',
  keys: [],
  compile({ source, template, at }) {
    const { pause = 0 } = source;
    if (isLiteral(pause) && parseDuration(pause) === undefined) at('pause').fail(expected);
    const duration = template('pause', pause);
    return {
      title: 'pause',
      once: true,
      async run(run) {
        const text = toText(duration(run.context()));
        const milliseconds = parseDuration(text);
        if (milliseconds === undefined)
          throw new Problem('bad-duration', `“pause” gives “${text.slice(0, 40)}”: it ${expected}`);
        if (run.dryRun) return { state: 'done', ran: false, lines: [`would wait ${text}`] };
        await sleep(run, milliseconds);
        return { state: run.signal.aborted ? 'interrupted' : 'done', ran: true };
      },
    };
  },
};
