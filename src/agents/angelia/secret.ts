import { explainErrno } from '../../core/errors.ts';
import { readRegular } from '../../core/files/read-input.ts';
import { DeliveryFailure } from './channels/failure.ts';

/** A secret in a separate file, read at each use, so that it can be changed at any time. */
export async function readSecret(file: string): Promise<string> {
  try {
    const text = (await readRegular(file)).toString('utf8').replace(/\r?\n$/, '');
    if (text !== '' && text.length <= 4096 && !/[\r\n\0]/.test(text)) return text;
  } catch (cause) {
    throw new DeliveryFailure(`${file} cannot be read: ${explainErrno(cause)}`, false, 0, { cause });
  }
  throw new DeliveryFailure(`${file} does not hold a secret on one line`, false);
}

/** CA certificates, also read again for every try. @throws DeliveryFailure */
export async function readAuthorities(file: string): Promise<string> {
  try {
    return (await readRegular(file)).toString('utf8');
  } catch (cause) {
    throw new DeliveryFailure(`${file} cannot be read: ${explainErrno(cause)}`, false, 0, { cause });
  }
}
