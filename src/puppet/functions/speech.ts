/** Functions that print something for the operator. */
import { Problem } from '../../core/errors.ts';
import { toText } from '../values/values.ts';
import { where } from '../source.ts';
import { defineFunction, type ScriptFunction } from './kind.ts';

const say = (level: string) =>
  defineFunction([1, 50], (args, { evaluation }) => {
    evaluation.notices.push({ level, text: args.map(toText).join(' ') });
    return undefined;
  });

export const speechFunctions: Readonly<Record<string, ScriptFunction>> = {
  alert: say('alert'),
  crit: say('crit'),
  debug: say('debug'),
  emerg: say('emerg'),
  err: say('error'),
  /** Ends the evaluation with the script’s own message. @throws Problem `script-failed` */
  fail: defineFunction([1, 50], (args, { position }) => {
    throw new Problem('script-failed', `${args.map(toText).join(' ')} (${where(position)})`);
  }),
  info: say('info'),
  notice: say('notice'),
  warning: say('warning'),
};
