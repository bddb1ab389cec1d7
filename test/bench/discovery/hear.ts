// Asks once by multicast and prints how many nodes were heard, and after how many milliseconds the last one: it makes
// no connection.
import { noFilter } from '../../../src/core/filter/filter.ts';
import { mdnsSource } from '../../../src/discovery/mdns/source.ts';

const log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const heard = new Set<string>();
let last = 0;
const begun = performance.now();
for await (const { name } of mdnsSource({ interfaces: ['mco0'], log }).discover(
  noFilter,
  AbortSignal.timeout(30_000),
)) {
  if (heard.has(name)) continue;
  heard.add(name);
  last = performance.now() - begun;
}
process.stdout.write(JSON.stringify({ found: heard.size, last }));
