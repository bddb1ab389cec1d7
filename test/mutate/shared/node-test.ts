// Stands in for node:test in the shared process: that one runs a file once, this one again and again. It stops at the first
// failure. Options of a test are left alone: one that needs them fails here without a mutant, and so runs in its own process.
import { mock } from 'node:test';

interface Context {
  readonly mock: typeof mock;
  readonly signal: AbortSignal;
  readonly after: (step: Step) => void;
}
type Step = (context: Context) => unknown;

class Suite {
  readonly parts: (Suite | Step)[] = [];
  readonly before: Step[] = [];
  readonly after: Step[] = [];
  readonly beforeEach: Step[] = [];
  readonly afterEach: Step[] = [];
}

const Tracker = mock.constructor as new () => typeof mock;
let current = new Suite();

export { mock };
export const before = (step: Step): number => current.before.push(step);
export const after = (step: Step): number => current.after.push(step);
export const beforeEach = (step: Step): number => current.beforeEach.push(step);
export const afterEach = (step: Step): number => current.afterEach.push(step);

/** The name and the options, if any, come before the function. */
export function test(...given: unknown[]): void {
  current.parts.push(given.at(-1) as Step);
}

export function describe(...given: unknown[]): void {
  const [outer, inner] = [current, new Suite()];
  outer.parts.push(inner);
  current = inner;
  try {
    (given.at(-1) as () => void)();
  } finally {
    current = outer;
  }
}

/** Runs what was described since the last call. Throws what the first test that fails throws. */
export async function runDescribed(): Promise<void> {
  const whole = current;
  current = new Suite();
  if (whole.parts.length === 0) throw new Error('the file has no test');
  await runSuite(whole, []);
}

async function runSuite(suite: Suite, outer: readonly Suite[]): Promise<void> {
  const suites = [...outer, suite];
  await inContext(async (context) => {
    try {
      for (const step of suite.before) await step(context);
      for (const part of suite.parts) await (part instanceof Suite ? runSuite(part, suites) : runTest(part, suites));
    } finally {
      for (const step of suite.after) await step(context);
    }
  });
}

async function runTest(step: Step, suites: readonly Suite[]): Promise<void> {
  await inContext(async (context) => {
    try {
      for (const one of suites.flatMap((suite) => suite.beforeEach)) await one(context);
      await step(context);
    } finally {
      for (const one of suites.toReversed().flatMap((suite) => suite.afterEach)) await one(context);
    }
  });
}

async function inContext(run: (context: Context) => Promise<void>): Promise<void> {
  const [last, ends, tracker]: [Step[], AbortController, typeof mock] = [[], new AbortController(), new Tracker()];
  const context: Context = { mock: tracker, signal: ends.signal, after: (step) => last.push(step) };
  try {
    await run(context);
  } finally {
    for (const step of last) await step(context);
    ends.abort();
    tracker.reset();
  }
}
