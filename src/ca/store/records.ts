import { Problem } from '../../core/errors.ts';
import { readIfThere, writeWhole } from './files.ts';
import { formatIssued, type Issued, parseIssued } from './issued.ts';
import { withLock } from './lock.ts';
import { pathsIn, type Store } from './store.ts';

/** @throws Problem `bad-index`, `unreadable-file` */
export async function readIssued({ directory }: Store): Promise<Issued[]> {
  const { issued } = pathsIn(directory);
  return parseIssued((await readIfThere(issued)) ?? '', issued);
}

/** Changes what is written of the issued certificates; two programs at once don't lose each other's change. */
export function changeIssued(store: Store, change: (entries: Issued[]) => readonly Issued[]): Promise<void> {
  return withLock(store.directory, async () => {
    const content = formatIssued(change(await readIssued(store)));
    await writeWhole({ path: pathsIn(store.directory).issued, content, mode: 0o600, replace: true });
  });
}

export async function readStoredCrl({ directory }: Store): Promise<string | undefined> {
  return readIfThere(pathsIn(directory).crl);
}

/** Makes the next list and keeps it; the number is used up even when making it fails, so that none is given twice. */
export function writeNextCrl(
  store: Store,
  make: (number: number, entries: readonly Issued[]) => string,
): Promise<string> {
  const paths = pathsIn(store.directory);
  return withLock(store.directory, async () => {
    const number = Number((await readIfThere(paths.crlNumber)) ?? '0') + 1;
    if (!Number.isSafeInteger(number)) throw new Problem('bad-ca', `${paths.crlNumber} holds no number`);
    await writeWhole({ path: paths.crlNumber, content: `${number}\n`, mode: 0o600, replace: true });
    const pem = make(number, await readIssued(store));
    await writeWhole({ path: paths.crl, content: pem, mode: 0o644, replace: true });
    return pem;
  });
}
