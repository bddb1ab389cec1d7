import { Problem } from '../../core/errors.ts';
import { writeWhole } from './files.ts';
import { readIfThere } from '../../core/files/if-there.ts';
import { formatIssued, type Issued, parseIssued } from './issued.ts';
import { withLock } from './lock.ts';
import { type Crl, crlLabel, readCrls, signersPem, sortCrls } from '../revocation/crl.ts';
import { encodePem } from '../x509/pem.ts';
import { pathsIn } from './paths.ts';
import { knownAuthorities, type Store } from './store.ts';

/** @throws Problem `bad-index`, `unreadable-file` */
export async function readIssued({ directory }: Store): Promise<Issued[]> {
  const { issued } = pathsIn(directory);
  return parseIssued((await readIfThere(issued)) ?? '', issued);
}

/** Changes the records of issued certificates; two programs at once do not lose each other's change. */
export function changeIssued(store: Store, change: (entries: Issued[]) => readonly Issued[]): Promise<void> {
  return withLock(store.directory, async () => {
    const content = formatIssued(change(await readIssued(store)));
    await writeWhole({ path: pathsIn(store.directory).issued, content, mode: 0o600, replace: true });
  });
}

export async function readStoredCrl({ directory }: Store): Promise<string | undefined> {
  return readIfThere(pathsIn(directory).crl);
}

/**
 * The lists of the CAs above this one and above those that it replaced. @throws Problem `bad-crl`, `unreadable-file`
 */
export async function readRootLists(store: Store): Promise<readonly Crl[]> {
  const pem = await readIfThere(pathsIn(store.directory).rootCrl);
  return pem === undefined ? [] : sortCrls(pem, knownAuthorities(store)).crls;
}

export function formatLists(lists: readonly Crl[]): string {
  return lists.map(({ raw }) => encodePem(raw, crlLabel)).join('');
}

/**
 * Makes the next list and stores it, with the lists of the CAs above and the certificates that prove their signers; the
 * number is used up even when making it fails, so that none is repeated.
 */
export function writeNextCrl(
  store: Store,
  make: (number: number, entries: readonly Issued[]) => string,
): Promise<string> {
  const paths = pathsIn(store.directory);
  return withLock(store.directory, async () => {
    const number = (await lastNumber(store)) + 1;
    await writeWhole({ path: paths.crlNumber, content: `${number}\n`, mode: 0o600, replace: true });
    const above = await readRootLists(store);
    const lists = `${make(number, await readIssued(store))}${formatLists(above)}`;
    const known = knownAuthorities(store);
    const pem = `${lists}${signersPem(sortCrls(lists, known).crls, known)}`;
    await writeWhole({ path: paths.crl, content: pem, mode: 0o644, replace: true });
    return pem;
  });
}

/**
 * The highest number that a list can have had: a node accepts no list with a lower one. If neither the number nor a
 * list is left, the seconds since the epoch are higher than any count.
 */
async function lastNumber(store: Store): Promise<number> {
  const text = (await readIfThere(pathsIn(store.directory).crlNumber))?.trim() ?? '';
  const kept = /^\d{1,15}$/.test(text) ? [Number(text)] : [];
  const listed = (await readLists(store)).map(({ number }) => number);
  const known = [...kept, ...listed];
  return known.length > 0 ? Math.max(...known) : Math.floor(Date.now() / 1000);
}

/** The latest lists; none if there is no file, or only a damaged one. */
export async function readLists(store: Store): Promise<readonly Crl[]> {
  const pem = await readStoredCrl(store);
  if (pem === undefined) return [];
  const known = knownAuthorities(store);
  try {
    return readCrls(pem, known).filter(({ issuer }) => known.includes(issuer));
  } catch (error) {
    if (error instanceof Problem) return [];
    throw error;
  }
}
