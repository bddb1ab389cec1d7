import { listNames } from '../../../core/text.ts';
import type { CliContext } from '../../cli/context.ts';
import { startLive } from './live.ts';

/** The nodes that are dialled during discovery: on a terminal, `11 answered, waiting for dev4.devco.net`. */
export interface Waiting {
  readonly turn: (name: string, turn: 'begun' | 'answered' | 'given-up') => void;
  readonly end: () => void;
}

const mostNames = 5;

export function startWaiting(context: Pick<CliContext, 'status'>): Waiting {
  const dialled = new Set<string>();
  let answered = 0;
  const title = () => {
    const waiting = dialled.size === 0 ? '' : `, waiting for ${listNames([...dialled], mostNames)}`;
    return `${answered} answered${waiting}`;
  };
  const work = startLive(context).begin(title, 0);
  return {
    turn: (name, turn) => {
      if (turn === 'begun') {
        dialled.add(name);
        return;
      }
      // A node whose call is in progress is shown by that call.
      if (dialled.delete(name) && turn === 'answered') answered++;
    },
    end: work.end,
  };
}
