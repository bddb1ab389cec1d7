import { stringify } from 'yaml';
import { fileKinds } from '../../core/node-files/kinds.ts';
import type { Fleet } from './model.ts';

const first = `# Written by mco-deploy apply over ssh: who may change which files of this node over the fabric, and how
# the daemon takes them up. This file itself is never written over the fabric.
`;

/** The commands that restart a node's daemon and make it read its policies and facts again. */
export interface ServiceCommands {
  readonly restart: readonly string[];
  readonly reload: readonly string[];
}

/** @param service the value of `--service` */
export function serviceCommands(service: string): ServiceCommands {
  if (service.startsWith('/')) return { restart: [service, 'restart'], reload: [service, 'restart'] };
  if (service === 'none') return { restart: [], reload: [] };
  const systemctl = (verb: string) => ['systemctl', '--no-block', verb, 'mco-deploy.service'];
  return { restart: systemctl('restart'), reload: systemctl('reload') };
}

/** helper.yaml: which operator may write which kinds of files. */
export function helperSettings({ operators }: Fleet, commands: ServiceCommands): string {
  const rights = [...operators].flatMap(([name, right]): [string, readonly string[]][] => {
    const kinds = right.all ? fileKinds : right.apply;
    return kinds.length === 0 ? [] : [[name, [...kinds]]];
  });
  return first + stringify({ ...commands, rights: Object.fromEntries(rights) }, { lineWidth: 0 });
}
