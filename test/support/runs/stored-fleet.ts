/** Nodes that store journals of runs, and operators at machines of their own. */
import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { agents, findExternal } from '../../../src/agents/index.ts';
import type { CliContext } from '../../../src/client/cli/context.ts';
import { type Fleet, type Member, makeFleet } from '../fleet/fleet.ts';
import { startTestNode, type TestNode } from '../node/node.ts';
import { type CliRun, runInProcess } from '../program/cli.ts';
import { listNodes, makeHome } from '../program/home.ts';

/** A machine of one operator. */
export interface Machine {
  readonly home: string;
  readonly operator: Member;
  readonly mco: (words: readonly string[], more?: Partial<CliContext>) => Promise<CliRun & { readonly text: string }>;
  /** Its disk is gone. */
  readonly destroy: () => Promise<void>;
}

export interface StoredFleet extends AsyncDisposable {
  readonly fleet: Fleet;
  readonly nodes: readonly TestNode[];
  readonly machine: (operator: string) => Promise<Machine>;
  /** The calls that the agent `changer` served on a node: action and inputs, one per line. */
  readonly changes: (node: string) => Promise<string[]>;
  /** Lets `changer.halt` fail on a node, or succeed again. */
  readonly breakNode: (node: string, broken: boolean) => Promise<void>;
  /** Makes all machines find the nodes where they listen since a restart. */
  readonly relocate: () => Promise<void>;
  readonly journalFile: (node: TestNode, run: string) => string;
}

/** The rights: rip and eve may run and resume, joe may do everything except read journals. */
const policies = {
  default: 'policy default deny\nallow\tcert=rip@devco.net cert=eve@devco.net cert=joe@devco.net\t*\t*\t*\n',
  journal: 'policy default deny\nallow\tcert=rip@devco.net cert=eve@devco.net\t*\t*\t*\n',
};

const names = ['dev1.devco.net', 'dev2.devco.net', 'dev3.devco.net'];

/** Each call is written down; `halt` fails where a file says so. */
const program = `#!/bin/bash
at="$(dirname "$0")"
action=$(sed 's/.*"action":"\\([a-z]*\\)".*/\\1/' "$1")
if [ "$action" = halt ] && [ -e "$at/broken" ]; then
  echo '{"statuscode":1,"statusmsg":"it is broken","data":{}}' >"$2"
  exit 0
fi
case "$2$1$CHORIA_EXTERNAL_PROTOCOL" in *activation*) ;; *) echo "$action" >>"$at/calls" ;; esac
echo '{"statuscode":0,"data":{},"activate":true}' >"$2"
`;

const playbook = `name: two
inputs: {what: {default: all}, pin: {sensitive: true, required: false}}
nodes: {all: {agents: [changer]}}
steps:
  - {id: one, call: changer.go, on: all}
  - {id: two, call: changer.halt, on: all}
`;

/** Puts the agent `changer` into a node's directory. @returns where it keeps its calls */
async function installChanger(directory: string): Promise<string> {
  const at = join(directory, 'agents.d');
  await mkdir(at, { recursive: true });
  const metadata = { name: 'changer', description: 'c', author: 'a', license: 'l', version: '1', timeout: 5 };
  const description = { description: 'changes something', display: 'always', repeatable: true };
  const actions = ['go', 'halt'].map((action) => ({ action, ...description }));
  await writeFile(join(at, 'changer.json'), JSON.stringify({ metadata, actions }));
  await writeFile(join(at, 'changer'), program);
  await chmod(join(at, 'changer'), 0o755);
  return at;
}

/** @param without nodes that do not run the agent journal */
export async function startStoredFleet({
  without = [],
  sections = {},
  journal = policies.journal,
}: {
  readonly without?: readonly string[];
  readonly sections?: Readonly<Record<string, object>>;
  readonly journal?: string;
} = {}): Promise<StoredFleet> {
  const fleet = await makeFleet();
  const nodes: TestNode[] = [];
  const directories = new Map<string, string>();
  for (const name of names) {
    const prepare = async (directory: string) => {
      directories.set(name, await installChanger(directory));
    };
    const wanted = ['rpcutil', 'lock', ...(without.includes(name) ? [] : ['journal'])];
    const builtIn = agents.filter(({ ddl }) => wanted.includes(ddl.name));
    nodes.push(
      await startTestNode(fleet, {
        name,
        agents: builtIn,
        findExternal,
        prepare,
        sections,
        policies: { ...policies, journal },
      }),
    );
  }
  const homes = new Set<string>();
  let machines = 0;
  const at = (node: string) => directories.get(node) ?? '';
  return {
    fleet,
    nodes,
    machine: async (name) => {
      const operator = await fleet.operator(name);
      const home = await makeHome(join(fleet.dir, `machine${++machines}`), operator, nodes);
      homes.add(home);
      await writeFile(join(home, 'two.yaml'), playbook);
      return {
        home,
        operator,
        mco: async (words, more) => {
          const run = await runInProcess(words, home, more);
          return { ...run, text: [...run.out, ...run.err].join('\n') };
        },
        destroy: async () => {
          homes.delete(home);
          await rm(home, { recursive: true });
        },
      };
    },
    changes: async (node) => {
      const text = await readFile(join(at(node), 'calls'), 'utf8').catch(() => '');
      return text.split('\n').slice(0, -1);
    },
    breakNode: async (node, broken) => {
      await (broken ? writeFile(join(at(node), 'broken'), '') : rm(join(at(node), 'broken'), { force: true }));
    },
    relocate: async () => {
      for (const home of homes) await listNodes(home, nodes);
    },
    journalFile: ({ directory }, run) => join(directory, 'state/journal', `${run}.jsonl`),
    [Symbol.asyncDispose]: async () => {
      for (const node of nodes) await node[Symbol.asyncDispose]();
      await fleet.remove();
    },
  };
}
