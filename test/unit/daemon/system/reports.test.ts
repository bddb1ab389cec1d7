import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Problem } from '../../../../src/core/errors.ts';
import type { CommandOptions, CommandResult } from '../../../../src/core/ports.ts';
import type { AuditLog } from '../../../../src/daemon/audit/audit-log.ts';
import { startLifecycle } from '../../../../src/daemon/system/lifecycle.ts';
import type { LiveKeys } from '../../../../src/daemon/system/live-keys.ts';
import { warnDaily } from '../../../../src/daemon/system/live-keys.ts';
import { startNotifier } from '../../../../src/daemon/system/notify.ts';
import { silentLog } from '../../../support/agents/agent-setup.ts';
import { type Fleet, makeFleet, type Member } from '../../../support/fleet/fleet.ts';
import { someTurns } from '../../../support/mock-delays.ts';

describe('the life of a daemon, in its audit log', () => {
  let fleet: Fleet;
  let members: Member[];
  before(async () => {
    fleet = await makeFleet();
    members = [await fleet.node('dev1.devco.net'), await fleet.node('dev2.devco.net')];
  });
  after(() => fleet.remove());

  function start(fault?: Problem) {
    const records: unknown[] = [];
    const errors: string[] = [];
    const audit = {
      append: async (event: { kind: string; certificate: string; version: string }, durable: boolean) => {
        if (fault !== undefined) throw fault;
        const of = members.findIndex(({ certificate }) => certificate.raw.toString('base64') === event.certificate);
        records.push([event.kind, event.version, of, durable]);
      },
    } as unknown as AuditLog;
    const keys = { current: () => ({ credentials: members[0]?.credentials }) };
    const log = { ...silentLog, error: (_: object, message: string) => errors.push(message) };
    const lifecycle = startLifecycle(audit, keys as unknown as LiveKeys, '0.1.0', log);
    const renew = () => {
      members.reverse();
    };
    return { lifecycle, records, errors, renew };
  }

  test('has its start and its stop, and each certificate once, on the disk before it goes on', async () => {
    const { lifecycle, records, renew } = start();
    await lifecycle.started();
    await lifecycle.renewed();
    assert.deepEqual(records, [['started', '0.1.0', 0, true]], 'the certificate is that of the start');
    renew();
    await lifecycle.renewed();
    await lifecycle.renewed();
    await lifecycle.stopped();
    assert.deepEqual(records.slice(1), [
      ['certificate', '0.1.0', 0, true],
      ['stopped', '0.1.0', 0, true],
    ]);
  });

  test('does not begin if it cannot be recorded; a stop or another certificate is only logged then', async () => {
    const { lifecycle, errors } = start(new Problem('audit-failed', 'the disk is full', 'free some'));
    await assert.rejects(lifecycle.started(), { code: 'audit-failed' });
    await lifecycle.renewed();
    await lifecycle.stopped();
    assert.deepEqual(errors, ['the disk is full: free some', 'the disk is full: free some']);
  });
});

describe('the notices to systemd', () => {
  function start(env: NodeJS.ProcessEnv, code = 0) {
    const sent: string[] = [];
    const warnings: [object, string][] = [];
    const options: CommandOptions[] = [];
    const ends: (() => void)[] = [];
    const run = async (argv: readonly string[], given: CommandOptions): Promise<CommandResult> => {
      sent.push(argv.join(' '));
      options.push(given);
      await new Promise<void>((resolve) => ends.push(resolve));
      return { code, signal: null, stdout: '', stderr: ' no such socket\n', truncated: false };
    };
    const log = { ...silentLog, warn: (fields: object, message: string) => warnings.push([fields, message]) };
    return { ...startNotifier(env, 42, run, log), sent, warnings, options, end: () => ends.shift()?.() };
  }

  test('are sent one after the other, with nothing else in the environment', async () => {
    const { notify, sent, end, options, warnings, stop } = start({ NOTIFY_SOCKET: '/run/x', SECRET: 's' });
    const both = Promise.all([notify('READY=1'), notify('STOPPING=1')]);
    await someTurns();
    assert.deepEqual(sent, ['systemd-notify READY=1']);
    end();
    await someTurns();
    assert.deepEqual(sent, ['systemd-notify READY=1', 'systemd-notify STOPPING=1']);
    end();
    await both;
    stop();
    assert.deepEqual(options[0]?.env, { PATH: '/usr/local/bin:/usr/bin:/bin', NOTIFY_SOCKET: '/run/x' });
    assert.deepEqual(warnings, []);
  });

  test('are none where systemd asks for none, and a warning if they fail', async () => {
    const silent = start({ WATCHDOG_USEC: '1000000' });
    await silent.notify('READY=1');
    silent.stop();
    assert.deepEqual(silent.sent, []);
    const failing = start({ NOTIFY_SOCKET: '/run/x' }, 1);
    const sent = failing.notify('READY=1');
    await someTurns();
    failing.end();
    await sent;
    assert.deepEqual(failing.warnings, [
      [{ state: 'READY=1', said: 'no such socket' }, 'systemd could not be notified'],
    ]);
  });

  test('feed the watchdog at half of its time, if it watches this process, until they stop', async (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const of = async (env: NodeJS.ProcessEnv) => {
      const { sent, stop, end } = start({ NOTIFY_SOCKET: '/run/x', WATCHDOG_USEC: '2000000', ...env });
      const counts = [];
      for (const step of [999, 1, 1000]) {
        context.mock.timers.tick(step);
        await someTurns();
        end();
        await someTurns();
        counts.push(sent.length);
      }
      stop();
      context.mock.timers.tick(10_000);
      await someTurns();
      return [...counts, sent.length, sent[0]];
    };
    assert.deepEqual(await of({}), [0, 1, 2, 2, 'systemd-notify WATCHDOG=1']);
    assert.deepEqual(await of({ WATCHDOG_PID: '42' }), [0, 1, 2, 2, 'systemd-notify WATCHDOG=1']);
    assert.deepEqual(await of({ WATCHDOG_PID: '43' }), [0, 0, 0, 0, undefined]);
    assert.deepEqual(await of({ WATCHDOG_USEC: '0' }), [0, 0, 0, 0, undefined]);
  });
});

test('what is about to expire is logged at once, and again each day, until the daemon stops', (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const logged: string[] = [];
  const stop = warnDaily(() => ['a', 'b'], {
    ...silentLog,
    warn: (_: object, message: string) => logged.push(message),
  });
  assert.deepEqual(logged, ['a', 'b']);
  context.mock.timers.tick(86_399_999);
  assert.equal(logged.length, 2);
  context.mock.timers.tick(1);
  assert.equal(logged.length, 4);
  stop();
  context.mock.timers.tick(86_400_000);
  assert.equal(logged.length, 4);
});
