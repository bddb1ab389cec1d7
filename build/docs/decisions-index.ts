import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const directory = join(import.meta.dirname, '../../docs/decisions');

const head = `# Decisions

What was decided, and why. Each record has a context, a decision and its consequences; some have
evidence. A record is not rewritten when its decision changes: a new one replaces it and says so. A
title is a plain statement.

There is no number 11: it was never given to a record. Later numbers have gaps, because several
people wrote records at the same time and each had a range of numbers. A new record takes the number
after the last one.

\`npm run docs\` writes this page from the records.
`;

/** The page docs/decisions/README.md. @throws Error for a record whose first line is not \`# NUMBER. TITLE\` */
export function decisionsIndex(): string {
  const records = readdirSync(directory).filter((file) => /^\d{4}-/.test(file));
  const rows = records.sort().map((file) => {
    const [first = ''] = readFileSync(join(directory, file), 'utf8').split('\n');
    const [, number, title] = /^# (\d+)\. (.+)$/.exec(first) ?? [];
    if (Number(number) !== Number(file.slice(0, 4))) throw new Error(`${file} must begin with “# NUMBER. TITLE”`);
    return `| ${number} | [${title}](${file}) |`;
  });
  return `${head}\n| Number | Decision |\n|---|---|\n${rows.join('\n')}\n`;
}
