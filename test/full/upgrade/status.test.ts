import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Lab, startLab } from '../../support/lab/lab.ts';
import { assertFits } from '../../support/program/output-schema.ts';

describe('status', () => {
  let lab: Lab;
  before(async () => {
    lab = await startLab();
  });
  after(() => lab.stop());

  test('status shows what is out of rotation, since when and who took it out; locks shows that nothing is held', async () => {
    const before = await lab.client(['status']);
    assert.equal(before.code, 0, before.stderr);
    assert.match(
      before.stdout,
      /^CLUSTER +NODE +RELEASE +HEALTHY +IN TRAFFIC +SINCE +BY +RUN\nalfa +dev1\.devco\.net +10 +yes +yes\n/,
    );
    assert.match(before.stdout, /\nall servers take traffic\n$/);
    const disabled = await lab.client(['rpc', 'haproxy', 'disable', 'backend=app', 'server=dev2.devco.net']);
    assert.equal(disabled.code, 0, disabled.stdout + disabled.stderr);
    const after = await lab.client(['status']);
    assert.equal(after.code, 0, after.stderr);
    assert.match(
      after.stdout,
      /\nbravo +dev2\.devco\.net +10 +yes +NO\n(.*\n)*out of traffic:\n {2}dev2\.devco\.net {3}lb1\.devco\.net {3}MAINT in app {3}since 20\S+Z by cert=rip@devco\.net\n$/,
    );
    await lab.client(['rpc', 'haproxy', 'enable', 'backend=app', 'server=dev2.devco.net']);
    const upgraded = await lab.client(['upgrade', '--cluster', 'bravo', '--rev', '20', '--no-notify']);
    assert.equal(upgraded.code, 0, upgraded.stderr);
    // The nodes themselves know who brought what: the journals of the host that did so are not needed.
    const elsewhere = await lab.client(['status', '-F', 'cluster=bravo'], {
      env: { XDG_STATE_HOME: '/tmp/elsewhere' },
    });
    assert.match(
      elsewhere.stdout,
      /\nbravo +dev2\.devco\.net +20 +yes +yes +\d+[sm] ago +rip@devco\.net +[0-9a-f]{8}\n(.*\n){3}all servers take traffic\n$/,
    );
    const json = JSON.parse((await lab.client(['status', '-o', 'json'])).stdout) as {
      mixed: unknown[];
      nodes: unknown[];
    };
    assertFits('status', json);
    assert.deepEqual(json.mixed, [], 'a release a cluster');
    const locks = await lab.client(['locks']);
    assert.equal(locks.code, 0, locks.stderr);
    assert.equal(locks.stdout, 'no lease is held\n');
    const none = await lab.client(['locks', 'break', 'app/bravo']);
    assert.deepEqual([none.code, none.stdout], [1, 'nobody holds app/bravo: nothing was changed\n']);
  });

  test('status --watch prints again when something has changed, and only then', async () => {
    const stop = new AbortController();
    let shown = '';
    const tables = () => shown.split('CLUSTER ').length - 1;
    const waiting: { readonly until: () => boolean; readonly done: () => void }[] = [];
    const until = (what: () => boolean) =>
      new Promise<void>((resolve) => {
        waiting.push({ until: what, done: resolve });
      });
    const onStdout = (text: string) => {
      shown += text;
      for (const one of waiting) if (one.until()) one.done();
    };
    const first = until(() => shown.includes('all servers take traffic'));
    const second = until(() => shown.includes('out of traffic:'));
    const watching = lab.client(['status', '--watch'], { signal: stop.signal, onStdout });
    await first;
    // The load balancer records each of its checks: there are several, and nothing new.
    const looks = (await lab.audit('lb1')).filter(
      ({ kind, action }) => kind === 'intent' && action === 'status',
    ).length;
    await lab.calls('lb1', 'haproxy', 'status', looks + 2);
    assert.equal(tables(), 1);
    await lab.client(['rpc', 'haproxy', 'disable', 'backend=app', 'server=dev2.devco.net']);
    await second;
    stop.abort();
    assert.equal((await watching).code, 0);
    assert.equal(tables(), 2);
    assert.match(shown, /\n\n\d\d:\d\d:\d\d\nCLUSTER .*\n(.*\n)*bravo +dev2\.devco\.net +[12]0 +yes +NO/);
  });
});
