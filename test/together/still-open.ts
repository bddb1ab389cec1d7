// Loaded before each group and each test file that runs by itself (test/run.ts): ends a process that a failed test keeps open,
// by a program or a server that it left. Else the reason of its failure would come only when the time of the file is over.
import { after } from 'node:test';

/** Milliseconds after the last test. What a file stops at its end has as long. */
const most = 120_000;
const { setTimeout } = globalThis;

after(() => {
  setTimeout(end, most).unref();
});

function end(): void {
  const open = process.getActiveResourcesInfo().join(', ');
  process.stderr.write(`a test left something open, which keeps the process from ending: ${open}\n`);
  process.exit(1);
}
