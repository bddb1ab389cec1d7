import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { LocalArtifact } from '../../../../src/client/publish/artifact.ts';
import { upload } from '../../../../src/client/publish/upload.ts';
import type { Problem } from '../../../../src/core/errors.ts';
import { chunkSize } from '../../../../src/core/publish/limits.ts';
import type { StoreRequest } from '../../../../src/core/wire/messages.ts';
import type { FoundNode } from '../../../../src/discovery/findings.ts';
import { mockDelays } from '../../../support/mock-delays.ts';
import { testProblem } from '../../../support/test-problem.ts';

const chunks = 4;
const artifact = {
  size: chunks * chunkSize,
  manifest: Buffer.from('manifest'),
  chunk: async (index: number) => Buffer.from([index]),
} as unknown as LocalArtifact;

interface Order {
  /** Throws what the node does with the nth part that it receives, from 1. */
  readonly onStore?: (nth: number, request: StoreRequest) => void;
  /** The first missing chunk, each time the node is asked again. */
  readonly missing?: readonly number[];
  readonly signal?: AbortSignal;
}

/** Uploads four chunks, on a clock that is moved on until it ends. */
async function run({ onStore, missing = [], signal = new AbortController().signal }: Order) {
  using delays = mockDelays();
  const stored: string[] = [];
  const ranges = (first: number) => ({ ranges: [{ first, count: chunks - first }] }) as never;
  let [prepared, sent, nth] = [0, 0, 0];
  const store = async (request: StoreRequest) => {
    nth++;
    onStore?.(nth, request);
    stored.push(request.chunk ? `chunk ${request.chunk.index}` : 'manifest');
    return {};
  };
  let ended: { readonly problem?: Problem } | undefined;
  const options = {
    ticket: Buffer.from('t'),
    prepare: async () => ranges(missing[prepared++] ?? 0),
    onSent: (bytes: number) => {
      sent += bytes;
    },
    signal,
  };
  void upload({ connection: { store } } as unknown as FoundNode, artifact, ranges(0), options).then(
    () => {
      ended = {};
    },
    (problem: Problem) => {
      ended = { problem };
    },
  );
  for (let turns = 0; turns < 100 && ended === undefined; turns++) await delays.pass(500);
  assert.ok(ended !== undefined, 'it does not end');
  return { code: ended.problem?.code, stored: stored.sort(), prepared, nth, sent };
}

const always = (code: string) => () => {
  throw testProblem(code, 'no');
};

describe('an upload to one node', () => {
  const whole = ['chunk 0', 'chunk 1', 'chunk 2', 'chunk 3', 'manifest'];

  test('sends the manifest and each missing chunk once, and counts their bytes', async () => {
    const { code, stored, sent, prepared } = await run({});
    assert.deepEqual([code, stored, prepared], [undefined, whole, 0]);
    assert.equal(sent, artifact.manifest.length + chunks);
  });

  test('is resumed after a lost connection with what is still missing, and given up after five tries', async () => {
    const resumed = await run({
      missing: [2],
      onStore: (nth) => {
        if (nth === 4) throw testProblem('no-response', 'the connection was lost');
      },
    });
    assert.deepEqual([resumed.code, resumed.prepared], [undefined, 1]);
    for (const code of ['no-response', 'unreachable', 'unknown-ticket', 'not-serving']) {
      const lost = await run({ onStore: always(code) });
      assert.deepEqual([lost.code, lost.nth, lost.prepared], [code, 5, 4], code);
    }
  });

  test('ends at once with a reason of the node itself', async () => {
    for (const code of ['bad-ticket', 'no-space', 'policy-denied', 'bad-chunk']) {
      const { code: found, nth, prepared } = await run({ onStore: always(code) });
      assert.deepEqual([found, nth, prepared], [code, 1, 0], code);
    }
  });

  test('slows down for a node that receives too many parts, without asking it again', async () => {
    let refused = 0;
    const { code, stored, prepared } = await run({
      onStore: (_nth, { chunk }) => {
        if (chunk?.index === 3 && refused++ < 5) throw testProblem('rate-limited', 'too fast');
      },
    });
    assert.deepEqual([code, stored, prepared], [undefined, whole, 0]);
    assert.equal(refused, 6);
  });

  test('sends nothing more once it is interrupted', async () => {
    const control = new AbortController();
    const { code, nth } = await run({
      signal: control.signal,
      onStore: (count) => {
        if (count !== 1) return;
        control.abort();
        throw testProblem('no-response', 'the connection was lost');
      },
    });
    assert.deepEqual([code, nth], ['cancelled', 1]);
  });
});
