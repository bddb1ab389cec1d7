import { caCrashes } from '../../support/faults/ca-crashes.ts';
import { makeCaEstate } from '../../support/faults/ca-estate.ts';
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { readLists } from '../../../src/ca/store/records.ts';
import { openStore } from '../../../src/ca/store/store.ts';

// test/matrix/ca-crash.test.ts tries each way.
describe('a CA command that is interrupted at any change of the disk', () => {
  caCrashes.revoke(['kill']);
  caCrashes.rollover(['power']);
  caCrashes.finish(['kill']);
  caCrashes.sign(['kill']);
  caCrashes.takeOver(['power']);
});

describe('a lost number of revocation lists', () => {
  const numberAfter = async (spoil: (dir: string) => void) => {
    using ca = makeCaEstate();
    await ca.init();
    // The first one was made with the CA.
    for (let number = 2; number <= 5; number++) await ca.list();
    spoil(ca.dir);
    await ca.list();
    const [list] = await readLists(await openStore(ca.dir));
    return list?.number ?? 0;
  };
  for (const [what, text] of [
    ['was set back', '2\n'],
    ['is empty', ''],
    ['holds something else', 'x\n'],
  ] as const) {
    test(`is read from the last list if its file ${what}`, async () => {
      assert.equal(await numberAfter((dir) => writeFileSync(join(dir, 'crl-number'), text)), 6);
    });
  }

  test('becomes higher than any count if the last list is lost, too', async () => {
    const number = await numberAfter((dir) => {
      for (const name of ['crl-number', 'crl.pem']) rmSync(join(dir, name));
    });
    assert.ok(number > 1_700_000_000, String(number));
  });
});
