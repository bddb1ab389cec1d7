import assert from 'node:assert/strict';
import { type Lab, startLab } from '../lab.ts';
import type { LogLine } from '../log.ts';
import { bravo, upServers } from './cluster.ts';
import { makeHoldable } from './hold.ts';
import { countReloads, reloadsOf } from './reloads.ts';

export const balancers = ['lb1', 'lb2'];

export const isDone = (step: string) => (entry: LogLine) =>
  entry.type === 'step-finished' && entry.step === step && entry.state === 'done';
export const isOutcome = (step: string) => (entry: LogLine) => entry.type === 'outcome' && entry.step === step;
export const isCall = (step: string, batch: number) => (entry: LogLine) =>
  entry.type === 'call' && entry.step === step && entry.batch === batch;

export const upgradeTo = (revision: string) => ['upgrade', '--cluster', 'bravo', '--rev', revision, '--no-notify'];

/** Nine web servers behind two load balancers, on which runs are ended and resumed. dev2 can be held in an upgrade. */
export interface ResumeLab {
  readonly lab: Lab;
  /** The revision that bravo does not serve: each test brings it there. */
  readonly other: () => string;
  /** How often each server of bravo switched to another release. */
  readonly reloads: () => Promise<number[]>;
  readonly inMaintenance: (balancer: string) => Promise<string[]>;
  /** Resumes a run that was ended, and checks that each server has switched once in total. */
  readonly assertResumed: (id: string, counted: readonly number[]) => Promise<{ readonly stdout: string }>;
}

export async function startResumeLab(): Promise<ResumeLab> {
  const lab = await startLab({ lbs: 2 });
  for (const host of bravo) await countReloads(lab, host);
  await makeHoldable(lab, 'dev2');
  let served = '10';
  const other = () => (served === '10' ? '20' : '10');
  const reloads = () => Promise.all(bravo.map((host) => reloadsOf(lab, host)));
  const assertServed = async (revision: string, text: string) => {
    for (const host of bravo) assert.equal(await lab.revision(host), revision, `${host}: ${text}`);
    for (const balancer of balancers) {
      const up = await upServers(lab, balancer);
      assert.equal(up.length, 9, `${balancer}: ${text}`);
    }
    served = revision;
  };
  return {
    lab,
    other,
    reloads,
    inMaintenance: async (balancer) =>
      (await lab.servers(balancer)).filter(({ status }) => status === 'MAINT').map(({ name }) => name),
    assertResumed: async (id, counted) => {
      const revision = other();
      const resumed = await lab.client(['resume', id.slice(0, 8)]);
      assert.equal(resumed.code, 0, resumed.stdout + resumed.stderr);
      await assertServed(revision, resumed.stdout);
      assert.deepEqual(
        await reloads(),
        counted.map((count) => count + 1),
        resumed.stdout,
      );
      return resumed;
    },
  };
}
