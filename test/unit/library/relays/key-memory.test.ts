import assert from 'node:assert/strict';
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { openKeyMemory, type RememberedKey } from '../../../../src/library/relays/key-memory.ts';

const bytes = (text: string) => Buffer.from(text);
const remembered = (key: string, relay = 'local'): RememberedKey => ({
  signed: { key: bytes(key), signature: bytes('signature'), chain: [bytes('leaf'), bytes('intermediate')] },
  issuers: ['AA:BB'],
  relay,
  path: ['bastion.devco.net'],
});
const privateKey = () => generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;

describe('the memory of keys', () => {
  let directory: string;
  let file: string;
  let own: KeyObject;
  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'mco-keys-'));
    file = join(directory, 'keys');
    own = privateKey();
  });
  after(() => rm(directory, { recursive: true }));

  const open = (key = own) => openKeyMemory(file, () => key);
  const begin = async () => {
    await rm(file, { force: true });
    const memory = open();
    memory.learn('dev1.devco.net', remembered('one'));
    memory.learn('dev2.devco.net', remembered('two', 'bastion.devco.net'));
    await memory.save();
  };

  test('has what earlier commands learned, byte for byte, in a file of the operator alone', async () => {
    await begin();
    assert.deepEqual(open().recall('dev1.devco.net'), remembered('one'));
    assert.deepEqual(open().recall('dev2.devco.net'), remembered('two', 'bastion.devco.net'));
    assert.equal(open().recall('dev3.devco.net'), undefined);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
  });

  test('holds a key only if every byte of it, of its signature and of its certificates is the same', async () => {
    await begin();
    const { signed } = remembered('one');
    assert.ok(open().holds('dev1.devco.net', signed));
    const others = [
      { ...signed, key: bytes('two') },
      { ...signed, signature: bytes('another') },
      { ...signed, chain: [bytes('leaf')] },
      { ...signed, chain: [bytes('leaf'), bytes('another')] },
    ];
    for (const other of others) assert.equal(open().holds('dev1.devco.net', other), undefined);
    assert.equal(open().holds('dev2.devco.net', signed), undefined);
  });

  test('is empty for another operator', async () => {
    await begin();
    assert.equal(open(privateKey()).recall('dev1.devco.net'), undefined);
  });

  test('is empty if a byte of the file was changed, or a part is missing', async () => {
    await begin();
    const text = await readFile(file);
    const changed = [...text.keys()]
      .filter((at) => at % 7 === 0)
      .map((at) => {
        const copy = Buffer.from(text);
        copy[at] = (copy[at] ?? 0) ^ 1;
        return copy;
      });
    const lines = text.toString().split('\n');
    const damaged = [
      ...changed,
      text.subarray(0, -40),
      bytes(''),
      bytes('\n'),
      bytes([lines[0], lines[1], ''].join('\n')),
    ];
    for (const content of damaged) {
      await writeFile(file, content);
      assert.equal(open().recall('dev1.devco.net'), undefined);
      assert.equal(open().recall('dev2.devco.net'), undefined);
    }
  });

  test('begins again over a damaged file, and over none', async () => {
    await writeFile(file, 'damaged');
    const memory = open();
    memory.learn('dev1.devco.net', remembered('one'));
    await memory.save();
    assert.deepEqual(open().recall('dev1.devco.net'), remembered('one'));
  });

  test('keeps what other commands wrote meanwhile, and the newest key of each node', async () => {
    await begin();
    const [one, other] = [open(), open()];
    one.learn('dev1.devco.net', remembered('newer'));
    other.learn('dev3.devco.net', remembered('three'));
    await other.save();
    await one.save();
    const keys = ['dev1', 'dev2', 'dev3'].map((name) => open().recall(`${name}.devco.net`)?.signed.key.toString());
    assert.deepEqual(keys, ['newer', 'two', 'three']);
  });

  test('writes nothing if nothing is new, and fails nothing if it cannot be written', async () => {
    await begin();
    const before = await stat(file, { bigint: true });
    const memory = open();
    memory.learn('dev1.devco.net', remembered('one'));
    await memory.save();
    assert.equal((await stat(file, { bigint: true })).mtimeNs, before.mtimeNs);
    const nowhere = openKeyMemory(join(file, 'below'), () => own);
    nowhere.learn('dev1.devco.net', remembered('one'));
    await nowhere.save();
    assert.deepEqual(nowhere.recall('dev1.devco.net'), remembered('one'));
  });
});
