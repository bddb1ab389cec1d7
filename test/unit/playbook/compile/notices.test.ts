// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the expressions of playbooks look so
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { addNotices } from '../../../../src/playbook/compile/notices.ts';
import type { SourceText } from '../../../../src/playbook/source/locations.ts';
import type { NotifySource, PlaybookSource } from '../../../../src/playbook/source/schema.ts';

/** `locate` returns the path that it was asked for. */
const text = {
  text: '',
  locate: (path: readonly string[], key?: boolean) => `${path.join('/')}${key === true ? ' key' : ''}`,
} as unknown as SourceText;
const call = { id: 'work', call: 'x.y', on: 'all' };
const say = { say: 'done' };

function add(notify: Partial<NotifySource> | undefined, steps: object[] = [call, say]) {
  const source = { name: 'x', nodes: { all: {} }, steps, ...(notify && { notify: { to: 'webhook:ops', ...notify } }) };
  return addNotices(source as unknown as PlaybookSource, text);
}

const sendOf = (notify: Partial<NotifySource>) => add(notify).source.steps[1] as Record<string, unknown>;

describe('the notifications of a playbook', () => {
  test('are none without “notify”, and the playbook is as it was', () => {
    const { notices, source, text: located } = add(undefined);
    assert.deepEqual([notices, source.steps, located], [{ start: [], failure: [] }, [call, say], text]);
  });

  test('are sent by one node with angelia after the last step that does something', () => {
    const { source, notices } = add({});
    assert.deepEqual(
      source.steps.map((step) => step.call ?? step.say),
      ['x.y', 'angelia.sendmsg', 'done'],
    );
    assert.deepEqual(source.steps[1], {
      id: 'notify',
      name: 'Notify',
      call: 'angelia.sendmsg',
      on: 'notifiers',
      limit: 1,
      failover: true,
      notifies: 'success',
      with: { recipient: 'webhook:ops', message: "${{ run.operator + ' ran ' + run.playbook + ': done' }}" },
    });
    assert.deepEqual(Object.keys(source.nodes ?? {}), ['all', 'notifiers']);
    const { agents, allow_missing, when_empty, if: condition } = source.nodes?.['notifiers'] ?? {};
    assert.deepEqual([agents, allow_missing, condition], [['angelia'], true, undefined]);
    assert.match(String(when_empty), /no node that sends notifications/);
    assert.deepEqual(
      [...notices.start, ...notices.failure].map((step) => [
        step.id,
        (step as { with?: { message?: string } }).with?.message,
      ]),
      [
        ['notify_start', "${{ run.operator + ' started ' + run.playbook + ' (' + run.label + '), run ' + run.id }}"],
        ['notify_failure', '${{ failure.notice }}'],
      ],
    );
    const only = add({}, [say, say]).source.steps;
    assert.deepEqual(
      only.map((step) => step.call === undefined),
      [false, true, true],
      'before all, if all only print',
    );
  });

  test('have the words and the nodes that the playbook gives them', () => {
    const { source } = add({ on: 'all', success: 'good', subject: 'S' });
    const sent = source.steps[1] as Record<string, unknown>;
    assert.deepEqual([sent['on'], sent['with']], ['all', { recipient: 'webhook:ops', message: 'good', subject: 'S' }]);
    assert.deepEqual(Object.keys(source.nodes ?? {}), ['all'], 'no other set is needed');
  });

  test('depend on their condition, and on a recipient that may be null', () => {
    assert.equal(sendOf({})['if'], undefined);
    assert.equal(sendOf({ if: '${{ inputs.loud }}' })['if'], '( inputs.loud )');
    assert.equal(sendOf({ if: 'inputs.loud' })['if'], '(inputs.loud)');
    assert.equal(sendOf({ to: '${{ inputs.to }}' })['if'], '( inputs.to  != null)');
    const both = { to: '${{ inputs.to }}', if: '${{ inputs.loud }}' };
    assert.equal(sendOf(both)['if'], '( inputs.loud ) && ( inputs.to  != null)');
    assert.equal(add(both).source.nodes?.['notifiers']?.if, '( inputs.loud ) && ( inputs.to  != null)');
    assert.equal(sendOf({ to: 'mailto:${{ inputs.to }}' })['if'], undefined);
  });

  test('keep every fault at its place in the file', () => {
    const locate = (...path: string[]) =>
      String((add({}).text as unknown as { locate: (p: string[]) => string }).locate(path));
    const places: [string[], string][] = [
      [['name'], 'name'],
      [['steps'], 'steps'],
      [['steps', '0', 'call'], 'steps/0/call'],
      [['steps', '2', 'say'], 'steps/1/say'],
      [['steps', '1'], 'notify'],
      [['steps', '1', 'if'], 'notify/if'],
      [['steps', '1', 'on'], 'notify/on'],
      [['steps', '1', 'with'], 'notify'],
      [['steps', '1', 'with', 'recipient'], 'notify/to'],
      [['steps', '1', 'with', 'message'], 'notify/success'],
      [['steps', '1', 'with', 'subject'], 'notify/subject'],
      [['steps', '1', 'with', 'priority'], 'notify'],
      [['notify', '0', 'with', 'message'], 'notify'],
      [['nodes', 'notifiers', 'if'], 'notify'],
      [['nodes', 'all', 'if'], 'nodes/all/if'],
      [['always', '1', 'say'], 'always/1/say'],
    ];
    for (const [path, place] of places) assert.equal(locate(...path), place, path.join('/'));
  });
});
