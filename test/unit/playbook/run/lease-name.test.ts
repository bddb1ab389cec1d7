import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { leasesOverlap } from '../../../../src/core/request/lease.ts';
import { nameLease, toLeaseName } from '../../../../src/playbook/run/lease-name.ts';

describe('the name of a lease', () => {
  const cases: readonly (readonly [Record<string, unknown>, string])[] = [
    [{ cluster: 'bravo' }, 'bravo'],
    [{ cluster: 'bravo', backend: 'app' }, 'bravo'],
    [{ cluster: 'bravo', backend: 'static,app' }, 'bravo'],
    [{ cluster: '', backend: 'static,app,app' }, 'app,static'],
    [{ backend: 'app' }, 'app'],
    [{}, 'upgrade'],
    [{ backend: null }, 'upgrade'],
  ];
  for (const [inputs, expected] of cases) {
    test(`is ${expected} with ${JSON.stringify(inputs)}`, () => assert.equal(nameLease('upgrade', inputs), expected));
  }

  test('covers all backends if there are too many to list', () => {
    const many = Array.from({ length: 40 }, (_, index) => `backend${index}`).join(',');
    assert.equal(toLeaseName(many), '*');
  });

  test('contains no character that a lease must not have', () => {
    assert.equal(toLeaseName('rip & co/a b,,c'), 'rip___co/_,a_b,c');
  });
});

describe('two leases', () => {
  const cases: readonly (readonly [string, string, boolean])[] = [
    ['bravo', 'bravo', true],
    ['bravo', 'alfa', false],
    ['app,static', 'static', true],
    ['app,static', 'ws,static,x', true],
    ['app,static', 'ap,stati', false],
    ['*', 'app', true],
    ['app/bravo', 'app,static/bravo', true],
    ['app/bravo', 'app/alfa', false],
    ['app/bravo', 'app', false],
    ['bravo', 'BRAVO', true],
    ['App,static', 'ws,app', true],
    ['7', '07.0', true],
    ['7', '8', false],
    ['7', 'seven', false],
  ];
  for (const [one, other, expected] of cases) {
    test(`${one} and ${other} ${expected ? 'exclude each other' : 'do not exclude each other'}`, () => {
      assert.equal(leasesOverlap(one, other), expected);
      assert.equal(leasesOverlap(other, one), expected);
    });
  }
});
