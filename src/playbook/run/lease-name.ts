/** The lease that a run takes before it changes anything. */
import { leaseNamePattern } from '../../core/request/lease.ts';
import { toText } from '../expressions/template.ts';

const name = new RegExp(leaseNamePattern);
/** Characters of a list of names. */
const longestList = 100;

/**
 * The cluster if the inputs name one, whatever its backends: two runs over the same servers exclude each other. Else
 * the list of backends, in order; else the playbook's name.
 */
export function nameLease(playbook: string, inputs: Readonly<Record<string, unknown>>): string {
  if (isGiven(inputs.cluster)) return toLeaseName(toText(inputs.cluster));
  return toLeaseName(isGiven(inputs.backend) ? toText(inputs.backend) : playbook);
}

function isGiven(input: unknown): boolean {
  return typeof input === 'string' && input !== '';
}

/** Characters that the name of a lease must not contain become `_`. A list that is too long stands for everything. */
export function toLeaseName(text: string): string {
  const plain = text.split('/', 4).map(toPart).join('/');
  return name.test(plain) ? plain : '_';
}

function toPart(text: string): string {
  const names = text.split(',').map((one) => one.replace(/[^A-Za-z0-9_.:@*-]/g, '_').slice(0, 40) || '_');
  const list = [...new Set(names)].sort().join(',');
  return list.length <= longestList ? list : '*';
}
