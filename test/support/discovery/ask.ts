// Asks the network once and prints what it heard.
import { noFilter } from '../../../src/core/filter/filter.ts';
import { mdnsSource } from '../../../src/discovery/mdns/source.ts';
import { log, options, report } from './script.ts';

const given = options as { filter?: object; timeout?: number; window?: number };
const source = mdnsSource({ interfaces: [], log, ...given });
const begun = performance.now();
for await (const candidate of source.discover({ ...noFilter, ...given.filter }, AbortSignal.timeout(20_000))) {
  report({ ...candidate, after: performance.now() - begun });
}
report({ done: performance.now() - begun });
