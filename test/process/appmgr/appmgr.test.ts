import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { startAppmgr } from '../../../src/agents/appmgr/agent.ts';
import type { ActionContext } from '../../../src/core/agent.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { actionContext, agentSetup } from '../../support/agents/agent-setup.ts';
import {
  release,
  startHealthServer,
  type TestApplication,
  testApplication,
} from '../../support/agents/appmgr/application.ts';
import { type ArchiveEntry, makeTar, makeTarGz } from '../../support/agents/appmgr/tar-archive.ts';

type Call = (input: JsonObject, context?: Partial<ActionContext>) => Promise<JsonObject>;

async function startOn(application: TestApplication, more: object = {}) {
  const agent = await startAppmgr(agentSetup(application.config(more)));
  const call =
    (action: string): Call =>
    (input, context = {}) =>
      (agent.handlers[action] as unknown as (i: JsonObject, c: ActionContext) => Promise<JsonObject>)(
        input,
        actionContext(context),
      );
  return { upgrade: call('upgrade'), status: call('status') };
}

/** A command that writes a line into a file, as a service would take up a release. */
function noting(file: string): string[] {
  return ['sh', '-c', `printf '%s %s\\n' "$MCO_REVISION" "$(readlink current)" >> ${file}`];
}

describe('upgrade', () => {
  test('unpacks, switches, reloads, and does nothing the second time', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    application.publish('20', release('20'));
    const notes = join(application.root, 'notes');
    const { upgrade, status } = await startOn(application, { reload: noting(notes) });
    assert.deepEqual(await upgrade({ revision: '10' }), {
      application: 'app',
      revision: '10',
      previous: '',
      changed: true,
    });
    const context = actionContext();
    assert.deepEqual(await upgrade({ revision: '20' }, context), {
      application: 'app',
      revision: '20',
      previous: '10',
      changed: true,
    });
    assert.ok(context.said.includes('switching from 10 to 20'));
    assert.equal(application.served(), 'revision 20');
    const before = statSync(join(application.root, '.appmgr.json')).ctimeMs;
    assert.equal((await upgrade({ revision: '20' })).changed, false);
    assert.equal(statSync(join(application.root, '.appmgr.json')).ctimeMs, before);
    assert.equal(readFileSync(notes, 'utf8'), '10 releases/10\n20 releases/20\n');
    const { since, ...now } = await status({ revision: '30' });
    assert.ok(Number(since) > 1_700_000_000_000, 'the node itself knows since when it serves');
    assert.deepEqual(now, {
      caller: 'cert=rip@devco.net',
      run: '',
      application: 'app',
      revision: '20',
      previous: '10',
      healthy: true,
      health: 'no health check is configured',
      releases: ['10', '20'],
      has_revision: false,
    });
    assert.equal((await status({ revision: '10' })).has_revision, true);
  });

  test('is refused while another upgrade of the same application runs', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    const { upgrade } = await startOn(application);
    const first = upgrade({ revision: '10' });
    await assert.rejects(upgrade({ revision: '10' }), { code: 'busy' });
    await first;
    assert.equal((await upgrade({ revision: '10' })).changed, false);
  });

  test('reports in a dry run what it would do, and touches nothing', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    application.publish('20', release('20'));
    const { upgrade } = await startOn(application);
    assert.equal((await upgrade({ revision: '10' }, { dryRun: true })).changed, true);
    assert.deepEqual(readdirSync(application.root), []);
    await upgrade({ revision: '10' });
    assert.deepEqual(await upgrade({ revision: '20' }, { dryRun: true }), {
      application: 'app',
      revision: '20',
      previous: '10',
      changed: true,
    });
    assert.equal((await upgrade({ revision: '10' }, { dryRun: true })).changed, false);
    assert.equal(application.current(), '10');
    await assert.rejects(upgrade({ revision: '30' }, { dryRun: true }), { code: 'unknown-revision' });
    writeFileSync(join(application.artifacts, 'app-20.tar.gz'), 'tampered');
    await assert.rejects(upgrade({ revision: '20' }, { dryRun: true }), { code: 'bad-checksum' });
  });

  test('lists the applications for an unknown one, or if none of several is named', async () => {
    const application = testApplication();
    const { upgrade } = await startOn(application);
    await assert.rejects(upgrade({ revision: '1', application: 'apq' }), { code: 'unknown-application', hint: /app/ });
    await assert.rejects(upgrade({ revision: '1', application: 'constructor' }), { code: 'unknown-application' });
    const config = { applications: { ...application.config().applications } };
    const paths = { root: application.root, artifacts: application.artifacts };
    const several = await startOn({
      ...application,
      config: () =>
        ({
          applications: { ...config.applications, b: { ...application.config().applications.app, ...paths } },
        }) as never,
    });
    await assert.rejects(several.upgrade({ revision: '1' }), { code: 'unknown-application', hint: 'name one: app, b' });
  });

  test('sets the right modes under any umask', async () => {
    const application = testApplication();
    application.publish('10', [
      { path: 'bin/deep/run', mode: 0o775, content: '#!' },
      { path: 'empty', type: '5', mode: 0o700 },
      { path: 'now', type: '2', target: 'bin/deep' },
    ]);
    const before = process.umask(0o077);
    try {
      await (await startOn(application)).upgrade({ revision: '10' });
    } finally {
      process.umask(before);
    }
    const mode = (path: string) => lstatSync(join(application.root, path)).mode & 0o7777;
    assert.deepEqual(
      ['releases', 'releases/10', 'releases/10/bin', 'releases/10/bin/deep/run', 'releases/10/empty'].map(mode),
      [0o755, 0o755, 0o755, 0o755, 0o700],
    );
    assert.equal(readFileSync(join(application.root, 'current', 'now', 'run'), 'utf8'), '#!');
  });
});

describe('upgrade with releases on the disk', () => {
  test('reuses an unpacked release, with or without its artifact', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    application.publish('20', release('20'));
    const { upgrade } = await startOn(application);
    await upgrade({ revision: '10' });
    await upgrade({ revision: '20' });
    rmSync(join(application.artifacts, 'app-10.tar.gz'));
    const context = actionContext();
    assert.equal((await upgrade({ revision: '10' }, context)).previous, '20');
    assert.ok(!context.said.some((line) => line.startsWith('unpacking')));
    assert.equal(application.served(), 'revision 10');
  });

  for (const [what, empty] of [
    ['missing', false],
    ['empty', true],
  ] as const) {
    test(`brings back the release that serves if its directory is ${what}, and reports it as not healthy meanwhile`, async () => {
      const application = testApplication();
      application.publish('20', release('20'));
      const { upgrade, status } = await startOn(application);
      await upgrade({ revision: '20' });
      const directory = join(application.root, 'releases', '20');
      rmSync(directory, { recursive: true });
      if (empty) mkdirSync(directory);
      const { healthy, health } = await status({});
      assert.deepEqual([healthy, health], [false, `the directory ${directory} is missing or empty`]);
      assert.equal((await upgrade({ revision: '20' }, { dryRun: true })).changed, true);
      assert.equal((await upgrade({ revision: '20' })).changed, true);
      assert.deepEqual([application.served(), (await status({})).healthy], ['revision 20', true]);
    });
  }

  test('unpacks again what was published again, but never under the running service', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    application.publish('20', release('broken'));
    const { upgrade } = await startOn(application);
    await upgrade({ revision: '20' });
    await upgrade({ revision: '10' });
    application.publish('20', release('20'));
    await upgrade({ revision: '20' });
    assert.equal(application.served(), 'revision 20');
    application.publish('20', release('another'));
    const state = join(application.root, '.appmgr.json');
    writeFileSync(
      state,
      readFileSync(state, 'utf8')
        .replace('"confirmed":"20"', '"confirmed":"10"')
        .replace('"pending":""', '"pending":"20"'),
    );
    await assert.rejects(upgrade({ revision: '20' }), { code: 'revision-changed' });
    assert.equal(application.served(), 'revision 20');
  });

  test('does not trust a release that was never marked as whole', async () => {
    const application = testApplication();
    application.publish('20', release('20'));
    mkdirSync(join(application.root, 'releases', '20'), { recursive: true });
    writeFileSync(join(application.root, 'releases', '20', 'index.html'), 'half');
    const { upgrade } = await startOn(application);
    await upgrade({ revision: '20' });
    assert.equal(application.served(), 'revision 20');
  });

  test('keeps every good release however many bad ones come, and only the last of the bad ones', async () => {
    const application = testApplication();
    for (let revision = 10; revision < 20; revision++) application.publish(String(revision), release(String(revision)));
    const after = ['sh', '-c', 'test "$MCO_REVISION" -lt 13'];
    const { upgrade } = await startOn(application, { keep: 3, hooks: { after } });
    for (const revision of ['10', '11', '12']) await upgrade({ revision });
    for (let revision = 13; revision < 18; revision++) {
      await assert.rejects(upgrade({ revision: String(revision) }), { code: 'unhealthy-release' });
    }
    const placed = () => readdirSync(join(application.root, 'releases')).filter((name) => !name.startsWith('.'));
    assert.deepEqual(placed().sort(), ['10', '11', '12', '17']);
    assert.equal(application.current(), '12');
  });

  test('keeps as many releases as configured, and never removes the previous one', async () => {
    const application = testApplication();
    const { upgrade, status } = await startOn(application, { keep: 2 });
    for (const revision of ['1', '2', '3', '4']) {
      application.publish(revision, release(revision));
      await upgrade({ revision });
    }
    assert.deepEqual((await status({})).releases, ['3', '4']);
    assert.deepEqual(readdirSync(join(application.root, 'releases')).sort(), ['.3.json', '.4.json', '3', '4']);
    assert.deepEqual(readdirSync(join(application.root, '.staging')), []);
  });
});

async function broken(more: object = {}, revisionThatFails = '20') {
  const application = testApplication();
  for (const revision of ['10', '20', '30']) application.publish(revision, release(revision));
  const health = await startHealthServer(() =>
    application.current() === revisionThatFails
      ? { status: 500, body: '\n  database\u001b[31m is down\nmore' }
      : { status: 200 },
  );
  const notes = join(application.root, 'notes');
  const agent = await startOn(application, {
    reload: noting(notes),
    health: { url: health.url, timeout: 1 },
    ...more,
  });
  return { application, health, notes, ...agent };
}

describe('a release that is not healthy', () => {
  test('is replaced by the previous one, twice the same way, and the reason is reported', async () => {
    const { application, health, notes, upgrade, status } = await broken();
    await upgrade({ revision: '10' });
    for (let time = 0; time < 2; time++) {
      await assert.rejects(upgrade({ revision: '20' }), {
        code: 'unhealthy-release',
        message: /revision 20 of “app” did not come up: .* gave status 500: “database \[31m is down”; went back to 10$/,
      });
      assert.equal(application.current(), '10');
    }
    assert.equal(readFileSync(notes, 'utf8').trim().split('\n').at(-1), '10 releases/10');
    assert.equal((await status({})).healthy, true);
    assert.deepEqual(await upgrade({ revision: '10' }), {
      application: 'app',
      revision: '10',
      previous: '10',
      changed: false,
    });
    assert.equal((await upgrade({ revision: '30' })).previous, '10');
    await health.stop();
  });

  test('stays if so configured, and is completed when it has become healthy', async () => {
    const { application, health, upgrade, status } = await broken({ on_failure: 'stay' });
    await upgrade({ revision: '10' });
    await assert.rejects(upgrade({ revision: '20' }), {
      code: 'unhealthy-release',
      message: /it stays, because the configuration says so$/,
    });
    assert.equal(application.current(), '20');
    assert.deepEqual((({ healthy, health: words }) => ({ healthy, words }))(await status({})), {
      healthy: false,
      words: 'status 500: “database [31m is down”',
    });
    assert.equal((await upgrade({ revision: '10' })).changed, true);
    await health.stop();
  });

  test('stays if there was none before', async () => {
    const { application, health, upgrade } = await broken();
    await assert.rejects(upgrade({ revision: '20' }), {
      code: 'unhealthy-release',
      message: /; it stays, because there was no release before$/,
    });
    assert.equal(application.current(), '20');
    await health.stop();
  });

  test('is reverted when the call is cancelled half-way', async () => {
    const application = testApplication();
    for (const revision of ['10', '20']) application.publish(revision, release(revision));
    const health = await startHealthServer(() => (application.current() === '20' ? { status: 503 } : { status: 200 }));
    const { upgrade } = await startOn(application, { health: { url: health.url, timeout: 60 } });
    await upgrade({ revision: '10' });
    const abort = new AbortController();
    const progress = (line: string) => {
      if (line.startsWith('waiting')) abort.abort();
    };
    await assert.rejects(upgrade({ revision: '20' }, { signal: abort.signal, progress }), { code: 'cancelled' });
    assert.equal(application.current(), '10');
    await health.stop();
  });

  test('is never activated when the hook before it fails', async () => {
    const { application, health, upgrade } = await broken({
      hooks: { before: ['sh', '-c', 'test "$MCO_PREVIOUS" = "" || exit 1; test -f index.html'] },
    });
    await upgrade({ revision: '10' });
    await assert.rejects(upgrade({ revision: '30' }), { code: 'hook-failed' });
    assert.equal(application.current(), '10');
    await health.stop();
  });
});

describe('a release that fails its checks', () => {
  test('is detected if its service accepts and never replies, or nothing listens', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    const silent = await startHealthServer(() => undefined);
    const hung = await startOn(application, { health: { url: silent.url, timeout: 0.3 } });
    await assert.rejects(hung.upgrade({ revision: '10' }), { code: 'unhealthy-release', message: /no answer in time/ });
    await silent.stop();
    const gone = await startOn(application, { health: { url: silent.url, timeout: 0.3 } });
    await assert.rejects(gone.upgrade({ revision: '10' }), {
      code: 'unhealthy-release',
      message: /connection refused/,
    });
  });

  test('is detected if another release replies, or it is healthy only for a moment', async () => {
    const application = testApplication();
    for (const revision of ['10', '20']) application.publish(revision, release(revision));
    let asked = 0;
    const health = await startHealthServer(() => {
      asked += 1;
      return application.current() === '20' && asked % 2 === 0 ? { status: 500 } : { status: 200, body: 'I am 10.' };
    });
    const check = { url: health.url, timeout: 1 };
    const named = await startOn(application, { health: { ...check, body: 'I am {revision}.' } });
    await named.upgrade({ revision: '10' });
    await assert.rejects(named.upgrade({ revision: '20' }), {
      code: 'unhealthy-release',
      message: /status (200 without “I am 20.”: “I am 10.”|500); went back to 10$/,
    });
    assert.equal((await named.status({})).healthy, true);
    const steady = await startOn(application, { health: { ...check, steady: 0.3 } });
    await assert.rejects(steady.upgrade({ revision: '20' }), { code: 'unhealthy-release' });
    await health.stop();
  });

  test('is detected if its reload fails, is missing, or does not end', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    for (const [reload, words, reload_timeout] of [
      [['sh', '-c', 'echo no such pool >&2; exit 3'], /the reload \(sh .*failed with exit code 3: “no such pool”/, 60],
      [['/nonexistent'], /the reload \(\/nonexistent\) failed: the program does not exist; it stays/, 60],
      [['sleep', '60'], /did not end within 0.2 s/, 0.2],
    ] as const) {
      const { upgrade } = await startOn(application, { reload: [...reload], reload_timeout });
      await assert.rejects(upgrade({ revision: '10' }), { code: 'unhealthy-release', message: words });
    }
  });
});

describe('bad input', () => {
  const archives: [string, ArchiveEntry[] | Buffer, string][] = [
    ['climbs out', [{ path: '../../evil', content: 'x' }], 'unsafe-archive'],
    ['has an absolute path', [{ path: '/tmp/evil', content: 'x' }], 'unsafe-archive'],
    ['has a link out', [{ path: 'l', type: '2', target: '../../..' }], 'unsafe-archive'],
    [
      'writes through a link',
      [
        { path: 'l', type: '2', target: '/tmp' },
        { path: 'l/evil', content: 'x' },
      ],
      'unsafe-archive',
    ],
    ['has a device', [{ path: 'null', type: '3' }], 'unsafe-archive'],
    ['has a pipe', [{ path: 'pipe', type: '6' }], 'unsafe-archive'],
    ['has a setuid file', [{ path: 'su', mode: 0o4755, content: 'x' }], 'unsafe-archive'],
    ['is cut off', makeTarGz([{ path: 'a', content: 'x'.repeat(5000) }]).subarray(0, 60), 'bad-archive'],
    [
      'is cut off inside the tar',
      gzipSync(makeTar([{ path: 'a', content: 'x'.repeat(5000) }]).subarray(0, 2000)),
      'bad-archive',
    ],
    ['is not an archive', Buffer.from('hello'), 'bad-archive'],
    ['is empty', Buffer.alloc(0), 'bad-archive'],
    ['is a bomb', makeTarGz([{ path: 'zero', content: Buffer.alloc(5_000_000) }]), 'archive-too-large'],
    ['has too many entries', Array.from({ length: 20 }, (_, index) => ({ path: `f${index}` })), 'archive-too-large'],
  ];
  for (const [what, entries, code] of archives) {
    test(`an archive that ${what} is refused, and leaves nothing`, async () => {
      const application = testApplication();
      application.publish('10', release('10'));
      application.publish('20', entries);
      const { upgrade } = await startOn(application, { max_size: 1_000_000, max_entries: 10 });
      await upgrade({ revision: '10' });
      await assert.rejects(upgrade({ revision: '20' }), { code });
      assert.equal(application.served(), 'revision 10');
      assert.deepEqual(readdirSync(join(application.root, '.staging')), []);
      assert.deepEqual(readdirSync(join(application.root, 'releases')).sort(), ['.10.json', '10']);
      for (const place of ['/tmp/evil', join(application.root, 'evil'), join(application.root, '..', 'evil')]) {
        assert.equal(existsSync(place), false);
      }
    });
  }

  test('an invalid revision is refused even if the DDL is bypassed', async () => {
    const application = testApplication();
    const { upgrade, status } = await startOn(application);
    for (const revision of ['../x', '-x', 'a\nb', 'a\0b', '.', '..', '']) {
      await assert.rejects(upgrade({ revision }), { code: 'bad-revision' }, JSON.stringify(revision));
      await assert.rejects(status({ revision }), { code: 'bad-revision' }, JSON.stringify(revision));
    }
    assert.deepEqual(readdirSync(application.root), []);
  });

  test('refuses a missing root, a “current” that is not a link or points elsewhere, and a “releases” that is a link', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    const { upgrade } = await startOn(application);
    const current = join(application.root, 'current');
    for (const target of ['/etc', '../x', 'releases/../..', 'releases/.x']) {
      symlinkSync(target, current);
      await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-layout' }, target);
      rmSync(current);
    }
    mkdirSync(current);
    await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-layout' });
    rmSync(current, { recursive: true });
    symlinkSync('/tmp', join(application.root, 'releases'));
    await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-layout' });
    rmSync(application.root, { recursive: true });
    await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-layout' });
    assert.equal(existsSync(application.root), false);
  });

  test('refuses a state file that a person damaged', async () => {
    const application = testApplication();
    application.publish('10', release('10'));
    const { upgrade } = await startOn(application);
    for (const text of ['', '{', '[]', '{"confirmed":"../x","before":"","pending":""}']) {
      writeFileSync(join(application.root, '.appmgr.json'), text);
      await assert.rejects(upgrade({ revision: '10' }), { code: 'bad-state' }, text);
    }
    chmodSync(join(application.root, '.appmgr.json'), 0o600);
  });
});
