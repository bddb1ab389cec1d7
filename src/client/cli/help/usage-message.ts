import { shellWord } from '../shell-word.ts';

/** What commander reports of a wrong command line, in the words of the other messages. */
const rewritten: readonly (readonly [RegExp, (...parts: string[]) => string])[] = [
  [
    /^option '([^']+)' argument '(.*)' is invalid\. Allowed choices are (.+)\.$/,
    (_, flags, value, choices) => `${notValid(value, longOf(flags))}: use ${listed(choices)}`,
  ],
  [
    /^option '([^']+)' argument '(.*)' is invalid\. (.+)\.$/,
    (_, flags, value, rule) => `${notValid(value, longOf(flags))}: ${rule}`,
  ],
  [
    /^command-argument value '(.*)' is invalid for argument '([^']+)'\. Allowed choices are (.+)\.$/,
    (_, value, name, choices) => `${notValid(value, `<${name}>`)}: use ${listed(choices)}`,
  ],
  [/^unknown option '(.+)'$/, (_, option) => `there is no option ${option}`],
  [/^unknown command '(.+)'$/, (_, command) => `there is no command “${command}”`],
  [/^required option '([^']+)' not specified$/, (_, flags) => `the option ${withoutShort(flags)} is missing`],
  [/^option '([^']+)' argument missing$/, (_, flags) => `the option ${withoutShort(flags)} needs a value`],
  [/^missing required argument '([^']+)'$/, (_, name) => `the argument <${name}> is missing`],
  [
    /^too many arguments for '([^']+)'\. Expected .+: (.+)\.$/,
    (_, name, given) => `“${name}” has too many arguments: ${given}`,
  ],
];

const tooMany = /^“.+” has too many arguments: (.+)$/;

/**
 * Where a command takes filters, words that were meant as one: `ping cluster=bravo`, `ping -F cluster = bravo`,
 * `ping dev1.example.net`.
 * @param words the command line without the program's name
 */
export function filterHint(message: string, path: string, words: readonly string[]): string {
  const given = tooMany.exec(message)?.[1]?.split(', ') ?? [];
  const [first = ''] = given;
  const [flag = '', before = ''] = words.slice(0, words.indexOf(first)).slice(-2);
  const to = (filter: string) => `to filter: mco-deploy ${path} ${filter}`;
  const operator = /^(==|=~|!=|<=?|>=?|=)/;
  if (operator.test(first) && /^[\w.-]+$/.test(before)) {
    const [value = ''] = first.replace(operator, '') === '' ? given.slice(1) : [first.replace(operator, '')];
    const [sign = ''] = operator.exec(first) ?? [];
    return value === '' ? '' : to(`-F ${shellWord(`${before}${sign}${value}`)}`);
  }
  if (/^[\w.-]+(=|!=|<|>)/.test(first)) return to(`-F ${shellWord(first)}`);
  if (!/^[\w-]+(\.[\w-]+)+$/.test(first)) return '';
  const names = flag === '-I' ? [before, first] : [first];
  return to(names.map((name) => `-I ${shellWord(name)}`).join(' '));
}

/**
 * @param text with commander's mark `error: `, and perhaps a suggestion on its own line
 * @returns the hint is the suggestion, or empty
 */
export function usageMessage(text: string): { readonly message: string; readonly hint: string } {
  const [message = '', suggestion = ''] = text
    .trimEnd()
    .replace(/^error: /, '')
    .split('\n');
  const found = rewritten.find(([pattern]) => pattern.test(message));
  const [, names] = /^\(Did you mean (?:one of )?(.+)\?\)$/.exec(suggestion) ?? [];
  return {
    message: found === undefined ? message : message.replace(...found),
    hint: names === undefined ? suggestion : `did you mean ${listed(names)}?`,
  };
}

const notValid = (value = '', name = '') => `“${value}” is not a valid value of ${name}`;
const withoutShort = (flags = '') => flags.replace(/^-\w, /, '');
const longOf = (flags = '') => withoutShort(flags).replace(/ .*/, '');
const listed = (choices = '') => choices.replace(/, (?=[^,]*$)/, ' or ');
