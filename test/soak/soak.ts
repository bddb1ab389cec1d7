// Checks that take too long for the tests: minutes of made-up input against the readers and a live daemon, and many calls of
// many callers whose audit logs must verify. npm run soak [-- --minutes M] [--calls N]
import { parseArgs } from 'node:util';
import { attackDaemon } from '../support/attack/attack.ts';
import { makeFleet } from '../support/fleet/fleet.ts';
import { callDaemons } from './calls.ts';
import { tryProperties } from './properties.ts';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, calls: { type: 'string', default: '10000' } },
});
const seconds = Number(values.minutes) * 60;
const print = (line: string) => process.stdout.write(`${line}\n`);
const mebibytes = (bytes: number) => `${(bytes / 2 ** 20).toFixed(1)} MiB`;

await using fleet = await makeFleet();

const names = ['dev1.devco.net', 'dev3.devco.net'];
const made = await callDaemons(fleet, Number(values.calls), 20, names);
const { latency } = made;
print(
  `calls: ${made.calls} of ${made.callers} callers to ${made.daemons} daemons in ${made.seconds.toFixed(1)} s, ${(made.calls / made.seconds).toFixed(0)} a second, none failed`,
);
print(
  `  each: median ${latency.median.toFixed(1)} ms, 99 of 100 within ${latency.of99.toFixed(1)} ms, slowest ${latency.slowest.toFixed(1)} ms`,
);
for (const { before, after } of made.memory)
  print(`  memory in use: ${mebibytes(before)} before, ${mebibytes(after)} after`);
print(`  audit: ${made.records} records, all verified by the program against the callers' heads`);

print(`fuzz: ${seconds} s against a live daemon and, beside it, against the readers`);
const [attack, tried] = await Promise.all([attackDaemon(fleet, seconds), tryProperties(seconds)]);
const rounds = Object.entries(attack.rounds).map(([kind, times]) => `${times} of ${kind}`);
print(
  `  live daemon: rounds ${rounds.join(', ')} (seed ${attack.seed}); ${attack.goodCalls} good calls meanwhile, none failed`,
);
print(
  `  memory in use: ${mebibytes(attack.memory.before)} before, ${mebibytes(attack.memory.after)} after; resident ${mebibytes(attack.resident.before)}, ${mebibytes(attack.resident.after)}`,
);
print(`  readers: ${tried.properties} properties hold, tried for ${tried.each} s each`);
