import { agents } from '../../../src/agents/index.ts';
import type { Detail } from '../../../src/playbook/events/format.ts';
import type { RunEvent } from '../../../src/playbook/events/events.ts';
import { readHistory, resumeFrom } from '../../../src/playbook/journal/history.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import type { RunOptions } from '../../../src/playbook/run/start-context.ts';
import { type LoadedScript, loadScript, readScript } from '../../../src/puppet/script.ts';
import { createFabric, type Fabric } from '../fleet/fabric.ts';

export const catalogue = agents.map(({ ddl }) => ddl);

/** Evaluates a script over a fleet in memory. @param before what a resumed run keeps to */
export async function loadText(
  text: string,
  inputs: Readonly<Record<string, unknown>> = {},
  fabric: Fabric = createFabric([]),
  before?: Readonly<Record<string, readonly string[]>>,
): Promise<LoadedScript> {
  const script = readScript({ file: 'test.mc', text }, catalogue);
  return await loadScript(script, inputs, {
    facts: { id: 'rip', hostname: 'control', fqdn: 'control.devco.net' },
    agents: catalogue,
    learn: async () => [],
    ask: async ({ name, filter, wantsFacts }) => {
      const { nodes } = await fabric.ports.discover({ filter, atLeast: 0, facts: wantsFacts });
      return before?.[name] === undefined ? nodes : nodes.filter((node) => before[name]?.includes(node.name));
    },
  });
}

/** Evaluates and runs a script; a second time on the same fabric with `resume`, it goes on by the first one’s journal. */
export async function runText(
  text: string,
  inputs: Readonly<Record<string, unknown>> = {},
  fabric: Fabric = createFabric([]),
  {
    resume = false,
    detail = 'full',
    ...options
  }: RunOptions & { readonly resume?: boolean; readonly detail?: Detail } = {},
) {
  const history = resume ? readHistory(fabric.journal) : undefined;
  const { playbook, notices } = await loadText(text, inputs, fabric, history?.setsOf(''));
  const begin = fabric.events.length;
  const settings =
    history === undefined ? options : { ...options, runId: runIdOf(fabric), resumed: resumeFrom(history) };
  const report = await runPlaybook(playbook, inputs, fabric.ports, settings);
  const lines = (kind: 'out' | 'err') =>
    fabric.events.slice(begin).flatMap((event: RunEvent) => playbook.format?.(event, detail)[kind] ?? []);
  return { report, playbook, notices: notices.map(({ text: said }) => said), out: lines('out'), err: lines('err') };
}

function runIdOf({ journal }: Fabric): string {
  return journal[0]?.runId ?? '';
}
