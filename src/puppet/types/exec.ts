/** The types that show text. They run no command on the machine of the operator. */
import { type Resource, settingOf } from '../catalogue/resource.ts';
import { failAt } from '../source.ts';
import { toText } from '../values/values.ts';
import { readFlag, readText } from './settings.ts';

export interface ShownText {
  readonly text: string;
  readonly cow: boolean;
  /** False: only the fact that it was done is shown. */
  readonly shown: boolean;
  readonly refreshOnly: boolean;
}

/** `cowsay TEXT` and `echo TEXT`. @throws Problem `bad-script` for any other command */
export function readExec(resource: Resource): ShownText {
  const position = settingOf(resource, 'command')?.position ?? resource.position;
  const command = readText(resource, 'command') ?? resource.title;
  const [, program = '', text = ''] = /^\s*(\S+)\s*(.*)$/s.exec(command) ?? [];
  const name = program.slice(program.lastIndexOf('/') + 1);
  if (name !== 'cowsay' && name !== 'echo') {
    failAt(
      position,
      `“${name}” is not run: an orchestration starts no program on the machine of its caller`,
      'make it an agent’s action, or show text by echo',
    );
  }
  return {
    text: unquote(text),
    cow: name === 'cowsay',
    shown: readFlag(resource, 'logoutput') ?? true,
    refreshOnly: readFlag(resource, 'refreshonly') ?? false,
  };
}

/** @throws Problem `bad-script` */
export function readNotify(resource: Resource): ShownText {
  const setting = settingOf(resource, 'message');
  const text = setting === undefined ? resource.title : toText(setting.value);
  return { text, cow: false, shown: true, refreshOnly: false };
}

/** Quotes around the whole text belong to the shell. */
function unquote(text: string): string {
  const [, , inner] = /^(["'])(.*)\1$/s.exec(text.trim()) ?? [];
  return inner === undefined || /["']/.test(inner) ? text.trim() : inner;
}
