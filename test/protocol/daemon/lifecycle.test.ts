import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from 'node:tls';
import { openReply } from '../../../src/core/request/reply.ts';
import { sealRequest } from '../../../src/core/request/request.ts';
import { createDial } from '../../../src/transport/dial.ts';
import type { AgentEntry } from '../../../src/core/agent.ts';
import { probeAgent, waiting } from '../../support/agents/probe-agent.ts';
import { frame, headersFor, preface } from '../../support/attack/frames.ts';
import { tlsOf } from '../../support/attack/target.ts';
import { type Fleet, type Member, makeFleet } from '../../support/fleet/fleet.ts';
import { allowRip, orderFor, startTestNode, type TestNode } from '../../support/node/node.ts';
import { program } from '../../support/program/program.ts';
import { until } from '../../support/until.ts';

const { signal } = new AbortController();

let fleet: Fleet;
let rip: Member;

before(async () => {
  fleet = await makeFleet();
  rip = await fleet.operator('rip@devco.net');
});

after(() => fleet.remove());
const codeOf = async (node: TestNode) => (await node.call(rip, {})).code;
const kindsOf = async (node: TestNode) => (await node.records()).slice(-2).map(({ kind }) => kind);

describe('the life cycle of a daemon', () => {
  test('lets a running call end after a request to stop, and accepts no other', async () => {
    let agentStopped = false;
    const load: AgentEntry['load'] = async () => {
      const start = await probeAgent.load();
      return async (setup) => ({
        ...(await start(setup)),
        stop: async () => {
          agentStopped = true;
        },
      });
    };
    const node = await startTestNode(fleet, { name: 'dev1.devco.net', agents: [{ ...probeAgent, load }] });
    const connection = await node.dial(rip);
    const running = node.call(rip, { action: 'wait', input: {} });
    await until('the call of probe.wait', () => waiting.length > 0, 0);
    const stopped = node.daemon.stop();
    await assert.rejects(node.dial(rip), { code: 'unreachable' }, 'nobody new comes in');
    const late = connection.call(sealRequest(orderFor(node.name), rip.credentials, Date.now()), () => {}, signal);
    await assert.rejects(late, { code: 'not-serving' }, 'nor does who was connected begin anything');
    assert.equal(await Promise.race([stopped, delay(200, 'it waits')]), 'it waits');
    assert.equal(agentStopped, false, 'the agent serves until its calls have ended');
    waiting.shift()?.();
    assert.equal((await running).outcome, 'ok');
    await stopped;
    assert.equal(agentStopped, true);
    connection.close();
    assert.deepEqual(await kindsOf(node), ['outcome', 'stopped']);
  });

  test('lets the caller of a running call have its reply, also beyond a keepalive', async () => {
    const node = await startTestNode(fleet, { name: 'dev8.devco.net' });
    const tls = () => ({ credentials: rip.credentials, trust: fleet.trust });
    const dial = createDial(tls, 5000, { time: 100, timeout: 10_000 });
    const connection = await dial(node.name, [{ host: '127.0.0.1', port: node.daemon.port }], signal);
    const sealed = sealRequest(orderFor(node.name, { action: 'wait', input: {} }), rip.credentials, Date.now());
    const running = connection.call(sealed, () => {}, signal);
    await until('the call of probe.wait', () => waiting.length > 0, 0);
    const stopped = node.daemon.stop();
    await delay(500);
    waiting.shift()?.();
    assert.equal(openReply(await running, sealed.request, node.name, fleet.trust, Date.now()).outcome, 'ok');
    await stopped;
    connection.close();
  });

  test('lets a change end, and records its outcome, when its caller has already gone', async () => {
    const node = await startTestNode(fleet, { name: 'dev7.devco.net' });
    const connection = await node.dial(rip);
    const sealed = sealRequest(orderFor(node.name, { action: 'wait', input: {} }), rip.credentials, Date.now());
    const caller = new AbortController();
    const abandoned = assert.rejects(
      connection.call(sealed, () => {}, caller.signal),
      { code: 'cancelled' },
    );
    await until('the call of probe.wait', () => waiting.length > 0, 0);
    caller.abort();
    await abandoned;
    connection.close();
    const stopped = node.daemon.stop();
    assert.equal(await Promise.race([stopped, delay(200, 'it waits')]), 'it waits');
    waiting.shift()?.();
    await stopped;
    const [intent, outcome, end] = (await node.records()).slice(-3);
    assert.ok(intent?.kind === 'intent' && outcome?.kind === 'outcome' && end?.kind === 'stopped');
    assert.equal(intent.action, 'wait');
    assert.deepEqual([outcome.intent, outcome.outcome, outcome.code], [intent.sequence, 'ok', '']);
  });

  test('cancels the calls that still run 20 s after a request to stop', async (t) => {
    let running: AbortSignal | undefined;
    const load: AgentEntry['load'] = async () => {
      const start = await probeAgent.load();
      return async (setup) => {
        const { handlers } = await start(setup);
        const wait: typeof handlers.wait = (input, context) => {
          running = context.signal;
          return handlers.wait?.(input, context) ?? assert.fail();
        };
        return { handlers: { ...handlers, wait } };
      };
    };
    const node = await startTestNode(fleet, { name: 'dev10.devco.net', agents: [{ ...probeAgent, load }] });
    const ended = node.call(rip, { action: 'wait', input: {} });
    await until('the call of probe.wait', () => waiting.length > 0, 0);
    const graceIsOver = Promise.withResolvers<() => void>();
    const { setTimeout: real } = globalThis;
    t.mock.method(globalThis, 'setTimeout', (work: () => void, time: number, ...more: unknown[]) => {
      if (time === 20_000) graceIsOver.resolve(work);
      return real(work, time, ...(more as []));
    });
    const stopped = node.daemon.stop();
    try {
      const cancel = await Promise.race([graceIsOver.promise, stopped.then(() => assert.fail('it stopped'))]);
      assert.equal(running?.aborted, false, 'it may end by itself until then');
      cancel();
      assert.equal(running?.aborted, true);
    } finally {
      waiting.shift()?.();
      await Promise.all([ended, stopped]);
    }
  });

  test('closes the connection of a client that only watches or sent half a message after a request to stop', async () => {
    const node = await startTestNode(fleet, { name: 'dev9.devco.net' });
    const socket = connect(tlsOf({ name: node.name, port: node.daemon.port, fleet, attacker: rip })).on(
      'error',
      () => {},
    );
    const [settings, message] = [frame(4, 0, 0, Buffer.alloc(0)), frame(0, 1, 1, Buffer.alloc(5))];
    const watch = frame(1, 4, 1, headersFor('/grpc.health.v1.Health/Watch'));
    const half = [frame(1, 4, 3, headersFor('/mco.v1.Node/Call')), frame(0, 0, 3, Buffer.from([0, 0, 0]))];
    socket.write(Buffer.concat([preface, settings, watch, message, ...half]));
    let said = Buffer.alloc(0);
    // The status comes in the first frame with content on the first stream; what the node says later is not heeded.
    while (!said.includes(frame(0, 0, 1, Buffer.from([0, 0, 0, 0, 2, 8, 1]))))
      said = Buffer.concat([said, ...(await once(socket, 'data'))]);
    await Promise.all([once(socket, 'close'), node.daemon.stop()]);
  });
});

describe('a daemon that starts again, or receives signals', () => {
  test('remembers after a restart what was sent before it', async () => {
    await using node = await startTestNode(fleet, { name: 'dev2.devco.net' });
    const signed = sealRequest(orderFor(node.name, { action: 'count', input: {} }), rip.credentials, Date.now());
    const first = await node.send(rip, signed);
    await node.restart();
    assert.equal((await node.send(rip, signed)).code, 'replayed');
    const { requestId } = first;
    const again = await node.call(rip, { requestId, action: 'count', input: {} });
    assert.deepEqual([again.outcome, again.recorded], ['ok', true], 'the outcome, and no second execution');
  });

  for (const [what, stop] of [
    ['fails', () => Promise.reject(new Error('it broke'))],
    ['hangs', () => new Promise<never>(() => {})],
  ] as const) {
    test(`ends in order although a part of it ${what} when it stops`, async () => {
      const load: AgentEntry['load'] = async () => {
        const start = await probeAgent.load();
        return async (setup) => ({ ...(await start(setup)), stop });
      };
      const agent = { ...probeAgent, load };
      const node = await startTestNode(fleet, { name: `${what}.devco.net`, agents: [agent] });
      assert.equal(await codeOf(node), '');
      await node.daemon.stop();
      assert.deepEqual(await kindsOf(node), ['outcome', 'stopped']);
    });
  }

  test('a process logs what has no effect, when it is ready, reloads on SIGHUP, exits with 0 on SIGTERM', async (t) => {
    const member = await fleet.node('dev6.devco.net');
    await mkdir(join(member.files.directory, 'policies'));
    await writeFile(join(member.files.directory, 'policies/haproxi.policy'), 'policy default deny\n');
    const config = join(member.files.directory, 'node.yaml');
    await writeFile(
      config,
      'listen: { address: 127.0.0.1, port: 0 }\ndiscovery: { mdns: false }\naudit: { file: audit.jsonl }\nstate: state\n',
    );
    const [file, ...words] = program;
    const child = spawn(file, [...words, 'daemon', '--config', config], {
      cwd: join(import.meta.dirname, '../../..'),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    t.after(() => child.kill('SIGKILL'));
    const until = async (message: string) => {
      const before: string[] = [];
      for (let line = await lines.next(); line.done !== true; line = await lines.next()) {
        const { msg } = JSON.parse(line.value) as { msg: string };
        if (msg === message) return before;
        before.push(msg);
      }
      return assert.fail(`it never said “${message}”`);
    };
    assert.match((await until('listening')).join(), /has no effect: no agent is called “haproxi” here/);
    child.kill('SIGHUP');
    await until('reloaded');
    child.kill('SIGTERM');
    await until('stopped');
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
    assert.equal(code, 0);
  });
});

describe('a daemon with a broken policy', () => {
  test('loads a new policy on request, and keeps the last good one when the new one is broken', async () => {
    await using node = await startTestNode(fleet, { name: 'dev3.devco.net' });
    const file = join(node.directory, 'policies', 'default.policy');
    assert.equal(await codeOf(node), '');
    await writeFile(file, 'policy default deny\n');
    assert.equal(await codeOf(node), '', 'not before');
    await node.daemon.reload();
    assert.equal(await codeOf(node), 'policy-denied');
    await writeFile(file, allowRip);
    await node.daemon.reload();
    await writeFile(file, 'policy default allow\nalow\t*\t*\t*\t*\n');
    await node.daemon.reload();
    assert.equal(await codeOf(node), '', 'the last good one stays in force');
    const connection = await node.dial(rip);
    const { warnings } = await connection.describe({ filter: null, facts: [], full: false, peers: false }, signal);
    assert.match(warnings.join(), /default\.policy:2/);
    connection.close();
  });

  test('starts and allows nobody if its policy is broken or missing', async () => {
    await using broken = await startTestNode(fleet, {
      name: 'dev4.devco.net',
      policies: { default: 'policy default allow\nx\n' },
    });
    assert.equal(await codeOf(broken), 'policy-denied');
    await using missing = await startTestNode(fleet, { name: 'dev5.devco.net', policies: {} });
    assert.equal(await codeOf(missing), 'policy-denied');
  });
});
