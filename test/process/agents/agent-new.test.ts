import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findExternalAgents } from '../../../src/agents/external/find.ts';
import { runAgentNew } from '../../../src/client/commands/agent/agent.ts';
import type { CliContext } from '../../../src/client/cli/context.ts';
import { runCommand } from '../../../src/daemon/exec/run-command.ts';
import { agentSetup, unsigned } from '../../support/agents/agent-setup.ts';
import { keepingLog } from '../../support/node/quiet-log.ts';

describe('a new agent', () => {
  let directory: string;
  const context = { out: () => {} } as unknown as CliContext;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-agent-'));
  });
  after(() => rm(directory, { recursive: true }));

  test('works as written, in every language', async () => {
    for (const language of ['bash', 'python', 'node'] as const)
      assert.equal(await runAgentNew(`my_${language}`, { language, directory }, context), 0);
    const log = keepingLog();
    const setup = { directory, plugins: directory, scratch: join(directory, 'calls'), taken: [], run: runCommand, log };
    const { entries, refused } = await findExternalAgents({ ...setup, facts: async () => ({}) });
    assert.deepEqual(refused, []);
    assert.equal(entries.length, 3);
    for (const { load, ddl } of entries) {
      const { handlers } = await (await load())(agentSetup({}) as never);
      const progress = () => {};
      const { signal } = new AbortController();
      const call = {
        requestId: 'a'.repeat(32),
        runId: '',
        caller: 'cert=rip',
        signed: unsigned,
        lease: '',
        dryRun: false,
        signal,
        progress,
        log,
      };
      assert.deepEqual(await handlers.hello?.({ name: 'Ada' } as never, call), { message: 'Hello Ada' }, ddl.name);
    }
  });

  test('never overwrites another, and needs a valid name', async () => {
    await assert.rejects(runAgentNew('my_bash', { language: 'bash', directory }, context), { code: 'file-exists' });
    for (const name of ['../x', '__proto__', 'A', ''])
      await assert.rejects(runAgentNew(name, { language: 'bash', directory }, context), { code: 'bad-name' });
  });
});
