/** A line of nrpe.cfg with content. */
export type Setting =
  | { readonly kind: 'command'; readonly name: string; readonly line: string }
  | { readonly kind: 'include'; readonly path: string; readonly at: string }
  | { readonly kind: 'include-directory'; readonly path: string; readonly at: string }
  | { readonly kind: 'timeout'; readonly seconds: number }
  | { readonly kind: 'prefix'; readonly line: string }
  | { readonly kind: 'arguments'; readonly allowed: boolean }
  /** An unusable line; `command`, if it is known which check it defines. */
  | { readonly kind: 'fault'; readonly why: string; readonly command?: string };

/**
 * Parses the text of nrpe.cfg, in order. Settings that concern only NRPE's own daemon are skipped; an unusable line
 * affects only itself.
 */
export function parseSettings(text: string, file: string): Setting[] {
  const lines = text.split('\n').map((line) => line.trim());
  return lines.flatMap((line, index) => {
    if (line === '' || line.startsWith('#')) return [];
    const at = `${file}:${index + 1}`;
    // The rest of a line that NRPE does not read together with the one before.
    if (isContinued(lines[index - 1])) return [];
    const equals = line.indexOf('=');
    if (equals <= 0) return [{ kind: 'fault', why: `${at}: this is not “name=value”` }];
    const name = line.slice(0, equals).trim();
    if (isContinued(line)) return [fault(`${at}: it ends with “\\”: write it on one line`, name)];
    const setting = toSetting(name, line.slice(equals + 1).trim(), at);
    return setting === undefined ? [] : [setting];
  });
}

function isContinued(line = ''): boolean {
  return line.endsWith('\\') && !line.startsWith('#');
}

function fault(why: string, name: string): Setting {
  const command = /^command\[([^\]]+)\]?$/.exec(name)?.[1];
  return { kind: 'fault', why, ...(command === undefined ? {} : { command }) };
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
      return toTimeout(value, at);
  }
  if (!name.startsWith('command[')) return undefined;
  const command = /^command\[([^\]]+)\]$/.exec(name)?.[1];
  if (command === undefined || value === '') return fault(`${at}: this is not “command[name]=command line”`, name);
  return { kind: 'command', name: command, line: value };
}

function toTimeout(value: string, at: string): Setting {
  const seconds = Number(value);
  if (/^\d{1,6}$/.test(value) && seconds > 0) return { kind: 'timeout', seconds };
  return { kind: 'fault', why: `${at}: command_timeout must be a number of seconds` };
}
