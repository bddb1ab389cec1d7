import { Problem } from './errors.ts';
import type { DuplicateNode } from './ports.ts';

/** Names the two machines, their addresses, and which was there first. */
export function describeDuplicate({ identity, addresses, since }: DuplicateNode): string {
  const [first = 'an unknown address', second = 'an unknown address'] = addresses;
  const when = new Date(since).toISOString();
  return `two machines prove to be ${identity}: ${first} was there first, ${second} since ${when}`;
}

/** Why nothing is changed on a node whose name two machines prove. */
export function duplicateProblem(duplicate: DuplicateNode): Problem {
  const { identity } = duplicate;
  const hint =
    `one of them is a copy of the other: stop the copy, then “mco-deploy ca revoke ${identity}” and issue a new ` +
    'certificate; changes are allowed again ten minutes after the copy was last heard';
  return new Problem('duplicate-identity', describeDuplicate(duplicate), hint);
}
