import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../support/lab/lab.ts';
import type { LabRun } from '../support/lab/runs.ts';
import { chooseFaults } from './faults/choose.ts';
import type { Fault } from './faults/fault.ts';
import type { Random } from './random.ts';

/** A fault that was injected. Times are milliseconds since the epoch, by the machine's clock. */
export interface Struck {
  readonly fault: Fault;
  readonly from: number;
  /** Infinity until it is put right. */
  readonly until: () => number;
  /** Puts it right, unless that was done before. */
  readonly heal: () => Promise<void>;
}

/** Injects one to three faults, each when the run has written so many entries more; half are put right soon after. */
export async function strike(random: Random, lab: Lab, run: LabRun): Promise<Struck[]> {
  const faults = chooseFaults(1 + random.below(3), { random, lab, run: () => run });
  const plan = faults
    .map((fault) => ({ fault, entries: 3 + random.below(60), hold: random.below(2) * (500 + random.below(3000)) }))
    .sort((a, b) => a.entries - b.entries);
  const before = (await run.entries()).length;
  const struck: Struck[] = [];
  let isOver = false;
  const ended = run.ended.then(() => {
    isOver = true;
  });
  for (const { fault, entries, hold } of plan) {
    while (!isOver && (await run.entries()).length < before + entries) await Promise.race([delay(50), ended]);
    if (isOver) break;
    const one = await inject(fault);
    struck.push(one);
    if (hold > 0) void delay(hold).then(one.heal);
  }
  return struck;
}

async function inject(fault: Fault): Promise<Struck> {
  const from = Date.now();
  const heal = await fault.inject();
  let until = Number.POSITIVE_INFINITY;
  let healed: Promise<void> | undefined;
  const once = () => {
    healed ??= heal().finally(() => {
      until = Date.now();
    });
    return healed;
  };
  return { fault, from, until: () => until, heal: once };
}
