import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { temporaryDirectory } from '../agent-setup.ts';

export interface CutOff {
  /** The number of the change (from 0) at which everything ends. */
  readonly at: number;
  /** Whether HAProxy still gets that change; its answer is lost in any case. */
  readonly arrives: boolean;
}

/** A HAProxy socket whose client can be cut off at a change, as if it had been killed. */
export interface CutOffProxy {
  readonly socket: string;
  /** Cuts the client off from the next change on. @returns resolves when it was cut off: it waits for an answer that never comes */
  readonly arm: (cutOff: CutOff) => Promise<void>;
  /** Ends all connections and refuses new ones. */
  readonly end: () => Promise<void>;
  /** Passes everything on, to every later connection. */
  readonly begin: () => Promise<void>;
}

const changing = /^(set server|disable agent|enable agent|shutdown sessions) /;

export async function startCutOffProxy(haproxy: string): Promise<CutOffProxy> {
  const path = join(temporaryDirectory(), 'proxy.sock');
  const open = new Set<Socket>();
  let armed: (CutOff & { readonly seen: () => number; readonly cut: () => void }) | undefined;
  let dead = false;
  const serve = async (client: Socket) => {
    const [command] = (await once(client, 'data')) as [Buffer];
    if (dead) return;
    const ends = armed !== undefined && changing.test(String(command)) && armed.seen() === armed.at;
    dead = ends;
    const answer = ends && armed?.arrives !== true ? '' : await askRaw(haproxy, command);
    if (ends) armed?.cut();
    // Replies after the end to earlier requests are lost as well.
    if (!dead) client.end(answer);
  };
  const listen = async (): Promise<Server> => {
    const server = createServer((client) => {
      open.add(client);
      client.on('error', () => {});
      client.on('close', () => open.delete(client));
      serve(client).catch(() => client.destroy());
    });
    server.listen(path);
    await once(server, 'listening');
    return server;
  };
  let server = await listen();
  return {
    socket: path,
    arm: (cutOff) =>
      new Promise((cut) => {
        let changes = 0;
        armed = { ...cutOff, seen: () => changes++, cut };
      }),
    end: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const client of open) client.destroy();
      await closed;
    },
    begin: async () => {
      armed = undefined;
      dead = false;
      server = await listen();
    },
  };
}

async function askRaw(socket: string, command: Buffer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const haproxy = connect(socket);
  haproxy.end(command);
  for await (const chunk of haproxy) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
