import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Script } from 'node:vm';
import { groupParts } from '../../../build/program/groups.ts';
import { defineRequire, joinParts, type Member, type Part, wrap } from '../../../build/program/load.ts';
import { pack, unpack } from '../../../build/program/pack.ts';

const partOf = (source: string): Part => ({ source: wrap(source), code: undefined });
const noBuiltIns = (name: string) => assert.fail(`${name} was asked of Node`);

test('packs parts that unpack unchanged, and V8’s code is used without a copy', () => {
  const code = Buffer.from([1, 2, 3]);
  const { index, block } = pack(
    new Map<string, Part | Member>([
      ['a', partOf('“ä”')],
      ['b', { source: 'b', code }],
      ['c', { group: 'a' }],
    ]),
  );
  const bytes = block.buffer.slice(block.byteOffset, block.byteOffset + block.length) as ArrayBuffer;
  assert.deepEqual(unpack(index, bytes, 'a'), partOf('“ä”'));
  assert.deepEqual(unpack(index, bytes, 'c'), { group: 'a' });
  const b = unpack(index, bytes, 'b') as Part;
  assert.deepEqual(b, { source: 'b', code });
  assert.equal((b.code?.byteOffset ?? 1) % 16, 0);
  assert.equal(unpack(index, bytes, 'toString'), undefined);
});

test('packs V8’s code where it is used without a copy, after sources of any length', () => {
  for (let length = 1; length <= 17; length++) {
    const { index, block } = pack(new Map([['a', { source: 'x'.repeat(length), code: Buffer.from([1]) }]]));
    const bytes = block.buffer.slice(block.byteOffset, block.byteOffset + block.length) as ArrayBuffer;
    const { code } = unpack(index, bytes, 'a') as Part;
    assert.equal((code?.byteOffset ?? 1) % 16, 0, String(length));
  }
});

test('runs a part once, when it is first requested, and accepts parts that need each other', () => {
  const compiled: string[] = [];
  const parts: Record<string, Part> = {
    main: partOf('exports.early = "seen"; exports.later = () => require("./later").value;'),
    later: partOf('exports.value = require("./main").early + " by " + require("node:os");'),
  };
  const requirePart = defineRequire(
    (name) => parts[name],
    (name) => `built-in ${name}`,
    (name) => void compiled.push(name),
  );
  const main = requirePart('./main') as { later: () => string };
  assert.deepEqual(compiled, ['main']);
  assert.equal(main.later(), 'seen by built-in node:os');
  assert.equal(main.later(), 'seen by built-in node:os');
  assert.deepEqual(compiled, ['main', 'later']);
});

test('uses the code that V8 wrote for a part, and compiles the part when that code does not fit', () => {
  const rejected = (source: string, code: Buffer) => {
    let seen: boolean | undefined;
    const note = (_: string, script: Script) => {
      seen = script.cachedDataRejected;
    };
    assert.deepEqual(defineRequire(() => ({ source, code }), noBuiltIns, note)('./a'), { value: 1 });
    return seen;
  };
  const codeOf = (source: string) => new Script(source).createCachedData();
  const one = wrap('exports.value = 1;');
  const another = wrap("exports['value'] = 1;");
  assert.equal(rejected(one, codeOf(one)), false);
  assert.equal(rejected(another, codeOf(one)), true);
});

test('runs the parts of a group from one script, and all others from their own', () => {
  const compiled: string[] = [];
  const together = joinParts(
    new Map([
      ['main', wrap('exports.value = require("./near").value + require("./far").value;')],
      ['near', wrap('exports.value = 1;')],
    ]),
  );
  const parts: Record<string, Part | Member> = {
    start: { source: together, code: undefined },
    main: { group: 'start' },
    near: { group: 'start' },
    far: partOf('exports.value = require("./near").value + 1;'),
  };
  const requirePart = defineRequire(
    (name) => parts[name],
    noBuiltIns,
    (name) => void compiled.push(name),
  );
  assert.deepEqual(requirePart('./main'), { value: 3 });
  assert.deepEqual(compiled, ['start', 'far']);
});

test('groups what every start loads, what calls and daemons load, among it what only direct calls need, and what calls alone ever load', () => {
  const later = (name: string) => `Promise.resolve().then(() => require("./${name}"));`;
  const sources = new Map([
    ['both.cjs', ''],
    ['call.cjs', `require("./both.cjs"); ${later('grpc.cjs')}`],
    ['daemon.cjs', `require("./both.cjs"); require("./grpc.cjs"); ${later('rare.cjs')}`],
    ['grpc.cjs', ''],
    ['main.cjs', `require("./words.cjs"); ${later('call.cjs')} ${later('daemon.cjs')}`],
    ['other.cjs', ''],
    ['rare.cjs', ''],
    ['words.cjs', ''],
  ]);
  const start = ['main.cjs', 'words.cjs'];
  const relayed = new Set([...start, 'call.cjs', 'both.cjs', 'rare.cjs']);
  const call = new Set([...relayed, 'grpc.cjs']);
  const daemon = new Set([...start, 'daemon.cjs', 'both.cjs', 'grpc.cjs']);
  // Parts that a daemon may load later have files of their own, so that it does not load the parts of calls then.
  assert.deepEqual(Object.fromEntries(groupParts(sources, { relayed, call, daemon })), {
    start,
    shared: ['both.cjs'],
    direct: ['grpc.cjs'],
    call: ['call.cjs'],
  });
});
