import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isOutOfResources, startProgram } from '../../../../src/core/host/start-program.ts';
import { sourceFile, withoutDescriptors } from '../../../support/faults/without-descriptors.ts';

describe('a program that cannot be started', () => {
  test('is an error, not an event that ends the caller, when no descriptor is left', () => {
    const imports = `import { runCommand } from ${sourceFile('daemon/exec/run-command.ts')};
      await runCommand(['true'], { timeout: 5000 });`;
    const { code, ended } = withoutDescriptors(imports, "return await runCommand(['true'], { timeout: 5000 });") as {
      code: unknown;
      ended: unknown;
    };
    assert.deepEqual({ code, ended }, { code: null, ended: 'no-resources' });
  });

  test('is named as a source of nodes when no descriptor is left', () => {
    const imports = `import { runProgram } from ${sourceFile('discovery/exec/run-program.ts')};`;
    const work = `runProgram(['/bin/true'], '', 5000, (key) => key, new AbortController().signal)`;
    const shown = withoutDescriptors(imports, `return await ${work}.catch(({ code, message }) => [code, message]);`);
    assert.deepEqual(shown, [
      'source-failed',
      "the discovery program /bin/true can't be started: this process has too many files open",
    ]);
  });

  test('is an error when its arguments are too long', () => {
    const started = startProgram('true', ['x'.repeat(1 << 20)], { stdio: ['ignore', 'pipe', 'pipe'] });
    assert.ok(started instanceof Error && !isOutOfResources(started));
  });
});
