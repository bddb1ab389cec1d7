import type { Waiting } from '../../library/fleet/environment.ts';

/** Nodes of one search from which a command is one over many: it takes more than a second in any case. */
export const many = 500;

/** Calls back once, when the search has come to that many nodes. */
export function noticeMany(waiting: Waiting, onMany: (() => void) | undefined): Waiting {
  if (onMany === undefined) return waiting;
  let begun = 0;
  return {
    turn: (name, turn) => {
      if (turn === 'begun') begun++;
      if (turn === 'begun' && begun === many) onMany();
      waiting.turn(name, turn);
    },
    end: waiting.end,
  };
}
