import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { agents } from '../../../src/agents/index.ts';
import { callDefaults, newId, sealRequest } from '../../../src/core/request/request.ts';
import { createDial } from '../../../src/transport/dial.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { freePort } from '../../support/free-port.ts';
import { prepareNode } from '../../support/node/node.ts';
import { program } from '../../support/program/program.ts';

const { signal } = new AbortController();

/** A descriptor that takes nothing any more, as of a reader that stands still. */
interface Stuck extends Disposable {
  readonly descriptor: number;
}

function stuckPipe(directory: string): Stuck {
  const path = join(directory, 'fifo');
  execFileSync('mkfifo', [path]);
  // Opened for reading as well, so that it has a reader, who never reads.
  const descriptor = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  fill(descriptor);
  return { descriptor, [Symbol.dispose]: () => closeSync(descriptor) };
}

async function stuckSocket(directory: string): Promise<Stuck> {
  const server = createServer({ pauseOnConnect: true });
  server.listen(join(directory, 'socket'));
  const accepted = once(server, 'connection') as Promise<[Socket]>;
  const writer = connect(join(directory, 'socket'));
  await once(writer, 'connect');
  const [reader] = await accepted;
  const { fd: descriptor } = (writer as unknown as { _handle: { fd: number } })._handle;
  fill(descriptor);
  return {
    descriptor,
    [Symbol.dispose]: () => {
      for (const one of [writer, reader]) one.destroy();
      server.close();
    },
  };
}

function fill(descriptor: number): void {
  for (;;) {
    try {
      writeSync(descriptor, Buffer.alloc(4096));
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      return;
    }
  }
}

describe('a daemon whose standard output nobody reads', () => {
  let fleet: Fleet;
  let rip: Member;
  before(async () => {
    fleet = await makeFleet();
    rip = await fleet.operator('rip@devco.net');
  });
  after(() => fleet.remove());

  for (const [kind, make] of Object.entries({ pipe: stuckPipe, socket: stuckSocket })) {
    test(`starts, replies and ends on SIGTERM: a ${kind}`, { timeout: 600_000 }, async () => {
      const port = await freePort();
      const builtIn = agents.filter(({ ddl }) => ddl.name === 'rpcutil');
      const listen = `listen: { address: 127.0.0.1, port: ${port} }`;
      const node = await prepareNode(fleet, { name: `${kind}.devco.net`, agents: builtIn, listen, log: 'debug' });
      using stuck = await make(node.directory);
      const [file, ...words] = program;
      const argv = [...words, 'daemon', '--config', node.configFile];
      const child = spawn(file, argv, { stdio: ['ignore', stuck.descriptor, 'inherit'] });
      const ended = once(child, 'exit');
      const dial = createDial(() => ({ credentials: rip.credentials, trust: fleet.trust }), 20_000);
      const address = [{ host: '127.0.0.1', port }];
      const ask = async () => {
        const connection = await dial(node.name, address, signal);
        try {
          const options = { ...callDefaults, requestId: newId(), target: node.name, agent: 'rpcutil', action: 'ping' };
          await connection.call(sealRequest({ ...options, input: {} }, rip.credentials, Date.now()), () => {}, signal);
        } finally {
          connection.close();
        }
      };
      while (
        !(await ask().then(
          () => true,
          () => false,
        ))
      ) {
        assert.equal(child.exitCode, null, 'the daemon has ended');
        await delay(50);
      }
      // More than the log keeps for a reader who is slow would take thousands of calls; these show that none waits for it.
      for (let call = 0; call < 50; call++) await ask();
      child.kill('SIGTERM');
      assert.deepEqual(await ended, [0, null]);
      assert.match(await readFile(node.auditFile, 'utf8'), /"kind":"stopped"/);
    });
  }
});
