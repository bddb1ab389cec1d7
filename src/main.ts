import { runCli } from './client/cli.ts';
import { startContext } from './client/process.ts';
import { commandLine } from './command-line.ts';

void runCli(process.argv.slice(2), commandLine, startContext());
