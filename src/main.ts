import { runCli } from './client/cli/cli.ts';
import { startContext } from './client/cli/process.ts';
import { commandLine } from './command-line.ts';

void runCli(process.argv.slice(2), commandLine, startContext());
