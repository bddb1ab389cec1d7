import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { parseArgumentRules } from '../../../../../src/agents/nrpe/arguments.ts';
import type { NrpeDaemon } from '../../../../../src/agents/nrpe/config.ts';
import { doctorNrpe } from '../../../../../src/agents/nrpe/doctor.ts';
import { makeRemoteChecks } from '../../../../../src/agents/nrpe/remote/remote.ts';
import { tlsOptions } from '../../../../../src/agents/nrpe/remote/tls.ts';
import { Problem } from '../../../../../src/core/errors.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../../../../support/agents/agent-setup.ts';

const ends: (() => void)[] = [];
after(() => {
  for (const end of ends) end();
});

/** A response in a packet of version 4. */
function packet(text: string, code = 0): Buffer {
  const bytes = Buffer.alloc(16 + text.length + 1);
  bytes.writeInt16BE(4, 0);
  bytes.writeInt16BE(2, 2);
  bytes.writeInt16BE(code, 8);
  bytes.writeInt32BE(text.length + 1, 12);
  bytes.write(text, 16);
  bytes.writeUInt32BE(crc32(bytes), 4);
  return bytes;
}

/** A fake NRPE daemon without TLS: it checks the checksum of a query as the real one does, and passes its line on. */
async function fakeDaemon(reply: (socket: Socket, line: string) => void): Promise<NrpeDaemon> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (query) => {
      const sum = query.readUInt32BE(4);
      query.writeUInt32BE(0, 4);
      if (crc32(query) === sum) reply(socket, query.subarray(16, query.indexOf(0, 16)).toString());
      else socket.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  ends.push(() => server.close());
  const { port } = server.address() as AddressInfo;
  return { host: '127.0.0.1', port, tls: 'none', packet: 4, commands: ['b', 'a', 'b'] };
}

const rules = parseArgumentRules({ a: ['[0-9]+', '[a-z]+'] });
const code = (wanted: string, message: RegExp) => (problem: unknown) =>
  problem instanceof Problem && problem.code === wanted && message.test(problem.message);

describe('checks of an NRPE daemon', () => {
  test('are those of the configuration, each once', async () => {
    const daemon = await fakeDaemon((socket) => socket.end(packet('x')));
    const oneArgument = parseArgumentRules({ a: ['[0-9]+'] });
    const { commands, refused, withArguments } = await (await makeRemoteChecks(daemon, oneArgument)).list();
    assert.deepEqual([commands, refused, [...withArguments]], [['a', 'b'], [], ['a']]);
  });

  test('pass on the line with its arguments, and return what the plugin printed', async () => {
    const lines: string[] = [];
    const daemon = await fakeDaemon((socket, line) => {
      lines.push(line);
      socket.end(packet('WARNING: x | a=1\nmore', lines.length === 1 ? 1 : 77));
    });
    const { run } = await makeRemoteChecks(daemon, rules);
    const check = await run('a', '15!x', actionContext());
    assert.deepEqual(check, {
      command: 'a',
      exitcode: 1,
      state: 'WARNING',
      output: 'WARNING: x\nmore',
      perfdata: 'a=1',
    });
    assert.equal((await run('b', undefined, actionContext())).state, 'UNKNOWN', 'a code above 3');
    assert.deepEqual(lines, ['a!15!x', 'b']);
  });

  test('are not asked for if the configuration does not name them, or not with these arguments', async () => {
    const lines: string[] = [];
    const { run } = await makeRemoteChecks(await fakeDaemon((_socket, line) => void lines.push(line)), rules);
    assert.deepEqual([(await run('c', undefined, actionContext())).output], ['No such command: c']);
    await assert.rejects(run('b', '1', actionContext()), code('refused-arguments', /b does not accept arguments/));
    assert.deepEqual(lines, []);
  });

  test('are whole even if the answer comes in pieces, and the connection stays open', async () => {
    for (const more of ['', 'and more']) {
      const bytes = packet('in pieces');
      const closed: Promise<unknown>[] = [];
      const daemon = await fakeDaemon((socket) => {
        closed.push(once(socket, 'close'));
        socket.write(bytes.subarray(0, 10));
        setImmediate(() => socket.write(Buffer.concat([bytes.subarray(10), Buffer.from(more)])));
      });
      const { run } = await makeRemoteChecks(daemon, rules);
      assert.equal((await run('b', undefined, actionContext())).output, 'in pieces');
      await Promise.all(closed);
      assert.equal(closed.length, 1, 'the client closes it');
    }
  });

  test('fail with the reason if the daemon closes early, or sends too much', async () => {
    for (const [bytes, why] of [
      [Buffer.alloc(0), /there is none/],
      [packet('abc').subarray(0, 18), /ends early/],
      [Buffer.alloc(64, 0x7f), /announces/],
    ] as const) {
      const { run } = await makeRemoteChecks(await fakeDaemon((socket) => socket.end(bytes)), rules);
      await assert.rejects(run('b', undefined, actionContext()), code('nrpe-bad-answer', why));
    }
  });

  test('are UNKNOWN after the time limit, and end at once when the call is cancelled', async () => {
    const asked = Promise.withResolvers<void>();
    const daemon = await fakeDaemon(() => asked.resolve());
    const late = await (await makeRemoteChecks(daemon, rules, 0.05)).run('b', undefined, actionContext());
    assert.deepEqual([late.exitcode, late.output], [3, 'NRPE: Command timed out after 0.05 seconds']);
    const stop = new AbortController();
    const { run } = await makeRemoteChecks(daemon, rules);
    const call = run('b', undefined, actionContext({ signal: stop.signal }));
    await asked.promise;
    stop.abort();
    await assert.rejects(call, code('cancelled', /the check b was cancelled/));
    await assert.rejects(run('b', undefined, actionContext({ signal: stop.signal })), code('cancelled', /b/));
  });

  test('fail if nothing listens', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    await new Promise((resolve) => server.close(resolve));
    const daemon: NrpeDaemon = { host: '127.0.0.1', port, tls: 'none', packet: 4, commands: ['b'] };
    const { run } = await makeRemoteChecks(daemon, rules);
    const refused = new RegExp(`127\\.0\\.0\\.1:${port} cannot be reached: connection refused`);
    await assert.rejects(run('b', undefined, actionContext()), code('nrpe-unreachable', refused));
  });
});

describe('the connection to an NRPE daemon', () => {
  const daemon: NrpeDaemon = { host: '127.0.0.1', port: 1, tls: 'verified', packet: 4, commands: [] };
  const file = join(temporaryDirectory(), 'a.pem');
  writeFileSync(file, 'PEM');

  test('is verified with the files and for the name of the configuration', async () => {
    const options = await tlsOptions({
      ...daemon,
      ca_file: file,
      certificate_file: file,
      key_file: file,
      server_name: 'n.example',
    });
    assert.deepEqual(
      [options?.minVersion, options?.ca, options?.cert, options?.key, options?.servername, options?.rejectUnauthorized],
      ['TLSv1.2', 'PEM', 'PEM', 'PEM', 'n.example', undefined],
    );
    const certificate = (name: string) => ({ subject: { CN: 'x' }, subjectaltname: `DNS:${name}` }) as never;
    assert.equal(options?.checkServerIdentity?.('other', certificate('n.example')), undefined);
    assert.match(String(options?.checkServerIdentity?.('n.example', certificate('other'))), /n\.example/);
  });

  test('names no server by an address, and needs no files', async () => {
    for (const host of ['127.0.0.1', '::1']) {
      const options = await tlsOptions({ ...daemon, host });
      assert.deepEqual(Object.keys(options ?? {}).sort(), ['checkServerIdentity', 'minVersion']);
    }
    assert.equal((await tlsOptions({ ...daemon, host: 'n1' }))?.servername, 'n1');
  });

  test('is anonymous or plain only without certificates', async () => {
    assert.equal(await tlsOptions({ ...daemon, tls: 'none' }), undefined);
    const anonymous = await tlsOptions({ ...daemon, tls: 'anonymous' });
    assert.deepEqual(
      [anonymous?.rejectUnauthorized, anonymous?.maxVersion, anonymous?.minVersion],
      [false, 'TLSv1.2', 'TLSv1.2'],
    );
    for (const tls of ['none', 'anonymous'] as const) {
      for (const files of [{ ca_file: file }, { certificate_file: file, key_file: file }]) {
        await assert.rejects(tlsOptions({ ...daemon, tls, ...files }), code('bad-nrpe-configuration', /tls: verified/));
      }
    }
  });

  test('has a key and a certificate, or neither, and files that can be read', async () => {
    for (const files of [{ certificate_file: file }, { key_file: file }]) {
      await assert.rejects(tlsOptions({ ...daemon, ...files }), code('bad-nrpe-configuration', /requires “key_file”/));
    }
    const missing = tlsOptions({ ...daemon, ca_file: '/nowhere/ca.pem' });
    await assert.rejects(missing, code('unreadable-file', /^\/nowhere\/ca\.pem cannot be read: no such file/));
  });
});

describe('doctor on the nrpe agent', () => {
  const { run } = agentSetup({});
  const signal = new AbortController().signal;

  test('reports the version that the daemon answers', async () => {
    const lines: string[] = [];
    const daemon = await fakeDaemon((socket, line) => {
      lines.push(line);
      socket.end(packet('NRPE v4.1.0'));
    });
    const findings = await doctorNrpe({ config: { config: '/nowhere', daemon }, run, signal });
    assert.deepEqual(findings, [
      { check: 'nrpe', status: 'ok', what: `the NRPE daemon 127.0.0.1:${daemon.port} answers: NRPE v4.1.0`, fix: '' },
    ]);
    assert.deepEqual(lines, ['_NRPE_CHECK']);
  });

  test('reports each definition that cannot run, and counts the others', async () => {
    const config = join(temporaryDirectory(), 'nrpe.cfg');
    const lines = ['a=/bin/sh', 'b=/no/such', `c=${config}`, 'd=x | y', 'e=relative', 'f=/no/args $ARG1$'];
    writeFileSync(config, `${lines.map((line) => `command[${line.replace('=', ']=')}`).join('\n')}\nnonsense\n`);
    const findings = await doctorNrpe({ config: { config }, run, signal });
    assert.deepEqual(
      findings.map(({ status, what }) => `${status} ${what.replace(config, 'FILE')}`.slice(0, 50)),
      [
        'ok FILE defines 2 commands that can be run',
        'broken command[b]: /no/such cannot be run: no such',
        'broken command[c]: FILE cannot be run: permission ',
        'broken the definition of command[d] is refused: it',
        'broken the definition of command[f] is refused: it',
        'broken FILE:7: this is not “name=value”',
      ].map((text) => text.slice(0, 50)),
    );
    assert.equal(findings[1]?.fix, 'correct or remove command[b]');
  });

  test('reports a file that cannot be read', async () => {
    const [found, ...more] = await doctorNrpe({ config: { config: '/nowhere' }, run, signal });
    assert.deepEqual([found?.status, more.length], ['broken', 0]);
    assert.match(found?.what ?? '', /\/nowhere cannot be read/);
    assert.match(found?.fix ?? '', /agents\.nrpe\.config/);
  });
});
