import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Candidate } from '../../../../src/core/node.ts';
import { openClaimants } from '../../../../src/discovery/rumours/claimants.ts';

const at = (host: string) => ({ host, port: 5810 });
const heard = (name: string, ...hosts: string[]): Candidate => ({ name, addresses: hosts.map(at), source: 'mdns' });

describe('those who claim to be nodes', () => {
  test('are twenty thousand at most: names can be made up', () => {
    const claimants = openClaimants();
    for (let index = 0; index < 20_000; index++) assert.ok(claimants.take(heard(`fake${index}`, '10.0.0.9')));
    assert.equal(claimants.take(heard('one-more', '10.0.0.9')), undefined);
    assert.equal(claimants.all().length, 20_000);
  });

  test('are dialled once, and keep sixteen addresses at most', () => {
    const claimants = openClaimants();
    const known = claimants.take(heard('dev1', '10.0.0.1'));
    assert.ok(known);
    assert.equal(claimants.take(heard('dev1', '10.0.0.1')), undefined);
    assert.equal(claimants.take(heard('dev1', '10.0.0.2')), undefined, 'the dial that waits reads it');
    assert.deepEqual(known.candidate.addresses, [at('10.0.0.1'), at('10.0.0.2')]);
    const many = Array.from({ length: 40 }, (_, index) => `10.0.1.${index}`);
    claimants.take(heard('dev1', ...many));
    assert.equal(known.candidate.addresses.length, 16);
    assert.deepEqual(known.candidate.addresses.slice(0, 2), [at('10.0.0.1'), at('10.0.0.2')]);
  });
});
