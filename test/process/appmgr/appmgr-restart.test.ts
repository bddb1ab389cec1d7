import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startAppmgr } from '../../../src/agents/appmgr/agent.ts';
import type { ActionContext } from '../../../src/core/agent.ts';
import { actionContext, agentSetup } from '../../support/agents/agent-setup.ts';
import { release, testApplication } from '../../support/agents/appmgr/application.ts';

describe('restart', () => {
  const start = async (more: object) => {
    const application = testApplication();
    application.publish('10', release('10'));
    const notes = join(application.root, 'notes');
    const note = (what: string) => ['sh', '-c', `printf '%s %s\\n' ${what} "$MCO_REVISION" >> ${notes}`];
    const agent = await startAppmgr(agentSetup(application.config({ reload: note('reload'), ...more })));
    const call = (action: string, input: object, context: Partial<ActionContext> = {}) =>
      agent.handlers[action]?.(input as never, actionContext(context));
    const said = () => (existsSync(notes) ? readFileSync(notes, 'utf8') : '');
    return { call, said, note, application };
  };

  test('runs its command for the current release, or the reload if there is none', async () => {
    const { call, said } = await start({});
    await call('upgrade', { revision: '10' });
    assert.deepEqual(await call('restart', {}), { application: 'app', revision: '10', health: '' });
    assert.equal(said(), 'reload 10\nreload 10\n');
  });

  test('changes nothing in a dry run', async () => {
    const { call, said } = await start({ restart: ['false'] });
    await call('upgrade', { revision: '10' });
    assert.deepEqual(await call('restart', {}, { dryRun: true }), { application: 'app', revision: '10', health: '' });
    assert.equal(said(), 'reload 10\n');
  });

  test('fails with the reason: no release, no command, a command that fails, a service that stays down', async () => {
    await assert.rejects(async () => (await start({})).call('restart', {}), { code: 'no-release' });
    const gone = await start({});
    await gone.call('upgrade', { revision: '10' });
    rmSync(join(gone.application.root, 'releases', '10'), { recursive: true });
    await assert.rejects(async () => gone.call('restart', {}), { code: 'no-release', message: /is missing: .*\/10$/ });
    const bare = testApplication();
    const agent = await startAppmgr(agentSetup(bare.config()));
    await assert.rejects(async () => agent.handlers.restart?.({} as never, actionContext()), { code: 'no-restart' });
    const failing = await start({ restart: ['sh', '-c', 'echo no memory >&2; exit 3'] });
    await failing.call('upgrade', { revision: '10' });
    await assert.rejects(async () => failing.call('restart', {}), {
      code: 'restart-failed',
      message: /the restart .* failed with exit code 3: “no memory”/,
    });
  });
});
