/**
 * The live view: running work and nodes that have not answered yet, in lines below the output; only on a terminal, and
 * cleared at the end.
 */
import type { CliContext } from '../../cli/context.ts';

export interface LiveView {
  /** Shows work on a number of nodes or hosts, until it ends. */
  readonly begin: (title: string | (() => string), total: number) => LiveWork;
  /** Draws nothing while a person is asked something. */
  readonly aside: <Answer>(ask: () => Promise<Answer>) => Promise<Answer>;
}

export interface LiveWork {
  /** A node's turn, or its progress. Its clock runs from the first time. */
  readonly show: (name: string, doing: string) => void;
  readonly done: (name: string) => void;
  readonly end: () => void;
  /** Nodes that were begun and are not done. */
  readonly going: ReadonlyMap<string, unknown>;
}

/** One piece of work. Times are in milliseconds, of one clock. */
export interface WorkState {
  readonly title: string | (() => string);
  readonly total: number;
  readonly done: number;
  readonly going: ReadonlyMap<string, { readonly since: number; readonly doing: string }>;
}

/** Milliseconds between two updates: shorter work is never shown. */
const interval = 200;
const barWidth = 30;
/** Lines of nodes for each piece of work: more would hide the output. */
const mostNames = 8;

/** One view a context: searches and calls at the same time are shown together. */
export function startLive(context: Pick<CliContext, 'status'>, now: () => number = () => performance.now()): LiveView {
  const view = views.get(context) ?? openLive(context, now);
  views.set(context, view);
  return view;
}

const views = new WeakMap<object, LiveView>();

function openLive({ status }: Pick<CliContext, 'status'>, now: () => number): LiveView {
  if (status === undefined) return unseen;
  const works = new Set<WorkState>();
  let timer: NodeJS.Timeout | undefined;
  let last = '';
  let asides = 0;
  const draw = () => {
    const lines = asides > 0 ? [] : [...works].flatMap((work) => formatWork(work, now()));
    const text = lines.join('\n');
    if (text !== last) status(lines);
    last = text;
  };
  const keepDrawing = () => {
    timer ??= setInterval(draw, interval).unref();
  };
  return {
    begin: (title, total) => {
      const going = new Map<string, { since: number; doing: string }>();
      const state = { title, total, done: 0, going };
      works.add(state);
      keepDrawing();
      return {
        show: (name, doing) => void going.set(name, { since: going.get(name)?.since ?? now(), doing }),
        done: (name) => {
          if (going.delete(name)) state.done++;
        },
        end: () => {
          works.delete(state);
          if (works.size > 0) return;
          clearInterval(timer);
          timer = undefined;
          draw();
        },
        going,
      };
    },
    aside: async (ask) => {
      asides++;
      draw();
      try {
        return await ask();
      } finally {
        asides--;
      }
    },
  };
}

const nothing = () => {};
const unseen: LiveView = {
  begin: () => ({ show: nothing, done: nothing, end: nothing, going: new Map() }),
  aside: (ask) => ask(),
};

/** @param now on the clock of the work's times */
export function formatWork({ title, total, done, going }: WorkState, now: number): string[] {
  const text = typeof title === 'string' ? title : title();
  const head = total === 0 ? ` * ${text}` : ` * [ ${formatBar(done / total)} ] ${done} / ${total} ${text}`;
  const shown = [...going].slice(0, mostNames);
  const width = Math.max(0, ...shown.map(([name]) => name.length));
  const names = shown.map(([name, { since, doing }]) => {
    const seconds = `${Math.floor((now - since) / 1000)} s`;
    return `   ${name.padEnd(width)} ${seconds.padStart(6)}  ${doing.replaceAll(/\s+/g, ' ')}`.trimEnd();
  });
  const more = going.size - shown.length;
  return [head, ...names, ...(more > 0 ? [`   and ${more} more`] : [])];
}

function formatBar(part: number): string {
  const filled = Math.floor(part * barWidth);
  return `${'='.repeat(filled)}${part < 1 ? '>' : '='}`.padEnd(barWidth + 1);
}
