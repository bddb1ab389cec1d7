import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { agents } from '../../../src/agents/index.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { digestFiles, listNodeFiles, sumOf } from '../../../src/core/node-files/list.ts';
import { decodeReply, encodeMessage, type HelperMessage } from '../../../src/core/node-files/message.ts';
import { type CallOptions, callDefaults, newId, sealRequest } from '../../../src/core/request/request.ts';
import type { SignedRequest } from '../../../src/core/wire/messages.ts';
import { serveHelper } from '../../../src/daemon/config-helper/serve.ts';
import type { Fleet, Member } from '../fleet/fleet.ts';
import { prepareNode } from './node.ts';

export interface FileRequest {
  readonly kind: string;
  readonly name: string;
  readonly content: string | null;
}

/** A node’s directory, and the helper over it as systemd would start it for each message. */
export interface HelperNode {
  readonly name: string;
  readonly directory: string;
  /** A request of an operator for these files, as the client signs it. */
  readonly order: (
    operator: Member,
    files: readonly FileRequest[],
    more?: Partial<CallOptions> & {
      readonly previous?: string;
      readonly now?: number;
      readonly sums?: readonly object[];
    },
  ) => Promise<SignedRequest>;
  readonly confirm: (operator: Member, change: unknown) => Promise<SignedRequest>;
  /** One turn of the helper; the wait for a confirmation continues in the background. @throws Problem */
  readonly send: (signed: SignedRequest) => Promise<JsonObject>;
  readonly raw: (line: string) => Promise<JsonObject>;
  readonly read: (place: string) => Promise<string>;
  /** Until every helper that was started has ended. */
  readonly ended: () => Promise<void>;
}

const settings = (rights: object, patience: number) => `patience: ${patience}\nrights: ${JSON.stringify(rights)}\n`;

/** @param patience seconds for a change to be confirmed */
export async function makeHelperNode(
  fleet: Fleet,
  rights: Readonly<Record<string, readonly string[]>>,
  patience = 60,
): Promise<HelperNode> {
  const { directory, name } = await prepareNode(fleet, { agents: [] });
  await writeFile(join(directory, 'helper.yaml'), settings(rights, patience));
  const running: Promise<void>[] = [];
  const raw = async (line: string) => {
    const [input, output] = [new PassThrough(), new PassThrough()];
    running.push(serveHelper(directory, agents, { input, output, log: () => {} }));
    input.end(line);
    let reply = '';
    for await (const part of output) reply += String(part);
    return decodeReply(reply);
  };
  const seal = (
    operator: Member,
    action: string,
    input: JsonObject,
    { now = Date.now(), ...more }: Partial<CallOptions> & { now?: number } = {},
  ) =>
    sealRequest(
      {
        ...callDefaults,
        requestId: newId(),
        target: name,
        agent: 'config',
        action,
        input,
        sensitive: action === 'apply' ? ['files'] : [],
        ...more,
      },
      operator.credentials,
      now,
    );
  return {
    name,
    directory,
    order: async (operator, files, { previous, sums, ...more } = {}) => {
      const listed = files.map(({ kind, name: file, content }) => ({
        kind,
        name: file,
        sha256: content === null ? '' : sumOf(content),
      }));
      const digest = previous ?? digestFiles(await listNodeFiles(directory));
      const input = { previous: digest, sums: [...(sums ?? listed)], files: [...files] } as unknown as JsonObject;
      return seal(operator, 'apply', input, more);
    },
    confirm: async (operator, change) => seal(operator, 'confirm', { change: String(change) }),
    send: (signed) => raw(encodeMessage({ type: 'request', signed, instance: 'test' } satisfies HelperMessage)),
    raw,
    read: (place) => readFile(join(directory, place), 'utf8'),
    ended: async () => void (await Promise.all(running)),
  };
}
