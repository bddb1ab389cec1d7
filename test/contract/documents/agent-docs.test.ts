import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { runCli } from '../../../src/client/cli/cli.ts';
import type { ProcessContext } from '../../../src/client/cli/context.ts';
import { docCommand } from '../../../src/client/commands/doc/index.ts';
import { rpcCommand } from '../../../src/client/commands/rpc/index.ts';
import { ddlMarkdown } from '../../../src/client/render/ddl.ts';
import { agentsInterface } from '../../../src/library/types/agent-types.ts';

const directory = join(import.meta.dirname, '../../../docs/agents');
const catalogue = agents.map(({ ddl }) => ddl);

async function mco(...words: string[]): Promise<string> {
  const out: string[] = [];
  const context: ProcessContext = {
    env: {},
    stdin: process.stdin,
    out: (line) => void out.push(line),
    err: (line) => void out.push(line),
    status: () => {},
    isTerminal: false,
    signal: new AbortController().signal,
    kill: new AbortController().signal,
    exit: () => {},
  };
  await runCli(words, { version: '', commands: [docCommand(catalogue), rpcCommand(catalogue)] }, context);
  return out.join('\n');
}

test('the pages on agents match their DDLs (npm run docs writes them)', () => {
  const pages = readdirSync(directory).sort();
  assert.deepEqual(pages, catalogue.map(({ name }) => `${name}.md`).sort());
  for (const ddl of catalogue) assert.equal(readFileSync(join(directory, `${ddl.name}.md`), 'utf8'), ddlMarkdown(ddl));
});

test('the types of the agents match their DDLs (npm run docs writes them)', () => {
  const written = readFileSync(join(directory, '../../src/library/agents.ts'), 'utf8');
  assert.equal(written.slice(written.indexOf('export')), agentsInterface(catalogue));
});

test('doc explains an agent on a terminal, as Markdown and as JSON', async () => {
  assert.match(await mco('doc', 'haproxy'), /haproxy disable \[backend=…\] server=… /);
  assert.match(await mco('doc', 'haproxy', '--markdown'), /^# haproxy\n/);
  assert.equal((JSON.parse(await mco('doc', 'haproxy', '--json')) as { name: string }).name, 'haproxy');
  assert.match(await mco('doc'), /^angelia +/);
});

test('the help of rpc explains the named action and its inputs with their types', async () => {
  const help = await mco('rpc', 'haproxy', 'disable', '--help');
  assert.match(help, /min_available +integer/);
  assert.match(help, /Usage: /);
  assert.doesNotMatch(await mco('rpc', '--help'), /min_available/);
});
