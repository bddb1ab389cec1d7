import { setTimeout as delay } from 'node:timers/promises';
import type { Lab } from '../support/lab/lab.ts';
import type { Load } from '../support/lab/traffic/load.ts';
import { type LabRun, startRun } from '../support/lab/runs.ts';
import { balancers, chooseFault, type Fault } from './faults.ts';
import { brokenInvariants, released, usageOf } from './invariants.ts';
import { createRandom, type Random } from './random.ts';

/** What became of one seed. */
export interface SeedReport {
  readonly seed: number;
  readonly kind: string;
  readonly faults: readonly string[];
  /** The exit code of the run, and of its resume where one was needed. */
  readonly codes: readonly number[];
  readonly requests: number;
  readonly failedRequests: number;
  /** Empty when all held. */
  readonly broken: readonly string[];
}

const kinds = ['parallel', 'rolling', 'canary', 'rollback'] as const;
/** Milliseconds that a run may take before it counts as hanging. */
const longestRun = 240_000;

/** Runs what a seed says on a lab that is whole, and leaves it whole where nothing is broken. */
export async function runSeed(lab: Lab, seed: number): Promise<SeedReport> {
  const random = createRandom(seed);
  const kind = random.pick(kinds);
  const served = await lab.revision('dev2');
  const other = served === '10' ? '20' : '10';
  const upgrade = (revision: string, ...more: string[]) => {
    return ['upgrade', '--cluster', 'bravo', '--rev', revision, '--no-notify', ...more];
  };
  if (kind === 'rollback') {
    const { code, stdout, stderr } = await lab.client(upgrade(other));
    if (code !== 0) throw new Error(`no upgrade to go back from: ${stdout}${stderr}`);
  }
  const [argv, revision] =
    kind === 'rollback'
      ? [['rollback', '--cluster', 'bravo', '--no-notify'], served]
      : [upgrade(other, '--strategy', kind, ...(kind === 'canary' ? ['--soak', '2s'] : [])), other];
  const before = await usageOf(lab);
  const loads = await Promise.all(balancers.map((balancer) => lab.load({ rate: 20, balancer })));
  const run = await startRun(lab, argv);
  const { faults, heal } = await strike(random, lab, run);
  const broken: string[] = [];
  const first = await Promise.race([run.ended, delay(longestRun, undefined, { ref: false })]);
  if (first === undefined) {
    broken.push('the run hangs');
    run.kill();
  }
  const { code } = await run.ended;
  // Said before anything is put right: what was reported is what is.
  if (code === 0) broken.push(...(await released(lab, revision)).map((what) => `reported as done, but ${what}`));
  await heal();
  const codes = [code];
  broken.push(...(await untilWhole(lab)));
  if (code !== 0) {
    const { code: again, stdout, stderr } = await lab.client(['resume', run.id]);
    codes.push(again);
    if (again !== 0 && !stderr.includes('ended well')) broken.push(`resume: exit code ${again}: ${stdout}${stderr}`);
  }
  const traffic = await stopAll(loads);
  const hurt = faults.some(({ hurtsTraffic }) => hurtsTraffic);
  if (!hurt && traffic.failures.length > 0)
    broken.push(`no fault explains: ${traffic.failures.slice(0, 3).join('; ')}`);
  broken.push(...(await brokenInvariants(lab, revision, before)));
  const names = faults.map(({ name }) => name);
  const failedRequests = traffic.failures.length;
  return { seed, kind, faults: names, codes, requests: traffic.requests, failedRequests, broken };
}

/** Injects one to three faults, each when the journal of the run has come to a length of its own; half are soon put right. */
async function strike(random: Random, lab: Lab, run: LabRun) {
  const plan = Array.from({ length: 1 + random.below(3) }, () => ({
    fault: chooseFault(random, lab, () => run),
    entries: 3 + random.below(60),
    hold: random.below(2) === 0 ? undefined : 500 + random.below(3000),
  })).sort((a, b) => a.entries - b.entries);
  const injected: Fault[] = [];
  const heals: (() => Promise<void>)[] = [];
  const ended = run.ended.then(() => 'ended');
  for (const { fault, entries, hold } of plan) {
    const isOver = await untilEntries(run, entries, ended);
    if (isOver) break;
    const heal = await fault.inject();
    injected.push(fault);
    let healed: Promise<void> | undefined;
    const once = () => {
      healed ??= heal();
      return healed;
    };
    heals.push(once);
    if (hold !== undefined) void delay(hold).then(once);
  }
  return { faults: injected, heal: async () => void (await Promise.all(heals.map((heal) => heal()))) };
}

/** @returns whether the run ended before its journal was so long */
async function untilEntries(run: LabRun, entries: number, ended: Promise<string>): Promise<boolean> {
  let over = false;
  void ended.then(() => {
    over = true;
  });
  while (!over && (await run.entries()).length < entries) await delay(50);
  return over;
}

/** Until every node answers and no server is down for want of checks. @returns what is not so after a minute */
async function untilWhole(lab: Lab): Promise<string[]> {
  let last = '';
  for (let tries = 0; tries < 30; tries++) {
    const { code, stdout, stderr } = await lab.client(['ping']);
    const servers = (await Promise.all(balancers.map((balancer) => lab.servers(balancer)))).flat();
    const down = servers.filter(({ status }) => status !== 'UP' && status !== 'MAINT').map(({ name }) => name);
    if (code === 0 && down.length === 0) return [];
    last = `ping: exit code ${code}: ${stdout}${stderr}; down: ${down.join(', ')}`;
    await delay(1000);
  }
  return [`not whole once the faults were gone: ${last}`];
}

async function stopAll(loads: readonly Load[]) {
  const reports = await Promise.all(loads.map((load) => load.stop()));
  const requests = reports.reduce((sum, report) => sum + report.requests, 0);
  return { requests, failures: reports.flatMap(({ failures }) => failures) };
}
