import { runCli } from './client/cli/cli.ts';
import { startContext } from './client/cli/process.ts';
import { commandLine } from './command-line.ts';

// What ps and systemctl call it.
process.title = 'mco-deploy';
void runCli(process.argv.slice(2), commandLine, startContext());
