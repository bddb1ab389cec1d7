import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RunCommand } from '../../../../../src/core/ports.ts';
import { release, testApplication } from '../../../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../../../support/agents/appmgr/appmgr.ts';

interface Command {
  readonly words: string;
  /** Whether it was already cancelled when it began. */
  readonly cancelled: boolean;
}

/** An application whose reload and hooks are only noted down, and what they do. */
async function estate(more: object, onCommand: (words: string) => void = () => {}) {
  const application = testApplication();
  for (const revision of ['10', '20']) application.publish(revision, release(revision));
  const commands: Command[] = [];
  const run: RunCommand = async (argv, { signal, env }) => {
    const words = `${argv.join(' ')} ${env?.MCO_REVISION ?? ''}`;
    commands.push({ words, cancelled: signal?.aborted === true });
    onCommand(words);
    return { code: 0, signal: null, stdout: '', stderr: '', truncated: false };
  };
  const agent = await appmgrOn(application.config({ reload: ['reload'], ...more }), { run });
  await agent.upgrade({ revision: '10' });
  commands.length = 0;
  return { application, commands, ...agent };
}

const healthy = { command: ['check'], timeout: 5, steady: 0 };

describe('an upgrade that is cancelled once the new release is in place', () => {
  test('returns to the previous release even so: the return is not cancelled', async () => {
    const cancel = new AbortController();
    const { application, commands, upgrade, status } = await estate(
      { health: healthy, hooks: { on_failure: ['notify'] } },
      (words) => {
        if (words === 'check 20') cancel.abort();
      },
    );
    await assert.rejects(upgrade({ revision: '20' }, { signal: cancel.signal }), {
      code: 'cancelled',
      message: 'revision 20 of “app” did not come up: the call was cancelled; went back to 10',
    });
    assert.equal(application.served(), 'revision 10');
    assert.deepEqual(commands.slice(2), [
      { words: 'reload 10', cancelled: false },
      { words: 'check 10', cancelled: false },
      { words: 'notify 20', cancelled: false },
    ]);
    assert.equal((await status({})).revision, '10');
  });

  test('has time of its own for each step of the return, to the millisecond', async (context) => {
    const cancel = new AbortController();
    const timeouts: number[] = [];
    const real = AbortSignal.timeout;
    const { upgrade } = await estate(
      { health: healthy, hooks: { on_failure: ['notify'] }, reload_timeout: 7, hook_timeout: 9 },
      (words) => {
        if (words !== 'check 20') return;
        cancel.abort();
        context.mock.method(AbortSignal, 'timeout', (milliseconds: number) => {
          timeouts.push(milliseconds);
          return real(milliseconds);
        });
      },
    );
    await assert.rejects(upgrade({ revision: '20' }, { signal: cancel.signal }), { code: 'cancelled' });
    // To switch and to reload, and for the hook; the check limits itself.
    assert.deepEqual(timeouts, [7000, 7000, 9000]);
  });

  test('returns in each of its steps, and the next upgrade succeeds', async () => {
    for (const step of ['switched 20', 'reload 20', 'check 20', 'finish 20']) {
      const cancel = new AbortController();
      let armed = true;
      const { application, upgrade } = await estate(
        { health: healthy, hooks: { after_switch: ['switched'], after: ['finish'] } },
        (words) => {
          if (armed && words === step) cancel.abort();
        },
      );
      await assert.rejects(
        upgrade({ revision: '20' }, { signal: cancel.signal }),
        { code: 'cancelled', message: /; went back to 10$/ },
        step,
      );
      assert.equal(application.served(), 'revision 10', step);
      armed = false;
      assert.equal((await upgrade({ revision: '20' })).changed, true, step);
    }
  });

  test('changes nothing and returns to nothing if nothing was switched yet', async () => {
    const cancel = new AbortController();
    const { application, commands, upgrade } = await estate({ hooks: { before: ['prepare'] } }, (words) => {
      if (words === 'prepare 20') cancel.abort();
    });
    await assert.rejects(upgrade({ revision: '20' }, { signal: cancel.signal }), {
      code: 'cancelled',
      message: 'the call was cancelled',
    });
    assert.equal(application.served(), 'revision 10');
    assert.deepEqual(
      commands.map(({ words }) => words),
      ['prepare 20'],
    );
  });
});
