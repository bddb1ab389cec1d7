// npm run chaos -- --seeds 1-50: upgrades, rollbacks and their resumes in a lab with two load balancers under HTTP load, with faults
// that a seed chooses; after each run, what must hold is checked. A seed whose invariants do not hold prints how to repeat it, and
// the next one gets a new lab.
import { parseArgs } from 'node:util';
import { type Lab, startLab } from '../support/lab/lab.ts';
import { runSeed } from './run-seed.ts';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '1-5' } } });
const [from = 1, to = from] = values.seeds.split('-').map(Number);
if (!(from >= 1 && to >= from)) throw new Error(`--seeds ${values.seeds}: give FROM-TO, or one number`);
const print = (line: string) => process.stdout.write(`${line}\n`);

const failed: number[] = [];
let [requests, failedRequests, faults] = [0, 0, 0];
let lab: Lab | undefined;
async function attempt(seed: number) {
  lab ??= await startLab({ lbs: 2 });
  return await runSeed(lab, seed);
}

for (let seed = from; seed <= to; seed++) {
  const report = await attempt(seed).catch((error: Error) => ({
    ...{ seed, kind: '?', faults: [], codes: [], requests: 0, failedRequests: 0 },
    broken: [error.stack ?? error.message],
  }));
  requests += report.requests;
  failedRequests += report.failedRequests;
  faults += report.faults.length;
  const what = `${report.kind}; ${report.faults.join(', ') || 'over before any fault'}; exit ${report.codes.join(', then ')}`;
  print(
    `seed ${seed}: ${report.broken.length === 0 ? 'ok' : 'BROKEN'}: ${what}; ${report.failedRequests} of ${report.requests} requests failed`,
  );
  if (report.broken.length === 0) continue;
  for (const line of report.broken) print(`  ${line}`);
  print(`  to repeat: npm run chaos -- --seeds ${seed}`);
  failed.push(seed);
  await lab?.stop();
  lab = undefined;
}
await lab?.stop();
print(
  `${to - from + 1} seeds, ${faults} faults, ${requests} requests (${failedRequests} failed); broken: ${failed.join(', ') || 'none'}`,
);
process.exitCode = failed.length === 0 ? 0 : 1;
