import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Ajv } from 'ajv';
import { interpretSchema } from '../../../../src/core/ddl/interpret/schema.ts';
import { absolutePath } from '../../../../src/core/ddl/patterns.ts';
import { ajvOptions, faultsOf, type Validate } from '../../../../src/core/ddl/schema.ts';

describe('an interpreted schema', () => {
  const schema = {
    type: 'object',
    additionalProperties: false,
    required: ['name'],
    properties: {
      name: { type: 'string', minLength: 2, maxLength: 5, pattern: '^[a-zäö]+$' },
      level: { type: 'string', enum: ['low', 'high'], default: 'low' },
      count: { type: 'integer', minimum: 1, maximum: 9 },
      ratio: { type: 'number', exclusiveMinimum: 0, exclusiveMaximum: 1 },
      flag: { type: 'boolean' },
      list: { type: 'array', minItems: 1, maxItems: 2, items: { type: ['string', 'null'] } },
      map: { type: 'object', minProperties: 1, maxProperties: 2, additionalProperties: { type: 'integer' } },
      fixed: { const: 'x' },
    },
  };
  const compiled = new Ajv(ajvOptions).compile(schema) as Validate;
  const interpreted = interpretSchema(schema);

  for (const value of [
    {},
    7,
    { name: 'ada' },
    { name: 'ä' },
    { name: 'äöäöä' },
    { name: 'toolong' },
    { name: 'A1' },
    { name: 'ada', level: 'mid' },
    { name: 'ada', nam: 1 },
    { name: 'ada', count: 1.5 },
    { name: 'ada', count: 10 },
    { name: 'ada', ratio: 1 },
    { name: 'ada', flag: 'true' },
    { name: 'ada', list: [] },
    { name: 'ada', list: ['a', 7] },
    { name: 'ada', list: [null, 'a', 'b'] },
    { name: 'ada', map: {} },
    { name: 'ada', map: { a: 'x' } },
    { name: 'ada', fixed: 'y' },
    { name: 'ada', fixed: 'x', count: 3, ratio: 0.5, list: ['a'], map: { 'a/b~': 1 } },
  ]) {
    test(`accepts or refuses ${JSON.stringify(value)} as ajv does, fills in the same defaults and gives the same message`, () => {
      const [a, b] = [structuredClone(value), structuredClone(value)];
      assert.equal(interpreted(a), compiled(b));
      assert.deepEqual(a, b);
      assert.deepEqual(faultsOf(interpreted)[0], faultsOf(compiled)[0]);
    });
  }

  test('recognises addresses, and names the required kind', () => {
    const check = interpretSchema({ anyOf: [{ format: 'ipv4' }, { format: 'ipv6' }] });
    assert.ok(check('10.0.0.1') && check('::1'));
    assert.ok(!check('10.0.0'));
    assert.equal(faultsOf(check)[0]?.message, 'must be an address (ipv4) or must be an address (ipv6)');
  });

  test('matches a regex in linear time', () => {
    const check = interpretSchema({ type: 'string', pattern: '^(a+)+$' });
    assert.ok(!check(`${'a'.repeat(4000)}!`));
  });

  for (const [bad, code] of [
    [{ type: 'strong' }, 'bad-schema'],
    [{ type: { toString: '' } }, 'bad-schema'],
    [{ type: [{ toString: '' }] }, 'bad-schema'],
    [{ pattern: { a: 1 } }, 'bad-schema'],
    [{ format: 7 }, 'bad-schema'],
    [{ $ref: '#' }, 'bad-schema'],
    [{ format: 'email' }, 'bad-schema'],
    [{ properties: { constructor: 7 } }, 'bad-schema'],
    [{ pattern: '(' }, 'bad-pattern'],
    [{ maxLength: '7' }, 'bad-schema'],
    [{ toString: 1 }, 'bad-schema'],
  ] as const) {
    test(`refuses ${JSON.stringify(bad)}`, () => {
      assert.throws(() => interpretSchema(bad), { code });
    });
  }

  test('refuses a schema that is nested too deeply', () => {
    let deep: object = { type: 'string' };
    for (let level = 0; level < 20; level++) deep = { items: deep };
    assert.throws(() => interpretSchema(deep), { code: 'bad-schema' });
  });
});

describe('a fault of a value', () => {
  for (const [schema, value, words] of [
    [{ type: 'array', minItems: 1 }, [], 'must not be empty'],
    [{ type: 'array', minItems: 2 }, [1], 'must have at least 2 items'],
    [{ type: 'string', maxLength: 1 }, 'ab', 'must have at most 1 character'],
    [{ type: 'integer', minimum: 0 }, -1, 'must be at least 0'],
    [{ type: 'integer', maximum: 65535 }, 99999, 'must be at most 65535'],
    [{ type: 'number', exclusiveMinimum: 0 }, -1, 'must be more than 0'],
    [{ type: ['array', 'string'] }, 5, 'must be a list or text'],
    [{ type: 'string', pattern: '^https?://[^\\s]+$' }, 'x', 'must be a URL that begins with http:// or https://'],
    [{ type: 'string', pattern: absolutePath }, 'x', 'must be a path that begins with /'],
    [{ type: 'string', pattern: '^https?://' }, 'x', 'must be a URL that begins with http:// or https://'],
    [{ type: 'object' }, true, 'must be a map of keys and values'],
    [{ type: 'array', uniqueItems: true }, [1, 1], 'must not have an item twice'],
  ] as const) {
    test(`is in plain words: ${words}`, () => {
      const validate = new Ajv(ajvOptions).compile(schema) as Validate;
      assert.equal(validate(value), false);
      assert.deepEqual(
        faultsOf(validate).map(({ message }) => message),
        [words],
      );
    });
  }
});
