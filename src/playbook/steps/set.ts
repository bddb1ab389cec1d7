import type { StepKind } from './kind.ts';

/** Keeps values under `values.NAME` for the steps that come later. */
export const setStep: StepKind = {
  key: 'set',
  keys: [],
  values: ({ set = {} }) => Object.keys(set),
  compile({ source, template }) {
    const values = template('set', source.set);
    return {
      title: 'set',
      async run(world) {
        world.setValues(values(world.context()) as Record<string, unknown>);
        return { state: 'done', ran: true };
      },
    };
  },
};
