import type { Ddl } from '../core/ddl/ddl.ts';
import { newId } from '../core/request/request.ts';
import { compilePlaybook } from '../playbook/compile/load.ts';
import type { RunEvent, RunReport } from '../playbook/events/events.ts';
import type { Feed, RunOptions } from './api.ts';
import { orCancelled } from './cancelled.ts';
import { startFeed } from './feed.ts';
import type { Session } from './fleet/session.ts';
import { readPlaybook, unknownAgents } from './runs/find-playbook.ts';
import { openJournal } from './runs/journal.ts';
import { loadNamedPlaybook } from './runs/named-playbook.ts';
import { type FleetRun, runOverNodes } from './runs/run-over-nodes.ts';
import { targetsOf } from './targets.ts';

const never = new AbortController().signal;

/**
 * Begins a run of a playbook. @param name a file, or the name of a shipped playbook
 * @param signal ends it after the current batch, as the session's own signal does
 */
export function startRun(
  { name, inputs, options }: { name: string; inputs: Readonly<Record<string, unknown>>; options: RunOptions },
  session: Session,
  catalogue: readonly Ddl[],
  signal: AbortSignal,
): Feed<RunEvent, RunReport> {
  return startFeed((emit) =>
    orCancelled(signal, async () => {
      const tree = await readPlaybook(name);
      // Refuse everything possible before any node is asked.
      if (unknownAgents(tree, catalogue).length === 0) compilePlaybook(tree, catalogue);
      const targets = targetsOf({}, options);
      const {
        playbook,
        agents,
        inputs: bound,
        texts,
        origin,
      } = await loadNamedPlaybook({ name, tree, inputs }, session, catalogue, targets);
      const runId = newId();
      const journal = await openJournal(session.config.stateDirectory, runId);
      const { dryRun = false, allowMissing = false, notifyStart = false, lock = true, lockWait = 0 } = options;
      const run: FleetRun = {
        ...{ playbook, inputs: bound, runId, journal, journalMode: options.journal, texts, targets },
        lockWait: lock ? lockWait : undefined,
        settings: { dryRun, origin, allowMissing, notifyStart },
      };
      const { confirm, onProgress = () => {}, kill = never } = options;
      try {
        const { report } = await runOverNodes(run, session, agents, {
          emit,
          onProgress: (_step, node, message) => onProgress(node, message),
          warn: session.environment.warn,
          asking: () => (confirm === undefined ? {} : { confirm }),
          signal,
          kill,
        });
        return report;
      } finally {
        await journal.close();
      }
    }),
  );
}
