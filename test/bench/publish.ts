// npm run bench:publish [NODES] [MBIT] [MEGABYTES]: how long it takes to publish an artifact to nodes behind limited lines, in
// a lab, against the ideal: one copy over the operator's line, then as many rounds as it takes to double to all nodes.
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { makeTarGz } from '../support/agents/appmgr/tar-archive.ts';
import { releaseFiles } from '../support/lab/files/releases.ts';
import { startLab } from '../support/lab/lab.ts';
import { runScript } from '../support/lab/run-script.ts';

const [nodes = 24, mbit = 10, megabytes = 12.5] = process.argv.slice(2).map(Number);

await runScript(async () => {
  await using lab = await startLab({ hosts: nodes, publishes: true });
  const web = lab.hosts.filter(({ kind }) => kind === 'web').map(({ name }) => name);
  for (const host of ['control', ...web]) await lab.limit(host, mbit);
  const packed = makeTarGz([...releaseFiles('20'), { path: 'data.bin', content: randomBytes(megabytes * 1_000_000) }]);
  await writeFile(lab.path('control', 'tmp/dist.tar.gz'), packed);
  const began = performance.now();
  const { code, stdout, stderr } = await lab.client(['publish', 'app', '20', '/tmp/dist.tar.gz', '--json']);
  const whole = (performance.now() - began) / 1000;
  if (code !== 0) throw new Error(stdout + stderr);
  const report = JSON.parse(stdout) as { rounds: number; sent: number; elapsed_ms: number };
  const rounds = 1 + Math.ceil(Math.log2(nodes));
  const ideal = (rounds * packed.length * 8) / (mbit * 1_000_000);
  const seconds = report.elapsed_ms / 1000;
  const rows = [
    ['nodes, each line', `${nodes}, ${mbit} Mbit/s`],
    ['artifact', `${(packed.length / 1_000_000).toFixed(1)} MB`],
    ['ideal', `1 upload and ${rounds - 1} rounds of copies: ${ideal.toFixed(1)} s`],
    [
      'measured',
      `${report.rounds} rounds of copies, ${seconds.toFixed(1)} s (with discovery and start: ${whole.toFixed(1)} s)`,
    ],
    ['measured / ideal', (seconds / ideal).toFixed(2)],
    ['over the line of the operator', `${(report.sent / 1_000_000).toFixed(1)} MB`],
    ['one upload to each node, over that line', `${((nodes * packed.length * 8) / (mbit * 1_000_000)).toFixed(0)} s`],
  ];
  process.stdout.write(`| | |\n|---|---|\n${rows.map(([what, value]) => `| ${what} | ${value} |\n`).join('')}`);
});
