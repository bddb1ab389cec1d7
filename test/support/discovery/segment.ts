import assert from 'node:assert/strict';
import { createNetwork, type Network, type NetworkHost, type Script } from './network.ts';

/** The output of the listening script. */
export interface Memory {
  readonly heard: { name: string; facts: Record<string, string>; addresses: { host: string }[]; lastHeard: number }[];
  readonly duplicates: { identity: string; addresses: string[] }[];
  readonly memory: number;
}

/** Milliseconds: a question waits longer for the next answer than usual, since the hosts share a machine that may be busy. */
const patient = { timeout: 3000, window: 600 };

/** A network whose hosts announce, ask and listen by the project's own code. */
export interface Segment {
  readonly host: (index: number) => NetworkHost;
  readonly start: (index: number, script: string, options?: object) => Script;
  /** A node that is announced. */
  readonly announce: (index: number, options: object) => Promise<Script>;
  readonly listen: (index: number, options?: object) => Promise<Script>;
  /** The names heard, one list for each line of output. */
  readonly ask: (index: number, options?: object) => Promise<string[]>;
  /** The addresses at which a node is heard first. */
  readonly addressesOf: (index: number, identity: string, options?: object) => Promise<string[]>;
  readonly remembered: (listener: Script) => Promise<Memory>;
  /** Asks the listener until it is so; a test that waits too long is ended by its timeout. */
  readonly until: (listener: Script, holds: (memory: Memory) => boolean) => Promise<Memory>;
  /** Ends every script that was started. */
  readonly quiet: () => Promise<void>;
  readonly remove: Network['remove'];
}

export async function createSegment(hosts: number): Promise<Segment> {
  const network = await createNetwork(hosts);
  let running: Script[] = [];
  const host = (index: number) => network.hosts[index] as NetworkHost;
  const start = (index: number, script: string, options: object = {}): Script => {
    const started = host(index).start(script, options);
    running.push(started);
    return started;
  };
  const asking = (index: number, options: object) => start(index, 'ask.ts', { ...patient, ...options });
  const remembered = async (listener: Script): Promise<Memory> => {
    listener.say('?');
    return (await listener.next()) as unknown as Memory;
  };
  return {
    host,
    start,
    async announce(index, options) {
      const script = start(index, 'announce.ts', options);
      assert.ok((await script.next())?.started !== undefined, script.stderr());
      assert.equal((await script.next())?.settled, 'announced');
      return script;
    },
    async listen(index, options = {}) {
      const script = start(index, 'listen.ts', options);
      assert.equal((await script.next())?.ready, true, script.stderr());
      return script;
    },
    async ask(index, options = {}) {
      const script = asking(index, options);
      const names: string[] = [];
      for (let line = await script.next(); line?.name !== undefined; line = await script.next())
        names.push(String(line.name));
      return names.sort();
    },
    async addressesOf(index, identity, options = {}) {
      const heard = await asking(index, { filter: { identities: [identity] }, ...options }).next();
      return ((heard?.addresses ?? []) as { host: string }[]).map((one) => one.host);
    },
    remembered,
    async until(listener, holds) {
      for (;;) {
        const memory = await remembered(listener);
        if (holds(memory)) return memory;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    },
    async quiet() {
      await Promise.all(running.map((script) => script.stop()));
      running = [];
    },
    remove: network.remove,
  };
}
