import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { startAppmgr } from '../../../src/agents/appmgr/agent.ts';
import type { ActionContext } from '../../../src/core/agent.ts';
import type { JsonObject } from '../../../src/core/json.ts';
import { actionContext, agentSetup, temporaryDirectory } from '../../support/agents/agent-setup.ts';
import {
  appmgrConfig,
  release,
  startHealthServer,
  type TestApplication,
  testApplication,
} from '../../support/agents/appmgr/application.ts';

import { appmgrOn } from '../../support/agents/appmgr/appmgr.ts';
import { somePoints } from '../../support/points.ts';

const child = join(import.meta.dirname, '../../support/agents/appmgr/appmgr-child.ts');

interface Ended {
  readonly lines: readonly string[];
  readonly killed: boolean;
}

/** Runs an action in its own process, killed at `when`. */
async function runInChild(
  config: object,
  action: string,
  input: object,
  when: string,
  stateDirectory = temporaryDirectory(),
): Promise<Ended> {
  const argv = [child, JSON.stringify(config), action, JSON.stringify(input), when, stateDirectory];
  const running = spawn(process.execPath, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  const [output, [, signal]] = await Promise.all([text(running.stdout), once(running, 'exit')]);
  return { lines: output.trim().split('\n'), killed: signal === 'SIGKILL' };
}

const upgradeInChild = (config: object, revision: string, when: string) =>
  runInChild(config, 'upgrade', { revision }, when);

/** The changes of the file system by an action that was not killed, as numbers from 0. */
function stepsOf({ lines }: Ended): number[] {
  return countTo((JSON.parse(lines.at(-1) ?? '') as { steps: number }).steps);
}

const countTo = (count: number) => Array.from({ length: count }, (_, step) => step);

async function upgradeHere(config: Parameters<typeof startAppmgr>[0]['config'], revision: string): Promise<JsonObject> {
  const { handlers } = await startAppmgr(agentSetup(config));
  const upgrade = handlers.upgrade as unknown as (input: JsonObject, context: ActionContext) => Promise<JsonObject>;
  return upgrade({ revision }, actionContext());
}

/** Release 20 is large enough for its unpacking to take a while. */
function estate(): TestApplication {
  const application = testApplication();
  application.publish('10', [...release('10'), { path: 'last', content: '10' }]);
  const many = Array.from({ length: 150 }, (_, index) => ({ path: `files/${index}`, content: 'x'.repeat(2000) }));
  application.publish('20', [...release('20'), ...many, { path: 'last', content: '20' }]);
  return application;
}

/** Whatever serves is a whole release. */
function assertWhole(application: TestApplication): string {
  const current = application.current() ?? '';
  assert.ok(current === '10' || current === '20', `current is “${current}”`);
  assert.equal(application.served(), `revision ${current}`);
  assert.equal(readFileSync(join(application.root, 'current', 'last'), 'utf8'), current);
  return current;
}

function assertFinished(application: TestApplication): void {
  assert.equal(assertWhole(application), '20');
  assert.deepEqual(readdirSync(join(application.root, '.staging')), []);
  assert.equal(readdirSync(join(application.root, 'releases', '20', 'files')).length, 150);
}

describe('a daemon that is killed in an upgrade', () => {
  test('leaves a whole release at each step, and the next call finishes the work', async () => {
    const plain = estate();
    const health = await startHealthServer(() => ({ status: 200 }));
    const more = { reload: ['true'], health: { url: health.url, timeout: 5 } };
    await upgradeHere(plain.config(more), '10');
    const { lines } = await upgradeInChild(plain.config(more), '20', 'never');
    const steps = lines.length - 1;
    assert.equal(steps, 5, lines.join('; '));
    const seen = new Set<string>();
    for (const step of somePoints(countTo(steps))) {
      const application = estate();
      const config = application.config(more);
      await upgradeHere(config, '10');
      assert.ok((await upgradeInChild(config, '20', `said:${step}`)).killed, lines[step]);
      seen.add(assertWhole(application));
      const result = await upgradeHere(config, '20');
      assert.deepEqual(result, { application: 'app', revision: '20', previous: '10', changed: true }, lines[step]);
      assertFinished(application);
      assert.equal((await upgradeHere(config, '20')).changed, false);
    }
    assert.deepEqual([...seen].sort(), ['10', '20']);
    await health.stop();
  });

  test('leaves a whole release before each single change of the file system, and the next call finishes the work', async () => {
    const small = () => {
      const application = testApplication();
      for (const revision of ['10', '20']) application.publish(revision, release(revision));
      return application;
    };
    const plain = small();
    await upgradeHere(plain.config(), '10');
    const steps = stepsOf(await upgradeInChild(plain.config(), '20', 'never'));
    assert.ok(steps.length >= 10, `${steps.length} steps`);
    const seen = new Set<string>();
    const killAt = async (step: number) => {
      const application = small();
      const config = application.config();
      await upgradeHere(config, '10');
      assert.ok((await upgradeInChild(config, '20', `step:${step}`)).killed, `step ${step}`);
      const current = application.current() ?? '';
      assert.equal(application.served(), `revision ${current}`);
      seen.add(current);
      assert.equal((await upgradeHere(config, '20')).previous, '10', `step ${step}`);
      assert.equal(application.served(), 'revision 20');
      assert.deepEqual(readdirSync(join(application.root, '.staging')), []);
    };
    for (const step of somePoints(steps)) await killAt(step);
    assert.deepEqual([...seen].sort(), ['10', '20']);
  });

  test('leaves a whole release before each single change of a rollback, and the next call finishes the work', async () => {
    const at20 = async () => {
      const application = testApplication();
      for (const revision of ['10', '20']) {
        application.publish(revision, release(revision));
        await upgradeHere(application.config(), revision);
      }
      return application;
    };
    const steps = stepsOf(await runInChild((await at20()).config(), 'rollback', { from: '20' }, 'never'));
    assert.ok(steps.length >= 3, `${steps.length} steps`);
    const killAt = async (step: number) => {
      const application = await at20();
      const ended = await runInChild(application.config(), 'rollback', { from: '20' }, `step:${step}`);
      assert.ok(ended.killed, `step ${step}`);
      assert.equal(application.served(), `revision ${application.current()}`);
      await upgradeHere(application.config(), '10');
      assert.equal(application.served(), 'revision 10');
    };
    await Promise.all(somePoints(steps).map(killAt));
  });

  test('runs the user’s own deploy command again at the next call if it was killed during that', async () => {
    const stateDirectory = temporaryDirectory();
    const log = join(stateDirectory, 'log');
    const command = ['sh', '-c', `echo "$MCO_REVISION" >> ${log}`];
    const config = appmgrConfig({ applications: { app: { deploy: { command } } } });
    const { upgrade } = await appmgrOn(config, { stateDirectory });
    const deployed = () => readFileSync(log, 'utf8').trim().split('\n').at(-1);
    const steps = stepsOf(await runInChild(config, 'upgrade', { revision: '10' }, 'never', stateDirectory));
    for (const step of somePoints(steps)) {
      const revision = String(20 + step);
      assert.ok(
        (await runInChild(config, 'upgrade', { revision }, `step:${step}`, stateDirectory)).killed,
        `step ${step}`,
      );
      assert.equal((await upgrade({ revision })).changed, true);
      assert.equal(deployed(), revision);
      assert.equal((await upgrade({ revision })).changed, false);
    }
  });

  test('still knows which release to go back to if it was killed while a release was bad', async () => {
    const application = estate();
    const health = await startHealthServer(() => ({ status: application.current() === '20' ? 500 : 200 }));
    const config = application.config({ reload: ['true'], health: { url: health.url, timeout: 0.3 } });
    await upgradeHere(config, '10');
    assert.ok((await upgradeInChild(config, '20', 'said:4')).killed);
    assert.equal(application.current(), '20');
    await assert.rejects(upgradeHere(config, '20'), { code: 'unhealthy-release', message: /went back to 10$/ });
    assert.equal(application.current(), '10');
    await health.stop();
  });

  test('leaves the old release if it was killed while a configured command hangs', async () => {
    const application = estate();
    await upgradeHere(application.config(), '10');
    const config = application.config({ hooks: { before: ['sleep', '0.5'] } });
    assert.ok((await upgradeInChild(config, '20', 'said:2')).killed);
    assert.equal(assertWhole(application), '10');
    await upgradeHere(application.config(), '20');
    assertFinished(application);
  });
});

describe('a full disk', () => {
  test('refuses the release, before or in the middle, and the old one keeps serving', async () => {
    const directory = temporaryDirectory();
    const disk = join(directory, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,nr_inodes=60', 'tmpfs', disk]);
    try {
      const application = testApplication(directory);
      const root = join(disk, 'root');
      mkdirSync(root);
      const config = application.config({ root });
      application.publish('10', release('10'));
      application.publish('20', [...release('20'), { path: 'large', content: Buffer.alloc(3_000_000) }]);
      // Two gzip members: the last one declares a small size, so that only writing finds out.
      const lying = Buffer.concat([readFileSync(join(application.artifacts, 'app-20.tar.gz')), emptyMember]);
      application.publish('30', lying);
      application.publish(
        '40',
        Array.from({ length: 80 }, (_, index) => ({ path: `f${index}`, content: 'x' })),
      );
      await upgradeHere(config, '10');
      for (const revision of ['20', '30', '40']) {
        const message = revision === '40' ? /no inode left/ : /bytes|no space left/;
        await assert.rejects(upgradeHere(config, revision), { code: 'no-space', message }, revision);
        assert.equal(readFileSync(join(root, 'current', 'index.html'), 'utf8'), 'revision 10');
        assert.deepEqual(readdirSync(join(root, '.staging')), []);
        assert.deepEqual(readdirSync(join(root, 'releases')).sort(), ['.10.json', '10']);
      }
    } finally {
      execFileSync('umount', [disk]);
    }
  });
});

const emptyMember = Buffer.from('H4sIAAAAAAAAAwMAAAAAAAAAAAA=', 'base64');
