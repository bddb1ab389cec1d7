import type { RunEvent } from '../../../playbook/events/events.ts';
import type { LiveView, LiveWork } from './live.ts';

/** The live view of a run: each running call, and the progress of its nodes. */
export interface LiveRun {
  readonly see: (event: RunEvent) => void;
  /** The progress of a node during a call. */
  readonly onProgress: (step: string, node: string, message: string) => void;
}

export function startLiveRun(live: LiveView): LiveRun {
  const titles = new Map<string, string>();
  const shown = new Map<string, LiveWork>();
  const titleOf = (step: string) => titles.get(step) ?? step;
  const end = (step: string) => {
    shown.get(step)?.end();
    shown.delete(step);
  };
  const begin = (step: string, title: string, nodes: readonly string[]) => {
    end(step);
    const work = live.begin(title, nodes.length);
    for (const node of nodes) work.show(node, '');
    shown.set(step, work);
  };
  const settle = (step: string, node: string) => {
    const work = shown.get(step);
    work?.done(node);
    // Some calls do not belong to a step, which would be shown as ended.
    if (work?.going.size === 0) end(step);
  };
  return {
    see: (event) => {
      switch (event.type) {
        case 'step-started':
          titles.set(event.step, event.title);
          if (event.kind === 'pause') begin(event.step, event.title, []);
          return;
        case 'try-started': {
          const batch = event.batches > 1 ? `, batch ${event.batch} of ${event.batches}` : '';
          const attempt = event.try > 1 ? `, try ${event.try} of ${event.tries}` : '';
          begin(event.step, `${titleOf(event.step)}${batch}${attempt}`, event.nodes);
          return;
        }
        case 'outcome':
          settle(event.step, event.node);
          return;
        case 'try-failed':
          if (event.wait > 0) begin(event.step, `${titleOf(event.step)}: ${waiting(event)}`, []);
          return;
        case 'step-finished':
          end(event.report.id);
          return;
        case 'run-finished':
          for (const step of [...shown.keys()]) end(step);
          return;
        default:
      }
    },
    onProgress: (step, node, message) => {
      const work = shown.get(step);
      if (work?.going.has(node) === true) work.show(node, message);
    },
  };
}

function waiting({ failed, wait, try: attempt, tries }: Extract<RunEvent, { type: 'try-failed' }>): string {
  const names = failed.map(({ node }) => node).join(', ');
  return `try ${attempt + 1} of ${tries} in ${Math.ceil(wait / 1000)} s, for ${names}`;
}
