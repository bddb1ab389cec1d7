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
  [/^unknown command '(.*)'$/, (_, command) => `there is no command “${command}”`],
  [/^required option '([^']+)' not specified$/, (_, flags) => `the option ${withoutShort(flags)} is missing`],
  [/^option '([^']+)' argument missing$/, (_, flags) => `the option ${withoutShort(flags)} needs a value`],
  [/^missing required argument '([^']+)'$/, (_, name) => `the argument <${name}> is missing`],
];

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
