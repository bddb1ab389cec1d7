// npm run bench:lab [-- --hosts 12,50,100 --rounds 10]: how long commands take, whole process included, in labs in which each host
// has its own namespace: by the client itself and through a relay, then whole upgrades. Before each command, the same host starts
// a Node that has nothing to do: the ratio compares days and machines. With --quiet the lab does little else
// meanwhile: HAProxy checks each server every 2 s, its default, instead of every 100 ms, and each command is preceded by a pause.
import { parseArgs } from 'node:util';
import { type Lab, startLab } from '../support/lab/lab.ts';
import { runScript } from '../support/lab/run-script.ts';
import { measureReach } from './reach.ts';

const { values } = parseArgs({
  options: {
    hosts: { type: 'string', default: '12' },
    rounds: { type: 'string', default: '10' },
    quiet: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);

await runScript(async () => {
  print(
    '| nodes | what | time | in bare Nodes | client CPU | relay CPU | CPU of all other nodes | bytes of the client |',
  );
  print('|---|---|---|---|---|---|---|---|');
  for (const nodes of values.hosts.split(',').map(Number))
    for (const [{ what }, { time: whole, bareNode, cpu, relay, nodes: others, bytes }] of await measureReach(
      nodes,
      rounds,
      values.quiet,
    )) {
      const ratio = `${(whole / bareNode).toFixed(1)} × ${ms(bareNode)}`;
      const cells = [nodes, what, ms(whole), ratio, ms(cpu), ms(relay), ms(others), `${(bytes / 1024).toFixed(0)} KiB`];
      print(`| ${cells.join(' | ')} |`);
    }
  print('\n| what | median | fastest | slowest |\n|---|---|---|---|');
  for (const { what, times } of await measureUpgrades()) {
    const sorted = times.toSorted((a, b) => a - b);
    print(`| ${[what, ms(sorted[Math.floor(sorted.length / 2)]), ms(sorted[0]), ms(sorted.at(-1))].join(' | ')} |`);
  }
});

interface Row {
  readonly what: string;
  readonly times: readonly number[];
}

/** Back and forth between two revisions: each is a whole upgrade of four servers. */
async function measureUpgrades(): Promise<Row[]> {
  await using lab = await startLab();
  await time(lab, ['ping']);
  const upgrades: number[] = [];
  const scripts: number[] = [];
  // Alternately, so that a change of the machine's load is in both.
  for (let round = 0; round < rounds; round++) {
    upgrades.push(await time(lab, ['upgrade', '--cluster', 'bravo', '--rev', '20']));
    scripts.push(
      await time(lab, ['orchestrate', 'app_cluster_upgrade', 'backend=app', 'cluster=bravo', 'revision=10']),
    );
  }
  return [
    { what: 'upgrade of four servers, load checks passing at once', times: upgrades },
    { what: 'the same by the script app_cluster_upgrade.mc', times: scripts },
  ];
}

/** Milliseconds from the start of the process to its end. */
async function time(lab: Lab, argv: readonly string[]): Promise<number> {
  const began = performance.now();
  const { code, stderr } = await lab.client(argv);
  if (code !== 0) throw new Error(`mco-deploy ${argv.join(' ')} ended with ${code}: ${stderr}`);
  return performance.now() - began;
}

function ms(value = 0): string {
  return `${value.toFixed(0)} ms`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
