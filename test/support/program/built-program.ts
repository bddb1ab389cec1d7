import { existsSync } from 'node:fs';
import { join } from 'node:path';

const place = 'build/out/mco-deploy';

/** The built program. @throws with what to type where it is not built: `npm test` does that, a single file does not */
export function builtProgram(): string {
  const program = join(import.meta.dirname, '../../..', place);
  if (existsSync(program)) return program;
  throw new Error(`${place} is missing: build it with “npm run build”, then run this test again`);
}
