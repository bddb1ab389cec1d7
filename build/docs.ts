// Writes docs/agents/*.md out of the agents' DDLs; a test fails when they differ.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agents } from '../src/agents/index.ts';
import { ddlMarkdown } from '../src/client/render/ddl.ts';

const directory = join(import.meta.dirname, '../docs/agents');
mkdirSync(directory, { recursive: true });
for (const { ddl } of agents) writeFileSync(join(directory, `${ddl.name}.md`), ddlMarkdown(ddl));
