import { describe } from 'node:test';
import { caCrashes } from '../support/faults/ca-crashes.ts';
import { crashKinds } from '../support/faults/crash.ts';

describe('a CA command that is interrupted at any change of the disk, in any way', () => {
  for (const define of Object.values(caCrashes)) define(crashKinds);
});
