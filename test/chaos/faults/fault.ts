import assert from 'node:assert/strict';
import type { Lab } from '../../support/lab/lab.ts';
import type { LabRun } from '../../support/lab/upgrades/runs.ts';
import type { Random } from '../random.ts';

export interface Fault {
  /** The name under which it is counted: the same for every host. */
  readonly kind: string;
  readonly host: string;
  /** The part of the host that it breaks: a program, the link, a file system, the clock. A seed breaks each once. */
  readonly part: string;
  /** Whether requests of users may fail by it. */
  readonly hurtsTraffic: boolean;
  /** @returns what puts it right, whenever that is called; it is called once */
  readonly inject: () => Promise<() => Promise<void>>;
}

/** The values by which a fault is chosen and injected. */
export interface FaultContext {
  readonly random: Random;
  readonly lab: Lab;
  /** The run under way. */
  readonly run: () => LabRun;
}

export type ChooseFault = (context: FaultContext) => Fault;

export const nothing = async () => {};

/** @throws AssertionError with what the command printed when it fails */
export async function shell(lab: Lab, host: string, command: string): Promise<void> {
  const { code, stderr } = await lab.exec(host, ['sh', '-c', command]);
  assert.equal(code, 0, `${command} on ${host}: ${stderr}`);
}

interface Commands {
  readonly kind: string;
  readonly hosts: readonly string[];
  readonly part: string;
  readonly hurtsTraffic?: boolean;
  readonly bad: string;
  /** Repairs it. */
  readonly good?: string;
}

/** A fault of one of these hosts by a command. */
export function byShell({ kind, hosts, part, hurtsTraffic = false, bad, good = 'true' }: Commands): ChooseFault {
  return ({ random, lab }) => {
    const host = random.pick(hosts);
    const inject = async () => {
      await shell(lab, host, bad);
      return () => shell(lab, host, good);
    };
    return { kind, host, part, hurtsTraffic, inject };
  };
}
