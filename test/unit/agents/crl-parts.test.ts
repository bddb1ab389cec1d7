import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { startCrl } from '../../../src/agents/crl/agent.ts';
import { startListParts } from '../../../src/agents/crl/parts.ts';
import { actionContext, agentSetup, fixedNode } from '../../support/agents/agent-setup.ts';

const texts = ['one', 'two', 'three'];
const digest = createHash('sha256').update(texts.join('')).digest('hex');
const part = (number: number) => ({ digest, part: number, parts: 3, text: texts[number - 1] ?? '' });

describe('the parts of a revocation list', () => {
  test('make up the whole list once all are there, in any order and sent again', () => {
    const parts = startListParts(() => 0);
    for (const number of [3, 1, 1]) assert.equal(parts.take('cert=rip', part(number)), undefined);
    assert.equal(parts.take('cert=rip', part(2)), 'onetwothree');
    assert.equal(parts.take('cert=rip', part(2)), undefined, 'they are gone then');
  });

  test('do not mix with the parts of another caller', () => {
    const parts = startListParts(() => 0);
    parts.take('cert=rip', part(1));
    parts.take('cert=rip', part(2));
    assert.equal(parts.take('cert=eve', part(3)), undefined);
  });

  test('are refused if they differ from the announced ones', () => {
    const parts = startListParts(() => 0);
    parts.take('cert=rip', part(1));
    parts.take('cert=rip', { ...part(2), text: 'changed' });
    assert.throws(() => parts.take('cert=rip', part(3)), { code: 'bad-crl' });
    assert.throws(() => parts.take('cert=rip', { ...part(1), part: 4 }), { code: 'bad-crl' });
  });

  test('are bounded in size and number, and kept for two minutes', () => {
    let now = 0;
    const parts = startListParts(() => now);
    const large = { digest, parts: 32, text: 'x'.repeat(900_000) };
    assert.throws(() => {
      for (let number = 1; number <= 20; number++) parts.take('cert=rip', { ...large, part: number });
    }, /larger than/);
    parts.take('cert=rip', part(1));
    for (const other of ['a', 'b', 'c', 'd']) parts.take(other, part(1));
    parts.take('cert=rip', part(2));
    assert.equal(parts.take('cert=rip', part(3)), undefined, 'the oldest went');
    parts.take('cert=sue', part(1));
    now = 130_000;
    parts.take('cert=sue', part(2));
    assert.equal(parts.take('cert=sue', part(3)), undefined);
  });

  test('hold as many characters as a list may have, and not one more', () => {
    const parts = startListParts(() => 0);
    const largest = { digest: '0'.repeat(64), parts: 2, text: 'x'.repeat(8 * 1024 * 1024) };
    parts.take('cert=rip', { ...largest, part: 1 });
    assert.throws(() => parts.take('cert=rip', { ...largest, part: 2 }), /do not make the whole/, 'it is of full size');
    parts.take('cert=rip', { ...largest, part: 1 });
    assert.throws(
      () => parts.take('cert=rip', { ...largest, part: 2, text: `${largest.text}y` }),
      /larger than 16777216/,
    );
    assert.equal(parts.take('cert=rip', { ...largest, part: 2 }), undefined, 'what was too large is not kept');
  });

  test('of four lists are kept at a time, each until its two minutes are over', () => {
    let now = 0;
    const parts = startListParts(() => now);
    const wholeFor = (caller: string) => {
      parts.take(caller, part(2));
      return parts.take(caller, part(3));
    };
    for (const caller of ['a', 'b', 'c', 'd']) parts.take(caller, part(1));
    now = 119_999;
    assert.equal(wholeFor('a'), 'onetwothree');
    now = 120_000;
    assert.equal(wholeFor('b'), undefined, 'its time is over');
  });
});

describe('the agent for revocation lists', () => {
  const list = { issuer: 'f'.repeat(64), number: 7, this_update: 'then', next_update: 'later', revoked: 1 };
  /** A node that accepts each list, and notes what it is given. */
  async function startAgent() {
    const installed: unknown[] = [];
    const crl = {
      status: () => [{ ...list, number: 6 }],
      install: async (pem: string, dryRun: boolean) => {
        installed.push([pem, dryRun]);
        return { changed: true, lists: [list] };
      },
    };
    const { handlers } = await startCrl(agentSetup({}, { node: { ...fixedNode, crl } }));
    const call = async (action: string, input: object, context: object = {}) => {
      const handler = handlers[action] as unknown as (input: object, context: object) => Promise<unknown>;
      return await handler(input, actionContext(context));
    };
    return { call, installed };
  }
  const [before, after] = [
    { changed: false, lists: [{ ...list, number: 6 }] },
    { changed: true, lists: [list] },
  ];

  test('puts a list in force that comes in one call, and reports what is in force', async () => {
    const { call, installed } = await startAgent();
    assert.deepEqual(await call('status', {}), { lists: before.lists });
    assert.deepEqual(await call('install', { crl: 'pem' }), after);
    assert.deepEqual(await call('install', { crl: 'pem' }, { dryRun: true }), after);
    assert.deepEqual(installed, [
      ['pem', false],
      ['pem', true],
    ]);
  });

  test('changes nothing before the last part of a list, and gives each caller’s parts to the node as one', async () => {
    const { call, installed } = await startAgent();
    const install = (number: number, caller: string) =>
      call('install', { crl: texts[number - 1], digest, part: number, parts: 3 }, { caller });
    for (const caller of ['cert=rip', 'cert=eve']) assert.deepEqual(await install(1, caller), before);
    assert.deepEqual(await install(2, 'cert=rip'), before);
    assert.deepEqual(await install(3, 'cert=eve'), before);
    assert.deepEqual(installed, []);
    assert.deepEqual(await install(3, 'cert=rip'), after);
    assert.deepEqual(installed, [['onetwothree', false]]);
  });

  test('takes a digest without numbers as that of a list in one part', async () => {
    const { call, installed } = await startAgent();
    await call('install', { crl: 'onetwothree', digest });
    assert.deepEqual(installed, [['onetwothree', false]]);
    await assert.rejects(call('install', { crl: 'other', digest }), { code: 'bad-crl' });
    await assert.rejects(call('install', { crl: 'onetwothree', digest, part: 2 }), {
      code: 'bad-crl',
      message: 'part 2 of 1 is not a part of a revocation list',
    });
    assert.equal(installed.length, 1);
  });
});
