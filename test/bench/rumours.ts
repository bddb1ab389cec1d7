// npm run bench:rumours [-- ROUNDS]: a ping of 12 nodes by multicast with an empty cache, alone and while a host replies to each
// question with 10,000 made-up names, from one address and from 51. The nodes share one process, the made-up ones accept
// connections and say nothing. By turns, so that what else the machine does falls on all.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createFleetOnSegment } from '../support/discovery/fleet-on-segment.ts';
import { runProgram } from '../support/program/run-program.ts';

const rounds = Number(process.argv[2] ?? 10);
const program = join(import.meta.dirname, '../../build/out/mco-deploy');
const names = Array.from({ length: 12 }, (_, index) => `dev${index + 1}.devco.net`);
const addresses = ['10.77.0.2', ...Array.from({ length: 50 }, (_, index) => `10.77.0.${100 + index}`)];

await using site = await createFleetOnSegment(3);
const directories = await Promise.all(names.map((name) => site.prepare(name, { agents: ['rpcutil'] })));
const nodes = await site.start(0, directories);
const home = await site.home();
const [floodHost, clientHost] = [site.segment.host(1), site.segment.host(2)];
for (const address of addresses.slice(1)) await floodHost.exec('ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');

/** Until the nodes have read what was announced. */
async function digest(): Promise<void> {
  for (let before = Number.NaN, now = 0; !(now - before < 50); ) {
    await delay(500);
    before = now;
    nodes.say('?');
    now = Number((await nodes.next())?.cpu);
  }
}

async function ping(): Promise<number> {
  await rm(join(home, '.cache'), { recursive: true, force: true });
  const begun = performance.now();
  const argv = ['netns', 'exec', clientHost.namespace, 'env', `HOME=${home}`, program, 'ping', '--json'];
  const { out } = await runProgram('ip', argv);
  const elapsed = performance.now() - begun;
  const found = (JSON.parse(out) as { nodes: unknown[] }).nodes.length;
  if (found !== names.length) throw new Error(`${found} nodes were found`);
  return elapsed;
}

// Until all have proven each other: from then on one that is reached names the others.
for (let good = 0; good < 5; await delay(2000))
  good = await ping().then(
    () => good + 1,
    () => 0,
  );
const kinds = [
  { name: 'alone', from: [] },
  { name: '10,000 names from one address', from: addresses.slice(0, 1) },
  { name: '10,000 names from 51 addresses', from: addresses },
].map((kind) => ({ ...kind, times: [] as number[] }));
for (let round = 0; round < rounds; round++) {
  for (const { from, times } of kinds) {
    const options = { names: 10_000, addresses: from, port: 5810 };
    const flood = from.length === 0 ? undefined : site.segment.start(1, 'flood.ts', options);
    await flood?.next();
    await digest();
    times.push(await ping());
    await flood?.stop();
  }
}
process.stdout.write('| ping of 12 nodes | median | fastest | slowest | ratio |\n|---|---|---|---|---|\n');
const median = (times: readonly number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
for (const { name, times } of kinds) {
  const ratio = (median(times) / median(kinds[0]?.times ?? [])).toFixed(2);
  const cells = [median(times), Math.min(...times), Math.max(...times)].map((time) => `${time.toFixed(0)} ms`);
  process.stdout.write(`| ${name} | ${cells.join(' | ')} | ${ratio} |\n`);
}
