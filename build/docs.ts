// Writes docs/agents/*.md from the agents' DDLs and docs/errors.md from the problem codes; tests fail when they differ.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agents } from '../src/agents/index.ts';
import { ddlMarkdown } from '../src/client/render/ddl.ts';
import { errorsPage } from './errors-page.ts';

const directory = join(import.meta.dirname, '../docs/agents');
mkdirSync(directory, { recursive: true });
for (const { ddl } of agents) writeFileSync(join(directory, `${ddl.name}.md`), ddlMarkdown(ddl));
writeFileSync(join(directory, '../errors.md'), errorsPage());
