import assert from 'node:assert/strict';
import { type KeyObject, sign, type X509Certificate } from 'node:crypto';
import { before, describe, test } from 'node:test';
import { signCertificate } from '../../../../src/ca/issue.ts';
import { crlLabel, readCrl, readCrls, signersPem, sortCrls } from '../../../../src/ca/revocation/crl.ts';
import { makeRevocationList, type RevocationReason } from '../../../../src/ca/revocation/revocation-list.ts';
import { type Authority, makeAuthority } from '../../../../src/ca/x509/authority.ts';
import { buildCertificate } from '../../../../src/ca/x509/certificate.ts';
import { element, encodeTime, integer, readChildren, readElement, tags } from '../../../../src/ca/x509/der.ts';
import { makeKeyPair } from '../../../../src/ca/x509/keys.ts';
import { decodePem, encodePem } from '../../../../src/ca/x509/pem.ts';
import { authorityProfile } from '../../../../src/ca/x509/profiles.ts';

const now = Date.UTC(2026, 5, 1);
const day = 24 * 60 * 60 * 1000;
const bytes = (hex: string) => Buffer.from(hex, 'hex');
const sequence = (...contents: Uint8Array[]) => element(tags.sequence, ...contents);

let authority: Authority;
before(async () => {
  authority = await makeAuthority('devco.net', now);
});

interface Signing {
  readonly algorithm?: Buffer;
  readonly key?: KeyObject;
}

/** A list whose signed part has other fields: version, algorithm, issuer, dates, entries, extensions. */
function listWith(change: (fields: Buffer[]) => Buffer[], { algorithm, key = authority.key }: Signing = {}): string {
  const revoked = [{ serial: '4D01', at: now, reason: 'keyCompromise' as const }];
  const [der = Buffer.alloc(0)] = decodePem(
    makeRevocationList({ revoked, number: 7, now, days: 30 }, authority),
    crlLabel,
  );
  const [tbs, usual] = readChildren(readElement(der));
  assert.ok(tbs && usual);
  const signed = sequence(...change(readChildren(tbs).map(({ whole }) => Buffer.from(whole))));
  const bits = element(tags.bitString, Buffer.of(0), sign('sha256', signed, key));
  return encodePem(sequence(signed, algorithm ?? usual.whole, bits), crlLabel);
}

const read = (pem: string) => readCrl(pem, [authority.certificate]);
const withEntries = (...entries: Buffer[]) => listWith((fields) => fields.with(5, sequence(...entries)));
const damaged = { code: 'bad-crl', message: 'the revocation list is damaged', hint: 'copy it again' };

const serialOf = (hex: string) => element(tags.integer, bytes(hex));
const date = encodeTime(now);
const extension = (oid: string, ...rest: Uint8Array[]) => sequence(element(tags.oid, bytes(oid)), ...rest);
const octets = (content: Uint8Array) => element(tags.octetString, content);
const yes = element(tags.boolean, Buffer.of(0xff));
const no = element(tags.boolean, Buffer.of(0));
const reason = (...critical: Buffer[]) =>
  sequence(extension('551d15', ...critical, octets(element(tags.enumerated, Buffer.of(1)))));
const invalidityDate = (...critical: Buffer[]) => sequence(extension('551d18', ...critical, octets(encodeTime(now))));

describe('an entry of a revocation list', () => {
  for (const [what, entry, serial] of [
    ['a date of this half of the century', sequence(serialOf('4D02'), date), '4D02'],
    ['a date of the next', sequence(serialOf('4D02'), encodeTime(Date.UTC(2055, 1, 1))), '4D02'],
    ['a reason', sequence(serialOf('4D02'), date, reason()), '4D02'],
    ['a reason that is marked as not critical', sequence(serialOf('4D02'), date, reason(no)), '4D02'],
    ['another extension that is not critical', sequence(serialOf('4D02'), date, invalidityDate()), '4D02'],
    [
      'more than 127 bytes',
      sequence(serialOf('4D02'), date, sequence(extension('551d18', octets(Buffer.alloc(120))))),
      '4D02',
    ],
    ['the longest serial', sequence(serialOf(`00${'ff'.repeat(20)}`), date), 'FF'.repeat(20)],
    ['zeros before its serial', sequence(serialOf('00004D02'), date), '4D02'],
    ['the serial 0', sequence(serialOf('00'), date), '00'],
  ] as const) {
    test(`is read with ${what}`, () => {
      const other = sequence(serialOf('4D03'), date, reason());
      const crl = read(withEntries(entry, other));
      assert.deepEqual([crl.size, crl.isRevoked(serial), crl.isRevoked('4D03')], [2, true, true]);
      assert.equal(crl.isRevoked('4D04'), false);
      assert.equal(read(withEntries(other, entry)).isRevoked(serial), true, 'at the end of the list');
    });
  }

  /** DER with a length of two bytes, which no entry needs. */
  const longForm = (content: Buffer) => Buffer.concat([bytes('308200'), Buffer.of(content.length), content]);
  const body = Buffer.concat([serialOf('4D02'), date]);
  /** 30 82 020D: by the first byte of its length alone, the rest would be a serial of 13 bytes, a date and an extension. */
  const looksLikeSerial = Buffer.concat([
    bytes('3082020d'),
    Buffer.alloc(13, 1),
    date,
    sequence(extension('551d18', octets(Buffer.alloc(89)))),
  ]);
  for (const [what, entry] of [
    ['is not a sequence', element(0x31, body)],
    [
      'has a reason in something else than a sequence',
      sequence(serialOf('4D02'), date, element(0x31, reason().subarray(2))),
    ],
    ['has a length of two bytes', longForm(body)],
    ['has a length of two bytes that looks like a serial', looksLikeSerial],
    ['begins with something else than a serial', sequence(octets(bytes('4D02')), date)],
    ['has an empty serial', sequence(serialOf(''), date)],
    ['has a serial that is too long', sequence(serialOf(`00${'ff'.repeat(21)}`), date)],
    ['ends within its serial', Buffer.concat([bytes('3004'), bytes('02144D02')])],
    ['is empty', sequence()],
    ['has no date', sequence(serialOf('4D02'))],
    ['has something else in place of a date', sequence(serialOf('4D02'), octets(Buffer.alloc(13)))],
    ['has a date that is too short', sequence(serialOf('4D02'), element(tags.utcTime, Buffer.alloc(12, '0')))],
    ['ends within its date', sequence(serialOf('4D02'), bytes('170f3030303030303030303030303030'))],
    ['has something else after its date', sequence(serialOf('4D02'), date, octets(Buffer.alloc(1)))],
    ['has something after its extensions', sequence(serialOf('4D02'), date, reason(), reason())],
    ['has an extension that is none', sequence(serialOf('4D02'), date, sequence(octets(Buffer.alloc(1))))],
  ] as const) {
    test(`makes the list unusable if it ${what}`, () => {
      const other = sequence(serialOf('4D03'), date);
      assert.throws(() => read(withEntries(entry)), damaged);
      assert.throws(() => read(withEntries(entry, other, other)), damaged, 'before others');
      assert.throws(() => read(withEntries(other, entry)), damaged, 'after another');
    });
  }

  test('makes the list unusable if the list ends within it', () => {
    const entry = sequence(serialOf('4D02'), date);
    for (let length = 1; length < entry.length; length++) {
      assert.throws(() => read(withEntries(entry, entry.subarray(0, length))), damaged, `${length}`);
    }
  });

  test('makes the list unusable with an unknown critical extension', () => {
    const words = { message: 'the revocation list has a critical extension that is not supported' };
    for (const critical of [reason(yes), invalidityDate(yes), reason(element(tags.boolean, Buffer.of(1)))]) {
      assert.throws(() => read(withEntries(sequence(serialOf('4D02'), date, critical))), words);
    }
    // The same length as the reason alone.
    const issuer = sequence(extension('551d1d', yes, octets(Buffer.alloc(0))));
    assert.equal(issuer.length, reason().length);
    assert.throws(() => read(withEntries(sequence(serialOf('4D02'), date, issuer))), words);
  });

  test('may have the minimum length, in a list of many', () => {
    const serials = Array.from({ length: 100 }, (_, index) => Buffer.of(index + 1).toString('hex'));
    const crl = read(withEntries(...serials.map((serial) => sequence(serialOf(serial), date))));
    assert.equal(crl.size, 100);
    for (const serial of serials) assert.equal(crl.isRevoked(serial), true, serial);
    assert.equal(crl.isRevoked('7F'), false);
  });

  test('contains the reason code of RFC 5280, and “unspecified” if there is none', () => {
    const codeOf = (name: RevocationReason) => {
      const pem = makeRevocationList(
        { revoked: [{ serial: '4D01', at: now, reason: name }], number: 1, now, days: 1 },
        authority,
      );
      const [der = Buffer.alloc(0)] = decodePem(pem, crlLabel);
      const [tbs] = readChildren(readElement(der));
      const [entries] = readChildren(tbs ?? assert.fail()).filter(({ tag }, at) => tag === tags.sequence && at > 4);
      const [entry] = readChildren(entries ?? assert.fail());
      const [, , extensions] = readChildren(entry ?? assert.fail());
      return extensions === undefined ? undefined : extensions.whole.at(-1);
    };
    const names = ['unspecified', 'keyCompromise', 'affiliationChanged', 'superseded'] as const;
    assert.deepEqual(names.map(codeOf), [undefined, 1, 3, 4]);
    assert.deepEqual([codeOf('cessationOfOperation'), codeOf('privilegeWithdrawn')], [5, 9]);
  });
});

describe('the other fields of a revocation list', () => {
  const badCrl = (message: string) => ({ code: 'bad-crl', message });
  const withExtensions = (...extensions: Buffer[]) =>
    listWith((fields) => fields.with(-1, element(tags.explicit0, sequence(...extensions))));
  const number = (value: Buffer, ...critical: Buffer[]) => extension('551d14', ...critical, octets(value));

  test('are a version, an issuer and two dates', () => {
    const words = badCrl('the revocation list is not of version 2');
    assert.throws(() => read(listWith((fields) => fields.with(0, integer(0)))), words);
    assert.throws(() => read(listWith((fields) => fields.with(2, octets(Buffer.alloc(1))))), damaged);
    assert.throws(() => read(listWith((fields) => fields.with(4, octets(Buffer.alloc(13))))), damaged);
    const { thisUpdate, nextUpdate } = read(listWith((fields) => fields));
    assert.deepEqual([thisUpdate, nextUpdate], [now - 5 * 60_000, now + 30 * day]);
  });

  test('include a number, which JSON can represent, among extensions', () => {
    const freshest = extension('551d2e', octets(Buffer.alloc(3, 1)));
    assert.equal(read(withExtensions(freshest, number(integer(8)))).number, 8);
    assert.equal(read(withExtensions(extension('551d2e', no, octets(Buffer.alloc(1))), number(integer(8)))).number, 8);
    assert.equal(read(withExtensions(number(integer(8), yes))).number, 8);
    assert.equal(read(withExtensions(number(bytes('02071fffffffffffff')))).number, Number.MAX_SAFE_INTEGER);
    const beyond = number(bytes('020720000000000000'));
    assert.throws(() => read(withExtensions(beyond)), badCrl('the number of the revocation list is beyond 2^53'));
    assert.throws(() => read(withExtensions(freshest)), badCrl('the revocation list has no number'));
    const critical = extension('551d2e', yes, octets(Buffer.alloc(1)));
    const words = badCrl('the revocation list has a critical extension that is not supported');
    assert.throws(() => read(withExtensions(number(integer(8)), critical)), words);
  });

  test('contain the name of the CA as its certificate has it, and no empty list of entries', () => {
    const [der = Buffer.alloc(0)] = decodePem(
      makeRevocationList({ revoked: [], number: 1, now, days: 1 }, authority),
      crlLabel,
    );
    const [tbs] = readChildren(readElement(der));
    const fields = readChildren(tbs ?? assert.fail());
    assert.equal(fields.length, 6);
    const [certificate] = readChildren(readElement(authority.certificate.raw));
    const subject = readChildren(certificate ?? assert.fail())[5];
    assert.deepEqual(fields[2]?.whole, subject?.whole);
  });
});

describe('the signature of a revocation list', () => {
  test('uses an accepted algorithm, and a key of that kind', () => {
    for (const [what, oid] of [
      ['SHA-1 with RSA', '06092a864886f70d010105'],
      ['Ed25519', '06032b6570'],
      ['SHA-256 with RSA', '06092a864886f70d01010b0500'],
    ] as const) {
      const pem = listWith((fields) => fields, { algorithm: sequence(bytes(oid)) });
      assert.throws(() => read(pem), { code: 'foreign-crl' }, what);
    }
  });

  test('cannot be checked with the key of a CA that cannot be used, which is a fault of the list', () => {
    const unusable = {
      get publicKey(): never {
        throw new TypeError('a key of another kind');
      },
    } as unknown as X509Certificate;
    const pem = listWith((fields) => fields);
    assert.throws(() => readCrl(pem, [unusable, authority.certificate]), damaged);
  });

  test('has whole bytes', () => {
    const [der = Buffer.alloc(0)] = decodePem(
      listWith((fields) => fields),
      crlLabel,
    );
    const [tbs, algorithm, signature] = readChildren(readElement(der));
    assert.ok(tbs && algorithm && signature);
    const bits = element(tags.bitString, Buffer.of(1), signature.content.subarray(1));
    const pem = encodePem(sequence(tbs.whole, algorithm.whole, bits), crlLabel);
    assert.throws(() => read(pem), { code: 'bad-crl', message: 'the signature of the revocation list is damaged' });
  });
});

describe('a file with revocation lists', () => {
  test('contains 16 at most, in 16 MiB at most', () => {
    const pem = listWith((fields) => fields);
    assert.equal(readCrls(pem.repeat(16), [authority.certificate]).length, 16);
    const many = { code: 'bad-crl', message: 'there are more than 16 lists in the file' };
    assert.throws(() => readCrls(pem.repeat(17), [authority.certificate]), many);
    const most = 16 * 1024 * 1024;
    assert.equal(read(pem.padEnd(most, '\n')).number, 7);
    const large = { code: 'bad-crl', message: `the revocation list is larger than ${most} bytes` };
    assert.throws(() => read(pem.padEnd(most + 1, '\n')), large);
  });

  test('names its lists of unknown CAs separately', async () => {
    const other = await makeAuthority('devco.net', now);
    const foreign = makeRevocationList({ revoked: [], number: 1, now, days: 1 }, other);
    const { crls, unknown } = sortCrls(listWith((fields) => fields) + foreign, [authority.certificate]);
    assert.deepEqual([crls.length, unknown], [1, decodePem(foreign, crlLabel)]);
  });
});

describe('certificates in the same file as lists', () => {
  /** Root, a CA below it, one below that, and one below that. */
  async function makeChain() {
    const certify = async (pathLength: number, by?: Authority): Promise<Authority> => {
      const { publicKey, privateKey: key } = makeKeyPair();
      const certificate = await buildCertificate({
        profile: { ...authorityProfile, pathLength },
        realm: 'devco.net',
        name: '',
        commonName: `CA ${pathLength} ${Math.random()}`,
        publicKey,
        signingKey: by?.key ?? key,
        notBefore: now,
        notAfter: now + day,
        ...(by === undefined ? {} : { issuer: by.certificate }),
      });
      return { realm: 'devco.net', certificate, key };
    };
    const root = await certify(3);
    const middle = await certify(2, root);
    const third = await certify(1, middle);
    return { root, middle, third, last: await certify(0, third) };
  }
  const listOf = (by: Authority) => makeRevocationList({ revoked: [], number: 1, now, days: 1 }, by);

  test('lead to the root in any order, and are written with the lists, without the root', async (t) => {
    for (const order of [
      ['last', 'third', 'middle'],
      ['last', 'middle', 'third'],
      ['third', 'last', 'middle'],
      ['third', 'middle', 'last'],
      ['middle', 'last', 'third'],
      ['middle', 'third', 'last'],
    ] as const) {
      await t.test(order.join(), async () => {
        const chain = await makeChain();
        const authorities = [chain.root.certificate];
        const beside = order.map((name) => chain[name].certificate.toString());
        const crls = readCrls(listOf(chain.last) + beside.join(''), authorities);
        assert.equal(crls[0]?.issuerFingerprint, chain.last.certificate.fingerprint256);
        const all = [chain.last, chain.third, chain.middle].map(({ certificate }) => certificate.toString());
        assert.equal(signersPem(crls, authorities), all.join(''));
        const [own] = readCrls(listOf(chain.root), authorities);
        assert.equal(signersPem([own ?? assert.fail()], authorities), '');
        assert.equal(signersPem([...crls, ...crls], authorities), all.join(''), 'each once');
        assert.equal(signersPem(crls, []), all[0], 'as far as they lead');
      });
    }
  });

  test('prove nothing if they do not lead to a trusted root', async () => {
    const stranger = await makeAuthority('devco.net', now);
    const { root, middle } = await makeChain();
    for (const [by, beside] of [
      [stranger, String(stranger.certificate)],
      [middle, String(middle.certificate) + String(root.certificate)],
    ] as const) {
      const { crls, unknown } = sortCrls(listOf(by) + beside, [authority.certificate]);
      assert.deepEqual([crls, unknown.length], [[], 1]);
    }
  });

  test('are of CAs, and 16 at most', async () => {
    const { root, middle } = await makeChain();
    const authorities = [root.certificate];
    const { publicKey, privateKey: key } = makeKeyPair();
    const validity = { notBefore: now, notAfter: now + day };
    const certificate = await signCertificate({ kind: 'node', name: 'dev2.devco.net', publicKey }, validity, root);
    const node = { realm: 'devco.net', certificate, key };
    assert.throws(() => readCrls(listOf(node) + certificate, authorities), { code: 'foreign-crl' });
    const broken = encodePem(Buffer.from('x'), 'CERTIFICATE');
    const beside = (others: number) => listOf(middle) + broken.repeat(others) + middle.certificate;
    assert.throws(() => readCrls(beside(16), authorities), { code: 'foreign-crl' });
    assert.equal(readCrls(beside(15), authorities).length, 1);
  });
});
