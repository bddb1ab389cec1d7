import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { startNrpe } from '../../../src/agents/nrpe/agent.ts';
import type { Check } from '../../../src/agents/nrpe/check.ts';
import type { NrpeConfig } from '../../../src/agents/nrpe/config.ts';
import { doctorNrpe } from '../../../src/agents/nrpe/doctor.ts';
import type { ActionContext } from '../../../src/core/agent.ts';
import { runCommand } from '../../../src/daemon/exec/run-command.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { startRealNrpe } from '../../support/agents/nrpe.ts';

async function agentOn(config: string) {
  const { handlers } = await startNrpe(agentSetup<NrpeConfig>({ config }));
  const call = <T>(action: string, input: object) =>
    (handlers[action] as unknown as (input: object, context: ActionContext) => Promise<T>)(input, actionContext());
  const run = async (command: string) => call<Check>('runcommand', { command });
  return { run, list: () => call<{ commands: string[]; refused: string[] }>('list', {}) };
}

const ok = (name: string) => `command[${name}]=/bin/echo ${name}`;

/** A line with a fault, beside two checks without one; `daemon`: NRPE's own daemon starts with it. */
interface Case {
  readonly what: string;
  readonly lines: (directory: string) => readonly string[];
  readonly fault: RegExp;
  readonly daemon: boolean;
  /** A check that is concerned. */
  readonly concerned?: string;
}

const cases: readonly Case[] = [
  {
    what: 'an include that is missing',
    lines: () => ['include=/nowhere/x.cfg'],
    fault: /\/nowhere\/x\.cfg .*no such file/,
    daemon: true,
  },
  {
    what: 'an include_dir that is missing',
    lines: () => ['include_dir=/nowhere'],
    fault: /\/nowhere .*no such file/,
    daemon: true,
  },
  {
    what: 'a file of a directory that cannot be read',
    lines: (directory) => {
      mkdirSync(join(directory, 'nrpe.d'));
      symlinkSync(join(directory, 'gone'), join(directory, 'nrpe.d', 'dangling.cfg'));
      writeFileSync(join(directory, 'nrpe.d', 'z.cfg'), `${ok('included')}\n`);
      return [`include_dir=${directory}/nrpe.d`];
    },
    fault: /dangling\.cfg .*no such file/,
    daemon: true,
  },
  {
    what: 'a directory that contains itself',
    lines: (directory) => {
      mkdirSync(join(directory, 'nrpe.d'));
      symlinkSync('.', join(directory, 'nrpe.d', 'again'));
      writeFileSync(join(directory, 'nrpe.d', 'a.cfg'), `${ok('included')}\n`);
      return [`include_dir=${directory}/nrpe.d`];
    },
    fault: /again .* includes itself/,
    daemon: true,
  },
  {
    what: 'a file of a directory that includes the directory',
    lines: (directory) => {
      mkdirSync(join(directory, 'nrpe.d'));
      writeFileSync(join(directory, 'nrpe.d', 'a.cfg'), `${ok('included')}\ninclude_dir=${directory}/nrpe.d\n`);
      return [`include_dir=${directory}/nrpe.d`];
    },
    fault: /nrpe\.d .* includes itself/,
    daemon: false,
  },
  {
    what: 'a file that includes itself',
    lines: (directory) => [`include=${directory}/nrpe.cfg`],
    fault: /nrpe\.cfg .* includes itself/,
    daemon: false,
  },
  {
    what: 'a line that is continued',
    lines: () => ['command[long]=/bin/echo one \\', '  two three'],
    fault: /nrpe\.cfg:\d+: it ends with “\\”/,
    daemon: false,
    concerned: 'long',
  },
  {
    what: 'a definition without a command line',
    lines: () => ['command[empty]='],
    fault: /nrpe\.cfg:\d+: this is not/,
    daemon: false,
    concerned: 'empty',
  },
  {
    what: 'a line that says nothing',
    lines: () => ['nonsense'],
    fault: /nrpe\.cfg:\d+: this is not “name=value”/,
    daemon: false,
  },
  {
    what: 'a timeout that is not a number',
    lines: () => ['command_timeout=soon'],
    fault: /command_timeout must be/,
    daemon: false,
  },
];

describe('one fault in nrpe.cfg does not cost the other checks', () => {
  for (const { what, lines, fault, daemon, concerned } of cases) {
    test(what, async () => {
      const directory = temporaryDirectory();
      chmodSync(directory, 0o755);
      const config = join(directory, 'nrpe.cfg');
      const all = [ok('before'), ...lines(directory), ok('after')];
      writeFileSync(config, `${all.join('\n')}\n`);
      const { run, list } = await agentOn(config);
      const outputs = [await run('before'), await run('after')].map(({ exitcode, output }) => [exitcode, output]);
      assert.deepEqual(outputs, [
        [0, 'before'],
        [0, 'after'],
      ]);
      const { commands, refused } = await list();
      assert.match(refused.join('\n'), fault);
      const found = await doctorNrpe({ config: { config }, run: runCommand, signal: new AbortController().signal });
      assert.ok(found.some((finding) => finding.status === 'broken' && fault.test(finding.what)));
      const check = await run(concerned ?? 'missing');
      assert.deepEqual([check.exitcode, fault.test(check.output)], [3, true], check.output);
      if (!daemon) return;
      await using real = await startRealNrpe(all, ['--no-ssl']);
      for (const name of commands) assert.equal((await real.check(name)).out.trim(), name, `the daemon’s ${name}`);
    });
  }

  test('a missing include is read as soon as it exists', async () => {
    const directory = temporaryDirectory();
    const config = join(directory, 'nrpe.cfg');
    writeFileSync(config, `include=${directory}/later.cfg\n`);
    const { run } = await agentOn(config);
    assert.equal((await run('late')).exitcode, 3);
    writeFileSync(join(directory, 'later.cfg'), `${ok('late')}\n`);
    assert.equal((await run('late')).output, 'late');
  });

  test('a check with a similar name is suggested', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'nrpe.cfg'), `${ok('check_load')}\n`);
    const { run } = await agentOn(join(directory, 'nrpe.cfg'));
    assert.match((await run('check_lod')).output, /No such command: check_lod \(did you mean “check_load”\?\)/);
  });

  test('words that a shell would not change reach the plugin as through NRPE’s own daemon', async () => {
    const lines = [
      '-w ~:10 -c @~:20',
      'x~y a=~/z',
      'java.*tomcat [x]',
      '-u /no/such/place?a=b',
      '"/etc/host*" /etc/host\\*',
    ];
    const all = lines.map((line, index) => `command[w${index}]=/bin/echo ${line}`);
    await using real = await startRealNrpe(all, ['--no-ssl']);
    const { run } = await agentOn(real.configFile);
    for (const [index, line] of lines.entries()) {
      const name = `w${index}`;
      assert.equal((await run(name)).output, (await real.check(name)).out.trim(), line);
    }
  });
});
