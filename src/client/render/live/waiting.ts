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
    const names = [...dialled].slice(0, mostNames).join(', ');
    const more = dialled.size > mostNames ? ` and ${dialled.size - mostNames} more` : '';
    return `${answered} answered${dialled.size === 0 ? '' : `, waiting for ${names}${more}`}`;
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
