import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { agents } from '../../../src/agents/index.ts';
import { type Fleet, makeFleet } from '../../support/fleet/fleet.ts';
import { prepareNode } from '../../support/node/node.ts';
import { program } from '../../support/program/program.ts';

/** Writes nothing into a pipe that a program reads, until it is disposed of: as a disk that does not answer. */
async function silentWriter(pipe: string): Promise<Disposable> {
  const script = 'exec 3> "$1"; echo opened; read end';
  const writer = spawn('sh', ['-c', script, 'sh', pipe], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(writer.stdout, 'data');
  return { [Symbol.dispose]: () => writer.stdin.end() };
}

describe('a daemon that waits for a file', () => {
  let fleet: Fleet;
  before(async () => {
    fleet = await makeFleet();
  });
  after(() => fleet.remove());

  test('ends on SIGTERM although its start hangs', { timeout: 600_000 }, async () => {
    const builtIn = agents.filter(({ ddl }) => ddl.name === 'rpcutil');
    const node = await prepareNode(fleet, { agents: builtIn });
    const classes = join(node.directory, 'classes.txt');
    rmSync(classes);
    execFileSync('mkfifo', [classes]);
    const [file, ...words] = program;
    const child = spawn(file, [...words, 'daemon', '--config', node.configFile], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const ended = once(child, 'exit');
    using _writer = await silentWriter(classes);
    child.kill('SIGTERM');
    assert.deepEqual(await ended, [0, null]);
  });
});
