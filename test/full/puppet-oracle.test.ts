import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { before, describe, test } from 'node:test';
import { caseFiles, readCases } from '../support/puppet/cases.ts';

interface LogLine {
  readonly level: string;
  readonly source: string;
  readonly text: string;
}

interface Judged {
  readonly error?: string;
  readonly lines: readonly LogLine[];
}

const cases = caseFiles()
  .filter((file) => file !== 'errors.txt')
  .flatMap((file) => readCases(file).map((one) => ({ file: file.replace('.txt', ''), ...one })))
  .filter(({ ours }) => !ours);

// Puppet itself (Debian's puppet-agent, with its standard library) says the same of the same scripts.
describe('Puppet agrees with the tables of the language', () => {
  let judged: readonly Judged[] = [];
  before(async () => {
    judged = await askPuppet(cases.map(({ script }) => script));
  });

  for (const [index, one] of cases.entries()) {
    test(`${one.file}: ${one.name}`, () => {
      const { error, lines } = judged[index] ?? assert.fail('Puppet gave no answer');
      assert.equal(error, undefined);
      const said = lines.filter(({ level, source }) => level === 'notice' && source.startsWith('Scope('));
      assert.deepEqual(
        said.map((line) => line.text),
        one.notices,
      );
      if (one.run.length > 0) assert.deepEqual(appliedIn(lines), one.run);
    });
  }
});

/** One process for all of them: each start of Puppet takes seconds. */
async function askPuppet(scripts: readonly string[]): Promise<Judged[]> {
  const oracle = join(import.meta.dirname, '../support/puppet/oracle.rb');
  const child = spawn('ruby', [oracle], {
    env: { PATH: '/usr/bin:/bin', HOME: '/nonexistent', LANG: 'C.UTF-8' },
    stdio: ['pipe', 'pipe', 'inherit'],
    timeout: 600_000,
  });
  child.stdin.end(JSON.stringify(scripts));
  return JSON.parse(await text(child.stdout));
}

/** `Notify[a]`, `Exec[b]`: each once, when it was applied. */
function appliedIn(lines: readonly LogLine[]): string[] {
  const resources = lines.flatMap(({ source, text: said }) => {
    const [, resource] = /((?:Notify|Exec)\[[^\]]*\])(?:\/(?:message|returns))?$/.exec(source) ?? [];
    return resource === undefined || !/^(defined|executed|Triggered)/.test(said) ? [] : [resource];
  });
  return resources.filter((one, index) => resources.indexOf(one) === index);
}
