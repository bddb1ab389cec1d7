import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../support/lab/lab.ts';
import type { LabRun } from '../support/lab/upgrades/runs.ts';
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

interface Strike {
  readonly lab: Lab;
  /** Gets the faults; those of the seed's run before are in it already. */
  readonly struck: Struck[];
  /** Resolves when the run takes too long. */
  readonly tooLate: Promise<void>;
}

/** Injects one to three faults, each when the run has written so many entries more; half are put right soon after. */
export async function strike(random: Random, run: LabRun, { lab, struck, tooLate }: Strike): Promise<void> {
  // Each run has its own client.
  const earlier = struck.map(({ fault }) => fault).filter(({ part }) => part !== 'client');
  const faults = chooseFaults(1 + random.below(3), { random, lab, run: () => run }, earlier);
  const plan = faults
    .map((fault) => ({ fault, entries: 3 + random.below(60), hold: random.below(2) * (500 + random.below(3000)) }))
    .sort((a, b) => a.entries - b.entries);
  const begun = (await run.entries()).length;
  let isOver = false;
  const ended = Promise.race([run.ended, tooLate]).then(() => {
    isOver = true;
  });
  for (const { fault, entries, hold } of plan) {
    while (!isOver && (await run.entries()).length < begun + entries) await Promise.race([delay(50), ended]);
    if (isOver) break;
    const one = await inject(fault);
    struck.push(one);
    // A failure here is reported when the faults are repaired: it is the same promise.
    if (hold > 0) void delay(hold).then(() => one.heal().catch(() => undefined));
  }
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
