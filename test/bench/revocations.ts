// npm run bench:revocations [-- ROUNDS]: lists of 50,000 serials, each newer than the last, are brought to a daemon in a process of
// its own by ca push-crl. How long that takes, for how long the daemon's event loop stood still meanwhile, and with it what reading
// such a list costs in this process.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { agents } from '../../src/agents/index.ts';
import { readCrl } from '../../src/ca/revocation/crl.ts';
import { makeRevocationList } from '../../src/ca/revocation/revocation-list.ts';
import { makeFleet } from '../support/fleet/fleet.ts';
import { startDaemonProcess } from '../support/node/daemon-process.ts';
import { prepareNode } from '../support/node/node.ts';
import { runInProcess } from '../support/program/cli.ts';
import { makeHome } from '../support/program/home.ts';

const rounds = Number(process.argv[2] ?? 10);
const serials = Array.from({ length: 50_000 }, (_, index) =>
  `4D${(2 ** 40 + index).toString(16).padStart(32, '0')}`.toUpperCase(),
);
const revoked = serials.map((serial) => ({ serial, at: Date.now(), reason: 'superseded' as const }));
const name = 'dev2.devco.net';

await using fleet = await makeFleet();
const rip = await fleet.operator('rip@devco.net');
const crlAgent = agents.filter(({ ddl }) => ddl.name === 'crl');
const { configFile } = await prepareNode(fleet, { name, agents: crlAgent });
await using daemon = await startDaemonProcess(configFile);
const home = await makeHome(join(fleet.dir, 'home'), rip, [{ name, daemon }]);
const [delivery, blocked, idle, reading]: number[][] = [[], [], [], []];
for (let number = 1; number <= rounds; number++) {
  const pem = makeRevocationList({ revoked, number, now: Date.now(), days: 30 }, fleet.authority);
  await writeFile(join(home, 'list.pem'), pem);
  await daemon.longestPause();
  const begun = performance.now();
  const { code, err } = await runInProcess(['ca', 'push-crl', '--file', join(home, 'list.pem')], home);
  if (code !== 0) throw new Error(err.join('\n'));
  delivery?.push(performance.now() - begun);
  blocked?.push(await daemon.longestPause());
  await delay(performance.now() - begun);
  idle?.push(await daemon.longestPause());
  const read = performance.now();
  readCrl(pem, fleet.trust.authorities);
  reading?.push(performance.now() - read);
}
process.stdout.write('| 50,000 serials | median | fastest | slowest |\n|---|---|---|---|\n');
for (const [what, times = []] of [
  ['ca push-crl, delivered to one node', delivery],
  ['longest pause of the daemon’s event loop meanwhile', blocked],
  ['the same in as long a time without a call', idle],
  ['reading the list once, from the sources', reading],
] as const) {
  const sorted = times.toSorted((a, b) => a - b);
  const cells = [sorted[Math.floor(sorted.length / 2)], sorted[0], sorted.at(-1)].map(
    (time = 0) => `${time.toFixed(0)} ms`,
  );
  process.stdout.write(`| ${what} | ${cells.join(' | ')} |\n`);
}
