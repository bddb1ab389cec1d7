// npm run bench:lab: how long the commands take that the design promises, whole process included, in a lab of twelve hosts.
import { rm } from 'node:fs/promises';
import { type Lab, startLab } from '../support/lab/lab.ts';
import { runScript } from '../support/lab/run-script.ts';

const rounds = 10;

await runScript(async () => {
  const rows = [
    await measure('ping, discovered live (no cache)', rounds, async (lab) => {
      await forgetCache(lab);
      return await time(lab, ['ping']);
    }),
    await measure(
      'rpc rpcutil ping, nodes known (--dm cache)',
      rounds,
      async (lab) => await time(lab, ['rpc', 'rpcutil', 'ping', '--dm', 'cache', '--display', 'none']),
    ),
    await measure(
      'rpc rpcutil ping, discovered live',
      rounds,
      async (lab) => await time(lab, ['rpc', 'rpcutil', 'ping', '--display', 'none']),
    ),
    ...(await measureUpgrades()),
  ];
  process.stdout.write('| what | median | fastest | slowest |\n|---|---|---|---|\n');
  for (const { what, times } of rows) {
    const sorted = times.toSorted((a, b) => a - b);
    const [fastest = 0] = sorted;
    const ms = (value = 0) => `${value.toFixed(0)} ms`;
    process.stdout.write(
      `| ${what} | ${ms(sorted[Math.floor(sorted.length / 2)])} | ${ms(fastest)} | ${ms(sorted.at(-1))} |\n`,
    );
  }
});

interface Row {
  readonly what: string;
  readonly times: readonly number[];
}

async function measure(what: string, times: number, one: (lab: Lab) => Promise<number>): Promise<Row> {
  await using lab = await startLab();
  await time(lab, ['ping']);
  const measured: number[] = [];
  for (let round = 0; round < times; round++) measured.push(await one(lab));
  return { what, times: measured };
}

/** Back and forth between two revisions: each is a whole upgrade of four servers. */
async function measureUpgrades(): Promise<Row[]> {
  await using lab = await startLab();
  await time(lab, ['ping']);
  const upgrades: number[] = [];
  const scripts: number[] = [];
  // By turns, so that a change of the machine's load is in both.
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

async function forgetCache(lab: Lab): Promise<void> {
  await rm(lab.path('control', 'home/rip@devco.net/.cache'), { recursive: true, force: true });
}

/** Milliseconds from the start of the process to its end. */
async function time(lab: Lab, argv: readonly string[]): Promise<number> {
  const began = performance.now();
  const { code, stderr } = await lab.client(argv);
  if (code !== 0) throw new Error(`mco-deploy ${argv.join(' ')} ended with ${code}: ${stderr}`);
  return performance.now() - began;
}
