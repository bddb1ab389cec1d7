// npm run chaos -- --seeds 1-50,70 [--labs 2]: upgrades, rollbacks and resumes in a lab with two load balancers under HTTP load, with
// faults that a seed chooses; after each, what must hold is checked. A seed whose invariants do not hold prints how to repeat it,
// and the next one gets a new lab. Several labs share the seeds: a run mostly waits.
import { parseArgs } from 'node:util';
import { type Lab, startLab } from '../support/lab/lab.ts';
import { keepLogs } from './keep-logs.ts';
import { runSeed, type SeedReport } from './run-seed.ts';
import type { Normal } from './usage.ts';

const options = { seeds: { type: 'string', default: '1-5' }, labs: { type: 'string', default: '1' } } as const;
const { values } = parseArgs({ options });
const seeds = values.seeds.split(',').flatMap((part) => {
  const [from = 0, to = from] = part.split('-').map(Number);
  if (!(from >= 1 && to >= from)) throw new Error(`--seeds ${values.seeds}: give numbers and ranges, as in 3,7-9`);
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
});
const print = (line: string) => process.stdout.write(`${line}\n`);

const begun = performance.now();
const reports: SeedReport[] = [];
/** A failure outside a seed's own promises: the seed counts as broken, and the other seeds still run. */
const strays: string[] = [];
process.on('uncaughtException', (error) => strays.push(`nobody caught: ${error.stack ?? error.message}`));
// The running seed is ended, and its lab is taken down.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => seeds.splice(0));

async function workThroughSeeds(): Promise<void> {
  let site: { lab: Lab; normal: Normal } | undefined;
  for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
    const since = performance.now();
    const report = await attempt(seed).catch((error: Error) => noLab(seed, error));
    report.broken.push(...strays.splice(0));
    reports.push(report);
    printReport(report, performance.now() - since);
    if (report.broken.length === 0) continue;
    if (site !== undefined) await abandon(site.lab, seed);
    site = undefined;
  }
  await site?.lab.stop();

  async function attempt(seed: number) {
    site ??= { lab: await startLab({ lbs: 2, breakable: true }), normal: new Map() };
    return await runSeed(site.lab, site.normal, seed);
  }
}

function noLab(seed: number, error: Error): SeedReport {
  const broken = [error.stack ?? error.message];
  return { seed, kind: 'no lab', faults: [], codes: [], requests: 0, failedRequests: 0, broken };
}

/** Keeps the logs of a lab in which something is broken, and removes it. The next seed gets another one, come what may. */
async function abandon(lab: Lab, seed: number): Promise<void> {
  const kept = await keepLogs(lab, seed).catch((error: Error) => `not kept: ${error.message}`);
  print(`  its logs: ${kept}`);
  await lab.stop().catch((error: Error) => print(`  its lab is left: npm run lab:down removes it: ${error.message}`));
}

function printReport({ seed, kind, faults, codes, requests, failedRequests, broken }: SeedReport, time: number): void {
  const what = faults.map(([fault, host]) => `${fault} on ${host}`).join(', ') || 'over before any fault';
  const how = `exit ${codes.join(', then ')}; ${failedRequests} of ${requests} requests failed`;
  print(
    `seed ${seed}: ${broken.length === 0 ? 'ok' : 'BROKEN'}: ${kind}; ${what}; ${how}; ${(time / 1000).toFixed(0)} s`,
  );
  for (const line of broken) print(`  ${line}`);
  if (broken.length > 0) print(`  to repeat: npm run chaos -- --seeds ${seed}`);
}

await Promise.all(Array.from({ length: Number(values.labs) }, workThroughSeeds));

const sum = (count: (report: SeedReport) => number) => reports.reduce((total, report) => total + count(report), 0);
const kinds = Map.groupBy(
  reports.flatMap(({ faults }) => faults.map(([fault]) => fault)),
  (fault) => fault,
);
for (const [fault, all] of [...kinds].sort(([a], [b]) => (a < b ? -1 : 1))) print(`${all.length} × ${fault}`);
const failed = reports.filter(({ broken }) => broken.length > 0).map(({ seed }) => seed);
const faults = sum(({ faults }) => faults.length);
const requests = `${sum(({ requests }) => requests)} requests (${sum(({ failedRequests }) => failedRequests)} failed)`;
const time = `${((performance.now() - begun) / 60_000).toFixed(0)} minutes`;
print(`${reports.length} seeds, ${faults} faults, ${requests}, ${time}; broken: ${failed.join(', ') || 'none'}`);
process.exitCode = failed.length === 0 ? 0 : 1;
