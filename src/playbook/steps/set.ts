import type { StepKind } from './kind.ts';

/** Keeps values under `values.NAME` for the steps that come later. */
export const setStep: StepKind = {
  key: 'set',
  keys: [],
  values: ({ set = {} }) => Object.keys(set),
  compile({ source, template }) {
    const values = Object.entries(source.set ?? {}).map(([name, value]) => {
      return [name, template('set', value, undefined, name)] as const;
    });
    return {
      title: 'set',
      async run(world) {
        const context = world.context();
        const given = values.map(([name, value]) => {
          const computed = world.taint.during(() => value(context));
          if (computed.source !== undefined) world.taint.mark(`values.${name}`, computed.source);
          return [name, computed.value] as const;
        });
        world.setValues(Object.fromEntries(given));
        return { state: 'done', ran: true };
      },
    };
  },
};
