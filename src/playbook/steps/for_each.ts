import { Problem } from '../../core/errors.ts';
import { runGroup } from '../run/rounds.ts';
import { names } from '../expressions/shapes.ts';
import type { StepKind } from './kind.ts';

const most = 1000;

/** Runs steps once for each item of a list, in order. */
export const forEachStep: StepKind = {
  key: 'for_each',
  keys: [],
  inner: ({ for_each }) => [...(for_each?.steps ?? []), ...(for_each?.on_failure ?? [])],
  compile(compiler) {
    const { for_each: loop = { in: [], steps: [] } } = compiler.source;
    const items = compiler.template('for_each', loop.in, undefined, 'in');
    const group = compiler.group('for_each', loop, { item: {}, round: names(['number', 'count']) });
    return {
      title: 'for_each',
      within: [...group.steps, ...group.onFailure],
      async run(run, step) {
        const { value: list, source } = run.taint.during(() => items(run.context()));
        if (!Array.isArray(list) || list.length > most) {
          throw new Problem('bad-list', `“in” must give a list of at most ${most} items`);
        }
        const rounds = list.map((item: unknown, index) => ({
          nodes: [],
          source,
          variables: { item, round: { number: index + 1, count: list.length } },
        }));
        return await runGroup(group, rounds, 0, run, step);
      },
    };
  },
};
