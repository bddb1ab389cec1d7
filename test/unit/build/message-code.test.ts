import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { writeMessage } from '../../../build/protocol/message.ts';
import { type Namespace, protobuf, type Type } from '../../../build/protocol/protobuf.ts';

function write(nested: object): string {
  const root = protobuf.Root.fromJSON({ nested });
  root.resolveAll();
  const types = root.nestedArray as Type[];
  return writeMessage(types[0] as Type, new Map<Namespace, string>(types.map((type) => [type, type.name])));
}

describe('the code of a message', () => {
  test('is not written for a message that contains itself: broken bytes would nest without an end', () => {
    const inner = { fields: { tree: { type: 'Tree', id: 1 } } };
    assert.throws(() => write({ Tree: { fields: { inner: { type: 'Inner', id: 1 } } }, Inner: inner }), {
      message: '.Tree contains itself: its reader would need a limit',
    });
  });

  test('is written for a message that contains another one twice', () => {
    const fields = { one: { type: 'Leaf', id: 1 }, other: { type: 'Leaf', id: 2 } };
    assert.match(write({ Pair: { fields }, Leaf: { fields: {} } }), /case 2: value\.other = readWithin\(Leaf, r\)/);
  });

  for (const [what, field] of [
    ['a list of numbers', { rule: 'repeated', type: 'uint32', id: 1 }],
    ['a number with a fraction', { type: 'double', id: 1 }],
    ['a map with texts as its values', { keyType: 'string', type: 'string', id: 1 }],
    ['a map with numbers as its keys', { keyType: 'uint32', type: 'string', id: 1 }],
  ] as const)
    test(`is not written for ${what}, which no message has`, () => {
      const message = `no code can be written for the field value of type ${field.type}`;
      assert.throws(() => write({ Message: { fields: { value: field } } }), { message });
    });
});
