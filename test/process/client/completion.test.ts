import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { programInShell } from '../../support/program/program.ts';
import { runProgram } from '../../support/program/run-program.ts';

describe('completion in a real shell', () => {
  let dir: string;
  let env: Record<string, string>;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'mco-completion-'));
    const program = join(dir, 'mco-deploy');
    await writeFile(program, `#!/bin/sh\nexec ${programInShell} "$@"\n`);
    await chmod(program, 0o755);
    await mkdir(join(dir, 'cache/mco-deploy'), { recursive: true });
    const seen = { name: 'dev2.devco.net', addresses: [], agents: [], classes: [], facts: {}, lastSeen: 1 };
    await writeFile(
      join(dir, 'cache/mco-deploy/nodes.json'),
      JSON.stringify({ version: 1, nodes: [seen], forgotten: {} }),
    );
    env = {
      PATH: `${dir}:/usr/bin:/bin`,
      HOME: dir,
      XDG_CACHE_HOME: join(dir, 'cache'),
      TERM: 'dumb',
      LANG: 'C.UTF-8',
    };
    const scripts = await Promise.all(
      ['bash', 'zsh', 'fish'].map((shell) => runProgram(program, ['completion', shell], { env })),
    );
    for (const [index, name] of ['bash', '_mco-deploy', 'mco-deploy.fish'].entries())
      await writeFile(join(dir, name), scripts[index]?.out ?? '');
  });
  after(() => rm(dir, { recursive: true, force: true }));

  test('bash completes what is typed', async () => {
    const ask = async (line: string) => {
      const script = `source "$1/bash"; COMP_LINE=$2 COMP_POINT=\${#2} _mco_deploy; printf '%s\\n' "\${COMPREPLY[@]}"`;
      const { out, err } = await runProgram('bash', ['-c', script, 'bash', dir, line], { env, cwd: dir });
      // “compopt” may only be called while bash itself completes.
      assert.doesNotMatch(err.replaceAll(/.*compopt.*\n/g, ''), /./);
      return out.trim().split('\n');
    };
    assert.deepEqual(await ask('mco-deploy rpc hap'), ['haproxy']);
    assert.deepEqual(await ask('mco-deploy inventory '), ['dev2.devco.net']);
    assert.deepEqual(await ask('mco-deploy rpc haproxy list ser'), ['server=']);
  });

  test('fish completes what is typed, with descriptions', async () => {
    const script = 'source $argv[1]/mco-deploy.fish; complete -C $argv[2]';
    const ask = async (line: string) => {
      const { out } = await runProgram('fish', ['--no-config', '-c', script, dir, line], { env, cwd: dir });
      return out.trim();
    };
    assert.match(
      await ask('mco-deploy rpc hap'),
      /^haproxy\tTakes hosts out of a load balancer’s traffic and puts them back$/,
    );
    assert.equal(await ask('mco-deploy ping -I dev'), 'dev2.devco.net');
  });

  test('zsh completes what is typed', async () => {
    // A zsh of its own on a terminal that the outer one holds: completion runs nowhere else.
    const script = `
      zmodload zsh/zpty
      zpty z zsh -f -i
      zpty -w z "PS1=; fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' list-prompt ''; print REA''DY"
      zpty -r z text '*READY*'
      zpty -w -n z "mco-deploy rpc hap"$'\\t'
      zpty -r z text '*haproxy*' && print "$text"
      zpty -d z`;
    const { out } = await runProgram('zsh', ['-f', '-c', script, 'zsh', dir], { env, cwd: dir });
    assert.match(out, /rpc haproxy/);
  });
});
