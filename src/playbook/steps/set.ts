import type { StepKind } from './kind.ts';

/** Sets values under `values.NAME` for later steps. */
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
      async run(run) {
        const context = run.context();
        const templates = values.map(([name, value]) => {
          const computed = run.taint.during(() => value(context));
          if (computed.source !== undefined) run.taint.mark(`values.${name}`, computed.source);
          return [name, computed.value] as const;
        });
        run.setValues(Object.fromEntries(templates));
        return { state: 'done', ran: true };
      },
    };
  },
};
