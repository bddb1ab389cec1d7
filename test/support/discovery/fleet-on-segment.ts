import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agents } from '../../../src/agents/index.ts';
import { type Fleet, type Member, makeFleet } from '../fleet/fleet.ts';
import { prepareNode } from '../node/node.ts';
import type { Script } from './network.ts';
import { createSegment, type Segment } from './segment.ts';

export interface Ended {
  readonly code: number;
  readonly lines: readonly string[];
}

/** Daemons and clients as separate programs, on the hosts of a segment with real multicast. */
export interface FleetOnSegment extends AsyncDisposable {
  readonly segment: Segment;
  readonly fleet: Fleet;
  /** Lays down what a daemon starts from. @returns its directory, with node.yaml in it */
  readonly prepare: (name: string, options: NodeOptions) => Promise<string>;
  /** Starts daemons on a host, and waits until they listen. */
  readonly start: (host: number, directories: readonly string[]) => Promise<Script>;
  /** The home of an operator with an empty cache. @param discovery how nodes are found; by multicast when left out */
  readonly home: (discovery?: string) => Promise<string>;
  /** A client with such a home. */
  readonly client: (host: number, discovery?: string) => Promise<Client>;
}

export interface NodeOptions {
  /** Names of built-in agents. */
  readonly agents: readonly string[];
  /** Any free one when left out. */
  readonly port?: number;
}

export interface Client {
  readonly run: (...words: string[]) => Promise<Ended>;
  /** Runs a command until its outcome is as wanted; a test that waits too long is ended by its timeout. */
  readonly until: (words: readonly string[], holds: (ended: Ended) => boolean) => Promise<Ended>;
}

/** The sections of agents that need one. */
const sections = { appmgr: { applications: { app: { root: '/srv/app', artifacts: '/srv' } } } };

export async function createFleetOnSegment(hosts: number): Promise<FleetOnSegment> {
  const segment = await createSegment(hosts);
  const fleet = await makeFleet();
  const rip = await fleet.operator('rip@devco.net');
  let homes = 0;
  const home = (discovery = '{ method: mdns }') => makeHome(join(fleet.dir, `home${++homes}`), rip, discovery);
  return {
    segment,
    fleet,
    prepare: (name, options) => prepareOnSegment(fleet, name, options),
    start: async (host, directories) => {
      const configFiles = directories.map((directory) => join(directory, 'node.yaml'));
      const script = segment.start(host, 'daemons.ts', { configFiles });
      for (let line = await script.next(); line?.ports === undefined; line = await script.next())
        if (line === undefined) throw new Error(script.stderr());
      return script;
    },
    home,
    client: async (host, discovery) => clientOf(segment.start(host, 'client.ts', { home: await home(discovery) })),
    [Symbol.asyncDispose]: async () => {
      await segment.remove();
      await fleet.remove();
    },
  };
}

async function prepareOnSegment(fleet: Fleet, name: string, options: NodeOptions): Promise<string> {
  const enabled = agents.filter(({ ddl }) => options.agents.includes(ddl.name));
  const listen = `listen: { port: ${options.port ?? 0} }`;
  const { directory, configFile } = await prepareNode(fleet, { name, agents: enabled, sections, listen, log: 'error' });
  await writeFile(configFile, (await readFile(configFile, 'utf8')).replace('mdns: false', 'mdns: true'));
  return directory;
}

async function makeHome(home: string, { files }: Member, discovery: string): Promise<string> {
  await mkdir(join(home, '.config/mco-deploy'), { recursive: true });
  const tls = `tls: { certificate: ${files.certificate}, key: ${files.key}, ca: ${files.ca} }`;
  await writeFile(join(home, '.config/mco-deploy/client.yaml'), `${tls}\ndiscovery: ${discovery}\n`);
  return home;
}

function clientOf(script: Script): Client {
  const run = async (...words: string[]): Promise<Ended> => {
    script.say(JSON.stringify(words));
    const ended = (await script.next()) as { code: number; lines: string[] } | undefined;
    if (ended === undefined) throw new Error(script.stderr());
    return ended;
  };
  return {
    run,
    until: async (words, holds) => {
      for (;;) {
        const ended = await run(...words);
        if (holds(ended)) return ended;
      }
    },
  };
}
