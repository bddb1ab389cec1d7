/** A program with the `ca` and `enroll` commands alone, so that they can be run as their own process. */
import { startContext } from '../../../src/client/cli/process.ts';
import { runCaCommand } from './run-ca-command.ts';

await runCaCommand(process.argv.slice(2), startContext());
