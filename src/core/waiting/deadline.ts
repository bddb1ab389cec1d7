/** A signal that follows others and also aborts after a time, for the duration of its work. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Whether the time ended it. */
  readonly passed: () => boolean;
  /** Begins the time again. */
  readonly extend: () => void;
  /** Ends the timer and releases the other signals: otherwise each call would leave both behind. */
  readonly end: () => void;
}

/**
 * Does what AbortSignal.timeout and AbortSignal.any do together, for work that usually ends long before its time: their
 * timers continue afterwards, and each then makes an error, with a stack, that nobody sees.
 * @param milliseconds until it aborts
 * @param followed signals that abort it, too
 * @param settle called when the time is over, before it aborts, which `extend` and `end` can still prevent
 */
export function startDeadline(
  milliseconds: number,
  followed: readonly AbortSignal[],
  settle: (expire: () => void) => unknown = (expire) => expire(),
): Deadline {
  const controller = new AbortController();
  let passed = false;
  // As with AbortSignal.timeout, the timer does not keep the process alive.
  const start = () => {
    const expire = () => {
      if (timer !== started) return;
      passed = true;
      controller.abort(new DOMException('the time has run out', 'TimeoutError'));
    };
    const started: NodeJS.Timeout = setTimeout(() => settle(expire), milliseconds).unref();
    return started;
  };
  let timer: NodeJS.Timeout | undefined = start();
  const follow = ({ target }: Event) => controller.abort((target as AbortSignal).reason);
  for (const signal of followed) {
    if (signal.aborted) controller.abort(signal.reason);
    else signal.addEventListener('abort', follow);
  }
  return {
    signal: controller.signal,
    passed: () => passed,
    extend: () => {
      clearTimeout(timer);
      timer = start();
    },
    end: () => {
      clearTimeout(timer);
      timer = undefined;
      for (const signal of followed) signal.removeEventListener('abort', follow);
    },
  };
}

/**
 * Begins a deadline for the answer of another program. Time in which this program itself did not run (it was stopped,
 * its virtual machine was suspended, or it was busy) counts for at most half of it, and an answer that arrived meanwhile
 * is read before the deadline passes.
 * @param milliseconds until it aborts
 * @param followed signals that abort it, too
 */
export function startAnswerDeadline(milliseconds: number, followed: readonly AbortSignal[]): Omit<Deadline, 'extend'> {
  let isHalf = false;
  const deadline = startDeadline(milliseconds / 2, followed, (expire) => {
    if (isHalf) return setImmediate(expire);
    isHalf = true;
    return deadline.extend();
  });
  return deadline;
}

/**
 * Acts when an answer does not come in time, as of {@link startAnswerDeadline}. This does not keep the process alive.
 * @returns ends it
 */
export function whenUnanswered(milliseconds: number, act: () => void): () => void {
  const { signal, end } = startAnswerDeadline(milliseconds, []);
  signal.addEventListener('abort', act, { once: true });
  return end;
}
