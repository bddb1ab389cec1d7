import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { confirmKey } from '../../../../src/client/ca/confirm-key.ts';
import { crlStatusOf, describeStatus, withoutAgent } from '../../../../src/client/ca/crl-status.ts';
import {
  caDirectory,
  caOptionsOf,
  parseApplication,
  parseDays,
  parseKind,
  parseValid,
  validityIn,
} from '../../../../src/client/ca/options.ts';
import { neededPassphrase, newPassphrase, readPassphrase } from '../../../../src/client/ca/passphrase.ts';
import { printRequest } from '../../../../src/client/ca/print-request.ts';
import type { CliContext } from '../../../../src/client/cli/context.ts';
import type { Outcome } from '../../../../src/core/request/reply.ts';
import { temporaryDirectory } from '../../../support/agents/agent-setup.ts';

/** A context whose standard input is a terminal on which somebody types these keys, once they are asked. */
function contextWith(env: NodeJS.ProcessEnv = {}, keys?: readonly string[]) {
  const [out, err]: [string[], string[]] = [[], []];
  const stdin = new PassThrough() as unknown as PassThrough & { isTTY?: boolean; setRawMode?: (raw: boolean) => void };
  const raw: boolean[] = [];
  const rest = [...(keys ?? [])];
  if (keys !== undefined) Object.assign(stdin, { isTTY: true, setRawMode: (is: boolean) => raw.push(is) });
  const controller = new AbortController();
  const context = {
    ...{ env, stdin, signal: controller.signal, out: (line: string) => void out.push(line) },
    err: (line: string) => {
      err.push(line);
      const next = rest.length > 0 && /:\s*$/.test(line) ? rest.shift() : undefined;
      if (next === 'abort') controller.abort();
      else if (next !== undefined) stdin.write(next);
    },
  } as unknown as CliContext;
  return { context, out, err, raw };
}

describe('the revocation list of a node, as a command reports it', () => {
  const date = '2026-03-01T12:00:00.000Z';
  const list = { issuer: 'f', number: 7, this_update: date, next_update: '', revoked: 1 };
  const held = (lists: unknown, more: object = {}): Outcome =>
    ({ ...{ node: 'web1', outcome: 'ok', code: '', message: '', data: { lists, ...more } } }) as unknown as Outcome;
  const stateOf = (outcome: Outcome, lists = [list]) => {
    const { node, ...status } = crlStatusOf(outcome, lists);
    assert.equal(node, 'web1');
    return [status.state, status.outcome, status.code, describeStatus({ node, ...status })];
  };

  test('is good only if it has the very one, or took it now', () => {
    assert.deepEqual(stateOf(held([list])), ['current', 'ok', '', 'has it']);
    assert.deepEqual(stateOf(held([list], { changed: true })), ['taken', 'ok', '', 'took it']);
    assert.deepEqual(stateOf(held([{ ...list, number: 6 }], { changed: true })), [
      ...['behind', 'failed', 'behind-crl', `does not have it: it has list 6 of ${date}`],
    ]);
    assert.deepEqual(stateOf(held([{ ...list, number: 8 }])), [
      ...['newer', 'failed', 'newer-crl', `has another list: it has list 8 of ${date}`],
    ]);
    const other = '2026-04-01T12:00:00.000Z';
    assert.deepEqual(
      stateOf(held([{ ...list, this_update: other }]))[3],
      `has another list: it has list 7 of ${other}`,
    );
  });

  test('is not good without a list, with one of another CA, or with one that has no number', () => {
    const none = ['behind', 'failed', 'behind-crl', 'does not have it: it has none'];
    for (const lists of [undefined, [], [7], 'x', [{ ...list, number: undefined }], [{ ...list, number: '7' }]]) {
      assert.deepEqual(stateOf(held(lists)), none, JSON.stringify(lists));
    }
    assert.equal(stateOf(held([{ ...list, issuer: 'e' }]))[0], 'behind');
    const two = [list, { ...list, issuer: 'e', number: 3 }];
    assert.equal(stateOf(held([list]), two)[0], 'behind', 'of two CAs it needs both');
    assert.equal(stateOf(held(two), two)[0], 'current');
    assert.equal(stateOf(held([list, { ...list, issuer: 'e', number: 4 }]), two)[0], 'newer');
  });

  test('is not known if the node refused or did not reply, but for one that has a newer one', () => {
    const no = (code: string) => ({ ...held([list]), outcome: 'refused', code, message: 'it says why' }) as Outcome;
    assert.deepEqual(stateOf(no('policy-denied')), ['unknown', 'refused', 'policy-denied', 'it says why']);
    assert.deepEqual(stateOf(no('old-crl')), ['newer', 'refused', 'old-crl', 'has another list: it says why']);
    assert.deepEqual(withoutAgent('web1'), {
      ...{ node: 'web1', outcome: 'failed', code: 'unknown-agent', state: 'unknown' },
      message: 'it does not run the agent crl: enable it in node.yaml',
    });
  });
});

describe('the options of a CA', () => {
  const usage = { code: 'usage' };

  test('have lifetimes in minutes, hours or days', () => {
    assert.deepEqual(['30m', '8h', '7d', '99999d'].map(parseValid), [30 / 1440, 8 / 24, 7, 99_999]);
    for (const text of ['', '0h', '8', 'h', '-1d', '1w', '8 h', '123456d', '1.5d'])
      assert.throws(() => parseValid(text), usage, text);
    assert.deepEqual(['1', '99999'].map(parseDays), [1, 99_999]);
    for (const text of ['', '0', '-1', '1.5', '100000', '7d']) assert.throws(() => parseDays(text), usage, text);
    assert.deepEqual(
      [validityIn({}), validityIn({ days: 3 }), validityIn({ valid: 0.5 })],
      [{}, { days: 3 }, { days: 0.5 }],
    );
    assert.throws(() => validityIn({ days: 1, valid: 1 }), {
      ...usage,
      message: '--days and --valid cannot be combined',
    });
  });

  test('have the kind of a certificate, and applications that add up', () => {
    assert.deepEqual(['node', 'operator'].map(parseKind), ['node', 'operator']);
    assert.throws(() => parseKind('relay'), usage);
    assert.deepEqual(parseApplication('b', parseApplication('a')), ['a', 'b']);
    for (const text of ['', '-a', 'a b', 'a'.repeat(65)]) assert.throws(() => parseApplication(text), usage, text);
  });

  test('have the directory of the CA: the given one, or the one of the data directory', () => {
    const at = (env: NodeJS.ProcessEnv, dir?: string) =>
      caDirectory(dir === undefined ? {} : { dir }, contextWith(env).context);
    assert.equal(at({ XDG_DATA_HOME: '/data', HOME: '/home/rip' }), '/data/mco-deploy/ca');
    assert.equal(at({ XDG_DATA_HOME: 'data', HOME: '/home/rip' }), '/home/rip/.local/share/mco-deploy/ca');
    assert.equal(at({ XDG_DATA_HOME: '/data' }, '/ca'), '/ca');
    assert.deepEqual(caOptionsOf({ caDir: '/ca', passphraseFile: 'f' }), { dir: '/ca', passphraseFile: 'f' });
    assert.deepEqual(caOptionsOf({}), {});
  });
});

describe('the passphrase of a CA', () => {
  const fileWith = (text: string, mode = 0o600) => {
    const file = join(temporaryDirectory(), 'passphrase');
    writeFileSync(file, text);
    chmodSync(file, mode);
    return file;
  };
  const variable = 'MCO_DEPLOY_CA_PASSPHRASE';

  test('is the first line of the file, or that of the environment', async () => {
    const { context, err } = contextWith({ [variable]: 'from the environment' });
    assert.equal(await readPassphrase({ passphraseFile: fileWith(' a b \r\nmore\n') }, context), ' a b ');
    assert.equal(await readPassphrase({}, context), 'from the environment');
    assert.equal(await readPassphrase({}, contextWith({ [variable]: '' }).context), undefined);
    assert.equal(await readPassphrase({}, contextWith().context), undefined);
    assert.deepEqual(err, []);
    const open = fileWith('x', 0o640);
    await readPassphrase({ passphraseFile: open }, context);
    assert.deepEqual(err, [`warning: other users can read the passphrase file ${open}: chmod 600 it`]);
  });

  test('is refused if the file has none, or cannot be read', async () => {
    const { context } = contextWith();
    assert.equal((await readPassphrase({ passphraseFile: fileWith('x'.repeat(1024)) }, context))?.length, 1024);
    for (const text of ['', '\nx', 'x'.repeat(1025)]) {
      await assert.rejects(readPassphrase({ passphraseFile: fileWith(text) }, context), { code: 'bad-passphrase' });
    }
    const missing = { code: 'unreadable-file', message: /\/none cannot be read: no such file/ };
    await assert.rejects(readPassphrase({ passphraseFile: '/none' }, context), missing);
  });

  test('is asked for on a terminal, without showing it', async () => {
    const { context, raw, out, err } = contextWith({}, ['sä\x7fecret\b\r']);
    assert.equal(await neededPassphrase({}, context), 'secre');
    assert.deepEqual([raw, out, err], [[true, false], [], ['passphrase of the CA key: ']]);
    await assert.rejects(neededPassphrase({}, contextWith({}, ['abort']).context), { code: 'cancelled' });
    await assert.rejects(neededPassphrase({}, contextWith({}, ['abc\x04']).context), { code: 'cancelled' });
    const none = { code: 'passphrase-needed', hint: `pass it with --passphrase-file or in ${variable}` };
    await assert.rejects(neededPassphrase({}, contextWith().context), none);
  });

  test('is asked for twice if it is a new one', async () => {
    const given = (...keys: string[]) => newPassphrase({}, contextWith({}, keys).context);
    assert.equal(await given('abc\n', 'abc\n'), 'abc');
    await assert.rejects(given('abc\n', 'abd\n'), { code: 'bad-passphrase', message: 'the two passphrases differ' });
    await assert.rejects(given('\n'), { code: 'bad-passphrase', message: 'an empty passphrase protects nothing' });
    assert.equal(await newPassphrase({}, contextWith({ [variable]: 'x' }).context), 'x');
  });
});

describe('the key in a request', () => {
  const shown = { by: 'mco-deploy ca request', of: 'dev2' };
  const confirm = async (options: object, keys?: readonly string[]) => {
    const { context, err } = contextWith({}, keys);
    await confirmKey('ab:cd', shown, options, context);
    return err;
  };

  test('is signed if its fingerprint is the given one, and no other', async () => {
    assert.deepEqual(await confirm({ fingerprint: 'ab:cd' }), []);
    await assert.rejects(confirm({ fingerprint: 'ab:ce', yes: true }), {
      code: 'wrong-fingerprint',
      message: 'the key in the request has the fingerprint ab:cd, not ab:ce',
    });
    for (const fingerprint of ['', 'ab', 'ab:c', 'ab:cd:ef', 'AB:CD'])
      await assert.rejects(confirm({ fingerprint, yes: true }), { code: 'wrong-fingerprint' }, fingerprint);
  });

  test('is signed if a person types yes, or said so before; else it is not', async () => {
    assert.deepEqual(await confirm({ yes: true }), ['fingerprint of the key: ab:cd']);
    const [, question] = await confirm({}, [' yes \n']);
    assert.equal(question, 'did “mco-deploy ca request” print the same for dev2? Type yes to sign it:');
    for (const answer of ['no\n', 'y\n', '\n']) await assert.rejects(confirm({}, [answer]), { code: 'not-confirmed' });
    await assert.rejects(confirm({}), { code: 'fingerprint-needed', hint: /pass it with --fingerprint$/ });
  });

  test('is printed with the next two commands, or as JSON', () => {
    const print = (json: boolean, fresh: boolean) => {
      const { context, out } = contextWith();
      printRequest(
        { file: 'ca.csr', fingerprint: 'ab', fresh } as never,
        { directory: '/ca', realm: 'r' },
        { json },
        context,
      );
      return out;
    };
    const [first, , ...rest] = print(false, true);
    assert.equal(first, 'made a key and the request ca.csr');
    assert.ok(rest.includes('  mco-deploy ca sign-intermediate ca.csr --fingerprint ab'));
    assert.equal(rest.at(-1), '  mco-deploy ca accept FILE');
    assert.equal(print(false, false)[0], 'kept the key that waits for a certificate, and made the request ca.csr');
    const json = { directory: '/ca', realm: 'r', request: 'ca.csr', key_fingerprint: 'ab' };
    assert.deepEqual(
      print(true, true).map((line) => JSON.parse(line)),
      [json],
    );
  });
});
