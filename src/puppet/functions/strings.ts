/** Strings, as in Puppet and its standard library. */
import { compileFinder } from '../../core/filter/pattern.ts';
import { isPattern, kindOf, type Value } from '../values/values.ts';
import { limits } from '../limits.ts';
import { withPosition } from '../source.ts';
import { eachText, textIn } from './arguments.ts';
import { defineFunction, type FunctionCall, type ScriptFunction } from './kind.ts';

export const stringFunctions: Readonly<Record<string, ScriptFunction>> = {
  capitalize: defineFunction(1, ([value], { fail }) =>
    eachText(value, fail, (text) => text.charAt(0).toUpperCase() + text.slice(1).toLowerCase()),
  ),
  chomp: defineFunction(1, ([value], { fail }) => eachText(value, fail, (text) => text.replace(/\r?\n$/, ''))),
  downcase: defineFunction(1, ([value], { fail }) => eachText(value, fail, (text) => text.toLowerCase())),
  lstrip: defineFunction(1, ([value], { fail }) => eachText(value, fail, (text) => text.trimStart())),
  num2bool: defineFunction(1, ([value], { fail }) => Number(textIn(value, fail)) > 0),
  regsubst: defineFunction([3, 4], ([target, pattern, replacement, flags = ''], call) =>
    eachText(target, call.fail, (text) => replace(text, pattern, textIn(replacement, call.fail), String(flags), call)),
  ),
  rstrip: defineFunction(1, ([value], { fail }) => eachText(value, fail, (text) => text.trimEnd())),
  split: defineFunction(2, ([value, pattern], call) => split(textIn(value, call.fail), pattern, call)),
  str2bool: defineFunction(1, ([value], { fail }) => toBoolean(value, fail)),
  strip: defineFunction(1, ([value], { fail }) => eachText(value, fail, (text) => text.trim())),
  upcase: defineFunction(1, ([value], { fail }) => eachText(value, fail, (text) => text.toUpperCase())),
};

function toBoolean(value: Value, fail: FunctionCall['fail']): boolean {
  if (typeof value === 'boolean') return value;
  const text = textIn(value, fail).toLowerCase();
  if (['1', 't', 'y', 'true', 'yes'].includes(text)) return true;
  if (['', '0', 'f', 'n', 'false', 'no', 'undef', 'undefined'].includes(text)) return false;
  return fail(`“${text.slice(0, 40)}” is neither true nor false`);
}

function finderFor(pattern: Value, { fail, position, evaluation }: FunctionCall) {
  const source = isPattern(pattern) ? pattern.pattern : pattern;
  if (typeof source !== 'string') return fail(`it takes a regex, not ${kindOf(pattern)}`);
  evaluation.spend(50, position);
  return withPosition(position, () => compileFinder(source));
}

/** @param flags G: everywhere; I: ignoring case. `\1` stands for a group. */
function replace(text: string, pattern: Value, replacement: string, flags: string, call: FunctionCall): string {
  const source = isPattern(pattern) ? pattern.pattern : pattern;
  const cased = flags.includes('I') && typeof source === 'string' ? `(?i)${source}` : pattern;
  let made = '';
  let behind = 0;
  for (const { start, end, groups } of finderFor(cased, call)(text)) {
    made += text.slice(behind, start) + replacement.replace(/\\(\d)/g, (_, digit) => groups[Number(digit)] ?? '');
    behind = end;
    if (made.length > limits.size) call.fail(`a text grows beyond ${limits.size} characters`);
    if (!flags.includes('G')) break;
  }
  return made + text.slice(behind);
}

/** Empty ones at the end are omitted. */
function split(text: string, pattern: Value, call: FunctionCall): string[] {
  const parts: string[] = [];
  let behind = 0;
  for (const { start, end } of finderFor(pattern, call)(text)) {
    if (end === start && (start === 0 || start >= text.length)) continue;
    parts.push(text.slice(behind, start));
    behind = end;
  }
  parts.push(text.slice(behind));
  while (parts.at(-1) === '') parts.pop();
  return parts;
}
