import { Problem } from '../../core/errors.ts';

/** One line of nrpe.cfg that says something. */
export type Setting =
  | { readonly kind: 'command'; readonly name: string; readonly line: string }
  | { readonly kind: 'include'; readonly path: string; readonly at: string }
  | { readonly kind: 'include-directory'; readonly path: string; readonly at: string }
  | { readonly kind: 'timeout'; readonly seconds: number }
  | { readonly kind: 'prefix'; readonly line: string }
  | { readonly kind: 'arguments'; readonly allowed: boolean };

/**
 * Parses the text of nrpe.cfg, in order. Settings that concern only NRPE's own daemon are passed over.
 * @throws Problem `bad-nrpe-configuration` with file and line
 */
export function parseSettings(text: string, file: string): Setting[] {
  return text.split('\n').flatMap((raw, index) => {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) return [];
    const at = `${file}:${index + 1}`;
    const equals = line.indexOf('=');
    if (equals <= 0) throw new Problem('bad-nrpe-configuration', `${at}: this is not “name=value”`);
    const setting = toSetting(line.slice(0, equals).trim(), line.slice(equals + 1).trim(), at);
    return setting === undefined ? [] : [setting];
  });
}

function toSetting(name: string, value: string, at: string): Setting | undefined {
  switch (name) {
    case 'include':
    case 'include_file':
      return { kind: 'include', path: value, at };
    case 'include_dir':
      return { kind: 'include-directory', path: value, at };
    case 'command_prefix':
      return { kind: 'prefix', line: value };
    case 'dont_blame_nrpe':
      return { kind: 'arguments', allowed: value === '1' };
    case 'command_timeout':
      return { kind: 'timeout', seconds: toSeconds(value, at) };
  }
  if (!name.startsWith('command[')) return undefined;
  const command = /^command\[([^\]]+)\]$/.exec(name)?.[1];
  if (command === undefined || value === '') {
    throw new Problem('bad-nrpe-configuration', `${at}: this is not “command[name]=command line”`);
  }
  return { kind: 'command', name: command, line: value };
}

function toSeconds(value: string, at: string): number {
  const seconds = Number(value);
  if (/^\d{1,6}$/.test(value) && seconds > 0) return seconds;
  throw new Problem('bad-nrpe-configuration', `${at}: command_timeout must be a number of seconds`);
}
