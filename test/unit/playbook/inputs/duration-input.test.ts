import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bindInputs } from '../../../../src/playbook/inputs/inputs.ts';

const playbook = { name: 'x', inputs: { soak: { type: 'duration' } } } as const;

test('an input may be a duration, as text or in seconds', () => {
  for (const given of ['10s', '500ms', '2m', '24h', '5', 5]) {
    assert.equal(bindInputs(playbook, { soak: given }).soak, String(given));
  }
});

for (const given of ['', 's', '10 s', '-1s', '25h', '1d', true, -1]) {
  test(`a duration cannot be ${JSON.stringify(given)}`, () => {
    assert.throws(() => bindInputs(playbook, { soak: given }), { code: 'bad-input' });
  });
}
