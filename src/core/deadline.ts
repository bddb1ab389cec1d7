/** A signal that follows others and aborts after a time, as long as the work lasts that it is for. */
export interface Deadline {
  readonly signal: AbortSignal;
  /** Whether it was the time that ended it. */
  readonly passed: () => boolean;
  /** Ends the timer and lets the other signals go: without that, each call would leave both behind. */
  readonly end: () => void;
}

/**
 * What AbortSignal.timeout and AbortSignal.any do together, for work that ends as a rule long before its time: their
 * timers run on after it, and each makes an error then, with a stack, that nobody sees.
 * @param milliseconds until it aborts
 * @param followed signals that abort it, too
 */
export function startDeadline(milliseconds: number, followed: readonly AbortSignal[]): Deadline {
  const controller = new AbortController();
  let passed = false;
  const expire = () => {
    passed = true;
    controller.abort(new DOMException('the time has run out', 'TimeoutError'));
  };
  const timer = setTimeout(expire, milliseconds);
  // As with AbortSignal.timeout: it alone keeps no process alive.
  timer.unref();
  const follow = ({ target }: Event) => controller.abort((target as AbortSignal).reason);
  for (const signal of followed) {
    if (signal.aborted) controller.abort(signal.reason);
    else signal.addEventListener('abort', follow);
  }
  return {
    signal: controller.signal,
    passed: () => passed,
    end: () => {
      clearTimeout(timer);
      for (const signal of followed) signal.removeEventListener('abort', follow);
    },
  };
}
