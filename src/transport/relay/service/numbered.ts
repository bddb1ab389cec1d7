import { Problem } from '../../../core/errors.ts';

/** Work that the other end of a connection asks for by its own numbers, and may give up. */
export interface Numbered<Message> {
  readonly take: (message: Message) => void;
  /** The number that is not done yet. */
  readonly running: () => number;
  /** Cancels all of it. */
  readonly end: () => void;
}

/**
 * @param serve does the work, and reports its end. It is given the number of works that run, itself included
 */
export function startNumbered<Message extends { readonly id: number; readonly drop: boolean }>(
  serve: (message: Message, control: AbortController, running: number) => Promise<void>,
): Numbered<Message> {
  const running = new Map<number, AbortController>();
  const begin = async (message: Message): Promise<void> => {
    const { id } = message;
    // A number in use stays with its first message.
    if (running.has(id)) return;
    const control = new AbortController();
    running.set(id, control);
    try {
      await serve(message, control, running.size);
    } finally {
      if (running.get(id) === control) running.delete(id);
    }
  };
  return {
    take: (message) => {
      if (message.drop) running.get(message.id)?.abort(abandoned());
      else void begin(message);
    },
    running: () => running.size,
    end: () => {
      for (const one of running.values()) one.abort(abandoned());
      running.clear();
    },
  };
}

/** The reason for the end of work that its caller no longer waits for. */
function abandoned(): Problem {
  return new Problem('cancelled', 'the caller gave it up');
}
