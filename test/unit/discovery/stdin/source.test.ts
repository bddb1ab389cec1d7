import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import { describe, test } from 'node:test';
import { noFilter } from '../../../../src/core/filter/filter.ts';
import { readInputList } from '../../../../src/discovery/stdin/read.ts';
import { stdinSource } from '../../../../src/discovery/stdin/source.ts';
import { mockDelays, someTurns } from '../../../support/mock-delays.ts';
import { rejection } from '../../../support/thrown.ts';

const mebibyte = 1024 * 1024;

async function* chunks(count: number, size: number): AsyncGenerator<Uint8Array> {
  for (let index = 0; index < count; index++) yield Buffer.alloc(size, 'a');
}

describe('a list of nodes on standard input', () => {
  const namesIn = async (text: string): Promise<string[]> => {
    const names: string[] = [];
    const source = stdinSource(async () => text);
    for await (const { name } of source.discover(noFilter, new AbortController().signal)) names.push(name);
    return names;
  };

  test('ends the command if it names no node, in whatever form', async () => {
    assert.deepEqual(await namesIn('web1\nweb2 # the second\n'), ['web1', 'web2']);
    for (const [text, what] of [
      ['', /standard input is empty/],
      [' \n\n', /standard input is empty/],
      ['# none today\n', /names no node/],
      ['[]', /names no node/],
      ['{"nodes": []}', /names no node/],
      ['{"outcomes": []}', /names no node/],
    ] as const) {
      const problem = await rejection(namesIn(text));
      assert.equal(problem.code, 'no-nodes-given', text);
      assert.match(problem.message, what, text);
    }
  });

  test('is read up to 16 MiB in all, however it is cut', async () => {
    const signal = new AbortController().signal;
    const read = (list: AsyncIterable<Uint8Array>) => readInputList(list, assert.fail, signal);
    assert.equal((await read(chunks(16, mebibyte))).length, 16 * mebibyte);
    async function* oneMore() {
      yield* chunks(16, mebibyte);
      yield Buffer.from('a');
    }
    assert.equal((await rejection(read(oneMore()))).code, 'bad-nodes');
  });

  test('is announced once if its end is long in coming, and not after its end', async () => {
    using delays = mockDelays();
    const [waited, control] = [[] as string[], new AbortController()];
    const end = Promise.withResolvers<void>();
    async function* slow() {
      yield Buffer.from('web1\n');
      await end.promise;
    }
    const reading = readInputList(slow(), () => void waited.push('waiting'), control.signal);
    await delays.pass(1999);
    assert.equal(waited.length, 0);
    await delays.pass(1);
    await delays.pass(60_000);
    assert.deepEqual(waited, ['waiting']);
    end.resolve();
    assert.equal(await reading, 'web1\n');
    await readInputList(chunks(1, 1), () => void waited.push('too late'), control.signal);
    await delays.pass(60_000);
    assert.deepEqual(waited, ['waiting']);
    assert.equal(getEventListeners(control.signal, 'abort').length, 0);
  });

  test('is given up at once when the command is interrupted', async () => {
    const control = new AbortController();
    async function* endless() {
      yield Buffer.from('web1\n');
      await new Promise(() => {});
    }
    const reading = readInputList(endless(), assert.fail, control.signal).then(assert.fail, (error: unknown) => error);
    await someTurns();
    control.abort('Ctrl-C');
    assert.equal(await reading, 'Ctrl-C');
    await assert.rejects(readInputList(endless(), assert.fail, control.signal), (error) => error === 'Ctrl-C');
  });
});
