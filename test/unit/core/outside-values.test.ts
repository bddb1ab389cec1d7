import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ownBytes } from '../../../src/core/bytes.ts';
import { checkStateOf } from '../../../src/core/check-state.ts';
import { startAnswerDeadline, startDeadline, whenUnanswered } from '../../../src/core/waiting/deadline.ts';
import { describeDuplicate, duplicateProblem } from '../../../src/core/duplicate.ts';
import { errnoOf, explain, explainErrno, Problem } from '../../../src/core/errors.ts';
import { broken, doubtful, findingToJson, fine, parseFindings, runCheck } from '../../../src/core/finding.ts';
import {
  callerId,
  defineIdentity,
  formatIdentity,
  isNodeName,
  isOperatorName,
  parseIdentity,
} from '../../../src/core/identity.ts';
import { isObject, parseJsonObject } from '../../../src/core/json.ts';
import { formatAddress, parseAddress } from '../../../src/core/node.ts';
import { mockDelays } from '../../support/mock-delays.ts';

describe('JSON from outside', () => {
  const refused = (text: string | Uint8Array, message: RegExp) =>
    assert.throws(() => parseJsonObject(text, 'the reply'), { code: 'malformed-json', message });

  test('is an object, or nothing', () => {
    assert.deepEqual(parseJsonObject('{"a": [1, {"b": null}]}', 'x'), { a: [1, { b: null }] });
    assert.deepEqual([parseJsonObject('', 'x'), parseJsonObject(Buffer.from('{"é": 1}'), 'x')], [{}, { é: 1 }]);
    for (const text of ['[]', 'null', '7', '"x"']) refused(text, /^the reply is not a JSON object$/);
    for (const text of ['{', ' ', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])])
      refused(text, /^the reply is not JSON$/);
    assert.deepEqual([{}, [], null, 'x', undefined].map(isObject), [true, false, false, false, false]);
  });

  test('is 32 levels deep at most', () => {
    const nested = (levels: number) => `{"a":${'['.repeat(levels)}1${']'.repeat(levels)}}`;
    assert.ok(parseJsonObject(nested(31), 'x'));
    refused(nested(32), /nested deeper than 32 levels/);
  });

  test('has no integer that is not exact, and no key that reaches a prototype, at any depth', () => {
    assert.deepEqual(parseJsonObject('{"a": 9007199254740991, "b": 1e400, "c": 0.5}', 'x').a, 2 ** 53 - 1);
    refused('{"a": [9007199254740993]}', /an integer beyond 2\^53/);
    for (const key of ['__proto__', 'constructor', 'prototype'])
      refused(`{"a": [{"${key}": 1}]}`, new RegExp(`a key “${key}”`));
  });
});

describe('a name in a certificate', () => {
  test('is a host name for a node, and safe in a path and in a rule for an operator', () => {
    const label = 'a'.repeat(63);
    const longest = `${label}.${label}.${label}.${'a'.repeat(61)}`;
    for (const name of ['a', 'dev2.devco.net', 'a-b.c', '0', longest]) assert.ok(isNodeName(name), name);
    for (const name of ['', 'A', '-a', 'a-', 'a..b', 'a_b', '.a', 'a.', `${label}a`, `${longest}a`, 'a/b']) {
      assert.ok(!isNodeName(name), name);
    }
    for (const name of ['a', 'rip@devco.net', 'A.b_c+d-e', 'a'.repeat(128)]) assert.ok(isOperatorName(name), name);
    for (const name of ['', '.a', '-a', 'a..b', 'a/b', 'a b', 'a\n', 'a'.repeat(129), 'ä'])
      assert.ok(!isOperatorName(name), name);
  });

  test('is refused with what is allowed, and with a realm that is not valid', () => {
    assert.throws(() => defineIdentity('node', 'devco.net', 'Dev'), {
      code: 'bad-name',
      hint: 'use a host name in lower case',
    });
    const operator = {
      code: 'bad-name',
      message: '“a/b” is not a valid operator name',
      hint: /letters, digits and \. _ @ \+ -/,
    };
    assert.throws(() => defineIdentity('operator', 'devco.net', 'a/b'), operator);
    for (const realm of ['', 'Devco', 'devco/net', `${'a.'.repeat(127)}a`]) {
      assert.throws(
        () => defineIdentity('node', realm, 'dev'),
        { code: 'bad-name', message: /is not a valid realm/ },
        realm,
      );
    }
    assert.equal(defineIdentity('node', `${'a.'.repeat(126)}a`, 'dev').realm.length, 253);
  });

  test('is the same when its URI is read again; any other URI is not one', () => {
    for (const kind of ['node', 'operator'] as const) {
      const identity = defineIdentity(kind, 'devco.net', 'dev2');
      assert.equal(formatIdentity(identity), `mco://devco.net/${kind}/dev2`);
      assert.deepEqual(parseIdentity(formatIdentity(identity)), identity);
      assert.equal(callerId(identity), kind === 'node' ? 'node=dev2' : 'cert=dev2');
    }
    for (const uri of [
      '',
      'mco://devco.net/relay/dev2',
      'mco://devco.net/node/dev2/x',
      'xmco://devco.net/node/dev2',
      'mco://devco.net/node/DEV2',
      'mco:///node/dev2',
      'https://devco.net/node/dev2',
    ]) {
      assert.equal(parseIdentity(uri), undefined, uri);
    }
  });
});

describe('an address', () => {
  test('has a port, or the usual one', () => {
    for (const [text, host, port] of [
      ['web1', 'web1', 5810],
      ['web1:1', 'web1', 1],
      ['10.0.0.1:65535', '10.0.0.1', 65_535],
      ['fe80::1', 'fe80::1', 5810],
      ['fe80::1%eth0', 'fe80::1%eth0', 5810],
      ['[fe80::1%eth0]:22', 'fe80::1%eth0', 22],
      ['[::1]', '::1', 5810],
    ] as const) {
      assert.deepEqual(parseAddress(text), { host, port }, text);
    }
    for (const text of ['', 'web1:0', 'web1:65536', 'web1:', 'a b', ':22', '[::1', 'web1:x', '[]:22']) {
      assert.equal(parseAddress(text), undefined, text);
    }
    assert.equal(formatAddress({ host: 'web1', port: 22 }), 'web1:22');
    assert.equal(formatAddress({ host: '::1', port: 22 }), '[::1]:22');
  });
});

describe('an error, for a person', () => {
  test('is its message and its hint, and what is shown below stays below', () => {
    assert.equal(explain(new Problem('usage', 'wrong')), 'wrong');
    assert.equal(explain(new Problem('usage', 'wrong\n  here', 'do this')), 'wrong: do this\n  here');
    assert.deepEqual([explain(new Error('a bug')), explain('a text')], ['a bug', 'a text']);
    const system = (more: object) => Object.assign(new Error('EACCES: x'), { code: 'EACCES', ...more });
    assert.equal(explain(system({ syscall: 'open', path: '/etc/x' })), '/etc/x: permission denied');
    assert.equal(explain(system({ syscall: 'connect' })), 'permission denied');
    assert.equal(explain(system({})), 'EACCES: x');
    assert.equal(explain(Object.assign(new Error('no such host'), { syscall: 'x', code: 'OTHER' })), 'no such host');
  });

  test('has words for the numbers of the system, and its own message for any other', () => {
    const coded = (code: unknown) => Object.assign(new Error('a message'), { code });
    assert.deepEqual(
      ['ENOENT', 'EWHAT', 7].map((code) => errnoOf(coded(code))),
      ['ENOENT', 'EWHAT', ''],
    );
    assert.equal(errnoOf({ code: 'ENOENT' }), '');
    assert.equal(explainErrno(coded('ENOSPC')), 'no space left on the device');
    assert.equal(explainErrno(coded('ENOTFOUND')), 'no name server knows that name');
    assert.equal(explainErrno(coded('EAI_AGAIN')), 'no name server answers');
    assert.deepEqual([explainErrno(coded('EWHAT')), explainErrno('x')], ['a message', 'x']);
  });

  test('names the two machines that prove to be one node', () => {
    const duplicate = { identity: 'dev2', addresses: ['10.0.0.1', '10.0.0.2'], since: 0 } as never;
    const words = 'two machines prove to be dev2: 10.0.0.1 was there first, 10.0.0.2 since 1970-01-01T00:00:00.000Z';
    assert.equal(describeDuplicate(duplicate), words);
    const { code, message, hint } = duplicateProblem(duplicate);
    assert.deepEqual([code, message], ['duplicate-identity', words]);
    assert.match(hint, /“mco-deploy ca revoke dev2”/);
    assert.match(
      describeDuplicate({ ...(duplicate as object), addresses: [] } as never),
      /an unknown address was there first, an unknown/,
    );
  });
});

describe('the findings of doctor', () => {
  test('are what a check found, or the problem that it ran into with its own hint', async () => {
    const one = fine('clock', 'it is right');
    assert.deepEqual(await runCheck('clock', 'fix', async () => one), [one]);
    assert.deepEqual(await runCheck('clock', 'fix', async () => [one, one]), [one, one]);
    const throwing = (error: unknown) => runCheck('clock', 'set it', () => Promise.reject(error));
    assert.deepEqual(await throwing(new Problem('usage', 'wrong')), [broken('clock', 'wrong', 'set it')]);
    assert.deepEqual(await throwing(new Problem('usage', 'wrong', 'do')), [broken('clock', 'wrong', 'do')]);
    assert.deepEqual(await throwing(new Error('a bug')), [broken('clock', 'a bug', 'set it')]);
  });

  test('are the same after they came as JSON from another host; what is not a finding is left out', () => {
    const all = [fine('a', 'b'), doubtful('c', 'd', 'e'), broken('f', 'g', 'h')];
    assert.deepEqual(parseFindings(JSON.stringify(all.map(findingToJson))), all);
    assert.deepEqual(parseFindings('[7, {}, {"check": "a", "verdict": "ok", "what": "b"}]'), []);
    for (const text of ['', '{}', 'null', '7']) assert.equal(parseFindings(text), undefined, text);
  });
});

describe('the exit code of a plugin', () => {
  test('is a state, and UNKNOWN for any other value', () => {
    assert.deepEqual([0, 1, 2, 3].map(checkStateOf), ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN']);
    for (const code of [4, -1, 0.5, '0', null, undefined]) assert.equal(checkStateOf(code), 'UNKNOWN');
  });
});

describe('a deadline', () => {
  test('aborts its work after its time, and not before', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const { signal, passed } = startDeadline(100, []);
    context.mock.timers.tick(99);
    assert.deepEqual([signal.aborted, passed()], [false, false]);
    context.mock.timers.tick(1);
    assert.deepEqual([signal.aborted, passed(), signal.reason.name], [true, true, 'TimeoutError']);
  });

  test('begins again when it is extended, and never comes once it has ended', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const extended = startDeadline(100, []);
    context.mock.timers.tick(99);
    extended.extend();
    context.mock.timers.tick(99);
    assert.equal(extended.signal.aborted, false);
    context.mock.timers.tick(1);
    assert.equal(extended.passed(), true);
    const ended = startDeadline(100, []);
    ended.end();
    context.mock.timers.tick(1000);
    assert.deepEqual([ended.signal.aborted, ended.passed()], [false, false]);
  });

  test('may be settled before it aborts: not after it was extended or ended meanwhile', (context) => {
    context.mock.timers.enable({ apis: ['setTimeout'] });
    const expiries: (() => void)[] = [];
    const deadline = startDeadline(100, [], (expire) => expiries.push(expire));
    context.mock.timers.tick(100);
    deadline.extend();
    expiries[0]?.();
    assert.equal(deadline.signal.aborted, false);
    context.mock.timers.tick(100);
    expiries[1]?.();
    assert.deepEqual([expiries.length, deadline.passed()], [2, true]);
  });

  test('for an answer passes at its time; a stop of this program counts for half, and what arrived is read first', async () => {
    using delays = mockDelays();
    const punctual = startAnswerDeadline(100, []);
    await delays.pass(99);
    assert.equal(punctual.passed(), false);
    await delays.pass(1);
    assert.equal(punctual.passed(), true);
    const stopped = startAnswerDeadline(100, []);
    await delays.stop(3_600_000);
    await delays.pass(49);
    assert.equal(stopped.passed(), false);
    await delays.pass(1);
    assert.equal(stopped.passed(), true);
    const answered = startAnswerDeadline(100, []);
    await delays.pass(50);
    setImmediate(answered.end);
    await delays.pass(50);
    assert.equal(answered.signal.aborted, false);
  });

  test('for an answer never comes once it has ended', async () => {
    using delays = mockDelays();
    const ended = startAnswerDeadline(100, []);
    await delays.pass(50);
    ended.end();
    await delays.pass(1000);
    assert.equal(ended.passed(), false);
  });

  test('for an answer acts once in the same way, and never once it has ended', async () => {
    using delays = mockDelays();
    const late: string[] = [];
    whenUnanswered(100, () => late.push('punctual'));
    await delays.pass(99);
    assert.equal(late.join(), '');
    await delays.pass(1);
    assert.equal(late.join(), 'punctual');
    whenUnanswered(100, () => late.push('stopped'));
    const ended = whenUnanswered(100, () => late.push('ended'));
    await delays.stop(3_600_000);
    ended();
    await delays.pass(49);
    assert.equal(late.join(), 'punctual');
    await delays.pass(1);
    assert.equal(late.join(), 'punctual,stopped');
    const answered = whenUnanswered(100, () => late.push('answered'));
    await delays.pass(50);
    setImmediate(answered);
    await delays.pass(1000);
    assert.equal(late.join(), 'punctual,stopped');
  });

  test('leaves no timer when it begins again, or ends', (context) => {
    const cleared = context.mock.method(globalThis, 'clearTimeout').mock;
    const deadline = startDeadline(60_000, []);
    deadline.extend();
    assert.equal(cleared.callCount(), 1);
    deadline.end();
    assert.equal(cleared.callCount(), 2);
    whenUnanswered(60_000, () => {})();
    assert.equal(cleared.callCount(), 3);
  });

  test('follows other signals with their reasons, and leaves them once it has ended', () => {
    const [one, two] = [new AbortController(), new AbortController()];
    const following = startDeadline(60_000, [one.signal, two.signal]);
    two.abort('stopped');
    assert.deepEqual([following.signal.aborted, following.signal.reason, following.passed()], [true, 'stopped', false]);
    following.end();
    const late = startDeadline(60_000, [AbortSignal.abort('before')]);
    assert.equal(late.signal.reason, 'before');
    late.end();
    const ended = startDeadline(60_000, [one.signal]);
    ended.end();
    one.abort();
    assert.equal(ended.signal.aborted, false);
  });
});

test('bytes that are kept are a copy in memory of their own', () => {
  const message = Buffer.from('a whole message');
  const own = ownBytes(message.subarray(2, 7));
  message.fill(0);
  assert.deepEqual([own.toString(), own.buffer.byteLength], ['whole', 5]);
});
