import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  assertChunk,
  assertManifest,
  chunkAt,
  chunksOf,
  digestAt,
  indicesOf,
  rangesOf,
  sha256,
} from '../../../../src/core/publish/chunks.ts';
import { artifactName, publishedDirectory, sumsOf } from '../../../../src/core/publish/layout.ts';
import { chunkSize, largestArtifact } from '../../../../src/core/publish/limits.ts';

/** An artifact of two whole chunks and a short one. */
const size = 2 * chunkSize + 10;
const artifact = Buffer.concat([0, 1, 2].map((index) => Buffer.alloc(index < 2 ? chunkSize : 10, index)));
const chunk = (index: number) => artifact.subarray(index * chunkSize, (index + 1) * chunkSize);
const manifest = Buffer.concat([0, 1, 2].map((index) => sha256(chunk(index))));

describe('the chunks of an artifact', () => {
  test('are 256 KiB long, but for the last one', () => {
    assert.deepEqual([0, 1, chunkSize, chunkSize + 1, size].map(chunksOf), [0, 1, 1, 2, 3]);
    assert.deepEqual(chunkAt(1, size), { at: 262_144, length: 262_144 });
    assert.deepEqual(chunkAt(2, size), { at: 524_288, length: 10 });
    assert.equal(largestArtifact, 2 ** 32);
    assert.deepEqual(
      [0, 1, 2].map((index) => digestAt(manifest, index)),
      [0, 1, 2].map((index) => sha256(chunk(index))),
    );
  });

  test('are accepted under their own number only, whole and unchanged', () => {
    const check =
      (index: number, data: Buffer, list = manifest) =>
      () =>
        assertChunk(list, index, data, size, 'dev1');
    for (const index of [0, 1, 2]) assert.doesNotThrow(check(index, chunk(index)));
    const wrong = { code: 'bad-chunk', message: /^chunk -?\d from dev1 is corrupted$/ };
    assert.throws(check(0, chunk(1)), wrong);
    assert.throws(check(2, chunk(2).subarray(1)), wrong);
    const changed = Buffer.from(chunk(2));
    changed[3] = 255;
    assert.throws(check(2, changed), wrong);
    // Lists whose digests hold, for chunks that the artifact does not have, or of another length.
    const [long, short] = [Buffer.concat([chunk(2), Buffer.from('x')]), chunk(0).subarray(1)];
    assert.throws(check(2, long, Buffer.concat([manifest.subarray(0, 64), sha256(long)])), wrong);
    assert.throws(check(0, short, Buffer.concat([sha256(short), manifest.subarray(32)])), wrong);
    assert.throws(check(3, chunk(2), Buffer.concat([manifest, sha256(chunk(2))])), wrong);
    const none = Buffer.alloc(0);
    assert.throws(() => assertChunk(sha256(none), 3, none, 3 * chunkSize, 'dev1'), wrong);
    assert.throws(check(-1, none), wrong);
  });

  test('have a list of the length and the digest that the ticket names', () => {
    const ticket = { size, manifestSha256: sha256(manifest) };
    assert.doesNotThrow(() => assertManifest(manifest, ticket, 'dev1'));
    const wrong = { code: 'bad-chunk', message: /the list of chunks from dev1/ };
    for (const other of [size - 10, size + chunkSize]) {
      assert.throws(() => assertManifest(manifest, { ...ticket, size: other }, 'dev1'), wrong, String(other));
    }
    assert.throws(() => assertManifest(manifest, { ...ticket, manifestSha256: sha256(artifact) }, 'dev1'), wrong);
  });
});

describe('ranges of chunks', () => {
  test('are as few as there can be, and stand for the same numbers', () => {
    const indices = [0, 1, 2, 5, 7, 8];
    const ranges = rangesOf(indices);
    assert.deepEqual(ranges, [
      { first: 0, count: 3 },
      { first: 5, count: 1 },
      { first: 7, count: 2 },
    ]);
    assert.deepEqual(indicesOf(ranges, 9), indices);
    assert.deepEqual([rangesOf([]), indicesOf([], 0)], [[], []]);
  });

  test('are refused if they name more chunks than there are, or one that is not there', () => {
    const wrong = { code: 'malformed-message' };
    assert.deepEqual(indicesOf([{ first: 0, count: 3 }], 3), [0, 1, 2]);
    assert.throws(() => indicesOf([{ first: 1, count: 3 }], 3), wrong);
    assert.throws(() => indicesOf([{ first: 3, count: 1 }], 3), wrong);
    const twice = { first: 0, count: 2 };
    assert.throws(() => indicesOf([twice, twice], 3), wrong, 'the same ones again and again');
  });
});

describe('the files of a published artifact', () => {
  test('are in a directory for each application, with a file of sums as sha256sum(1) reads it', () => {
    assert.equal(publishedDirectory('/var/lib/x', 'shop'), '/var/lib/x/publish/applications/shop');
    assert.equal(artifactName('shop', '20'), 'shop-20.tar.gz');
    assert.equal(sumsOf('shop', '20', 'ab'), 'ab  shop-20.tar.gz\n');
  });
});
