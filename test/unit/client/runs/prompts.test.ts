import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { PassThrough } from 'node:stream';
import { describe, mock, test } from 'node:test';
import tty from 'node:tty';
import { askPerson, refuseQuestions, sessionFor } from '../../../../src/client/runs/prompts.ts';
import { startLive } from '../../../../src/client/render/live/live.ts';
import type { Playbook } from '../../../../src/playbook/model.ts';
import { quietContext } from '../../../support/program/quiet-context.ts';

/** A context whose standard input is a terminal, or is none. */
function contextOn(isTerminal: boolean) {
  const stdin = Object.assign(new PassThrough(), { isTTY: isTerminal });
  return { stdin, context: { ...quietContext().context, stdin: stdin as unknown as NodeJS.ReadStream } };
}

/** Shows the questions to the test, whatever terminal runs it. */
function catchQuestions() {
  const shown: string[] = [];
  mock.method(tty, 'isatty', () => true);
  mock.method(process.stderr, 'write', (text: string) => {
    shown.push(text);
    return true;
  });
  syncBuiltinESMExports();
  return {
    shown,
    [Symbol.dispose]: () => {
      mock.restoreAll();
      syncBuiltinESMExports();
    },
  };
}

describe('a question to a person', () => {
  test('has the answer yes only where that is typed, in whole and in any case', async () => {
    using _ = catchQuestions();
    for (const [typed, answer] of [
      ['y', true],
      ['Yes ', true],
      ['YES', true],
      ['yep', false],
      ['no', false],
      ['', false],
    ] as const) {
      const { stdin, context } = contextOn(true);
      stdin.write(`${typed}\n`);
      assert.equal(await askPerson('Continue?', context.signal, context), answer, typed);
    }
  });

  test('is one line without control characters, and is not asked once the run is interrupted', async () => {
    using caught = catchQuestions();
    const { stdin, context } = contextOn(true);
    stdin.write('y\n');
    await askPerson('Is \x1b[2J dev1\nout?', context.signal, context);
    const text = caught.shown.splice(0).join('');
    assert.match(text, /^Is .* dev1 out\? \[y\/N\] $/);
    assert.ok(!text.includes('\x1b'));
    assert.equal(await askPerson('Continue?', AbortSignal.abort(), context), false);
    assert.deepEqual(caught.shown, []);
  });
});

const playbook = (...steps: object[]) =>
  ({ name: 'p', description: 'd', steps, onFailure: [], always: [] }) as unknown as Playbook;
const step = (kind: string, body: object = {}) => ({ id: kind, kind, body });

describe('a run that asks', () => {
  test('is refused without a terminal, in a nested playbook too, unless it has the answer', () => {
    const asks = playbook(step('call'), step('use', { used: playbook(step('confirm')) }));
    const [on, off] = [contextOn(true).context, contextOn(false).context];
    for (const one of [playbook(step('confirm')), asks]) {
      assert.throws(() => refuseQuestions(one, {}, off), { code: 'no-terminal' });
      refuseQuestions(one, { yes: true }, off);
      refuseQuestions(one, {}, on);
    }
    refuseQuestions(playbook(step('call')), {}, off);
  });

  test('shows its plan on a terminal, without --json, and asks nothing with --yes', async () => {
    const ports = (options: object, isTerminal: boolean) => {
      const { context } = contextOn(isTerminal);
      return sessionFor(playbook(), options, context, startLive(context), async () => []);
    };
    assert.deepEqual(Object.keys(ports({}, true)).sort(), ['agree', 'confirm']);
    assert.deepEqual(Object.keys(ports({ json: true }, true)), ['confirm']);
    assert.deepEqual(Object.keys(ports({}, false)), []);
    const { confirm, agree } = ports({ yes: true }, false);
    assert.equal(await confirm?.('?', new AbortController().signal), true);
    assert.equal(agree, undefined);
  });
});
