import assert from 'node:assert/strict';
import type { EventEmitter } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import * as whole from '@grpc/grpc-js';
import ciao from '@homebridge/ciao';
import labelCoder from '@homebridge/ciao/lib/coder/DNSLabelCoder.js';
import { Environment } from '@marcbachmann/cel-js';
import { Command, Option } from 'commander';
import { keepInstancesWhole } from '../../src/discovery/mdns/wire/instance-label.ts';
import * as taken from '../../src/transport/grpc-server.ts';
import { costFunctions, meterLoops, resetCost } from '../../src/playbook/expressions/cost.ts';

const repository = join(import.meta.dirname, '../..');
const manifest = (file: string) => JSON.parse(readFileSync(join(repository, file), 'utf8'));

/** Libraries of which the program uses, or changes, parts that are not public. */
const patched = [
  '@grpc/grpc-js',
  '@grpc/proto-loader',
  '@homebridge/ciao',
  '@marcbachmann/cel-js',
  'commander',
  'pino',
];

test('libraries whose internals are used are pinned, and installed, at one exact version', () => {
  const { dependencies } = manifest('package.json');
  for (const name of patched) {
    assert.match(dependencies[name], /^\d+\.\d+\.\d+$/, `${name} must be pinned`);
    assert.equal(manifest(`node_modules/${name}/package.json`).version, dependencies[name], name);
  }
});

describe('ciao', () => {
  test('still has the parts that the responder uses and replaces', async () => {
    const responder = ciao.getResponder({ interface: 'lo', excludeIpv6: true, disableIpv6: true } as object);
    const inside = responder as unknown as Record<string, unknown>;
    try {
      assert.ok(inside.promiseChain instanceof Promise);
      assert.equal(typeof inside.republishService, 'function');
      const server = inside.server as Record<string, unknown>;
      for (const name of ['handleMessage', 'createDgramSocket', 'bindSocket'])
        assert.equal(typeof server[name], 'function', name);
      const service = responder.createService({ name: 'dev1', type: 'mco-test', port: 1 });
      const part = service as unknown as Record<string, unknown>;
      for (const name of ['allAddressRecords', 'advertisesOnInterface'])
        assert.equal(typeof part[name], 'function', name);
    } finally {
      await (inside.promiseChain as Promise<void>).catch(() => {});
      await responder.shutdown();
    }
  });

  test('still keeps a truncated question by its sender, and drops it when the wait for its rest ends', async () => {
    const responder = ciao.getResponder({ interface: 'lo', excludeIpv6: true, disableIpv6: true } as object);
    const inside = responder as unknown as {
      promiseChain: Promise<void>;
      handleQuery: (packet: object, from: object) => void;
      truncatedQueries: Record<string, EventEmitter & { getPacket: () => object }>;
    };
    try {
      const packet = { flags: { truncation: true } };
      inside.handleQuery(packet, { address: '192.0.2.1', port: 5353, interface: 'lo' });
      const waiting = inside.truncatedQueries['192.0.2.1:5353:lo'];
      assert.equal(waiting?.getPacket(), packet);
      waiting.emit('timeout');
      assert.deepEqual(Object.keys(inside.truncatedQueries), []);
    } finally {
      await inside.promiseChain.catch(() => {});
      await responder.shutdown();
    }
  });

  test('still has the label encoder that is replaced: an instance name with dots is written as one label', () => {
    keepInstancesWhole();
    const { DNSLabelCoder } = labelCoder;
    const coder = new DNSLabelCoder();
    const name = 'dev1.devco.net._mco-deploy._tcp.local.';
    const bytes = Buffer.alloc(coder.getNameLength(name));
    coder.initBuf(bytes);
    coder.encodeName(name, 0);
    assert.equal(bytes[0], 'dev1.devco.net'.length);
    assert.equal(bytes.subarray(1, 15).toString(), 'dev1.devco.net');
  });
});

describe('cel-js', () => {
  test('still has the expanded loop of each macro, so that each iteration is counted', () => {
    const environment = new Environment({ unlistedVariablesAreDyn: true });
    for (const [signature, work] of Object.entries(costFunctions)) environment.registerFunction(signature, work);
    const list = new Array(1001).fill(1);
    for (const loop of [
      'all(x, LOOP)',
      'exists(x, !(LOOP))',
      'exists_one(x, LOOP)',
      'map(x, LOOP)',
      'filter(x, LOOP)',
    ]) {
      const expression = `inputs.a.${loop.replace('LOOP', 'inputs.a.all(y, true)')}`;
      const parsed = environment.parse(expression);
      meterLoops(parsed.ast, environment);
      resetCost();
      assert.throws(() => parsed({ inputs: { a: list } }), /loops over more than/, expression);
    }
  });
});

describe('commander', () => {
  test('still has options as a list that a command may fill itself, and a way to create custom commands', () => {
    class Own extends Command {
      override createCommand(name?: string): Command {
        return new Own(name);
      }
    }
    const program = new Own('program');
    const child = program.command('child');
    assert.ok(child instanceof Own);
    (child.options as Option[]).push(new Option('--some'));
    assert.match(program.helpInformation(), /child \[options\]/);
  });

  test('still uses child processes once, for external programs, which are not used here', () => {
    const text = readFileSync(join(repository, 'node_modules/commander/lib/command.js'), 'utf8');
    const uses = [...text.matchAll(/childProcess\.\w+\(/g)].map(([use]) => use);
    assert.ok(uses.length > 0 && uses.every((use) => use === 'childProcess.spawn('), uses.join());
  });
});

test('gRPC loads proto-loader only for services that are not offered, so the bundle may leave it out', () => {
  const directory = join(repository, 'node_modules/@grpc/grpc-js/build/src');
  const uses = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter(
    (file) =>
      file.endsWith('.js') && readFileSync(join(directory, file), 'utf8').includes("require('@grpc/proto-loader')"),
  );
  assert.deepEqual(uses.toSorted(), ['channelz.js', 'orca.js']);
});

describe('omissions of the bundle', () => {
  const textOf = (file: string) => readFileSync(join(repository, 'node_modules', file), 'utf8');
  const usesOf = (text: string, name: string) =>
    [...text.matchAll(new RegExp(`\\b${name}\\.(\\w+)`, 'g'))].map(([, use]) => use);

  test('grpc-js makes clients only for reports about channels and load', () => {
    const [channelz, orca] = ['channelz', 'orca'].map((name) => textOf(`@grpc/grpc-js/build/src/${name}.js`));
    assert.deepEqual(usesOf(channelz ?? '', 'make_client_1'), ['loadPackageDefinition']);
    assert.deepEqual(usesOf(orca ?? '', 'make_client_1'), ['loadPackageDefinition']);
    assert.deepEqual(usesOf(orca ?? '', 'channel_credentials_1'), ['ChannelCredentials']);
    for (const text of [channelz, orca])
      assert.match(text ?? '', /\n {4}const loaderLoadSync = require\('@grpc\/proto-loader'\)/);
  });

  test('pino uses threads only if a log has a transport', () => {
    const text = textOf('pino/lib/transport.js');
    assert.equal([...text.matchAll(/new ThreadStream\(/g)].length, 1);
    assert.match(text, /\nfunction buildStream [\s\S]*new ThreadStream\(/);
  });

  test('ciao shows stacks by source maps, which the program does not have', () => {
    assert.match(textOf('@homebridge/ciao/lib/index.js'), /\nrequire\("source-map-support\/register"\);/);
  });
});

test('grpc-js still has credentials shake hands over the connection that it gives them', () => {
  const connector = whole.credentials.createSsl()._createSecureConnector({ scheme: 'dns', path: 'dev1' }, {});
  assert.equal(typeof connector.connect, 'function');
  const transport = readFileSync(join(repository, 'node_modules/@grpc/grpc-js/build/src/transport.js'), 'utf8');
  assert.match(transport, /await secureConnector\.connect\(tcpConnection\)/);
});

test('the parts of grpc-js that a node imports, file by file, are what its index exports', () => {
  assert.equal(taken.Server, whole.Server);
  assert.equal(taken.ServerCredentials, whole.ServerCredentials);
  assert.equal(taken.ServerInterceptingCall, whole.ServerInterceptingCall);
  assert.equal(taken.Metadata, whole.Metadata);
  assert.equal(taken.status, whole.status);
});
