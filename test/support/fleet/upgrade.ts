import { agents } from '../../../src/agents/index.ts';
import { loadPlaybook } from '../../../src/playbook/compile/load.ts';
import type { RunReport } from '../../../src/playbook/events/events.ts';
import { formatEvent } from '../../../src/playbook/events/format.ts';
import { bindInputs } from '../../../src/playbook/inputs/inputs.ts';
import { runPlaybook } from '../../../src/playbook/run/run-playbook.ts';
import type { RunOptions } from '../../../src/playbook/run/start-context.ts';
import type { Estate } from './estate.ts';

const file = 'playbooks/app_cluster_upgrade.yaml';
const catalogue = agents.map(({ ddl }) => ddl);

/** The inputs of an upgrade of the cluster bravo. */
export const upgrade = { cluster: 'bravo', revision: '20', recipient: 'mailto:ops@devco.net' };

/** Runs app_cluster_upgrade. */
export async function run(estate: Estate, inputs: Record<string, unknown> = upgrade, options: RunOptions = {}) {
  const playbook = await loadPlaybook(file, catalogue);
  return runPlaybook(playbook, bindInputs(playbook, inputs), estate.fabric.ports, options);
}

/** The step of each call to nodes, in order. */
export function called(estate: Estate): string[] {
  return estate.fabric.calls.map(({ step }) => step);
}

/** A step in the report. */
export function stepOf(report: RunReport, id: string) {
  return report.steps.find((step) => step.id === id);
}

/** The lines that the run printed. */
export function lines(estate: Estate): string[] {
  return estate.fabric.events.flatMap((event) => formatEvent(event));
}
