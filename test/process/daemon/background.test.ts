import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { runCommand } from '../../../src/daemon/exec/run-command.ts';
import { temporaryDirectory } from '../../support/agents/agent-setup.ts';
import { release, testApplication } from '../../support/agents/appmgr/application.ts';
import { appmgrOn } from '../../support/agents/appmgr/appmgr.ts';

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

/** A service in the background that holds the output of the command that starts it, and writes to it later. */
function startsService(directory: string): { script: string; pid: () => number; wrote: string } {
  const [pidFile, wrote] = [join(directory, 'pid'), join(directory, 'wrote')];
  const service = join(directory, 'service');
  const lines = [
    '#!/bin/sh',
    'while [ ! -e "$0.go" ]; do sleep 0.02; done',
    'for i in 1 2 3; do echo line || exit 1; done',
  ];
  writeFileSync(service, [...lines, `echo done > ${wrote}`, 'exec sleep 600', ''].join('\n'), { mode: 0o755 });
  return {
    script: `${service} & echo $! > ${pidFile}; echo started`,
    pid: () => Number(readFileSync(pidFile, 'utf8')),
    wrote,
  };
}

describe('a command that leaves a service in the background', () => {
  test('is complete when it has exited: the service outlives the timeout, and may write to the output', async () => {
    const directory = temporaryDirectory();
    const { script, pid, wrote } = startsService(directory);
    const result = await runCommand(['sh', '-c', script], { timeout: 3000 });
    try {
      assert.deepEqual([result.code, result.ended, result.stdout], [0, undefined, 'started\n']);
      writeFileSync(join(directory, 'service.go'), '');
      while (!existsSync(wrote)) {
        assert.ok(isAlive(pid()), 'the service was ended by its output');
        await delay(20);
      }
      assert.ok(isAlive(pid()));
    } finally {
      process.kill(pid(), 'SIGKILL');
    }
  });

  test('starts the release if it is a reload, and its service is left alone at reload_timeout', async () => {
    const directory = temporaryDirectory();
    const application = testApplication();
    application.publish('20', release('20'));
    const { script, pid } = startsService(directory);
    const { upgrade } = await appmgrOn(application.config({ reload: ['sh', '-c', script], reload_timeout: 3 }));
    assert.equal((await upgrade({ revision: '20' })).changed, true);
    try {
      // Past the moment at which the timeout would have struck.
      await delay(3500);
      assert.ok(isAlive(pid()));
    } finally {
      process.kill(pid(), 'SIGKILL');
    }
  });
});

describe('a command that is killed', () => {
  for (const [what, script] of [
    ['ends with exit code 0 on SIGTERM', 'trap "exit 0" TERM; sleep 600 & wait'],
    ['ignores SIGTERM', 'trap "" TERM; while :; do sleep 1; done'],
  ] as const) {
    test(`never counts as successful: it ${what}`, async () => {
      const result = await runCommand(['sh', '-c', script], { timeout: 200 });
      assert.deepEqual([result.code, result.ended], [null, 'timeout']);
      const application = testApplication();
      for (const revision of ['10', '20']) application.publish(revision, release(revision));
      const config = (reload: string) => application.config({ reload: ['sh', '-c', reload], reload_timeout: 3 });
      await (await appmgrOn(config('true'))).upgrade({ revision: '10' });
      const { upgrade } = await appmgrOn(config(`[ "$MCO_REVISION" = 10 ] || { ${script}; }`));
      await assert.rejects(upgrade({ revision: '20' }), { message: /did not end within 3 s.*went back to 10/ });
      assert.equal(application.current(), '10');
    });
  }
});
