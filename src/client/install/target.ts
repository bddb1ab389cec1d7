import { isIP } from 'node:net';
import { explainErrno, Problem } from '../../core/errors.ts';
import { decodeText } from '../../core/files/decode.ts';
import { readInput } from '../../core/files/read-input.ts';
import { isNodeName } from '../../core/identity.ts';
import { parseNodesText } from '../../discovery/file/text.ts';
import type { RemoteOptions } from '../commands/install/options.ts';

/** A host that ssh reaches, and the name of its node. */
export interface SshTarget {
  readonly node: string;
  /** In ssh's form: a name, an alias of ssh's own configuration, or an address. */
  readonly host: string;
  /** ssh decides if undefined, as for the port. */
  readonly user?: string;
  readonly port?: number;
}

/** None begins with a hyphen, which ssh would read as an option. */
const form =
  /^(?:(?<node>[a-z0-9][a-z0-9.-]*)=)?(?:(?<user>[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})@)?(?:\[(?<v6>[0-9A-Fa-f:]+)\]|(?<host>[A-Za-z0-9][A-Za-z0-9._-]{0,252}))(?::(?<port>\d{1,5}))?$/;

/** `[NODE=][USER@]HOST[:PORT]`, with brackets around an IPv6 address. @throws Problem `usage` */
export function parseTarget(text: string): SshTarget {
  const { node, user, v6, host = v6, port } = form.exec(text)?.groups ?? {};
  if (host === undefined || Number(port ?? 22) < 1 || Number(port ?? 22) > 65535) {
    throw new Problem(
      'usage',
      `“${text.slice(0, 120)}” is not a valid host`,
      'write user@host, or NODE=user@address:port',
    );
  }
  const name = node ?? host.toLowerCase();
  if (isIP(name) !== 0 || !isNodeName(name)) {
    throw new Problem('usage', `“${text}” does not name the node`, `write NODE=${text}`);
  }
  return {
    node: name,
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}

/**
 * The hosts of a list of nodes, in any form that discovery by file reads: each is reached at its address, or by its
 * name.
 * @param user of the login
 * @throws Problem `unreadable-file`, `bad-nodes`
 */
export async function readTargets(file: string, user: string | undefined): Promise<SshTarget[]> {
  let text: string;
  try {
    text = decodeText(await readInput(file));
  } catch (cause) {
    throw new Problem('unreadable-file', `the list of hosts ${file} cannot be read: ${explainErrno(cause)}`);
  }
  return parseNodesText(text, file, 'file').map(({ name, addresses }) => ({
    node: name,
    host: addresses[0]?.host ?? name,
    ...(user === undefined ? {} : { user }),
  }));
}

/** @throws Problem `usage` when there is none, or a node twice */
export function requireDistinct(targets: readonly SshTarget[]): void {
  // An option that takes several values takes the hosts after it for some of them.
  if (targets.length === 0)
    throw new Problem('usage', 'no host was named', 'write user@host before the options, or give --hosts FILE');
  const seen = new Set<string>();
  for (const { node } of targets) {
    if (seen.has(node)) throw new Problem('usage', `${node} is named twice`);
    seen.add(node);
  }
}

/** The hosts that a command line names. @throws Problem `usage`, `unreadable-file`, `bad-nodes` */
export async function targetsOf(words: readonly string[], { hosts, user }: RemoteOptions): Promise<SshTarget[]> {
  // As strict as before a host’s @.
  if (user !== undefined) parseTarget(`${user}@host`);
  const named = words.map((word) => ({ ...(user === undefined ? {} : { user }), ...parseTarget(word) }));
  const listed = hosts === undefined ? [] : await readTargets(hosts, user);
  const targets = [...named, ...listed];
  requireDistinct(targets);
  return targets;
}
