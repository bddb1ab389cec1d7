import { problemTopics } from '../../src/core/problems/index.ts';
import type { ProblemEntry } from '../../src/core/problems/define.ts';

const head = `# Problem codes

Every failure has a code. It is part of JSON output, of audit records and of the log, and it stays the same when the
message changes. \`mco-deploy explain CODE\` prints the entry of one code.

\`npm run docs\` writes this page from \`src/core/problems/\`.
`;

/** The page docs/errors.md: one table a topic. */
export function errorsPage(): string {
  const topics = Object.entries<Readonly<Record<string, ProblemEntry>>>(problemTopics);
  return [head, ...topics.map(([topic, entries]) => `## ${topic}\n\n${table(entries)}`)].join('\n');
}

function table(entries: Readonly<Record<string, ProblemEntry>>): string {
  const rows = Object.entries(entries)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([code, { meaning, fix }]) => `| \`${code}\` | ${cell(meaning)} | ${cell(fix)} |`);
  return `| Code | Meaning | What to do |\n|---|---|---|\n${rows.join('\n')}\n`;
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}
