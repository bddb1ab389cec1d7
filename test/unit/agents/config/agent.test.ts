import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, mock, test } from 'node:test';
import { startConfig } from '../../../../src/agents/config/agent.ts';
import { Problem } from '../../../../src/core/errors.ts';
import { digestFiles, listNodeFiles, sumOf } from '../../../../src/core/node-files/list.ts';
import { formatManifest } from '../../../../src/core/node-files/manifest.ts';
import { decodeMessage, encodeReply, type HelperMessage } from '../../../../src/core/node-files/message.ts';
import {
  actionContext,
  agentSetup,
  fixedNode,
  silentLog,
  temporaryDirectory,
  unsigned,
} from '../../../support/agents/agent-setup.ts';
import { until } from '../../../support/until.ts';

type Output = Record<string, unknown>;
const applied = { change: 'c1', effect: 'reload', digest: 'd1', until: 'then' };
const pending = { change: 'c1', operator: 'rip', state: 'waiting', until: 0, boot: 'b', files: [] };

const servers: Server[] = [];
afterEach(() => {
  mock.timers.reset();
  for (const server of servers.splice(0)) server.close();
});

/**
 * The agent over a directory with files, and a fake helper that gives the same reply to each message; the real one is in
 * `daemon/config-helper`.
 */
async function startAgent(reply: Output | Problem = applied, waiting?: Output, place = 'helper.sock') {
  const directory = temporaryDirectory();
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), text);
  };
  const wait = (change: Output) => write('.apply/pending.json', JSON.stringify(change));
  write('policies/probe.policy', 'a');
  write('classes.txt', 'web');
  write('applied.json', formatManifest({ [join(directory, 'classes.txt')]: sumOf('web') }));
  if (waiting !== undefined) wait(waiting);
  const received: HelperMessage[] = [];
  const server = createServer((socket) => {
    let text = '';
    socket.setEncoding('utf8').on('data', (part: string) => {
      text += part;
      if (!text.endsWith('\n')) return;
      received.push(decodeMessage(text));
      const line = encodeReply(reply instanceof Problem ? { problem: reply } : { ok: reply });
      // In two parts, as a socket may give it.
      socket.write(line.slice(0, 5), () => socket.write(line.slice(5)));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(join(directory, 'helper.sock'), resolve));
  const [reloads, errors]: [string[], string[]] = [[], []];
  const node = {
    ...fixedNode,
    info: async () => ({ ...(await fixedNode.info()), configFile: join(directory, 'node.yaml') }),
    reload: async () => {
      reloads.push(`after ${received.length}`);
    },
  };
  const log = { ...silentLog, error: (_: object, message: string) => errors.push(message) };
  const { handlers, stop } = await startConfig(agentSetup({ socket: join(directory, place) }, { node, log }));
  const call = async (action: string, input: object = {}, context: object = {}): Promise<Output> => {
    const handler = handlers[action] as unknown as (input: object, context: object) => Promise<Output>;
    return await handler(input, actionContext(context));
  };
  return { call, directory, received, reloads, errors, wait, write, stop: async () => await stop?.() };
}

describe('the agent for the files of a node', () => {
  test('reports the files, which of them nobody has changed since, and the last changes', async () => {
    const { call, directory, write } = await startAgent();
    const files = await listNodeFiles(directory);
    const { instance, ...status } = await call('status');
    assert.match(String(instance), /^[0-9a-f]{16}$/);
    const reported = [
      { kind: 'policies', name: 'probe.policy', sha256: sumOf('a'), applied: false },
      { kind: 'classes', name: 'classes.txt', sha256: sumOf('web'), applied: true },
    ];
    const digest = digestFiles(files);
    assert.deepEqual(status, { digest, pending: '', returned: '', why: '', files: reported });
    write('.apply/pending.json', JSON.stringify(pending));
    write('.apply/returned.json', '{"change": "c0", "why": "nobody confirmed it"}');
    const { pending: waits, returned, why } = await call('status');
    assert.deepEqual([waits, returned, why], ['c1', 'c0', 'nobody confirmed it']);
    const manifest = formatManifest({ [join(directory, 'classes.txt')]: sumOf('web') });
    assert.deepEqual(await call('files'), { instance, digest, directory, manifest, files });
    rmSync(join(directory, 'applied.json'));
    assert.equal((await call('files')).manifest, '');
  });

  test('passes a change to the helper as it was signed, and reloads once it is made', async () => {
    const { call, received, reloads } = await startAgent();
    const { instance } = await call('status');
    assert.deepEqual(await call('apply'), applied);
    assert.deepEqual(received, [{ type: 'request', signed: unsigned, instance }]);
    assert.deepEqual(reloads, ['after 1']);
  });

  test('reloads neither for another effect nor for a dry run', async () => {
    for (const [effect, shown] of [
      ['restart', 'restart'],
      ['at-once', 'at-once'],
      ['unknown', 'at-once'],
    ]) {
      const { call, reloads } = await startAgent({ ...applied, effect });
      assert.equal((await call('apply')).effect, shown);
      assert.deepEqual(reloads, []);
    }
    const dry = await startAgent();
    assert.equal((await dry.call('apply', {}, { dryRun: true })).effect, 'reload');
    assert.deepEqual([dry.received.length, dry.reloads], [1, []]);
  });

  test('reports what the helper refuses, and does not reload', async () => {
    const { call, reloads } = await startAgent(new Problem('policy-denied', 'no right to policies', 'ask'));
    await assert.rejects(call('apply'), { code: 'policy-denied', message: 'no right to policies', hint: 'ask' });
    assert.deepEqual(reloads, []);
    const nowhere = await startAgent(applied, undefined, 'classes.txt/helper.sock');
    await assert.rejects(nowhere.call('apply'), {
      code: 'no-helper',
      message: /cannot be used/,
      hint: /systemctl start/,
    });
    assert.deepEqual(nowhere.reloads, []);
  });

  test('confirms a change that needs a restart only in another run of the daemon', async () => {
    const { call, received, wait } = await startAgent({});
    const { instance } = await call('status');
    wait({ ...pending, effect: 'restart', instance });
    await assert.rejects(call('confirm', { change: 'c1' }), { code: 'not-restarted', hint: 'call again' });
    assert.deepEqual(received, []);
    for (const [index, other] of [
      { ...pending, effect: 'restart', instance: 'the one before' },
      { ...pending, effect: 'reload', instance },
      { ...pending, change: 'c2', effect: 'restart', instance },
    ].entries()) {
      wait(other);
      assert.deepEqual(await call('confirm', { change: 'c1' }), { change: 'c1', confirmed: true });
      assert.equal(received.length, index + 1);
    }
    assert.deepEqual(received[0], { type: 'request', signed: unsigned, instance });
  });
});

describe('a change that nobody confirms', () => {
  /** The timers stand still. @returns after the agent has read which change waits */
  async function startWaiting(change: Output, reply: Output | Problem = {}) {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
    const begun = mock.method(globalThis, 'setTimeout');
    const made = await startAgent(reply, change);
    await until('the agent waits', () => begun.mock.callCount() > 0, 0);
    const delay = begun.mock.calls[0]?.arguments[1];
    begun.mock.restore();
    return { ...made, delay };
  }

  test('is taken back by the agent a moment after its time, if the helper has not done so', async () => {
    const { delay, received } = await startWaiting({ ...pending, until: 1_060_000 });
    assert.equal(delay, 61_500);
    mock.timers.tick(61_499);
    assert.deepEqual(received, []);
    mock.timers.tick(1);
    await until('the helper is called', () => received.length > 0, 0);
    assert.deepEqual(received, [{ type: 'return' }]);
  });

  test('is taken back soon if its time was over before the daemon started', async () => {
    assert.equal((await startWaiting({ ...pending, until: 5 })).delay, 1500);
  });

  test('is left alone if it was confirmed, or another one waits by then', async () => {
    const { received, call, wait } = await startWaiting({ ...pending, until: 1_060_000 });
    wait({ ...pending, change: 'c2' });
    mock.timers.tick(61_500);
    await call('status');
    assert.deepEqual(received, []);
  });

  test('is not taken back by an agent that was stopped', async () => {
    const { received, stop, call } = await startWaiting({ ...pending, until: 1_060_000 });
    await stop();
    mock.timers.tick(100_000);
    await call('status');
    assert.deepEqual(received, []);
  });

  test('is not waited for by an agent that was stopped while it read which change waits', async () => {
    mock.timers.enable({ apis: ['setTimeout', 'Date'], now: 1_000_000 });
    const begun = mock.method(globalThis, 'setTimeout').mock;
    const { stop, call } = await startAgent({}, { ...pending, until: 1_060_000 });
    await stop();
    await call('status');
    assert.equal(begun.callCount(), 0);
    begun.restore();
  });

  test('is in the log if it cannot be taken back', async () => {
    const { errors } = await startWaiting({ ...pending, until: 5 }, new Problem('unwritable-file', 'the disk is full'));
    mock.timers.tick(1500);
    await until('the failure is logged', () => errors.length > 0, 0);
    assert.deepEqual(errors, ['a change cannot be undone: the disk is full']);
  });
});
