import type { CliContext } from '../context.ts';

/** A bar of how many nodes have answered: on a terminal only, and gone at the end. */
export interface ProgressBar {
  readonly step: () => void;
  readonly end: () => void;
}

const width = 40;

export function startProgress(total: number, { isTerminal, status }: CliContext): ProgressBar {
  let done = 0;
  const draw = () => {
    const filled = Math.floor((done / Math.max(1, total)) * width);
    const bar = `${'='.repeat(filled)}${done < total ? '>' : '='}`.padEnd(width + 1);
    status(` * [ ${bar} ] ${done} / ${total}`);
  };
  if (!isTerminal || total === 0) return { step: () => {}, end: () => {} };
  draw();
  return {
    step: () => {
      done++;
      draw();
    },
    end: () => status(''),
  };
}
