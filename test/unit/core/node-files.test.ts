import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { Problem } from '../../../src/core/errors.ts';
import { fileKinds, isFileKind, pathIn, takesEffect } from '../../../src/core/node-files/kinds.ts';
import { digestFiles, listNodeFiles, type NodeFile, readRegular, sumOf } from '../../../src/core/node-files/list.ts';
import { formatManifest, parseManifest } from '../../../src/core/node-files/manifest.ts';
import { decodeMessage, decodeReply, encodeMessage, encodeReply } from '../../../src/core/node-files/message.ts';
import { pendingFile, readPending, readReturned } from '../../../src/core/node-files/pending.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';

/** Files by their paths below a new directory. */
function directoryWith(files: Readonly<Record<string, string>>): string {
  const directory = temporaryDirectory();
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), content);
  }
  return directory;
}

describe('the files of a node that may be written over the fabric', () => {
  test('have a kind and a name of its form: anything else cannot be named', () => {
    for (const [kind, name, path] of [
      ['settings', 'node.yaml', 'node.yaml'],
      ['policies', 'probe.policy', 'policies/probe.policy'],
      ['policies', 'groups', 'policies/groups'],
      ['facts', 'site.json', 'facts.d/site.json'],
      ['classes', 'classes.txt', 'classes.txt'],
      ['checks', 'nrpe.cfg', 'nrpe.cfg'],
      ['hooks', 'after-switch', 'hooks/after-switch'],
      ['settings', 'helper.yaml', undefined],
      ['settings', 'node.yaml.old', undefined],
      ['policies', '../node.policy', undefined],
      ['facts', 'site.sh', undefined],
      ['classes', 'my-classes.txt', undefined],
      ['checks', 'nrpe.cfg/x', undefined],
      ['hooks', '.hidden', undefined],
      ['hooks', '../key.pem', undefined],
    ] as const) {
      assert.equal(pathIn(kind, name), path, `${kind}/${name}`);
    }
    assert.deepEqual([...fileKinds, 'keys', undefined].map(isFileKind), [
      true,
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    const effects = fileKinds.map((kind) => `${kind}: ${takesEffect[kind]}`);
    assert.deepEqual(effects, [
      'settings: restart',
      'policies: reload',
      'facts: reload',
      'classes: reload',
      'checks: at-once',
      'hooks: at-once',
    ]);
  });

  test('are listed by kind and name, without links, directories and files of other names', async () => {
    const directory = directoryWith({
      'node.yaml': 'n',
      'classes.txt': 'c',
      'key.pem': 'secret',
      'policies/b.policy': 'b',
      'policies/a.policy': 'a',
      'policies/README': 'no',
      'facts.d/site.yaml': 'f',
    });
    symlinkSync(join(directory, 'key.pem'), join(directory, 'nrpe.cfg'));
    mkdirSync(join(directory, 'policies/c.policy'));
    assert.deepEqual(await listNodeFiles(directory), [
      { kind: 'settings', name: 'node.yaml', content: 'n' },
      { kind: 'policies', name: 'a.policy', content: 'a' },
      { kind: 'policies', name: 'b.policy', content: 'b' },
      { kind: 'facts', name: 'site.yaml', content: 'f' },
      { kind: 'classes', name: 'classes.txt', content: 'c' },
    ]);
    writeFileSync(join(directory, 'hooks'), 'not a directory');
    await assert.rejects(listNodeFiles(directory), { code: 'ENOTDIR' });
  });

  test('are read only where they are regular files', async () => {
    const directory = directoryWith({ file: 'text' });
    symlinkSync(join(directory, 'file'), join(directory, 'link'));
    assert.deepEqual(
      [await readRegular(join(directory, 'file')), await readRegular(join(directory, 'no'))],
      ['text', undefined],
    );
    await assert.rejects(readRegular(join(directory, 'link')), { code: 'ELOOP' });
  });

  test('have one sum in any order, and another one with each change', () => {
    const one: NodeFile = { kind: 'facts', name: 'a.json', content: '1' };
    const two: NodeFile = { kind: 'classes', name: 'classes.txt', content: '2' };
    assert.equal(digestFiles([one, two]), digestFiles([two, one]));
    for (const other of [[one], [one, { ...two, content: '3' }], [{ ...one, name: 'b.json' }, two], []]) {
      assert.notEqual(digestFiles([one, two]), digestFiles(other));
    }
    assert.equal(digestFiles([one]), sumOf(`facts/a.json ${sumOf('1')}\n`));
  });
});

describe('the list of what was applied', () => {
  const [a, b] = ['a'.repeat(64), 'b'.repeat(64)];

  test('has the sums by their paths, in order', () => {
    const text = formatManifest({ '/z': a, '/b': b });
    assert.equal(text, `{\n  "files": {\n    "/b": "${b}",\n    "/z": "${a}"\n  }\n}\n`);
    assert.deepEqual(parseManifest(text), { '/b': b, '/z': a });
  });

  test('counts as empty if it is not one, and leaves out what is not a sum', () => {
    for (const text of ['', 'no', '[]', 'null', '{}', '{"files": 7}', '{"files": null}']) {
      assert.deepEqual(parseManifest(text), {}, text);
    }
    assert.deepEqual(parseManifest(JSON.stringify({ files: { '/a': a, '/b': 7, '/c': `${a}a`, '/d': 'x' } })), {
      '/a': a,
    });
  });
});

describe('a message between the daemon and its helper', () => {
  const bytes = (text: string) => Buffer.from(text);
  const signed = {
    request: bytes('request'),
    signature: bytes('signature'),
    chain: [bytes('leaf'), bytes('issuer')],
    sensitive: { files: { salt: bytes('salt'), value: bytes('value') } },
  };
  const whole = { type: 'request', instance: 'i', signed } as const;

  test('is one line, and the same when it is read again', () => {
    for (const message of [whole, { type: 'return' }] as const) {
      const line = encodeMessage(message);
      assert.match(line, /^[^\n]+\n$/);
      assert.deepEqual(decodeMessage(line), message);
    }
  });

  test('without values has none, so that no signature over it holds', () => {
    const none = { request: bytes(''), signature: bytes(''), chain: [], sensitive: {} };
    const read = decodeMessage('{"type": "request", "instance": "i", "signed": {"chain": 7, "sensitive": "x"}}');
    assert.deepEqual(read, { type: 'request', instance: 'i', signed: none });
    const odd = decodeMessage('{"type": "request", "instance": "i", "signed": {"request": 7, "sensitive": [7]}}');
    const unnamed = { undefined: { salt: bytes(''), value: bytes('') } };
    assert.deepEqual(odd, { type: 'request', instance: 'i', signed: { ...none, sensitive: unnamed } });
  });

  test('is refused if it is not one that the helper knows', () => {
    const line = encodeMessage(whole);
    assert.equal(decodeMessage(line.replace('"i"', `"${'i'.repeat(64)}"`)).type, 'request');
    for (const wrong of [
      '',
      '7',
      '[]',
      'null',
      '{}',
      line.replace('request', 'other'),
      line.replace('"i"', '7'),
      line.replace('"i"', `"${'i'.repeat(65)}"`),
      '{"type": "request", "instance": "i", "signed": 7}',
    ]) {
      assert.throws(() => decodeMessage(wrong), { code: 'malformed-message' }, wrong);
    }
  });

  test('has a reply with its output, or the problem with its hint', () => {
    assert.deepEqual(decodeReply(encodeReply({ ok: { effect: 'reload' } })), { effect: 'reload' });
    const problem = new Problem('policy-denied', 'no right', 'ask for it');
    const refused = encodeReply({ problem });
    assert.match(refused, /^[^\n]+\n$/);
    assert.throws(() => decodeReply(refused), { code: 'policy-denied', message: 'no right', hint: 'ask for it' });
    for (const nothing of ['', '7', '{}', '{"ok": 7}', '{"problem": 7}', 'null']) {
      assert.throws(() => decodeReply(nothing), { code: 'no-helper', message: 'the helper did not reply' }, nothing);
    }
  });
});

describe('what the helper stores about a change', () => {
  test('is read as it was written; what is not whole counts as none', async () => {
    const pending = { change: 'c', operator: 'rip', until: 7, files: [] };
    const [waiting, returned] = ['.apply/pending.json', '.apply/returned.json'];
    const directory = directoryWith({ [waiting]: JSON.stringify(pending), [returned]: '{"change": "c", "why": "w"}' });
    assert.deepEqual(await readPending(directory), pending);
    assert.deepEqual(await readReturned(directory), { change: 'c', why: 'w' });
    for (const text of ['7', 'null', '{"files": []}', '{"change": 7, "files": []}', '{"change": "c"}']) {
      for (const path of [waiting, returned]) writeFileSync(join(directory, path), text.replace('"c"', '7'));
      assert.equal(await readReturned(directory), undefined, text);
      writeFileSync(join(directory, waiting), text);
      assert.equal(await readPending(directory), undefined, text);
    }
    for (const path of [waiting, returned]) writeFileSync(join(directory, path), '{');
    await assert.rejects(readPending(directory), SyntaxError);
    assert.equal(await readReturned(directory), undefined);
    for (const path of [waiting, returned]) rmSync(join(directory, path));
    assert.deepEqual([await readPending(directory), await readReturned(directory)], [undefined, undefined]);
    assert.equal(pendingFile(directory), join(directory, waiting));
  });
});
