import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { makeAuthority } from '../../../../src/ca/x509/authority.ts';
import {
  keepCertificates,
  parseCertificate,
  releaseCertificate,
} from '../../../../src/core/credentials/certificate.ts';

let text: string;
before(async () => {
  text = (await makeAuthority('devco.net', Date.now())).certificate.toString();
});

/** The same certificate in many forms, other ones each time, takes as many places. */
const makeForms = (count: number) => {
  const own = '\n'.repeat(++made);
  return Array.from({ length: count }, (_, index) => Buffer.from(`${text}${own}${' '.repeat(index)}`, 'latin1'));
};
let made = 0;

test('a certificate that returns after 127 others is read once, and after more only if more are kept', () => {
  const isKeptAfter = (count: number) => {
    const [first = Buffer.alloc(0), ...others] = makeForms(1 + count);
    const known = parseCertificate(first);
    for (const one of others) parseCertificate(one);
    return parseCertificate(first) === known;
  };
  assert.deepEqual([127, 128].map(isKeptAfter), [true, false]);
  keepCertificates(500);
  keepCertificates(10);
  assert.deepEqual([499, 500].map(isKeptAfter), [true, false], 'a smaller number takes nothing back');
});

test('a certificate that is released stays while 256 or fewer are kept, and is dropped while more are', () => {
  keepCertificates(500);
  const forms = makeForms(500);
  // They take all the places, so that nothing else is kept.
  const kept = forms.map(parseCertificate);
  forms.forEach(releaseCertificate);
  const left = forms.filter((form, index) => parseCertificate(form) === kept[index]);
  assert.equal(left.length, 256);
  assert.deepEqual(left, forms.slice(-256), 'the first ones were released while there were more');
});
