import assert from 'node:assert/strict';
import { once } from 'node:events';
import { appendFile, readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { test } from 'node:test';
import { makeFleet } from '../../support/fleet/fleet.ts';
import { makeHome } from '../../support/program/home.ts';
import { program } from '../../support/program/program.ts';
import { runProgram } from '../../support/program/run-program.ts';

const [file, ...start] = program;

// gRPC's connection does not keep the process alive from then on.
test('a command waits for a node that is proven and then stays silent, and reports it', async () => {
  await using fleet = await makeFleet();
  const node = (await fleet.node('dev1.devco.net')).files;
  const [cert, key, ca] = await Promise.all([node.certificate, node.key, node.ca].map((path) => readFile(path)));
  const server = createServer({ cert, key, ca, requestCert: true, ALPNProtocols: ['h2'] });
  server.on('secureConnection', (socket) => socket.on('error', () => {}));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const nodes = [{ name: 'dev1.devco.net', daemon: { port } }];
  const home = await makeHome(join(fleet.dir, 'home'), await fleet.operator('rip@devco.net'), nodes);
  await appendFile(join(home, '.config/mco-deploy/client.yaml'), 'timeout: 1\n');
  try {
    const env = { HOME: home, PATH: process.env.PATH ?? '' };
    const { code, err } = await runProgram(file, [...start, 'rpc', 'rpcutil', 'ping'], { env });
    assert.equal(code, 3, err);
    assert.match(err, /No response from:\s+dev1\.devco\.net/);
  } finally {
    server.close();
  }
});
