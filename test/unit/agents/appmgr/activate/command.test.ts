import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  type DeployCommandOptions,
  environmentOf,
  path,
  reasonOf,
  runDeployCommand,
} from '../../../../../src/agents/appmgr/activate/command.ts';
import type { CommandResult, RunCommand } from '../../../../../src/core/ports.ts';

const result = (fields: Partial<CommandResult> = {}): CommandResult => ({
  ...({ code: 0, signal: null, stdout: '', stderr: '', truncated: false } as CommandResult),
  ...fields,
});
const options: DeployCommandOptions = {
  ...{ what: 'the reload', code: 'reload-failed', argv: ['reload', 'now'], timeout: 30, cwd: '/srv/app' },
  ...{ application: 'app', revision: '20', previous: '10' },
};
const { signal } = new AbortController();

async function run(outcome: Partial<CommandResult>, changes: Partial<DeployCommandOptions> = {}, lines: string[] = []) {
  const given: Parameters<RunCommand>[] = [];
  const said: string[] = [];
  const command: RunCommand = async (...call) => {
    given.push(call);
    for (const line of lines) call[1].onOutput?.(line);
    return result(outcome);
  };
  const done = runDeployCommand(command, { ...options, ...changes }, { signal, progress: (words) => said.push(words) });
  const problem = await done.then(
    () => undefined,
    (failure: { code: string; message: string }) => failure,
  );
  return { given, said, problem };
}

describe('a command of a deploy', () => {
  test('runs in its directory, within its timeout, with the release in its environment, and can be cancelled', async () => {
    const { given, problem } = await run({});
    const [[argv, { onOutput: _heard, ...rest }] = [[], {}]] = given;
    assert.deepEqual(argv, ['reload', 'now']);
    assert.deepEqual(rest, {
      ...{ timeout: 30_000, signal, cwd: '/srv/app', limit: 16_384 },
      env: { PATH: path, MCO_APPLICATION: 'app', MCO_REVISION: '20', MCO_PREVIOUS: '10' },
    });
    assert.equal(problem, undefined);
    assert.equal(environmentOf({ ...options, reason: 'bad' }).MCO_REASON, 'bad');
  });

  test('reports an exit code other than 0 as a problem, with the start of a long command', async () => {
    const { problem } = await run({ code: 1, stderr: 'no such unit' }, { argv: ['reload', 'x'.repeat(300)] });
    assert.equal(problem?.code, 'reload-failed');
    assert.equal(problem.message, `the reload (reload ${'x'.repeat(193)}) failed with exit code 1: “no such unit”`);
    assert.equal((await run({ code: null, signal: 'SIGKILL' })).problem?.code, 'reload-failed');
  });

  test('passes its lines on while it runs, without empty ones, and at most fifty', async () => {
    assert.deepEqual((await run({}, {}, ['one', '', '  ', 'two\u001b[1m'])).said, ['| one', '| two [1m']);
    const many = (count: number) => Array.from({ length: count }, (_, at) => `line ${at}`);
    const fifty = (await run({}, {}, many(50))).said;
    assert.deepEqual([fifty.length, fifty.at(-1)], [50, '| line 49']);
    const more = (await run({}, {}, many(60))).said;
    assert.deepEqual(more, [...fifty, 'the reload prints more than 50 lines: the rest is not shown']);
  });
});

describe('the description of how a command ended', () => {
  for (const [fields, words] of [
    [{ ended: 'not-found', code: null }, 'failed: the program does not exist'],
    [
      { ended: 'no-interpreter', code: null },
      'failed: what its first line names does not exist (a line of Windows ends in a CR, too)',
    ],
    [{ ended: 'not-permitted', code: null }, 'failed: the program cannot be run'],
    [
      { ended: 'no-resources', code: null },
      'failed: the program cannot be run, because too many files are open, or too many processes',
    ],
    [{ ended: 'timeout', code: null, stderr: 'still here' }, 'did not end within 30 s: “still here”'],
    [{ ended: 'timeout', code: null }, 'did not end within 30 s'],
    [{ ended: 'cancelled', code: null, stderr: 'bye' }, 'was cancelled'],
    [{ code: 3 }, 'failed with exit code 3'],
    [{ code: 3, stderr: 'why\nmore', stdout: 'out' }, 'failed with exit code 3: “why”'],
    [{ code: 3, stderr: ' \n', stdout: '\nout' }, 'failed with exit code 3: “out”'],
    [{ code: null, signal: 'SIGSEGV' }, 'was ended by SIGSEGV'],
    [{ code: null, signal: 'SIGSEGV', stdout: 'out' }, 'was ended by SIGSEGV: “out”'],
  ] as [Partial<CommandResult>, string][]) {
    test(`is “${words}” for ${JSON.stringify(fields)}`, () =>
      assert.equal(reasonOf(result(fields), { timeout: 30 }), words));
  }
});
