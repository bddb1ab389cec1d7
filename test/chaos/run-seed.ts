import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../support/lab/lab.ts';
import type { ExecResult } from '../support/lab/network/enter.ts';
import type { Load } from '../support/lab/traffic/load.ts';
import { type LabRun, startResume, startRun } from '../support/lab/runs.ts';
import { balancers } from './hosts.ts';
import { brokenInvariants, released } from './invariants.ts';
import { processesOf } from './processes.ts';
import { createRandom, type Random } from './random.ts';
import { type Struck, strike } from './strike.ts';
import { type Normal, unusual } from './usage.ts';
import { healAll, untilWhole } from './whole.ts';

/** What became of one seed. */
export interface SeedReport {
  readonly seed: number;
  readonly kind: string;
  /** The kind and the host of each. */
  readonly faults: readonly (readonly [string, string])[];
  /** The exit code of the run, and of its resumes where one was needed. */
  readonly codes: readonly number[];
  readonly requests: number;
  readonly failedRequests: number;
  /** Empty when all held. */
  readonly broken: readonly string[];
}

const kinds = ['parallel', 'rolling', 'canary', 'rollback', 'resume'] as const;
/** Milliseconds that a run may take before it counts as hanging. */
const longestRun = 240_000;
/** Milliseconds after a fault was put right in which it explains a failed request: a client waits for 5 s. */
const aftermath = 8000;

/** Runs what a seed says on a lab that is whole, and leaves it whole where nothing is broken. */
export async function runSeed(lab: Lab, normal: Normal, seed: number): Promise<SeedReport> {
  const random = createRandom(seed);
  const kind = random.pick(kinds);
  const before = { processes: await processesOf(lab), normal };
  await unusual(before.processes, normal);
  const loads = await Promise.all(balancers.map((balancer) => lab.load({ rate: 20, balancer })));
  const { run, revision } = await begin(random, lab, kind);
  const broken: string[] = [];
  const struck: Struck[] = [];
  const codes: number[] = [];
  const go = async (one: LabRun, isStruck: boolean) => {
    if (isStruck) struck.push(...(await strike(random, lab, one)));
    const { code } = await ended(one, broken);
    codes.push(code);
    // Before anything is put right: what was reported is what is.
    if (code === 0) broken.push(...(await released(lab, revision)).map((what) => `reported as done, but ${what}`));
    return code;
  };
  const first = await go(run, true);
  let isDone = first === 0;
  // Some resume before all is right again, and meet more of it.
  if (!isDone && random.below(2) === 0) isDone = (await go(startResume(lab, run.id), true)) === 0;
  broken.push(...(await healAll(lab, struck)), ...(await untilWhole(lab)));
  if (!isDone) broken.push(...(await resumeWell(lab, run.id, codes)));
  const traffic = await stopAll(loads);
  broken.push(...unexplained(traffic.failures, struck), ...(await brokenInvariants(lab, revision, before)));
  const faults = struck.map(({ fault: { kind: name, host } }) => [name, host] as const);
  return { seed, kind, faults, codes, requests: traffic.requests, failedRequests: traffic.failures.length, broken };
}

/** Starts the run that faults are to meet. @returns it with the revision that it brings */
async function begin(random: Random, lab: Lab, kind: (typeof kinds)[number]) {
  const served = await lab.revision('dev2');
  const other = served === '10' ? '20' : '10';
  const upgrade = ['upgrade', '--cluster', 'bravo', '--rev', other, '--no-notify'];
  if (kind === 'rollback') {
    const { code, stdout, stderr } = await lab.client(upgrade);
    if (code !== 0) throw new Error(`no upgrade to go back from: ${stdout}${stderr}`);
    return { run: await startRun(lab, ['rollback', '--cluster', 'bravo', '--no-notify']), revision: served };
  }
  if (kind === 'resume') {
    const cut = await startRun(lab, upgrade);
    const entries = 30 + random.below(60);
    await Promise.race([cut.until(({ type }) => type === 'run-finished'), untilEntries(cut, entries)]);
    cut.kill();
    await cut.ended;
    return { run: startResume(lab, cut.id), revision: other };
  }
  const soak = kind === 'canary' ? ['--soak', '2s'] : [];
  return { run: await startRun(lab, [...upgrade, '--strategy', kind, ...soak]), revision: other };
}

async function untilEntries(run: LabRun, count: number): Promise<void> {
  while ((await run.entries()).length < count) await delay(20);
}

async function ended(run: LabRun, broken: string[]): Promise<ExecResult> {
  const result = await Promise.race([run.ended, delay(longestRun, undefined, { ref: false })]);
  if (result !== undefined) return result;
  broken.push('the run hangs');
  run.kill();
  return await run.ended;
}

/** Resumes what is not done, with no fault left. @returns why it is not done by that */
async function resumeWell(lab: Lab, id: string, codes: number[]): Promise<string[]> {
  const { code, stdout, stderr } = await lab.client(['resume', id]);
  codes.push(code);
  return code === 0 || stderr.includes('ended well') ? [] : [`resume: exit code ${code}: ${stdout}${stderr}`];
}

/** Failed requests that began and ended without a fault that hurts traffic. */
function unexplained(failures: readonly string[], struck: readonly Struck[]): string[] {
  const hurting = struck.filter(({ fault }) => fault.hurtsTraffic);
  const lone = failures.filter((failure) => {
    const at = Date.parse(failure.split(' ', 1)[0] ?? '');
    return !hurting.some(({ from, until }) => at >= from && at <= until() + aftermath);
  });
  return lone.length === 0 ? [] : [`no fault explains ${lone.length} failed requests: ${lone.slice(0, 3).join('; ')}`];
}

async function stopAll(loads: readonly Load[]) {
  const reports = await Promise.all(loads.map((load) => load.stop()));
  const requests = reports.reduce((sum, report) => sum + report.requests, 0);
  return { requests, failures: reports.flatMap(({ failures }) => failures) };
}
