import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { runProgram } from '../../../support/program/run-program.ts';

const collector = pathToFileURL('src/client/cli/collect-sooner.ts').href;

/** MiB of JavaScript's heap at most, in a program that replaces old objects by new ones all the time. */
async function mostHeap(before: string): Promise<number> {
  const program = `
    const { collectSooner } = await import('${collector}');
    const all = Array.from({ length: 10_000 }, (_, at) => Array.from({ length: 100 }, () => at));
    ${before}
    let most = 0;
    for (let round = 0; round < 70_000; round++) {
      all[(round * 7919) % all.length] = Array.from({ length: 100 }, () => round);
      if (round % 500 === 0) most = Math.max(most, process.memoryUsage().heapUsed);
    }
    process.stdout.write(String(most / 1048576));`;
  // Without other threads, which a busy machine holds up: so each run needs the same.
  const heap = ['--single-threaded-gc', '--max-semi-space-size=4', '--min-semi-space-size=4'];
  const flags = [...heap, '--input-type=module', '--eval'];
  const { code, out, err } = await runProgram(process.execPath, [...flags, program], { timeout: 600_000 });
  assert.equal(code, 0, err);
  return Number(out);
}

test('a command over many nodes collects its garbage sooner', async () => {
  const [usual, sooner] = [await mostHeap(''), await mostHeap('collectSooner();')];
  assert.ok(sooner < usual * 0.9, `${sooner} MiB instead of ${usual} MiB`);
});
