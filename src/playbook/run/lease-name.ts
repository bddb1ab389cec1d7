/** The lease that a run takes before it changes anything. */
import { leaseNamePattern } from '../../core/request/lease.ts';
import { toText } from '../expressions/template.ts';

const name = new RegExp(leaseNamePattern);

/** `backend/cluster` where the inputs name them, else what there is of them, else the playbook’s name. */
export function nameLease(playbook: string, inputs: Readonly<Record<string, unknown>>): string {
  const parts = [inputs.backend, inputs.cluster].filter((part) => typeof part === 'string' && part !== '');
  return toLeaseName(parts.length === 0 ? playbook : parts.map(toText).join('/'));
}

/** What can’t stand in the name of a lease becomes `_`. */
export function toLeaseName(text: string): string {
  const plain = text
    .split('/', 4)
    .map((part) => part.replace(/[^A-Za-z0-9_.:@-]/g, '_').slice(0, 40) || '_')
    .join('/');
  return name.test(plain) ? plain : '_';
}
