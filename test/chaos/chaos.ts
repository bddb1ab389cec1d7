// npm run chaos -- --seeds 1-50 [--labs 2]: upgrades, rollbacks and resumes in a lab with two load balancers under HTTP load, with
// faults that a seed chooses; after each, what must hold is checked. A seed whose invariants do not hold prints how to repeat it,
// and the next one gets a new lab. Several labs share the seeds: a run mostly waits.
import { parseArgs } from 'node:util';
import { type Lab, startLab } from '../support/lab/lab.ts';
import { keepLogs } from './keep-logs.ts';
import { runSeed, type SeedReport } from './run-seed.ts';
import type { Normal } from './usage.ts';

const options = { seeds: { type: 'string', default: '1-5' }, labs: { type: 'string', default: '1' } } as const;
const { values } = parseArgs({ options });
const [from = 1, to = from] = values.seeds.split('-').map(Number);
if (!(from >= 1 && to >= from)) throw new Error(`--seeds ${values.seeds}: give FROM-TO, or one number`);
const print = (line: string) => process.stdout.write(`${line}\n`);

const begun = performance.now();
const reports: SeedReport[] = [];
let next = from;

async function workThroughSeeds(): Promise<void> {
  let site: { lab: Lab; normal: Normal } | undefined;
  while (next <= to) {
    const seed = next++;
    const since = performance.now();
    const report = await attempt(seed).catch((error: Error) => ({
      ...{ seed, kind: '?', faults: [], codes: [], requests: 0, failedRequests: 0 },
      broken: [error.stack ?? error.message],
    }));
    reports.push(report);
    printReport(report, performance.now() - since);
    if (report.broken.length === 0) continue;
    if (site !== undefined) print(`  its logs: ${await keepLogs(site.lab, seed)}`);
    await site?.lab.stop();
    site = undefined;
  }
  await site?.lab.stop();

  async function attempt(seed: number) {
    site ??= { lab: await startLab({ lbs: 2, breakable: true }), normal: new Map() };
    return await runSeed(site.lab, site.normal, seed);
  }
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
