import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { openPlaces, type Rumour } from '../../../../src/discovery/rumours/places.ts';

const rumour = (sender: string, host: string): Rumour => ({
  sender,
  host,
  isWanted: () => true,
  dial: () => assert.fail('nothing is dialled here'),
});

describe('places for dials of names that were only heard', () => {
  test('are free for the first dial of a sender and to a host, though all are taken', () => {
    const places = openPlaces(1);
    places.take(rumour('a', '1'));
    assert.equal(places.isFreeFor(rumour('b', '2')), true);
    assert.equal(places.isFreeFor(rumour('a', '2')), false, 'another of this sender');
    assert.equal(places.isFreeFor(rumour('b', '1')), false, 'another to this host');
  });

  test('are two for each sender and host, and one more after each node that proved itself there', () => {
    const places = openPlaces(32);
    const first = places.take(rumour('a', '1'));
    const second = places.take(rumour('a', '2'));
    assert.equal(places.isFreeFor(rumour('a', '3')), false);
    first.release(false);
    assert.equal(places.isFreeFor(rumour('a', '3')), true);
    places.take(rumour('a', '3'));
    assert.equal(places.isFreeFor(rumour('a', '4')), false);
    second.release(true);
    places.take(rumour('a', '4'));
    assert.equal(places.isFreeFor(rumour('a', '5')), true, 'three after a success');
    places.take(rumour('a', '5'));
    assert.equal(places.isFreeFor(rumour('a', '6')), false);
  });

  test('are lent by dials that hang, which nevertheless count: theirs is not the first dial any more', () => {
    const places = openPlaces(1);
    const hanging = places.take(rumour('a', '1'));
    assert.equal(hanging.lend(), true);
    assert.equal(places.isFreeFor(rumour('a', '1')), true);
    places.take(rumour('b', '2'));
    assert.equal(places.isFreeFor(rumour('a', '1')), false);
    hanging.release(false);
    assert.equal(places.isFreeFor(rumour('a', '1')), true, 'nothing of it is being dialled');
  });

  test('are lent by sixty-four at once at most, and then full', () => {
    const places = openPlaces(2);
    const taken = Array.from({ length: 66 }, (_, index) => places.take(rumour(`s${index}`, `h${index}`)));
    assert.equal(places.isFull(), true);
    const lent = taken.map((place) => place.lend());
    assert.deepEqual([lent.filter((isLent) => isLent).length, lent.slice(64)], [64, [false, false]]);
    taken[0]?.release(false);
    assert.equal(places.isFull(), false);
    assert.equal(taken[64]?.lend(), true);
  });
});
