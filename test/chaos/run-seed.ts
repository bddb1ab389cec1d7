import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../support/lab/lab.ts';
import type { Load } from '../support/lab/traffic/load.ts';
import { type LabRun, startResume, startRun } from '../support/lab/upgrades/runs.ts';
import { balancers } from './hosts.ts';
import { brokenInvariants, released } from './invariants.ts';
import { processesOf } from './processes.ts';
import { createRandom, type Random } from './random.ts';
import { type Struck, strike } from './strike.ts';
import { type Normal, unusual } from './usage.ts';
import { healAll, untilWhole } from './whole.ts';

/** The result of one seed. */
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
  readonly broken: string[];
}

const kinds = ['parallel', 'rolling', 'canary', 'rollback', 'resume'] as const;
type Kind = (typeof kinds)[number];
/** Milliseconds that a run may take before it counts as hanging. */
const longestRun = 240_000;
/** Milliseconds after a fault was put right in which it explains a failed request that began, or ended, by then. */
const aftermath = { began: 3000, ended: 8000 };

/** The counts of the load generators. */
interface Traffic {
  readonly requests: number;
  readonly failures: readonly string[];
}

/** A seed under way. */
interface Play {
  readonly lab: Lab;
  readonly random: Random;
  readonly loads: Load[];
  readonly runs: LabRun[];
  readonly struck: Struck[];
  readonly codes: number[];
  readonly broken: string[];
}

/** Runs what a seed says on a lab that is whole, and leaves it whole where nothing is broken. It never rejects. */
export async function runSeed(lab: Lab, normal: Normal, seed: number): Promise<SeedReport> {
  const random = createRandom(seed);
  const kind = random.pick(kinds);
  const play: Play = { lab, random, loads: [], runs: [], struck: [], codes: [], broken: [] };
  const traffic = await playSeed(play, kind, normal)
    .catch((error: Error) => {
      play.broken.push(error.stack ?? error.message);
      return { requests: 0, failures: [] };
    })
    .finally(() => endAll(play));
  const faults = play.struck.map(({ fault }) => [fault.kind, fault.host] as const);
  const { requests, failures } = traffic;
  return { seed, kind, faults, codes: play.codes, requests, failedRequests: failures.length, broken: play.broken };
}

async function playSeed(play: Play, kind: Kind, normal: Normal): Promise<Traffic> {
  const { lab, random, struck, broken } = play;
  const before = { processes: await processesOf(lab), normal };
  await unusual(before.processes, normal);
  for (const balancer of balancers) play.loads.push(await lab.load({ rate: 20, balancer }));
  const { run, revision } = await begin(random, lab, kind);
  let isDone = (await meetFaults(play, run, revision)) === 0;
  // Some resume before all is right again, and meet more of it.
  if (!isDone && random.below(2) === 0) isDone = (await meetFaults(play, startResume(lab, run.id), revision)) === 0;
  broken.push(...(await healAll(lab, struck)), ...(await untilWhole(lab)));
  if (!isDone) broken.push(...(await resumeWell(lab, run.id, play.codes)));
  const traffic = await stopAll(play.loads);
  broken.push(...unexplained(traffic.failures, struck), ...(await brokenInvariants(lab, revision, before)));
  return traffic;
}

/** Lets a run meet faults, to its end. @returns its exit code */
async function meetFaults({ lab, random, runs, struck, codes, broken }: Play, run: LabRun, revision: string) {
  runs.push(run);
  const tooLate = delay(longestRun, undefined, { ref: false });
  await strike(random, run, { lab, struck, tooLate });
  const code = await ended(run, tooLate, broken);
  codes.push(code);
  // Before anything is put right: what was reported is what is.
  if (code === 0) broken.push(...(await released(lab, revision)).map((what) => `reported as done, but ${what}`));
  return code;
}

async function ended(run: LabRun, tooLate: Promise<void>, broken: string[]): Promise<number> {
  const result = await Promise.race([run.ended, tooLate]);
  if (result !== undefined) return result.code;
  const last = (await run.entries()).slice(-3).map((entry) => JSON.stringify(entry));
  run.kill();
  const { code, stderr } = await run.ended;
  broken.push(`the run hangs; its journal ends: ${last.join('; ')}; it printed: ${stderr.slice(-1000)}`);
  return code;
}

/** Ends what still runs of a seed that was broken off: on the control host, processes outlive the lab. */
async function endAll({ runs, loads }: Play): Promise<void> {
  for (const run of runs) run.kill();
  await Promise.allSettled([...runs.map((run) => run.ended), ...loads.map((load) => load.stop())]);
}

/** Starts the run that faults are to meet. @returns it with the revision that it brings */
async function begin(random: Random, lab: Lab, kind: Kind) {
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
    const [began = 0, ended = 0] = failure.split(' ', 2).map((time) => Date.parse(time));
    const isAfter = (until: number) => began > until + aftermath.began && ended > until + aftermath.ended;
    return !hurting.some(({ from, until }) => ended >= from && !isAfter(until()));
  });
  return lone.length === 0 ? [] : [`no fault explains ${lone.length} failed requests: ${lone.slice(0, 3).join('; ')}`];
}

async function stopAll(loads: readonly Load[]): Promise<Traffic> {
  const reports = await Promise.all(loads.map((load) => load.stop()));
  const requests = reports.reduce((sum, report) => sum + report.requests, 0);
  return { requests, failures: reports.flatMap(({ failures }) => failures) };
}
