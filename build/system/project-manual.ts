import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { examplesOf } from '../../src/client/cli/help/examples.ts';
import type { CliContext } from '../../src/client/cli/context.ts';
import { defineProgram } from '../../src/client/cli/program.ts';
import { commandLine } from '../../src/command-line.ts';
import { repository } from '../bundle/bundle.ts';
import { manualOf } from './manual.ts';

const files = [
  ['/etc/mco-deploy/node.yaml', 'The configuration of the daemon; beside it are key, certificate, policies and facts.'],
  ['/var/lib/mco-deploy', 'What the daemon keeps.'],
  ['/var/log/mco-deploy/audit.jsonl', 'The audit log, which the daemon rotates by itself.'],
  ['~/.config/mco-deploy/client.yaml', 'The configuration of the client; beside it are key and certificate.'],
] as const;

const seeAlso = [
  ['haproxy(1), nginx(8), systemd.unit(5), journalctl(1), openssl(1)', 'What the agents work with.'],
  ['mco-deploy COMMAND --help', 'All options of a command, with examples.'],
  ['docs/ in the source', 'The documentation: commands.md, playbooks.md, json.md, security-model.md and others.'],
] as const;

/** The manual page of the program as it is. */
export async function projectManual(version: string, date: number): Promise<string> {
  // Defining commands takes nothing of the context; running them would.
  const program = defineProgram(commandLine, {} as CliContext);
  const day = new Date(date * 1000).toISOString().slice(0, 10);
  return manualOf(program, { version, date: day, exitCodes: await exitCodes(), files, examplesOf, seeAlso });
}

/** The exit codes in docs/commands.md. */
async function exitCodes(): Promise<[string, string][]> {
  const text = await readFile(join(repository, 'docs/commands.md'), 'utf8');
  const [, section = ''] = text.split('## Exit codes');
  const rows = (section.split('\n## ')[0] ?? '').matchAll(/^\| (\d+) \| (.+) \|$/gm);
  return [...rows].map(([, code = '', meaning = '']) => [code, meaning]);
}
