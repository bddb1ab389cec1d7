// npm run bench:rumours [-- ROUNDS]: a ping of 12 nodes by multicast, with an empty cache and with one that knows them, alone and
// while a host replies to each question with 10,000 made-up names, from one address and from 51. The nodes share one process, the
// made-up ones accept connections and say nothing. Alternately, so that what else the machine does falls on all.
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
    now = Number((await nodes.next())?.busy);
  }
}

interface Pinged {
  readonly elapsed: number;
  readonly found: number;
}

/** @param cache that the client has before: empty, or as the last ping left it */
async function ping(cache: 'empty' | 'warm'): Promise<Pinged> {
  if (cache === 'empty') await rm(join(home, '.cache'), { recursive: true, force: true });
  const begun = performance.now();
  const argv = ['netns', 'exec', clientHost.namespace, 'env', `HOME=${home}`, program, 'ping', '--json'];
  const { code, out, err } = await runProgram('ip', argv);
  const elapsed = performance.now() - begun;
  const found = out === '' ? 0 : (JSON.parse(out) as { nodes: unknown[] }).nodes.length;
  if (code !== 0 || found !== names.length) process.stderr.write(`exit code ${code}, ${found} nodes: ${err}\n`);
  return { elapsed, found: code === 0 ? found : 0 };
}

// Until all have proven each other: from then on one that is reached names the others.
for (let good = 0; good < 5; await delay(2000)) good = (await ping('empty')).found === names.length ? good + 1 : 0;
const kinds = [
  { name: 'alone', from: [] },
  { name: '10,000 names from one address', from: addresses.slice(0, 1) },
  { name: '10,000 names from 51 addresses', from: addresses },
].map((kind) => ({ ...kind, empty: [] as Pinged[], warm: [] as Pinged[] }));
for (let round = 0; round < rounds; round++) {
  for (const { from, ...pinged } of kinds) {
    const options = { names: 10_000, addresses: from, port: 5810 };
    const flood = from.length === 0 ? undefined : site.segment.start(1, 'flood.ts', options);
    await flood?.next();
    await digest();
    for (const cache of ['empty', 'warm'] as const) {
      const one = await ping(cache);
      pinged[cache].push(one);
      process.stderr.write(
        `${from.length} addresses, ${cache} cache: ${one.elapsed.toFixed(0)} ms, ${one.found} nodes\n`,
      );
    }
    await flood?.stop();
  }
}
const median = (times: readonly number[]) => times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? 0;
for (const cache of ['empty', 'warm'] as const) {
  process.stdout.write(
    `| ping of 12 nodes, ${cache} cache | median | fastest | slowest | ratio | rounds with all nodes |\n`,
  );
  process.stdout.write('|---|---|---|---|---|---|\n');
  const alone = median(kinds[0]?.[cache].map(({ elapsed }) => elapsed) ?? []);
  for (const { name, [cache]: pinged } of kinds) {
    const times = pinged.map(({ elapsed }) => elapsed);
    const cells = [median(times), Math.min(...times), Math.max(...times)].map((time) => `${time.toFixed(0)} ms`);
    const whole = pinged.filter(({ found }) => found === names.length).length;
    cells.push((median(times) / alone).toFixed(2), `${whole} of ${pinged.length}`);
    process.stdout.write(`| ${name} | ${cells.join(' | ')} |\n`);
  }
  process.stdout.write('\n');
}
