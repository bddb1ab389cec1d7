import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { HeldHost } from '../../../../../src/agents/haproxy/maintenance/held-hosts.ts';
import {
  maintenanceFile,
  readMaintenance,
  writeMaintenance,
} from '../../../../../src/agents/haproxy/maintenance/store.ts';
import { startMaintenanceWatch } from '../../../../../src/agents/haproxy/maintenance/watch.ts';
import { Problem } from '../../../../../src/core/errors.ts';
import type { Log } from '../../../../../src/core/ports.ts';
import { silentLog, temporaryDirectory } from '../../../../support/agents/agent-setup.ts';
import { type FakeHaproxy, fakeHaproxy } from '../../../../support/agents/haproxy/fake-haproxy.ts';

const { signal } = new AbortController();
const held = (host: string, ip: string, changes: Partial<HeldHost> = {}): HeldHost => ({
  ...{ host, addresses: [ip], fqdns: [], ports: [], lines: [], stage: 'out', breaks: [], outSince: 5, processes: {} },
  ...changes,
});
const dev1 = held('dev1', '10.0.0.1');
const dev2 = held('dev2', '10.0.0.2');
const two = (socket?: string, admin = 1) =>
  fakeHaproxy(
    {
      app: [
        { name: 'web1', ip: '10.0.0.1', admin },
        { name: 'web2', ip: '10.0.0.2', admin },
      ],
    },
    socket,
  );

/** `every` is an hour: what looks is the test. */
async function watching(runtimes: readonly FakeHaproxy[], hosts: readonly HeldHost[] = [], every = 3600) {
  const stateDirectory = temporaryDirectory();
  const file = maintenanceFile(stateDirectory);
  if (hosts.length > 0) await writeMaintenance(file, hosts);
  const logged: [string, object, string][] = [];
  const heard: (() => void)[] = [];
  const note = (level: string) => (fields: object, message: string) => {
    logged.push([level, fields, message]);
    heard.shift()?.();
  };
  const log: Log = { ...silentLog, warn: note('warn'), error: note('error') };
  const watch = await startMaintenanceWatch({ runtimes, stateDirectory, log, every });
  return { watch, file, logged, nextWord: () => new Promise<void>((resolve) => heard.push(resolve)) };
}

describe('held hosts', () => {
  test('are on disk when they were added or removed, and still there after a start', async () => {
    const { watch, file } = await watching([two()]);
    await watch.put([dev1, dev2]);
    assert.deepEqual(
      [watch.hosts(), await readMaintenance(file)],
      [
        [dev1, dev2],
        [dev1, dev2],
      ],
    );
    const changed = { ...dev1, ports: [80] };
    await watch.put([changed]);
    assert.deepEqual(await readMaintenance(file), [dev2, changed], 'a host is held once');
    await watch.remove(['dev2', 'unknown']);
    assert.deepEqual([watch.hosts(), await readMaintenance(file)], [[changed], [changed]]);
    await watch.stop();
  });

  test('must be out after a start during a change, and are not confirmed as out', async () => {
    const { watch } = await watching(
      [two()],
      [{ ...dev1, stage: 'leaving' }, { ...dev2, stage: 'entering' }, held('dev3', '10.0.0.3')],
    );
    const seen = watch.hosts().map(({ host, stage, outSince }) => [host, stage, outSince]);
    assert.deepEqual(seen, [
      ['dev1', 'out', undefined],
      ['dev2', 'out', undefined],
      ['dev3', 'out', 5],
    ]);
    await watch.stop();
  });

  test('stay unchanged if the file cannot be written', async () => {
    const { watch, file } = await watching([two()], [dev1]);
    rmSync(file.replace(/held\.json$/, ''), { recursive: true });
    await assert.rejects(watch.put([dev2]), { code: 'unwritable-state' });
    await assert.rejects(watch.remove(['dev1']), { code: 'unwritable-state' });
    assert.deepEqual(watch.hosts(), [dev1]);
    await watch.stop();
  });
});

describe('a damaged file', () => {
  test('is reported at the start, refused at each change and check, and used again once it is whole', async () => {
    const stateDirectory = temporaryDirectory();
    const file = maintenanceFile(stateDirectory);
    writeFileSync(file, '{');
    const errors: object[] = [];
    const log: Log = { ...silentLog, error: (fields) => errors.push(fields) };
    const fake = two();
    const watch = await startMaintenanceWatch({ runtimes: [fake], stateDirectory, log, every: 3600 });
    assert.match((errors[0] as { problem: string }).problem, /held\.json is damaged/);
    for (const act of [() => watch.put([dev1]), () => watch.remove(['dev1']), () => watch.checkNow(signal)])
      await assert.rejects(act, { code: 'damaged-state' });
    assert.deepEqual([readFileSync(file, 'utf8'), fake.asked, watch.hosts()], ['{', [], []]);
    await writeMaintenance(file, [dev2]);
    await watch.put([dev1]);
    assert.deepEqual(await readMaintenance(file), [dev2, dev1]);
    await writeMaintenance(file, []);
    await watch.checkNow(signal);
    const names = watch.hosts().map(({ host }) => host);
    assert.deepEqual(names, ['dev2', 'dev1'], 'once read, what counts is in memory');
    await watch.stop();
  });
});

describe('a check of held hosts', () => {
  test('reads no process if nothing is held, or everything held is being changed', async () => {
    const fake = two();
    const none = await watching([fake]);
    await none.watch.checkNow(signal);
    await none.watch.put([
      { ...dev1, stage: 'leaving' },
      { ...dev2, stage: 'entering' },
    ]);
    await none.watch.checkNow(signal);
    assert.deepEqual(fake.asked, []);
    await none.watch.stop();
  });

  test('disables again what was enabled, records it on disk, and logs the cause', async () => {
    const fake = two();
    const { watch, file, logged } = await watching([fake], [dev1, dev2]);
    fake.server('app/web2').admin = 0;
    await watch.checkNow(signal);
    assert.deepEqual(fake.changes(), ['set server app/web2 state maint']);
    const [first, second] = await readMaintenance(file);
    assert.deepEqual([first?.host, first?.breaks.length, first?.outSince], ['dev1', 0, 5]);
    assert.deepEqual([second?.host, second?.breaks.length], ['dev2', 1]);
    assert.deepEqual(watch.hosts()[1]?.breaks, second?.breaks);
    const [[level, fields, message] = []] = logged;
    assert.deepEqual([logged.length, level, (fields as { host: string }).host], [1, 'warn', 'dev2']);
    assert.match(message ?? '', /was put into traffic: it was taken out again/);
    await watch.stop();
  });

  test('leaves a host alone if a change of it began while HAProxy was read', async () => {
    const fake = two();
    const { watch } = await watching([fake], [dev1, dev2]);
    for (const name of ['app/web1', 'app/web2']) fake.server(name).admin = 0;
    fake.onCommand = (command) => command === 'show info' && watch.put([{ ...dev1, stage: 'entering' }]);
    await watch.checkNow(signal);
    assert.deepEqual(fake.changes(), ['set server app/web2 state maint']);
    assert.equal(watch.hosts().find(({ host }) => host === 'dev1')?.stage, 'entering');
    await watch.stop();
  });

  test('leaves alone the hosts that are being changed, next to one that is out', async () => {
    const fake = two(undefined, 0);
    const { watch } = await watching([fake], [dev1]);
    await watch.put([{ ...dev2, stage: 'leaving' }]);
    await watch.checkNow(signal);
    assert.deepEqual(fake.changes(), ['set server app/web1 state maint']);
    await watch.stop();
  });

  test('enables a line again that another address took over, though its name is that of the held host', async () => {
    const fake = fakeHaproxy({
      app: [
        { name: 'slot1', ip: '10.0.0.9', admin: 1, fqdn: 'dev1.net' },
        { name: 'dev1', ip: '10.0.0.2', admin: 1 },
      ],
    });
    const slot = { socket: fake.name, backend: 'app', server: 'dev1', address: '10.0.0.1:80', agent: false, total: 0 };
    const { watch } = await watching([fake], [{ ...dev1, addresses: [], fqdns: ['dev1.net'], lines: [slot] }]);
    await watch.checkNow(signal);
    assert.deepEqual(fake.changes(), ['set server app/dev1 state ready']);
    await watch.stop();
  });

  test('leaves a line in maintenance that belonged to one held host and now belongs to another', async () => {
    const fake = two();
    const earlier = {
      socket: fake.name,
      backend: 'app',
      server: 'web2',
      address: '10.0.0.1:80',
      agent: false,
      total: 0,
    };
    const { watch } = await watching([fake], [{ ...dev1, lines: [earlier] }, dev2]);
    await watch.checkNow(signal);
    assert.deepEqual(fake.changes(), []);
    await watch.remove(['dev2']);
    await watch.put([{ ...dev1, lines: [earlier] }]);
    await watch.checkNow(signal);
    assert.deepEqual(fake.changes(), ['set server app/web2 state ready'], 'nobody holds that host');
    await watch.stop();
  });

  test('keeps what a change of a host wrote while the host was being checked', async () => {
    const fake = two(undefined, 0);
    const { watch } = await watching([fake], [dev1]);
    fake.onCommand = async (command) => {
      if (command === 'set server app/web1 state maint') await watch.put([{ ...dev1, stage: 'entering' }]);
    };
    await watch.checkNow(signal);
    assert.deepEqual(watch.hosts(), [{ ...dev1, stage: 'entering' }]);
    await watch.stop();
  });

  test('identifies a process before it reads the servers', async () => {
    const fake = two();
    const { watch } = await watching([fake], [dev1]);
    await watch.checkNow(signal);
    assert.equal(fake.asked[0], 'show info');
    await watch.stop();
  });

  test('writes no file if only the time has passed, and does for another process', async () => {
    const fake = two();
    const { watch, file } = await watching([fake], [dev1]);
    await watch.checkNow(signal);
    writeFileSync(file, 'as it was');
    fake.info.uptime = 61;
    await watch.checkNow(signal);
    assert.equal(readFileSync(file, 'utf8'), 'as it was');
    assert.equal(watch.hosts()[0]?.processes['/run/fake.sock']?.uptime, 61);
    fake.info.pid = 101;
    await watch.checkNow(signal);
    assert.equal((await readMaintenance(file))[0]?.processes['/run/fake.sock']?.pid, 101);
    fake.info.started += 1;
    writeFileSync(file, 'as it was');
    await watch.checkNow(signal);
    assert.notEqual(readFileSync(file, 'utf8'), 'as it was');
    await watch.stop();
  });
});

describe('a check of held hosts when a process fails', () => {
  test('reads every process even if another does not reply, and reports the failure', async () => {
    const [broken, whole, last] = [two('/run/a'), two('/run/b', 0), two('/run/c', 0)];
    broken.onCommand = () => {
      throw new Problem('haproxy-unreachable', 'a cannot be reached');
    };
    const { watch } = await watching([broken, whole, last], [dev1]);
    await assert.rejects(watch.checkNow(signal), { code: 'haproxy-unreachable' });
    assert.deepEqual([whole.changes(), last.changes()].flat(), Array(2).fill('set server app/web1 state maint'));
    assert.equal(watch.hosts()[0]?.breaks.length, 2);
    await watch.stop();
  });

  test('reads every process even if a change of another is refused', async () => {
    const [refusing, whole] = [two('/run/a', 0), two('/run/b', 0)];
    refusing.lacks = 'set server';
    const { watch } = await watching([refusing, whole], [dev1]);
    await assert.rejects(watch.checkNow(signal), { code: 'haproxy-refused' });
    assert.deepEqual(whole.changes(), ['set server app/web1 state maint']);
    await watch.stop();
  });
});

describe('the watch', () => {
  test('begins with the first held host, and repeats', async () => {
    const fake = two(undefined, 0);
    const { watch, logged, nextWord } = await watching([fake], [], 0.001);
    for (const expected of [1, 2]) {
      const word = nextWord();
      if (expected === 1) await watch.put([dev1]);
      else fake.server('app/web1').admin = 0;
      await word;
      assert.equal(logged.length, expected);
    }
    await watch.stop();
    const asked = fake.asked.length;
    await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(fake.asked.length, asked, 'it has stopped');
  });

  test('ends once the check in progress has ended', async () => {
    const fake = two(undefined, 0);
    const { watch, logged } = await watching([fake], [dev1], 0.001);
    const [begun, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    fake.onCommand = async () => {
      begun.resolve();
      await answer.promise;
    };
    await begun.promise;
    let ended = false;
    const stopping = watch.stop().then(() => {
      ended = true;
    });
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(ended, false);
    answer.resolve();
    await stopping;
    assert.deepEqual([fake.changes(), logged], [[], []], 'that it ends is not a failure of HAProxy');
  });

  test('begins at the start if hosts are held', async () => {
    const { watch, nextWord, logged } = await watching([two(undefined, 0)], [dev1], 0.001);
    await nextWord();
    assert.equal(logged[0]?.[0], 'warn');
    await watch.stop();
  });

  test('reports once a HAProxy that stays away, and once more when it is away again', async () => {
    const fake = two();
    let away = true;
    let looks = 0;
    fake.onCommand = (command) => {
      if (command !== 'show info') return;
      looks++;
      if (away) throw new Problem('haproxy-unreachable', 'it cannot be reached');
    };
    const { watch, logged, nextWord } = await watching([fake], [dev1], 0.001);
    const more = async (count: number) => {
      const enough = looks + count;
      while (looks < enough) await new Promise((resolve) => setImmediate(resolve));
    };
    await nextWord();
    await more(3);
    assert.equal(logged.length, 1);
    away = false;
    await more(3);
    const word = nextWord();
    away = true;
    await word;
    await watch.stop();
    assert.deepEqual(
      logged.map(([level, , message]) => [level, message]),
      Array(2).fill(['warn', 'hosts that are held out could not be watched']),
    );
  });
});
