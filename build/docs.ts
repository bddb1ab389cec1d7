// Writes the pages that are generated: docs/agents/ from the agents' DDLs, docs/errors.md from the problem codes, and the
// index of decisions; and the types of the agents that are built in. Contract tests fail when a page differs from its source.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agents } from '../src/agents/index.ts';
import { ddlMarkdown } from '../src/client/render/ddl.ts';
import { decisionsIndex } from './docs/decisions-index.ts';
import { agentsInterface } from '../src/library/types/agent-types.ts';
import { errorsPage } from './docs/errors-page.ts';

const directory = join(import.meta.dirname, '../docs/agents');
mkdirSync(directory, { recursive: true });
for (const { ddl } of agents) writeFileSync(join(directory, `${ddl.name}.md`), ddlMarkdown(ddl));
writeFileSync(join(directory, '../errors.md'), errorsPage());
writeFileSync(join(directory, '../decisions/README.md'), decisionsIndex());
writeFileSync(
  join(directory, '../../src/library/agents.ts'),
  `/** The agents that are built in, by their descriptions. Written by “npm run docs”. */\n${agentsInterface(agents.map(({ ddl }) => ddl))}`,
);
